"""When visits happen: the seasons of a year, 主题党日, weekends, the hours of a day."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate

#: How much is done in each month of the year, 1 being the average: greetings and those who are home at 春节, 春耕,
#: 防返贫排查 and 三夏, 七一, high summer, 三秋, 医保缴费 and 防寒.
SEASON = {
    1: 1.6, 2: 1.6, 3: 0.9, 4: 0.85, 5: 0.95, 6: 0.9, 7: 0.95, 8: 0.8, 9: 0.75, 10: 0.8, 11: 0.95, 12: 0.95,
}  # fmt: skip
#: 主题党日: the 10th of each month; with the two days after it about a quarter of a month's visits.
PARTY_DAYS = {10: 4.0, 11: 3.0, 12: 2.0}
HOURS = range(7, 21)
HOUR_WEIGHTS = tuple(accumulate((2, 6, 8, 7, 3, 2, 1, 1, 2, 3, 6, 8, 7, 3)))


class Quarter:
    """A natural quarter with how much is done on each of its days."""

    def __init__(self, first: date) -> None:
        self.first = first
        self.name = f"{first.year}Q{first.month // 3 + 1}"
        end = (first + timedelta(days=95)).replace(day=1)
        self.days = [first + timedelta(days=n) for n in range((end - first).days)]
        weights = (PARTY_DAYS.get(day.day, 1.1 if day.weekday() >= 5 else 0.9) * SEASON[day.month] for day in self.days)
        self._cumulated = list(accumulate(weights, initial=0.0))
        #: (first, last + 1) of the days of each month, and its season; and the season of all three.
        self.months: list[tuple[int, int, float]] = []
        for month in range(first.month, first.month + 3):
            inside = [n for n, day in enumerate(self.days) if day.month == month]
            self.months.append((inside[0], inside[-1] + 1, SEASON[month]))
        self.season = sum(season for _, _, season in self.months) / 3

    def pick(self, share: float, first: int = 0, end: int | None = None) -> date:
        """The day of a stretch on which a share (0 to 1) of the stretch's work is done, so busy days come more often."""
        end = len(self.days) if end is None else end
        low, high = self._cumulated[first], self._cumulated[end]
        return self.days[min(max(bisect_left(self._cumulated, low + share * (high - low)) - 1, first), end - 1)]


def quarters(start: date, until: date) -> Iterator[Quarter]:
    """The natural quarters that hold the days from `start` to the one before `until`."""
    first = date(start.year, (start.month - 1) // 3 * 3 + 1, 1)
    while first < until:
        yield Quarter(first)
        first = (first + timedelta(days=95)).replace(day=1)
