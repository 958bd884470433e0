"""Servers that these tests may kill, beside those that all tests share."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from backend.local.servers import PostgresServer, RedisServer, remove_data
from models import database, migrate
from tests import world as worlds
from tests.conftest import Running, cloned, start_server


@pytest.fixture
def redis_to_kill(folder: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own."""
    server = RedisServer(folder / "redis-to-kill")
    server.start()
    yield server
    server.stop()
    remove_data(server)


@pytest.fixture(scope="module")
async def postgres_to_kill(folder: Path) -> AsyncIterator[PostgresServer]:
    """A PostgreSQL of the module's own with the small township. Whoever stops it starts it again."""
    server = PostgresServer(folder / "pg-to-kill", durable=False)
    server.start()
    await migrate.migrate(worlds.settings_for(server.url))
    connection = await asyncpg.connect(**database.credentials(server.url))
    async with connection.transaction():
        await worlds.build(connection)
    await connection.close()
    yield server
    server.stop()
    remove_data(server)


@pytest.fixture(scope="module")
async def two_workers(
    folder: Path, postgres_url: str, template: str, redis_url: str, standin_url: str
) -> AsyncIterator[Running]:
    """A server with two workers, shared by tests that leave it running."""
    async with cloned(postgres_url, template) as url:
        running = await asyncio.to_thread(start_server, folder, url, redis_url, standin_url, 2)
        yield running
        running.stop(signal.SIGKILL)


@pytest.fixture
def serve_on(folder: Path, redis_url: str, standin_url: str) -> Iterator[Callable[..., Running]]:
    """Start servers on any database; all of them end with the test."""
    started: list[Running] = []

    def start(url: str, workers: int = 2) -> Running:
        started.append(start_server(folder, url, redis_url, standin_url, workers))
        return started[-1]

    yield start
    for running in started:
        running.stop(signal.SIGKILL)
