"""The main job across both clients: a member without signal, and the committee that sees the figure move."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Browser, Route, expect

from tests.e2e.browsing import Township
from tests.e2e.pages import Console, Phone

#: A figure with its numbers: 1,203 / 1,392 户.
FRACTION = re.compile(r"([\d,]+) / ([\d,]+) 户")


async def household_of(township: Township, number: int) -> tuple[dict[str, Any], str]:
    """A member's household to visit, as the server tells it to them; and their token."""
    member = township.member(number)
    signed_in = await township.call("POST", "/auth/wechat", body={"code": f"standin:{member['openid']}"})
    token = signed_in["token"]
    return await township.call("GET", f"/households/{member['household_id']}", token), token


async def visits_of(township: Township, household: dict[str, Any]) -> int:
    """How many visits of today the database holds."""
    return int(
        await township.value(
            "SELECT count(*) FROM visit WHERE household_id = $1 AND occurred_on = (now() AT TIME ZONE 'Asia/Shanghai')::date",
            household["id"],
        )
    )


async def open_micro_grid(console: Console, household: dict[str, Any]) -> tuple[int, int]:
    """Go from the township to the village to the household's micro-grid, as one does with the mouse; gives its figure."""
    await console.open("coverage")
    village = console.township.facts["village"]["name"]
    await console.page.get_by_role("button", name=village, exact=True).click()
    row = console.row(household["micro_grid"]["name"])
    await expect(row).to_be_visible()
    numbers = [
        int((await row.get_by_role("button", name=re.compile(f"^{what} ")).inner_text()).replace(",", ""))
        for what in ("分子", "分母")
    ]
    return numbers[0], numbers[1]


async def in_list(console: Console, code: str) -> bool:
    """Whether the household with this number stands in the list that is open; asks for further pages."""
    drawer = console.page.get_by_role("dialog")
    await expect(drawer.get_by_text(re.compile("已列出 \\d+ 行|没有这样的户")).first).to_be_visible()
    more = drawer.get_by_role("button", name=re.compile("^再列"))
    while await more.count():
        await more.click()
        await expect(more.or_(drawer.get_by_text("到底了")).first).to_be_visible()
    return await drawer.get_by_role("cell", name=code, exact=True).count() == 1


async def test_a_visit_without_signal_moves_the_committees_figure(
    browser: Browser, township: Township, committee: Console
) -> None:
    household, _ = await household_of(township, 1)
    head = household["head_name"]
    before = await open_micro_grid(committee, household)
    async with Phone.opened(browser, township) as phone:
        await phone.start(township.member(1)["openid"])
        await phone.show("全部")
        await phone.offline(True)
        await expect(phone.text("没有网络。登记会存在手机里，有信号后自动上传")).to_be_visible()
        await phone.register(head)
        await phone.show("已走访")
        await expect(phone.card(head).get_by_text("已登记，待上传")).to_be_visible()
        assert await visits_of(township, household) == 0
        assert await open_micro_grid(committee, household) == before

        await phone.offline(False)
        await expect(phone.card(head).get_by_text("已登记，待上传")).to_have_count(0)
        await expect(phone.text("刚才存在手机里的 1 条已上传。")).to_be_visible()
        await phone.tab("待上传")
        await expect(phone.text("都已上传")).to_be_visible()
        await expect(phone.text("最近 14 天已上传")).to_be_visible()
    assert await visits_of(township, household) == 1

    assert await open_micro_grid(committee, household) == (before[0] + 1, before[1])
    row = committee.row(household["micro_grid"]["name"])
    await row.get_by_role("button", name=re.compile("^分子 ")).click()
    await committee.say_purpose()
    assert await in_list(committee, household["code"])
    await committee.page.get_by_role("dialog").get_by_text("还没见到", exact=True).click()
    assert not await in_list(committee, household["code"])


async def test_an_answer_that_is_lost_leaves_one_visit(browser: Browser, township: Township) -> None:
    household, _ = await household_of(township, 2)
    lost: list[int] = []

    async def lose(route: Route) -> None:
        """The server has the visit; the phone never hears of it."""
        answer = await route.fetch()
        lost.append(answer.status)
        if len(lost) == 1:
            await route.abort("connectionreset")
        else:
            await route.fulfill(response=answer)

    async with Phone.opened(browser, township) as phone:
        await phone.start(township.member(2)["openid"])
        await phone.page.context.route("**/api/v1/visits", lose)
        await phone.show("全部")
        await phone.register(household["head_name"])
        await phone.tab("待上传")
        await expect(phone.text("都已上传")).to_be_visible()
    assert lost == [201, 200]
    assert await visits_of(township, household) == 1


async def test_two_phones_of_one_member_lose_nothing_and_count_once(
    browser: Browser, township: Township, committee: Console
) -> None:
    household, _ = await household_of(township, 3)
    head = household["head_name"]
    before = await open_micro_grid(committee, household)
    async with Phone.opened(browser, township) as one, Phone.opened(browser, township) as other:
        for phone in (one, other):
            await phone.start(township.member(3)["openid"])
            await phone.show("全部")
            await phone.offline(True)
            await phone.register(head)
        for phone in (one, other):
            await phone.offline(False)
            await phone.tab("待上传")
            await expect(phone.text("都已上传")).to_be_visible()
    assert await visits_of(township, household) == 2, "both were told to us, so both are kept"
    assert await open_micro_grid(committee, household) == (before[0] + 1, before[1]), "and the household counts once"


async def test_the_same_visit_from_a_copied_phone_is_one_visit(browser: Browser, township: Township) -> None:
    """Both phones hold it under the same id; the copy is quicker."""
    household, token = await household_of(township, 4)
    held: list[Any] = []

    async def hold(route: Route) -> None:
        held.append(route.request.post_data_json)
        await route.abort("internetdisconnected")

    async with Phone.opened(browser, township) as phone:
        await phone.start(township.member(4)["openid"])
        await phone.page.context.route("**/api/v1/visits", hold)
        await phone.show("全部")
        await phone.register(household["head_name"])
        await phone.tab("待上传")
        await expect(phone.text("1 条待上传")).to_be_visible()
        copy = await township.call("POST", "/visits", token, held[0])
        await phone.page.context.unroute("**/api/v1/visits")
        async with phone.page.expect_response("**/api/v1/visits") as answered:
            await phone.button("立即上传").first.tap()
        assert (await (await answered.value).json())["id"] == copy["id"]
        await expect(phone.text("都已上传")).to_be_visible()
    assert await visits_of(township, household) == 1


async def test_a_session_that_ended_meanwhile_loses_no_visit(browser: Browser, township: Township) -> None:
    household, _ = await household_of(township, 6)
    openid = township.member(6)["openid"]
    async with Phone.opened(browser, township) as phone:
        await phone.start(openid)
        await phone.show("全部")
        await phone.offline(True)
        await phone.register(household["head_name"])
        await township.value(
            """UPDATE session SET revoked_at = now() WHERE revoked_at IS NULL AND account_id =
                 (SELECT id FROM account WHERE person_id = $1)""",
            township.member(6)["person_id"],
        )
        await phone.offline(False)
        await expect(phone.text("登录已过期。登记照常，会存在手机里；登录后自动上传。")).to_be_visible()
        assert await visits_of(township, household) == 0
        await phone.tab("待上传")
        await expect(phone.text("1 条待上传")).to_be_visible()
        await phone.button("去登录").first.tap()
        await phone.sign_in(openid)
        await phone.see_list()
        await phone.tab("待上传")
        await expect(phone.text("都已上传")).to_be_visible()
    assert await visits_of(township, household) == 1


async def test_a_link_that_ended_meanwhile_keeps_the_visit_and_takes_the_household(
    browser: Browser, township: Township
) -> None:
    household, token = await household_of(township, 5)
    head = household["head_name"]
    secretary = await township.token("secretary1")
    async with Phone.opened(browser, township) as phone:
        await phone.start(township.member(5)["openid"])
        await phone.show("全部")
        await phone.offline(True)
        await phone.register(head)
        link = await township.value(
            "SELECT id FROM assignment WHERE household_id = $1 AND person_id = $2 AND valid_to IS NULL",
            household["id"], township.member(5)["person_id"],
        )  # fmt: skip
        today = (await township.call("GET", "/sync", token))["server_time"][:10]
        await township.call("POST", f"/assignments/{link}/end", secretary, {"on": today, "reason": "household_wish"})
        await phone.offline(False)
        await expect(phone.text("不再由你联系：按农户的意愿调整")).to_be_visible()
        await expect(phone.card(head)).to_have_count(0)
        await phone.tab("待上传")
        await expect(phone.text("都已上传")).to_be_visible()
        await expect(phone.text("已不由你联系的一户")).to_be_visible()
        assert head not in await phone.page.content()
    assert await visits_of(township, household) == 1
