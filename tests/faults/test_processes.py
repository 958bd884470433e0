"""Real processes that are killed under load: nothing acknowledged is lost, and no figure moves twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import asyncpg
import httpx
import psutil
import pyotp
import pytest

from backend.local.servers import PostgresServer, RedisServer
from backend.settings import CHINA
from models import database
from tests.conftest import ROOT, Running, eventually, free_port
from tests.faults.phones import (
    Phones,
    assert_nothing_lost,
    backend,
    fetch,
    keep_this_month,
    visit_of,
    workers_of,
)
from tests.world import PASSWORD, TOTP, World

Serve = Callable[..., Running]
CONNECTIONS = 40


async def contacted(client: httpx.AsyncClient, month: str) -> int:
    """How many households of the township had a contact, as the committee reads it."""
    query = {"area": str(World().regions["town"]), "period": month, "level": "village"}
    answer = await client.get("/api/v1/coverage", params=query, headers=World.headers("committee"))
    assert answer.status_code == 200, answer.text
    return int(answer.json()["total"]["metrics"]["contact_coverage"]["numerator"])


@contextlib.asynccontextmanager
async def open_to_all_workers(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A client with many open connections, of which each worker of the server holds some."""
    many = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=running.url, timeout=20, limits=many) as client:

        async def held() -> bool:
            await asyncio.gather(*(client.get("/healthz") for _ in range(CONNECTIONS)))
            return all(
                any(one.status == psutil.CONN_ESTABLISHED for one in worker.net_connections("tcp"))
                for worker in workers_of(running.process.pid)
            )

        await eventually(held)
        yield client


async def rows_of(running: Running, visit: dict[str, Any]) -> tuple[int, int]:
    """How many visits and audit rows there are under the id of a visit."""
    url, key = running.environ["DATABASE_URL"], visit["client_id"]
    visits = await fetch(url, "SELECT FROM visit WHERE id = $1::text::uuid", key)
    return len(visits), len(await fetch(url, "SELECT FROM audit_entry WHERE subject_id = $1::text::uuid", key))


def background_worker(running: Running) -> subprocess.Popen[bytes]:
    """The worker beside a server."""
    return subprocess.Popen(
        [sys.executable, "-m", "backend", "worker"], cwd=ROOT, env=running.environ, stdout=subprocess.DEVNULL
    )


class TestAtOnce:
    async def test_forty_times_the_same_visit(self, two_workers: Running) -> None:
        month = await keep_this_month(two_workers.environ["DATABASE_URL"])
        body = visit_of("h2", note="同一条")
        async with open_to_all_workers(two_workers) as client:
            before = await contacted(client, month)
            answers = await asyncio.gather(
                *(client.post("/api/v1/visits", json=body, headers=World.headers("m1")) for _ in range(CONNECTIONS))
            )
            assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CONNECTIONS - 1}
            assert len({answer.content for answer in answers}) == 1
            assert await contacted(client, month) == before + 1
        assert await rows_of(two_workers, body) == (1, 1)

    async def test_forty_visits_under_one_id(self, two_workers: Running) -> None:
        """Other content and other senders: one wins, and nobody else learns a word of it."""
        body = visit_of("h1")
        sent = [("m1" if n % 2 else "m2", body | {"note": f"第{n:02}号内容"}) for n in range(CONNECTIONS)]
        async with open_to_all_workers(two_workers) as client:
            answers = await asyncio.gather(
                *(client.post("/api/v1/visits", json=one, headers=World.headers(name)) for name, one in sent)
            )
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: CONNECTIONS - 1}
        for answer in answers:
            if answer.status_code == 409:
                assert answer.json()["code"] == "visits.id_reused"
                assert "号内容" not in answer.text and str(World().people["m1"]) not in answer.text
        assert await rows_of(two_workers, body) == (1, 1)


VILLAGE = (("m1", "h1"), ("m1", "h2"), ("m2", "h3"), ("m2", "h1"))


async def write_on(client: httpx.AsyncClient, number: int) -> tuple[int, int]:
    """One of many who write about one village, in an order of their own; how many visits were sent, how many voided."""
    chance, sent = random.Random(number), 0
    for _ in range(4):
        name, household = chance.choice(VILLAGE)
        headers = World.headers(name)
        one = await client.post("/api/v1/visits", json=visit_of(household), headers=headers)
        assert one.status_code == 201, one.text
        mine = [household for person, household in VILLAGE if person == name]
        chance.shuffle(mine)
        batch = await client.post(
            "/api/v1/visits/batch", json={"visits": [visit_of(one) for one in mine]}, headers=headers
        )
        assert {row["status"] for row in batch.json()["results"]} == {201}, batch.text
        sent += 1 + len(mine)
    voided = await client.post(
        f"/api/v1/visits/{one.json()['id']}/void", json={"reason": "wrong_content"}, headers=headers
    )
    assert voided.status_code == 200, voided.text
    return sent, 1


async def test_sixty_four_writers_on_one_village(serve: Serve, own_database: str) -> None:
    """No deadlock, no lost update: also while households change, the worker folds and the committee reads."""
    month = await keep_this_month(own_database)
    running, deadlocks = serve(2), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    worker = background_worker(running)
    many = httpx.Limits(max_connections=80, max_keepalive_connections=80)
    try:
        async with httpx.AsyncClient(base_url=running.url, timeout=60, limits=many) as client:

            async def change(household: str) -> None:
                for n in range(6):
                    body = {
                        "tier": ("key", "ordinary")[n % 2],
                        "from": datetime.now(CHINA).date().isoformat(),
                        "replace_planned": True,
                    }
                    path = f"/api/v1/households/{World().households[household]}/tier"
                    answer = await client.post(path, json=body, headers=World.headers("s_east"))
                    assert answer.status_code == 200, answer.text
                    assert await contacted(client, month) <= 9

            changes = [asyncio.create_task(change(household)) for household in ("h1", "h2", "h3")]
            done = await asyncio.gather(*(write_on(client, number) for number in range(64)))
            await asyncio.gather(*changes)
            assert await contacted(client, month) == 3
    finally:
        worker.terminate()
        assert worker.wait(20) == 0
    rows = await fetch(own_database, "SELECT count(*) AS n, count(voided_at) AS voided FROM visit")
    assert [tuple(row) for row in rows] == [(sum(sent for sent, _ in done), sum(voided for _, voided in done))]
    assert [tuple(row) for row in await fetch(own_database, deadlocks)] == [(0,)]
    checked = await asyncio.to_thread(
        backend, "recount", "--check", DATABASE_URL=own_database, REDIS_URL="unix:///nowhere"
    )
    assert (checked.returncode, checked.stdout) == (0, "figures agree with the facts\n")


async def workers_besides(running: Running, *gone: int) -> bool:
    pids = {worker.pid for worker in workers_of(running.process.pid)}
    return len(pids) == 2 and not pids & set(gone)


async def test_killed_workers_are_replaced(two_workers: Running) -> None:
    async with open_to_all_workers(two_workers):
        await asyncio.sleep(0.5)  # the manager takes note that both have started
    first, _ = workers_of(two_workers.process.pid)
    first.kill()
    for _ in range(5):  # the other one serves meanwhile
        assert httpx.get(f"{two_workers.url}/readyz", timeout=5).status_code == 200
    await eventually(lambda: workers_besides(two_workers, first.pid))
    for worker in (pair := workers_of(two_workers.process.pid)):
        worker.kill()
    await eventually(lambda: workers_besides(two_workers, *(worker.pid for worker in pair)))
    assert httpx.get(f"{two_workers.url}/readyz", timeout=30).status_code == 200


async def sign_in(client: httpx.AsyncClient, name: str) -> int:
    """Sign in to the console; the status."""
    body = {"account": name, "password": PASSWORD, "totp": pyotp.TOTP(TOTP).now()}
    return (await client.post("/api/v1/auth/password", json=body)).status_code


async def degraded(client: httpx.AsyncClient) -> list[str]:
    """What a ready server names as degraded."""
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    found: list[str] = answer.json()["degraded"]
    return found


async def nothing_degraded(client: httpx.AsyncClient) -> bool:
    return not await degraded(client)


class TestRedisAndWeChat:
    async def test_redis_is_a_helper(self, serve: Serve, own_database: str, redis_to_kill: RedisServer) -> None:
        url = redis_to_kill.url
        redis_to_kill.kill()
        running = serve(workers=2, redis=url)  # it starts without Redis, too
        async with httpx.AsyncClient(base_url=running.url, timeout=20) as client, Phones(running.url) as phones:
            assert "redis" in await degraded(client)
            phones.start(8)
            await phones.until(30)
            assert await sign_in(client, "office") == 200
            redis_to_kill.start()
            await eventually(lambda: nothing_degraded(client))
            await phones.until(30)
            redis_to_kill.kill()
            await phones.until(60)
            assert await sign_in(client, "committee") == 200
            code = {"code": "standin:somebody-new"}
            assert (await client.post("/api/v1/auth/wechat", json=code)).status_code == 200
            assert "redis" in await degraded(client)
            redis_to_kill.start()
            await eventually(lambda: nothing_degraded(client))
            await phones.stop()
        assert phones.statuses.keys() == {201} and not phones.lost
        await assert_nothing_lost(phones, own_database)

    async def test_wechat_down(self, serve: Serve) -> None:
        running = serve(standin=f"http://127.0.0.1:{free_port()}")
        async with httpx.AsyncClient(base_url=running.url, timeout=20) as client:
            body = visit_of("h1")
            assert (await client.post("/api/v1/visits", json=body, headers=World.headers("m1"))).status_code == 201
            refused = await client.post("/api/v1/auth/wechat", json={"code": "standin:x"})
            assert (refused.status_code, refused.json()["code"]) == (503, "accounts.wechat_unavailable")
            assert int(refused.headers["retry-after"]) > 0
            assert await sign_in(client, "office") == 200


class TestKilled:
    @pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.proof)])
    async def test_api(self, serve: Serve, own_database: str, rounds: int) -> None:
        await keep_this_month(own_database)
        running = serve(workers=2)
        phones = Phones(running.url)
        for _ in range(rounds):
            phones.stopped.clear()
            phones.start(24)
            await phones.until(150)
            running.stop(signal.SIGKILL)
            await phones.stop()
            running = serve(workers=2)
            phones.url = running.url
            assert phones.lost > 0
            again = await phones.resend()
            assert again.keys() <= {200, 201}
            assert phones.statuses.keys() <= {200, 201}
            await assert_nothing_lost(phones, own_database)

    @pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.proof)])
    async def test_postgres(
        self, serve_on: Callable[..., Running], postgres_to_kill: PostgresServer, rounds: int
    ) -> None:
        """A backend killed makes all others stop and recover; killing the postmaster takes the server away."""
        url = postgres_to_kill.url
        await fetch(url, "TRUNCATE visit, audit_entry CASCADE")
        await keep_this_month(url)
        running = serve_on(url)
        async with Phones(running.url) as phones:
            phones.start(16)
            for _ in range(rounds):
                await phones.until(80)
                [row] = await fetch(
                    url, "SELECT pid FROM pg_stat_activity WHERE application_name = 'lianhu' ORDER BY random() LIMIT 1"
                )
                os.kill(row["pid"], signal.SIGKILL)
                await asyncio.sleep(0.3)
                await phones.until(80)
                postgres_to_kill.kill()
                await asyncio.sleep(1)
                assert httpx.get(f"{running.url}/healthz").status_code == 200
                postgres_to_kill.start()
                await phones.until(80)
            await phones.stop()
            assert phones.statuses[503] > 0
            assert phones.statuses.keys() <= {201, 503} and not phones.lost and not phones.without_retry_after
            again = await phones.resend()
            assert again.keys() <= {200, 201}
        assert running.process.poll() is None
        await assert_nothing_lost(phones, url)

    async def test_background_worker(self, serve: Serve, own_database: str) -> None:
        month = await keep_this_month(own_database)
        running = serve()

        async def folded() -> bool:
            return not await fetch(own_database, "SELECT FROM coverage_dirty LIMIT 1")

        async with httpx.AsyncClient(base_url=running.url, timeout=20) as client:
            worker = background_worker(running)
            before = await contacted(client, month)
            for done, (name, household) in enumerate([("m1", "h1"), ("m2", "h3"), ("m3", "h7")], 1):
                answer = await client.post("/api/v1/visits", json=visit_of(household), headers=World.headers(name))
                assert answer.status_code == 201
                assert await contacted(client, month) == before + done
                if done == 1:
                    await eventually(folded)
                    worker.kill()
                    worker.wait()
            assert not await folded()  # nobody folds, and the reading was exact all the same
            worker = background_worker(running)
            await eventually(folded)
            assert await contacted(client, month) == before + 3
            worker.terminate()
            assert worker.wait(10) == 0
        checked = backend("recount", "--check", **running.environ)
        assert checked.returncode == 0, checked.stdout


class TestStop:
    @pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.proof)])
    async def test_what_is_under_way_is_answered(self, serve: Serve, own_database: str, workers: int) -> None:
        """Visits that wait in the database when SIGTERM comes are written and answered, then the server ends."""
        running = serve(workers=workers)
        holder = await asyncpg.connect(**database.credentials(own_database))
        hold = holder.transaction()
        await hold.start()
        await holder.execute("LOCK TABLE visit IN EXCLUSIVE MODE")
        async with httpx.AsyncClient(base_url=running.url, timeout=20) as client:
            waiting = [
                asyncio.create_task(client.post("/api/v1/visits", json=visit_of("h1"), headers=World.headers("m1")))
                for _ in range(8)
            ]
            stuck = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            await eventually(lambda: _rows(own_database, stuck))
            await asyncio.sleep(0.2)
            running.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(1)
            await hold.rollback()
            answers = await asyncio.gather(*waiting)
        assert [answer.status_code for answer in answers] == [201] * 8
        assert await asyncio.to_thread(running.process.wait, 12) == 0
        await holder.close()
        assert len(await fetch(own_database, "SELECT FROM visit")) == 8

    @pytest.mark.parametrize("workers", [2, pytest.param(1, marks=pytest.mark.proof)])
    async def test_under_load(self, serve: Serve, own_database: str, workers: int) -> None:
        """Phones that keep their connections busy must not hold the stop up."""
        await keep_this_month(own_database)
        running = serve(workers=workers)
        async with Phones(running.url) as phones:
            phones.start(16)
            await phones.until(100)
            started = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(running.process.wait, 15) == 0
            # The graceful time-out is 10 seconds: whoever needs it has cut connections that were in use.
            assert time.monotonic() - started < 9
            await phones.stop()
        assert phones.statuses.keys() <= {201, 503}
        await assert_nothing_lost(phones, own_database)


async def _rows(url: str, sql: str) -> bool:
    return bool(await fetch(url, sql))
