"""Two periods beside each other, under one version of each figure (docs/rules.md F4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from backend import problems
from backend.http.viewer import Viewer
from backend.rules import coverage as rules
from backend.rules.definitions import CATALOGUE, Definition, in_force
from backend.rules.periods import Period, stock_day
from backend.services.coverage.answers import ReadyAnswers
from backend.services.coverage.reading import NOTHING, Place, counted, parsed, place_of, row_head, sums, total
from backend.settings import CHINA
from models.coverage import keeping, reading
from models.database import Record

#: Without a level there is the total alone; branches are the fewest rows to add up.
FEWEST_ROWS = "branch"


class Source(StrEnum):
    """Which figures of the two periods are compared."""

    FROZEN = "frozen"
    OPEN = "open"
    MISSING = "missing"


WORDS = {
    Source.FROZEN: "两期都已按同一口径定稿，用定稿数据比较",
    Source.OPEN: "两期没有都按同一口径定稿，都用现在的数据、按现行口径比较",
    Source.MISSING: "有一期没有数据，不能比较",
}


@dataclass(frozen=True)
class Side:
    """One of the two periods: its sums by place, open and frozen."""

    period: Period
    started: bool
    counted: rules.Counted
    rows: Mapping[UUID | None, Record]
    frozen: Mapping[UUID | None, Record]
    versions: Mapping[str, int]

    def frozen_version(self, definition: Definition) -> Definition | None:
        """The definition under which this figure is frozen, if it is."""
        catalogue = self.versions.get(definition.part)
        known = self.counted.knows(definition)
        return in_force(catalogue).get(definition.id) if catalogue and known else None

    def open_version(self, definition: Definition) -> int:
        """The version that the open rows follow; while an older catalogue is being counted anew, an older one."""
        return in_force(min(self.counted.own, CATALOGUE)).get(definition.id, definition).version


async def read(
    viewer: Viewer, ready: ReadyAnswers, dump: Callable[[dict[str, Any]], bytes], query: dict[str, Any]
) -> bytes:
    """Two periods of an area or a branch, the other one by default a year before, as JSON bytes. Raises what
    `place_of` and `counted` raise, and PeriodsUnlike."""
    key = viewer.grants, viewer.today, ("comparison", *query.values())
    stamp = await reading.stamp()

    async def make() -> bytes:
        return dump(await _read(viewer, query))

    return await ready.get(key, stamp, make)


async def _read(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    period = parsed(query["period"])
    other = period.year_before if query["with"] is None else parsed(query["with"], "with")
    if other.kind is not period.kind:
        raise problems.PeriodsUnlike(errors={"with": [problems.PeriodsUnlike.detail]})
    level = query["level"] or FEWEST_ROWS
    place = await place_of(viewer, query["area"], query["branch"], period, level)
    await counted(period)
    left = await _side(viewer, period, place, level)
    # What a branch answered for in the other period may be other micro-grids.
    right = await _side(viewer, other, await place_of(viewer, query["area"], query["branch"], other, level), level)
    heads = {id_: row for side in (right, left) for id_, row in side.rows.items()}
    ordered = sorted(heads, key=lambda id_: (heads[id_]["code"] or "", heads[id_]["name"] or "", str(id_)))
    return {
        "area": place.shown,
        "period": str(period),
        "with": str(other),
        "level": query["level"],
        "as_of": viewer.now.astimezone(CHINA),
        "total": {"metrics": _metrics(left, right, *_totals(left), *_totals(right))},
        "rows": [
            row_head(heads[id_]) | {"metrics": _metrics(left, right, *_at(left, id_), *_at(right, id_))}
            for id_ in ordered
            if query["level"]
        ],
    }


async def _side(viewer: Viewer, period: Period, place: Place, level: str) -> Side:
    known = rules.Counted.of(period, await keeping.kept_periods(), viewer.today)
    started = period.start <= viewer.today
    if not known.own:
        return Side(period, started, known, {}, {}, {})
    rows, frozen, versions = await sums(place, period, level, stock_day(period, viewer.today), viewer.today)
    return Side(period, started, known, {row["id"]: row for row in rows}, frozen, versions)


Totals = tuple[Mapping[str, Any], Mapping[str, Any]]


def _totals(side: Side) -> Totals:
    return total(side.rows.values()), total(side.frozen.values())


def _at(side: Side, id_: UUID | None) -> Totals:
    return side.rows.get(id_, NOTHING), side.frozen.get(id_, NOTHING)


def _metrics(
    left: Side,
    right: Side,
    open_left: Mapping[str, Any],
    frozen_left: Mapping[str, Any],
    open_right: Mapping[str, Any],
    frozen_right: Mapping[str, Any],
) -> dict[str, Any]:
    """Every figure of both periods. Frozen ones if both are frozen under the same version; else both open ones."""
    shown = {}
    for id_, definition in in_force().items():
        kept, other_kept = left.frozen_version(definition), right.frozen_version(definition)
        if kept and other_kept and kept.version == other_kept.version:
            source, versions = Source.FROZEN, (kept.version, other_kept.version)
            figure = rules.figure(kept, frozen_left, left.started)
            other = rules.figure(other_kept, frozen_right, right.started)
        else:
            known = left.counted.knows(definition), right.counted.knows(definition)
            source = Source.OPEN if all(known) else Source.MISSING
            versions = left.open_version(definition), right.open_version(definition)
            figure = rules.figure(definition, open_left if known[0] else None, left.started)
            other = rules.figure(definition, open_right if known[1] else None, right.started)
        shown[id_] = {
            "figure": figure,
            "other": other,
            "difference": _difference(figure["value"], other["value"]),
            "source": source,
            "version": versions[0],
            "other_version": versions[1],
            "same_version": versions[0] == versions[1],
            "words": WORDS[source],
        }
    return shown


def _difference(value: float | None, other: float | None) -> float | None:
    """Percentage points between two rates as they are shown, so that a reader gets the same by hand."""
    return None if value is None or other is None else round((value - other) * 100, 2)
