"""Keeping the worker processes of a server alive: one that was killed is replaced."""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog
from sanic.worker.constants import ProcessState

log = structlog.get_logger("workers")
#: Seconds between two looks, and so the pace at which a worker that cannot start is tried again.
EVERY = 1.0


def replace_killed(app: Any) -> None:
    """Watch the workers from the main process. Sanic restarts a worker that asks for it, never one that died."""
    threading.Thread(target=_watch, args=(app.manager,), daemon=True).start()


def _watch(manager: Any) -> None:
    while True:
        time.sleep(EVERY)
        for process in list(manager.transient_processes):
            if process.state in (ProcessState.FAILED, ProcessState.COMPLETED):
                log.warning("worker_replaced", worker=process.name, exit_code=process.exitcode)
                manager.monitor_publisher.send(process.name)  # the manager restarts what is named here
