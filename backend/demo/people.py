"""The people: party members with exemptions and homes, those who left within the year, cadres and grid workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from uuid import UUID

from backend.demo.households import Household
from backend.demo.places import Branch, Places, Region, Responsibility
from backend.demo.seed import day_between, new_id, shares
from backend.demo.words import Phones, person_name
from backend.rules.households import ResidenceStatus
from backend.rules.people import ExemptionReason, PersonKind
from backend.rules.regions import ResponsibilityKind

MEMBERS, TOWN_MEMBERS, PARTY_HOUSEHOLDS = 3_300, 80, 2_760
EXEMPT = {ExemptionReason.AGE: 726, ExemptionReason.ILLNESS: 66, ExemptionReason.AWAY: 231}
PROBATIONARY, LEFT, EXEMPT_LATELY, CADRES = 66, 45, 30, 30
#: Of those who left, so many have no successor yet.
LEFT_GAPS = 12


@dataclass(slots=True)
class Person:
    """A person in service of a branch; `cell` is where they are linked to households, if anywhere."""

    index: int
    id: UUID
    name: str
    phone: str
    kind: PersonKind
    branch: Branch
    cell: int | None
    joined: date
    membership_id: UUID
    left: date | None = None
    left_reason: str | None = None
    exemption_id: UUID | None = None
    exempt_reason: ExemptionReason | None = None
    exempt_from: date | None = None
    exempt_lately: bool = False
    home_id: UUID | None = None
    home: int | None = None
    town: bool = False

    @property
    def is_member(self) -> bool:
        return self.kind in (PersonKind.FULL, PersonKind.PROBATIONARY)

    @property
    def is_stable(self) -> bool:
        """Whether they are a member in full duty all through the time of the demo."""
        return self.kind is PersonKind.FULL and self.left is None and self.exempt_from is None

    def on_duty(self, day: date) -> bool:
        """Whether they are in service and not exempt on a day."""
        return (
            self.joined <= day
            and (self.left is None or day < self.left)
            and (self.exempt_from is None or day < self.exempt_from)
        )


@dataclass(slots=True)
class People:
    """Everybody, and the areas of the cadres."""

    everybody: list[Person]
    cadres: list[tuple[Person, list[Region]]]
    grid_workers: list[Person]
    responsibilities: list[Responsibility]

    @property
    def members(self) -> list[Person]:
        """Party members, also those who left within the year."""
        return [one for one in self.everybody if one.is_member]

    def linkers(self) -> list[Person]:
        """Those who can have been linked at any time of the demo: not exempt since long ago."""
        return [one for one in self.members if one.exempt_from is None or one.exempt_lately]


def make_people(places: Places, households: list[Household], until: date, phones: Phones) -> People:
    """Everybody in service on `until`, and those who left in the year before."""
    rng = places.stream("people")
    everybody: list[Person] = []

    def add(kind: PersonKind, branch: Branch, cell: int | None, joined: date = places.since) -> Person:
        one = Person(
            index=len(everybody),
            id=new_id(rng),
            name=person_name(rng),
            phone=phones.next(),
            kind=kind,
            branch=branch,
            cell=cell,
            joined=joined,
            membership_id=new_id(rng),
        )
        everybody.append(one)
        return one

    cells = places.cells
    town = places.part_of(TOWN_MEMBERS)
    counts = shares(
        [cell.households * rng.uniform(0.88, 1.18) for cell in cells], places.part_of(MEMBERS) - town, least=10
    )
    by_cell = [
        [add(PersonKind.FULL, cell.branch, cell.index) for _ in range(n)] for cell, n in zip(cells, counts, strict=True)
    ]
    _exempt(rng, places, by_cell, until)
    leaving: list[Person] = []
    for cell, count in zip(cells, shares([float(n) for n in counts], places.part_of(LEFT)), strict=True):
        gone = [add(PersonKind.FULL, cell.branch, cell.index) for _ in range(count)]
        by_cell[cell.index] += gone
        leaving += gone
    _leave(rng, places, leaving, until)
    # The cadres of the town's branches are linked in villages, where a cell has many households for its members.
    helped = sorted(cells, key=lambda cell: -cell.households / counts[cell.index])[: (town + 1) // 2]
    for n in range(town):
        one = add(PersonKind.FULL, places.town_branches[n % len(places.town_branches)], helped[n // 2].index)
        one.town = True
        by_cell[helped[n // 2].index].append(one)
    _homes(rng, places, by_cell, households)
    cadres, responsibilities = [], []
    areas = shares([1.0] * places.part_of(CADRES), len(places.villages))
    first = 0
    for size in areas:
        cadre = add(PersonKind.CADRE, places.town_branches[0], None)
        regions = [village.region for village in places.villages[first : first + size]]
        first += size
        cadres.append((cadre, regions))
        responsibilities += [
            Responsibility(new_id(rng), ResponsibilityKind.CADRE_AREA, region, person_id=cadre.id) for region in regions
        ]
    workers = [add(PersonKind.GRID_WORKER, v.cells[0].branch, v.cells[0].index) for v in places.villages]
    return People(everybody, cadres, workers, responsibilities)


def _exempt(rng: Random, places: Places, by_cell: list[list[Person]], until: date) -> None:
    """Mark exempt and probationary members, evenly over the branches; some became exempt within the year."""
    sizes = [float(len(people)) for people in by_cell]
    exempt: list[Person] = []
    wanted = [(reason, shares(sizes, places.part_of(total))) for reason, total in EXEMPT.items()]
    newcomers = shares(sizes, places.part_of(PROBATIONARY))
    for n, people in enumerate(by_cell):
        waiting = rng.sample(people, len(people))
        for reason, counts in wanted:
            for _ in range(counts[n]):
                one = waiting.pop()
                one.exempt_reason, one.exemption_id = reason, new_id(rng)
                one.exempt_from = day_between(rng, places.since, until - timedelta(days=800))
                exempt.append(one)
        for _ in range(newcomers[n]):
            one = waiting.pop()
            one.kind = PersonKind.PROBATIONARY
            one.joined = day_between(rng, until - timedelta(days=340), until - timedelta(days=60))
    here = [one for one in exempt if one.exempt_reason is not ExemptionReason.AWAY]
    for one in rng.sample(here, places.part_of(EXEMPT_LATELY)):
        one.exempt_lately = True
        one.exempt_from = day_between(rng, until - timedelta(days=360), until - timedelta(days=2))


def _leave(rng: Random, places: Places, leaving: list[Person], until: date) -> None:
    """Days on which members died or moved their membership elsewhere; the last of them only lately."""
    for n, one in enumerate(rng.sample(leaving, len(leaving))):
        lately = n < places.part_of(LEFT_GAPS)
        one.left = day_between(
            rng, until - timedelta(days=45 if lately else 360), until - timedelta(days=3 if lately else 40)
        )
        one.left_reason = "transferred" if rng.random() < 0.6 else "died"


def _homes(rng: Random, places: Places, by_cell: list[list[Person]], households: list[Household]) -> None:
    """Give members their homes: on `until` exactly PARTY_HOUSEHOLDS households have one, some have two or three."""
    pools: list[tuple[list[Household], list[Household]]] = [([], []) for _ in by_cell]
    for household in households:
        is_away = household.status is ResidenceStatus.AWAY
        if (len(household.stays) == 1 or is_away) and household.status is not ResidenceStatus.NOMINAL:
            pools[household.cell][is_away].append(household)
    dwellers = [[one for one in people if one.left is None] for people in by_cell]
    hosts = shares([float(len(people)) for people in dwellers], places.part_of(PARTY_HOUSEHOLDS))
    for n, people in enumerate(by_cell):
        at_home, away = (rng.sample(pool, len(pool)) for pool in pools[n])
        sharing = len(dwellers[n]) - hosts[n]
        staying = [one for one in dwellers[n] if one.exempt_reason is not ExemptionReason.AWAY]
        sharers = {one.index for one in rng.sample(staying, sharing)}
        taken: list[Household] = []
        for one in people:
            if one.index in sharers:
                continue
            is_away = one.exempt_reason is ExemptionReason.AWAY
            household = away.pop() if is_away and away else at_home.pop()
            if not is_away and one.left is None:
                taken.append(household)
            _move_in(rng, one, household, is_head=one.left is None and rng.random() < 0.6)
        for one in people:
            if one.index in sharers:
                _move_in(rng, one, rng.choice(taken), is_head=False)


def _move_in(rng: Random, one: Person, household: Household, *, is_head: bool) -> None:
    one.home, one.home_id = household.index, new_id(rng)
    if is_head:
        one.name, one.phone = household.head, household.phone or one.phone
    elif rng.random() < 0.6:
        one.name = person_name(rng, household.head[0])
