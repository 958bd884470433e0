"""The contenders: what runs for each, started with one server process, and the processor time that it takes."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from backend.local.processes import Child, last_lines, spawn, stop_all
from bench.township import Town

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 30


@dataclass(frozen=True)
class Kind:
    """How a contender is started; those with figures have our worker fold them in their database, too."""

    name: str
    title: str
    command: tuple[str, ...]
    has_figures: bool
    is_peer: bool = False


KINDS = (
    Kind("limit", "limit (Sanic + asyncpg + orjson)", ("-m", "bench.limit", "{port}"), False),
    Kind("ours", "Lianhu", ("-m", "backend", "serve"), True),
    Kind(
        "fastapi",
        "FastAPI + SQLAlchemy",
        ("-m", "uvicorn", "bench.peers.fastapi_app:app", "--port", "{port}", "--no-access-log", "--log-level", "warning"),
        True,
        True,
    ),
    Kind(
        "django",
        "Django + DRF",
        (
            "-m", "gunicorn", "bench.peers.django_app:application", "-b", "127.0.0.1:{port}", "-w", "1", "-k", "gthread",
            "--threads", "8", "--keep-alive", "60", "--log-level", "warning",
        ),
        True,
        True,
    ),
)  # fmt: skip


class Contender:
    """A running contender."""

    def __init__(self, kind: Kind, port: int, server: Child, worker: Child | None, town: Town) -> None:
        self.name, self.title, self.kind, self.port, self.town = kind.name, kind.title, kind, port, town
        self._server, self._worker = server, worker

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    def processor_time(self) -> tuple[float, float, float]:
        """Seconds used so far by the server, by all of PostgreSQL, and by the worker that folds."""
        worker = _seconds(self._worker.process.pid) if self._worker else 0.0
        return _seconds(self._server.process.pid), _seconds(self.town.postgres.pid), worker

    def settle(self, patience: float = 60.0) -> None:
        """Wait until the figures have followed, so that their cost is on this contender's bill."""
        if self.kind.has_figures and not asyncio.run(_folded(self.town.url(self.name), patience)):
            sys.exit(f"The figures of {self.title} did not follow within {patience:.0f} s.")


async def _folded(url: str, patience: float) -> bool:
    """Whether no mark waits any more; one connection asks, because connecting costs PostgreSQL more than asking."""
    connection = await asyncpg.connect(url)
    try:
        for _ in range(int(patience / 0.2)):
            if not await connection.fetchval("SELECT EXISTS (SELECT FROM coverage_dirty)"):
                return True
            await asyncio.sleep(0.2)
        return False
    finally:
        await connection.close()


def _seconds(pid: int) -> float:
    """User and system time of a process and all below it, also of those that have ended."""
    process = psutil.Process(pid)
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(one.cpu_times()[:4])
    return total


@contextlib.contextmanager
def running(kinds: Sequence[Kind], town: Town, peers_python: Path, logs: Path) -> Iterator[list[Contender]]:
    """All contenders, ready to answer."""
    children: list[Child] = []
    contenders = []
    try:
        for kind in kinds:
            port = _free_port()
            environ = {
                "PATH": os.environ.get("PATH", os.defpath),
                "PYTHONPATH": str(ROOT),
                "APP_ENV": "demo",
                "DATABASE_URL": town.url(kind.name),
                "REDIS_URL": town.redis_url,
                "PORT": str(port),
                "WORKERS": "1",
            }
            python = str(peers_python) if kind.is_peer else sys.executable
            command = [python, *(part.format(port=port) for part in kind.command)]
            server = _start(kind.name, command, environ, logs)
            children.append(server)
            worker = None
            if kind.has_figures:
                worker = _start(f"{kind.name}-worker", [sys.executable, "-m", "backend", "worker"], environ, logs)
                children.append(worker)
            contenders.append(Contender(kind, port, server, worker, town))
        for contender, kind in zip(contenders, kinds, strict=True):
            _wait(contender.port, next(child for child in children if child.name == kind.name))
        yield contenders
    finally:
        stop_all(children, patience=15)


def _start(name: str, command: list[str], environ: dict[str, str], logs: Path) -> Child:
    log = logs / f"{name}.log"
    return Child(name, spawn(command, folder=ROOT, environ=environ, log=log, last_signal=signal.SIGKILL), log)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, child: Child) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            connection.getresponse()
            return
        if child.exit_status() is not None or time.monotonic() > deadline:
            sys.exit(f"{child.name} does not start; its log ends with:\n{last_lines(child.log) if child.log else ''}")
        time.sleep(0.1)
