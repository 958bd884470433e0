"""One link: making and ending it."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from backend import problems
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules.assignments import AssignmentRole, EndReason, step_of
from backend.rules.audit import Action
from backend.rules.dated import Span, change_from
from backend.rules.regions import RuleName
from backend.services import audit
from backend.services.households import lock_to_change
from models import assignments, households, people, scope
from models.assignments import Assignment


async def create_assignment(viewer: Viewer, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Link a person of one's own branches to a household of one's own place; (link, whether it is new).

    One primary on any day: the household is locked and its links are looked at first, the exclusion constraint is the
    second net (docs/rules.md L1, T4). The same `client_id` again gives the same link.
    """
    found = await lock_to_change(viewer, body["household_id"], Verb.ASSIGNMENT_CREATE)
    before = await assignments.find(body["client_id"])
    if before is not None:
        if any(before[name] != body[name] for name in ("household_id", "person_id", "role")) or (
            before["valid_from"] != body["from_"]
        ):
            raise problems.ClientIdReused()
        return _shown(dict(before), viewer.today), False
    start: date = body["from_"]
    if start < found["opened_on"]:
        raise problems.BeforeOpening(opened_on=found["opened_on"])
    if found["closed_on"] and start >= found["closed_on"]:
        raise problems.HouseholdClosed()
    await _person_fits(viewer, body["person_id"], start)
    if body["role"] == AssignmentRole.PRIMARY:
        await _make_room(body["household_id"], start, viewer.today, body["replace_planned"])
        load = await assignments.load_from(body["person_id"], start)
        limit = await households.rule_number(body["household_id"], RuleName.LOAD_HARD_MAX, start)
        if load >= limit:
            raise problems.LoadTooHigh(count=load, limit=limit)
    if await assignments.is_linked_from(body["household_id"], body["person_id"], start):
        raise problems.AlreadyLinked()
    await Assignment.create(
        id=body["client_id"],
        household_id=body["household_id"],
        person_id=body["person_id"],
        role=body["role"],
        source=body["source"],
        valid_from=start,
        valid_to=found["closed_on"],
    )
    await audit.record(viewer, Action.ASSIGNMENT_CREATE, body["client_id"], [body["role"]])
    made = await assignments.find(body["client_id"])
    assert made is not None
    return _shown(dict(made), viewer.today), True


async def _person_fits(viewer: Viewer, person_id: UUID, day: date) -> None:
    """The person is of the viewer's branches, in service and not exempt on the day."""
    branches = await scope.branch_ids(viewer.places(Verb.ASSIGNMENT_CREATE), viewer.today)
    if not await scope.people_in_branches(branches, person_id, viewer.today):
        raise problems.PersonNotFound()
    await people.lock(person_id)  # or two secretaries at once would both see room for one more household
    if await people.find_in_service(person_id, day) is None:
        raise problems.PersonNotInService()
    if await people.is_exempt(person_id, day):
        raise problems.PersonExempt()


async def _make_room(household_id: UUID, day: date, today: date, replace_planned: bool) -> None:
    """No primary may stand on the day, and none that has begun after it; booked ones may be replaced."""
    rows = await assignments.primary_spans(household_id)
    change = change_from(day, [Span(row["id"], row["valid_from"], row["valid_to"]) for row in rows])
    taken = change.close or next((later for later in change.later if later.start <= today), None)
    if taken:
        raise problems.PrimaryTaken(since=taken.start)
    if change.later and not replace_planned:
        raise problems.LinkPlanned(on=change.later[0].start)
    for later in change.later:
        await assignments.end(later.id, later.start, EndReason.OTHER)


async def end_assignment(viewer: Viewer, assignment_id: UUID, on: date, reason: str) -> dict[str, Any]:
    """End a link on a day; that day is no longer covered (docs/rules.md L2)."""
    found = await assignments.find(assignment_id)
    if found is None:
        raise problems.AssignmentNotFound()
    try:
        household = await lock_to_change(viewer, found["household_id"], Verb.ASSIGNMENT_END)
    except problems.HouseholdNotFound:
        raise problems.AssignmentNotFound() from None
    found = await assignments.find(assignment_id)  # again: the lock may have been waited for
    assert found is not None
    if (found["valid_to"], found["end_reason"]) == (on, reason):
        return _shown(dict(found), viewer.today)
    if found["valid_to"] is not None and found["valid_to"] <= viewer.today:  # an end still to come may be moved
        raise problems.AlreadyEnded(on=found["valid_to"])
    if on < found["valid_from"]:
        raise problems.EndBeforeStart(start=found["valid_from"])
    if household["closed_on"] and on > household["closed_on"]:
        raise problems.HouseholdClosed()
    await assignments.end(assignment_id, on, reason)
    await audit.record(viewer, Action.ASSIGNMENT_END, assignment_id, reason=reason)
    return _shown(dict(found) | {"valid_to": on, "end_reason": reason}, viewer.today)


def _shown(row: dict[str, Any], today: date) -> dict[str, Any]:
    step = step_of(row["source"], row["valid_from"], row["valid_to"], row["end_reason"], row["published_on"], today)
    return {**row, "from_": row["valid_from"], "to": row["valid_to"], "step": str(step)}
