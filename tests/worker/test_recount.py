"""`python -m backend recount`: it finds whatever is wrong, mends no more than that, and goes on where it was stopped."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import date
from typing import Any

import asyncpg
import pytest

from backend.rules.periods import Kind, Period
from backend.services.coverage import keeping
from models import database
from tests.conftest import eventually
from tests.worker.operating import ROOT, backend, count, environ
from tests.world import NOW, of

TODAY = NOW.date()
OCTOBER, NOVEMBER = (Period(date(2026, month, 1), Kind.MONTH) for month in (10, 11))
OF_H1 = "period_id = 202611 AND household_id = $1"
PLANTED = {
    "a row": f"UPDATE household_period SET contacted = 1, unmet = '{{2026-11-11}}' WHERE {OF_H1}",
    "a row in another place": f"UPDATE household_period SET micro_grid_id = gen_random_uuid() WHERE {OF_H1}",
    "a sum": f"UPDATE coverage_sum SET visited = visited + 1 WHERE period_id = 202611 AND micro_grid_id = (SELECT micro_grid_id FROM household_period WHERE {OF_H1})",
    "a row gone": f"DELETE FROM household_period WHERE {OF_H1}",
    "a row of nobody": "INSERT INTO household_period SELECT (jsonb_populate_record(p, jsonb_build_object('household_id', gen_random_uuid()))).*"
    f" FROM household_period p WHERE {OF_H1}",
    "a row too many": "INSERT INTO household_period SELECT (jsonb_populate_record(p, '{\"period_id\": 202610}')).*"
    f" FROM household_period p WHERE {OF_H1} ON CONFLICT (period_id, household_id) DO UPDATE SET key = 1",
    "a sum gone": f"DELETE FROM coverage_sum WHERE micro_grid_id = (SELECT micro_grid_id FROM household_period WHERE {OF_H1})",
    "a sum of no place": "INSERT INTO coverage_sum SELECT (jsonb_populate_record(s, jsonb_build_object('micro_grid_id', gen_random_uuid()))).*"
    f" FROM coverage_sum s WHERE (period_id, micro_grid_id) = (SELECT period_id, micro_grid_id FROM household_period WHERE {OF_H1}) LIMIT 1",
}


class TestServices:
    @pytest.mark.parametrize("planted", PLANTED)
    async def test_whatever_was_wrong_is_found_and_mended(self, here: str, planted: str) -> None:
        for mend in (keeping.recount, keeping.repair):
            assert await keeping.check() == []
            await database.execute(PLANTED[planted], of("household", "h1"))
            assert len(await keeping.check()) >= 1
            assert len(await mend([NOVEMBER, OCTOBER])) >= 1
            assert await keeping.check() == []
            assert [dict(row) for row in await database.fetch("SELECT * FROM coverage_check(202611)")] == []

    async def test_repair_touches_only_what_differs(self, here: str) -> None:
        versions = "SELECT household_id, xmin::text AS version FROM household_period WHERE period_id = 202611"
        await database.execute(PLANTED["a row"], of("household", "h1"))
        before = {row["household_id"]: row["version"] for row in await database.fetch(versions)}
        found = await keeping.repair()
        after = {row["household_id"]: row["version"] for row in await database.fetch(versions)}
        assert {household for household in before if before[household] != after[household]} == {of("household", "h1")}
        assert [str(one) for one in found] == [
            f"2026-11 household {of('household', 'h1')} in {of('region', 'e1')}:"
            " unmet is ['2026-11-11'], should be None, contacted is 1, should be 0",
            f"2026-11 sum {of('branch', 'east')} in {of('region', 'e1')}: contacted is 0, should be 1",
        ]
        assert await keeping.repair() == []
        assert await count("audit_entry", "action = 'coverage.recount' AND reason = 'repair'") == 1

    async def test_answers_that_are_kept_ready_end_with_a_repair(self, here: str) -> None:
        folds = await database.fetch_value("SELECT folds FROM coverage_state")
        await database.execute(PLANTED["a sum"], of("household", "h1"))
        await keeping.repair()
        assert await database.fetch_value("SELECT folds FROM coverage_state") > folds

    async def stopped(self, after: int) -> list[str]:
        """A recount of all, stopped while the period after so many is under way."""
        seen = list[str]()

        def stop(name: str, done: int, total: int) -> None:
            seen.append(name)
            if len(seen) > after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await keeping.recount(None, stop)
        return seen[:after]

    async def test_it_goes_on_where_it_was_stopped(self, here: str) -> None:
        await keeping.keep_periods(TODAY)
        first = await self.stopped(5)
        bars = list[tuple[str, int, int]]()
        rest = await keeping.recount(None, lambda *bar: bars.append(bar))
        assert len(first) == 5 and len(rest) == 11 and not set(first) & set(map(str, rest))
        assert [name for name, done, total in bars if (done, total) == (1, 1)] == first  # drawn as done
        assert len(await keeping.recount(None)) == 16  # finished, so the next one is a new one

    async def test_stopped_twice_it_still_goes_on(self, here: str) -> None:
        await keeping.keep_periods(TODAY)
        first = await self.stopped(5)
        await self.stopped(5 + 2)
        assert len(await keeping.recount(None)) == 16 - 5 - 2
        assert len(first) == 5

    async def test_other_periods_or_another_day_begin_anew(self, here: str) -> None:
        await keeping.keep_periods(TODAY)
        await self.stopped(5)
        assert await keeping.recount([OCTOBER]) == [OCTOBER]
        assert len(await keeping.recount(None)) == 16
        await self.stopped(5)
        await database.execute("UPDATE audit_entry SET at = at - interval '25 hours'")
        assert len(await keeping.recount(None)) == 16


async def waits_for_a_lock(url: str) -> None:
    """Until somebody in this database waits for somebody else's row."""
    connection: Any = await asyncpg.connect(**database.credentials(url))

    async def waits() -> bool:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return bool(await connection.fetchval(asked) == 1)

    await eventually(waits, 60)
    await connection.close()


class TestCommand:
    async def test_prints_each_difference_and_mends_it(self, own_database: str) -> None:
        assert await backend(own_database, "recount", "--check") == (0, "figures agree with the facts\n")
        connection = await asyncpg.connect(**database.credentials(own_database))
        await connection.execute(PLANTED["a row"], of("household", "h1"))
        await connection.execute(PLANTED["a sum"], of("household", "h6"))
        row = f"2026-11 household {of('household', 'h1')} in {of('region', 'e1')}: "
        sums = [f"2026-11 sum {of('branch', 'east')} in {of('region', grid)}: " for grid in ("e1", "e2")]
        code, said = await backend(own_database, "recount", "--check", "--period", "2026-11")
        assert code == 1
        assert all(one in said for one in (row, *sums, "visited is 1, should be 0", "3 differences"))
        assert (await backend(own_database, "recount", "--check", "--period", "2026-10"))[0] == 0
        code, said = await backend(own_database, "recount", "--repair")
        assert code == 0
        assert all(one in said for one in (f"mended: {row}", "3 differences mended"))
        assert await backend(own_database, "recount", "--repair") == (0, "nothing to mend\n")
        assert await backend(own_database, "recount") == (0, "2 periods recounted\n")
        assert await connection.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'coverage.recount'") == 4
        await connection.close()
        assert await backend(own_database, "recount", "--check") == (0, "figures agree with the facts\n")

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (["--period", "11"], "--period: write 2026-11, 2026Q4 or 2026"),
            (["--check", "--period", "2031Q2"], "--period: 2031Q2 is not kept; kept are 2026-10 to 2026-11"),
            (["--check", "--repair"], "--check, --repair: choose one of them"),
            (["--as-of", "2100-01-01"], "--as-of: 2100-01-01 has not come yet"),
        ],
    )
    async def test_says_what_is_wrong_with_the_question(
        self, own_database: str, options: list[str], sentence: str
    ) -> None:
        code, said = await backend(own_database, "recount", *options)
        assert code == 1
        assert said.startswith(sentence) and said.count("\n") == 1

    async def test_as_of_a_day_it_does_first_what_the_calendar_had_brought(self, own_database: str) -> None:
        connection = await asyncpg.connect(**database.credentials(own_database))
        code, said = await backend(own_database, "recount", "--as-of", "2026-11-08")
        assert code == 0
        assert all(one in said for one in ("2026Q4 counted", "2026-10 contact frozen", "16 periods recounted"))
        frozen = "SELECT array_agg(part ORDER BY part) FROM frozen_part WHERE period_id = $1"
        assert await connection.fetchval(frozen, 202610) == ["contact", "stock"]
        assert await connection.fetchval(frozen, 202609) == ["contact", "on_time", "stock"]
        assert await connection.fetchval(frozen, 202611) is None
        code, said = await backend(own_database, "recount", "--check", "--as-of", "2026-11-08")
        assert (code, said) == (0, "nothing was left to do as of 2026-11-08\nfigures agree with the facts\n")
        await connection.close()

    async def test_after_ctrl_c_it_goes_on_with_the_period_it_was_at(self, own_database: str) -> None:
        assert (await backend(own_database, "recount", "--as-of", "2026-11-08"))[0] == 0
        holder: Any = await asyncpg.connect(**database.credentials(own_database))
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM period WHERE id = 202605 FOR UPDATE")  # the recount has to wait here
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backend", "recount", cwd=ROOT, env=environ(own_database),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            # Tests that run in the background of a shell inherit that SIGINT is ignored; at a terminal it is not.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

        await waits_for_a_lock(own_database)
        process.send_signal(signal.SIGINT)
        said, _ = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 130
        assert said.decode() == "stopped; what is done stays done, run it again to go on\n"
        await transaction.rollback()
        await holder.close()
        # In order: 2026-01, 2026Q1, 2026, 2026-02, 2026-03, 2026-04, 2026Q2, then May.
        assert await backend(own_database, "recount") == (0, "9 periods recounted, 7 had been when it was stopped\n")
        assert await backend(own_database, "recount", "--check") == (0, "figures agree with the facts\n")

    async def test_killed_it_leaves_nothing_half_done(self, own_database: str) -> None:
        """The period under way is rolled back with its audit row."""
        connection = await asyncpg.connect(**database.credentials(own_database))
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT FROM period WHERE id = 202611 FOR UPDATE")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backend", "recount", cwd=ROOT, env=environ(own_database)
        )

        await waits_for_a_lock(own_database)
        process.kill()
        await process.wait()
        await transaction.rollback()

        async def gone() -> bool:
            asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            return bool(await connection.fetchval(asked) == 0)

        await eventually(gone, 30)
        done = "SELECT array_agg(changed[1]) FROM audit_entry WHERE action = 'coverage.recount' AND reason IS NULL"
        assert await connection.fetchval(done) == ["2026-10"]
        await connection.close()
        assert await backend(own_database, "recount") == (0, "1 periods recounted, 1 had been when it was stopped\n")
