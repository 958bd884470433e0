"""The console by itself: signing in, addresses that say what is shown, a secretary's work, and every state open to all."""

from __future__ import annotations

import re

from playwright.async_api import Browser, expect

from backend import clients
from tests.e2e.browsing import PHONE, WALL, Township, assert_open_to_all
from tests.e2e.pages import Console, Office

HASHED = re.compile(r".+[.-][A-Za-z0-9_-]{8,}\.\w+(\.gz)?")


def test_files_that_browsers_keep_for_a_year_carry_a_hash_in_their_name() -> None:
    for name, folder in clients.BUILT.items():
        files = [file.name for file in (folder / "assets").rglob("*") if file.is_file()]
        assert files, f"clients are not built: {name}"
        assert [one for one in files if not HASHED.fullmatch(one)] == []


async def test_signing_in_tells_what_is_wrong_in_words(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.open("coverage?period=2026-10")
        await expect(page.get_by_role("button", name="登录", exact=True)).to_be_visible()
        await assert_open_to_all(page, "sign-in")
        await page.get_by_role("button", name="登录", exact=True).click()
        await expect(page.get_by_text("请填写账号")).to_be_visible()
        await page.get_by_label("账号").fill("committee")
        await page.get_by_label("密码").fill("wrong")
        await page.get_by_label("动态码").fill("000000")
        await page.get_by_role("button", name="登录", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("账号、密码或动态码不对")
        await assert_open_to_all(page, "sign-in refused")


async def villages(console: Console) -> int:
    """How many villages the township has."""
    return int(await console.township.value("SELECT count(*) FROM region WHERE level = 'village'"))


async def test_the_figures_in_every_state(committee: Console) -> None:
    page = committee.page
    await committee.open("coverage")
    await expect(committee.table()).to_be_visible()
    await expect(page.get_by_text("数据截至").first).to_be_visible()
    await assert_open_to_all(page, "coverage")
    village = committee.township.facts["village"]["name"]
    assert await page.get_by_role("button", name=village, exact=True).count() == 1
    rows = committee.table().get_by_role("rowheader")
    assert await rows.count() == await villages(committee) + 1, "the villages and their sum"

    await page.get_by_role("button", name=re.compile("怎么算的$")).first.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await assert_open_to_all(page, "how it is counted")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)

    await page.get_by_role("button", name=re.compile("^分子 ")).first.click()
    await expect(page.get_by_text("先选查看的用途")).to_be_visible()
    await assert_open_to_all(page, "the purpose of a look at households")
    await committee.say_purpose()
    await expect(page.get_by_role("dialog").get_by_role("table")).to_be_visible()
    await assert_open_to_all(page, "the households behind a figure")
    await page.get_by_role("dialog").get_by_role("rowheader").first.get_by_role("button").click()
    await expect(page.get_by_text("可以用纸笔重算")).to_be_visible()
    await assert_open_to_all(page, "one household taken apart")
    await page.keyboard.press("Escape")

    for name, told in (
        ("联系空白点", "户没有在岗的主联党员"),
        ("逾期未联系", "户到期还没有联系上"),
        ("定稿后的变化", "定稿"),
    ):
        await page.get_by_text(name, exact=True).first.click()
        await expect(page.locator("main").get_by_text(told).last).to_be_visible()
        await assert_open_to_all(page, name)
        if name == "逾期未联系":
            await (
                page.get_by_role("region", name=re.compile("逾期未联系的户$"))
                .get_by_role("rowheader")
                .first.get_by_role("button")
                .click()
            )
            await expect(page.get_by_text("可以用纸笔重算")).to_be_visible()
            await page.keyboard.press("Escape")


async def test_the_address_says_what_is_shown(committee: Console) -> None:
    page = committee.page
    await committee.open("coverage")
    await (
        page.get_by_role("button", name=re.compile("^入户走访覆盖率|^走访覆盖率"))
        .or_(page.locator(".figures .pick").nth(2))
        .first.click()
    )
    village = committee.township.facts["village"]["name"]
    await page.get_by_role("button", name=village, exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(village)
    address, heading = page.url, await page.get_by_role("heading", level=1).inner_text()
    pressed = await page.locator(".figures .pick[aria-pressed=true]").inner_text()
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert page.url == address
    assert await page.locator(".figures .pick[aria-pressed=true]").inner_text() == pressed
    assert not re.search("token|password", address)
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).not_to_contain_text(village)


async def test_the_table_is_sorted_by_what_one_looks_for(committee: Console) -> None:
    await committee.open("coverage")
    heads = committee.table().get_by_role("columnheader")
    rate = heads.filter(has_text="走访覆盖率")
    for state in ("ascending", "descending", "none"):
        await rate.get_by_role("button").click()
        await expect(rate).to_have_attribute("aria-sort", state)


async def test_it_prints_on_a4_landscape(committee: Console) -> None:
    await committee.open("coverage")
    await expect(committee.table()).to_be_visible()
    paper = await committee.page.pdf(prefer_css_page_size=True)
    sizes = {tuple(round(float(side)) for side in box.split()) for box in re.findall(rb"/MediaBox \[([^]]*)\]", paper)}
    assert sizes == {(0, 0, 842, 595)}, "A4 landscape, in points"
    await committee.page.emulate_media(media="print")
    wide = await committee.page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth")
    await committee.page.emulate_media(media="screen")
    assert wide <= 0


async def test_an_address_that_leads_nowhere_says_so(committee: Console) -> None:
    await committee.open("no/such/page")
    await expect(committee.page.get_by_text("没有这个页面")).to_be_visible()
    await assert_open_to_all(committee.page, "no such page")


async def test_the_wall_needs_no_mouse(committee: Console) -> None:
    page = committee.page
    await page.set_viewport_size(WALL)  # type: ignore[arg-type]
    await committee.open("wall")
    await expect(page.get_by_role("region", name="各项指标")).to_be_visible()
    await expect(page.locator(".tile")).to_have_count(await villages(committee))
    await assert_open_to_all(page, "wall")
    fits = await page.evaluate(
        "() => [document.scrollingElement.scrollHeight, innerHeight, document.scrollingElement.scrollWidth, innerWidth]"
    )
    assert fits[0] <= fits[1] and fits[2] <= fits[3], "the wall has nobody to scroll it"
    cut = await page.evaluate(
        "() => [...document.querySelectorAll('.tile, .tile .name')].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.innerText)"
    )
    assert cut == [], "nothing is cut off"


async def test_a_secretary_enters_a_visit_for_a_member(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.sign_in("secretary1")
        await expect(page).to_have_url(re.compile("/households"))
        await expect(page.get_by_role("table")).to_be_visible()
        await assert_open_to_all(page, "a secretary's households")
        line = page.get_by_role("table").get_by_role("row").nth(1)
        code = await line.get_by_role("cell").first.inner_text()
        head = await line.get_by_role("rowheader").inner_text()
        await line.get_by_role("button", name=f"为{head}登记走访").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_be_visible()
        await assert_open_to_all(page, "a visit for a member")
        await dialog.get_by_role("button", name="核对户主和住址").click()
        await expect(dialog.locator(".whose b")).to_have_text(re.compile(f"^{head[0]}[^*]+$"))
        await dialog.get_by_role("button", name="登记", exact=True).click()
        await assert_open_to_all(page, "a visit for a member, not filled in")
        await dialog.get_by_role("button", name="昨天", exact=True).click()
        await dialog.get_by_text("入户", exact=True).click()
        await dialog.get_by_text("未遇", exact=True).click()
        if await dialog.get_by_placeholder("选择党员").count():
            await console.choose_first("谁走访的")
        await dialog.get_by_role("button", name="登记", exact=True).click()
        said = page.get_by_role("status")
        await expect(said.filter(has_text=re.compile(f"已登记 {re.escape(head)} .*的走访"))).to_have_count(1)

        # Somebody was met after all: the entry is opened as it was and put right, and only then the wrong one is voided.
        await said.get_by_role("button", name="看看或更正").click()
        panel = page.get_by_role("dialog", name=re.compile("联系情况$"))
        entered = panel.get_by_role("row").nth(1)
        await expect(entered).to_contain_text("未遇")
        await expect(entered).to_contain_text("我登记的")
        await assert_open_to_all(page, "a household of a secretary")
        await entered.get_by_role("button", name=re.compile("^作废")).click()
        reasons = page.get_by_role("dialog", name="作废这条走访登记")
        await reasons.get_by_role("button", name="改正后重新登记").click()
        await expect(reasons.get_by_text("请选一个原因")).to_be_visible()
        await assert_open_to_all(page, "a visit about to be voided")
        await reasons.get_by_text("内容有误", exact=True).click()
        await reasons.get_by_role("button", name="改正后重新登记").click()
        again = page.get_by_role("dialog", name=f"改正走访 · {head}")
        await expect(again.get_by_role("radio", name="未遇")).to_be_checked()
        await page.keyboard.press("Escape")
        await expect(entered).not_to_contain_text("已作废")
        await again.get_by_text("见到（联系上）", exact=True).click()
        await again.get_by_role("button", name="保存", exact=True).click()
        await expect(panel.get_by_text("已作废，不计：内容有误")).to_be_visible()
        kept = await township.rows(
            """SELECT v.outcome, v.void_reason, v.entered_by = a.id AS by_the_secretary
               FROM visit v JOIN household h ON h.id = v.household_id, account a
               WHERE h.code = $1 AND a.login = 'secretary1' ORDER BY v.recorded_at DESC LIMIT 2""",
            code,
        )
        assert [tuple(row) for row in kept] == [("met", None, True), ("not_home", "wrong_content", True)]

        # The same slip once more is asked about before it counts twice.
        await panel.get_by_role("button", name="登记走访", exact=True).click()
        twice = page.get_by_role("dialog", name=f"登记走访 · {head}")
        await twice.get_by_role("button", name="昨天", exact=True).click()
        await twice.get_by_text("入户", exact=True).click()
        await twice.get_by_text("未遇", exact=True).click()
        await twice.get_by_role("button", name="登记", exact=True).click()
        await expect(twice.get_by_text("这一户这一天已经登记过一次")).to_be_visible()
        await twice.get_by_role("button", name="取消").click()

        # The address on the paper is newer than ours.
        await panel.get_by_role("button", name="更正户主、电话、住址").click()
        editing = page.get_by_role("dialog", name=re.compile("^更正信息"))
        await editing.get_by_role("textbox", name="住址（没有就空着）").fill("村口新楼3号")
        await assert_open_to_all(page, "what is known of a household")
        await editing.get_by_role("button", name="保存").click()
        await expect(editing).to_have_count(0)
        await panel.get_by_role("button", name="核对户主和住址").click()
        await expect(panel.get_by_text("村口新楼3号")).to_be_visible()


async def test_a_secretary_gives_a_household_its_member(browser: Browser, township: Township) -> None:
    (household,) = await (await Office.of(township, "secretary2")).open_households("空白户")
    async with Console.opened(browser, township) as console:
        page, code = console.page, household["code"]
        await console.enter("secretary2")
        await page.get_by_role("radiogroup", name="看哪些户").get_by_text(re.compile("^空白点")).click()
        line = page.get_by_role("table").get_by_role("row").filter(has_text=code)
        await line.get_by_role("button", name=re.compile("定联系党员$")).click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="定下", exact=True).click()
        await expect(dialog.get_by_text("请选择是怎么定的")).to_be_visible()
        await assert_open_to_all(page, "a link, not filled in")
        await console.choose_first("谁来联系")
        await dialog.get_by_text("委派", exact=True).click()
        await dialog.get_by_role("button", name="定下", exact=True).click()
        await expect(page.get_by_role("status").filter(has_text="联系")).to_have_count(1)
        await expect(page.get_by_role("cell", name=code, exact=True)).to_have_count(0)
        assert await township.value(
            """SELECT count(*) = 1 FROM assignment a JOIN household h ON h.id = a.household_id
               WHERE h.code = $1 AND a.role = 'primary' AND a.source = 'appointed' AND a.valid_to IS NULL""",
            code,
        )


async def test_every_page_fits_a_phone(browser: Browser, township: Township) -> None:
    """A secretary has the console on the phone, too."""
    async with Console.opened(browser, township, viewport=PHONE) as console:
        await console.enter("secretary2")
        for path in ("households", "coverage", "proposals", "papers", "people", "messages", "import"):
            await console.open(path)
            await expect(console.page.get_by_role("heading", level=1)).to_be_visible()
            await expect(console.page.get_by_text("正在读取")).to_have_count(0)
            wide = await console.page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth")
            assert wide <= 0, path
            await assert_open_to_all(console.page, f"{path} on a phone")
