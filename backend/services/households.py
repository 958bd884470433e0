"""Households: reading in scope, opening, editing, residence, tier, and revealing sealed fields."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog

from backend import problems
from backend.crypto import vault
from backend.http import paging
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules import names
from backend.rules.audit import Action
from backend.rules.dated import Change, Span, change_from
from backend.rules.households import ResidenceStatus, masked
from backend.rules.regions import Level
from backend.services import audit
from models import database, households, regions, scope
from models.households import Household, Residence, Tier
from models.scope import Access

log = structlog.get_logger("households")
REVEALS_A_DAY = 50


def _open(row: dict[str, Any], column: str) -> str | None:
    sealed = row[f"{column}_sealed"]
    return sealed and vault().open(bytes(sealed), "household", column, row["id"])


def _shown(row: database.Record) -> dict[str, Any]:
    """A household as its viewer may see it: head and address only to those linked to it; staff reveals (docs/rules.md S7)."""
    shown = dict(row)
    access = scope.ACCESS[row["access"]]
    shown["access"] = str(access)
    shown["head_name"] = _open(shown, "head") if access is Access.OWN else row["head_masked"]
    shown["address"] = _open(shown, "address") if access is Access.OWN else None
    primary = row["primary_person_id"]
    shown["primary"] = primary and {
        "assignment_id": row["primary_assignment_id"],
        "person_id": primary,
        "name": vault().open(bytes(row["primary_name_sealed"]), "person", "name", primary),
        "from_": row["primary_since"],
    }
    shown["micro_grid"] = row["micro_grid_id"] and {"id": row["micro_grid_id"], "name": row["micro_grid_name"]}
    return shown


async def list_households(
    viewer: Viewer,
    region_id: UUID | None,
    person_id: UUID | None,
    gap: bool,
    cursor: str | None,
    limit: int,
    search: str | None = None,
) -> dict[str, Any]:
    """Open households in scope in order of code; `search` is a part of the head's name or the first letters of its pinyin.

    Heads are sealed, so all of the scope are opened and looked at; what is shown stays masked.
    """
    after: Any = paging.after(cursor, str, UUID)
    rows = await scope.list_households(
        viewer.places(Verb.HOUSEHOLD_READ),
        viewer.today,
        region_id=region_id,
        person_id=person_id,
        gap=gap,
        after=after,
        limit=limit + 1,
        ids=await _named(viewer, search) if search else None,
    )
    page = paging.page([_shown(row) for row in rows], limit, lambda row: (row["code"] or "", row["id"]))
    return page | {"next": None} if search else page


async def _named(viewer: Viewer, search: str) -> list[UUID]:
    """The households of the scope whose head somebody may mean."""
    rows = await scope.sealed_heads(viewer.places(Verb.HOUSEHOLD_READ), viewer.today)
    return [
        row["id"]
        for row in rows
        if names.matches(search, vault().open(bytes(row["head_sealed"]), "household", "head", row["id"]))
    ]


async def get_household(viewer: Viewer, household_id: UUID, verb: Verb = Verb.HOUSEHOLD_READ) -> dict[str, Any]:
    """One household in scope."""
    row = await scope.find_household(viewer.places(verb), household_id, viewer.today)
    if row is None:
        raise problems.HouseholdNotFound()
    return _shown(row)


async def lock_to_change(viewer: Viewer, household_id: UUID, verb: Verb) -> database.Record:
    """The household, locked, if the viewer may change it: it must lie in their place (docs/rules.md S1, L5)."""
    access = await scope.access(viewer.places(verb), household_id, viewer.today)
    if access is None:
        raise problems.HouseholdNotFound()
    if access is not Access.AREA:
        raise problems.HouseholdReadOnly()
    found = await households.lock(household_id)
    assert found is not None
    return found


async def _micro_grid(viewer: Viewer, micro_grid_id: UUID, verb: Verb) -> None:
    region = await regions.find_region_by_id(micro_grid_id)
    if region is None or not await scope.holds_grid(viewer.places(verb), micro_grid_id, viewer.today):
        if region is not None and region["level"] != Level.MICRO_GRID:
            raise problems.NotMicroGrid()
        raise problems.RegionNotFound()


def sealed(household_id: UUID, body: dict[str, Any]) -> dict[str, Any]:
    """The columns that hold these personal fields."""
    columns: dict[str, Any] = {}
    if "head_name" in body:
        columns["head_sealed"] = vault().seal(body["head_name"], "household", "head", household_id)
        columns["head_masked"] = masked(body["head_name"])
    if "phone" in body:
        phone = body["phone"]
        index = vault().index("phone", phone) if phone else (None, None)
        columns["phone_sealed"] = phone and vault().seal(phone, "household", "phone", household_id)
        columns["phone_index"], columns["phone_index_version"] = index
    if "address" in body:
        address = body["address"]
        columns["address_sealed"] = address and vault().seal(address, "household", "address", household_id)
    return columns


async def create_household(viewer: Viewer, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Open a household in a micro-grid of one's own; (household, whether it is new). The same `client_id` and content
    again give the same household."""
    household_id = body["client_id"]
    before = await households.lock(household_id)
    if before is None:
        await _micro_grid(viewer, body["micro_grid_id"], Verb.HOUSEHOLD_CREATE)
        if body["code"] and await households.code_taken(body["code"]):
            raise problems.HouseholdCodeTaken()
        await Household.create(
            id=household_id,
            code=body["code"],
            group_name=body["group_name"],
            opened_on=body["opened_on"],
            **sealed(household_id, body),
        )
        await Residence.create(
            id=uuid4(),
            household_id=household_id,
            micro_grid_id=body["micro_grid_id"],
            status=body["residence"],
            valid_from=body["opened_on"],
        )
        await audit.record(viewer, Action.HOUSEHOLD_CREATE, household_id)
    made = await get_household(viewer, household_id, Verb.HOUSEHOLD_CREATE)
    if before is not None and not _same(dict(before), body):
        raise problems.ClientIdReused()
    return made, before is None


def _same(before: dict[str, Any], body: dict[str, Any]) -> bool:
    """Whether a household is what this body opened."""
    return all(before[name] == body[name] for name in ("code", "group_name", "opened_on")) and all(
        _open(before, column) == body[name] for name, column in _REVEALS.items()
    )


async def edit_household(viewer: Viewer, household_id: UUID, version: int, body: dict[str, Any]) -> dict[str, Any]:
    """Change what is written about a household, if nobody changed it since `version`."""
    found = await lock_to_change(viewer, household_id, Verb.HOUSEHOLD_EDIT)
    if found["version"] != version:
        raise problems.Changed()
    columns = sealed(household_id, body)
    if "group_name" in body:
        columns["group_name"] = body["group_name"]
    if columns:
        await Household.filter(id=household_id).update(version=version + 1, **columns)
        await audit.record(viewer, Action.HOUSEHOLD_EDIT, household_id, sorted(body))
    return await get_household(viewer, household_id, Verb.HOUSEHOLD_EDIT)


def _change(
    found: database.Record, spans: list[database.Record], on: date, today: date, replace_planned: bool
) -> Change:
    """What a change from a day meets; refuses days before the opening, after the closing, or over a booked change."""
    if on < found["opened_on"]:
        raise problems.BeforeOpening(opened_on=found["opened_on"])
    if found["closed_on"] and on >= found["closed_on"]:
        raise problems.HouseholdClosed()
    change = change_from(on, [Span(row["id"], row["valid_from"], row["valid_to"]) for row in spans])
    if change.later and (not replace_planned or change.later[0].start <= today):  # what has begun is no plan
        raise problems.PlannedChange(on=change.later[0].start)
    return change


async def _close(table: str, change: Change, on: date) -> None:
    if change.close:
        await households.close_span(table, change.close.id, on)
    for later in change.later:
        await households.close_span(table, later.id, later.start)


async def change_residence(viewer: Viewer, household_id: UUID, body: dict[str, Any]) -> dict[str, Any]:
    """From a day on the household lives differently, or in another micro-grid of the viewer's place."""
    found = await lock_to_change(viewer, household_id, Verb.HOUSEHOLD_EDIT)
    on = body["from_"]
    change = _change(found, await households.residence_spans(household_id), on, viewer.today, body["replace_planned"])
    now = await households.residence_on(household_id, on)
    grid: UUID | None = body["micro_grid_id"] or (now["micro_grid_id"] if now else None)
    if grid is None:
        raise problems.NotMicroGrid()
    if body["micro_grid_id"]:
        await _micro_grid(viewer, grid, Verb.HOUSEHOLD_EDIT)
    await _close("residence", change, on)
    await Residence.create(
        id=uuid4(),
        household_id=household_id,
        micro_grid_id=grid,
        status=ResidenceStatus(body["status"]),
        valid_from=on,
        valid_to=found["closed_on"],
    )
    await audit.record(viewer, Action.HOUSEHOLD_RESIDENCE, household_id, [body["status"]])
    return await get_household(viewer, household_id, Verb.HOUSEHOLD_EDIT)


async def change_tier(viewer: Viewer, household_id: UUID, body: dict[str, Any]) -> dict[str, Any]:
    """From a day on (or until one) the household is key, or ordinary again."""
    found = await lock_to_change(viewer, household_id, Verb.HOUSEHOLD_EDIT)
    on = body["from_"]
    if body["to"] is not None and body["to"] < on:
        raise problems.Invalid(errors={"to": ["结束日期不能早于开始日期"]})
    await _close(
        "tier", _change(found, await households.tier_spans(household_id), on, viewer.today, body["replace_planned"]), on
    )
    if body["tier"] == "key":
        until = min((day for day in (body["to"], found["closed_on"]) if day), default=None)
        await Tier.create(id=uuid4(), household_id=household_id, reason=body["reason"], valid_from=on, valid_to=until)
    await audit.record(viewer, Action.HOUSEHOLD_TIER, household_id, [body["tier"]])
    return await get_household(viewer, household_id, Verb.HOUSEHOLD_EDIT)


async def reveal(viewer: Viewer, household_id: UUID, columns: list[str], purpose: str) -> dict[str, Any]:
    """Sealed fields in the clear, for a purpose, audited, and not more than so many households a day (docs/rules.md S7)."""
    row = await scope.find_household(viewer.places(Verb.HOUSEHOLD_REVEAL), household_id, viewer.today)
    if row is None:
        raise problems.HouseholdNotFound()
    if scope.ACCESS[row["access"]] is Access.LINKED:
        raise problems.HouseholdReadOnly()
    assert viewer.account_id is not None
    if await households.count_reveals(viewer.account_id, viewer.now - timedelta(days=1)) >= REVEALS_A_DAY:
        log.warning("reveal_limit", account_id=str(viewer.account_id))  # the alarm: ids only
        raise problems.RevealLimit(retry_after=3600, limit=REVEALS_A_DAY)
    found = await households.lock(household_id)
    assert found is not None
    sealed = dict(found)
    await audit.record(viewer, Action.HOUSEHOLD_REVEAL, household_id, sorted(columns), reason=purpose)
    return {
        "household_id": household_id,
        **{name: _open(sealed, column) if name in columns else None for name, column in _REVEALS.items()},
    }


_REVEALS = {"head_name": "head", "phone": "phone", "address": "address"}
