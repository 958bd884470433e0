"""Signing in as the tests of accounts do it."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pyotp

from backend.settings import CHINA
from models import database
from tests.api.probes import invite
from tests.world import PASSWORD, TODAY, TOTP, of

CODE = "ABCD-EF10-2345"
STEP = 30
networks = itertools.count(1)


class Clock:
    """The server's clock: the real time, because invitations and sessions are compared with the database's, and ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(CHINA) + self.ahead


def from_network(app: Any, number: int) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(f"10.{number // 200}.{number % 200}.7", 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://test/api/v1")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def wechat(phone: httpx.AsyncClient, openid: str) -> dict[str, Any]:
    answer = await phone.post("/auth/wechat", json={"code": f"standin:{openid}"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def bound(phone: httpx.AsyncClient, openid: str, person: str, code: str = CODE) -> dict[str, Any]:
    """A person signed in on a phone, by an invitation."""
    await invite(of("person", person), code)
    token = (await wechat(phone, openid))["token"]
    answer = await phone.post("/auth/wechat/bind", json={"invite_code": code}, headers=bearer(token))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def rows(table: str) -> int:
    return int(await database.fetch_value(f"SELECT count(*) FROM {table}"))


def totp(at: datetime, steps: int = 0) -> str:
    return pyotp.TOTP(TOTP).generate_otp(int(at.timestamp()) // STEP + steps)


async def password(
    client: httpx.AsyncClient, clock: Clock, account: str = "office", steps: int = 0, **change: Any
) -> httpx.Response:
    body = {"account": account, "password": PASSWORD, "totp": totp(clock(), steps)} | change
    return await client.post("/auth/password", json=body)


def visit_body() -> dict[str, Any]:
    return {
        "client_id": str(uuid4()), "household_id": str(of("household", "h1")), "occurred_on": TODAY.isoformat(),
        "noted_at": f"{TODAY}T08:00:00+08:00", "mode": "in_person", "outcome": "met",
    }  # fmt: skip
