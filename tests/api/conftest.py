"""A phone in a network of its own, by the real clock, and the switches of the WeChat stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.api.signing_in import Clock, from_network, networks


@pytest.fixture
def clock(app: Any, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(app.ctx, "clock", clock)
    return clock


@pytest.fixture
async def phone(app: Any, db: Any, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """A client in a network of its own: the flood limit of all other tests is not its."""
    async with from_network(app, next(networks)) as client:
        yield client


@pytest.fixture
async def platform(standin_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The switches of the stand-in, as freshly started before and after."""
    async with httpx.AsyncClient(base_url=f"{standin_url}/_standin") as switches:
        await switches.post("/reset")
        yield switches
        await switches.post("/reset")
