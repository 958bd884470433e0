"""Who could be linked to whom: 就近 and 就便, by what people can help with, evenly (docs/decisions/0018).

A proposal only; the office decides. It is pure and does not depend on the order in which anything is given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from backend.rules.proposals import words
from backend.rules.proposals.costs import MORE, STEP, cost_of, few_of, slots_of
from backend.rules.proposals.distribution import NEVER, Distribution
from backend.rules.proposals.facts import Home, Household, Member, Proposal, Unfilled

__all__ = ["Home", "Household", "Member", "Proposal", "Unfilled", "propose"]


def propose(households: Iterable[Household], members: Iterable[Member], redo: bool = False) -> list[Proposal]:
    """One proposal a household, in the order of their ids: a person and why, or nobody and why.

    Households that have somebody are left as they are and out of the answer, and those links are part of the loads.
    With `redo` their people may change where that helps, and those links are not part of the loads.
    """
    people: dict[UUID, list[Member]] = defaultdict(list)
    known: dict[UUID, Member] = {}
    for member in sorted(members, key=lambda one: one.id):
        people[member.branch_id].append(member)
        known[member.id] = member
    wanting: dict[UUID | None, list[Household]] = defaultdict(list)
    for household in households:
        if redo or household.current is None:
            wanting[household.branch_id].append(household)
    proposals = []
    for branch_id, those in wanting.items():
        proposals += _of_branch(those, people.get(branch_id, []) if branch_id else [], known)
    return sorted(proposals, key=lambda one: one.household_id)


def _of_branch(households: list[Household], people: list[Member], known: dict[UUID, Member]) -> list[Proposal]:
    able = [one for one in people if not one.exempt]
    ids = {one.id for one in able}
    # Households that are alike in everything that decides are one class.
    classes: dict[tuple[object, ...], list[Household]] = defaultdict(list)
    for household in sorted(households, key=lambda one: _order(one)):
        refused = frozenset(household.refused & ids)
        classes[household.home, household.need, household.current, tuple(sorted(refused))].append(household)
    alike = list(classes.values())
    costs = [[cost_of(those[0], one) for one in able] for those in alike]
    sharing = Distribution(costs, [slots_of(one) for one in able])
    filled = [sum(sharing.add(kind) for _ in those) for kind, those in enumerate(alike)]
    _spare_the_few(sharing, costs, able)

    proposals = []
    for kind, those in enumerate(alike):
        takers = [person for person, count in enumerate(sharing.taken[kind]) for _ in range(count)]
        colleagues = [one for one, cost in zip(able, costs[kind], strict=True) if cost < NEVER]
        for household, person in zip(those[: filled[kind]], takers, strict=True):
            member = able[person]
            moved = ""
            if household.current not in (None, member.id):
                moved = words.of_moved(household, member, known.get(household.current), colleagues)
            load = member.load + sharing.loads[person]
            reason = words.of_filled(household, member, load, colleagues, moved)
            proposals.append(Proposal(household.id, member.id, reason))
        for household in those[filled[kind] :]:
            why = _why_unfilled(household, people, able, colleagues)
            proposals.append(Proposal(household.id, None, words.UNFILLED[why], why))
    return proposals


def _order(household: Household) -> tuple[object, ...]:
    """Who is served first when there is not room for all: special households, then those that have somebody."""
    return household.need is None, household.current is None, str(household.current), household.id


def _spare_the_few(sharing: Distribution, costs: Sequence[Sequence[int]], able: Sequence[Member]) -> None:
    """Somebody with one or two households is left with none where colleagues near enough can have them.

    That a first household costs more than a further one is what no chain of cheapest steps can see.
    """
    held = [one.load + load for one, load in zip(able, sharing.loads, strict=True)]
    for giver, member in sorted(enumerate(able), key=lambda pair: (held[pair[0]], pair[0])):
        load = held[giver]
        if member.load or not 0 < load < few_of(member):
            continue
        after, moves = list(held), []
        for kind in (kind for kind, row in enumerate(sharing.taken) for _ in range(row[giver])):
            takers = [
                (cost + MORE * after[taker], taker)
                for taker, cost in enumerate(costs[kind])
                if taker != giver
                and cost <= costs[kind][giver] + STEP
                and load <= held[taker]
                and after[taker] < able[taker].soft_max
            ]
            if not takers:
                break
            taker = min(takers)[1]
            after[taker] += 1
            moves.append((kind, taker))
        if len(moves) == load:
            for kind, taker in moves:
                sharing.move(kind, giver, taker)
            held = after
            held[giver] = 0


def _why_unfilled(
    household: Household, people: Sequence[Member], able: Sequence[Member], colleagues: Sequence[Member]
) -> Unfilled:
    if household.branch_id is None:
        return Unfilled.NO_BRANCH
    if not people:
        return Unfilled.NOBODY
    if not able:
        return Unfilled.ALL_EXEMPT
    return Unfilled.ALL_FULL if colleagues else Unfilled.NOT_WANTED
