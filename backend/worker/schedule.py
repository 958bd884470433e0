"""Periodic work: what runs how often, and the loop that survives a database that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from tortoise import Tortoise

from backend import consequences, crypto
from backend.rules.accounts import FAILURE_WINDOW
from backend.services import audit, files, obligations, papers
from backend.services.coverage import keeping
from backend.settings import CHINA, Settings
from backend.worker import jobs
from models import accounts
from models.database import tortoise_config

log = structlog.get_logger("worker")
#: After the order to stop, what is under way has so long; a service manager kills after thirty seconds.
DRAIN = timedelta(seconds=20)


@dataclass(frozen=True)
class Periodic:
    """A piece of work and the pause after each run of it. Every piece may be run again at any time."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[Any]]
    #: The first run waits so long after the start: what takes the database's time keeps out of the way then.
    after: timedelta = timedelta()


async def _fold() -> None:
    await keeping.fold_all()


async def _seal() -> None:
    """Seal until nothing is left, and let the log keep the head of the chain: it lies outside the database."""
    while (sealed := await audit.seal()) is not None:
        number, rows, head = sealed
        log.info("audit_sealed", seal_no=number, rows=rows, head=head)


async def _keep_periods() -> None:
    today = datetime.now(CHINA).date()
    for period in await keeping.keep_periods(today):
        log.info("period_counted", period=str(period))
    for period, part in await keeping.freeze_due(today):
        log.info("period_frozen", period=str(period), part=part)


async def _check_figures() -> None:
    """The alarm is the service's `figures_differ`; this line says that somebody looked."""
    found = await keeping.check_nightly(datetime.now(CHINA))
    if found is not None:
        log.info("figures_checked", differences=len(found))


async def _raise_returns() -> None:
    if raised := await obligations.raise_returns(datetime.now(CHINA).date()):
        log.info("returns_raised", count=raised)


async def _forget_failures() -> None:
    await accounts.delete_failures(None, datetime.now(CHINA) - FAILURE_WINDOW)


async def _remove_files() -> None:
    if removed := await files.remove_expired(datetime.now(CHINA)):
        log.info("files_removed", count=removed)


SCHEDULE = (
    Periodic("fold figures", timedelta(seconds=1), _fold),
    Periodic("seal audit", timedelta(minutes=1), _seal),
    Periodic("raise returns", timedelta(hours=1), _raise_returns),
    Periodic("keep periods", timedelta(hours=1), _keep_periods),
    Periodic("check figures", timedelta(minutes=10), _check_figures, after=timedelta(hours=1)),
    Periodic("forget failures", timedelta(hours=1), _forget_failures),
    Periodic("remove files", timedelta(hours=1), _remove_files),
)


async def _repeat(periodic: Periodic, stop: asyncio.Event) -> None:
    """Run, pause, run. A failure is logged and tried again after a pause; it ends nothing."""
    await _pause(periodic.after.total_seconds(), stop)
    while not stop.is_set():
        try:
            await periodic.work()
            pause = periodic.every.total_seconds()
        except Exception as error:
            log.warning("worker_failed", work=periodic.name, kind=type(error).__name__)
            pause = min(max(1.0, periodic.every.total_seconds()), 5.0)
        await _pause(pause, stop)


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def _work(schedule: Sequence[Periodic], stop: asyncio.Event, *more: Coroutine[Any, Any, None]) -> None:
    """Run all pieces until told to stop; then what is under way is finished, and what takes too long is rolled back."""
    pieces = [asyncio.create_task(_repeat(periodic, stop)) for periodic in schedule]
    pieces += [asyncio.create_task(one) for one in more]
    await stop.wait()
    _, late = await asyncio.wait(pieces, timeout=DRAIN.total_seconds())
    for piece in late:
        piece.cancel()
    await asyncio.gather(*pieces, return_exceptions=True)
    log.info("worker_stopped", undone=len(late))


async def run(settings: Settings) -> None:
    """Work until SIGTERM or Ctrl-C, then finish what is under way."""
    crypto.configure(settings.secret_keys)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    audit.install(consequences.CONSEQUENCES)
    files.configure(settings.storage_url)
    papers.configure(settings.public_url, settings.sponsor)
    await Tortoise.init(config=tortoise_config(settings, patient=True), _enable_global_fallback=True)
    rescue = Periodic("rescue runs", timedelta(seconds=30), functools.partial(jobs.rescue, settings))
    try:
        await _work((*SCHEDULE, rescue), stop, jobs.work(settings, stop))
    finally:
        await Tortoise.close_connections()
