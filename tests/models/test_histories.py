"""Random histories by several writers at once, with a folder, a clock and a reader; figures must be exact all along.

Writers change facts as the services and an import would: several changes a transaction, some rolled back, some
connections killed in the middle. All the while periods are opened and frozen, and a reader compares what is read with
the definition in one snapshot. At the end every kept row and sum equals the definition, and the day-by-day oracle, to
the last household and column; and what was frozen is what it was.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from models.checks import OVERLAPS, SUCCESSIONS
from tests.models.facts import COLUMNS
from tests.models.histories import FIRST, KEPT, OPENING, PERIODS, UNTIL, RolledBack, Township, Writer
from tests.models.oracle import Oracle, Sums, days_of, summed
from tests.models.reading import ALL, compared, defined, obligation_faults

REFUSED = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, asyncpg.DeadlockDetectedError)
#: The second net refuses what two writers do to one household at once; losing the connection is meant.
LOST = (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError, ConnectionError)
MONTHS = [one for one in PERIODS if one.kind == "month"]
PARTS = ("stock", "contact", "on_time")


class Stop:
    """When a history ends: after so many operations, and not before it has lasted so long; or when it takes too long."""

    def __init__(self, operations: int, seconds: float, at_most: float) -> None:
        self.left, self.start, self.seconds, self.at_most = operations, time.monotonic(), seconds, at_most
        self.behind = False  # so many marks wait that writers had better wait, too

    def __call__(self) -> bool:
        lasted = time.monotonic() - self.start
        return lasted > self.at_most or (self.left <= 0 and lasted > self.seconds)


async def write(town: Township, seed: int, stop: Stop, done: Counter[str]) -> None:
    """Change facts until the end."""
    chance, connection = random.Random(seed), await town.connect()
    while not stop():
        if stop.behind:
            await asyncio.sleep(0.05)
            continue
        if connection.is_closed():
            connection = await town.connect()
        writer = Writer(town, connection, chance)
        try:
            made = await one_transaction(writer)
        except RolledBack:
            done["rolled back"] += 1
        except REFUSED as refused:
            done[type(refused).__name__] += 1
        except LOST:
            done["killed"] += 1
        else:
            town.households += writer.born
            done.update(made)
            stop.left -= len(made)
    if not connection.is_closed():
        await connection.close()


async def one_transaction(writer: Writer) -> list[str]:
    """Some changes, committed, rolled back or lost with the connection; returns what was changed."""
    made = []
    async with writer.connection.transaction():
        for _ in range(writer.chance.choice([1, 1, 2, 5])):
            change = writer.change()
            await change()
            made.append(change.__name__)
        fate = writer.chance.random()
        if fate < 0.05:
            raise RolledBack
        if fate < 0.06:
            await writer.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return made


async def fold(town: Township, seed: int, stop: Stop, done: Counter[str]) -> None:
    """Fold at random moments, some at a time."""
    chance, connection = random.Random(seed), await town.connect()
    while not stop():
        at_most = 2000 if stop.behind else chance.choice([1, 7, 50, 2000])
        done["folded"] += await connection.fetchval("SELECT coverage_fold($1)", at_most)
        stop.behind = await connection.fetchval("SELECT count(*) FROM coverage_dirty") > 1000
        await asyncio.sleep(0 if stop.behind else chance.random() * 0.3)
    await connection.close()


Frozen = dict[tuple[int, str], list[Any]]


async def frozen_rows(connection: asyncpg.Connection, number: int, part: str) -> list[Any]:
    """Everything that is frozen of a part of a period."""
    found = []
    for table in ("frozen_part", "household_frozen", "obligation_frozen", "coverage_frozen"):
        rows = await connection.fetch(
            f"SELECT t::text FROM {table} t WHERE period_id = $1 AND part = $2 ORDER BY 1", number, part
        )
        found += [row[0] for row in rows]
    return found


async def turn_the_clock(town: Township, stop: Stop, done: Counter[str]) -> Frozen:
    """Open the periods that are not kept yet, freeze those that are over; returns what was frozen, as it was then."""
    connection, frozen = await town.connect(), Frozen()
    steps: list[tuple[int, str | None]] = []
    for opened, over in zip(OPENING, KEPT, strict=False):
        steps += [(opened.id, None), *((over.id, part) for part in PARTS)]
    for number, part in steps:
        await asyncio.sleep(stop.seconds / len(steps) / 2)
        if part is None:
            async with connection.transaction():
                await connection.execute("SELECT coverage_lock()")
                (one,) = (one for one in OPENING if one.id == number)
                await connection.execute("INSERT INTO period (id, kind, span) VALUES ($1, $2, daterange($3, $4))", *one)
                await connection.execute("SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", number)
            done["opened"] += 1
        else:
            assert await connection.fetchval("SELECT coverage_freeze($1, $2, 1)", number, part)
            frozen[number, part] = await frozen_rows(connection, number, part)
            assert len(frozen[number, part]) > 2
            done["frozen"] += 1
    await connection.close()
    return frozen


async def read(town: Township, seed: int, stop: Stop, done: Counter[str]) -> list[Any]:
    """Compare what is read with the definition in one snapshot; returns what differed."""
    chance, connection, wrong = random.Random(seed), await town.connect(), []
    while not stop():
        async with connection.transaction(isolation="repeatable_read"):
            kept = [row["id"] for row in await connection.fetch("SELECT id FROM period")]
            period = chance.choice([one for one in PERIODS if one.id in kept])
            months = [one for one in MONTHS if one.id in kept]
            truth = await defined(connection, period, months)
            shown = as_sums(await connection.fetch("SELECT * FROM coverage_read($1, $2)", period.id, town.grids))
            if shown != truth:
                wrong.append(
                    (
                        period.id,
                        {p: (shown.get(p), truth.get(p)) for p in shown | truth if shown.get(p) != truth.get(p)},
                    )
                )
            done["marks seen waiting"] += await connection.fetchval("SELECT count(*) FROM coverage_dirty")
        done["reads"] += 1
        done[f"reads of a {period.kind}"] += 1
        await asyncio.sleep(0.02)
    await connection.close()
    return wrong


async def history(url: str, seed: int, stop: Stop, writers: int, households: int, people: int) -> Counter[str]:
    """One history from beginning to end; raises when a figure was wrong at any moment."""
    town, done = Township(url), Counter[str]()
    await town.build(random.Random(seed), households, people)
    wrong, frozen, *_ = await asyncio.gather(
        read(town, seed, stop, done),
        turn_the_clock(town, stop, done),
        fold(town, seed, stop, done),
        *(write(town, seed * 100 + n, stop, done) for n in range(writers)),
    )
    assert wrong == [], f"seed {seed}: {wrong[:3]}"
    connection = await town.connect()
    try:
        await compare(connection, seed, town.grids)
        for (number, part), rows in frozen.items():
            assert await frozen_rows(connection, number, part) == rows, f"seed {seed}: {number}, {part} changed"
    finally:
        await connection.close()
    return done


async def compare(connection: asyncpg.Connection, seed: int, grids: list[UUID]) -> None:
    """After everything: kept rows and sums = the definition = the oracle, and no rule was bent on the way."""
    while await connection.fetchval("SELECT coverage_fold(2000)"):
        pass
    for sentence, sql in (OVERLAPS | SUCCESSIONS).items():
        assert await connection.fetch(sql) == [], f"seed {seed}: {sentence}"
    oracle = await Oracle.read(connection)
    for period in PERIODS:
        told, truth = f"seed {seed}, {period.id}", oracle.rows(period)
        rows = await connection.fetch("SELECT * FROM household_period WHERE period_id = $1", period.id)
        defined_rows = await connection.fetch(f"SELECT * FROM coverage_of({ALL})", period.id)
        assert compared(defined_rows, truth)[:3] == [], f"{told}: the definition and the oracle"
        assert compared(rows, truth)[:3] == [], f"{told}: kept rows and the oracle"
        kept = as_sums(await connection.fetch("SELECT * FROM coverage_sum WHERE period_id = $1", period.id))
        assert kept == summed(truth.values()), f"{told}: kept sums"
        shown = as_sums(await connection.fetch("SELECT * FROM coverage_read($1, $2)", period.id, grids))
        assert shown == oracle.read_out(period, MONTHS), f"{told}: what is read"
        assert (await obligation_faults(connection, oracle, period))[:3] == [], f"{told}: obligations"
    for day in days_of(FIRST, UNTIL)[::11]:
        stock = await connection.fetch("SELECT * FROM stock_on($1, $2)", day, grids)
        found = {row["household_id"]: (row["micro_grid_id"], row["branch_id"], row["covered"]) for row in stock}
        assert found == oracle.stock(day), (seed, day)


def as_sums(records: list[Any]) -> Sums:
    """Sums by place, without those that are zero throughout."""
    found = {(row["micro_grid_id"], row["branch_id"]): tuple(row[column] for column in COLUMNS) for row in records}
    return {place: values for place, values in found.items() if any(values)}


def chosen_seed() -> int:
    """A new history each time; SEED repeats one as far as concurrency lets it."""
    return int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))


async def test_a_short_history_is_exact_all_along(own_database: str) -> None:
    seed = chosen_seed()
    done = await history(own_database, seed, Stop(0, 4, 8), writers=4, households=20, people=12)
    print(f"seed {seed}:", dict(done))
    assert all(done[name] for name in ("visits", "link", "residence", "rolled back", "folded", "reads")), done
    assert done["marks seen waiting"] and done["opened"] == 2 and done["frozen"] == 6, done


@pytest.mark.proof
@pytest.mark.parametrize("run", range(2))
async def test_long_histories_are_exact_all_along(own_database: str, run: int) -> None:
    """OPERATIONS says how many changes the two runs together make at least."""
    operations, seed = int(os.environ.get("OPERATIONS", 20_000)) // 2, chosen_seed() + run
    done = await history(own_database, seed, Stop(operations, 60, 1800), writers=8, households=100, people=30)
    changes = [name for name in vars(Writer) if name in done]
    print(f"seed {seed}: {sum(done[name] for name in changes)} changes", dict(done))
    assert sum(done[name] for name in changes) >= operations, done
    assert {"merge", "annul", "split", "tier", "must_visit", "withdraw", "rule", "hand_over", "backfill"} <= set(
        changes
    )
    assert done["killed"] and done["reads of a quarter"] and done["reads of a year"], done
