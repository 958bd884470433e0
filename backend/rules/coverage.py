"""Rules of figures: periods, levels, and how a numerator and a denominator are shown (docs/rules.md C1, C11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

DEFINITION_VERSION = 1
#: Below this many households a rate says more about one family than about the work: counts only (C11).
FEWEST_FOR_RATE = 10
#: A new month is kept from this day of the month before, so that booked changes count in it (T5).
NEXT_MONTH_FROM = 25
LEVELS = ("township", "village", "grid", "micro_grid", "branch")
_DEPTH = {
    level: depth
    for depth, level in enumerate(("province", "city", "county", "township", "village", "group", "grid", "micro_grid"))
}
NOTE_FEW = "少于 10 户，只列户数，不计比率"
NOTE_NONE = "没有应联户"


@dataclass(frozen=True)
class Metric:
    """A figure: its columns, the column that counts the households it is about, and the one of those not yet due."""

    id: str
    name: str
    numerator: str
    denominator: str
    households: str
    pending: str | None


METRICS = (
    Metric("assignment_coverage", "联系覆盖率（当日）", "stock_covered", "stock", "stock", None),
    Metric("assignment_days", "联系覆盖率（期内）", "covered", "exposed", "households", "not_yet"),
    Metric("contact_coverage", "联系到户率", "contacted", "households", "households", "not_yet"),
    Metric("visit_coverage", "走访覆盖率", "visited", "resident", "resident", "not_yet"),
)


def month_id(day: date) -> int:
    """202611 for a day of November 2026."""
    return day.year * 100 + day.month


def month_span(month: int) -> tuple[date, date]:
    """First day of a month, and first day of the next."""
    start = date(month // 100, month % 100, 1)
    return start, (start + timedelta(days=32)).replace(day=1)


def parse_month(period: str) -> int | None:
    """`2026-11` -> 202611; None when it is no month."""
    match = re.fullmatch(r"(2\d{3})-(0[1-9]|1[0-2])", period, re.ASCII)
    return int(match[1]) * 100 + int(match[2]) if match else None


def printed_month(month: int) -> str:
    """202611 -> `2026-11`."""
    return f"{month // 100}-{month % 100:02}"


def months_to_keep(kept: list[int], today: date) -> list[int]:
    """The months that are not kept yet but should be: up to this one, and the next from the 25th."""
    last = today if today.day < NEXT_MONTH_FROM else today.replace(day=1) + timedelta(days=32)
    first = month_span(max(kept))[1] if kept else today.replace(day=1)
    missing = []
    while month_id(first) <= month_id(last):
        missing.append(month_id(first))
        first = month_span(month_id(first))[1]
    return missing


def stock_day(month: int, today: date) -> date:
    """The day whose stock a month shows when none is asked for: today, or its last day when it is over."""
    start, until = month_span(month)
    return min(max(today, start), until - timedelta(days=1))


def level_fits(area_level: str, level: str) -> bool:
    """Whether an area can be shown by a level: not by a coarser one."""
    return level == "branch" or _DEPTH[level] >= _DEPTH[area_level]


def figures(sums: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The metrics of a row of sums: value to four places, numerator, denominator, and a note where there is no value.

    The value is null when there is nobody to count, or too few for a rate; it is never 0 for want of data.
    """
    shown = {}
    for metric in METRICS:
        numerator, denominator, households = sums[metric.numerator], sums[metric.denominator], sums[metric.households]
        note = NOTE_NONE if not denominator else NOTE_FEW if households < FEWEST_FOR_RATE else None
        shown[metric.id] = {
            "value": None if note else round(numerator / denominator, 4),
            "numerator": numerator,
            "denominator": denominator,
            "pending": sums[metric.pending] if metric.pending else 0,
            "note": note,
        }
    return shown
