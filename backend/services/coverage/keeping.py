"""Keeping figures: periods, folding marks, freezing, recounting, checking. What the calendar brings is done here (T7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog

from backend.rules.audit import Action
from backend.rules.definitions import CATALOGUE, FREEZE_AFTER_DAYS, Part
from backend.rules.periods import Kind, Period, to_keep
from backend.services import audit, obligations
from backend.settings import CHINA
from models import database
from models.coverage import COLUMNS, keeping

log = structlog.get_logger("coverage")
CHUNK = 2000
FOLD_AT_MOST = 2000
#: The nightly check begins at this time in China.
CHECK_AT = time(3)
#: (name of the period, households done, households in all)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Difference:
    """A kept row or sum that is not what the facts say. `of` is a household, or the branch of a sum."""

    period: Period
    what: str
    of: UUID
    micro_grid_id: UUID
    words: str

    def __str__(self) -> str:
        return f"{self.period} {self.what} {self.of} in {self.micro_grid_id}: {self.words}"


async def fold_all() -> int:
    """Let the figures follow all marks that wait, some at a time; returns how many were taken."""
    taken = 0
    while True:
        marks = await keeping.fold(FOLD_AT_MOST)
        taken += marks
        if marks < FOLD_AT_MOST:
            return taken


async def kept_periods() -> list[Period]:
    """The periods that are kept, in order."""
    return sorted(map(Period.of_id, await keeping.kept_periods()))


async def catch_up(day: date, progress: Progress | None = None) -> list[str]:
    """Do what the calendar has brought about by a day, in the order in which one needs the other; a sentence for each
    thing done. May be run again for the same day (docs/rules.md T7)."""
    raised = await obligations.raise_returns(day)
    said = [f"{raised} must-visits raised for returns"] if raised else []
    said += [f"{period} counted" for period in await keep_periods(day, progress)]
    said += [f"{period} {part} frozen" for period, part in await freeze_due(day)]
    return said


async def keep_periods(today: date, progress: Progress | None = None) -> list[Period]:
    """Keep the periods that are due on a day, and count those that are not counted under the present definitions, the
    latest first; each in a transaction of its own, so it may be stopped and run again. Returns those counted."""
    for period in to_keep(await kept_periods(), today):
        await keeping.open_period(period.id, period.kind, period.start, period.until)
    stale = [Period.of_id(number) for number, version in (await keeping.kept_periods()).items() if version < CATALOGUE]
    done = []
    for period in sorted(stale, key=lambda one: one.until, reverse=True):
        async with database.transaction():
            await keeping.lock_folds()
            if (await keeping.kept_periods())[period.id] < CATALOGUE:  # another worker may have been quicker
                await _recount(period, progress)
                done.append(period)
    return done


def _parts(period: Period) -> Sequence[Part]:
    """What is frozen of a period: of quarters and years only their own sets."""
    return tuple(Part) if period.kind is Kind.MONTH else (Part.CONTACT,)


async def freeze_due(today: date) -> list[tuple[Period, Part]]:
    """Freeze what has settled by a day (docs/rules.md F1); each part in a transaction of its own.

    A copy is for good, so its period is compared with the facts first; while they differ nothing of it is frozen. Nor
    is a period without any household: it ended before the first roster came in.
    """
    frozen, done = await keeping.frozen(), []
    for number, catalogue in sorted((await keeping.kept_periods()).items()):
        period = Period.of_id(number)
        due = [
            part
            for part in _parts(period)
            if (number, part) not in frozen
            and period.until + timedelta(days=part.settles_days + FREEZE_AFTER_DAYS) <= today
        ]
        if not due or catalogue != CATALOGUE or not await keeping.has_rows(number):
            continue
        if differences := await compare(period):
            log.error("figures_differ", period=str(period), differences=len(differences), frozen=False)
            continue
        for part in due:
            async with database.transaction():
                if await keeping.freeze(number, part, catalogue):
                    await audit.record(None, Action.COVERAGE_FREEZE, None, [str(period), part])
                    done.append((period, part))
    return done


async def recount(periods: Sequence[Period] | None, progress: Progress | None = None) -> list[Period]:
    """Recount kept periods from the raw facts; returns those counted now.

    A period is one transaction with its audit row. A recount of the same periods that was stopped within a day goes on
    after the last one done: the audit says which these are.
    """
    chosen = [period for period in await kept_periods() if periods is None or period in periods]
    names = [str(period) for period in chosen]
    before = set(await keeping.recounted_of(names))
    if not before and chosen:
        await audit.record(None, Action.COVERAGE_RECOUNT, None, names, reason="begun")
    done = []
    for period in chosen:
        if str(period) in before:
            if progress:
                progress(str(period), 1, 1)
            continue
        async with database.transaction():
            await keeping.lock_folds()
            await _recount(period, progress)
            await audit.record(None, Action.COVERAGE_RECOUNT, None, [str(period)])
        done.append(period)
    return done


async def _recount(period: Period, progress: Progress | None) -> None:
    chunks = await keeping.household_chunks(CHUNK)
    total = sum(map(len, chunks))
    done = 0
    for chunk in chunks:
        await keeping.recount(period.id, chunk)
        done += len(chunk)
        if progress:
            progress(str(period), done, total)
    await keeping.settle(period.id)


async def repair(periods: Sequence[Period] | None = None, progress: Progress | None = None) -> list[Difference]:
    """Recount only the households that differ, and add up the sums of their periods anew; returns what was mended.

    A period is one transaction, so what is mended stays mended when it is stopped.
    """
    mended = []
    for period in await _counted(periods):
        if found := await compare(period, progress):
            async with database.transaction():
                await keeping.lock_folds()
                households = [one.of for one in found if one.what == "household"]
                for start in range(0, len(households), CHUNK):
                    await keeping.recount(period.id, households[start : start + CHUNK])
                await keeping.settle(period.id)
                await audit.record(None, Action.COVERAGE_RECOUNT, None, [str(period)], reason="repair")
            mended += found
    return mended


async def check(periods: Sequence[Period] | None = None, progress: Progress | None = None) -> list[Difference]:
    """Compare every kept row with the definition and every sum with its rows. A period not counted yet has no figures."""
    found = []
    for period in await _counted(periods):
        found += await compare(period, progress)
    return found


async def _counted(periods: Sequence[Period] | None) -> list[Period]:
    kept = await keeping.kept_periods()
    return [one for one in sorted(map(Period.of_id, kept)) if kept[one.id] > 0 and (periods is None or one in periods)]


async def compare(period: Period, progress: Progress | None = None) -> list[Difference]:
    """What differs in one period, looked for some households at a time and without holding anybody up: folding and
    writing go on meanwhile, and a household whose marks wait is not judged."""
    await fold_all()
    found = []
    chunks = await keeping.household_chunks(CHUNK)
    total = sum(map(len, chunks))
    done = 0
    for chunk in chunks:
        for row in await keeping.differing_households(period.id, chunk):
            words = _words(orjson.loads(row["kept"] or "null"), orjson.loads(row["truth"] or "null"))
            found.append(Difference(period, "household", row["household_id"], row["micro_grid_id"], words))
        done += len(chunk)
        if progress:
            progress(str(period), done, total)
    for row in await keeping.rows_of_nobody(period.id):
        found.append(
            Difference(period, "household", row["household_id"], row["micro_grid_id"], "there is no such household")
        )
    for row in await keeping.differing_sums(period.id):
        words = _words(*(dict(zip(COLUMNS, row[side], strict=True)) for side in ("kept", "truth")))
        found.append(Difference(period, "sum", row["branch_id"], row["micro_grid_id"], words))
    return found


def _words(kept: dict[str, Any] | None, truth: dict[str, Any] | None) -> str:
    if kept is None:
        return "is missing"
    if truth is None:
        return "is not in the period"
    return ", ".join(f"{name} is {kept[name]}, should be {truth[name]}" for name in kept if kept[name] != truth[name])


def check_is_due(last: datetime | None, now: datetime) -> bool:
    """Whether no check has been done since it was last 03:00 in China."""
    here = now.astimezone(CHINA)
    begun = datetime.combine(here.date(), CHECK_AT, CHINA)
    return last is None or last < (begun if begun <= here else begun - timedelta(days=1))


async def check_nightly(now: datetime) -> list[Difference] | None:
    """Once a day, compare the periods that are not all frozen, and one of the others by turns; None when it is not due.

    What was found is written down, and more than nothing is an alarm in the log.
    """
    if not check_is_due(await keeping.last_check(), now):
        return None
    frozen, kept = await keeping.frozen(), await keeping.kept_periods()
    periods = [period for period in sorted(map(Period.of_id, kept)) if kept[period.id] == CATALOGUE]
    older = [period for period in periods if all((period.id, part) in frozen for part in _parts(period))]
    chosen = [period for period in periods if period not in older]
    if older:
        chosen.append(older[now.astimezone(CHINA).toordinal() % len(older)])
    found = await check(chosen) if chosen else []
    await keeping.note_check(now, len(found))
    for period in chosen:
        if differences := sum(one.period == period for one in found):
            log.error("figures_differ", period=str(period), differences=differences)
    return found
