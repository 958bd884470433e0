"""What the worker does: folding, sealing, forgetting; and how it goes on after a failure and ends."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from backend.rules import audit as audit_rules
from backend.services import audit
from backend.services.coverage import keeping
from backend.worker import schedule
from models import database
from tests.conftest import eventually
from tests.models.facts import Facts, november
from tests.worker.operating import ROOT, count, environ
from tests.world import World, of

WORKS = {periodic.name: periodic.work for periodic in schedule.SCHEDULE}


class TestFold:
    async def test_takes_all_marks_whatever_their_number(self, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keeping, "FOLD_AT_MOST", 3)
        facts = Facts(database)
        for day in range(1, 8):
            await facts.visit(of("person", "m1"), of("household", "h2"), november(day))
        assert await keeping.fold_all() == 7
        assert await count("coverage_dirty") == 0
        assert await count("household_period", "contacted = 1") == 1
        assert await keeping.fold_all() == 0

    async def test_two_folders_at_once_take_each_mark_once(self, here: str) -> None:
        facts = Facts(database)
        for name in World().households:
            for day in range(1, 6):
                await facts.visit(of("person", "m4"), of("household", name), november(day))
        assert sum(await asyncio.gather(*(keeping.fold_all() for _ in range(4)))) == 45
        assert await keeping.check() == []

    async def test_the_piece_of_work_of_the_schedule_folds(self, here: str) -> None:
        await Facts(database).visit(of("person", "m1"), of("household", "h2"), november(3))
        await WORKS["fold figures"]()
        assert await count("coverage_dirty") == 0


class TestSeal:
    async def entries(self, number: int) -> None:
        for _ in range(number):
            await audit.record(None, audit_rules.Action.VISIT_RECORD, of("household", "h1"))

    async def test_seals_all_in_numbers_without_a_gap(self, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(audit_rules, "SEAL_AT_MOST", 4)
        assert await audit.seal() is None
        await self.entries(10)
        await WORKS["seal audit"]()
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


async def test_failures_are_forgotten_after_half_an_hour(here: str) -> None:
    for minutes in (1, 29, 31, 600):
        await database.execute(
            "INSERT INTO sign_in_failure (key, at) VALUES ('', now() - make_interval(mins => $1))", minutes
        )
    await WORKS["forget failures"]()
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


class TestStopping:
    """What is under way is finished; what takes too long is given up, which undoes it."""

    async def stopped(self, work: schedule.Periodic, after: asyncio.Event) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(schedule._work([work], stop))
        await asyncio.wait_for(after.wait(), 10)
        stop.set()
        await asyncio.wait_for(running, 10)

    async def test_what_is_under_way_is_finished(self, here: str) -> None:
        begun, finished = asyncio.Event(), list[bool]()

        async def work() -> None:
            begun.set()
            await asyncio.sleep(0.3)
            finished.append(True)

        await self.stopped(schedule.Periodic("work", timedelta(seconds=1), work), begun)
        assert finished == [True]

    async def test_what_takes_too_long_is_undone(self, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schedule, "DRAIN", timedelta(seconds=0.2))
        begun = asyncio.Event()

        async def work() -> None:
            async with database.transaction():
                await audit.record(None, audit_rules.Action.COVERAGE_RECOUNT, None)
                begun.set()
                await database.execute("SELECT pg_sleep(60)")

        await self.stopped(schedule.Periodic("work", timedelta(seconds=1), work), begun)
        assert await count("audit_entry") == 0
        assert await database.fetch_value("SELECT 1") == 1  # the connection is whole again

    async def test_a_piece_may_wait_before_its_first_run(self) -> None:
        stop, runs = asyncio.Event(), list[int]()

        async def work() -> None:
            runs.append(1)

        piece = schedule.Periodic("work", timedelta(milliseconds=1), work, after=timedelta(hours=1))
        task = asyncio.create_task(schedule._repeat(piece, stop))
        await asyncio.sleep(0.05)
        stop.set()
        await asyncio.wait_for(task, 10)
        assert runs == []

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
    async def test_the_process_folds_seals_and_ends_when_told_to(
        self, own_database: str, tmp_path: Path, how: signal.Signals
    ) -> None:
        log = tmp_path / "worker.log"
        connection = await asyncpg.connect(**database.credentials(own_database))
        await Facts(connection).visit(of("person", "m1"), of("household", "h2"), november(3))
        await connection.execute("INSERT INTO audit_entry (action, changed) VALUES ('visit.record', '{}')")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "backend", "worker"],
                cwd=ROOT, env=environ(own_database), stdout=output, stderr=output,
            )  # fmt: skip
        try:

            async def done() -> bool:
                assert process.poll() is None, log.read_text()
                left = "SELECT (SELECT count(*) FROM coverage_dirty) + (SELECT count(*) FROM audit_entry WHERE seal_no IS NULL AND action = 'visit.record')"
                return bool(await connection.fetchval(left) == 0)

            await eventually(done, 60)
            process.send_signal(how)
            assert await asyncio.to_thread(process.wait, 30) == 0
        finally:
            process.kill()
            await connection.close()
        assert '"undone": 0' in log.read_text() or '"undone":0' in log.read_text()
