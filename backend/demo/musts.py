"""The must-visits: life events and returns for which somebody has to come soon, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

from backend.demo.accounts import Accounts
from backend.demo.duty import Duty
from backend.demo.households import Household
from backend.demo.places import Places
from backend.demo.seed import at, day_between, new_id
from backend.rules.households import ResidenceStatus
from backend.rules.obligations import RETURN_AFTER_DAYS, WITHDRAW_REASONS, MustVisitKind, Source

#: Life events of a township in a year, without the returns.
EVENTS = 6_600
#: Kind -> (share of the life events, days to the deadline, how much more often from June to August).
KINDS = {
    MustVisitKind.ILLNESS: (0.34, 3, 0.8),
    MustVisitKind.FUNERAL: (0.12, 3, 0.9),
    MustVisitKind.HARDSHIP: (0.18, 3, 1.0),
    MustVisitKind.HELP_REQUEST: (0.26, 3, 1.0),
    MustVisitKind.DISASTER: (0.10, 1, 4.0),
}
#: A return is raised after some days at home, and due fifteen days later.
NOTICED = timedelta(days=RETURN_AFTER_DAYS)
RETURN_DUE = NOTICED + timedelta(days=15)
#: Of those not met in time: withdrawn, declined by the household, met late; the rest wait.
WITHDRAWN, DECLINED, LATE = 0.2, 0.1, 0.4


@dataclass(slots=True)
class MustVisit:
    """A must-visit; `answered_on` and `declined` are what the visits make of it."""

    id: UUID
    household: Household
    kind: MustVisitKind
    since: date
    due_on: date
    source: Source
    raised_by: UUID | None
    recorded_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_by: UUID | None = None
    withdraw_reason: str | None = None
    answered_on: date | None = None
    declined: bool = False


def make_must_visits(
    places: Places,
    households: list[Household],
    duty: Duty,
    accounts: Accounts,
    zeal: list[float],
    start: date,
    until: date,
) -> list[MustVisit]:
    """All must-visits since `start` that were known before `until`, in the order in which they became known."""
    rng = places.stream("must-visits")
    found = [
        _answer(rng, one, zeal[one.household.village], places, accounts, until)
        for one in (
            *_returns(rng, households, duty, until),
            *_events(rng, places, households, duty, accounts, start, until),
        )
    ]
    return sorted(found, key=lambda one: (one.recorded_at, one.id))


def _returns(rng: Random, households: list[Household], duty: Duty, until: date) -> list[MustVisit]:
    found = []
    for one in households:
        for before, stay in zip(one.stays, one.stays[1:], strict=False):
            is_return = before.status is ResidenceStatus.AWAY and stay.status is ResidenceStatus.RESIDENT
            known = stay.valid_from + NOTICED
            stayed = known < until and (stay.valid_to is None or known <= stay.valid_to)
            if is_return and stayed and duty.is_asked_for(one, known - timedelta(days=1)):
                due = stay.valid_from + RETURN_DUE
                found.append(
                    MustVisit(
                        new_id(rng), one, MustVisitKind.RETURN, stay.valid_from, due, Source.EVENT, None, at(known, 2)
                    )
                )
    return found


def _events(
    rng: Random,
    places: Places,
    households: list[Household],
    duty: Duty,
    accounts: Accounts,
    start: date,
    until: date,
) -> list[MustVisit]:
    """Life events, evenly over the households where somebody lives; the member or the secretary writes them down."""
    found, end = [], at(until, 0)
    kinds, weights = list(KINDS), [share for share, _, _ in KINDS.values()]
    in_summer = [share * summer for share, _, summer in KINDS.values()]
    for _ in range(places.part_of(EVENTS) * (until - start).days // 365):
        one, day = rng.choice(households), day_between(rng, start, until - timedelta(days=1))
        recorded = at(day, rng.randint(7, 20), rng.randint(0, 59)) + timedelta(seconds=rng.randint(0, 59))
        kind = rng.choices(kinds, in_summer if day.month in (6, 7, 8) else weights)[0]
        if one.status_on(day) is not ResidenceStatus.RESIDENT or not duty.is_asked_for(one, day) or recorded >= end:
            continue
        holder = duty.holder(one, day)
        own = accounts.of_person.get(holder.index) if holder and rng.random() < 0.6 else None
        raised_by = own or accounts.of_branch[places.cells[one.cell].branch.id]
        due = day + timedelta(days=KINDS[kind][1])
        source = Source.MEMBER if own else Source.STAFF
        found.append(MustVisit(new_id(rng), one, kind, day, due, source, raised_by.id, recorded))
    return found


def _answer(rng: Random, one: MustVisit, zeal: float, places: Places, accounts: Accounts, until: date) -> MustVisit:
    """Nine of ten are met in time, in weak villages fewer; a few are withdrawn, declined, met late or wait."""
    window = (one.due_on - one.since).days
    # A family that came home is best seen while it is there.
    days = min(window, 16)
    if rng.random() < 0.55 + 0.36 * min(zeal, 1.1):
        one.answered_on = one.since + timedelta(days=min(int(rng.triangular(0, days + 1, days / 4)), days))
        return one
    chance = rng.random()
    if chance < WITHDRAWN:
        withdrawn = one.recorded_at + timedelta(hours=rng.randint(2, 40), seconds=rng.randint(0, 59))
        if withdrawn < at(until, 0):
            one.withdrawn_at, one.withdraw_reason = withdrawn, rng.choice([*WITHDRAW_REASONS])
            one.withdrawn_by = one.raised_by or accounts.of_branch[places.cells[one.household.cell].branch.id].id
    elif chance < WITHDRAWN + DECLINED:
        one.answered_on, one.declined = day_between(rng, one.since, one.due_on), True
    elif chance < WITHDRAWN + DECLINED + LATE:
        one.answered_on = one.due_on + timedelta(days=rng.randint(1, 8))
    return one
