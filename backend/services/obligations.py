"""Must-visits: raising them by people and by events, withdrawing, and listing them with what has become of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from backend import problems
from backend.http import paging
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules import obligations as rules
from backend.rules.audit import Action
from backend.rules.obligations import MustVisitKind, MustVisitState, Source
from backend.services import audit
from models import database, households, obligations, regions, scope
from models.obligations import MustVisit
from models.scope import Access


async def raise_must_visit(viewer: Viewer, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Ask for a visit to a household one is linked to, or that lies in one's place; (must-visit, whether it is new).

    The same `client_id` and content of the same sender again give the same must-visit, whatever has become of the
    sender's scope since. One of a kind at a time: while it is open, a second one is refused (docs/rules.md O7).
    """
    sent = await obligations.find(body["client_id"], viewer.today)
    if sent is not None and sent["raised_by"] == viewer.account_id:
        return _same(sent, body), False
    source = await _source(viewer, body["household_id"], Verb.MUST_VISIT_RAISE)
    household = await households.lock(body["household_id"])
    assert household is not None
    sent = await obligations.find(body["client_id"], viewer.today)  # again: the lock may have been waited for
    if sent is not None:
        if sent["raised_by"] != viewer.account_id:
            raise problems.ClientIdReused()
        return _same(sent, body), False
    kind, since = MustVisitKind(body["kind"]), body["since"]
    if not rules.since_fits(since, viewer.today):
        raise problems.MustVisitDayUnfit(errors={"since": [problems.MustVisitDayUnfit.detail]})
    if since < household["opened_on"]:
        raise problems.BeforeOpening(opened_on=household["opened_on"])
    if household["closed_on"] and since >= household["closed_on"]:
        raise problems.HouseholdClosed()
    due_on = since + timedelta(days=await households.rule_number(body["household_id"], kind.rule, since))
    standing = await obligations.find_open(body["household_id"], kind, since, due_on, viewer.today)
    if standing is not None:
        raise problems.MustVisitOpen(kind=rules.KINDS[kind], since=standing["since"], due_on=standing["due_on"])
    await MustVisit.create(
        id=body["client_id"],
        household_id=body["household_id"],
        kind=kind,
        since=since,
        due_on=due_on,
        source=source,
        raised_by=viewer.account_id,
    )
    await audit.record(viewer, Action.MUST_VISIT_RAISE, body["client_id"], [kind])
    return await _found(viewer, body["client_id"]), True


def _same(sent: database.Record, body: dict[str, Any]) -> dict[str, Any]:
    """The must-visit that was sent under this id before, if it says the same."""
    if any(sent[name] != body[name] for name in ("household_id", "kind", "since")):
        raise problems.ClientIdReused()
    return _shown(sent)


async def _source(viewer: Viewer, household_id: UUID, verb: Verb) -> Source:
    """As what the viewer speaks for a household: as one linked to it today, or as staff whose place it lies in."""
    access = await scope.access(viewer.places(verb), household_id, viewer.today)
    if access is None:
        raise problems.HouseholdNotFound()
    if access is Access.LINKED:
        raise problems.HouseholdReadOnly()
    return Source.MEMBER if access is Access.OWN else Source.STAFF


async def _found(viewer: Viewer, must_visit_id: UUID) -> dict[str, Any]:
    found = await obligations.find(must_visit_id, viewer.today)
    if found is None:
        raise problems.MustVisitNotFound()
    return _shown(found)


def _shown(row: database.Record) -> dict[str, Any]:
    return {**row, "client_id": row["id"]}


async def withdraw_must_visit(viewer: Viewer, must_visit_id: UUID, reason: str) -> dict[str, Any]:
    """Take a must-visit back, never delete it; doing it again changes nothing.

    By who raised it, who is linked to the household, or staff whose place it lies in. One whose deadline passed stands
    in the figures; only staff takes it out.
    """
    found = await _found(viewer, must_visit_id)
    if found["raised_by"] != viewer.account_id:
        try:
            await _source(viewer, found["household_id"], Verb.MUST_VISIT_WITHDRAW)
        except problems.HouseholdNotFound:
            raise problems.MustVisitNotFound() from None
    if found["state"] == MustVisitState.MISSED:
        office = replace(viewer.places(Verb.MUST_VISIT_WITHDRAW), person_id=None)
        if await scope.access(office, found["household_id"], viewer.today) is not Access.AREA:
            raise problems.MustVisitOver()
    assert viewer.account_id is not None
    if await obligations.withdraw(must_visit_id, viewer.account_id, reason):
        await audit.record(viewer, Action.MUST_VISIT_WITHDRAW, must_visit_id, reason=reason)
    return await _found(viewer, must_visit_id)


async def list_must_visits(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    """Must-visits of the households in scope in order of deadline."""
    places = viewer.places(Verb.MUST_VISIT_READ)
    region_id = None
    if query["area"] is not None:
        region = await regions.find_region(query["area"], viewer.today)
        roots = await scope.region_roots(places, viewer.today)
        if region is None or not await regions.touches(region["id"], roots):
            raise problems.RegionNotFound()
        region_id = region["id"]
    after: Any = paging.after(query["cursor"], date.fromisoformat, UUID)
    rows = await obligations.list_visible(
        places,
        viewer.today,
        region_id=region_id,
        household_id=query["household_id"],
        state=query["state"],
        after=after,
        limit=query["limit"] + 1,
    )
    return paging.page([_shown(row) for row in rows], query["limit"], lambda row: (row["due_on"], row["id"]))


async def raise_returns(today: date) -> int:
    """Raise what coming home calls for, as of a day; returns how many were new. May be run again at any time (O8, T7)."""
    async with database.transaction():
        raised = await obligations.raise_returns(today, rules.RETURN_AFTER_DAYS, rules.RETURN_OLDEST_DAYS)
        if raised:
            await audit.record(None, Action.MUST_VISIT_RAISE, None, [MustVisitKind.RETURN], reason=Source.EVENT)
        return raised
