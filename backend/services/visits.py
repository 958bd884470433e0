"""Recording, voiding and listing visits; the slow path that decides everything, and the fast one for the common case.

The fast path is one SQL statement shared by all visits that arrive together (`GroupCommit`). It writes only visits
that are plainly the sender's own. Whatever it does not write goes down the slow path, one transaction each, which
gives the reason. Both write the same rows; `tests/api/test_visit_paths.py` compares every table (decision 0009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from backend import problems
from backend.crypto import vault
from backend.http import paging
from backend.http.failures import problem_of
from backend.http.viewer import Caller, Viewer, viewer_of
from backend.permissions import Verb
from backend.rules import visits as rules
from backend.rules.audit import Action
from backend.rules.visits import Credit, Fault
from backend.services import audit
from backend.services.group_commit import GroupCommit, is_unreachable
from backend.settings import CHINA
from models import accounts, assignments, database, households, people, scope, visits
from models.scope import Access

_FAULTS: dict[Fault, tuple[type[problems.Problem], str]] = {
    Fault.IN_FUTURE: (problems.VisitInFuture, "occurred_on"),
    Fault.TOO_OLD: (problems.VisitTooOld, "occurred_on"),
    Fault.NOTED_BEFORE: (problems.VisitNotedBefore, "noted_at"),
    Fault.REASON_MISSING: (problems.BackfillReasonMissing, "backfill_reason"),
}


@dataclass(frozen=True)
class Recorded:
    """A visit as it stands, and whether this request made it."""

    visit: dict[str, Any]
    is_new: bool


@dataclass(frozen=True)
class Item:
    """A visit on its way into the database: who sends it, the loaded body, and what is derived from it once."""

    caller: Caller
    body: dict[str, Any]
    note_sealed: bytes | None
    note_index: bytes | None
    body_mac: bytes

    @property
    def is_common(self) -> bool:
        """Whether the fast path may try it: one visitor, who is the sender, and dates that hold.

        A visit whose dates do not hold today may have been recorded when they did; the slow path asks that first.
        """
        body = self.body
        if body["companion_ids"] or body["on_behalf_of"] is not None:
            return False
        return rules.date_fault(body["occurred_on"], body["noted_at"], body["backfill_reason"], self.caller.now) is None


def prepare(caller: Caller, body: dict[str, Any]) -> Item:
    """Seal the note and take the keyed hash of the body."""
    note = body["note"]
    return Item(
        caller,
        body,
        vault().seal(note, "visit", "note", body["client_id"]) if note else None,
        vault().mac("note", note.encode()) if note else None,
        vault().mac("visit", rules.canonical_body(body)),
    )


def _check_dates(body: dict[str, Any], now: datetime, opened_on: date | None) -> None:
    fault = rules.date_fault(body["occurred_on"], body["noted_at"], body["backfill_reason"], now, opened_on)
    if fault:
        problem, name = _FAULTS[fault]
        raise problem(errors={name: [problem.detail]})


async def record_visit(group: GroupCommit, caller: Caller, body: dict[str, Any]) -> Recorded:
    """Record one visit; sending it again changes nothing (docs/rules.md V1)."""
    item = prepare(caller, body)
    return (item.is_common and await group.record(item)) or await record_slowly(item)


async def record_visits(group: GroupCommit, caller: Caller, bodies: Sequence[Any]) -> list[Recorded | problems.Problem]:
    """Record a batch: the common ones in one statement, each other one by itself; a bad one blocks no other (V8)."""
    if await accounts.find_viewer(caller.token_hash, caller.now.astimezone(CHINA).date()) is None:
        raise problems.SessionMissing()
    results: list[Recorded | problems.Problem | None] = [None] * len(bodies)
    items: dict[int, Item] = {}
    for index, body in enumerate(bodies):
        try:
            items[index] = prepare(caller, _problem_free(body))
        except problems.Problem as problem:
            results[index] = problem
    common = [index for index, item in items.items() if item.is_common]
    for index, recorded in zip(common, await group.record_many([items[index] for index in common]), strict=True):
        results[index] = recorded
    for index, item in items.items():
        if results[index] is None:
            try:
                results[index] = await record_slowly(item)
            except problems.Problem as problem:
                results[index] = problem
            except Exception as error:
                if is_unreachable(error):
                    raise
                results[index] = problem_of(error, caller.request_id)
    return [result for result in results if result is not None]


def _problem_free(body: Any) -> dict[str, Any]:
    if isinstance(body, problems.Problem):
        raise body
    found: dict[str, Any] = body
    return found


async def write_own(items: Sequence[Item]) -> list[Recorded | None]:
    """The fast path: one statement for all items; None for what it did not write.

    Of several items under one id the first is tried; the others are repeats, which the slow path knows how to answer.
    """
    first = {item.body["client_id"]: index for index, item in reversed(list(enumerate(items)))}
    tried = sorted(first.values())
    if not tried:
        return []
    bodies = [items[index].body for index in tried]
    written = await visits.record_own(
        [
            [items[index].caller.token_hash for index in tried],
            [body["client_id"] for body in bodies],
            [body["household_id"] for body in bodies],
            [body["occurred_on"] for body in bodies],
            [body["noted_at"] for body in bodies],
            [body["mode"] for body in bodies],
            [body["outcome"] for body in bodies],
            [",".join(body["topics"]) for body in bodies],
            [items[index].note_sealed for index in tried],
            [items[index].note_index for index in tried],
            [body["backfill_reason"] for body in bodies],
            [body["needs_follow_up"] for body in bodies],
            [items[index].body_mac for index in tried],
            [items[index].caller.request_id for index in tried],
        ],
        items[0].caller.now.astimezone(CHINA).date(),
    )
    results: list[Recorded | None] = [None] * len(items)
    for place, row in written.items():
        shown = _shown_from_body(bodies[place], row["person_id"], row["account_id"], row["recorded_at"])
        results[tried[place]] = Recorded(shown, True)
    return results


async def record_slowly(item: Item) -> Recorded:
    """The slow path, in one transaction of its own: known id, whose visit, dates, write, audit (docs/rules.md L3)."""
    now = item.caller.now
    today = now.astimezone(CHINA).date()
    async with database.transaction():
        row = await accounts.find_viewer(item.caller.token_hash, today)
        if row is None:
            raise problems.SessionMissing()
        viewer = viewer_of(row, now, today, item.caller.request_id)
        if viewer.account_id is None:
            raise problems.NotBound()
        if Verb.VISIT_RECORD not in viewer.verbs or not await _may_still_send(viewer):
            raise problems.Denied()
        return await _record(viewer, item)


async def _may_still_send(viewer: Viewer) -> bool:
    """Whoever is in service or staff may; one who has left, for thirty days more (docs/rules.md L3)."""
    if viewer.branch_id or viewer.grants or viewer.person_id is None:
        return True
    left_on = await people.left_on(viewer.person_id, viewer.today)
    return left_on is not None and (viewer.today - left_on).days <= rules.SEND_ONLY_DAYS


async def _record(viewer: Viewer, item: Item) -> Recorded:
    body = item.body
    known = await _known(viewer, item)
    if known:
        return known
    _check_dates(body, viewer.now, None)
    visitor_id = await _visitor(viewer, body)
    household = await households.of_visit(body["household_id"])
    if household is None or await _credit(viewer, visitor_id, body) is None:
        raise problems.HouseholdNotFound()
    _check_dates(body, viewer.now, household["opened_on"])
    await _check_companions(visitor_id, body)
    recorded_at = await visits.insert_once(
        [
            body["client_id"], body["household_id"], visitor_id, viewer.account_id, body["occurred_on"], body["noted_at"],
            body["mode"], body["outcome"], body["topics"], body["companion_ids"], item.note_sealed, item.note_index,
            body["backfill_reason"], body["needs_follow_up"], item.body_mac,
        ]
    )  # fmt: skip
    if recorded_at is None:  # another request wrote this id meanwhile; a statement of its own sees it
        known = await _known(viewer, item)
        assert known is not None
        return known
    await audit.record(viewer, Action.VISIT_RECORD, body["client_id"])
    assert viewer.account_id is not None
    return Recorded(_shown_from_body(body, visitor_id, viewer.account_id, recorded_at), True)


async def _known(viewer: Viewer, item: Item) -> Recorded | None:
    """The visit of this id, if it was sent before: same sender and content, else a problem that says nothing of it."""
    before = await visits.find(item.body["client_id"])
    if before is None:
        return None
    if before["entered_by"] != viewer.account_id or bytes(before["body_mac"]) != item.body_mac:
        raise problems.VisitIdReused()
    return Recorded(_stored(before), False)


async def _visitor(viewer: Viewer, body: dict[str, Any]) -> UUID:
    """Who visited: the sender, or the member for whom staff enters it (docs/rules.md V7)."""
    other: UUID | None = body["on_behalf_of"]
    if other is None or other == viewer.person_id:
        if viewer.person_id is None:
            raise problems.VisitorUnfit(errors={"on_behalf_of": ["请选择实际走访的党员"]})
        return viewer.person_id
    if Verb.VISIT_RECORD_FOR not in viewer.verbs:
        raise problems.OnBehalfDenied()
    branches = await scope.branch_ids(viewer.places(Verb.VISIT_RECORD_FOR), viewer.today)
    if not await scope.people_in_branches(branches, other, body["occurred_on"]):
        raise problems.PersonNotFound()
    return other


async def _credit(viewer: Viewer, visitor_id: UUID, body: dict[str, Any]) -> Credit | None:
    """What the visit is to its visitor, in the order of docs/rules.md L3; None = nothing that the sender may write."""
    household_id, day = body["household_id"], body["occurred_on"]
    if visitor_id != viewer.person_id:
        # Entered for a member: the household must be in the place of the one who enters, or linked to the member.
        access = await scope.access(viewer.places(Verb.VISIT_RECORD_FOR), household_id, viewer.today)
        if access is not Access.AREA and not await _linked(visitor_id, household_id, day):
            return None
        if await assignments.links_on(household_id, visitor_id, day):
            return Credit.OWN
        if await _linked(visitor_id, household_id, day) or await people.serves_household(visitor_id, household_id, day):
            return Credit.SUBSTITUTE
        raise problems.VisitorUnfit(errors={"on_behalf_of": [problems.VisitorUnfit.detail]})
    if await assignments.links_on(household_id, visitor_id, day):
        return Credit.OWN
    # Links that have ended, and people who have left, may still send for a time what the phone held.
    if await assignments.ended_lately(household_id, visitor_id, day, rules.SEND_ONLY_DAYS):
        return Credit.SUBSTITUTE
    places = viewer.places(Verb.VISIT_RECORD)
    if (places.regions or places.branches) and await scope.access(places, household_id, viewer.today):
        return Credit.STAFF
    return None


async def _linked(person_id: UUID, household_id: UUID, day: Any) -> bool:
    return bool(await assignments.links_on(household_id, person_id, day)) or await assignments.ended_lately(
        household_id, person_id, day, rules.SEND_ONLY_DAYS
    )


async def _check_companions(visitor_id: UUID, body: dict[str, Any]) -> None:
    """Companions are people of the visitor's branch on the day (docs/rules.md V9)."""
    companions: list[UUID] = body["companion_ids"]
    if not companions:
        return
    branches = await people.branches_on([visitor_id, *companions], body["occurred_on"])
    unfit = [one for one in companions if one == visitor_id or branches.get(one) != branches.get(visitor_id, one)]
    if unfit:
        raise problems.CompanionUnfit(errors={"companion_ids": [problems.CompanionUnfit.detail]})


def _shown_from_body(body: dict[str, Any], visitor_id: UUID, account_id: UUID, recorded_at: datetime) -> dict[str, Any]:
    """The answer for a visit just written, without reading it again."""
    rest = {"id": body["client_id"], "visitor_id": visitor_id, "entered_by": account_id, "recorded_at": recorded_at}
    return _shown({**body, **rest, "voided_at": None, "void_reason": None}, body["note"])


def _stored(row: database.Record) -> dict[str, Any]:
    """The answer for a visit as it is stored."""
    note = row["note_sealed"]
    return _shown(row, vault().open(bytes(note), "visit", "note", row["id"]) if note else None)


def _shown(visit: database.Record, note: str | None) -> dict[str, Any]:
    recorded_at = visit["recorded_at"].astimezone(CHINA)
    return {
        "id": visit["id"],
        "client_id": visit["id"],
        "household_id": visit["household_id"],
        "visitor_id": visit["visitor_id"],
        "entered_by": visit["entered_by"],
        "occurred_on": visit["occurred_on"],
        "noted_at": visit["noted_at"].astimezone(CHINA),
        "recorded_at": recorded_at,
        "mode": visit["mode"],
        "outcome": visit["outcome"],
        "topics": visit["topics"],
        "companion_ids": visit["companion_ids"],
        "note": note,
        "backfill_reason": visit["backfill_reason"],
        "needs_follow_up": visit["needs_follow_up"],
        "late": rules.is_late(visit["occurred_on"], recorded_at),
        "state": "voided" if visit["voided_at"] else "recorded",
        "void_reason": visit["void_reason"],
    }


async def void_visit(viewer: Viewer, visit_id: UUID, reason: str) -> dict[str, Any]:
    """Void a visit, never delete it; doing it again changes nothing. By its visitor, who entered it, or the branch."""
    found = await visits.find(visit_id)
    if found is None:
        raise problems.VisitNotFound()
    places = viewer.places(Verb.VISIT_VOID)
    own = found["entered_by"] == viewer.account_id or found["visitor_id"] == viewer.person_id
    if not own:
        if await scope.access(places, found["household_id"], viewer.today) is None:
            raise problems.VisitNotFound()
        # What an office allows is not lost by being linked to the household, too: hence without the person.
        office = replace(places, person_id=None)
        if await scope.access(office, found["household_id"], viewer.today) is not Access.AREA:
            raise problems.VoidDenied()
    assert viewer.account_id is not None
    if await visits.void(visit_id, viewer.account_id, reason):
        await audit.record(viewer, Action.VISIT_VOID, visit_id, reason=reason)
    voided = await visits.find(visit_id)
    assert voided is not None
    return _stored(voided)


async def list_visits(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    """Visits to the households in scope, newest first."""
    after: Any = paging.after(query["cursor"], _day, UUID)
    rows = await visits.list_visible(
        viewer.places(Verb.VISIT_READ),
        viewer.today,
        household_id=query["household_id"],
        visitor_id=query["visitor"],
        start=query["from_"],
        end=query["to"],
        after=after,
        limit=query["limit"] + 1,
    )
    return paging.page([_stored(row) for row in rows], query["limit"], lambda row: (row["occurred_on"], row["id"]))


def _day(text: str) -> Any:
    return datetime.fromisoformat(text).date()
