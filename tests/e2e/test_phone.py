"""The phone by itself: the first minutes, every page as it looks to somebody who sees badly, and what stays behind."""

from __future__ import annotations

import re

from playwright.async_api import Browser, expect

from tests.e2e.browsing import Township, assert_open_to_all
from tests.e2e.pages import Phone

#: What a phone may keep when nobody is signed in: nothing of a person or a household.
IMPERSONAL = {"about", "clock", "codes", "privacy", "settings"}


#: What a finger aims at and is smaller than it may be, with its size.
TOO_SMALL = """least => [...document.querySelectorAll(
    ['button', 'radio', 'checkbox', 'tab'].map(role => `.lh-page [role=${role}]`).join())]
  .filter(one => one.offsetParent)
  .map(one => [one.innerText.replace(/\\s+/g, ' '), one.getBoundingClientRect()])
  .filter(([, {width, height}]) => Math.min(width, height) < least - 0.5)
  .map(([words, {width, height}]) => `${words}: ${width} × ${height}`)"""


async def test_the_first_minutes_of_a_member_with_an_invitation(browser: Browser, township: Township) -> None:
    member = township.member(7)
    async with Phone.opened(browser, township) as phone:
        await expect(phone.text("微信替身")).to_be_visible()
        await expect(phone.text("先看一下隐私说明")).to_be_visible()
        await assert_open_to_all(phone.page, "privacy summary")
        await phone.button("看全文").tap()
        await expect(phone.text("主办单位").or_(phone.text("隐私")).first).to_be_visible()
        await assert_open_to_all(phone.page, "privacy in full")
        await phone.page.go_back()
        await phone.agree()
        await assert_open_to_all(phone.page, "sign-in")

        await phone.field("微信替身登录码").fill("nonsense")
        await phone.button("登录（替身）").tap()
        await expect(phone.text("登录码已失效")).to_be_visible()
        await assert_open_to_all(phone.page, "sign-in refused")
        await phone.sign_in(member["openid"])

        await phone.bind("AAAA-AAAA-AAAA")
        await expect(phone.text("请向支部书记要一个新的")).to_be_visible()
        await assert_open_to_all(phone.page, "invitation refused")
        await phone.bind(member["invite_code"].lower())
        await phone.see_list()
        await phone.tab("我的")
        await expect(phone.text(member["branch_name"])).to_be_visible()


async def test_every_page_is_open_to_all_in_both_views(browser: Browser, township: Township) -> None:
    member = township.member(8)
    async with Phone.opened(browser, township) as phone:
        await phone.start_invited(member)
        for view, least in (("标准版", 44), ("长辈版", 60)):

            async def check(what: str, view: str = view, least: int = least) -> None:
                await assert_open_to_all(phone.page, f"{view}: {what}")
                assert await phone.page.evaluate(TOO_SMALL, least) == [], f"{view}: {what}"

            await phone.tab("我的")
            await phone.page.get_by_role("radio", name=view).tap()
            await check("me")
            await phone.page.get_by_role("button", name="关于联户").tap()
            await expect(phone.text("备案编号")).to_be_visible()
            await check("about")
            await phone.page.go_back()
            await phone.tab("待上传")
            await check("waiting")
            await phone.tab("我的联系户")
            for which in ("该走访", "已走访", "全部"):
                await phone.show(which)
                await check(f"list, {which}")
            await phone.page.get_by_role("radio", name="按逾期").tap()
            await check("list by day due")
            await phone.open_first()
            await expect(phone.text("走访记录")).to_be_visible()
            await expect(phone.text("正在取走访记录")).to_have_count(0)
            await check("household")
            await phone.button("提出必访").tap()
            await check("must-visit form")
            await phone.button("走访登记").tap()
            await phone.page.get_by_role("checkbox", name="写几句").tap()
            await phone.page.get_by_role("checkbox", name="有人同行").tap()
            await check("registration")
            await phone.page.go_back()
            await phone.page.go_back()
            await phone.offline(True)
            await expect(phone.text("没有网络")).to_be_visible()
            await check("list without network")
            await phone.open_first()
            await expect(phone.text("有网络时才能看")).to_be_visible()
            await check("household without network")
            await phone.page.go_back()
            await phone.offline(False)


async def test_a_must_visit_is_taken_back_or_met(browser: Browser, township: Township) -> None:
    async with Phone.opened(browser, township) as phone:
        await phone.start(township.member(6)["openid"])
        await phone.show("全部")
        head = await phone.first_head()
        await phone.open_first()
        await phone.button("提出必访").tap()
        await phone.page.get_by_role("radio", name="生病住院").tap()
        await phone.button("提出").tap()
        await expect(phone.text(re.compile("^期限 .*，还有 3 天$"))).to_be_visible()
        await phone.button("撤回").tap()
        await expect(phone.text("撤回生病住院必访")).to_be_visible()
        await phone.page.get_by_text("选原因", exact=True).tap()
        await phone.page.get_by_text("登记有误", exact=True).tap()
        await expect(phone.button("撤回")).to_have_count(0)

        await phone.button("提出必访").tap()
        await phone.page.get_by_role("radio", name="急难困难").tap()
        await phone.button("提出").tap()
        await expect(phone.button("撤回")).to_be_visible()
        await phone.page.go_back()
        await phone.card(head).get_by_role("button", name=re.compile("登记$")).tap()
        await phone.button("提交走访登记").tap()
        await expect(phone.text("请选怎么去的：入户、电话，还是集中。")).to_be_visible()
        await phone.page.get_by_role("radio", name="入户", exact=True).tap()
        await phone.page.get_by_role("radio", name="见到（联系上）").tap()
        await phone.button("提交走访登记").tap()
        await expect(phone.text("已登记，急难困难必访也落实了")).to_be_visible()
        await phone.see_list()
        await phone.open_first()
        await expect(phone.text("眼下没有必访")).to_be_visible()


async def test_signing_out_warns_of_what_waits_and_wipes_the_phone(browser: Browser, township: Township) -> None:
    member = township.member(9)
    async with Phone.opened(browser, township) as phone:
        await phone.start_invited(member)
        await phone.show("全部")
        head = await phone.first_head()
        await phone.offline(True)
        await phone.register(head, note="想学养蜂")
        assert any(key.startswith("visit:") for key in await phone.stored())
        raw = await phone.page.evaluate(
            "() => JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage}) + document.cookie"
        )
        assert head not in raw and "养蜂" not in raw

        await phone.tab("待上传")
        await expect(phone.text("1 条待上传")).to_be_visible()
        await assert_open_to_all(phone.page, "a visit that waits")
        await phone.tab("我的")
        await phone.button("退出登录").tap()
        await expect(phone.text("还有登记没有上传")).to_be_visible()
        await assert_open_to_all(phone.page, "signing out with a visit that waits")
        await phone.page.get_by_text("先去上传").tap()
        await expect(phone.text("1 条待上传")).to_be_visible()
        await phone.offline(False)
        await expect(phone.text("都已上传")).to_be_visible()
        await assert_open_to_all(phone.page, "a visit that was sent")

        await phone.tab("我的")
        await phone.button("退出登录").tap()
        await phone.page.get_by_text("退出", exact=True).tap()
        await expect(phone.button("登录（替身）")).to_be_visible()
        assert await phone.stored() <= IMPERSONAL
        assert head not in await phone.page.content()
