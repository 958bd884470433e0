"""Marks, folds, reads and checks of the kept figures, over the whole township worked out by hand (docs/rules.md C17)."""

from __future__ import annotations

import contextlib
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from backend.settings import Settings
from models import database
from models.visits import Visit
from tests.models.cases import CASES, E1, E2, EAST, M2, NOVEMBER, W1, WEST, linked
from tests.models.cases.places import in_a_new_grid
from tests.models.facts import COLUMNS, Facts, november, period
from tests.models.oracle import Oracle, Sums, days_of
from tests.models.reading import TOTALS, defined, differences, obligation_faults
from tests.world import of

MONTHS = tuple(map(period, (202610, 202611, 202612)))
PERIODS = (*MONTHS, period(20264), period(2026))


@pytest.fixture
async def facts(db: Settings) -> Facts:
    facts = Facts(database)  # its functions work in the transaction of the test
    await facts.keep(*(one.id for one in PERIODS))
    for one in PERIODS:
        await database.execute("SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", one.id)
    return facts


async def everything(facts: Facts, every: int = 1) -> list[UUID]:
    """The households of all cases, or of every n-th, in one township, without the cases that change its rules.

    Returns its micro-grids.
    """
    for known in list(CASES.values())[::every]:
        with contextlib.suppress(Undo):
            async with database.transaction():
                rules = await database.fetch_value("SELECT count(*) FROM region_rule")
                await known.make(facts)
                if await database.fetch_value("SELECT count(*) FROM region_rule") != rules:
                    raise Undo
    grids = [E1, E2, W1]
    for branches in ((), ((EAST, None, 16),), ((EAST, None, 8), (WEST, 8, 22), (EAST, 22, None))):
        grids.append((await in_a_new_grid(facts, *branches))[1])
    await database.execute("ANALYZE")  # or the planner believes the tables to be as small as they were
    return grids


class Undo(Exception):
    pass


async def read(number: int, grids: list[UUID]) -> Sums:
    """What a reader is told, by place."""
    rows = await database.fetch("SELECT * FROM coverage_read($1, $2)", number, grids)
    found = {(row["micro_grid_id"], row["branch_id"]): tuple(row[c] for c in COLUMNS) for row in rows}
    assert len(found) == len(rows)
    return {place: values for place, values in found.items() if any(values)}


async def read_all(grids: list[UUID]) -> dict[int, Sums]:
    return {one.id: await read(one.id, grids) for one in PERIODS}


async def worked_out() -> dict[int, Sums]:
    """What a reader should be told of each period."""
    oracle = await Oracle.read(database)
    return {one.id: oracle.read_out(one, MONTHS) for one in PERIODS}


async def defined_of_all() -> dict[int, Sums]:
    """The same by the definition, of a month and of the quarter."""
    return {number: await defined(database, period(number), MONTHS) for number in (NOVEMBER, 20264)}


async def fold(at_most: int) -> int:
    return int(await database.fetch_value("SELECT coverage_fold($1)", at_most))


async def fold_all() -> None:
    while await fold(2000):
        pass


async def waiting_marks() -> int:
    return int(await database.fetch_value("SELECT count(*) FROM coverage_dirty"))


async def check(number: int = NOVEMBER) -> list[Any]:
    """Where kept rows and sums differ from the definition."""
    return await database.fetch("SELECT * FROM coverage_check($1)", number)


async def test_the_oracle_and_the_definition_agree_on_every_household_and_period(facts: Facts) -> None:
    """Two workings-out of the same words: this one judges the histories of test_histories.py."""
    await everything(facts)
    oracle = await Oracle.read(database)
    for one in PERIODS:
        assert await differences(database, oracle, one) == []
        assert len(oracle.rows(one)) > len(CASES) / 2
        assert await obligation_faults(database, oracle, one) == []


async def test_the_stock_of_every_day_is_who_is_in_the_set_that_day(facts: Facts) -> None:
    grids = await everything(facts)
    oracle, seen = await Oracle.read(database), set()
    for day in days_of(date(2026, 10, 30), date(2026, 12, 12)):
        rows = await database.fetch("SELECT * FROM stock_on($1, $2)", day, grids)
        found = {row["household_id"]: (row["micro_grid_id"], row["branch_id"], row["covered"]) for row in rows}
        assert len(found) == len(rows)
        assert found == oracle.stock(day), day
        seen.add(len(found))
    assert len(seen) > 5  # days differ, so the comparison says something


async def test_a_read_is_exact_while_marks_wait_and_after_each_fold(facts: Facts) -> None:
    grids = await everything(facts, 4)
    expected = await worked_out()
    waiting = await waiting_marks()
    assert waiting > 150
    while waiting:
        assert await read_all(grids) == expected
        assert await fold(79) == min(79, waiting)
        waiting = await waiting_marks()
    assert await read_all(grids) == expected
    for one in PERIODS:
        assert await check(one.id) == []
    some = grids[::2]
    assert await read(NOVEMBER, some) == {
        place: values for place, values in expected[NOVEMBER].items() if place[0] in some
    }


NOT_IN_SERVICE = UUID(int=99)
CHANGES: dict[str, str] = {
    "a visit is voided": "UPDATE visit SET voided_at = now()",
    "links end": "UPDATE assignment SET valid_to = '2026-11-20', end_reason = 'other' WHERE valid_to IS NULL AND valid_from < '2026-11-20'",
    "links become backups": "UPDATE assignment SET role = 'backup'",
    "links were a mistake": "UPDATE assignment SET valid_to = valid_from",
    "links go to another person": f"UPDATE assignment SET person_id = '{NOT_IN_SERVICE}' WHERE person_id = '{M2}'",
    "a link starts earlier": "UPDATE assignment SET valid_from = '2026-11-08' WHERE valid_from = '2026-11-16'",
    "links go to another household": f"UPDATE assignment SET household_id = '{of('household', 'h9')}' WHERE household_id = '{of('household', 'h1')}'",
    "residences end": "UPDATE residence SET valid_to = '2026-11-20' WHERE valid_to IS NULL AND valid_from < '2026-11-20'",
    "households go away": "UPDATE residence SET status = 'away'",
    "households become nominal": "UPDATE residence SET status = 'nominal' WHERE valid_from > '2026-11-01'",
    "households move": f"UPDATE residence SET micro_grid_id = '{E2}' WHERE valid_to IS NULL",
    "members leave": "UPDATE membership SET valid_to = '2026-11-20', end_reason = 'moved' WHERE valid_to IS NULL AND valid_from < '2026-11-20'",
    "members become cadres": "UPDATE membership SET kind = 'cadre'",
    "service is another person's": f"UPDATE membership SET person_id = '{NOT_IN_SERVICE}' WHERE person_id = '{M2}'",
    "members move out": "UPDATE home SET valid_to = '2026-11-10' WHERE valid_to IS NULL AND valid_from < '2026-11-10'",
    "members move house": f"UPDATE home SET household_id = '{of('household', 'h7')}'",
    "homes are of somebody else": f"UPDATE home SET person_id = '{NOT_IN_SERVICE}' WHERE household_id = '{of('household', 'h5')}'",
    "branches stop answering": "UPDATE responsibility SET valid_to = '2026-11-10' WHERE valid_to IS NULL AND valid_from < '2026-11-10'",
    "another branch answers": f"UPDATE responsibility SET branch_id = '{WEST}' WHERE kind = 'branch_micro_grid'",
    "it answers for something else": "UPDATE responsibility SET kind = 'branch_village'",
    "a row is deleted by hand": "DELETE FROM home",
    "an attempt is voided": "UPDATE visit SET voided_at = now() WHERE outcome = 'not_home'",
    "a refusal is voided": "UPDATE visit SET voided_at = now() WHERE outcome = 'declined'",
    "a visit is no longer void": "UPDATE visit SET voided_at = NULL",
    "households are no longer key": "UPDATE tier SET valid_to = '2026-11-12' WHERE valid_to IS NULL AND valid_from < '2026-11-12'",
    "tiers were a mistake": "UPDATE tier SET valid_to = valid_from",
    "households become key": f"INSERT INTO tier (id, household_id, reason, valid_from) SELECT gen_random_uuid(), id, 'illness', '2026-11-15' FROM household WHERE id <> '{of('household', 'h1')}'",
    "must-visits are raised": "INSERT INTO must_visit (id, household_id, kind, since, due_on, source) SELECT gen_random_uuid(), id, 'hardship', '2026-11-02', '2026-11-05', 'staff' FROM household",
    "must-visits are withdrawn": "UPDATE must_visit SET withdrawn_at = now()",
    "a general rule ends and another begins": "WITH old AS (UPDATE region_rule SET valid_to = '2026-09-01' WHERE region_id IS NULL AND name LIKE 'interval%' RETURNING *) INSERT INTO region_rule (id, name, number, valid_from) SELECT gen_random_uuid(), name, number / 2, '2026-09-01' FROM old",
    "a township makes a rule": f"INSERT INTO region_rule (id, region_id, name, number, valid_from) VALUES (gen_random_uuid(), '{of('region', 'town')}', 'interval_ordinary', 75, '2026-08-01')",
    "merges are annulled": "UPDATE succession SET annulled_at = now()",
    "two are merged": f"INSERT INTO succession (id, household_id, successor_id, on_day) VALUES (gen_random_uuid(), '{of('household', 'h2')}', '{of('household', 'h3')}', '2026-11-10')",
    "two are merged long ago": f"INSERT INTO succession (id, household_id, successor_id, on_day) VALUES (gen_random_uuid(), '{of('household', 'h7')}', '{of('household', 'h8')}', '2026-05-10')",
    "a visit of spring": f"INSERT INTO visit (id, household_id, visitor_id, entered_by, occurred_on, noted_at, mode, outcome, topics, companion_ids, needs_follow_up, body_mac) SELECT gen_random_uuid(), id, '{M2}', '{M2}', '2026-03-05', now(), 'in_person', 'met', '{{}}', '{{}}', false, '' FROM household",
    "refusals of the end of october": f"INSERT INTO visit (id, household_id, visitor_id, entered_by, occurred_on, noted_at, mode, outcome, topics, companion_ids, needs_follow_up, body_mac) SELECT gen_random_uuid(), id, '{M2}', '{M2}', '2026-10-30', now(), 'in_person', 'declined', '{{}}', '{{}}', false, '' FROM household",
    "visits of 3 december": f"INSERT INTO visit (id, household_id, visitor_id, entered_by, occurred_on, noted_at, mode, outcome, topics, companion_ids, needs_follow_up, body_mac) SELECT gen_random_uuid(), id, '{M2}', '{M2}', '2026-12-03', now(), 'in_person', 'met', '{{}}', '{{}}', false, '' FROM household",
    "another primary since spring": f"UPDATE assignment SET valid_from = '2026-04-10' WHERE person_id = '{M2}' AND valid_from = '2026-01-01' AND valid_to IS NULL",
}


async def test_any_change_of_a_fact_is_seen_at_once_and_after_folding(facts: Facts) -> None:
    """Judged by the definition, which the oracle has judged."""
    grids = await everything(facts, 6)
    for name in (
        "two_rows_of_the_key_tier_are_united",
        "due_on_the_28th_and_not_met",
        "a_gap_of_ten_days_costs_ten_days",
        "nobody_home_is_an_attempt",
    ):
        await CASES[name].make(facts)
    for name in ("both_away_is_away", "a_refusal_stays_in_the_denominator", "declined_in_time_it_leaves_the_rate"):
        await CASES[name].make(facts)
    await facts.insert("person", id=NOT_IN_SERVICE, name_sealed=b"-", name_masked="某*")
    await fold_all()
    before = await defined_of_all()
    wrong = []
    for change, sql in CHANGES.items():
        with contextlib.suppress(Undo):
            async with database.transaction():
                await database.execute(sql)
                expected = await defined_of_all()
                if expected == before:
                    wrong.append(f"{change}: no figure says so, so this shows nothing")
                for moment in ("while the marks wait", "after folding"):
                    found = {number: await read(number, grids) for number in expected}
                    wrong += [f"{change}: {one} not seen {moment}" for one in found if found[one] != expected[one]]
                    await fold_all()
                raise Undo
    assert wrong == []


async def test_only_the_end_moving_does_not_touch_the_days_before(facts: Facts) -> None:
    """A hand-over in November leaves last spring alone: otherwise each one would recount a year."""
    household = await linked(facts)
    await fold_all()
    await database.execute("UPDATE assignment SET valid_to = '2026-11-11' WHERE household_id = $1", household)
    marks = await database.fetch("SELECT household_id, resident_id, lower(during) AS start FROM coverage_dirty")
    assert {(row["household_id"], row["resident_id"]) for row in marks} == {(household, None), (None, M2)}
    assert {row["start"] for row in marks} <= {november(1), november(11)}


async def test_folding_again_changes_nothing(facts: Facts) -> None:
    grids = await everything(facts, 5)
    await fold_all()
    before = await read_all(grids)
    await database.execute("INSERT INTO coverage_dirty (household_id, during) SELECT id, '(,)' FROM household")
    await database.execute("INSERT INTO coverage_dirty (person_id, during) SELECT id, '(,)' FROM person")
    await fold(10_000)
    assert await read_all(grids) == before


async def test_a_period_that_is_zero_throughout_is_no_difference(facts: Facts) -> None:
    """A micro-grid whose only household closed early has a row of zeros and no sum: that agrees (C17)."""
    grid, household = await facts.micro_grid(branch="east"), await facts.household()
    await facts.residence(household, grid, end=november(5))
    await fold_all()
    assert await check() == []


async def test_a_recount_gives_what_folding_gave(facts: Facts) -> None:
    """Rows and sums that somebody spoilt by hand are found by the check and mended by the recount."""
    grids = await everything(facts, 5)
    await fold_all()
    before = await read_all(grids)
    for spoil in (
        "UPDATE household_period SET must_met = must_met + 1, unmet = '{2026-11-01}' WHERE period_id = 202611",
        "UPDATE coverage_sum SET waived = waived + 1 WHERE period_id = 202611",
        "DELETE FROM household_period WHERE period_id = 202611 AND due > 0",
    ):
        await database.execute(spoil)
        assert await check() != [], spoil
        await database.execute("SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", NOVEMBER)
        await database.execute("SELECT coverage_settle($1)", NOVEMBER)
        assert await check() == [], spoil
        assert await read_all(grids) == before, spoil


async def test_what_is_frozen_never_changes(facts: Facts) -> None:
    """Later facts change the open rows alone, and the database refuses to change the copies (F1, F2)."""
    grids = await everything(facts, 4)
    await fold_all()
    expected = await read(NOVEMBER, grids)
    for part in ("stock", "contact", "on_time"):
        assert await database.fetch_value("SELECT coverage_freeze($1, $2, 1)", NOVEMBER, part) is True
        assert await database.fetch_value("SELECT coverage_freeze($1, $2, 1)", NOVEMBER, part) is False
    frozen = await frozen_sums(grids)
    assert frozen == expected
    await database.execute("UPDATE visit SET voided_at = now()")
    await fold_all()
    assert await read(NOVEMBER, grids) != expected
    assert await frozen_sums(grids) == frozen
    for table in ("household_frozen", "obligation_frozen", "coverage_frozen", "frozen_part"):
        for sql in (f"UPDATE {table} SET period_id = period_id", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(asyncpg.RestrictViolationError):
                async with database.transaction():
                    await database.execute(sql)


async def frozen_sums(grids: list[UUID]) -> Sums:
    """The two parts of November that are sums of its rows, together, by the copied households and by the copied sums."""
    both = [
        {
            (row["micro_grid_id"], row["branch_id"]): tuple(row[column] for column in COLUMNS)
            for row in await database.fetch(
                f"""SELECT micro_grid_id, branch_id, {TOTALS} FROM {table}
                    WHERE period_id = $1 AND part <> 'stock' AND micro_grid_id = ANY ($2::uuid[]) GROUP BY 1, 2""",
                NOVEMBER,
                grids,
            )
        }
        for table in ("household_frozen", "coverage_frozen")
    ]
    assert both[0] == both[1]
    return {place: values for place, values in both[0].items() if any(values)}


async def test_a_visits_columns_of_the_model_are_those_the_marks_rely_on() -> None:
    """Voiding is the only change of a visit that is marked: whatever else a figure reads of it is never rewritten (V4)."""
    assert {"household", "visitor", "companion_ids", "occurred_on", "mode", "outcome", "voided_at"} <= set(
        Visit._meta.fields_map
    )
