"""Every row that an exclusion constraint guards is in its index, and no reading goes through one of these indexes.

PostgreSQL loses entries of a GiST index whose page splits while one statement looks into it again and again (decision
13). The check of the constraint itself looks once for each row and is safe, so the rule to keep is: nobody else looks.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest

from models.checks import OVERLAPS, QUESTIONS
from models.database import credentials
from tests.conftest import ROOT
from tests.models.facts import Facts, november
from tests.models.histories import KEPT, Township
from tests.models.test_histories import Stop, chosen_seed, fold, read, write
from tests.world import of

GUARDED = {"assignment", "home", "membership", "residence", "responsibility"}
ONLY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
ONLY_TABLE = "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off"


@dataclass(frozen=True)
class Guard:
    """An exclusion constraint: its index, whose rows it keeps apart (NULL: it is not about this row), and their days."""

    name: str
    table: str
    owner: str
    days: str


async def guards_of(connection: asyncpg.Connection) -> list[Guard]:
    """All exclusion constraints there are, from the catalogue, so that a new one is looked at, too."""
    rows = await connection.fetch(
        """SELECT conname, conrelid::regclass::text, pg_get_indexdef(conindid, 1, true), pg_get_indexdef(conindid, 2, true)
           FROM pg_constraint WHERE contype = 'x' ORDER BY 1"""
    )
    return [Guard(*row) for row in rows]


@pytest.fixture
async def connection(own_database: str) -> AsyncIterator[asyncpg.Connection]:
    """To a database of the test's own."""
    connection = await asyncpg.connect(**credentials(own_database))
    yield connection
    await connection.close()


async def planned(connection: asyncpg.Connection, sql: str, *values: object) -> str:
    """The plan of a statement."""
    return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *values))


async def unindexed(connection: asyncpg.Connection, guard: Guard) -> set[UUID]:
    """Rows that are in the table and that the index does not lead to, asked by days alone or by owner and days."""
    async with connection.transaction():
        await connection.execute(ONLY_TABLE)
        sql = f"""SELECT id, {guard.owner} AS owner, {guard.days} AS days FROM {guard.table}
                  WHERE {guard.owner} IS NOT NULL AND NOT isempty({guard.days})"""
        assert "Seq Scan" in await planned(connection, sql)
        there = await connection.fetch(sql)  # an empty range overlaps nothing: it belongs to neither side
    async with connection.transaction():
        await connection.execute(ONLY_INDEX)
        sql = f"SELECT id FROM {guard.table} WHERE {guard.days} && '(,)'"
        assert f"using {guard.name} " in await planned(connection, sql)
        by_days = {row["id"] for row in await connection.fetch(sql)}
        sql = f"""SELECT asked.id FROM unnest($1::uuid[], $2::uuid[], $3::daterange[]) AS asked(id, owner, days) CROSS JOIN LATERAL (
                    SELECT array_agg(id) AS ids FROM {guard.table}
                    WHERE {guard.owner} = asked.owner AND {guard.days} && asked.days) found
                  WHERE asked.id = ANY (found.ids)"""
        asked = [[row[column] for row in there] for column in ("id", "owner", "days")]
        assert f"using {guard.name} " in await planned(connection, sql, *asked)
        by_owner = {row["id"] for row in await connection.fetch(sql, *asked)}
    return {row["id"] for row in there} - (by_days & by_owner)


async def lost(connection: asyncpg.Connection) -> dict[str, set[UUID]]:
    """The rows missing in each index that misses any."""
    found = {guard.name: await unindexed(connection, guard) for guard in await guards_of(connection)}
    return {name: rows for name, rows in found.items() if rows}


async def scans(connection: asyncpg.Connection) -> dict[str, int]:
    """How often each of these indexes was looked into, by a statement or by its constraint."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    rows = await connection.fetch(
        "SELECT conname, idx_scan FROM pg_constraint JOIN pg_stat_user_indexes ON indexrelid = conindid WHERE contype = 'x'"
    )
    return {row["conname"]: row["idx_scan"] for row in rows}


async def pages(connection: asyncpg.Connection) -> dict[str, int]:
    """How many pages each of these indexes has; more than one: its root has split."""
    rows = await connection.fetch(
        "SELECT conname, pg_relation_size(conindid) / 8192 AS n FROM pg_constraint WHERE contype = 'x'"
    )
    return {row["conname"]: row["n"] for row in rows}


async def torn_history(url: str, seconds: float, writers: int, households: int, people: int, split: set[str]) -> None:
    """Concurrent writers, some of them killed, beside a folder and a reader; then no index may miss a row.

    Goes on, however slow the machine is, until somebody was killed and the roots of these indexes have split.
    """
    seed, town, done = chosen_seed(), Township(url), Counter[str]()
    await town.build(random.Random(seed), households, people)
    connection = await town.connect()
    try:
        assert {guard.table for guard in await guards_of(connection)} >= GUARDED
        for again in range(20):
            stop = Stop(operations=0, seconds=seconds, at_most=seconds)
            await asyncio.gather(
                read(town, seed, stop, done),
                fold(town, seed, stop, done),
                *(write(town, seed * 1000 + again * 10 + n, stop, done) for n in range(writers)),
            )
            assert await lost(connection) == {}, f"seed {seed}, {done}"
            if done["killed"] and split <= {name for name, number in (await pages(connection)).items() if number > 1}:
                return
        raise AssertionError(f"seed {seed}: too little happened, {done}")
    finally:
        await connection.close()


async def test_no_index_misses_a_row_after_a_short_history(own_database: str) -> None:
    split = {"residence_one_place", "assignment_one_primary"}
    await torn_history(own_database, seconds=4, writers=4, households=60, people=30, split=split)


@pytest.mark.proof
@pytest.mark.parametrize("run", range(4))
async def test_no_index_misses_a_row_after_a_long_history(own_database: str, run: int) -> None:
    split = {"residence_one_place", "assignment_one_primary", "membership_one_branch", "home_one_household"}
    await torn_history(own_database, seconds=60, writers=6, households=120, people=60, split=split)


async def test_a_lost_entry_is_seen_and_so_is_what_it_let_in(connection: asyncpg.Connection) -> None:
    facts = Facts(connection)
    household = await facts.household()
    switch = "UPDATE pg_index SET indisready = $1 WHERE indexrelid = 'residence_one_place'::regclass"
    await connection.execute(switch, False)
    unseen = await facts.residence(household, of("region", "e1"))
    await connection.execute(switch, True)
    assert await lost(connection) == {"residence_one_place": {unseen}}

    second = await facts.residence(household, of("region", "w1"), november(1))  # the constraint cannot know better
    found = await connection.fetch(OVERLAPS["two residences on one day"])
    assert {(row["id"], row["other"]) for row in found} == {(min(unseen, second), max(unseen, second))}
    with pytest.raises(asyncpg.ExclusionViolationError):
        await connection.execute("REINDEX INDEX residence_one_place")
    await connection.execute("UPDATE residence SET valid_to = $2 WHERE id = $1", unseen, november(1))
    await connection.execute("REINDEX INDEX residence_one_place")
    assert await lost(connection) == {}


async def test_no_figure_and_no_check_looks_into_these_indexes(own_database: str) -> None:
    """The planner decides by what it knows of the tables, which is nothing in a new database; so it is made to prefer
    an index wherever it can use any."""
    town, connection = Township(own_database), await asyncpg.connect(**credentials(own_database))
    await town.build(random.Random(1), households=120, people=40)
    await connection.execute("SET enable_seqscan = off")
    before = await scans(connection)
    for period in (one.id for one in KEPT):
        await connection.execute("SELECT coverage_recount($1, $2)", period, town.households)
        await connection.fetch("SELECT * FROM coverage_read($1, $2)", period, town.grids)
    await connection.fetch("SELECT * FROM coverage_on($1, $2)", november(10), town.grids)
    for question, sql in QUESTIONS.items():
        await connection.fetch(sql)
        assert await scans(connection) == before, question
    await connection.close()


def test_no_statement_spells_what_these_indexes_are_about() -> None:
    """An index on expressions is of use only to who writes the same expressions under an operator of the index."""
    spelt = re.compile(
        r"uuid_send\(|::text::uuid|daterange\([^()]*valid_from,[^()]*valid_to\)\s*(&&|@>|<@|=|-\|-|<<|>>)"
    )
    files = [path for room in ("backend", "handlers", "models", "schemas") for path in (ROOT / room).rglob("*.py")]
    assert spelt.search("WHERE daterange(a.valid_from, a.valid_to) && '(,)'")
    assert {path.stem for path in files if spelt.search(path.read_text())} == {
        "0002_facts",
        "0004_obligations",
        "0009_exclusion_keys",
    }


@pytest.mark.proof
async def test_looking_again_and_again_while_the_root_splits_loses_entries(
    own_database: str, connection: asyncpg.Connection
) -> None:
    """The fault itself. When a new PostgreSQL fails this test it has been mended, and decision 13 may be eased."""
    facts, reader = Facts(connection), await asyncpg.connect(**credentials(own_database))
    households = [await facts.household() for _ in range(60)]
    for household in households:
        await facts.residence(household, of("region", "e1"))
    # Each new date leaves a dead entry behind; no row is deleted, no transaction fails and nobody is killed.
    sql = "UPDATE residence SET valid_to = $2 WHERE household_id = ANY ($1)"
    await connection.execute(sql, households[:20], november(1))
    assert (await pages(connection))["residence_one_place"] == 1
    async with reader.transaction():
        await reader.execute(f"{ONLY_INDEX}; SET LOCAL enable_indexonlyscan = off")
        (guard,) = [guard for guard in await guards_of(connection) if guard.name == "residence_one_place"]
        sql = f"""SELECT asked FROM unnest($1::uuid[]) AS asked CROSS JOIN LATERAL (SELECT FROM residence
                   WHERE {guard.owner} = asked AND {guard.days} && '(,)' OFFSET 0) found"""
        assert "using residence_one_place " in await planned(reader, sql, households)
        looking = await reader.cursor(sql, households)
        await looking.fetch(30)
        for _ in range(200):
            await facts.residence(await facts.household(), of("region", "e1"))
        await looking.fetch(30)
    await reader.close()
    assert (await pages(connection))["residence_one_place"] > 1
    assert await lost(connection)
