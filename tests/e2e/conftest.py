"""Debian's Chromium, the built clients, and a real server with its worker on the demo township."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import Browser, async_playwright, expect

from backend import clients
from backend.demo.load import load
from backend.demo.township import Extent
from backend.settings import CHINA
from models.database import credentials
from tests.conftest import ROOT, start_server
from tests.demo.loaded import empty_database, quiet
from tests.e2e.browsing import AXE, MISSING_AXE, Township, missing_browser, start_browser
from tests.e2e.pages import Console

#: How much of the demo township is served here: every kind of thing is there, and the pages are those of a whole one.
PART = 1 / 5


def lacks() -> str | None:
    """What this machine needs before a browser can be driven; None when nothing is missing."""
    if not all(clients.is_built(name) for name in clients.BUILT):
        return "The clients are not built, so no browser test ran; install Node 20 and run `make clients`."
    return missing_browser() or (None if AXE.exists() else MISSING_AXE)


@pytest.fixture(scope="session")
def ready() -> None:
    """In CI whatever is missing is a failure, elsewhere a sentence."""
    missing = lacks()
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)


@pytest.fixture(scope="session")
async def browser(ready: None) -> AsyncIterator[Browser]:
    expect.set_options(timeout=20_000)  # other tests keep the machine busy meanwhile
    async with async_playwright() as playwright:
        browser = await start_browser(playwright)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def township(
    ready: None,
    folder: Path,
    postgres_url: str,
    redis_url: str,
    standin_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Township]:
    """A part of the demo township with two months of visits until today, served by a real server and a worker; its facts are those of demo.json."""
    settings = await empty_database(postgres_url, "e2e")
    today, folder_of_facts = datetime.now(CHINA).date(), tmp_path_factory.mktemp("run")
    loaded = await load(settings, today, quiet(), folder_of_facts, extent=Extent(months=2, part=PART))
    assert loaded.facts is not None
    running = await asyncio.to_thread(start_server, folder, settings.database_url, redis_url, standin_url)
    with (folder / "e2e-worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "backend", "worker"], cwd=ROOT, env=running.environ, stdout=log, stderr=log
        )
    connection = await asyncpg.connect(**credentials(settings.database_url))
    yield Township(running.url, loaded.facts, connection)
    await connection.close()
    worker.terminate()
    worker.wait(30)
    running.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
async def committee(browser: Browser, township: Township) -> AsyncIterator[Console]:
    """The committee, signed in once: a one-time code serves one sign-in."""
    async with Console.opened(browser, township) as console:
        await console.sign_in("committee")
        yield console
