"""A start that cannot work is one line that names the variable and the way out; healthz and readyz without a database."""

from __future__ import annotations

import base64
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from backend.local.servers import PostgresServer
from tests.conftest import Running, administer, eventually, named
from tests.faults.phones import backend, visit_of
from tests.world import World

KEY = "1:" + base64.b64encode(bytes(32)).decode()
PRODUCTION = {
    "APP_ENV": "production", "SECRET_KEYS": KEY, "WECHAT_APPID": "wx1", "WECHAT_SECRET": "s", "SPONSOR": "某镇党委",
    "FILING_NUMBER": "1", "DATABASE_URL": "postgresql://u@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1",
    "STORAGE_URL": "file:///tmp/nobody", "PUBLIC_URL": "https://lianhu.example.cn",
}  # fmt: skip
DEVELOPMENT = {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1"}

#: What is wrong -> the command, its variables ("" = unset), and what the line must say beside the variable.
WRONG: dict[str, tuple[str, dict[str, str], str, str]] = {
    "no database": ("serve", {"DATABASE_URL": ""}, "DATABASE_URL", "make run"),
    "another kind of database": ("serve", {"DATABASE_URL": "mysql://u@h/x"}, "DATABASE_URL", "postgresql://"),
    "a port that is none": ("serve", {"DATABASE_URL": "postgresql://u:p@h:port/x"}, "DATABASE_URL", "host:port"),
    "broken brackets": ("serve", {"DATABASE_URL": "postgresql://[::1/x"}, "DATABASE_URL", "host:port"),
    "an unknown option": ("serve", {"DATABASE_URL": "postgresql://u@h/x?colour=red"}, "DATABASE_URL", "sslmode"),
    "database does not answer": ("serve", {}, "DATABASE_URL", "start it"),
    "the worker's, too": ("worker", {}, "DATABASE_URL", "start it"),
    "migrate's, too": ("migrate", {}, "DATABASE_URL", "start it"),
    "an encrypted connection": ("serve", {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x?sslmode=require"}, "DATABASE_URL", "start it"),
    "no such host": ("serve", {"DATABASE_URL": "postgresql://u@nowhere.invalid/x"}, "DATABASE_URL", "address"),
    "no redis": ("serve", {"REDIS_URL": ""}, "REDIS_URL", "make run"),
    "another kind of redis": ("serve", {"REDIS_URL": "http://h"}, "REDIS_URL", "redis://"),
    "redis port": ("serve", {"REDIS_URL": "redis://h:port"}, "REDIS_URL", "host:port"),
    "environment": ("serve", {"APP_ENV": "prod"}, "APP_ENV", "production"),
    "port": ("serve", {"PORT": "eighty"}, "PORT", "1 to 65535"),
    "port too high": ("serve", {"PORT": "65536"}, "PORT", "1 to 65535"),
    "workers": ("serve", {"WORKERS": "0"}, "WORKERS", "1 to 64"),
    "keys missing": ("serve", PRODUCTION | {"SECRET_KEYS": ""}, "SECRET_KEYS", "new-key"),
    "keys short": ("serve", PRODUCTION | {"SECRET_KEYS": "1:YWJj"}, "SECRET_KEYS", "32-byte"),
    "keys without version": ("serve", PRODUCTION | {"SECRET_KEYS": KEY[2:]}, "SECRET_KEYS", "version"),
    "storage": ("serve", PRODUCTION | {"STORAGE_URL": "ftp://x/y"}, "STORAGE_URL", "s3://"),
    "address of this service": ("serve", PRODUCTION | {"PUBLIC_URL": "http://lianhu.example.cn"}, "PUBLIC_URL", "https://"),
    "sponsor": ("serve", PRODUCTION | {"SPONSOR": ""}, "SPONSOR", "env.example"),
    "filing number": ("serve", PRODUCTION | {"FILING_NUMBER": ""}, "FILING_NUMBER", "env.example"),
    "not WeChat": ("serve", PRODUCTION | {"WECHAT_API_BASE": "http://127.0.0.1:9"}, "WECHAT_API_BASE", "unset it"),
    "stand-in": ("standin --port 9", PRODUCTION, "APP_ENV", "production"),
    "run": ("run", PRODUCTION, "APP_ENV", "deploy/"),
}  # fmt: skip


@pytest.fixture(scope="module")
def failed() -> dict[str, tuple[int, str, str]]:
    """All wrong starts, two at a time."""

    def one(name: str) -> tuple[int, str, str]:
        command, variables, _, _ = WRONG[name]
        done = backend(*command.split(), **(DEVELOPMENT | variables))
        return done.returncode, done.stdout, done.stderr

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(WRONG, pool.map(one, WRONG), strict=True))


def assert_one_line(result: tuple[int, str, str], variable: str, way_out: str) -> None:
    code, stdout, stderr = result
    assert (code, stdout) == (1, ""), stderr
    assert stderr.count("\n") == 1 and "Traceback" not in stderr, stderr
    assert stderr.startswith(variable) and way_out in stderr


@pytest.mark.parametrize("name", WRONG)
def test_wrong_start(failed: dict[str, tuple[int, str, str]], name: str) -> None:
    assert_one_line(failed[name], *WRONG[name][2:])


class TestWithADatabase:
    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_port_in_use(self, own_database: str, redis_url: str, workers: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            done = backend("serve", DATABASE_URL=own_database, REDIS_URL=redis_url, PORT=port, WORKERS=workers)
        assert_one_line((done.returncode, done.stdout, done.stderr), "HOST, PORT", port)

    def test_name_or_user_is_wrong(self, own_database: str, redis_url: str) -> None:
        for url in (named(own_database, "nowhere"), own_database.replace("postgres@", "nobody@")):
            done = backend("serve", DATABASE_URL=url, REDIS_URL=redis_url)
            assert_one_line((done.returncode, done.stdout, done.stderr), "DATABASE_URL", "correct user")

    def test_production_holds_no_demo(self, own_database: str) -> None:
        done = backend("demo", **PRODUCTION | {"DATABASE_URL": own_database})
        assert_one_line((done.returncode, done.stdout, done.stderr), "APP_ENV", "where APP_ENV is demo")

    async def test_pending_migrations(self, postgres_url: str, redis_url: str) -> None:
        await administer(postgres_url, "CREATE DATABASE empty_one")
        try:
            for command in (["serve"], ["worker"], ["demo"], ["recount", "--check"], ["check"]):
                done = backend(*command, DATABASE_URL=named(postgres_url, "empty_one"), REDIS_URL=redis_url)
                assert_one_line((done.returncode, done.stdout, done.stderr), "DATABASE_URL", "backend migrate`")
        finally:
            await administer(postgres_url, "DROP DATABASE empty_one")


async def test_without_postgres(serve_on: Callable[..., Running], postgres_to_kill: PostgresServer) -> None:
    """healthz asks nobody; readyz says 503 and recovers by itself; a write says when to come again."""
    running = serve_on(postgres_to_kill.url, workers=1)
    async with httpx.AsyncClient(base_url=running.url, timeout=10) as client:

        async def ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        assert await ready()
        postgres_to_kill.stop()
        assert (await client.get("/healthz")).status_code == 200
        started = time.monotonic()
        away = await client.get("/readyz")
        assert (away.status_code, away.json()["database"]) == (503, "unreachable")
        body = visit_of("h1")
        for method, url, sent in (
            ("POST", "/api/v1/visits", body),
            ("GET", "/api/v1/households", None),
            ("GET", "/api/v1/me", None),
        ):
            answer = await client.request(method, url, json=sent, headers=World.headers("m1"))
            assert (answer.status_code, answer.json()["code"]) == (503, "server.unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert time.monotonic() - started < 5
        postgres_to_kill.start()
        await eventually(ready)
        assert (await client.post("/api/v1/visits", json=body, headers=World.headers("m1"))).status_code == 201
