"""Regular contact and must-visits, worked out as docs/rules.md O2 to O7 say it, anchor by anchor and date by date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from tests.models.oracle.days import days_of

GRACE, COOLING = timedelta(days=7), timedelta(days=30)
ONE = timedelta(days=1)


@dataclass(frozen=True)
class Obligation:
    """One due date. `cancelled` holds the reasons that may be given, none if it counts."""

    kind: str
    since: date
    due_on: date
    met_on: date | None
    cancelled: frozenset[str] = frozenset()

    @property
    def superseded(self) -> bool:
        return bool(self.cancelled - {"declined"})

    @property
    def counts(self) -> bool:
        return not self.cancelled


@dataclass
class Course:
    """What a household has been through, day by day; it answers what is due to it."""

    first: date
    required: Callable[[date], str | None]  # O2: 'away', 'key', 'ordinary', or None on days outside of the set
    interval: Callable[[str, date], int]
    contacts: dict[date, set[str]]
    called_away: set[date]  # days with a contact of one that was away that day
    declined: set[date]  # days with a refusal and without a contact (V9)
    tried_twice: set[date]  # days with a contact after nobody was at home on two days (O2), all of it under one id
    primaries: list[tuple[date, UUID]]  # the first days of primary links and whose they are, in order
    _satisfying: dict[str, list[date]] = field(default_factory=dict)

    def satisfying(self, kind: str) -> list[date]:
        """O2: the days with a contact of the kind required."""
        if kind not in self._satisfying:
            self._satisfying[kind] = [
                day
                for day, modes in sorted(self.contacts.items())
                if kind in ("ordinary", "away") or "in_person" in modes or day in self.tried_twice
            ]
        return self._satisfying[kind]

    def new_primary(self, day: date) -> bool:
        """O3: a primary link begins whose person is not the one of the primary link before."""
        before: UUID | None = None
        for start, person in self.primaries:
            if start == day and person != before:
                return True
            before = person
        return False

    def changes(self, day: date) -> frozenset[str]:
        """O3, O5: what changes on a day, by the reasons of O6; leaving the set is one, too."""
        now, before = self.required(day), self.required(day - ONE)
        if now is None:
            return frozenset({"left"} if before is not None else ())
        if before is None:
            return frozenset({"entered"})
        found = set()
        if now != before:
            found.add("residence" if "away" in (now, before) else "tier")
        if self.new_primary(day):
            found.add("primary")
        return frozenset(found)

    def cooling(self, day: date) -> bool:
        """O6."""
        return any(x <= day < x + COOLING for x in self.declined)

    def anchors(self, day: date, kind: str, interval: timedelta, changed: bool) -> list[tuple[date, date]]:
        """O3: what starts on a day of the set, as (first due date, first day on which a visit counts)."""
        found = []
        contacts = self.satisfying(kind)
        if day in contacts:
            found.append((day + interval, day + ONE))
        if changed:
            entered = day
            while self.required(entered - ONE) is not None:
                entered -= ONE
            last = max((c for c in contacts if c < day), default=entered)
            found.append((max(last + interval, day + min(timedelta(days=30), interval)), day))
        return found

    def regular(self, until: date) -> list[Obligation]:
        """All obligations due before a day, also those that do not count."""
        days = days_of(self.first, until)
        changes = {day: reasons for day in days if (reasons := self.changes(day))}
        found: list[Obligation] = []
        for day in days:
            kind = self.required(day)
            if kind is None:
                continue
            interval = timedelta(days=self.interval(kind, day))
            change = next((later for later in changes if later > day), None)
            for due_on, counts_from in self.anchors(day, kind, interval, day in changes):
                came = next((c for c in self.satisfying(kind) if c >= counts_from), None)
                first_due = due_on
                while due_on < until:
                    met_on = came if came is not None and came <= due_on + GRACE else None
                    if met_on is not None and due_on > first_due:
                        break  # it closes what was missed and starts anew
                    met_before = met_on is not None and change is not None and met_on < change
                    cancelled: frozenset[str] = frozenset()
                    if change is not None and change <= due_on and not met_before:
                        cancelled = changes[change]
                    elif met_on is None and self.cooling(due_on):
                        cancelled = frozenset({"declined"})
                    found.append(Obligation(kind, counts_from, due_on, met_on, cancelled))
                    if met_on is not None:
                        break
                    due_on += interval
        return found

    def must(self, since: date, due_on: date) -> tuple[date | None, bool]:
        """O7: the day that met a must-visit, and whether it was declined in time."""
        window = days_of(since, due_on + ONE)
        met_on = next(
            (
                day
                for day in window
                if "in_person" in self.contacts.get(day, ()) or day in self.called_away or day in self.tried_twice
            ),
            None,
        )
        return met_on, met_on is None and any(day in self.declined for day in window)
