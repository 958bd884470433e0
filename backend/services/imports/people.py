"""People on their way in. Who is new is written at once; what changes goes the way of the console, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from backend import problems
from backend.permissions import Verb
from backend.rules.people import EXEMPTIONS, PersonKind
from backend.services import people
from backend.services.imports.ground import People, Somebody
from backend.services.imports.roster import Roster, Wrong
from backend.services.runs import Progress
from backend.sheets.columns import Row
from models import imports

_SEALED = ("name_sealed", "name_masked", "phone_sealed", "phone_index", "phone_index_version")


class PeopleRoster(Roster):
    """The roster of people of the scope's branches."""

    kind, verb = "people", Verb.PERSON_EDIT

    async def load(self) -> None:
        self.there = await People.of(self.viewer, self.verb)
        self.new: list[tuple[UUID, UUID, Row]] = []
        self.changes: list[tuple[Row, Somebody, dict[str, Any]]] = []
        self.seen: dict[tuple[UUID, str, str | None], int] = {}
        self.phones: dict[str, int] = {}

    def decide(self, row: Row) -> str:
        values = row.values
        branch = self.there.branch(values["branch"])
        phone = values.get("phone")
        key = branch["id"], values["name"], phone
        if key in self.seen:
            raise Wrong(
                "name", f"第 {self.seen[key]} 行已经写了{values['name']}；同名的两个人请填手机号分清。", "row.duplicate"
            )
        self.seen[key] = row.number
        if phone and self.phones.setdefault(phone, row.number) != row.number:
            raise Wrong("phone", f"第 {self.phones[phone]} 行已用了这个手机号，请核对。", "row.duplicate")
        holder = self.there.with_phone(phone) if phone else None
        known = self._known(values, branch["id"], holder)
        if known is None:
            return self._take_in(row, branch["id"], holder)
        if known.row is not None:
            raise Wrong("name", f"第 {known.row} 行已经写了{known.name}，请只留一行。", "row.duplicate")
        known.row = row.number
        return self._compare(row, known, holder)

    def _known(self, values: Mapping[str, Any], branch_id: UUID, holder: Somebody | None) -> Somebody | None:
        """Who is meant: the namesake of the branch, told apart by telephone; or who has the telephone there."""
        same = [one for one in self.there.by_name.get(values["name"], []) if one.record["branch_id"] == branch_id]
        if len(same) > 1:
            same = [one for one in same if one is holder]
            if not same:
                raise Wrong("phone", f"这个支部有几位{values['name']}，请填手机号来分清。", "person.several")
        if same:
            # Two with one name are told apart by their numbers: another number of a known one is another person only
            # if that number is somebody's already.
            return same[0]
        return holder if holder is not None and holder.record["branch_id"] == branch_id else None

    def _take_in(self, row: Row, branch_id: UUID, holder: Somebody | None) -> str:
        if holder is not None:
            raise Wrong(
                "phone",
                f"这个手机号是{holder.branch}{holder.name}的。调动请在“人员”里办理，联系户会一并处理；不是同一人的请核对号码。",
                "person.phone",
            )
        if row.values.get("since", self.today) > self.today:
            raise Wrong("since", "起始日期不能在将来。", "cell.date")
        self.new.append((uuid4(), branch_id, row))
        return "new"

    def _compare(self, row: Row, known: Somebody, holder: Somebody | None) -> str:
        values, record, changes = row.values, known.record, {}
        if values["name"] != known.name:
            changes["name"] = values["name"]
        if "phone" in values and holder is not known:
            if holder is not None:
                raise Wrong("phone", f"这个手机号是{holder.branch}{holder.name}的，请核对。", "person.phone")
            changes["phone"] = values["phone"]
        if "abilities" in values and sorted(values["abilities"]) != sorted(record["abilities"]):
            changes["abilities"] = values["abilities"]
        if "kind" in values and values["kind"] != record["kind"]:
            changes["kind"] = values["kind"]
        if "exemption" in values and values["exemption"] != record["exemption"]:
            if values["exemption"] and record["exemption"]:
                raise Wrong(
                    "exemption",
                    f"{known.name}已按“{EXEMPTIONS[record['exemption']]}”免联；换原因请先在“人员”里恢复。",
                    "person.exempt",
                )
            changes["exemption"] = values["exemption"]
        if not changes:
            return "same"
        self.changes.append((row, known, changes))
        return "changed"

    async def write(self, progress: Progress) -> None:
        await progress.begin("writing", len(self.new) + len(self.changes))
        persons, services, exemptions = [], [], []
        for person_id, branch_id, row in self.new:
            values = row.values
            since = values.get("since", self.today)
            sealed = people.sealed(person_id, {"name": values["name"], "phone": values.get("phone")})
            persons.append((person_id, *(sealed[name] for name in _SEALED), values.get("abilities", [])))
            services.append((uuid4(), person_id, branch_id, values.get("kind", PersonKind.FULL), since))
            if values.get("exemption"):
                exemptions.append((uuid4(), person_id, values["exemption"], since))
        await imports.copy("person", ("id", *_SEALED, "abilities"), persons)
        await imports.copy("membership", ("id", "person_id", "branch_id", "kind", "valid_from"), services)
        await imports.copy("exemption", ("id", "person_id", "reason", "valid_from"), exemptions)
        await progress.advance(len(self.new))
        for row, known, changes in self.changes:
            try:
                await self._change(known, changes)
            except problems.Problem as problem:
                raise problems.ImportRow(row=row.number, sentence=problem.sentence) from None
            await progress.advance(1)

    async def _change(self, known: Somebody, changes: dict[str, Any]) -> None:
        """What is dated from today; links follow by rule, as from the console (docs/rules.md L9)."""
        written: dict[str, Any] = {name: changes[name] for name in ("name", "phone", "abilities") if name in changes}
        if written:
            await people.edit_person(self.viewer, known.id, known.record["version"], written)
        if "kind" in changes:
            body = {"branch_id": known.record["branch_id"], "kind": changes["kind"], "on": self.today}
            await people.transfer(self.viewer, known.id, body)
        if changes.get("exemption"):
            body = {"reason": changes["exemption"], "from_": self.today, "to": None, "keeps_links": False}
            await people.exempt(self.viewer, known.id, body)
        elif "exemption" in changes:
            await people.end_exemption(self.viewer, known.id, self.today)
