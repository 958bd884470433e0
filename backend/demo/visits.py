"""The visits: three months of contacts and attempts, by who was linked on the day, and how they were written down."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random
from uuid import UUID

from backend.demo.accounts import Accounts
from backend.demo.households import Household
from backend.demo.links import Link
from backend.demo.people import People, Person
from backend.demo.places import Places
from backend.demo.remarks import remark, topics_of
from backend.demo.seed import at, new_id, stream
from backend.rules.assignments import AssignmentRole
from backend.rules.households import ResidenceStatus

#: Chance of a contact: ordinary in three months, key in a month, away in three months, a life event in three months.
ORDINARY, KEY, AWAY, EVENT = 0.83, 0.90, 0.64, 0.13
#: 主题党日: the 10th of each month; with the two days after it about a quarter of a month's visits.
PARTY_DAYS = {10: 4.0, 11: 3.0, 12: 2.0}
WEAK_VILLAGES, STRONG_VILLAGES = 7, 10
HOURS, HOUR_WEIGHTS = range(7, 21), (2, 6, 8, 7, 3, 2, 1, 1, 2, 3, 6, 8, 7, 3)


@dataclass(slots=True)
class Visit:
    id: UUID
    household: Household
    visitor: Person
    entered_by: UUID
    on_behalf: bool
    occurred_on: date
    noted_at: datetime
    recorded_at: datetime
    mode: str
    outcome: str
    topics: list[str]
    companions: list[UUID]
    note: str | None = None
    backfill_reason: str | None = None
    needs_follow_up: bool = False
    voided_at: datetime | None = None
    void_reason: str | None = None


class Calendar:
    """The days of the demo with how much is done on each."""

    def __init__(self, start: date, until: date) -> None:
        self.start, self.until = start, until
        self.days = [start + timedelta(days=n) for n in range((until - start).days)]
        weights = [PARTY_DAYS.get(day.day, 1.1 if day.weekday() >= 5 else 0.9) for day in self.days]
        self.cumulated = list(accumulate(weights))
        #: (first, last + 1) of each month's days, with the part of a whole month's work that they hold.
        self.months: list[tuple[int, int, float]] = []
        for month in sorted({(day.year, day.month) for day in self.days}):
            inside = [n for n, day in enumerate(self.days) if (day.year, day.month) == month]
            done = sum(weights[n] for n in inside)
            self.months.append((inside[0], inside[-1] + 1, min(1.0, done / (27 + sum(PARTY_DAYS.values())))))

    def pick(self, rng: Random, first: int = 0, end: int | None = None) -> date:
        """A day of a stretch, busy days more often."""
        end = len(self.days) if end is None else end
        low = self.cumulated[first - 1] if first else 0.0
        point = rng.uniform(low, self.cumulated[end - 1])
        return self.days[min(max(bisect_left(self.cumulated, point), first), end - 1)]


class Duty:
    """Who answered for a household on a day."""

    def __init__(self, links: list[Link], people: People) -> None:
        self.primaries: dict[int, list[Link]] = defaultdict(list)
        linked: set[int] = set()
        for link in links:
            if link.role is AssignmentRole.PRIMARY:
                self.primaries[link.household].append(link)
                linked.add(link.person.index)
        self.mates: dict[int, list[Person]] = defaultdict(list)
        for one in (*people.members, *people.grid_workers):
            # Members of the town's branches answer for no village; newcomers have yet to begin.
            if one.cell is not None and not one.town and ((one.is_stable and one.index in linked) or not one.is_member):
                self.mates[one.cell].append(one)
        self.homes: dict[int, list[tuple[Person, list[Link]]]] = defaultdict(list)
        held: dict[int, list[Link]] = defaultdict(list)
        for link in links:
            held[link.person.index].append(link)
        for one in people.members:
            if one.home is not None and held[one.index]:
                self.homes[one.home].append((one, held[one.index]))

    def holder(self, household: int, day: date) -> Person | None:
        """The person with the primary link."""
        return next((link.person for link in self.primaries[household] if _holds(link, day)), None)

    def mate(self, rng: Random, household: Household, besides: Person | None = None) -> Person | None:
        """Somebody of the household's branch who does not live there."""
        able = [one for one in self.mates[household.cell] if one.home != household.index and one is not besides]
        return rng.choice(able) if able else None

    def is_party_household(self, household: int, day: date) -> bool:
        """Whether a linked member lives there: nobody is asked to visit it."""
        return any(_holds(link, day) for _, links in self.homes.get(household, ()) for link in links)


def _holds(link: Link, day: date) -> bool:
    return link.valid_from <= day and (link.valid_to is None or day < link.valid_to)


def make_visits(
    places: Places,
    households: list[Household],
    people: People,
    links: list[Link],
    accounts: Accounts,
    calendar: Calendar,
) -> list[Visit]:
    """All visits, in the order in which the server learnt of them."""
    writer = _Writer(stream("visits"), Duty(links, people), accounts, calendar)
    zeal = _zeal(stream("zeal"), places)
    for one in households:
        for day in _planned(writer, one, zeal[one.village]):
            writer.plan(one, day)
    writer.visits.sort(key=lambda visit: (visit.recorded_at, visit.id))
    return writer.visits


def _zeal(rng: Random, places: Places) -> list[float]:
    """How much of what is due a village does: most nearly all, a few much less. The first is an ordinary one."""
    found = [min(1.1, rng.gauss(1.02, 0.05)) for _ in places.villages]
    chosen = rng.sample(range(1, len(found)), WEAK_VILLAGES + STRONG_VILLAGES)
    for n, village in enumerate(chosen):
        found[village] = rng.uniform(0.4, 0.7) if n < WEAK_VILLAGES else rng.uniform(1.1, 1.17)
    return found


def _planned(writer: _Writer, one: Household, zeal: float) -> list[date]:
    """The days on which somebody sets out for a household."""
    rng, calendar = writer.rng, writer.calendar
    if one.status is ResidenceStatus.NOMINAL and len(one.stays) == 1:
        return []
    share = AWAY if one.status is ResidenceStatus.AWAY else KEY if one.is_key else ORDINARY
    days: list[date] = []
    if one.is_key:
        for first, end, part in calendar.months:
            if rng.random() < min(0.98, share * zeal) * part:
                days.append(calendar.pick(rng, first, end))
    elif rng.random() < min(0.98, share * zeal):
        days.append(calendar.pick(rng))
    if one.status is ResidenceStatus.RESIDENT and rng.random() < EVENT * zeal:
        days.append(calendar.pick(rng))
    if not days and rng.random() < 0.1:
        writer.attempt(one, calendar.pick(rng))
    return days


class _Writer:
    """Turns a plan into what was written down."""

    def __init__(self, rng: Random, duty: Duty, accounts: Accounts, calendar: Calendar) -> None:
        self.rng, self.duty, self.accounts, self.calendar = rng, duty, accounts, calendar
        self.end = at(calendar.until, 0)
        self.visits: list[Visit] = []

    def plan(self, one: Household, day: date) -> None:
        """A contact on a day, perhaps after an attempt, perhaps by two."""
        rng = self.rng
        visitor = self._visitor(one, day)
        if visitor is None:
            return
        away = one.status_on(day) is ResidenceStatus.AWAY
        chance = rng.random()
        mode = "remote" if chance < (0.97 if away else 0.04) else "gathering" if chance > 0.975 else "in_person"
        outcome = "declined" if mode != "gathering" and rng.random() < 0.007 else "met"
        if mode == "in_person" and rng.random() < 0.08:
            self.attempt(one, day - timedelta(days=rng.randint(1, 6)))
        self._write(one, visitor, day, mode, outcome)
        if mode == "in_person" and rng.random() < 0.012 and (second := self.duty.mate(rng, one, visitor)):
            self._write(one, second, day, mode, outcome)

    def attempt(self, one: Household, day: date) -> None:
        """Somebody knocked and nobody was at home."""
        if day >= self.calendar.start and one.status_on(day) is ResidenceStatus.RESIDENT:
            visitor = self._visitor(one, day)
            if visitor is not None:
                self._write(one, visitor, day, "in_person", "not_home")

    def _visitor(self, one: Household, day: date) -> Person | None:
        """The linked member, now and then another of the branch; in a gap the branch looks in sometimes."""
        rng = self.rng
        if one.status_on(day) in (None, ResidenceStatus.NOMINAL) or self.duty.is_party_household(one.index, day):
            return None
        holder = self.duty.holder(one.index, day)
        if holder is None:
            return self.duty.mate(rng, one) if rng.random() < 0.3 else None
        return (self.duty.mate(rng, one, holder) or holder) if rng.random() < 0.03 else holder

    def _write(self, one: Household, visitor: Person, day: date, mode: str, outcome: str) -> None:
        rng = self.rng
        account, on_behalf = self.accounts.enters(rng, visitor)
        noted = self._noted(day, on_behalf)
        late = (noted.date() - day).days
        visit = Visit(
            id=new_id(rng),
            household=one,
            visitor=visitor,
            entered_by=account,
            on_behalf=on_behalf,
            occurred_on=day,
            noted_at=noted,
            recorded_at=noted + timedelta(seconds=rng.randint(1, 40), milliseconds=rng.randint(0, 999)),
            mode=mode,
            outcome=outcome,
            topics=topics_of(rng, day, one.is_key) if outcome == "met" else [],
            companions=[],
            backfill_reason=rng.choice(("paper_record", "busy", "no_signal", "forgot")) if late > 7 else None,
        )
        if late == 0 and rng.random() < 0.07:  # written down at once, but the phone had no signal until later
            delivered = noted + timedelta(days=rng.randint(1, 5), minutes=rng.randint(0, 180))
            visit.recorded_at = delivered if delivered < self.end else visit.recorded_at
        if outcome == "met":
            visit.needs_follow_up = rng.random() < 0.05
            if rng.random() < 0.04 or (visit.needs_follow_up and rng.random() < 0.3):
                visit.note = remark(rng, day)
        if mode == "in_person" and not visitor.town and rng.random() < 0.06:
            companion = self.duty.mate(rng, one, visitor)
            visit.companions = [companion.id] if companion and companion.branch is visitor.branch else []
        self.visits.append(visit)
        if rng.random() < 0.005:
            self._void(visit)

    def _noted(self, day: date, on_behalf: bool) -> datetime:
        """When it was written down: mostly the same day, sometimes up to five days later, rarely more than a week."""
        rng = self.rng
        moment = at(day, rng.choices(HOURS, HOUR_WEIGHTS)[0], rng.randint(0, 59)) + timedelta(
            seconds=rng.randint(0, 59)
        )
        chance = rng.random()
        if chance < (0.25 if on_behalf else 0.03):
            later = moment + timedelta(days=rng.randint(1, 5))
        elif chance > 0.995:
            later = moment + timedelta(days=rng.randint(8, 12))
        else:
            return moment
        return later if later < self.end - timedelta(hours=1) else moment

    def _void(self, right: Visit) -> None:
        """Before the right one a wrong one was entered, and voided."""
        wrong = replace(right, id=new_id(self.rng), topics=["nothing_new"], note=None, needs_follow_up=False)
        wrong.noted_at = right.noted_at - timedelta(minutes=3)
        wrong.recorded_at = right.recorded_at - timedelta(minutes=2)
        wrong.voided_at = right.recorded_at - timedelta(minutes=1)
        wrong.void_reason = self.rng.choice(("wrong_content", "duplicate"))
        self.visits.append(wrong)
