"""What follows from people's lives: links that end by rule, backups that take over, and who is told (docs/rules.md L9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from backend.crypto import vault
from backend.http.viewer import Viewer
from backend.rules.assignments import AssignmentRole, AssignmentSource, EndReason, Service, ends_by_rule
from backend.rules.dated import Span
from backend.rules.messages import MessageKind
from backend.rules.reasons import GAP_REASONS
from backend.rules.regions import RuleName
from backend.rules.texts import written
from backend.services import messages
from models import accounts, assignments, households, people
from models.assignments import Assignment
from models.database import Record


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
