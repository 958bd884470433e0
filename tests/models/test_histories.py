"""Random histories by several writers at once, with a folder and a reader; the figures must be exact all along.

Writers change facts as the services and an import would: several changes a transaction, some rolled back, some
connections killed in the middle. All the while a reader compares what is read with the definition in one snapshot. At
the end every kept row and sum equals the definition, and the day-by-day oracle, to the last household and column.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from backend.settings import CHINA
from models.checks import FINDINGS
from models.database import credentials
from tests.models.facts import COLUMNS, Facts
from tests.models.oracle import Oracle, Row, days_of, summed
from tests.world import of

FIRST, UNTIL = date(2026, 9, 1), date(2027, 1, 1)
SPANS = {  # a quarter is kept like a month, so that marks are seen to reach every period
    202609: (date(2026, 9, 1), date(2026, 10, 1)), 202610: (date(2026, 10, 1), date(2026, 11, 1)),
    202611: (date(2026, 11, 1), date(2026, 12, 1)), 202612: (date(2026, 12, 1), UNTIL), 20264: (date(2026, 10, 1), UNTIL),
}  # fmt: skip
BRANCHES = [of("branch", name) for name in ("town", "east", "west")]
KINDS = ["full", "full", "probationary", "cadre"]
REFUSED = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, asyncpg.DeadlockDetectedError)
#: The second net refuses what two writers do to one household at once; losing the connection is meant.
LOST = (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError, ConnectionError)


class RolledBack(Exception):
    pass


@dataclass
class Township:
    """Who and what the histories are about."""

    url: str
    households: list[UUID] = field(default_factory=list)
    people: list[UUID] = field(default_factory=list)
    grids: list[UUID] = field(default_factory=list)

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(**credentials(self.url))

    async def build(self, chance: random.Random, households: int, people: int) -> None:
        connection = await self.connect()
        facts = Facts(connection)
        async with connection.transaction():
            self.grids = [of("region", name) for name in ("e1", "e2", "w1")]
            self.grids += [await facts.micro_grid("g_west", "west"), await facts.micro_grid("g_east")]
            self.people = [await facts.member(chance.choice(KINDS)) for _ in range(people)]
            for _ in range(households):
                household = await facts.household()
                self.households.append(household)
                await facts.residence(household, chance.choice(self.grids), status=chance.choice(["resident", "away"]))
                if chance.random() < 0.8:
                    await facts.link(chance.choice(self.people), household)
            for person in self.people[::3]:
                await facts.home(person, chance.choice(self.households))
            for period, (start, until) in SPANS.items():
                kind = "quarter" if period < 100_000 else "month"
                await connection.execute(
                    "INSERT INTO period (id, kind, span) VALUES ($1, $2, daterange($3, $4)) ON CONFLICT DO NOTHING",
                    period, kind, start, until,
                )  # fmt: skip
                await connection.execute("SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", period)
            await connection.execute("DELETE FROM coverage_dirty")
        await connection.close()


@dataclass
class Writer:
    """Makes random changes over one connection."""

    town: Township
    connection: asyncpg.Connection
    chance: random.Random

    @property
    def facts(self) -> Facts:
        return Facts(self.connection)

    def day(self) -> date:
        return FIRST + timedelta(days=self.chance.randrange((UNTIL - FIRST).days))

    def household(self) -> UUID:
        return self.chance.choice(self.town.households)

    def person(self) -> UUID:
        return self.chance.choice(self.town.people)

    async def one_of(self, table: str, owner: str, whose: UUID, more: str = "") -> Any:
        """A row of somebody that is not empty, held until the transaction ends."""
        rows = await self.connection.fetch(
            f"SELECT * FROM {table} WHERE {owner} = $1 AND NOT isempty(during) {more} ORDER BY id FOR UPDATE", whose
        )
        return self.chance.choice(rows) if rows else None

    async def end(self, table: str, row: Any, on: date) -> None:
        await self.connection.execute(
            f"UPDATE {table} SET valid_to = $2 WHERE id = $1", row["id"], max(on, row["valid_from"])
        )

    async def visits(self) -> None:
        """One, or many at once in one statement."""
        rows = []
        for _ in range(self.chance.choice([1, 1, 1, 8])):
            companions = self.chance.sample(self.town.people, self.chance.choice([0, 0, 0, 1, 2]))
            mode = self.chance.choice(["in_person", "in_person", "remote", "gathering"])
            outcome = self.chance.choice(["met", "met", "met", "not_home", "declined"])
            rows.append((self.household(), self.person(), self.day(), mode, outcome, ",".join(map(str, companions))))
        await self.connection.execute(
            """INSERT INTO visit (id, household_id, visitor_id, entered_by, occurred_on, noted_at, mode, outcome, topics,
                 companion_ids, needs_follow_up, body_mac)
               SELECT gen_random_uuid(), h, p, p, d, $7, mode, outcome, '{}',
                 coalesce(string_to_array(nullif(c, ''), ','), '{}')::uuid[], false, '' FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::text[], $5::text[], $6::text[])
               AS t(h, p, d, mode, outcome, c)""",
            *map(list, zip(*rows, strict=True)), datetime.now(CHINA),
        )  # fmt: skip

    async def void(self) -> None:
        await self.connection.execute(
            """UPDATE visit SET voided_at = now(), voided_by = visitor_id, void_reason = 'other' WHERE voided_at IS NULL AND id IN
                 (SELECT id FROM visit WHERE household_id = $1 ORDER BY id LIMIT 2)""",
            self.household(),
        )

    async def link(self) -> None:
        start = self.day()
        end = None if self.chance.random() < 0.6 else start + timedelta(days=self.chance.randrange(60))
        await self.facts.link(
            self.person(), self.household(), start, end, self.chance.choice(["primary", "primary", "backup"])
        )

    async def end_link(self) -> None:
        row = await self.one_of("assignment", "household_id", self.household())
        if row:
            await self.connection.execute(
                "UPDATE assignment SET valid_to = $2, end_reason = 'other', ended_at = now() WHERE id = $1",
                row["id"], max(self.day(), row["valid_from"]),
            )  # fmt: skip

    async def hand_over(self) -> None:
        """All primaries of a person go to another one on a day."""
        before, after, on = self.person(), self.person(), self.day()
        ended = await self.connection.fetch(
            """UPDATE assignment SET valid_to = $2, end_reason = 'handed_over', ended_at = now()
               WHERE person_id = $1 AND role = 'primary' AND valid_to IS NULL AND valid_from < $2 RETURNING household_id""",
            before, on,
        )  # fmt: skip
        for row in ended:
            await self.facts.link(after, row["household_id"], on)

    async def residence(self) -> None:
        """Close, then open: it moves, goes away, comes back, becomes nominal, or is gone."""
        household, on = self.household(), self.day()
        row = await self.one_of("residence", "household_id", household, "AND valid_to IS NULL")
        if row is None:
            await self.facts.residence(household, self.chance.choice(self.town.grids), on)
            return
        await self.end("residence", row, on)
        if self.chance.random() < 0.85:
            grid = self.chance.choice([row["micro_grid_id"], self.chance.choice(self.town.grids)])
            status = self.chance.choice(["resident", "resident", "away", "nominal"])
            await self.facts.residence(household, grid, max(on, row["valid_from"]), status=status)

    async def member(self) -> None:
        """A member leaves, returns, or becomes something else."""
        person, on = self.person(), self.day()
        row = await self.one_of("membership", "person_id", person, "AND valid_to IS NULL")
        if row and self.chance.random() < 0.3:
            await self.connection.execute(
                "UPDATE membership SET kind = $2 WHERE id = $1", row["id"], self.chance.choice(KINDS)
            )
        elif row:
            await self.end("membership", row, on)
        else:
            await self.facts.membership(person, on, kind=self.chance.choice(KINDS))

    async def home(self) -> None:
        person, on = self.person(), self.day()
        row = await self.one_of("home", "person_id", person, "AND valid_to IS NULL")
        if row and self.chance.random() < 0.2:
            await self.connection.execute(
                "UPDATE home SET household_id = $2 WHERE id = $1", row["id"], self.household()
            )
            return
        if row:
            await self.end("home", row, on)
            on = max(on, row["valid_from"])
        if row is None or self.chance.random() < 0.5:
            await self.facts.home(person, self.household(), on)

    async def responsibility(self) -> None:
        grid, on = self.chance.choice(self.town.grids), self.day()
        row = await self.one_of(
            "responsibility", "region_id", grid, "AND kind = 'branch_micro_grid' AND valid_to IS NULL"
        )
        if row:
            await self.end("responsibility", row, on)
            on = max(on, row["valid_from"])
        if row is None or self.chance.random() < 0.7:
            await self.facts.responsibility(grid, self.chance.choice(BRANCHES), on)

    def change(self) -> Callable[[], Awaitable[None]]:
        weighed = {
            self.visits: 40, self.void: 8, self.link: 12, self.end_link: 8, self.hand_over: 2, self.residence: 12,
            self.member: 5, self.home: 5, self.responsibility: 3,
        }  # fmt: skip
        return self.chance.choices(list(weighed), list(weighed.values()))[0]


async def write(town: Township, seed: int, deadline: float, done: Counter[str]) -> None:
    """Change facts until the deadline."""
    chance = random.Random(seed)
    connection = await town.connect()
    while time.monotonic() < deadline:
        if connection.is_closed():
            connection = await town.connect()
        writer, made = Writer(town, connection, chance), []
        try:
            async with connection.transaction():
                for _ in range(chance.choice([1, 1, 2, 5])):
                    change = writer.change()
                    await change()
                    made.append(change.__name__)
                fate = chance.random()
                if fate < 0.05:
                    raise RolledBack
                if fate < 0.07:
                    await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            done.update(made)
        except RolledBack:
            done["rolled back"] += 1
        except REFUSED as refused:
            done[type(refused).__name__] += 1
        except LOST:
            done["killed"] += 1
    if not connection.is_closed():
        await connection.close()


async def fold(town: Township, seed: int, deadline: float, done: Counter[str]) -> None:
    """Fold at random moments, some at a time."""
    chance, connection = random.Random(seed), await town.connect()
    while time.monotonic() < deadline:
        done["folded"] += await connection.fetchval("SELECT coverage_fold($1)", chance.choice([1, 7, 50, 2000]))
        await asyncio.sleep(chance.random() * 0.3)
    await connection.close()


TRUTH = f"""
WITH truth AS (
  SELECT micro_grid_id, branch_id, {", ".join(f"sum({c})::int AS {c}" for c in COLUMNS)} FROM coverage_of(
    (SELECT array_agg(id) FROM household), (SELECT array_agg($1::int) FROM household)) GROUP BY 1, 2),
shown AS (SELECT micro_grid_id, branch_id, {", ".join(COLUMNS)} FROM coverage_read($1, $2))
SELECT * FROM ((SELECT 'missing', * FROM truth EXCEPT SELECT 'missing', * FROM shown)
  UNION ALL (SELECT 'shown', * FROM shown EXCEPT SELECT 'shown', * FROM truth)) x WHERE ({", ".join(COLUMNS)}) <> ({", ".join("0" for _ in COLUMNS)})"""


async def read(town: Township, seed: int, deadline: float, done: Counter[str]) -> list[Any]:
    """Compare what is read with the definition in one snapshot; returns what differed."""
    chance, connection, wrong = random.Random(seed), await town.connect(), []
    while time.monotonic() < deadline:
        period = chance.choice(list(SPANS))
        async with connection.transaction(isolation="repeatable_read"):
            wrong += [(period, *row) for row in await connection.fetch(TRUTH, period, town.grids)]
            done["marks seen waiting"] += await connection.fetchval("SELECT count(*) FROM coverage_dirty")
        done["reads"] += 1
        await asyncio.sleep(0.02)
    await connection.close()
    return wrong


async def history(url: str, seed: int, seconds: float, writers: int, households: int, people: int) -> Counter[str]:
    """One history from beginning to end; raises when a figure was wrong at any moment."""
    town, done = Township(url), Counter[str]()
    await town.build(random.Random(seed), households, people)
    deadline = time.monotonic() + seconds
    wrong, *_ = await asyncio.gather(
        read(town, seed, deadline, done),
        fold(town, seed, deadline, done),
        *(write(town, seed * 100 + n, deadline, done) for n in range(writers)),
    )
    assert wrong == [], f"seed {seed}: {wrong[:3]}"
    connection = await town.connect()
    try:
        await compare(connection, seed, town.grids)
    finally:
        await connection.close()
    return done


async def compare(connection: asyncpg.Connection, seed: int, grids: list[UUID]) -> None:
    """After everything: kept rows and sums = the definition = the oracle, and no rule was bent on the way."""
    while await connection.fetchval("SELECT coverage_fold(2000)"):
        pass
    for sentence in ("two primary links on one day", "two residences on one day", "two homes on one day"):
        assert await connection.fetch(FINDINGS[sentence]) == [], f"seed {seed}: {sentence}"
    oracle = await Oracle.read(connection)
    for period, (start, until) in SPANS.items():
        truth = oracle.rows(start, until)
        rows = await connection.fetch("SELECT * FROM household_period WHERE period_id = $1", period)
        defined = await connection.fetch(
            "SELECT * FROM coverage_of((SELECT array_agg(id) FROM household), (SELECT array_agg($1::int) FROM household))",
            period,
        )
        kept_sums = await connection.fetch("SELECT * FROM coverage_sum WHERE period_id = $1", period)
        assert differences(as_rows(rows), truth) == [], f"seed {seed}, {period}: kept rows and the oracle"
        assert differences(as_rows(defined), truth) == [], f"seed {seed}, {period}: the definition and the oracle"
        sums = {(row["micro_grid_id"], row["branch_id"]): tuple(row[c] for c in COLUMNS) for row in kept_sums}
        assert {place: values for place, values in sums.items() if any(values)} == summed(truth.values()), (
            seed,
            period,
        )
    for day in days_of(FIRST, UNTIL)[::9]:
        counted: Counter[tuple[UUID, UUID]] = Counter()
        covered: Counter[tuple[UUID, UUID]] = Counter()
        for household in oracle.households:
            if oracle.in_set(household, day):
                counted[oracle.place(household, day)] += 1
                covered[oracle.place(household, day)] += oracle.covered(household, day)
        stock = await connection.fetch("SELECT * FROM coverage_on($1, $2)", day, grids)
        shown = {(row["micro_grid_id"], row["branch_id"]): (row["households"], row["covered"]) for row in stock}
        assert shown == {place: (number, covered[place]) for place, number in counted.items()}, (seed, day)


def as_rows(records: list[Any]) -> dict[UUID, Row]:
    return {
        row["household_id"]: (row["micro_grid_id"], row["branch_id"], tuple(row[c] for c in COLUMNS)) for row in records
    }


def differences(found: dict[UUID, Row], truth: dict[UUID, Row]) -> list[tuple[UUID, Row | None, Row | None]]:
    """Households whose rows differ."""
    return [
        (household, found.get(household), truth.get(household))
        for household in found.keys() | truth.keys()
        if found.get(household) != truth.get(household)
    ]


def chosen_seed() -> int:
    """A new history each time; SEED repeats one as far as concurrency lets it."""
    return int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))


async def test_a_short_history_is_exact_all_along(own_database: str) -> None:
    seed = chosen_seed()
    done = await history(own_database, seed, seconds=6, writers=5, households=40, people=12)
    assert all(
        done[name] for name in ("visits", "link", "residence", "rolled back", "folded", "marks seen waiting", "reads")
    ), done


@pytest.mark.proof
@pytest.mark.parametrize("run", range(4))
async def test_long_histories_are_exact_all_along(own_database: str, run: int) -> None:
    done = await history(own_database, chosen_seed() + run, seconds=90, writers=8, households=150, people=30)
    assert done["killed"] and done["hand_over"] and done["responsibility"], done
