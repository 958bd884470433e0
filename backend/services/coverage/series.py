"""A figure over the periods up to one: how it went, with the same period of last year in it (docs/rules.md F1 to F3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from backend import problems
from backend.http.viewer import Viewer
from backend.rules import coverage as rules
from backend.rules.definitions import Definition, Part, in_force
from backend.rules.periods import Kind, Period, stock_day
from backend.services.coverage.answers import ReadyAnswers
from backend.services.coverage.reading import NO_BRANCH, Place, parsed, place_of
from backend.settings import CHINA
from models.coverage import NOBODY, keeping, reading, series
from models.database import Record

#: Any level fits every area that is finer or equal; the finest fits all.
FINEST = rules.LEVELS[-2]
#: The level that is no place: rows by the responsible branch.
BRANCH = "branch"
#: What stands beside a figure and is no sum.
MEDIAN = "median_days"
At = tuple[int, UUID | None]


async def read(
    viewer: Viewer, ready: ReadyAnswers, dump: Callable[[dict[str, Any]], bytes], query: dict[str, Any]
) -> bytes:
    """A figure of an area or a branch in the `count` periods that end with `until`, as JSON bytes; by the places of a
    level if one is asked for. Raises what `place_of` raises, and PeriodInvalid."""
    key = viewer.grants, viewer.today, ("series", *query.values())
    stamp = await reading.stamp()

    async def make() -> bytes:
        return dump(await _read(viewer, query))

    return await ready.get(key, stamp, make)


async def _read(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    until = _until(viewer, query)
    periods = [until.shifted(n) for n in range(1 - query["count"], 1)]
    place = await place_of(viewer, query["area"], query["branch"], until, query["level"] or FINEST)
    if place.branches is not None:
        # What a branch answers for changes; the sums are by branch, so more grids do no harm.
        grids = await reading.grids_of_branches(place.branches, periods[0].start, until.until)
        place = replace(place, grids=grids)
    rows = await _rows(place, query["level"])
    known = await _sums(viewer, place, periods, in_force()[query["metric"]], rows)
    return {
        "area": place.shown,
        "metric": query["metric"],
        "level": query["level"],
        "as_of": viewer.now.astimezone(CHINA),
        "periods": [
            {"period": str(period), "frozen": figure["frozen"], "figure": figure}
            for period in periods
            for figure in [known.figure(period, None)]
        ],
        "rows": [
            {**_head(row), "figures": [known.figure(period, row["id"]) for period in periods]}
            for row in await rows.met(known)
        ],
    }


def _until(viewer: Viewer, query: dict[str, Any]) -> Period:
    """The last period: the one asked for, or the current one of the kind asked for."""
    if query["until"] is None:
        return Period.containing(viewer.today, Kind(query["kind"] or Kind.MONTH))
    until = parsed(query["until"], "until")
    if query["kind"] not in (None, until.kind):
        raise problems.PeriodInvalid(errors={"until": [problems.PeriodInvalid.detail]})
    return until


@dataclass(frozen=True)
class Rows:
    """The rows of a level: the places around micro-grids, or branches; none without a level."""

    level: str | None
    places: series.Places
    known: list[Record]
    branches: list[UUID]

    async def met(self, sums: Sums) -> list[Record]:
        """In order of code. Households of no responsible branch have a row of their own (C7)."""
        if self.level is None:
            return []
        met = {at for _, at in (*sums.open, *sums.frozen) if at is not None}
        named = await series.branch_names([*met, *self.branches]) if self.level == BRANCH else self.known
        return [*named, {"id": NOBODY, "code": None, "name": NO_BRANCH}] if NOBODY in met else named


async def _rows(place: Place, level: str | None) -> Rows:
    if level is None or level == BRANCH:
        return Rows(level, series.Places(by_branch=level == BRANCH), [], place.branches or [])
    found = await series.grid_places(place.grids, level)
    places = series.Places([row["micro_grid_id"] for row in found], [row["id"] for row in found])
    return Rows(level, places, list({row["id"]: row for row in found}.values()), [])


@dataclass(frozen=True)
class Sums:
    """Sums of a figure by period and place, open and frozen; under the place None those of all."""

    viewer: Viewer
    definition: Definition
    counted: Mapping[int, rules.Counted]
    versions: Mapping[int, Mapping[str, int]]
    open: Mapping[At, Mapping[str, int]]
    frozen: Mapping[At, Mapping[str, int]]
    nothing: Mapping[str, int]

    def figure(self, period: Period, place: UUID | None) -> dict[str, Any]:
        """One cell; without numbers where the period is not kept."""
        current: Mapping[str, int] | None = None
        if period.id in self.counted and self.counted[period.id].knows(self.definition):
            current = self.open.get((period.id, place), self.nothing)
        frozen = self.frozen.get((period.id, place), self.nothing)
        started = period.start <= self.viewer.today
        return rules.shown(self.definition, current, frozen, self.versions.get(period.id, {}), started)


async def _sums(viewer: Viewer, place: Place, periods: list[Period], definition: Definition, rows: Rows) -> Sums:
    kept = await keeping.kept_periods()
    counted = {period.id: rules.Counted.of(period, kept, viewer.today) for period in periods if kept.get(period.id)}
    asked = [period for period in periods if period.id in counted]
    parts = await reading.frozen_parts_of([period.id for period in asked])
    versions = {
        number: {part: row["definition_version"] for part, row in found.items()} for number, found in parts.items()
    }
    columns = list(
        dict.fromkeys(
            column
            for column in (
                definition.numerator, definition.denominator, definition.households, definition.pending,
                *(column for column, _ in definition.beside if column != MEDIAN),
            )
            if column is not None
        )
    )  # fmt: skip

    async def fetched(some: list[Period], frozen: bool) -> dict[At, Mapping[str, int]]:
        if not some:
            return {}
        days = [stock_day(period, viewer.today) for period in some]
        found = await series.sums(
            [period.id for period in some],
            days,
            place.grids,
            place.branches,
            rows.places,
            columns,
            viewer.today,
            frozen=frozen,
        )
        return _totalled(found, columns, rows.level)

    frozen = [period for period in asked if definition.part in versions.get(period.id, {})]
    copied = await fetched(frozen, True)
    if definition.part is Part.STOCK:  # a stock of a day costs as much as all months of another figure: no second look
        current = await fetched([period for period in asked if period not in frozen], False)
        current |= copied
    else:
        current = await fetched(asked, False)
    return Sums(viewer, definition, counted, versions, current, copied, dict.fromkeys(columns, 0))


def _totalled(rows: list[Record], columns: list[str], level: str | None) -> dict[At, Mapping[str, int]]:
    """By (period, place), and the sums of a period under the place None; rows of nobody's branch are under NOBODY."""
    found: dict[At, Mapping[str, int]] = {}
    for row in rows:
        values = {column: row[column] for column in columns}
        if level is not None:
            found[row["period_id"], row["id"] or NOBODY] = values
        total = found.get((row["period_id"], None))
        found[row["period_id"], None] = {c: values[c] + (total[c] if total else 0) for c in columns}
    return found


def _head(row: Record) -> dict[str, Any]:
    return {"area": None if row["id"] == NOBODY else row["id"], "code": row["code"], "name": row["name"]}
