"""Periodic work: what runs how often, and the loop that survives a database that goes away."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from tortoise import Tortoise

from backend import crypto
from backend.rules.accounts import FAILURE_WINDOW
from backend.services import audit, coverage
from backend.settings import CHINA, Settings
from models import accounts
from models.database import tortoise_config

log = structlog.get_logger("worker")


@dataclass(frozen=True)
class Periodic:
    """A piece of work and the pause after each run of it. Every piece may be run again at any time."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[Any]]


async def _fold() -> None:
    await coverage.fold_all()


async def _seal() -> None:
    """Seal until nothing is left, and let the log keep the head of the chain: it lies outside the database."""
    while (sealed := await audit.seal()) is not None:
        number, rows, head = sealed
        log.info("audit_sealed", seal_no=number, rows=rows, head=head)


async def _keep_months() -> None:
    for month in await coverage.keep_months(datetime.now(CHINA).date()):
        log.info("month_kept", month=month)


async def _forget_failures() -> None:
    await accounts.delete_failures(None, datetime.now(CHINA) - FAILURE_WINDOW)


SCHEDULE = (
    Periodic("fold figures", timedelta(seconds=1), _fold),
    Periodic("seal audit", timedelta(minutes=1), _seal),
    Periodic("keep months", timedelta(hours=1), _keep_months),
    Periodic("forget failures", timedelta(hours=1), _forget_failures),
)


async def _repeat(periodic: Periodic, stop: asyncio.Event) -> None:
    """Run, pause, run. A failure is logged and tried again after a pause; it ends nothing."""
    while not stop.is_set():
        try:
            await periodic.work()
            pause = periodic.every.total_seconds()
        except Exception as error:
            log.warning("worker_failed", work=periodic.name, kind=type(error).__name__)
            pause = min(max(1.0, periodic.every.total_seconds()), 5.0)
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            continue


async def run(settings: Settings) -> None:
    """Work until SIGTERM or Ctrl-C, then finish what is under way."""
    crypto.configure(settings.secret_keys)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await Tortoise.init(config=tortoise_config(settings, patient=True), _enable_global_fallback=True)
    try:
        await asyncio.gather(*(_repeat(periodic, stop) for periodic in SCHEDULE))
    finally:
        await Tortoise.close_connections()
