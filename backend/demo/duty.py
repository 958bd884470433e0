"""Who answered for a household on a day, and who could stand in."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from random import Random

from backend.demo.households import Household
from backend.demo.links import Link
from backend.demo.people import People, Person
from backend.rules.assignments import AssignmentRole
from backend.rules.households import ResidenceStatus


class Duty:
    """Who answered for a household on a day."""

    def __init__(self, links: list[Link], people: People) -> None:
        self._primaries: dict[int, list[Link]] = defaultdict(list)
        linked: set[int] = set()
        held: dict[int, list[Link]] = defaultdict(list)
        for link in links:
            held[link.person.index].append(link)
            if link.role is AssignmentRole.PRIMARY:
                self._primaries[link.household].append(link)
                linked.add(link.person.index)
        self._mates: dict[int, list[Person]] = defaultdict(list)
        for one in (*people.members, *people.grid_workers):
            # Members of the town's branches answer for no village; newcomers have yet to begin.
            if one.cell is not None and not one.town and ((one.is_stable and one.index in linked) or not one.is_member):
                self._mates[one.cell].append(one)
        self._homes: dict[int, list[Link]] = defaultdict(list)
        for one in people.members:
            if one.home is not None and held[one.index]:
                self._homes[one.home] += held[one.index]

    def holder(self, household: Household, day: date) -> Person | None:
        """The person with the primary link."""
        return next((link.person for link in self._primaries[household.index] if _holds(link, day)), None)

    def mate(self, rng: Random, household: Household, besides: Person | None = None) -> Person | None:
        """Somebody of the household's branch who does not live there."""
        able = self._mates[household.cell]
        for _ in range(min(8, 2 * len(able))):
            one = rng.choice(able)
            if one.home != household.index and one is not besides:
                return one
        return None

    def is_asked_for(self, household: Household, day: date) -> bool:
        """Whether anybody is asked to visit it: it lives here, and no linked member lives in it."""
        if household.status_on(day) not in (ResidenceStatus.RESIDENT, ResidenceStatus.AWAY):
            return False
        return not any(_holds(link, day) for link in self._homes.get(household.index, ()))


def _holds(link: Link, day: date) -> bool:
    return link.valid_from <= day and (link.valid_to is None or day < link.valid_to)
