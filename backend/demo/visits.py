"""The visits: contacts and attempts by who was linked on the day, and how they were written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from backend.demo.accounts import Accounts
from backend.demo.calendar import HOUR_WEIGHTS, HOURS, Quarter, quarters
from backend.demo.duty import Duty
from backend.demo.households import Household
from backend.demo.musts import MustVisit
from backend.demo.people import Person
from backend.demo.places import Places
from backend.demo.remarks import remark, topics_of
from backend.demo.seed import at, new_id
from backend.rules.households import ResidenceStatus

#: Contacts of an average month or quarter: of a key household in a month, of others and of those away in a quarter.
KEY, ORDINARY, AWAY = 0.86, 0.82, 0.62
#: Nobody is sure to be met: up to so much is one contact, what is more comes on top.
SURE = 0.95
#: Each household has its turn in a month or quarter, give or take a part of it; others have none.
GIVE_OR_TAKE, WITHOUT_TURN = 0.06, 0.15
WEAK_VILLAGES, STRONG_VILLAGES = 7, 10


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


def make_zeal(places: Places) -> list[float]:
    """How much of what is due a village does: most nearly all, a few much less. The first is an ordinary one."""
    rng = places.stream("zeal")
    found = [min(1.1, rng.gauss(1.02, 0.05)) for _ in places.villages]
    weak, strong = places.part_of(WEAK_VILLAGES), places.part_of(STRONG_VILLAGES)
    chosen = rng.sample(range(1, len(found)), weak + strong)
    for n, village in enumerate(chosen):
        found[village] = rng.uniform(0.4, 0.7) if n < weak else rng.uniform(1.1, 1.17)
    return found


@dataclass(slots=True)
class Visiting:
    """What visits follow from. They are invented a natural quarter at a time, each quarter from its own stream."""

    places: Places
    households: list[Household]
    duty: Duty
    accounts: Accounts
    zeal: list[float]
    must_visits: list[MustVisit]
    start: date
    until: date
    density: float = 1.0

    def __iter__(self) -> Iterator[Visit]:
        """All visits known before `until`, within each quarter in the order in which the server learnt of them."""
        for quarter in quarters(self.start, self.until):
            yield from sorted(_Writer(self, quarter).write(), key=lambda visit: (visit.recorded_at, visit.id))


class _Writer:
    """Turns what is due in a quarter into what was written down."""

    def __init__(self, work: Visiting, quarter: Quarter) -> None:
        self.work, self.quarter, self.duty, self.accounts = work, quarter, work.duty, work.accounts
        self.rng = work.places.stream(f"visits {quarter.name}")
        self.end = at(work.until, 0)
        self.visits: list[Visit] = []

    def write(self) -> list[Visit]:
        """The quarter's visits: planned ones household by household, then those that answer must-visits."""
        for one in self.work.households:
            self._visit(one)
        last = self.quarter.days[-1]
        for must in self.work.must_visits:
            if must.answered_on and self.quarter.first <= must.answered_on <= last:
                self._respond(must.household, must.answered_on, must.declined)
        return self.visits

    def _visit(self, one: Household) -> None:
        """The days on which somebody sets out for a household."""
        rng, quarter = self.rng, self.quarter
        status = one.status_on(quarter.days[45])
        if status is ResidenceStatus.NOMINAL:
            return
        zeal = self.work.zeal[one.village] * self.work.density
        turn = one.index * 0.618034 % 1 if rng.random() > WITHOUT_TURN else rng.random()
        if status is not ResidenceStatus.AWAY and one.is_key(quarter.days[-1]):
            stretches = [(KEY * zeal * season, first, end) for first, end, season in quarter.months]
        else:
            share = AWAY if status is ResidenceStatus.AWAY else ORDINARY
            stretches = [(share * zeal * quarter.season, 0, len(quarter.days))]
        for wanted, first, end in stretches:
            visits = int(rng.random() < min(wanted, SURE)) + int(max(0.0, wanted - SURE) + rng.random())
            for n in range(visits):
                share = abs(turn + rng.uniform(-GIVE_OR_TAKE, GIVE_OR_TAKE)) if n == 0 else rng.random()
                self._plan(one, quarter.pick(min(share, 2 - share), first, end))
            if not visits and rng.random() < 0.1:
                self._attempt(one, quarter.pick(rng.random(), first, end))

    def _plan(self, one: Household, day: date) -> None:
        """A contact on a day, perhaps after an attempt, perhaps by two."""
        rng = self.rng
        visitor = self._visitor(one, day)
        if visitor is None:
            return
        away = one.status_on(day) is ResidenceStatus.AWAY
        chance = rng.random()
        mode = "remote" if chance < (0.97 if away else 0.04) else "gathering" if chance > 0.975 else "in_person"
        outcome = "declined" if mode != "gathering" and rng.random() < 0.006 else "met"
        if mode == "in_person" and rng.random() < 0.08:
            self._attempt(one, day - timedelta(days=rng.randint(1, 6)))
        self._write(one, visitor, day, mode, outcome)
        if mode == "in_person" and rng.random() < 0.012 and (second := self.duty.mate(rng, one, visitor)):
            self._write(one, second, day, mode, outcome)

    def _attempt(self, one: Household, day: date) -> None:
        """Somebody knocked and nobody was at home."""
        if one.status_on(day) is ResidenceStatus.RESIDENT:
            visitor = self._visitor(one, day)
            if visitor is not None:
                self._write(one, visitor, day, "in_person", "not_home")

    def _respond(self, one: Household, day: date, declined: bool) -> None:
        """Somebody goes at once, or calls who is away."""
        visitor = self.duty.holder(one, day) or self.duty.mate(self.rng, one)
        if visitor is not None and self.duty.is_asked_for(one, day):
            mode = "in_person" if one.status_on(day) is ResidenceStatus.RESIDENT else "remote"
            self._write(one, visitor, day, mode, "declined" if declined else "met")

    def _visitor(self, one: Household, day: date) -> Person | None:
        """The linked member, now and then another of the branch; in a gap the branch looks in sometimes."""
        rng = self.rng
        if not self.duty.is_asked_for(one, day):
            return None
        holder = self.duty.holder(one, day)
        if holder is None:
            return self.duty.mate(rng, one) if rng.random() < 0.3 else None
        return (self.duty.mate(rng, one, holder) or holder) if rng.random() < 0.03 else holder

    def _write(self, one: Household, visitor: Person, day: date, mode: str, outcome: str) -> None:
        """Write a visit down, unless it lies before the first day or nobody knows of it yet."""
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
            topics=topics_of(rng, day, one.is_key(day)) if outcome == "met" else [],
            companions=[],
            backfill_reason=rng.choice(("paper_record", "busy", "no_signal", "forgot")) if late > 7 else None,
        )
        if late == 0 and rng.random() < 0.07:  # written down at once, but the phone had no signal until later
            visit.recorded_at = noted + timedelta(days=rng.randint(1, 5), minutes=rng.randint(0, 180))
        if outcome == "met":
            visit.needs_follow_up = rng.random() < 0.05
            if rng.random() < 0.04 or (visit.needs_follow_up and rng.random() < 0.3):
                visit.note = remark(rng, day)
        if mode == "in_person" and not visitor.town and rng.random() < 0.06:
            companion = self.duty.mate(rng, one, visitor)
            visit.companions = [companion.id] if companion and companion.branch is visitor.branch else []
        wrong = self._wrong(visit) if rng.random() < 0.005 else None
        if day >= self.work.start and visit.recorded_at < self.end:
            self.visits += [visit] if wrong is None else [wrong, visit]

    def _noted(self, day: date, on_behalf: bool) -> datetime:
        """When it was written down: mostly the same day, sometimes up to five days later, rarely more than a week."""
        rng = self.rng
        hour = rng.choices(HOURS, cum_weights=HOUR_WEIGHTS)[0]
        moment = at(day, hour, rng.randint(0, 59)) + timedelta(seconds=rng.randint(0, 59))
        chance = rng.random()
        if chance < (0.25 if on_behalf else 0.03):
            return moment + timedelta(days=rng.randint(1, 5))
        return moment + timedelta(days=rng.randint(8, 12)) if chance > 0.995 else moment

    def _wrong(self, right: Visit) -> Visit:
        """Before the right one a wrong one was entered, and voided."""
        wrong = replace(right, id=new_id(self.rng), topics=["nothing_new"], note=None, needs_follow_up=False)
        wrong.noted_at = right.noted_at - timedelta(minutes=3)
        wrong.recorded_at = right.recorded_at - timedelta(minutes=2)
        wrong.voided_at = right.recorded_at - timedelta(minutes=1)
        wrong.void_reason = self.rng.choice(("wrong_content", "duplicate"))
        return wrong
