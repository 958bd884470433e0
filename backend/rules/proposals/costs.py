"""What makes one person a better choice than another: how near, what they can help with, how many they have."""

from __future__ import annotations

from backend.rules.people import PersonKind
from backend.rules.proposals.distribution import NEVER
from backend.rules.proposals.facts import ABLE, Household, Member, Near, is_able, nearness

#: What a step farther away costs; the other costs are to be read against it.
STEP = 10
FAR: dict[Near, int] = {near: step * STEP for step, near in enumerate(Near)}
#: A special household goes two steps farther for somebody who can help, but not three.
UNABLE = 25
MEMBERS = (PersonKind.FULL, PersonKind.PROBATIONARY)
#: Who is no party member comes after one only where all else is equal.
NO_MEMBER = 1
#: A new person has to be better by more than a step, or to lighten a load by eight households.
CHANGE = 15
#: Each further household of a person: five more weigh as much as a step.
MORE = 2
#: Below the soft minimum households are welcome, and most of all to those who would be left with one or two.
WELCOME, VERY_WELCOME = 40, 80
#: Nobody goes above the soft maximum while somebody else has room below theirs: more than all the rest together.
ABOVE = 10_000
#: So many are worth going round for; somebody with less hands over to others where that costs no more than a step.
FEW = 3


def cost_of(household: Household, member: Member) -> int:
    if member.id in household.refused:
        return NEVER
    cost = FAR[nearness(household, member)]
    if ABLE.get(household.need or "") and not is_able(household.need, member):
        cost += UNABLE
    if household.current is not None and household.current != member.id:
        cost += CHANGE
    return cost + (0 if member.kind in MEMBERS else NO_MEMBER)


def slots_of(member: Member) -> list[int]:
    """What each further household costs this person, never falling; there are no more than the hard maximum."""
    few = few_of(member)

    def cost(load: int) -> int:
        if load >= member.soft_max:
            return ABOVE + MORE * load
        return MORE * load - (VERY_WELCOME if load < few else WELCOME if load < member.soft_min else 0)

    return [cost(load) for load in range(member.load, member.hard_max)]


def few_of(member: Member) -> int:
    """With less than this it is not worth going round."""
    return min(FEW, member.soft_min)
