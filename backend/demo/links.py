"""The links: a township walked along its micro-grids, and a year of changes played day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from backend.demo.households import Household
from backend.demo.people import LEFT_GAPS, People, Person
from backend.demo.places import Places
from backend.demo.seed import day_between, new_id, shares
from backend.rules.assignments import AssignmentRole, AssignmentSource, EndReason
from backend.rules.households import ResidenceStatus

MOST = 15
#: Where nobody was linked from the start: much of a few micro-grids, single households elsewhere, and some of the
#: first village so that the walk through finds a gap.
WEAK_GRIDS, WEAK_SHARE, SCATTERED, FIRST_SHARE = 11, 0.45, 0.004, 0.12
UNLINKED_NEWCOMERS, SINGLE_CHANGES, BACKUP_SHARE = 27, 320, 0.06


@dataclass(slots=True)
class Link:
    id: UUID
    household: int
    person: Person
    role: AssignmentRole
    source: AssignmentSource
    valid_from: date
    valid_to: date | None = None
    end_reason: EndReason | None = None


class Links:
    """The links while the year is played: who has which household now, and all rows made so far."""

    def __init__(self, households: list[Household], people: list[Person], places: Places, until: date) -> None:
        self.places, self.rng = places, places.stream("links")
        self.households, self.until = households, until
        self.rows: list[Link] = []
        self.primary: dict[int, Link] = {}
        self.backup: dict[int, Link] = {}
        self.loads: dict[int, set[int]] = defaultdict(set)
        self.unlinked: set[int] = set()
        self.dwellers: dict[int, list[Person]] = defaultdict(list)
        self.by_cell: list[list[Person]] = [[] for _ in places.cells]
        #: The day on which each branch began, in the first year.
        self.begun = [day_between(self.rng, *places.first_year) for _ in places.cells]
        for one in people:
            if one.home is not None:
                self.dwellers[one.home].append(one)
            if one.cell is not None:
                self.by_cell[one.cell].append(one)

    def start(self, household: int, person: Person, day: date, source: AssignmentSource | None = None) -> None:
        """Link a household that has no primary."""
        if source is None:
            source = AssignmentSource.MUTUAL_CHOICE if self.rng.random() < 0.35 else AssignmentSource.APPOINTED
        link = Link(new_id(self.rng), household, person, AssignmentRole.PRIMARY, source, day)
        self.rows.append(link)
        self.primary[household] = link
        self.loads[person.index].add(household)

    def end(self, household: int, day: date, reason: EndReason) -> None:
        """End the primary link of a household."""
        link = self.primary.pop(household)
        self.loads[link.person.index].discard(household)
        # One that was to begin later becomes an empty interval, which counts nowhere.
        link.valid_to, link.end_reason = max(day, link.valid_from), reason

    def hand_over(self, household: int, person: Person, day: date, reason: EndReason) -> None:
        """End and begin on the same day, so that no day is without."""
        self.end(household, day, reason)
        self.start(household, person, day)

    def is_linked(self, person: Person, day: date) -> bool:
        """Whether they have a household now; whoever has one makes a party household of their home."""
        return bool(self.loads[person.index]) and person.on_duty(day)

    def is_due(self, household: int, day: date) -> bool:
        """Whether the household belongs to the set on a day: lives here, and no linked member lives in it."""
        status = self.households[household].status_on(day)
        return status in (ResidenceStatus.RESIDENT, ResidenceStatus.AWAY) and not any(
            self.is_linked(one, day) for one in self.dwellers[household]
        )

    def successor(self, household: int, day: date, besides: Person | None = None) -> Person | None:
        """Who of the same branch has the fewest households and may take one more."""
        backup = self.backup.get(household)
        able = [
            one
            for one in self.by_cell[self.households[household].cell]
            if one is not besides
            and one.home != household
            and self.loads[one.index]  # only those already linked: taking the first one empties a home of the set
            and len(self.loads[one.index]) < MOST
            and one.on_duty(day)
            and one.left is None
            and one.exempt_from is None
            and not (backup and backup.person is one)
        ]
        return min(able, key=lambda one: (len(self.loads[one.index]), one.index), default=None)


Event = tuple[date, int, Callable[[date], None]]


def make_links(places: Places, households: list[Household], people: People, until: date) -> list[Link]:
    """All links, the ended ones too, in the order in which they were made."""
    links = Links(households, people.everybody, places, until)
    rng, linkers = links.rng, people.linkers()
    elsewhere = [one for village in places.villages[1:] for one in village.micro_grids]
    gaps = {one.region.id: WEAK_SHARE for one in rng.sample(elsewhere, places.part_of(WEAK_GRIDS))}
    gaps[places.villages[0].micro_grids[-1].region.id] = FIRST_SHARE
    for cell in places.cells:
        _first_links(links, cell.index, [one for one in linkers if one.cell == cell.index], gaps)
    _backups(links)
    events: list[Event] = []
    for day, play in (*_people_events(links, linkers), *_household_events(links), *_single_changes(links)):
        events.append((day, len(events), play))
    for day, _, play in sorted(events, key=lambda event: event[:2]):
        play(day)
    links.rows.sort(key=lambda link: link.valid_from)
    return links.rows


def _first_links(links: Links, cell: int, linkers: list[Person], gaps: dict[UUID, float]) -> None:
    """Walk the branch's households in order; each member takes the next stretch, beginning near their own home."""
    rng, households = links.rng, links.households
    day = links.begun[cell]
    stable = [one for one in linkers if one.on_duty(day)]
    homes = {one.home for one in stable}
    due = [
        one.index
        for one in households
        if one.cell == cell
        and one.opened_on <= day
        and one.status_on(day) is not ResidenceStatus.NOMINAL
        and one.index not in homes
    ]
    left_out = {i for i in due if rng.random() < gaps.get(households[i].micro_grid, SCATTERED)}
    links.unlinked |= left_out
    wanted = [i for i in due if i not in left_out]
    stable.sort(key=lambda one: (one.home if one.home is not None else rng.choice(due), one.index))
    sizes = shares([rng.uniform(0.75, 1.25) for _ in stable], len(wanted))
    first = 0
    for one, size in zip(stable, sizes, strict=True):
        for i in wanted[first : first + size]:
            links.start(i, one, day)
        first += size


def _backups(links: Links) -> None:
    """A second member for some households, who stays all year."""
    for i, primary in sorted(links.primary.items()):
        if links.rng.random() < BACKUP_SHARE:
            others = [
                one
                for one in links.by_cell[links.households[i].cell]
                if one.is_stable and one is not primary.person and one.home != i and links.loads[one.index]
            ]
            if others:
                one = links.rng.choice(others)
                link = Link(
                    new_id(links.rng), i, one, AssignmentRole.BACKUP, AssignmentSource.APPOINTED, primary.valid_from
                )
                links.backup[i] = link
                links.rows.append(link)


def _people_events(links: Links, linkers: list[Person]) -> Iterator[tuple[date, Callable[[date], None]]]:
    """Members who left or became exempt hand over; newcomers take some households of their neighbours."""
    rng = links.rng
    gone = sorted((one for one in linkers if one.left), key=lambda one: one.left or links.until)
    for n, one in enumerate(gone):
        delay = (
            None
            if n >= len(gone) - links.places.part_of(LEFT_GAPS)
            else 0
            if rng.random() < 0.6
            else rng.randint(3, 30)
        )
        assert one.left is not None
        yield one.left, _leaving(links, one, delay)
    for one in linkers:
        if one.exempt_from is not None:
            yield one.exempt_from, _exempted(links, one)
    newcomers = [one for one in linkers if one.joined > links.until - timedelta(days=400)]
    for one in rng.sample(newcomers, len(newcomers) - links.places.part_of(UNLINKED_NEWCOMERS)):
        yield day_between(rng, one.joined, links.until - timedelta(days=30)), _newcomer(links, one)


def _leaving(links: Links, one: Person, delay: int | None) -> Callable[[date], None]:
    def play(day: date) -> None:
        waiting = sorted(links.loads[one.index])
        for i in waiting:
            links.end(i, day, EndReason.MEMBER_LEFT)
        if one.home is not None:
            waiting.append(one.home)  # it is no party household any more
        begin = None if delay is None else day + timedelta(days=delay)
        for i in waiting:
            if begin is None or begin >= links.until:
                links.unlinked.add(i)
            elif i not in links.primary and links.is_due(i, begin) and (person := links.successor(i, begin)):
                links.start(i, person, begin)

    return play


def _exempted(links: Links, one: Person) -> Callable[[date], None]:
    def play(day: date) -> None:
        for i in sorted(links.loads[one.index]):
            if person := links.successor(i, day, one):
                links.hand_over(i, person, day, EndReason.MEMBER_EXEMPT)
            else:
                links.end(i, day, EndReason.MEMBER_EXEMPT)
        _fill(links, one.home, day)

    return play


def _newcomer(links: Links, one: Person) -> Callable[[date], None]:
    def play(day: date) -> None:
        mates = [mate for mate in links.by_cell[one.cell or 0] if len(links.loads[mate.index]) > 6]
        mates.sort(key=lambda mate: (-len(links.loads[mate.index]), mate.index))
        for mate in mates[: links.rng.randint(5, 7)]:
            able = [i for i in sorted(links.loads[mate.index]) if i != one.home and _backup_of(links, i) is not one]
            if able:
                links.hand_over(min(able, key=lambda i: abs(i - (one.home or i))), one, day, EndReason.HANDED_OVER)
        if one.home in links.primary and links.loads[one.index]:
            links.end(one.home, day, EndReason.OTHER)  # a party household from now on

    return play


def _household_events(links: Links) -> Iterator[tuple[date, Callable[[date], None]]]:
    """Households that turned nominal lose their link; those opened later get one, or wait for it."""
    rng = links.rng
    for one in links.households:
        if one.opened_on > links.begun[one.cell]:
            yield one.opened_on + timedelta(days=rng.randint(5, 40)), _opened(links, one.index)
        for stay in one.stays[1:]:
            if stay.status is ResidenceStatus.NOMINAL:
                yield stay.valid_from, _emptied(links, one.index)


def _opened(links: Links, household: int) -> Callable[[date], None]:
    def play(day: date) -> None:
        if day < links.until:
            _fill(links, household, day)

    return play


def _emptied(links: Links, household: int) -> Callable[[date], None]:
    def play(day: date) -> None:
        if household in links.primary:
            links.end(household, day, EndReason.OTHER)
        if backup := links.backup.pop(household, None):
            backup.valid_to, backup.end_reason = day, EndReason.OTHER

    return play


def _single_changes(links: Links) -> Iterator[tuple[date, Callable[[date], None]]]:
    """One household changes hands, by its own wish or by arrangement."""
    rng = links.rng
    for i in rng.sample(sorted(links.primary), links.places.part_of(SINGLE_CHANGES)):
        reason = EndReason.HOUSEHOLD_WISH if rng.random() < 0.4 else EndReason.HANDED_OVER
        day = day_between(rng, links.until - timedelta(days=360), links.until - timedelta(days=2))
        yield day, _changed_hands(links, i, reason)


def _changed_hands(links: Links, household: int, reason: EndReason) -> Callable[[date], None]:
    def play(day: date) -> None:
        link = links.primary.get(household)
        # A link begun on a later day is the successor's after a time without one: then there is nothing to change.
        if link is not None and link.valid_from < day and (person := links.successor(household, day, link.person)):
            links.hand_over(household, person, day, reason)

    return play


def _fill(links: Links, household: int | None, day: date) -> None:
    """Link a household that has just come into the set."""
    if household is None or household in links.primary or household in links.unlinked:
        return
    if links.is_due(household, day) and (person := links.successor(household, day)):
        links.start(household, person, day)


def _backup_of(links: Links, household: int) -> Person | None:
    backup = links.backup.get(household)
    return backup.person if backup else None
