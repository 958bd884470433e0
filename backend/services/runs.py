"""Runs: long work that somebody asked for, done by the worker with progress, stopped on demand, never half done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from backend import problems
from backend.crypto import vault
from backend.http import paging
from backend.http.failures import problem_of
from backend.http.viewer import Viewer, viewer_of
from backend.rules.audit import Action
from backend.rules.runs import DEADLINE, RunState, Work
from backend.services import audit, files
from backend.settings import CHINA
from models import accounts, database, runs
from models.database import Record

TASK, QUEUE = "run", "runs"
#: So often a run writes down how far it is, and reads whether it should stop.
REPORT_SECONDS = 0.5


class Stopped(Exception):
    """Somebody asked for the run to stop, or its deadline passed."""

    def __init__(self, late: bool) -> None:
        super().__init__("late" if late else "stopped")
        self.late = late


@dataclass
class Progress:
    """How far a run is; the work counts here, and is told here to stop."""

    step: str = ""
    done: int = 0
    total: int | None = None
    _stop: bool | None = None

    async def begin(self, step: str, total: int | None = None) -> None:
        """Go on to the next step, of so many pieces. Raises Stopped."""
        self.step, self.done, self.total = step, 0, total
        await self.advance(0)

    async def advance(self, pieces: int) -> None:
        """Count pieces and let others have their turn. Raises Stopped."""
        self.done += pieces
        await asyncio.sleep(0)
        if self._stop is not None:
            raise Stopped(self._stop)

    def stop(self, late: bool) -> None:
        self._stop = late


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: numbers, what its owner is shown (sealed), and a file by name and content."""

    counts: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] | None = None
    file: tuple[str, bytes] | None = None


#: A run as its work gets it: the viewer with the rights of now, the row, its progress.
Doing = Callable[[Viewer, Record, Progress], Awaitable[Outcome]]


async def ask(
    viewer: Viewer, run_id: UUID, work: Work, kind: str, asked: Mapping[str, Any], file_id: UUID | None, action: Action
) -> tuple[dict[str, Any], bool]:
    """Have work done by the worker; (run, whether it is new). Its job is put in the queue in the same transaction."""
    assert viewer.account_id is not None
    is_new = await runs.insert_once(run_id, viewer.account_id, work, kind, asked, file_id, DEADLINE[work])
    if is_new:
        await runs.defer(run_id, work, TASK, QUEUE)
        await audit.record(viewer, action, run_id, [kind])
    found = await runs.find_of(run_id, viewer.account_id)
    if found is None or (found["work"], found["kind"], found["file_id"]) != (work, kind, file_id):
        raise problems.ClientIdReused()
    if orjson.loads(found["asked"]) != orjson.loads(orjson.dumps(asked)):
        raise problems.ClientIdReused()
    return shown(found), is_new


def shown(row: Record) -> dict[str, Any]:
    """A run as its owner sees it; `file_name` is that of the file that was sent in, or of the one that was made."""
    file_id, name = row["file_id"] or row["result_id"], row["file_name_sealed"]
    return {
        **row,
        "file_name": name and vault().open(bytes(name), "stored_file", "name", file_id),
        "asked": orjson.loads(row["asked"]),
        "counts": orjson.loads(row["counts"]) if row["counts"] else {},
        **{name: row[name] and row[name].astimezone(CHINA) for name in ("asked_at", "started_at", "finished_at")},
        "has_result": row["result_id"] is not None,
    }


def shown_rows(row: Record) -> dict[str, Any]:
    """What the run shows of the rows it read; empty until it is over."""
    if row["shown_sealed"] is None:
        return {}
    found: dict[str, Any] = orjson.loads(vault().open(bytes(row["shown_sealed"]), "run", "shown", row["id"]))
    return found


async def get_run(viewer: Viewer, run_id: UUID, work: Work | None = None) -> Record:
    """One's own run."""
    assert viewer.account_id is not None
    found = await runs.find_of(run_id, viewer.account_id)
    if found is None or (work is not None and found["work"] != work):
        raise problems.RunNotFound()
    return found


async def list_runs(viewer: Viewer, work: Work | None, cursor: str | None, limit: int) -> dict[str, Any]:
    """One's own runs, of all works or of one, newest first."""
    assert viewer.account_id is not None
    after: Any = paging.after(cursor, datetime.fromisoformat, UUID)
    rows = await runs.list_of(viewer.account_id, work, after, limit + 1)
    page = paging.page(rows, limit, lambda row: (row["asked_at"], row["id"]))
    return {"items": [shown(row) for row in page["items"]], "next": page["next"]}


async def stop(viewer: Viewer, run_id: UUID) -> dict[str, Any]:
    """Ask a run to stop; what it did so far is taken back. Asking again changes nothing."""
    found = await get_run(viewer, run_id)
    if found["state"] in (RunState.DONE, RunState.FAILED):
        raise problems.RunOver()
    if found["state"] != RunState.STOPPED and found["stop_asked_at"] is None:
        await runs.ask_to_stop(run_id)
        await audit.record(viewer, Action.RUN_STOP, run_id)
    return shown(await get_run(viewer, run_id))


async def download(viewer: Viewer, run_id: UUID) -> tuple[str, bytes]:
    """The file that a run made; each download is audited."""
    found = await get_run(viewer, run_id)
    assert viewer.account_id is not None
    if found["result_id"] is None:
        raise problems.ResultMissing()
    try:
        name, content = await files.read(found["result_id"], viewer.account_id)
    except problems.FileNotFound:
        raise problems.ResultMissing() from None
    await audit.record(viewer, Action.FILE_READ, found["result_id"], [found["work"], found["kind"]])
    return name, content


async def perform(run_id: UUID, works: Mapping[str, Doing], now: datetime) -> None:
    """Do a run from its beginning, all of it in one transaction; what goes wrong is written down for its owner.

    A worker that dies leaves the run as it was, and the next one begins it anew.
    """
    row = await runs.start(run_id)
    if row is None:
        return
    progress = Progress()
    try:
        async with _reported(run_id, progress):
            viewer = await _viewer(row, now)
            async with database.transaction():
                outcome = await works[row["work"]](viewer, row, progress)
                await progress.begin("saving")
                await _finish(row, outcome, now)
    except Stopped as stopped:
        await (_fail(run_id, problems.RunLate()) if stopped.late else runs.finish(run_id, RunState.STOPPED))
    except problems.Problem as problem:
        await _fail(run_id, problem)
    except database.UNREACHABLE:
        raise  # the queue gives the run to a worker again
    except Exception as error:
        await _fail(run_id, problem_of(error, f"run-{run_id}"))


async def _viewer(row: Record, now: datetime) -> Viewer:
    today = now.astimezone(CHINA).date()
    found = await accounts.find_viewer_of_account(row["account_id"], today)
    if found is None:
        raise problems.Denied()
    return viewer_of(found, now, today, f"run-{row['id']}")


async def _finish(row: Record, outcome: Outcome, now: datetime) -> None:
    """Write down what the run left, in its own transaction: done and its facts are one."""
    result_id = None
    if outcome.file:
        result_id = uuid4()
        await files.keep(row["account_id"], result_id, *outcome.file, now)
    sealed = outcome.shown and vault().seal(orjson.dumps(outcome.shown).decode(), "run", "shown", row["id"])
    await runs.finish(row["id"], RunState.DONE, counts=outcome.counts, shown_sealed=sealed or None, result_id=result_id)


async def _fail(run_id: UUID, problem: problems.Problem) -> None:
    await runs.finish(run_id, RunState.FAILED, problem=problem.code, sentence=problem.sentence)


@contextlib.asynccontextmanager
async def _reported(run_id: UUID, progress: Progress) -> AsyncIterator[None]:
    """Write the progress down beside the work, on a connection of its own, and carry the word to stop to it."""

    async def report() -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            with contextlib.suppress(*database.UNREACHABLE):
                found = await runs.note_progress(run_id, progress.step, progress.done, progress.total)
                if found and (found["stop_asked_at"] or found["late"]):
                    progress.stop(bool(found["late"]))

    # Made before the transaction of the work begins: a task inherits the connection of the block it is made in.
    reporter = asyncio.create_task(report())
    try:
        yield
    finally:
        reporter.cancel()
        await asyncio.gather(reporter, return_exceptions=True)


async def fail_overdue() -> int:
    """Runs that nobody does any more say so themselves; returns how many."""
    late = await runs.overdue(timedelta(minutes=1))
    for row in late:
        await _fail(row["id"], problems.RunLate())
    return len(late)


async def revive() -> int:
    """Give runs to a worker again whose job is gone from the queue; returns how many."""
    lost = await runs.without_job()
    for row in lost:
        async with database.transaction():
            await runs.defer(row["id"], row["work"], TASK, QUEUE)
    return len(lost)
