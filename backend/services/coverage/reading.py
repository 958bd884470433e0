"""Reading figures in scope: of an area or a branch, for a month, a quarter or a year, by the places of a level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from backend import problems
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules import coverage as rules
from backend.rules.definitions import Part
from backend.rules.periods import Period, stock_day
from backend.services.coverage.answers import ReadyAnswers
from backend.settings import CHINA
from models import regions, scope
from models.coverage import COLUMNS, DAILY, NOBODY, keeping, must_visits, reading
from models.database import Record

NO_BRANCH = "（未明确支部）"


@dataclass(frozen=True)
class Place:
    """What figures are asked of: an area, or a branch and all below it, with its micro-grids in a period."""

    shown: dict[str, Any]
    grids: list[UUID]
    branches: list[UUID] | None


async def read(
    viewer: Viewer, ready: ReadyAnswers, dump: Callable[[dict[str, Any]], bytes], query: dict[str, Any]
) -> bytes:
    """Figures of an area or a branch for a period, by the places of a level, as JSON bytes. Exact at this instant."""
    key = viewer.grants, viewer.today, ("read", *query.values())
    stamp = await reading.stamp()  # before the figures: an answer may be newer than its stamp, never older

    async def make() -> bytes:
        return dump(await _read(viewer, query))

    return await ready.get(key, stamp, make)


async def _read(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    period = parsed(query["period"])
    place = await place_of(viewer, query["area"], query["branch"], period, query["level"])
    catalogue = await counted(period)
    on = query["on"] or stock_day(period, viewer.today)
    current, frozen, versions = await sums(place, period, query["level"], on, viewer.today)
    started, known = period.start <= viewer.today, rules.Counted.of(period, await keeping.kept_periods(), viewer.today)
    whole = total(current)
    median = {"median_days": await median_days(place, period, whole["must_met"])}

    def shown(row: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        return {"metrics": rules.figures(row, kept, versions, started, known), "households": _counts(row)}

    return {
        "area": place.shown,
        "period": str(period),
        "on": on,
        "as_of": viewer.now.astimezone(CHINA),
        "frozen": set(versions) == set(Part),
        "definition_version": min(versions.values(), default=catalogue) if set(versions) == set(Part) else catalogue,
        # The median is that of the facts, also beside a frozen figure; a village has too few for one.
        "total": shown(whole | median, total(frozen.values()) | median),
        "rows": [row_head(row) | shown(row, frozen.get(row["id"], NOTHING)) for row in current],
    }


def parsed(text: str, name: str = "period") -> Period:
    """The period of a query. Raises PeriodInvalid."""
    period = Period.parse(text)
    if period is None:
        raise problems.PeriodInvalid(errors={name: [problems.PeriodInvalid.detail]})
    return period


async def counted(period: Period) -> int:
    """The catalogue that the kept rows of a period follow. Raises PeriodNotKept, or PeriodNotCounted while its rows
    are being made: what is not known yet is never shown as zero."""
    kept = await keeping.kept_periods()
    if period.id not in kept:
        of_kind = sorted(one for one in map(Period.of_id, kept) if one.kind is period.kind)
        first, last = (str(of_kind[0]), str(of_kind[-1])) if of_kind else ("-", "-")
        raise problems.PeriodNotKept(first=first, last=last)
    if kept[period.id] == 0:
        raise problems.PeriodNotCounted(retry_after=30)
    return kept[period.id]


async def place_of(
    viewer: Viewer,
    area: str | None,
    branch_id: UUID | None,
    period: Period,
    level: str,
    verb: Verb = Verb.COVERAGE_READ,
) -> Place:
    """What is asked for, if it lies in the viewer's places. Raises AreaOrBranch, AreaNotFound, LevelUnfit."""
    if (area is None) == (branch_id is None):
        raise problems.AreaOrBranch()
    places = viewer.places(verb)
    if branch_id is not None:
        branch = await regions.find_branch(branch_id)
        if branch is None or branch["id"] not in await scope.branch_ids(places, viewer.today):
            raise problems.AreaNotFound()
        branches = await reading.branches_below(branch["id"])
        shown = {"id": branch["id"], "code": None, "name": branch["name"], "level": "branch"}
        return Place(shown, await reading.grids_of_branches(branches, period.start, period.until), branches)
    assert area is not None
    region = await regions.find_region(area, viewer.today)
    grids = await scope.area_grids(places, region["id"], viewer.today) if region else None
    if region is None or grids is None:
        raise problems.AreaNotFound()
    if not rules.level_fits(region["level"], level):
        raise problems.LevelUnfit(errors={"level": [problems.LevelUnfit.detail]})
    shown = {"id": region["id"], "code": region["code"], "name": region["name"], "level": region["level"]}
    return Place(shown, grids, None)


async def sums(
    place: Place, period: Period, level: str, on: date, today: date
) -> tuple[list[Record], dict[UUID | None, Record], dict[str, int]]:
    """The rows of a level as the facts are today; the frozen ones by place; and the catalogue of each frozen part.

    The stock is frozen for the last day of the period; on another day it is what the facts say.
    """
    arguments = period.id, place.grids, place.branches, level, on, today
    current = await reading.rows(*arguments)
    parts = await reading.frozen_parts(period.id)
    versions = {
        part: row["definition_version"] for part, row in parts.items() if part != Part.STOCK or on == period.last_day
    }
    frozen = {row["id"]: row for row in await reading.rows(*arguments, frozen=True)} if versions else {}
    return current, frozen, versions


async def median_days(place: Place, period: Period, met: int) -> float | None:
    """The median of the days until must-visits were met; none below ten of them (C11, C20)."""
    if met < rules.FEWEST_FOR_RATE:
        return None
    return await must_visits.median_days(period.id, place.grids, place.branches)


NOTHING: dict[str, int] = dict.fromkeys((*COLUMNS, *DAILY), 0)


def total(rows: Any) -> dict[str, int]:
    """The sums of all rows: numerators and denominators are added, rates never averaged (docs/rules.md C16)."""
    found = dict(NOTHING)
    for row in rows:
        for name in found:
            found[name] += row[name]
    return found


def row_head(row: Record) -> dict[str, Any]:
    """Which place a row is about; households of no responsible branch have a row of their own (C7)."""
    return {
        "area": None if row["id"] in (None, NOBODY) else row["id"],
        "code": row["code"] or None,
        "name": row["name"] or NO_BRANCH,
    }


def _counts(sums: Any) -> dict[str, int]:
    """The households of a row by what they are: in the set, party households, not yet due."""
    return {"due": sums["households"], "party": sums["party"], "not_yet": sums["not_yet"]}
