"""Pictures of every page for docs/pictures/, from the demo that `make run` serves: `python -m tests.e2e.pictures`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import httpx
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.e2e.browsing import DESK, PHONE, WALL, Township, missing_browser, start_browser
from tests.e2e.pages import Console, Phone

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
#: Pages of the console by the name of their picture: who looks, at which address, on which screens.
CONSOLE = (
    ("coverage", "committee", "coverage", (PHONE, DESK, WALL)), ("gaps", "committee", "coverage?list=gaps", (DESK,)),
    ("wall", "committee", "wall", (WALL,)), ("households", "secretary1", "households", (PHONE, DESK)),
    ("proposals", "secretary1", "proposals", (PHONE, DESK)), ("papers", "secretary1", "papers", (PHONE, DESK)),
    ("people", "secretary1", "people", (DESK,)), ("import", "secretary1", "import", (DESK,)),
    ("nowhere", "secretary1", "no-such-page", (DESK,)), ("feedback", "office", "feedback?state=all", (DESK,)),
)  # fmt: skip


def running_demo() -> Township | str:
    """The demo that is running now, or the sentence that says how to start one."""
    facts = Path(os.environ.get("RUN_DIR") or ".run") / "demo.json"
    start = "start one with `make run` in another terminal, then try again."
    if not facts.exists():
        return f"{facts} is missing, so there is no demo to take pictures of; {start}"
    demo = json.loads(facts.read_text(encoding="utf-8"))
    try:
        httpx.get(f"{demo['base_url']}/console/", timeout=10).raise_for_status()
    except httpx.HTTPError:
        return f"{demo['base_url']}/console/ does not answer, so there is nothing to take pictures of; {start}"
    return Township(demo["base_url"], demo)


async def settle(page: Page) -> None:
    """Wait until nothing is being fetched, read or drawn any more."""
    await page.wait_for_load_state("networkidle")
    await expect(page.get_by_text("正在读取")).to_have_count(0)
    await page.evaluate("() => document.fonts.ready")
    await page.wait_for_timeout(600)  # charts draw themselves in steps


async def take(page: Page, name: str) -> None:
    await settle(page)
    path = FOLDER / f"{name}.png"
    await page.screenshot(path=path, animations="disabled")
    print(path.relative_to(FOLDER.parents[1]))


async def of_the_console(browser: Browser, demo: Township) -> None:
    async with Console.opened(browser, demo) as console:
        page = console.page
        signed_in = ""
        for size in (PHONE, DESK):
            await page.set_viewport_size(size)  # type: ignore[arg-type]
            await page.goto("/console/sign-in")
            await take(page, f"console-sign-in-{size['width']}")
        for name, account, path, sizes in CONSOLE:
            if account != signed_in:
                if signed_in:
                    await console.open("")  # the wall has no way out
                    await page.get_by_role("button", name="退出登录").click()
                await page.set_viewport_size(DESK)  # type: ignore[arg-type]
                await console.sign_in(account)
                signed_in = account
            for size in sizes:
                await page.set_viewport_size(size)  # type: ignore[arg-type]
                await console.open(path)
                if name == "gaps":
                    await settle(page)
                    await page.get_by_text("补上联系空白", exact=True).click()
                    await page.get_by_role("heading", name="名单", exact=True).scroll_into_view_if_needed()
                await take(page, f"console-{name}-{size['width']}")
                if name == "coverage":
                    await page.get_by_role("button", name=re.compile("^还没见到 ")).first.click()
                    await console.say_purpose()
                    await expect(page.get_by_role("dialog").get_by_role("table")).to_be_visible()
                    await take(page, f"console-drill-{size['width']}")
                    await page.get_by_role("dialog").get_by_role("rowheader").first.get_by_role("button").click()
                    await take(page, f"console-household-{size['width']}")
                if name == "proposals":
                    await console.propose()
                    await take(page, f"console-proposal-{size['width']}")
                    await page.get_by_role("button", name=re.compile("换一位$")).first.click()
                    await take(page, f"console-proposal-item-{size['width']}")
                    await page.keyboard.press("Escape")
                    await page.get_by_role("button", name="定下来").click()
                    await take(page, f"console-proposal-apply-{size['width']}")
                if name == "households":
                    await page.get_by_role("button", name=re.compile("登记走访$")).first.click()
                    await take(page, f"console-visit-{size['width']}")
                    await page.get_by_role("dialog").get_by_role("button", name="取消").click()
                    await page.get_by_role("table").get_by_role("rowheader").first.get_by_role("button").click()
                    await take(page, f"console-panel-{size['width']}")
                    await page.keyboard.press("Escape")
                    await page.get_by_role("radiogroup", name="看哪些户").get_by_text(re.compile("^空白点")).click()
                    await page.get_by_role("button", name=re.compile("定联系党员$")).first.click()
                    await take(page, f"console-assign-{size['width']}")


async def of_the_phone(browser: Browser, demo: Township) -> None:
    async with Phone.opened(browser, demo) as phone:
        page = phone.page
        await take(page, "phone-privacy")
        await phone.agree()
        await take(page, "phone-sign-in")
        await phone.sign_in(demo.member(1)["openid"])
        await phone.see_list()
        for view, suffix in (("标准版", ""), ("长辈版", "-elder")):
            await phone.tab("我的")
            await page.get_by_role("radio", name=view).tap()
            await take(page, f"phone-me{suffix}")
            await phone.tab("我的联系户")
            await phone.show("全部")
            await take(page, f"phone-list{suffix}")
            await phone.open_first()
            await expect(phone.text("正在取走访记录")).to_have_count(0)
            await take(page, f"phone-household{suffix}")
            await phone.button("走访登记").tap()
            await take(page, f"phone-visit{suffix}")
            await page.go_back()
            await page.go_back()
        await phone.tab("我的")
        await page.get_by_role("radio", name="标准版").tap()
        await page.get_by_role("button", name="意见反馈").tap()
        await take(page, "phone-feedback")
        await page.go_back()
        await page.get_by_role("button", name="关于联户").tap()
        await take(page, "phone-about")
        await page.go_back()
        await phone.tab("我的联系户")
        # Registered without signal and never sent: the demo stays as it is.
        await phone.offline(True)
        await phone.show("全部")
        await phone.register(await phone.first_head())
        await take(page, "phone-offline")
        await phone.tab("待上传")
        await take(page, "phone-waiting")


async def main() -> int:
    demo = missing_browser() or running_demo()
    if isinstance(demo, str):
        print(demo, file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        browser = await start_browser(playwright)
        await of_the_phone(browser, demo)
        await of_the_console(browser, demo)
        await browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
