"""Real PostgreSQL and Redis for all tests; an API test is one transaction that is rolled back.

One migrated database with the small township (tests/world.py) is made once and cloned: for the session, and for each
test that needs real commits (`own_database`, `server`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sanic import Sanic
from tortoise.context import TortoiseContext
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from backend import consequences, crypto
from backend.app import create_app
from backend.local.servers import private_postgres, private_redis
from backend.services import audit, files
from backend.settings import Settings
from models import database, migrate
from tests import world as worlds
from tests.world import NOW, World

ROOT = Path(__file__).parents[1]
Sanic.test_mode = True
_numbers = itertools.count()


#: Folders whose tests share a township that takes long to load.
TOGETHER = ("tests/demo", "tests/e2e")


class OneProcess(LoadScopeScheduling):  # type: ignore[misc]
    """A file's tests share its servers, so they stay in one process; so do those of a folder that shares more."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return OneProcess(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests run only in `make proof`."""
    if not os.environ.get("PROOF"):
        items[:] = [item for item in items if not item.get_closest_marker("proof")]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A short folder for the servers' data and sockets."""
    path = Path(tempfile.mkdtemp(prefix="lh-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(folder: Path) -> Iterator[str]:
    """A private PostgreSQL for the whole run."""
    with private_postgres(folder / "pg", durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(folder: Path) -> Iterator[str]:
    """A private Redis for the whole run."""
    with private_redis(folder / "redis") as url:
        yield url


def named(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    head, _, query = url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


async def administer(url: str, *statements: str) -> None:
    """Run statements that stand outside of transactions."""
    connection = await asyncpg.connect(**database.credentials(named(url, "postgres")))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def template(postgres_url: str) -> str:
    """The name of the migrated database with the small township; nobody stays connected, so it can be cloned."""
    name = f"template_{os.getpid()}"
    await administer(postgres_url, f"CREATE DATABASE {name}")
    url = named(postgres_url, name)
    await migrate.migrate(worlds.settings_for(url))
    connection = await asyncpg.connect(**database.credentials(url))
    async with connection.transaction():
        await worlds.build(connection)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return name


@contextlib.asynccontextmanager
async def cloned(postgres_url: str, template: str) -> AsyncIterator[str]:
    """A copy of the township's database."""
    name = f"clone_{os.getpid()}_{next(_numbers)}"
    await administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield named(postgres_url, name)
    finally:
        await administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
async def _session_database(postgres_url: str, template: str, redis_url: str) -> AsyncIterator[Settings]:
    async with cloned(postgres_url, template) as url, TortoiseContext() as context:
        settings = worlds.settings_for(url, redis_url)
        await context.init(config=database.tortoise_config(settings), _enable_global_fallback=True)
        yield settings


class _Undo(Exception):
    pass


@pytest.fixture
async def db(_session_database: Settings) -> AsyncIterator[Settings]:
    """A transaction around the test and all requests it makes; rolled back at the end."""
    crypto.configure(_session_database.secret_keys)
    audit.install(consequences.CONSEQUENCES)
    with contextlib.suppress(_Undo):
        async with database.transaction():
            yield _session_database
            raise _Undo


@pytest.fixture
def world() -> World:
    """Ids and tokens of the small township."""
    return World()


@contextlib.asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[Any]:
    """Run the application's listeners once, through the public ASGI protocol."""
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    try:
        yield app
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await outbox.get()
        task.cancel()


@pytest.fixture(scope="session")
def standin_url(folder: Path) -> Iterator[str]:
    """The WeChat stand-in as a process of its own."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "backend", "standin", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "APP_ENV": "test"},
    )
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(url))
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="session")
async def app(folder: Path, _session_database: Settings, standin_url: str, redis_url: str) -> AsyncIterator[Any]:
    """The application without a database of its own: it works in the transaction of the test. Its clock stands still."""
    settings = worlds.settings_for(
        _session_database.database_url, redis_url, WECHAT_API_BASE=standin_url, STORAGE_URL=(folder / "files").as_uri()
    )
    async with lifespan(create_app(settings, name="tests", own_database=False, clock=lambda: NOW)) as app:
        yield app


@pytest.fixture
async def client(app: Any, db: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the application inside the test's transaction."""
    files.configure(app.ctx.settings.storage_url)  # another application of this process may have named another place
    number = next(_numbers)  # each test comes from a network of its own: attempts to sign in are counted by network
    transport = httpx.ASGITransport(app=app, client=(f"10.{200 + number // 250 % 50}.{number % 250}.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as client:
        yield client


@pytest.fixture
async def own_database(postgres_url: str, template: str) -> AsyncIterator[str]:
    """A database of the test's own, for real commits and several connections."""
    async with cloned(postgres_url, template) as url:
        yield url


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    """Whether an address answers at all."""
    try:
        return httpx.get(url, timeout=2).status_code < 500
    except httpx.TransportError:
        return False


def wait_until(ready: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that a process does; fails when it does not."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


async def eventually(ready: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """The same for something that has to be awaited."""
    deadline = time.monotonic() + seconds
    while not await ready():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


@dataclass
class Running:
    """A real server process (`python -m backend serve`) on a database of its own."""

    url: str
    environ: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Signal the server and wait for its end."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, how) if how == signal.SIGKILL else self.process.send_signal(how)
        return self.process.wait(20)


def start_server(folder: Path, database_url: str, redis_url: str, standin_url: str, workers: int = 1) -> Running:
    """Start the server as an operator does, and wait until it is ready."""
    port = free_port()
    environ = {
        **os.environ, "APP_ENV": "test", "DATABASE_URL": database_url, "REDIS_URL": redis_url, "PORT": str(port),
        "WORKERS": str(workers), "WECHAT_API_BASE": standin_url, "PYTHONUNBUFFERED": "1",
        "STORAGE_URL": (folder / "files").as_uri(),
    }  # fmt: skip
    log = folder / f"server-{next(_numbers)}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", "serve"], cwd=ROOT, env=environ, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or answers(f"{url}/readyz"), 60)
        assert process.poll() is None, log.read_text()
    except AssertionError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return Running(url, environ, process, log)


@pytest.fixture
def serve(folder: Path, own_database: str, redis_url: str, standin_url: str) -> Iterator[Callable[..., Running]]:
    """Start servers on the test's own database; all of them end with the test."""
    started: list[Running] = []

    def start(workers: int = 1, redis: str = redis_url, standin: str = standin_url) -> Running:
        started.append(start_server(folder, own_database, redis, standin, workers))
        return started[-1]

    yield start
    for running in started:
        running.stop(signal.SIGKILL)
