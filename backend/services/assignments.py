"""Links between people and households: making and ending them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from backend import problems
from backend.crypto import vault
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules.assignments import AssignmentRole, AssignmentSource, EndReason, Service, ends_by_rule
from backend.rules.audit import Action
from backend.rules.dated import Span, change_from
from backend.rules.messages import MessageKind
from backend.rules.reasons import GAP_REASONS
from backend.rules.regions import RuleName
from backend.rules.texts import written
from backend.services import audit, messages
from backend.services.households import lock_to_change
from models import accounts, assignments, households, people, scope
from models.assignments import Assignment
from models.database import Record


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
        return _shown(dict(before)), False
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
    return _shown(dict(made)), True


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
        return _shown(dict(found))
    if found["valid_to"] is not None and found["valid_to"] <= viewer.today:  # an end still to come may be moved
        raise problems.AlreadyEnded(on=found["valid_to"])
    if on < found["valid_from"]:
        raise problems.EndBeforeStart(start=found["valid_from"])
    if household["closed_on"] and on > household["closed_on"]:
        raise problems.HouseholdClosed()
    await assignments.end(assignment_id, on, reason)
    await audit.record(viewer, Action.ASSIGNMENT_END, assignment_id, reason=reason)
    return _shown(dict(found) | {"valid_to": on, "end_reason": reason})


async def settle_links(viewer: Viewer | None, person_id: UUID | None, on: date | None) -> None:
    """End the links that a person may not hold from a day on, let backups take over, tell the secretaries (L9).

    A consequence of exemption, transfer and leaving; the households and the person are locked already.
    """
    assert viewer is not None and person_id is not None and on is not None
    links = await assignments.live_of(person_id)
    services = [
        Service(row["valid_from"], row["valid_to"], row["branch_id"], row["end_reason"])
        for row in await people.memberships_of(person_id)
    ]
    leaves = [
        Span(row["id"], row["valid_from"], row["valid_to"])
        for row in await people.exemptions_of(person_id)
        if not row["keeps_links"]
    ]
    answering: dict[UUID, list[Service]] = {}
    for row in await assignments.answering([link["household_id"] for link in links]):
        answering.setdefault(row["household_id"], []).append(Service(row["start"], row["until"], row["branch_id"]))
    ended: list[tuple[Record, date, EndReason]] = []
    for link in links:
        of_household = answering.get(link["household_id"], [])
        found = ends_by_rule(link["valid_from"], link["valid_to"], on, services, leaves, of_household)
        if found:
            await assignments.end(link["id"], found[0], found[1])
            if link["role"] == AssignmentRole.PRIMARY:
                ended.append((link, *found))
    left = [(link, day, reason) for link, day, reason in ended if not await _backup_takes_over(link, day)]
    if ended:
        await _tell(viewer, person_id, ended, left, answering)


async def _backup_takes_over(link: Record, day: date) -> bool:
    """From a day on a backup is the primary of a household; the longest-standing one who has room."""
    if await assignments.primary_booked(link["household_id"], day):
        return True
    limit = await households.rule_number(link["household_id"], RuleName.LOAD_HARD_MAX, day)
    for backup in await assignments.backups_on([link["household_id"]], day):
        if await assignments.load_from(backup["person_id"], day) >= limit:
            continue
        await assignments.end(backup["id"], day, EndReason.HANDED_OVER)
        await Assignment.create(
            id=uuid4(),
            household_id=link["household_id"],
            person_id=backup["person_id"],
            role=AssignmentRole.PRIMARY,
            source=AssignmentSource.APPOINTED,
            valid_from=day,
            valid_to=backup["valid_to"] or link["closed_on"],
        )
        return True
    return False


async def _tell(
    viewer: Viewer,
    person_id: UUID,
    ended: list[tuple[Record, date, EndReason]],
    left: list[tuple[Record, date, EndReason]],
    answering: Mapping[UUID, list[Service]],
) -> None:
    """One message for the secretaries of each branch whose households lost their primary."""
    branches: dict[UUID, list[tuple[Record, date, EndReason]]] = {}
    for link, day, reason in ended:
        branch = next((one.branch_id for one in answering.get(link["household_id"], []) if one.holds(day)), None)
        if branch:
            branches.setdefault(branch, []).append((link, day, reason))
    secretaries = await accounts.secretaries_of(sorted(branches), viewer.today)
    gaps = {link["household_id"] for link, _, _ in left}
    for branch, lost in branches.items():
        day, reason = min((day, reason) for _, day, reason in lost)
        facts = {
            "person_id": person_id,
            "on": day,
            "reason": reason,
            "households": len(lost),
            "gaps": sorted(str(link["household_id"]) for link, _, _ in lost if link["household_id"] in gaps),
        }
        occasion = f"{person_id}:{day}:{reason}:{branch}"
        await messages.post(MessageKind.MEMBER_LINKS_ENDED, secretaries.get(branch, []), occasion, facts, viewer.now)


async def tell_links_ended(facts: Mapping[str, Any], now: datetime) -> tuple[str, str]:
    """What a secretary reads when a member can no longer hold links: how many were taken over, how many still wait."""
    person_id = UUID(facts["person_id"])
    found = await people.find_person(person_id)
    assert found is not None
    name = vault().open(bytes(found["name_sealed"]), "person", "name", person_id)
    day, reason = date.fromisoformat(facts["on"]), GAP_REASONS[facts["reason"]]
    gaps = [UUID(one) for one in facts["gaps"]]
    waiting = await assignments.without_primary(gaps, max(day, now.date()))
    taken = facts["households"] - len(gaps)
    text = f"{name}{reason}，从{written(day)}起不再联系 {facts['households']} 户。"
    if taken:
        text += f"其中 {taken} 户已由副联接上。"
    if waiting:
        text += f"还有 {waiting} 户没有主联党员，请到“空白点”里安排。"
    elif gaps:
        text += "其余各户都已重新安排。"
    return f"{name}{reason}，联系户有变动", text


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "from_": row["valid_from"], "to": row["valid_to"]}
