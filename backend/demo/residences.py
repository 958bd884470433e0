"""How households live here over time: at home, away and back for the festivals, nominal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from uuid import UUID

from backend.demo.places import Places
from backend.demo.seed import day_between, new_id
from backend.rules.households import ResidenceStatus

AWAY, NOMINAL = 4_140, 690
#: Within the year: so many opened, so many turned nominal; shares of those away who left, of those at home who came back.
OPENED, TURNED_NOMINAL, LEFT_FIRST, CAME_BACK = 180, 120, 0.06, 0.02
#: 春节, from which the fifteen days after it are counted; other years are close enough to 5 February.
SPRING_FESTIVAL = {
    2020: (1, 25), 2021: (2, 12), 2022: (2, 1), 2023: (1, 22), 2024: (2, 10), 2025: (1, 29), 2026: (2, 17),
    2027: (2, 6), 2028: (1, 26), 2029: (2, 13), 2030: (2, 3), 2031: (1, 23), 2032: (2, 11), 2033: (1, 31),
    2034: (2, 19), 2035: (2, 8),
}  # fmt: skip
#: Families come home for three weeks around 春节, fewer of them for 三夏 and 三秋: share, first day, length.
HOME_FOR_SPRING, HOME_FOR_HARVEST = 0.6, 0.08
HARVESTS = ((5, 28), (9, 26))


@dataclass(slots=True)
class Stay:
    id: UUID
    status: ResidenceStatus
    valid_from: date
    valid_to: date | None


def make_stays(rng: Random, places: Places, opened: Sequence[date], until: date, start: date) -> Iterator[list[Stay]]:
    """How each household lives here since it was opened, some only within the year; what changes, changes since `start`.

    On `until` 79 % are resident, 18 % away and 3 % nominal; at 春节 most of those who are away are at home.
    """
    sizes = {
        "away": AWAY, "turned nominal": TURNED_NOMINAL, "nominal": NOMINAL - TURNED_NOMINAL, "opened": OPENED,
    }  # fmt: skip
    each = [kind for kind, number in sizes.items() for _ in range(places.part_of(number))]
    kinds = dict(zip(rng.sample(range(len(opened)), len(each)), each, strict=True))
    resident, gone, empty = ResidenceStatus.RESIDENT, ResidenceStatus.AWAY, ResidenceStatus.NOMINAL
    for index, since in enumerate(opened):
        day = day_between(rng, start, until - timedelta(days=1))
        match kinds.get(index):
            case "away" if rng.random() < LEFT_FIRST:
                changes = [(since, resident), (day, gone)]
            case "away":
                changes = [(since, gone), *_at_home(rng, start, until)]
            case "turned nominal":
                changes = [(since, resident), (day, empty)]
            case "nominal":
                changes = [(since, empty)]
            case "opened":
                changes = [(day, resident)]
            case _:
                changes = [(since, gone), (day, resident)] if rng.random() < CAME_BACK else [(since, resident)]
        ends: list[date | None] = [first for first, _ in changes[1:]]
        yield [
            Stay(new_id(rng), status, first, end) for (first, status), end in zip(changes, [*ends, None], strict=True)
        ]


def _at_home(rng: Random, start: date, until: date) -> Iterator[tuple[date, ResidenceStatus]]:
    """When a family that works elsewhere comes home and leaves again, as far as it is known on `until`."""
    for year in range(start.year, until.year + 1):
        spring = date(year, *SPRING_FESTIVAL.get(year, (2, 5)))
        times = [(HOME_FOR_SPRING, spring - timedelta(days=9))]
        times += [(HOME_FOR_HARVEST, date(year, *day)) for day in HARVESTS]
        for share, around in times:
            home = around + timedelta(days=rng.randint(-4, 4))
            leaves = home + timedelta(days=rng.randint(16, 24))
            if rng.random() < share and start <= home:
                both = ((home, ResidenceStatus.RESIDENT), (leaves, ResidenceStatus.AWAY))
                yield from (change for change in both if change[0] < until)
