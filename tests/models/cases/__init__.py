"""A township worked out by hand: one household for each reading of docs/rules.md, November 2026 (30 days) if nothing else is said.

What is expected is written from the words of the rules, which are the name of the case; figures that are not named are
zero. Every household lives in micro-grid e1, which branch `east` answers for, unless it is about places. `m2` of the
small township, in service all the time, is the primary used here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.models.facts import OPENED, Facts, november
from tests.world import of

NOVEMBER = 202611
E1, E2, W1 = (of("region", name) for name in ("e1", "e2", "w1"))
EAST, WEST = of("branch", "east"), of("branch", "west")
M2 = of("person", "m2")
#: Figures of a household by column, with the dates of `unmet` and `must_unmet`; None = it has no row.
Figures = dict[str, Any] | None
Make = Callable[[Facts], Awaitable[UUID]]
DUE = {"households": 1, "resident": 1, "exposed": 30, "covered": 30}
DUE_31 = DUE | {"exposed": 31, "covered": 31}
MET = DUE | {"contacted": 1, "visited": 1}
CONTACTED = DUE | {"contacted": 1}


@dataclass
class Case:
    """Makes a household and returns it; its figures by period; where it belongs."""

    make: Make
    figures: dict[int, Figures] = field(default_factory=dict)
    place: tuple[UUID, UUID] = (E1, EAST)

    @property
    def words(self) -> str:
        return self.make.__name__.replace("_", " ")


CASES: dict[str, Case] = {}


def case(
    figures: Figures, place: tuple[UUID, UUID] = (E1, EAST), also: dict[int, Figures] | None = None
) -> Callable[[Make], Make]:
    """Register a household under the words of its function: its figures in November, and in other periods."""

    def register(make: Make) -> Make:
        assert make.__name__ not in CASES, f"there is a case {make.__name__} already"
        CASES[make.__name__] = Case(make, {NOVEMBER: figures} | (also or {}), place)
        return make

    return register


async def living(facts: Facts, *stays: tuple[int | None, int | None, str], grid: UUID = E1) -> UUID:
    """A household with residences `(first day of November or None for ever, end or None, status)`."""
    household = await facts.household()
    for start, end, status in stays or ((None, None, "resident"),):
        await facts.residence(
            household, grid, november(start) if start else OPENED, november(end) if end else None, status
        )
    return household


async def linked(facts: Facts, *stays: tuple[int | None, int | None, str], grid: UUID = E1) -> UUID:
    """The same with a primary who is there all the time."""
    household = await living(facts, *stays, grid=grid)
    await facts.link(M2, household)
    return household


async def handed_over(facts: Facts, day: int) -> UUID:
    """A household whose primary is another person from a day of November on."""
    household = await living(facts)
    await facts.link(M2, household, end=november(day))
    await facts.link(await facts.member(), household, november(day))
    return household


async def visited(facts: Facts, day: int, mode: str = "in_person", outcome: str = "met") -> UUID:
    """A linked household with one visit in November."""
    household = await linked(facts)
    await facts.visit(M2, household, november(day), mode, outcome)
    return household


for _found in pkgutil.iter_modules(__path__):  # at the end: they register their cases here
    importlib.import_module(f"{__name__}.{_found.name}")
