"""Periods of figures: natural months, quarters and years, their ids and their days (docs/rules.md C1, T5)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

#: The next period is kept from this day of the month before, so that booked changes count in it (T5).
NEXT_FROM = 25


class Kind(StrEnum):
    """What a period is, and so how many months it has."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def months(self) -> int:
        return {"month": 1, "quarter": 3, "year": 12}[self]


@dataclass(frozen=True, order=True)
class Period:
    """A natural month, quarter or year: `[start, until)`. Ordered by start, the shorter first."""

    start: date
    kind: Kind

    @classmethod
    def containing(cls, day: date, kind: Kind = Kind.MONTH) -> Period:
        """The period of a kind in which a day lies."""
        return cls(date(day.year, (day.month - 1) // kind.months * kind.months + 1, 1), kind)

    @classmethod
    def parse(cls, text: str) -> Period | None:
        """`2026-11`, `2026Q4` or `2026`; None for anything else."""
        match = re.fullmatch(r"(2\d{3})(?:-(0[1-9]|1[0-2])|Q([1-4]))?", text, re.ASCII)
        if match is None:
            return None
        year, month, quarter = int(match[1]), match[2], match[3]
        if month:
            return cls(date(year, int(month), 1), Kind.MONTH)
        return cls(date(year, 3 * int(quarter) - 2, 1), Kind.QUARTER) if quarter else cls(date(year, 1, 1), Kind.YEAR)

    @classmethod
    def of_id(cls, number: int) -> Period:
        """202611 is November 2026, 20264 its fourth quarter, 2026 the year; the inverse of `id`."""
        text = str(number)
        found = cls.parse({4: text, 5: f"{text[:4]}Q{text[4:]}", 6: f"{text[:4]}-{text[4:]}"}[len(text)])
        assert found is not None, number
        return found

    @property
    def id(self) -> int:
        """The key of the period in the database."""
        year = self.start.year
        if self.kind is Kind.MONTH:
            return year * 100 + self.start.month
        return year * 10 + (self.start.month + 2) // 3 if self.kind is Kind.QUARTER else year

    @property
    def until(self) -> date:
        """The first day after the period."""
        return self.shifted(1).start

    @property
    def last_day(self) -> date:
        return self.until - timedelta(days=1)

    @property
    def months(self) -> tuple[Period, ...]:
        """The months inside, in order; of a month itself."""
        first = Period(self.start, Kind.MONTH)
        return tuple(first.shifted(n) for n in range(self.kind.months))

    @property
    def year_before(self) -> Period:
        """The same period of the year before."""
        return Period(self.start.replace(year=self.start.year - 1), self.kind)

    def shifted(self, number: int) -> Period:
        """The period of the same kind so many later; negative for earlier."""
        count = self.start.year * 12 + self.start.month - 1 + number * self.kind.months
        return Period(date(count // 12, count % 12 + 1, 1), self.kind)

    def __str__(self) -> str:
        year = self.start.year
        if self.kind is Kind.MONTH:
            return f"{year}-{self.start.month:02}"
        return f"{year}Q{(self.start.month + 2) // 3}" if self.kind is Kind.QUARTER else str(year)


def to_keep(kept: Collection[Period], today: date) -> list[Period]:
    """The periods that are not kept yet but should be, in order.

    Of each kind from the one after the last kept, or from the beginning of the year, up to the current one; the next
    one from the 25th of the month before. Quarters and years add up months, so their months come with them.
    """
    days = [today] if today.day < NEXT_FROM else [today, Period.containing(today).until]
    wanted = set()
    for kind in Kind:
        last = max((period for period in kept if period.kind is kind), default=None)
        one = last.shifted(1) if last else Period.containing(today.replace(month=1, day=1), kind)
        while one.start <= days[-1]:
            wanted.add(one)
            one = one.shifted(1)
    wanted |= {month for whole in {*kept, *wanted} for month in whole.months if month.start <= days[-1]}
    return sorted(wanted.difference(kept))


def stock_day(period: Period, today: date) -> date:
    """The day whose stock a period shows when none is asked for: today, or its last day when it is over."""
    return min(max(today, period.start), period.last_day)
