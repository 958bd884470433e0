"""What a proposal of links is made from, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from backend.rules.people import Ability

#: Who can help with which need. The last class of reasons says nothing about what would help.
ABLE: dict[str, frozenset[str]] = {
    "hardship": frozenset({Ability.LIVELIHOOD, Ability.LABOUR}),
    "relapse_risk": frozenset({Ability.LIVELIHOOD}),
    "health": frozenset({Ability.CARE}),
    "care": frozenset({Ability.CARE, Ability.LABOUR}),
}


class Home(NamedTuple):
    """Where somebody lives; an empty group is one that nobody has written down."""

    village_id: UUID
    group: str
    micro_grid_id: UUID | None


@dataclass(frozen=True)
class Household:
    """A household that looks for a person."""

    id: UUID
    home: Home
    village_name: str
    #: The branch that answers for the household's micro-grid.
    branch_id: UUID | None
    #: The class of the reason of a special household (TierReason).
    need: str | None = None
    #: The present primary person.
    current: UUID | None = None
    #: Whom the household has asked not to have, and who lives in it: nobody is linked to his own household.
    refused: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Member:
    """Somebody in service who may be linked."""

    id: UUID
    branch_id: UUID
    kind: str
    home: Home | None
    #: Links that stay whatever is proposed; without those of the given households when all is redone.
    load: int
    soft_min: int
    soft_max: int
    hard_max: int
    abilities: frozenset[str] = frozenset()
    exempt: bool = False


class Unfilled(StrEnum):
    """Why nobody could be found for a household."""

    NO_BRANCH = "no_branch"
    NOBODY = "nobody"
    ALL_EXEMPT = "all_exempt"
    NOT_WANTED = "not_wanted"
    ALL_FULL = "all_full"


@dataclass(frozen=True)
class Proposal:
    """Who is proposed for a household and why, or why nobody is."""

    household_id: UUID
    person_id: UUID | None
    reason: str
    unfilled: Unfilled | None = None


class Near(StrEnum):
    """How near somebody lives, the nearest first."""

    MICRO_GRID = "micro_grid"
    GROUP = "group"
    VILLAGE = "village"
    AREA = "area"


def nearness(household: Household, member: Member) -> Near:
    """The smallest place in which both live; a group's name means something within its village only."""
    here, there = household.home, member.home
    if there is None or here.village_id != there.village_id:
        return Near.AREA
    if here.micro_grid_id is not None and here.micro_grid_id == there.micro_grid_id:
        return Near.MICRO_GRID
    return Near.GROUP if here.group and here.group == there.group else Near.VILLAGE


def is_able(need: str | None, member: Member) -> bool:
    """Whether somebody can help with a need."""
    return need is not None and not ABLE.get(need, frozenset()).isdisjoint(member.abilities)
