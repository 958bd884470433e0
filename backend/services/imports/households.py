"""Households on their way in: the roster, changes of residence, and sensitive tags."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from backend import problems
from backend.crypto import vault
from backend.permissions import Verb
from backend.rules.audit import Action
from backend.rules.households import TAG_DAYS, TAG_KINDS, ResidenceStatus
from backend.services import audit, households
from backend.services.imports.ground import Grid, Grids, Households, Known
from backend.services.imports.roster import CHUNK, Roster, Wrong
from backend.services.runs import Progress
from backend.sheets.columns import Row
from backend.sheets.values import group_key
from models import imports

_EDIT = """UPDATE household SET version = version + 1, code = coalesce($2, code), group_name = coalesce($3, group_name),
  head_sealed = coalesce($4, head_sealed), head_masked = coalesce($5, head_masked), phone_sealed = coalesce($6, phone_sealed),
  phone_index = coalesce($7, phone_index), phone_index_version = coalesce($8, phone_index_version),
  address_sealed = coalesce($9, address_sealed) WHERE id = $1"""
_SEALED = ("head_sealed", "head_masked", "phone_sealed", "phone_index", "phone_index_version", "address_sealed")


class HouseholdsRoster(Roster):
    """The roster of households. Who is meant is decided for all rows before anything is compared, so that a household
    whose head has changed is found by its telephone only if no other row names it."""

    kind, verb = "households", Verb.HOUSEHOLD_CREATE

    async def load(self) -> None:
        self.grids = await Grids.of(self.viewer, self.verb)
        self.there = await Households.of(self.grids, self.today, lock=self.lock)
        self.meant: dict[int, Known | None] = {}
        self.said: dict[int, Wrong] = {}
        self.new: dict[tuple[Any, ...], int] = {}
        self.created: list[tuple[UUID, Row, Grid]] = []
        self.edits: list[tuple[Known, dict[str, Any]]] = []
        self.moves: list[tuple[Known, Grid, str]] = []
        self.tiers: list[tuple[Known, str | None]] = []
        for row in self.parsed.rows:
            try:
                self.meant[row.number] = found = self.there.find(row.values, self.grids)
                if found is not None and found.row is None:
                    found.row = row.number
            except Wrong as wrong:
                self.said[row.number] = wrong
        for row in self.parsed.rows:
            if self.meant.get(row.number, self) is None:
                found = self.there.by_telephone(row.values, self.grids)
                if found is not None:
                    found.row, self.meant[row.number] = row.number, found
        codes = [row.values["code"] for row in self.parsed.rows if "code" in row.values]
        #: How a group is written in a village: as it is there already, or in the first row that names it.
        self.spelt: dict[tuple[str, str], str] = {}
        for known in self.there.all:
            name = known.record["group_name"]
            self.spelt.setdefault((known.grid.village_key, group_key(name)), name)
        self.taken = set(await imports.codes_elsewhere(codes, [known.id for known in self.there.all]))

    def decide(self, row: Row) -> str:
        if row.number in self.said:
            raise self.said[row.number]
        values, known = row.values, self.meant[row.number]
        if values.get("code") in self.taken:
            raise Wrong("code", "这个户号已属于别处的一户，请换一个。", "household.code")
        grid = self.grids.find(values)
        if known is None:
            return self._open(row, grid)
        if known.row != row.number:
            raise Wrong("head_name", f"第 {known.row} 行已经写了这一户，请只留一行。", "row.duplicate")
        return self._compare(known, values, grid)

    def _open(self, row: Row, grid: Grid | None) -> str:
        values = row.values
        if grid is None:
            raise Wrong("micro_grid", "这个村有几个微网格，请填是哪一个。", "cell.required")
        opened_on = values.get("opened_on", self.today)
        if opened_on > self.today:
            raise Wrong("opened_on", "列入日期不能在将来。", "cell.date")
        keys: list[tuple[Any, ...]] = [("code", values["code"])] if "code" in values else []
        keys.append(
            (grid.village_key, group_key(values["group"]), values["head_name"], values.get("phone"), values.get("code"))
        )
        for key in keys:
            if key in self.new:
                raise Wrong(
                    "head_name",
                    f"和第 {self.new[key]} 行像是同一户；真是两户的，请用户号或联系电话分清。",
                    "row.duplicate",
                )
        self.new.update(dict.fromkeys(keys, row.number))
        values["group"] = self.spelt.setdefault((grid.village_key, group_key(values["group"])), values["group"])
        self.created.append((uuid4(), row, grid))
        return "new"

    def _compare(self, known: Known, values: Mapping[str, Any], grid: Grid | None) -> str:
        record, changes = known.record, {}
        if values["head_name"] != known.head:
            changes["head_name"] = values["head_name"]
        if "phone" in values and values["phone"] != known.opened("phone"):
            changes["phone"] = values["phone"]
        if "address" in values and values["address"] != known.opened("address"):
            changes["address"] = values["address"]
        if group_key(values["group"]) != group_key(record["group_name"]):
            changes["group_name"] = values["group"]
        if "code" in values and values["code"] != record["code"]:
            changes["code"] = values["code"]
        if changes:
            self.edits.append((known, changes))
        residence = values.get("residence", record["residence"])
        moved = (grid is not None and "micro_grid" in values and grid.id != known.grid.id) or residence != record[
            "residence"
        ]
        if moved:
            self.moves.append((known, grid or known.grid, residence))
        retiered = "tier" in values and values["tier"] != record["tier"]
        if retiered:
            self.tiers.append((known, values["tier"]))
        return "changed" if changes or moved or retiered else "same"

    async def write(self, progress: Progress) -> None:
        await progress.begin("writing", len(self.created) + len(self.edits) + len(self.moves) + len(self.tiers))
        await self._create(progress)
        for start in range(0, len(self.edits), CHUNK):
            await self._edit(self.edits[start : start + CHUNK])
            await progress.advance(len(self.edits[start : start + CHUNK]))
        for known, grid, residence in self.moves:
            body = {
                "status": residence,
                "micro_grid_id": grid.id if grid.id != known.grid.id else None,
                "from_": max(self.today, known.record["opened_on"]),
                "replace_planned": False,
            }
            await households.change_residence(self.viewer, known.id, body)
            await progress.advance(1)
        for known, tier in self.tiers:
            await households.change_tier(
                self.viewer, known.id, _tier_body(tier, max(self.today, known.record["opened_on"]))
            )
            await progress.advance(1)

    async def _create(self, progress: Progress) -> None:
        """Write the new ones. While the database takes some, the next are being sealed: both take equally long."""
        size = CHUNK * 4
        ahead = asyncio.create_task(asyncio.to_thread(self._sealed, self.created[:size]))
        for start in range(0, len(self.created), size):
            rows, homes, tiers = await ahead
            following = self.created[start + size : start + 2 * size]
            ahead = asyncio.create_task(asyncio.to_thread(self._sealed, following))
            await imports.copy("household", ("id", "code", "group_name", *_SEALED, "opened_on"), rows)
            await imports.copy("residence", ("id", "household_id", "micro_grid_id", "status", "valid_from"), homes)
            await imports.copy("tier", ("id", "household_id", "reason", "valid_from"), tiers)
            await progress.advance(len(rows))

    def _sealed(self, created: list[tuple[UUID, Row, Grid]]) -> tuple[list[Any], list[Any], list[Any]]:
        """The rows of new households, of where they are, and of those that are key."""
        rows, homes, tiers = [], [], []
        for household_id, row, grid in created:
            values = row.values
            opened_on = values.get("opened_on", self.today)
            sealed = households.sealed(
                household_id, {name: values.get(name) for name in ("head_name", "phone", "address")}
            )
            rows.append(
                (household_id, values.get("code"), values["group"], *(sealed[name] for name in _SEALED), opened_on)
            )
            homes.append((uuid4(), household_id, grid.id, values.get("residence", ResidenceStatus.RESIDENT), opened_on))
            if values.get("tier"):
                tiers.append((uuid4(), household_id, values["tier"], opened_on))
        return rows, homes, tiers

    async def _edit(self, edits: list[tuple[Known, dict[str, Any]]]) -> None:
        rows = []
        for known, changes in edits:
            sealed = households.sealed(known.id, changes)
            rows.append(
                (known.id, changes.get("code"), changes.get("group_name"), *(sealed.get(name) for name in _SEALED))
            )
        await imports.update_many(_EDIT, rows)
        await audit.record_many(
            self.viewer, Action.HOUSEHOLD_EDIT, [(known.id, sorted(changes)) for known, changes in edits]
        )


def _tier_body(tier: str | None, on: date) -> dict[str, Any]:
    body = {"tier": "key" if tier else "ordinary", "from_": on, "to": None, "replace_planned": False}
    return body | {"reason": tier or "other"}


class ResidencesRoster(Roster):
    """Households that go away, come back, or are only registered here, from a day on."""

    kind, verb = "residences", Verb.HOUSEHOLD_EDIT

    async def load(self) -> None:
        self.grids = await Grids.of(self.viewer, self.verb)
        self.there = await Households.of(self.grids, self.today, lock=self.lock)
        self.changes: list[tuple[Known, Row]] = []

    def decide(self, row: Row) -> str:
        known = self.there.get(row.values, self.grids)
        if known.row is not None:
            raise Wrong(None, f"第 {known.row} 行已经写了这一户；一次只导入一户的一次变化。", "row.duplicate")
        known.row = row.number
        if row.values["since"] < known.record["opened_on"]:
            raise Wrong("since", problems.BeforeOpening(opened_on=known.record["opened_on"]).sentence, "cell.date")
        if row.values["residence"] == known.record["residence"]:
            return "same"
        self.changes.append((known, row))
        return "changed"

    async def write(self, progress: Progress) -> None:
        await progress.begin("writing", len(self.changes))
        for known, row in self.changes:
            body = {
                "status": row.values["residence"],
                "micro_grid_id": None,
                "from_": row.values["since"],
                "replace_planned": False,
            }
            try:
                await households.change_residence(self.viewer, known.id, body)
            except problems.PlannedChange as planned:
                raise problems.ImportRow(row=row.number, sentence=planned.sentence) from None
            await progress.advance(1)


class TagsRoster(Roster):
    """Sensitive tags, sealed, each with a purpose and an end."""

    kind, verb = "tags", Verb.HOUSEHOLD_EDIT

    async def load(self) -> None:
        self.grids = await Grids.of(self.viewer, self.verb)
        self.there = await Households.of(self.grids, self.today, lock=self.lock)
        kinds = {index: kind for kind in TAG_KINDS for index in vault().indexes("tag", kind)}
        self.known = {
            (row["household_id"], kinds[bytes(row["kind_index"])]): row
            for row in await imports.tags([known.id for known in self.there.all], self.today)
            if bytes(row["kind_index"]) in kinds
        }
        self.seen: dict[tuple[UUID, str], int] = {}
        self.new: list[tuple[UUID, str, str, date]] = []
        self.changed: list[tuple[UUID, str, date]] = []

    def decide(self, row: Row) -> str:
        known, values = self.there.get(row.values, self.grids), row.values
        key = known.id, values["tag"]
        if key in self.seen:
            raise Wrong("tag", f"第 {self.seen[key]} 行已经写了这一户的这个标签。", "row.duplicate")
        self.seen[key] = row.number
        before = self.known.get(key)
        last = self.today + timedelta(days=TAG_DAYS)
        in_a_year = self.today + timedelta(days=TAG_DAYS - 1)
        expires_on: date = values.get("expires_on") or (before["expires_on"] if before else in_a_year)
        if not self.today < expires_on <= last:
            raise Wrong("expires_on", "到期日应在今天以后，最长一年。", "cell.date")
        if before is None:
            self.new.append((known.id, values["tag"], values["purpose"], expires_on))
            return "new"
        if (before["purpose"], before["expires_on"]) == (values["purpose"], expires_on):
            return "same"
        self.changed.append((before["id"], values["purpose"], expires_on))
        return "changed"

    async def write(self, progress: Progress) -> None:
        await progress.begin("writing", len(self.new) + len(self.changed))
        rows = []
        for household_id, kind, purpose, expires_on in self.new:
            tag_id = uuid4()
            sealed = vault().seal(kind, "household_tag", "kind", tag_id)
            rows.append((tag_id, household_id, sealed, *vault().index("tag", kind), purpose, expires_on))
        columns = ("id", "household_id", "kind_sealed", "kind_index", "kind_index_version", "purpose", "expires_on")
        await imports.copy("household_tag", columns, rows)
        await imports.update_many("UPDATE household_tag SET purpose = $2, expires_on = $3 WHERE id = $1", self.changed)
        await progress.advance(len(self.new) + len(self.changed))
