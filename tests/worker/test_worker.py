"""What happens later, and what an operator runs to prove that all holds: folding, sealing, keeping, recounting, checking."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.context import TortoiseContext

from backend import crypto
from backend.rules import audit as audit_rules
from backend.services import audit, checks, coverage
from backend.worker import schedule
from models import database
from tests.models.facts import Facts, november
from tests.world import NOW, World, of, settings_for

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def here(own_database: str) -> AsyncIterator[str]:
    """The services on a database of the test's own."""
    settings = settings_for(own_database)
    crypto.configure(settings.secret_keys)
    async with TortoiseContext() as context:
        await context.init(config=database.tortoise_config(settings))
        yield own_database


async def backend(url: str, *command: str) -> tuple[int, str]:
    """`python -m backend …` as an operator types it; (exit code, what it said)."""
    environ = {**os.environ, "APP_ENV": "test", "DATABASE_URL": url, "REDIS_URL": "unix:///nowhere"}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "backend", *command],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


async def count(table: str, where: str = "true") -> int:
    return int(await database.fetch_value(f"SELECT count(*) FROM {table} WHERE {where}"))


class TestFold:
    async def test_takes_all_marks_whatever_their_number(self, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coverage, "FOLD_AT_MOST", 3)
        facts = Facts(database)
        for day in range(1, 8):
            await facts.visit(of("person", "m1"), of("household", "h2"), november(day))
        assert await coverage.fold_all() == 7
        assert await count("coverage_dirty") == 0
        assert await count("household_period", "contacted = 1") == 1
        assert await coverage.fold_all() == 0

    async def test_two_folders_at_once_take_each_mark_once(self, here: str) -> None:
        facts = Facts(database)
        for name in World().households:
            for day in range(1, 6):
                await facts.visit(of("person", "m4"), of("household", name), november(day))
        assert sum(await asyncio.gather(*(coverage.fold_all() for _ in range(4)))) == 45
        assert await coverage.check() == []

    async def test_the_piece_of_work_of_the_schedule_folds(self, here: str) -> None:
        await Facts(database).visit(of("person", "m1"), of("household", "h2"), november(3))
        works = {periodic.name: periodic.work for periodic in schedule.SCHEDULE}
        await works["fold figures"]()
        assert await count("coverage_dirty") == 0


class TestSeal:
    async def entries(self, number: int) -> None:
        for _ in range(number):
            await audit.record(None, audit_rules.Action.VISIT_RECORD, of("household", "h1"))

    async def test_seals_all_in_numbers_without_a_gap(self, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(audit_rules, "SEAL_AT_MOST", 4)
        assert await audit.seal() is None
        await self.entries(10)
        works = {periodic.name: periodic.work for periodic in schedule.SCHEDULE}
        await works["seal audit"]()
        seals = await database.fetch("SELECT seal_no, entry_count FROM audit_seal ORDER BY seal_no")
        assert [tuple(row.values()) for row in seals] == [(1, 4), (2, 4), (3, 2)]
        assert await audit.check() == []

    async def test_sealers_at_once_do_not_share_a_number(self, here: str) -> None:
        await self.entries(6)
        await asyncio.gather(*(audit.seal() for _ in range(4)))
        assert await audit.check() == []
        assert await count("audit_entry", "seal_no IS NULL") == 0

    async def test_a_row_that_commits_late_falls_into_the_next_seal(self, here: str) -> None:
        late = await asyncpg.connect(**database.credentials(here))
        transaction = late.transaction()
        await transaction.start()
        await late.execute("INSERT INTO audit_entry (action, changed) VALUES ('visit.record', '{}')")
        await self.entries(2)
        await audit.seal()
        await transaction.commit()
        await late.close()
        assert await audit.check() == []
        assert await audit.seal() is not None
        assert await audit.check() == []

    @pytest.mark.parametrize(
        ("tamper", "seal"),
        [
            (
                "UPDATE audit_entry SET action = 'visit.void' WHERE id = (SELECT min(id) FROM audit_entry WHERE seal_no = 2)",
                "seal 2 ",
            ),
            ("UPDATE audit_entry SET at = at + interval '1 second' WHERE seal_no = 1", "seal 1 "),
            ("UPDATE audit_entry SET subject_id = NULL WHERE seal_no = 2", "seal 2 "),
            (
                "DELETE FROM audit_entry WHERE id = (SELECT max(id) FROM audit_entry WHERE seal_no = 2)",
                "seal 2 covers 3 rows, 2",
            ),
            (
                "INSERT INTO audit_entry (action, changed, seal_no) VALUES ('visit.void', '{}', 1)",
                "seal 1 covers 3 rows, 4",
            ),
            ("DELETE FROM audit_seal WHERE seal_no = 2", "seal 2 is missing"),
            ("DELETE FROM audit_entry WHERE seal_no = 3", "seal 3 covers 3 rows, 0"),
            ("UPDATE audit_entry SET seal_no = 9 WHERE seal_no = 3", "under no seal"),
            (
                "INSERT INTO audit_entry (at, action, changed) VALUES (now() - interval '11 minutes', 'a', '{}')",
                "under no seal",
            ),
        ],
    )
    async def test_the_chain_names_the_seal_that_does_not_fit(self, here: str, tamper: str, seal: str) -> None:
        for _ in range(3):
            await self.entries(3)
            await audit.seal()
        assert await audit.check() == []
        await database.execute(tamper)
        assert any(seal in sentence for sentence in await audit.check()), await audit.check()


class TestKeepMonths:
    async def test_a_new_month_is_there_with_its_figures_once(self, here: str) -> None:
        assert await coverage.keep_months(date(2026, 11, 24)) == []
        assert await coverage.keep_months(date(2026, 11, 25)) == [202612]
        assert await coverage.keep_months(date(2026, 11, 25)) == []
        assert await count("household_period", "period_id = 202612") == 9
        assert await coverage.check([202612]) == []

    async def test_two_nightly_jobs_make_each_month_once(self, here: str) -> None:
        made = await asyncio.gather(*(coverage.keep_months(date(2027, 1, 2)) for _ in range(3)))
        assert sorted(month for months in made for month in months) == [202612, 202701]
        assert await coverage.check() == []

    async def test_facts_that_come_meanwhile_are_in_the_new_month(self, here: str) -> None:
        """A fact that is not yet committed while the month is made arrives with its mark."""
        other = await asyncpg.connect(**database.credentials(here))
        transaction = other.transaction()
        await transaction.start()
        await Facts(other).visit(of("person", "m1"), of("household", "h1"), date(2026, 12, 3))
        assert await coverage.keep_months(date(2026, 11, 25)) == [202612]
        await transaction.commit()
        await other.close()
        assert await coverage.check([202612]) == []
        assert await count("household_period", "period_id = 202612 AND contacted = 1") == 1


async def test_failures_are_forgotten_after_half_an_hour(here: str) -> None:
    for minutes in (1, 29, 31, 600):
        await database.execute(
            "INSERT INTO sign_in_failure (key, at) VALUES ('', now() - make_interval(mins => $1))", minutes
        )
    works = {periodic.name: periodic.work for periodic in schedule.SCHEDULE}
    await works["forget failures"]()
    assert await count("sign_in_failure") == 2


async def test_a_piece_of_work_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, runs = asyncio.Event(), list[int]()

    async def work() -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            raise OSError("gone")
        stop.set()

    await asyncio.wait_for(schedule._repeat(schedule.Periodic("work", timedelta(milliseconds=5), work), stop), 10)
    assert runs == [0, 1]


PLANTED = {
    "a row": "UPDATE household_period SET contacted = 1 WHERE period_id = 202611 AND household_id = $1",
    "a sum": "UPDATE coverage_sum SET visited = visited + 1 WHERE period_id = 202611 AND micro_grid_id ="
    " (SELECT micro_grid_id FROM household_period WHERE period_id = 202611 AND household_id = $1)",
    "a row gone": "DELETE FROM household_period WHERE period_id = 202611 AND household_id = $1",
    "a row of nobody": "INSERT INTO household_period SELECT period_id, gen_random_uuid(), micro_grid_id, branch_id, households, party,"
    " not_yet, exposed, covered, contacted, resident, visited FROM household_period WHERE period_id = 202611 AND household_id = $1",
    "a sum gone": "DELETE FROM coverage_sum WHERE micro_grid_id ="
    " (SELECT micro_grid_id FROM household_period WHERE period_id = 202611 AND household_id = $1)",
}


class TestRecount:
    async def test_prints_each_difference_and_mends_it(self, own_database: str) -> None:
        assert await backend(own_database, "recount", "--check") == (0, "figures agree with the facts\n")
        connection = await asyncpg.connect(**database.credentials(own_database))
        await connection.execute(PLANTED["a row"], of("household", "h1"))
        await connection.execute(PLANTED["a sum"], of("household", "h6"))
        code, said = await backend(own_database, "recount", "--check", "--month", "2026-11")
        assert code == 1
        assert f"2026-11 household {of('household', 'h1')}" in said
        assert f"2026-11 sum {of('branch', 'east')} in {of('region', 'e2')}" in said
        assert "2 differences" in said
        assert (await backend(own_database, "recount", "--check", "--month", "2026-10"))[0] == 0
        assert (await backend(own_database, "recount", "--month", "11"))[0] == 1
        assert (await backend(own_database, "recount"))[0] == 0
        assert await connection.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'coverage.recount'") == 2
        await connection.close()
        assert await backend(own_database, "recount", "--check") == (0, "figures agree with the facts\n")

    @pytest.mark.parametrize("planted", PLANTED)
    async def test_whatever_was_wrong_is_found_and_mended(self, here: str, planted: str) -> None:
        await database.execute(PLANTED[planted], of("household", "h1"))
        assert len(await coverage.check()) >= 1
        assert await coverage.recount([202611, 202610]) == [202610, 202611]
        assert await coverage.check() == []


OVERLAPS = {
    "two primary links on one day": ("assignment", "assignment_one_primary"),
    "two residences on one day": ("residence", "residence_one_place"),
    "two branches for a micro-grid on one day": ("responsibility", "responsibility_one_branch"),
    "two homes on one day": ("home", "home_one_household"),
    "two branches of a person on one day": ("membership", "membership_one_branch"),
}


class TestCheck:
    async def test_says_so_when_all_holds(self, own_database: str) -> None:
        assert await backend(own_database, "check") == (0, "figures, audit and rules hold\n")

    async def test_overlaps_a_broken_chain_and_a_missing_day_are_one_line_each(self, own_database: str) -> None:
        connection = await asyncpg.connect(**database.credentials(own_database))
        await self.plant(connection, "two primary links on one day")
        await connection.execute(
            "UPDATE residence SET valid_to = '2026-11-20' WHERE household_id = $1", of("household", "h9")
        )
        await connection.execute("INSERT INTO audit_entry (action, changed, seal_no) VALUES ('visit.void', '{}', 4)")
        await connection.close()
        code, said = await backend(own_database, "check")
        assert code == 1
        lines = said.splitlines()
        assert any(line.startswith("two primary links on one day") for line in lines)
        assert f"a day without a residence row: {of('household', 'h9')}" in lines
        assert any("under no seal" in line for line in lines)

    async def plant(self, connection: Any, sentence: str) -> None:
        """A second row on the same days, as a database whose constraint failed would have let in."""
        table, constraint = OVERLAPS[sentence]
        await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        columns = await connection.fetch(
            "SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1 AND is_generated = 'NEVER'",
            table,
        )
        names = [row["name"] for row in columns if row["name"] not in ("id", "seq")]
        kind = {"assignment": "role = 'primary'", "responsibility": "kind = 'branch_micro_grid'"}.get(table, "true")
        await connection.execute(
            f"INSERT INTO {table} (id, {', '.join(names)}) SELECT gen_random_uuid(), {', '.join(names)} FROM {table} WHERE {kind} LIMIT 1"
        )

    @pytest.mark.parametrize("sentence", OVERLAPS)
    async def test_finds_each_overlap(self, here: str, sentence: str) -> None:
        assert await checks.rules() == []
        await self.plant(database, sentence)
        found = await checks.rules()
        assert [line.partition(":")[0] for line in found] == [sentence]

    @pytest.mark.parametrize(
        ("planted", "sentence"),
        [
            ("UPDATE residence SET valid_from = '2026-01-02' WHERE household_id = $1", "a day without a residence row"),
            ("UPDATE residence SET valid_to = valid_from WHERE household_id = $1", "a day without a residence row"),
            (
                "UPDATE household SET closed_on = '2026-11-10' WHERE id = $1",
                "a link outside of the days of its household",
            ),
            (
                "INSERT INTO exemption (id, person_id, reason, valid_from, recorded_at) SELECT gen_random_uuid(), person_id, 'age',"
                " '2026-06-01', now() - interval '16 days' FROM assignment WHERE household_id = $1 AND role = 'primary'",
                "an open primary link of an exempt member",
            ),
        ],
    )
    async def test_finds_facts_that_contradict_one_another(self, here: str, planted: str, sentence: str) -> None:
        await database.execute(planted, of("household", "h3"))
        assert {line.partition(":")[0] for line in await checks.rules()} == {sentence}

    async def test_a_closed_household_without_later_days_is_fine(self, here: str) -> None:
        for table in ("residence", "assignment"):
            await database.execute(
                f"UPDATE {table} SET valid_to = $2 WHERE household_id = $1", of("household", "h3"), NOW.date()
            )
        await database.execute("UPDATE household SET closed_on = $2 WHERE id = $1", of("household", "h3"), NOW.date())
        assert await checks.rules() == []
