"""Feedback from a phone where nobody is signed in, over the office's desk, and back to that phone."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from tests.e2e.browsing import Township, assert_open_to_all
from tests.e2e.pages import Console, Phone

SAID = "名单能不能按组排"
ANSWER = "下一版加上"


async def test_it_is_kept_without_a_network_sent_answered_and_read(browser: Browser, township: Township) -> None:
    async with Phone.opened(browser, township) as phone:
        words = phone.page.get_by_role("textbox", name="写一写")
        await phone.button("意见反馈（不用登录）").tap()
        await phone.page.get_by_role("radio", name="建议", exact=True).tap()
        await words.fill(SAID)
        await assert_open_to_all(phone.page, "feedback")
        await phone.offline(True)
        await phone.button("提交").tap()
        await expect(phone.text("写的已存在这部手机里")).to_be_visible()
        await phone.offline(False)
        await phone.page.reload()
        await expect(words).to_have_value(SAID)
        await phone.button("提交").tap()
        await expect(phone.text("已收到，编号")).to_be_visible()

        async with Console.opened(browser, township) as console:
            await console.enter("office")
            await console.page.get_by_role("link", name="意见反馈").click()
            row = console.page.get_by_role("row").filter(has_text=SAID)
            await expect(row).to_contain_text("没有留")
            await assert_open_to_all(console.page, "the office's feedback")
            await row.get_by_role("button", name="答复").click()
            dialog = console.page.get_by_role("dialog")
            await dialog.get_by_role("textbox", name="答复").fill(ANSWER)
            await assert_open_to_all(console.page, "answering feedback")
            await dialog.get_by_role("button", name="答复", exact=True).click()
            await expect(row).to_have_count(0)
            await console.page.get_by_role("radiogroup").get_by_text("已答复").click()
            await expect(row).to_contain_text(ANSWER)
            await expect(console.page).to_have_url(f"{township.url}/console/feedback?state=answered")

        await phone.page.reload()
        await expect(phone.text(f"答复：{ANSWER}")).to_be_visible()
        await assert_open_to_all(phone.page, "feedback with an answer")


async def test_who_does_not_answer_has_no_way_there(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township) as console:
        await console.enter("cadre")
        await expect(console.page.get_by_role("link", name="意见反馈")).to_have_count(0)
        await console.open("feedback")
        await expect(console.page.get_by_role("alert")).to_contain_text("请联系上级开通")
