"""The two clients as their users know them: a member's phone, and the console of an office."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from backend.settings import CHINA
from backend.sheets import writing
from tests.e2e.browsing import DESK, PHONE, Township, opened

#: What the H5 keeps: values by key, sealed. How many there are says whether a phone was wiped.
STORED_KEYS = """async () => {
  const asked = (request) => new Promise((done, failed) => { request.onsuccess = () => done(request.result); request.onerror = failed })
  const database = await asked(indexedDB.open('lianhu', 1))
  const keys = await asked(database.transaction('values').objectStore('values').getAllKeys())
  database.close()
  return keys.map(String)
}"""

#: A file in the hand of somebody who drags it: its name and its bytes.
DRAGGED = """([name, content]) => {
  const held = new DataTransfer()
  held.items.add(new File([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], name))
  return held
}"""

#: Where the console keeps the session of a tab.
KEEP_SESSION = "session => sessionStorage.setItem('lianhu.console.session', JSON.stringify(session))"


class Phone:
    """A member's phone: the H5 that stands in for the mini-program."""

    def __init__(self, page: Page, township: Township) -> None:
        self.page = page
        self.township = township

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, browser: Browser, township: Township, **options: Any) -> AsyncIterator[Self]:
        """A phone that has never seen the program before."""
        async with opened(browser, township.url, viewport=PHONE, is_mobile=True, has_touch=True, **options) as page:
            phone = cls(page, township)
            await page.goto("/m/")
            yield phone

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("button", name=name, exact=isinstance(name, str))

    def field(self, name: str) -> Locator:
        """What one types into."""
        return self.page.get_by_role("textbox", name=name)

    def text(self, words: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_text(words).first

    async def agree(self) -> None:
        await self.button("同意，继续").tap()

    async def sign_in(self, openid: str) -> None:
        """With the stand-in's code, where the phone asks for it."""
        await self.field("微信替身登录码").fill(f"standin:{openid}")
        await self.button("登录（替身）").tap()

    async def start(self, openid: str) -> None:
        """From the first page to the list, for a member who is bound."""
        await self.agree()
        await self.sign_in(openid)
        await self.see_list()

    async def start_invited(self, member: dict[str, Any]) -> None:
        """The same for one who is not bound yet, with the invitation."""
        await self.agree()
        await self.sign_in(member["openid"])
        await self.bind(member["invite_code"])
        await self.see_list()

    async def bind(self, code: str) -> None:
        """Type an invitation."""
        await self.field("邀请码").fill(code)
        await self.button("绑定").tap()

    async def see_list(self) -> None:
        """Wait for one's households."""
        await expect(self.page.get_by_role("tab", name="全部")).to_be_visible()

    async def tab(self, name: str) -> None:
        """One of the three pages of the bar at the bottom."""
        await self.page.locator(".uni-tabbar__item", has_text=re.compile(f"^{name}$")).tap()

    async def show(self, which: str) -> None:
        """该走访, 已走访 or 全部."""
        await self.page.get_by_role("tab", name=which).tap()

    def card(self, head: str) -> Locator:
        """A household's card on the list."""
        return self.page.locator(".card", has=self.page.locator(".facts .name", has_text=re.compile(f"^{head}$")))

    async def first_head(self) -> str:
        """The head of the first household on the list."""
        return await self.page.locator(".card .facts .name").first.inner_text()

    async def open_first(self) -> None:
        """Open the first household on the list."""
        await self.page.locator(".card .facts").first.tap()

    async def register(self, head: str, *, note: str | None = None) -> None:
        """A visit in five taps: the household, how, with what result, about what, done."""
        await self.card(head).get_by_role("button", name=re.compile("登记$")).tap()
        await self.page.get_by_role("radio", name="入户", exact=True).tap()
        await self.page.get_by_role("radio", name="见到（联系上）").tap()
        await self.page.get_by_role("checkbox", name="一切如常").tap()
        if note is not None:
            await self.page.get_by_role("checkbox", name="写几句").tap()
            await self.page.get_by_role("textbox", name="备注").fill(note)
        await self.button("提交走访登记").tap()
        await self.see_list()

    async def offline(self, off: bool) -> None:
        await self.page.context.set_offline(off)

    async def stored(self) -> set[str]:
        """The names under which the phone keeps something."""
        return set(await self.page.evaluate(STORED_KEYS))


class Console:
    """The console, as an office has it on its desk."""

    def __init__(self, page: Page, township: Township) -> None:
        self.page = page
        self.township = township

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, browser: Browser, township: Township, **options: Any) -> AsyncIterator[Self]:
        """A fresh browser."""
        async with opened(browser, township.url, **({"viewport": DESK} | options)) as page:
            yield cls(page, township)

    async def sign_in(self, name: str, path: str = "/console/") -> None:
        """With the password and a fresh one-time code, from wherever the address leads."""
        account = self.township.account(name)
        await self.page.goto(path)
        await self.page.get_by_label("账号").fill(name)
        await self.page.get_by_label("密码").fill(account["password"])
        await self.page.get_by_label("动态码").fill(await self.township.totp(name))
        await self.page.get_by_role("button", name="登录", exact=True).click()
        await expect(self.page.get_by_role("button", name="退出登录")).to_be_visible()

    async def enter(self, name: str, path: str = "/console/") -> None:
        """With the account's session that is there already, as a tab that is opened again."""
        session = await self.township.session(name)
        await self.page.goto("/console/sign-in")
        await self.page.evaluate(KEEP_SESSION, {"token": session["token"], "expiresAt": session["expires_at"]})
        await self.page.goto(path)
        await expect(self.page.get_by_role("button", name="退出登录")).to_be_visible()

    async def open(self, path: str) -> None:
        await self.page.goto(f"/console/{path}")

    def table(self) -> Locator:
        """The figures of each area, below the pictures of them."""
        return self.page.get_by_role("region", name=re.compile("明细$"))

    def row(self, name: str) -> Locator:
        """A row of the figures' table by its heading."""
        return self.table().get_by_role("row", name=re.compile(f"^{re.escape(name)} "))

    async def choose(self, what: str, option: str) -> None:
        """Pick from a list; the box is clicked, because its words lie over the field."""
        await self.page.locator(".el-select", has=self.page.get_by_role("combobox", name=what, exact=True)).click()
        await self.page.get_by_role("option", name=option, exact=True).click()

    async def choose_first(self, what: str) -> None:
        """The first of a list, whoever it is."""
        await self.page.locator(".el-select", has=self.page.get_by_role("combobox", name=what, exact=True)).click()
        await self.page.get_by_role("option").first.click()

    def proposed(self, code: str) -> Locator:
        """The row of a household in a proposal."""
        return self.page.get_by_role("region", name="建议").get_by_role("row").filter(has_text=code)

    async def propose(self) -> None:
        """Ask for a proposal and wait for it."""
        await self.page.get_by_role("button", name="提出建议").click()
        await expect(self.page.get_by_role("region", name="建议")).to_be_visible()

    async def apply(self) -> None:
        """Make links of the proposal that is open, as far as the server lets it."""
        await self.page.get_by_role("button", name="定下来").click()
        await self.page.get_by_role("dialog").get_by_role("button", name="定下来").click()

    async def file_of(self, button: str) -> tuple[str, bytes]:
        """The file that comes of a button: the server's name for it, and what is in it."""
        async with self.page.expect_download() as download:
            await self.page.get_by_role("button", name=button).click()
        file = await download.value
        return file.suggested_filename, Path(await file.path()).read_bytes()

    async def assert_no_sideways(self) -> None:
        """Nothing is wider than the screen."""
        assert await self.page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth") <= 0

    async def say_purpose(self) -> None:
        """What the households are looked at for, which those who do not work with them have to say."""
        await self.page.get_by_text("核对数据", exact=True).click()

    async def send_sheet(self, name: str, rows: list[list[str]]) -> None:
        """Choose a sheet for the step of an import that is open; the first row holds the headers."""
        content = writing.table(name, rows[0], rows[1:])
        file: FilePayload = {"name": f"{name}.xlsx", "mimeType": "application/octet-stream", "buffer": content}
        await self.page.get_by_label("选一个文件").set_input_files(file)

    async def drop_sheet(self, name: str, rows: list[list[str]]) -> None:
        """The same with the mouse: the sheet is dragged onto the page and let go."""
        content = base64.b64encode(writing.table(name, rows[0], rows[1:])).decode()
        dragged = await self.page.evaluate_handle(DRAGGED, [f"{name}.xlsx", content])
        field = self.page.locator("label", has=self.page.get_by_label("选一个文件"))
        for event in ("dragenter", "dragover", "drop"):
            await field.dispatch_event(event, {"dataTransfer": dragged})


@dataclass
class Office:
    """What a secretary's API gives, for what has to be there before the pages are looked at."""

    township: Township
    token: str

    @classmethod
    async def of(cls, township: Township, account: str) -> Office:
        return cls(township, await township.token(account))

    async def get(self, path: str, **query: str) -> Any:
        return await self.township.call("GET", path, self.token, limit="200", **query)

    async def post(self, path: str, body: Any) -> Any:
        return await self.township.call("POST", path, self.token, body)

    async def open_households(self, *heads: str) -> list[dict[str, Any]]:
        """Households that nobody is linked to, in a micro-grid of the branch."""
        known = next(one for one in (await self.get("/households"))["items"] if one["access"] == "area")
        today = datetime.now(CHINA).date().isoformat()
        place = {"micro_grid_id": known["micro_grid"]["id"], "group_name": known["group_name"], "opened_on": today}
        return [await self.post("/households", {**place, "code": f"AR-{head}", "head_name": head}) for head in heads]

    async def able(self) -> list[dict[str, Any]]:
        """Who may be linked to households, those with the fewest first, so that nobody has too many."""
        people = (await self.get("/people"))["items"]
        return sorted((one for one in people if one["exemption"] is None), key=lambda one: one["load"])
