"""Driving Chromium: starting it, watching what leaves a page, and asking axe-core for what would shut somebody out."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pyotp
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
MISSING_AXE = f"{AXE} is missing, so no browser test ran; run `make checks`."
#: A sandbox needs rights that a container does not give; the others keep the browser from calling home.
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
WALL = {"width": 1920, "height": 1080}
#: The levels of WCAG 2.0 and 2.1 that public services are held to.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
STEP = 30
#: What fades in is judged when it stands; what turns for as long as something is read never ends.
SETTLED = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => Promise.all(document.getAnimations()
  .filter(one => one.effect.getComputedTiming().iterations !== Infinity)
  .map(one => one.finished.catch(() => null))))"""


def chromium() -> str | None:
    """The browser of this machine."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    return found if found and Path(found).exists() else None


def missing_browser() -> str | None:
    """The sentence that says how to get a browser, or None when there is one."""
    if chromium():
        return None
    return (
        "Chromium is missing, so no browser test ran; on Debian: apt install --no-install-recommends chromium "
        "fonts-noto-cjk (or name another one in CHROMIUM)."
    )


async def start_browser(playwright: Playwright) -> Browser:
    """Debian's Chromium; nothing is downloaded."""
    return await playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))


@dataclass
class Township:
    """The running demo: its address, what demo.json holds, and its database."""

    url: str
    facts: dict[str, Any]
    connection: asyncpg.Connection | None = None
    _steps: dict[str, int] = field(default_factory=dict)
    _sessions: dict[str, dict[str, str]] = field(default_factory=dict)

    def account(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.facts["accounts"] if one["account"] == name)
        return found

    def member(self, number: int) -> dict[str, Any]:
        """One of the twelve members to try, from 1; the first six are bound."""
        found: dict[str, Any] = self.facts["members"][number - 1]
        return found

    async def totp(self, name: str) -> str:
        """A one-time code that has not been used: the server takes each once, of this moment and of its neighbours."""
        while True:
            now = int(time.time()) // STEP
            step = max(now - 1, self._steps.get(name, 0) + 1)
            if step <= now + 1:
                self._steps[name] = step
                return pyotp.TOTP(self.account(name)["totp_secret"]).generate_otp(step)
            await asyncio.sleep(1)

    async def session(self, name: str) -> dict[str, str]:
        """A session of a console account, made once: a one-time code serves one sign-in, and there are two a minute."""
        if name not in self._sessions:
            body = {"account": name, "password": self.account(name)["password"], "totp": await self.totp(name)}
            self._sessions[name] = await self.call("POST", "/auth/password", body=body)
        return self._sessions[name]

    async def token(self, name: str) -> str:
        """A console token, for what a test has to arrange or to ask beside the pages."""
        return (await self.session(name))["token"]

    async def call(self, method: str, path: str, token: str | None = None, body: Any = None, **query: str) -> Any:
        """The API's answer. Fails when it is a refusal."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(base_url=f"{self.url}/api/v1", timeout=30) as client:
            answer = await client.request(method, path, headers=headers, json=body, params=query)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def value(self, sql: str, *arguments: object) -> Any:
        assert self.connection is not None
        return await self.connection.fetchval(sql, *arguments)

    async def rows(self, sql: str, *arguments: object) -> list[Any]:
        assert self.connection is not None
        return list(await self.connection.fetch(sql, *arguments))


@dataclass
class Watch:
    """What a browser did that it must not: ask another origin, or report an error of the page."""

    base: str
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self._asked(request.url))
        context.on("console", self._said)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.base}/", "data:", "blob:")):
            self.outside.append(url)

    def _said(self, message: ConsoleMessage) -> None:
        # The browser itself notes every answer that is a refusal, and every request without network: both are meant here.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)

    def assert_clean(self) -> None:
        assert self.outside == [], "no request may leave the origin"
        assert self.errors == [], "no page may report an error"


@contextlib.asynccontextmanager
async def opened(browser: Browser, base: str, **options: Any) -> AsyncIterator[Page]:
    """A page of a browser of its own, as it is in China; what it must not do fails when it closes."""
    context = await browser.new_context(
        base_url=base, locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce", **options
    )
    context.set_default_timeout(20_000)
    watch = Watch(base)
    watch.attach(context)
    try:
        yield await context.new_page()
        watch.assert_clean()
    finally:
        await context.close()


@functools.cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


async def assert_open_to_all(page: Page, state: str) -> None:
    """axe-core finds nothing serious in what the page shows now; `state` says in words what that is."""
    await page.evaluate(SETTLED)
    await page.evaluate(_axe())  # by the debugger's protocol, which the page's content security policy does not concern
    found = await page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']}).then(answer => answer.violations)",
        list(RULES),
    )
    serious = [
        {"rule": one["id"], "what": one["help"], "where": [node["html"][:200] for node in one["nodes"][:5]]}
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == [], f"{state}: {json.dumps(serious, ensure_ascii=False, indent=1)}"
