"""How long the committee waits for its page, from the demo that `make run` serves: `python -m tests.e2e.speed`.

The committee's first load of the coverage page with nothing kept by the browser: until the first words are painted,
until the figures stand, until the first chart is drawn. Once as it is here, and once as a village office has it: 4 Mbit/s
with 50 ms on the way, and a processor a quarter as quick. Medians of a few loads, with the least and the most.
"""

from __future__ import annotations

import asyncio
import statistics
import sys

from playwright.async_api import CDPSession, async_playwright

from tests.e2e.browsing import missing_browser, start_browser
from tests.e2e.pages import Console
from tests.e2e.pictures import running_demo

ROUNDS = 5
MBIT = 1_000_000 / 8
#: When a chart has a line, and the figures a number: seen by the page itself, so that asking takes no time.
WATCH = """
window.seen = {}
new MutationObserver(() => {
  const now = performance.now()
  if (!window.seen.figures && document.querySelector('.figures strong')) window.seen.figures = now
  if (!window.seen.chart && document.querySelector('main svg path[stroke]')) window.seen.chart = now
}).observe(document, {childList: true, subtree: true})
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


async def throttle(session: CDPSession, *, slow: bool) -> None:
    """A village office: 4 Mbit/s, 50 ms there and back, a quarter of the processor; or this machine as it is."""
    rate = 4 * MBIT if slow else -1
    conditions = {"latency": 50 if slow else 0, "downloadThroughput": rate, "uploadThroughput": rate}
    await session.send("Network.emulateNetworkConditions", {"offline": False} | conditions)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": 4 if slow else 1})


async def first_load(console: Console, session: CDPSession) -> dict[str, float]:
    """Milliseconds from asking for the page to each sight of it, for somebody who is signed in."""
    await session.send("Network.clearBrowserCache")
    await console.page.goto("/console/coverage", wait_until="commit")
    seen: dict[str, float] = {}
    while "chart" not in seen:  # asked from here: the page's content security policy allows no evaluation inside
        await asyncio.sleep(0.5)
        seen = await console.page.evaluate("window.seen")
    painted = await console.page.evaluate(PAINTED)
    await console.page.wait_for_load_state("networkidle")
    return {"first words": painted} | seen


async def main() -> int:
    demo = missing_browser() or running_demo()
    if isinstance(demo, str):
        print(demo, file=sys.stderr)
        return 1
    loads: dict[str, list[dict[str, float]]] = {"here": [], "4 Mbit/s, 50 ms, processor ÷ 4": []}
    async with async_playwright() as playwright:
        browser = await start_browser(playwright)
        async with Console.opened(browser, demo) as console:
            await console.sign_in("committee")
            await console.page.add_init_script(WATCH)
            session = await console.page.context.new_cdp_session(console.page)
            await session.send("Network.enable")
            for _ in range(ROUNDS):
                for slow, name in enumerate(loads):
                    await throttle(session, slow=bool(slow))
                    loads[name].append(await first_load(console, session))
                    print(".", end="", file=sys.stderr, flush=True)
        await browser.close()
    print(file=sys.stderr)
    for name, rounds in loads.items():
        for what in rounds[0]:
            seconds = sorted(one[what] / 1000 for one in rounds)
            print(f"{name}: {what} {statistics.median(seconds):.2f} s [{seconds[0]:.2f}–{seconds[-1]:.2f}]")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
