"""Chance that repeats: seeded streams, ids from them, days, and sharing out a total exactly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from uuid import UUID

from backend.settings import CHINA


def stream(name: str, number: int = 0) -> Random:
    """The stream of chance for one purpose of a township; more draws for one purpose do not move the others."""
    return Random(f"lianhu demo township: {name}" + (f", {number}" if number else ""))


def new_id(rng: Random) -> UUID:
    """The next id of a stream."""
    return UUID(int=rng.getrandbits(128), version=4)


def shares(weights: Sequence[float], total: int, least: int = 0) -> list[int]:
    """`total` shared out in proportion to the weights by largest remainder, nobody getting less than `least`.

    Raises ValueError when `total` is too small for that.
    """
    if total < least * len(weights):
        raise ValueError("the total is too small to give everybody the least share")
    quotas = [weight * total / sum(weights) for weight in weights]
    found = [max(least, int(quota)) for quota in quotas]
    while (missing := total - sum(found)) != 0:
        step = 1 if missing > 0 else -1
        # The one furthest below (or above) its quota is next; ties go to the first.
        open_ones = [i for i in range(len(found)) if step > 0 or found[i] > least]
        chosen = max(open_ones, key=lambda i: (quotas[i] - found[i]) * step)
        found[chosen] += step
    return found


def day_between(rng: Random, first: date, last: date) -> date:
    """Any day from `first` to `last`, both included."""
    return first + timedelta(days=rng.randint(0, max(0, (last - first).days)))


def at(day: date, hour: int = 10, minute: int = 0) -> datetime:
    """An instant of a day in China."""
    return datetime.combine(day, time(hour, minute), CHINA)


def months_before(day: date, months: int) -> date:
    """The same day some months earlier, or the last day of that month if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
