"""Proposals: making one for a village or a branch, editing it, and making links of it at once (docs/rules.md L7)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from backend import problems
from backend.crypto import vault
from backend.http import paging
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules.assignments import AssignmentSource
from backend.rules.audit import Action
from backend.rules.proposals import Home, Household, Member, Proposal, propose
from backend.rules.regions import RuleName
from backend.services import assignments, audit
from models import assignments as links
from models import proposals, regions, scope
from models.database import Record
from models.proposals import Proposal as ProposalRow

#: A proposal is for the coming weeks: what happens meanwhile would make it worthless.
AHEAD = timedelta(days=90)
#: More people than that in one branch take the solver longer than anybody waits (docs/decisions/0018).
MOST_PEOPLE = 120
BY_HAND, BY_HAND_SENTENCE = "by_hand", "人工指定。"
LEFT_OUT, LEFT_OUT_SENTENCE = "left_out", "暂不安排。"


async def make(viewer: Viewer, body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Propose links for a place from a day on; (proposal, whether it is new). Nothing changes yet."""
    assert viewer.account_id is not None
    proposal_id, start, redo = body["client_id"], body["from_"], body["redo"]
    known = await proposals.find_of(proposal_id, viewer.account_id)
    if known is not None:
        if (known["place_id"], known["starts_on"], known["keeps"]) != (body["place"], start, not redo):
            raise problems.ClientIdReused()
        return _shown(known), False
    if not viewer.today <= start <= viewer.today + AHEAD:
        raise problems.ProposalStart()
    grids = await _grids(viewer, body["place"], start)
    found = await _propose(grids, start, redo)
    await ProposalRow.create(
        id=proposal_id, account_id=viewer.account_id, place_id=body["place"], starts_on=start, keeps=not redo
    )
    await proposals.insert_items(
        proposal_id,
        [(one.household_id, one.person_id, one.unfilled or "proposed", one.reason) for one in found],
    )
    await audit.record(viewer, Action.PROPOSAL_MAKE, proposal_id)
    made = await proposals.find_of(proposal_id, viewer.account_id)
    assert made is not None
    return _shown(made), True


async def _grids(viewer: Viewer, place: UUID, day: date) -> list[UUID]:
    """The micro-grids of a place of the viewer's: of a branch, or below a region."""
    places = viewer.places(Verb.ASSIGNMENT_PROPOSE)
    if place in await scope.branch_ids(places, viewer.today):
        return await proposals.grids_of_branch(place, day)
    grids = await scope.area_grids(places, place, viewer.today)
    if grids is None:
        raise problems.RegionNotFound()
    return grids


async def _propose(grids: list[UUID], start: date, redo: bool) -> list[Proposal]:
    households = await proposals.gather_households(grids, start)
    branches = sorted({row["branch_id"] for row in households if row["branch_id"]})
    people = await proposals.gather_people(branches, start)
    able = Counter(row["branch_id"] for row in people if not row["exempt"])
    if able and max(able.values()) > MOST_PEOPLE:
        raise problems.ProposalTooLarge()
    loads = await links.loads_from([row["id"] for row in people], start)
    if redo:
        for row in households:
            if row["current"] in loads:
                loads[row["current"]] -= 1
    bounds = await _bounds({row["township_id"] for row in households if row["township_id"]}, start)
    township_of: dict[UUID, UUID] = {row["branch_id"]: row["township_id"] for row in households if row["branch_id"]}
    wanting = [
        Household(
            row["id"],
            Home(row["village_id"], row["group_name"], row["micro_grid_id"]),
            row["village"] or "",
            row["branch_id"],
            row["need"],
            row["current"],
            frozenset(row["refused"]),
        )
        for row in households
    ]
    members = [
        Member(
            row["id"],
            row["branch_id"],
            row["kind"],
            Home(row["village_id"], row["group_name"], row["micro_grid_id"]) if row["village_id"] else None,
            loads.get(row["id"], 0),
            *bounds[township_of[row["branch_id"]]],
            frozenset(row["abilities"]),
            row["exempt"],
        )
        for row in people
    ]
    home_of = {row["id"]: frozenset(row["home_of"]) for row in households if row["home_of"] and row["current"] is None}
    # Seconds for a whole township: beside the loop, so that everybody else is answered meanwhile.
    return await asyncio.to_thread(_proposed, wanting, members, home_of, redo)


def _proposed(
    wanting: list[Household], members: list[Member], home_of: Mapping[UUID, frozenset[UUID]], redo: bool
) -> list[Proposal]:
    """Propose for all but the homes of members (`home_of`), then for those of members who are to have no household.

    Once a member is linked to anybody, their own home needs nobody (docs/rules.md L4).
    """
    found = propose([one for one in wanting if one.id not in home_of], members, redo)
    given = Counter(one.person_id for one in found if one.person_id is not None)
    members = [dataclasses.replace(one, load=one.load + given[one.id]) for one in members]
    linked = {one.id for one in members if one.load}
    rest = [one for one in wanting if one.id in home_of and not home_of[one.id] & linked]
    return found + propose(rest, members) if rest else found


async def _bounds(townships: set[UUID], day: date) -> Mapping[UUID | None, tuple[int, int, int]]:
    """The bounds of the load in each township."""
    found: dict[UUID | None, tuple[int, int, int]] = defaultdict(lambda: (5, 15, 20))
    for township in townships:
        numbers = {row["name"]: row["number"] for row in await regions.rules_on(township, day)}
        found[township] = (
            numbers[RuleName.LOAD_SOFT_MIN],
            numbers[RuleName.LOAD_SOFT_MAX],
            numbers[RuleName.LOAD_HARD_MAX],
        )
    return found


def _shown(row: Record) -> dict[str, Any]:
    return {**row, "place": row["place_id"], "from_": row["starts_on"], "redo": not row["keeps"]}


async def _own(viewer: Viewer, proposal_id: UUID) -> Record:
    assert viewer.account_id is not None
    found = await proposals.find_of(proposal_id, viewer.account_id)
    if found is None:
        raise problems.ProposalNotFound()
    return found


async def get_proposal(viewer: Viewer, proposal_id: UUID) -> dict[str, Any]:
    """One's own proposal."""
    return _shown(await _own(viewer, proposal_id))


async def list_proposals(viewer: Viewer, cursor: str | None, limit: int) -> dict[str, Any]:
    """One's own proposals, newest first."""
    assert viewer.account_id is not None
    after: Any = paging.after(cursor, datetime.fromisoformat, UUID)
    rows = await proposals.list_of(viewer.account_id, after, limit + 1)
    page = paging.page(rows, limit, lambda row: (row["made_at"], row["id"]))
    return {"items": [_shown(row) for row in page["items"]], "next": page["next"]}


async def list_items(
    viewer: Viewer, proposal_id: UUID, unfilled: bool, cursor: str | None, limit: int
) -> dict[str, Any]:
    """What is proposed for each household, in order of code; `unfilled` only those without anybody."""
    await _own(viewer, proposal_id)
    after: Any = paging.after(cursor, str, UUID)
    rows = await proposals.list_items(proposal_id, unfilled, after, limit + 1)
    return paging.page([_item(row) for row in rows], limit, lambda row: (row["code"] or "", row["household_id"]))


def _item(row: Record) -> dict[str, Any]:
    opened = {
        f"{who}_name": row[f"{who}_name_sealed"]
        and vault().open(bytes(row[f"{who}_name_sealed"]), "person", "name", row[f"{who}_id"])
        for who in ("person", "current")
    }
    return {**row, **opened}


async def edit_item(viewer: Viewer, proposal_id: UUID, household_id: UUID, person_id: UUID | None) -> dict[str, Any]:
    """Somebody else for a household, or nobody for now; whether it is possible is decided on applying."""
    await proposals.lock(proposal_id)
    found = await _own(viewer, proposal_id)
    if found["applied_at"]:
        raise problems.ProposalApplied()
    if await proposals.find_item(proposal_id, household_id) is None:
        raise problems.HouseholdNotFound()
    if person_id is not None:
        branches = await scope.branch_ids(viewer.places(Verb.ASSIGNMENT_PROPOSE), viewer.today)
        if not await scope.people_in_branches(branches, person_id, viewer.today):
            raise problems.PersonNotFound()
    reason = (BY_HAND, BY_HAND_SENTENCE) if person_id else (LEFT_OUT, LEFT_OUT_SENTENCE)
    await proposals.edit_item(proposal_id, household_id, person_id, *reason)
    await audit.record(viewer, Action.PROPOSAL_EDIT, proposal_id)
    item = await proposals.find_item(proposal_id, household_id)
    assert item is not None
    return _item(item)


async def apply(viewer: Viewer, proposal_id: UUID, version: int) -> dict[str, Any]:
    """Make links of a proposal, all of them or none; what has changed meanwhile is named, household by household."""
    await proposals.lock(proposal_id)
    found = await _own(viewer, proposal_id)
    if found["applied_at"]:
        raise problems.ProposalApplied()
    if found["version"] != version:
        raise problems.Changed()
    wanted = await proposals.wanted(proposal_id)
    wrong = await _outside(viewer, wanted) or await assignments.link_many(
        viewer, wanted, found["starts_on"], AssignmentSource.APPOINTED, hand_over=not found["keeps"]
    )
    if wrong:
        raise problems.ProposalStale(
            count=len(wrong), errors={str(household): [sentence] for household, sentence in wrong.items()}
        )
    await proposals.mark_applied(proposal_id)
    await audit.record(viewer, Action.PROPOSAL_APPLY, proposal_id)
    return _shown(await _own(viewer, proposal_id))


async def _outside(viewer: Viewer, wanted: Mapping[UUID, UUID]) -> dict[UUID, str]:
    """Households that are no longer in the viewer's place."""
    inside = await scope.in_area(viewer.places(Verb.ASSIGNMENT_CREATE), list(wanted), viewer.today)
    return {household: problems.HouseholdNotFound().sentence for household in wanted if household not in inside}
