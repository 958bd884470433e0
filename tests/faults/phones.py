"""Phones that record visits while things break, and remember what was acknowledged and what never got an answer."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil

from backend.settings import CHINA
from models import database
from tests.world import World

ROOT = Path(__file__).parents[2]
#: Who sends for which household, round robin: three people of two branches.
SENDERS = (("m1", "h1"), ("m2", "h3"), ("m3", "h7"), ("m1", "h2"), ("m3", "h8"))


def visit_of(household: str, **changes: Any) -> dict[str, Any]:
    """A visit of this moment: these servers have a clock of their own."""
    now = datetime.now(CHINA) - timedelta(seconds=5)
    return {
        "client_id": str(uuid4()), "household_id": str(World().households[household]), "mode": "in_person",
        "occurred_on": now.date().isoformat(), "noted_at": now.isoformat(), "outcome": "met", "topics": [],
    } | changes  # fmt: skip


class Phones:
    """Senders on connections of their own; each sends one visit after the other until told to stop."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sent: dict[str, tuple[str, dict[str, Any]]] = {}
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.statuses: Counter[int] = Counter()
        self.lost = 0
        self.without_retry_after = 0
        self.stopped = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Phones:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self, number: int) -> None:
        """Let so many phones send."""
        self._running = [
            asyncio.create_task(self._send_on(sender)) for sender in itertools.islice(itertools.cycle(SENDERS), number)
        ]

    async def stop(self) -> None:
        """Let them finish what they send just now."""
        self.stopped.set()
        await asyncio.gather(*self._running)

    async def until(self, acknowledged: int, seconds: float = 20) -> None:
        """Wait until so many more visits are acknowledged than now."""
        wanted = len(self.acknowledged) + acknowledged
        async with asyncio.timeout(seconds):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(0.02)

    async def _send_on(self, sender: tuple[str, str]) -> None:
        name, household = sender
        async with httpx.AsyncClient(timeout=15) as client:
            while not self.stopped.is_set():
                body = visit_of(household)
                self.sent[body["client_id"]] = name, body
                if not await self._send(client, name, body):
                    await asyncio.sleep(0.05)

    async def _send(self, client: httpx.AsyncClient, name: str, body: dict[str, Any]) -> bool:
        try:
            answer = await client.post(f"{self.url}/api/v1/visits", json=body, headers=World.headers(name))
        except httpx.TransportError:
            self.lost += 1
            return False
        self.statuses[answer.status_code] += 1
        if answer.status_code == 503 and not answer.headers.get("retry-after", "").isdigit():
            self.without_retry_after += 1
        if answer.status_code in (200, 201):
            self.acknowledged[body["client_id"]] = answer.json()
        return answer.status_code in (200, 201)

    async def resend(self) -> Counter[int]:
        """Send again what was never acknowledged, as a phone does, and what was, too; the statuses of the former."""
        owed = [(name, body) for key, (name, body) in self.sent.items() if key not in self.acknowledged]
        known = [(name, body) for key, (name, body) in self.sent.items() if key in self.acknowledged][-20:]
        async with httpx.AsyncClient(timeout=15) as client:
            before = self.statuses.copy()
            for name, body in owed:
                assert await self._send(client, name, body), self.statuses - before
            again = self.statuses - before
            for name, body in known:
                first = self.acknowledged[body["client_id"]]
                answer = await client.post(f"{self.url}/api/v1/visits", json=body, headers=World.headers(name))
                assert (answer.status_code, answer.json()) == (200, first)
        return again


async def fetch(url: str, sql: str, *arguments: object) -> list[Any]:
    """Rows as they are in the database, by a connection that no server knows of."""
    connection = await asyncpg.connect(**database.credentials(url))
    try:
        return list(await connection.fetch(sql, *arguments))
    finally:
        await connection.close()


async def keep_this_month(url: str) -> str:
    """Keep the figures of the month of these servers' clock; the month as the API writes it."""
    today = datetime.now(CHINA).date()
    start = today.replace(day=1)
    until = (start + timedelta(days=32)).replace(day=1)
    month = start.year * 100 + start.month
    await fetch(
        url,
        "INSERT INTO period (id, kind, span) VALUES ($1, 'month', daterange($2, $3)) ON CONFLICT DO NOTHING",
        month,
        start,
        until,
    )
    await fetch(url, "SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", month)
    return start.strftime("%Y-%m")


def backend(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the operator to its end."""
    return subprocess.run(
        [sys.executable, "-m", "backend", *command], cwd=ROOT, env={**os.environ, "APP_ENV": "test", **environ},
        capture_output=True, text=True, timeout=60, check=False, start_new_session=True,
    )  # fmt: skip


async def assert_nothing_lost(phones: Phones, url: str) -> None:
    """All that was acknowledged is there once, with one audit row each, and the figures agree with the facts."""
    rows = await fetch(url, "SELECT id, note_sealed FROM visit")
    there = {str(row["id"]) for row in rows}
    assert phones.acknowledged.keys() - there == set()
    assert there - phones.sent.keys() == set()
    audits = await fetch(
        url, "SELECT subject_id, count(*) AS n FROM audit_entry WHERE action = 'visit.record' GROUP BY 1"
    )
    assert {str(row["subject_id"]): row["n"] for row in audits} == dict.fromkeys(there, 1)
    checked = await asyncio.to_thread(backend, "recount", "--check", DATABASE_URL=url, REDIS_URL="unix:///nowhere")
    assert (checked.returncode, checked.stdout) == (0, "figures agree with the facts\n")


def workers_of(server_pid: int) -> list[psutil.Process]:
    """The processes of a server that take connections."""
    found = []
    for child in psutil.Process(server_pid).children(recursive=True):
        try:
            if any(one.status == psutil.CONN_LISTEN for one in child.net_connections("tcp")):
                found.append(child)
        except psutil.Error:  # it has just ended
            continue
    return found
