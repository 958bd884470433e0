"""Figures of coverage: reading them in scope, keeping months, folding marks, recounting, checking."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID

from backend import problems
from backend.http.viewer import Grant, Viewer
from backend.permissions import Verb
from backend.rules import coverage as rules
from backend.rules.audit import Action
from backend.services import audit
from backend.settings import CHINA
from models import coverage, database, regions, scope

CHUNK = 2000
FOLD_AT_MOST = 2000
Progress = Callable[[str, int, int], None]
Stamp = tuple[int, int, int]
Key = tuple[tuple[Grant, ...], date, tuple[Any, ...]]


class ReadyAnswers:
    """Answers of this process, ready as bytes until a fact changes.

    An answer is a pure function of the roles, the question, the day and the facts; the stamp tells whether any fact of
    figures or of the tree has changed since. Memory only: a lost one is made again. Whoever asks while an answer is
    being made for the same stamp waits for it instead of making it once more.
    """

    def __init__(self, most: int = 256) -> None:
        self._kept: OrderedDict[Key, tuple[Stamp, asyncio.Future[bytes]]] = OrderedDict()
        self._most = most

    async def get(self, key: Key, stamp: Stamp, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer for a stamp, made if need be. An error is the answer of nobody but its own request."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] == stamp:
            self._kept.move_to_end(key)
            with contextlib.suppress(_Failed):
                return await asyncio.shield(kept[1])
            return await make()
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._kept[key] = stamp, answer
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        try:
            made = await make()
        except BaseException:
            if self._kept.get(key, (None, None))[1] is answer:
                del self._kept[key]
            answer.set_exception(_Failed())
            answer.exception()  # looked at here, so that nobody has to
            raise
        answer.set_result(made)
        return made


class _Failed(Exception):
    """The one who made the answer failed; those who waited try for themselves."""


async def read(
    viewer: Viewer, ready: ReadyAnswers, dump: Callable[[dict[str, Any]], bytes], query: dict[str, Any]
) -> bytes:
    """Figures of an area or a branch for a month, by the places of a level, as JSON bytes. Exact at this instant."""
    key = viewer.grants, viewer.today, tuple(query.values())
    stamp = await coverage.stamp()  # before the figures: an answer may be newer than its stamp, never older

    async def make() -> bytes:
        return dump(await _read(viewer, query))

    return await ready.get(key, stamp, make)


async def _read(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    month = rules.parse_month(query["period"])
    if month is None:
        raise problems.PeriodInvalid(errors={"period": [problems.PeriodInvalid.detail]})
    if (query["area"] is None) == (query["branch"] is None):
        raise problems.AreaOrBranch()
    months = await coverage.kept_periods()
    on = query["on"] or rules.stock_day(month, viewer.today)
    area, grids, branches = await _area(viewer, query, month)
    if month not in months:
        named = [rules.printed_month(one) for one in (min(months), max(months))] if months else ["-", "-"]
        raise problems.PeriodNotKept(first=named[0], last=named[1])
    if query["branch"] is None and not rules.level_fits(area["level"], query["level"]):
        raise problems.LevelUnfit(errors={"level": [problems.LevelUnfit.detail]})
    rows = await coverage.rows(month, grids, branches, query["level"], on)
    return {
        "area": {"id": area["id"], "code": area.get("code"), "name": area["name"], "level": area["level"]},
        "period": query["period"],
        "on": on,
        "as_of": viewer.now.astimezone(CHINA),
        "frozen": False,
        "definition_version": rules.DEFINITION_VERSION,
        "total": {"metrics": rules.figures(_total(rows)), "households": _counts(_total(rows))},
        "rows": [
            {
                "area": None if row["id"] in (None, coverage.NOBODY) else row["id"],
                "code": row["code"] or None,
                "name": row["name"] or "（未明确支部）",
                "metrics": rules.figures(row),
                "households": _counts(row),
            }
            for row in map(dict, rows)
        ],
    }


async def _area(
    viewer: Viewer, query: dict[str, Any], month: int
) -> tuple[dict[str, Any], list[UUID], list[UUID] | None]:
    """What is asked for, if it lies in the viewer's places: its description, micro-grids, and branches (or None)."""
    places = viewer.places(Verb.COVERAGE_READ)
    if query["branch"] is not None:
        branch = await regions.find_branch(query["branch"])
        if branch is None or branch["id"] not in await scope.branch_ids(places, viewer.today):
            raise problems.AreaNotFound()
        branches = await coverage.branches_below(branch["id"])
        return dict(branch) | {"level": "branch"}, await coverage.grids_of_branches(branches, month), branches
    region = await regions.find_region(query["area"], viewer.today)
    grids = await scope.area_grids(places, region["id"], viewer.today) if region else None
    if region is None or grids is None:
        raise problems.AreaNotFound()
    return dict(region), grids, None


def _total(rows: list[database.Record]) -> dict[str, int]:
    """The sums of all rows: numerators and denominators are added, rates never averaged (docs/rules.md C16)."""
    return {name: sum(row[name] for row in rows) for name in (*coverage.COLUMNS, "stock", "stock_covered")}


def _counts(sums: Any) -> dict[str, int]:
    """The households of a row by what they are: in the set, party households, not yet due."""
    return {"due": sums["households"], "party": sums["party"], "not_yet": sums["not_yet"]}


async def fold_all() -> int:
    """Let the figures follow all marks that wait, some at a time; returns how many were taken."""
    taken = 0
    while True:
        marks = await coverage.fold(FOLD_AT_MOST)
        taken += marks
        if marks < FOLD_AT_MOST:
            return taken


async def keep_months(today: date, progress: Progress | None = None) -> list[int]:
    """Keep the months that are due; each is made and counted in one transaction (nightly job)."""
    made = []
    for month in rules.months_to_keep(await coverage.kept_periods(), today):
        async with database.transaction():
            await coverage.lock_folds()
            if await coverage.open_period(month, *rules.month_span(month)):
                await _recount(month, progress)
                made.append(month)
    return made


async def recount(months: list[int] | None, progress: Progress | None = None) -> list[int]:
    """Recount kept months from the raw facts; a month is one transaction, so it may be stopped and run again."""
    kept = await coverage.kept_periods()
    chosen = [month for month in kept if months is None or month in months]
    for month in chosen:
        async with database.transaction():
            await coverage.lock_folds()
            await _recount(month, progress)
            await audit.record(None, Action.COVERAGE_RECOUNT, None, [rules.printed_month(month)])
    return chosen


async def _recount(month: int, progress: Progress | None) -> None:
    chunks = await coverage.household_chunks(CHUNK)
    total = sum(map(len, chunks))
    done = 0
    for chunk in chunks:
        await coverage.recount(month, chunk)
        done += len(chunk)
        if progress:
            progress(rules.printed_month(month), done, total)
    await coverage.settle(month)


async def check(months: list[int] | None = None) -> list[str]:
    """Fold, then compare every kept row and sum with the definition; a sentence for each difference."""
    await fold_all()
    found = []
    for month in await coverage.kept_periods():
        if months is None or month in months:
            for row in await coverage.check(month):
                found.append(
                    f"{rules.printed_month(month)} {row['what']} {row['household_id']} in {row['micro_grid_id']}:"
                    f" kept {row['kept']}, truth {row['truth']}"
                )
    return found
