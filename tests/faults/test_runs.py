"""Long work in real processes: it is done by the worker, survives a killed one, stops when told to, and is never half done."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from models import database
from tests.api.importing import called, workbook
from tests.conftest import ROOT, Running, eventually
from tests.world import World

ROWS = 12_000
HEADERS = ("户号", "微网格", "村民组", "户主姓名", "联系电话", "住址")
HEADS = "赵钱孙李周吴郑王"


def roster() -> bytes:
    rows = [
        (
            f"R{i}",
            "东一",
            f"{i % 9 + 1}组",
            HEADS[i % 8] + HEADS[i // 8 % 8] + HEADS[i // 64 % 8],
            f"137{i:08d}",
            f"{i} 号",
        )
        for i in range(ROWS)
    ]
    return workbook(HEADERS, *rows)


@pytest.fixture
def start_worker() -> Iterator[Callable[[Running], subprocess.Popen[bytes]]]:
    """Start workers beside a server; those that still live end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(running: Running) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "backend", "worker"]
        started.append(subprocess.Popen(command, cwd=ROOT, env=running.environ, stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.fixture
async def connection(own_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**database.credentials(own_database))
    yield connection
    await connection.close()


class Secretary:
    """The secretary of the east with a roster, and what has become of it."""

    def __init__(self, client: httpx.AsyncClient, connection: asyncpg.Connection) -> None:
        self.client, self.connection, self.run = client, connection, str(uuid4())

    async def send(self) -> None:
        file_id = str(uuid4())
        query = {"client_id": file_id}
        assert (await self.client.post("/files", params=query, content=roster(), headers=called())).status_code == 201
        body = {"client_id": self.run, "kind": "households", "file_id": file_id, "mode": "apply"}
        assert (await self.client.post("/imports", json=body)).status_code == 201

    async def state(self) -> dict[str, Any]:
        answer = await self.client.get(f"/runs/{self.run}")
        return dict(answer.json())

    async def has_come_to(self, step: str) -> bool:
        found = await self.state()
        assert found["state"] in ("waiting", "running"), found
        return bool(found["step"] == step)

    async def is_over(self) -> bool:
        return (await self.state())["state"] not in ("waiting", "running")

    async def count(self) -> int:
        return int(await self.connection.fetchval("SELECT count(*) FROM household WHERE code LIKE 'R%'"))


@pytest.fixture
async def secretary(
    serve: Callable[..., Running], connection: asyncpg.Connection
) -> AsyncIterator[tuple[Secretary, Running]]:
    running = serve()
    headers = World.headers("s_east")
    async with httpx.AsyncClient(base_url=f"{running.url}/api/v1", headers=headers, timeout=30) as client:
        yield Secretary(client, connection), running


async def test_a_worker_that_is_killed_leaves_nothing_and_the_next_one_does_all(
    secretary: tuple[Secretary, Running], start_worker: Callable[[Running], subprocess.Popen[bytes]]
) -> None:
    """kill -9 while the rows are being written: none of them is there, and a second worker writes each of them once."""
    one, running = secretary
    first = start_worker(running)
    await one.send()
    await eventually(lambda: one.has_come_to("writing"), 60)
    first.kill()
    first.wait()
    assert await one.count() == 0 and not await one.is_over()
    # A heart that has not beaten for half a minute is what the next worker goes by.
    await one.connection.execute("UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
    start_worker(running)
    await eventually(one.is_over, 60)
    found = await one.state()
    assert (found["state"], found["counts"]["new"], await one.count()) == ("done", ROWS, ROWS), found


async def test_told_to_stop_it_stops_and_can_be_asked_for_again(
    secretary: tuple[Secretary, Running], start_worker: Callable[[Running], subprocess.Popen[bytes]]
) -> None:
    one, running = secretary
    start_worker(running)
    await one.send()
    await eventually(lambda: one.has_come_to("writing"), 60)
    begun = time.monotonic()
    assert (await one.client.post(f"/runs/{one.run}/stop")).status_code == 200
    await eventually(one.is_over, 20)
    assert ((await one.state())["state"], await one.count()) == ("stopped", 0), time.monotonic() - begun
    one.run = str(uuid4())
    await one.send()
    await eventually(one.is_over, 60)
    assert ((await one.state())["state"], await one.count()) == ("done", ROWS)
