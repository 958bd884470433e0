"""The places: county, township, villages, grids, micro-grids, party branches, and which branch answers for what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from uuid import UUID

from backend.demo.seed import new_id, shares, stream
from backend.demo.words import COUNTY, numeral, township_names, village_names
from backend.rules.regions import BranchKind, Level, ResponsibilityKind

COUNTY_CODE, FIRST_TOWNSHIP, FIRST_VILLAGE = "999901000000", 101, 200
#: The first township's code; the others of a county follow.
TOWNSHIP_CODE = f"{COUNTY_CODE[:6]}{FIRST_TOWNSHIP}000"
#: A county has room for so many townships in its codes.
MOST_TOWNSHIPS = 100
VILLAGES, MICRO_GRIDS, HOUSEHOLDS = 61, 357, 23_000
TOWN_BRANCHES = ("机关", "卫生院", "中心校", "联合企业")
#: Households of a village: lognormal, scaled to the total.
SIGMA = 0.45
#: So many branches stand below the 党总支 of so many large villages; with the rest they make 118.
SUB_BRANCHES = ((3, 13), (2, 7))


@dataclass(slots=True)
class Region:
    id: UUID
    parent: Region | None
    level: Level
    code: str
    name: str
    path: tuple[UUID, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.path = (*(self.parent.path if self.parent else ()), self.id)


@dataclass(slots=True)
class Branch:
    id: UUID
    parent: Branch | None
    region: Region
    kind: BranchKind
    name: str
    path: tuple[UUID, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.path = (*(self.parent.path if self.parent else ()), self.id)


@dataclass(slots=True)
class Responsibility:
    id: UUID
    kind: ResponsibilityKind
    region: Region
    branch: Branch | None = None
    person_id: UUID | None = None


@dataclass(slots=True)
class MicroGrid:
    region: Region
    households: int
    cell: Cell


@dataclass(slots=True)
class Cell:
    """A branch that answers for micro-grids, with the village they lie in."""

    index: int
    branch: Branch
    village: int
    households: int = 0


@dataclass(slots=True)
class Village:
    region: Region
    grid: Region
    head: Branch
    households: int
    cells: list[Cell] = field(default_factory=list)
    micro_grids: list[MicroGrid] = field(default_factory=list)


@dataclass(slots=True)
class Places:
    """All places of a township, its number in the county, and the day since which they are."""

    number: int
    since: date
    county: Region
    township: Region
    villages: list[Village]
    town_branches: list[Branch]
    responsibilities: list[Responsibility]
    #: How much of a whole township this is; less than 1 only for tests that need no more.
    part: float = 1.0

    def part_of(self, number: int) -> int:
        """So many where a whole township has this number."""
        return _part_of(number, self.part)

    @property
    def cells(self) -> list[Cell]:
        return [cell for village in self.villages for cell in village.cells]

    @property
    def micro_grids(self) -> list[MicroGrid]:
        return [one for village in self.villages for one in village.micro_grids]

    @property
    def first_year(self) -> tuple[date, date]:
        """Within these days the branches began: with links, key households and accounts."""
        return self.since + timedelta(days=30), self.since + timedelta(days=330)

    def stream(self, name: str) -> Random:
        """The stream of chance for one purpose of this township."""
        return stream(name, self.number)

    def regions(self) -> list[Region]:
        """All regions, parents first; the county comes with its first township."""
        found = [self.township] if self.number else [self.county, self.township]
        for village in self.villages:
            found += [village.region, village.grid, *(one.region for one in village.micro_grids)]
        return found

    def branches(self) -> list[Branch]:
        """All branches, parents first."""
        found = list(self.town_branches)
        for village in self.villages:
            found.append(village.head)
            found += [cell.branch for cell in village.cells if cell.branch is not village.head]
        return found


def _part_of(number: int, part: float) -> int:
    return max(1, round(number * part))


def make_places(until: date, number: int = 0, part: float = 1.0) -> Places:
    """Lay out a township; only the day since which it is depends on `until`."""
    count = _part_of(VILLAGES, part)
    rng = stream("places", number)
    county = Region(new_id(stream("county")), None, Level.COUNTY, COUNTY_CODE, COUNTY)
    code = f"{COUNTY_CODE[:6]}{FIRST_TOWNSHIP + number}000"
    name = township_names(stream("townships"), number + 1)[number]
    township = Region(new_id(rng), county, Level.TOWNSHIP, code, name)
    sizes = shares([rng.lognormvariate(0, SIGMA) for _ in range(count)], _part_of(HOUSEHOLDS, part), least=100)
    grids = shares(sizes, _part_of(MICRO_GRIDS, part), least=2)
    by_size = sorted(range(count), key=lambda i: -sizes[i])
    several = [branches for branches, villages in SUB_BRANCHES for _ in range(_part_of(villages, part))]
    below = dict(zip(by_size, several, strict=False))
    villages: list[Village] = []
    responsibilities: list[Responsibility] = []
    cells = 0
    for i, name in enumerate(village_names(rng, count)):
        code = f"{township.code[:9]}{FIRST_VILLAGE + i}"
        region = Region(new_id(rng), township, Level.VILLAGE, code, f"{name}村")
        grid = Region(new_id(rng), region, Level.GRID, f"{code}01", f"{name}村网格")
        kind = BranchKind.GENERAL_BRANCH if i in below else BranchKind.BRANCH
        head = Branch(new_id(rng), None, region, kind, f"{name}村党{'总' if i in below else ''}支部")
        village = Village(region, grid, head, sizes[i])
        branches = [
            Branch(new_id(rng), head, region, BranchKind.BRANCH, f"{name}村第{numeral(n)}党支部")
            for n in range(1, below.get(i, 0) + 1)
        ] or [head]
        village.cells = [Cell(cells + n, branch, i) for n, branch in enumerate(branches)]
        cells += len(branches)
        responsibilities.append(Responsibility(new_id(rng), ResponsibilityKind.BRANCH_VILLAGE, region, head))
        each = shares([rng.uniform(0.8, 1.25) for _ in range(grids[i])], sizes[i])
        for n, households in enumerate(each):
            micro = Region(
                new_id(rng), grid, Level.MICRO_GRID, f"{code}01{n + 1:03}", f"{name}村第{numeral(n + 1)}微网格"
            )
            cell = village.cells[n * len(branches) // grids[i]]
            cell.households += households
            village.micro_grids.append(MicroGrid(micro, households, cell))
            responsibilities.append(
                Responsibility(new_id(rng), ResponsibilityKind.BRANCH_MICRO_GRID, micro, cell.branch)
            )
        villages.append(village)
    town = [
        Branch(new_id(rng), None, township, BranchKind.BRANCH, f"{township.name}{name}党支部") for name in TOWN_BRANCHES
    ]
    return Places(number, date(until.year - 6, 1, 1), county, township, villages, town, responsibilities, part)
