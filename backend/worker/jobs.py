"""Long work from the queue: what each kind of run calls, and the loop that takes runs from PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import procrastinate
import structlog

from backend.rules.runs import Work
from backend.services import exports, imports, papers, runs
from backend.services.runs import Doing
from backend.settings import CHINA, Settings

log = structlog.get_logger("worker")
WORKS: Mapping[str, Doing] = {
    Work.IMPORT: imports.perform,
    Work.EXPORT: exports.perform,
    Work.PRINT: papers.perform,
}
#: A worker whose heart has not beaten for so long is gone, and its runs go to another.
HEARTBEAT_SECONDS = 30
DRAIN_SECONDS = 15


def queue(settings: Settings) -> procrastinate.App:
    """The queue in the schema `jobs` of our own database, with the one task it knows."""
    connector = procrastinate.PsycopgConnector(
        conninfo=settings.database_url, kwargs={"options": "-c search_path=jobs,public"}, min_size=1, max_size=3
    )
    app = procrastinate.App(connector=connector)

    @app.task(name=runs.TASK, queue=runs.QUEUE)
    async def run(run_id: str) -> None:
        await runs.perform(UUID(run_id), WORKS, datetime.now(CHINA))

    return app


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Take runs until told to stop; what is under way may finish, and is given back when it takes too long."""
    while not stop.is_set():
        try:
            async with queue(settings).open_async() as app:
                await _take(app, stop)
        except Exception as error:
            log.warning("worker_failed", work="take runs", kind=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 3)


async def _take(app: procrastinate.App, stop: asyncio.Event) -> None:
    taking = asyncio.create_task(
        app.run_worker_async(
            queues=[runs.QUEUE],
            concurrency=1,
            install_signal_handlers=False,
            delete_jobs="successful",
            shutdown_graceful_timeout=DRAIN_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS / 3,
        )
    )
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for one in (taking, stopping):
        one.cancel()
    await asyncio.gather(taking, stopping, return_exceptions=True)
    if taking in done and not stop.is_set() and (error := taking.exception()):
        raise error


async def rescue(settings: Settings) -> None:
    """Runs whose worker died go back into the queue; those that nobody can finish in time say that they failed."""
    async with queue(settings).open_async() as app:
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=HEARTBEAT_SECONDS):
            await app.job_manager.retry_job(job)
            log.warning("run_rescued", run_id=job.task_kwargs.get("run_id"))
    if revived := await runs.revive():
        log.warning("runs_revived", count=revived)
    if late := await runs.fail_overdue():
        log.warning("runs_late", count=late)
