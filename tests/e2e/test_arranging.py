"""Who is linked to whom: a proposal looked at, changed and applied; cards, the notice and sheets; households found by name."""

from __future__ import annotations

import asyncio
import io
import re
from datetime import datetime

import pypdf
import python_calamine
from playwright.async_api import Browser, expect

from backend.rules import names
from backend.services.runs import REPORT_SECONDS
from backend.settings import CHINA
from tests.conftest import eventually
from tests.e2e.browsing import PHONE, Township, assert_open_to_all
from tests.e2e.pages import Console, Office

PRIMARY = """SELECT a.person_id::text FROM assignment a JOIN household h ON h.id = a.household_id
  WHERE h.code = $1 AND a.role = 'primary' AND a.valid_to IS NULL"""


async def test_a_secretary_arranges_who_is_linked_to_whom(browser: Browser, township: Township) -> None:
    office = await Office.of(township, "secretary3")
    first, second, third = await office.open_households("安甲一", "安乙二", "安丙三")
    today = datetime.now(CHINA).date().isoformat()
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.enter("secretary3", "/console/households?show=gap")
        await page.get_by_role("button", name="给空白点找人").click()
        await expect(page.get_by_role("button", name="提出建议")).to_be_visible()
        await assert_open_to_all(page, "asking for a proposal")
        await page.get_by_role("textbox", name="从哪天起").fill("看不懂")
        await page.get_by_role("button", name="提出建议").click()
        await expect(page.get_by_text("请填写从哪天起")).to_be_visible()
        await page.get_by_role("button", name="今天", exact=True).click()
        await console.propose()
        await assert_open_to_all(page, "a proposal")
        rows = page.get_by_role("region", name="建议").get_by_role("row")
        await page.get_by_role("searchbox", name="找一户").fill(first["code"])
        await expect(rows).to_have_count(2)
        await page.get_by_role("searchbox", name="找一户").fill("")

        # Somebody else, by the keyboard alone; the table of everybody's households follows.
        person = (await office.able())[0]
        await console.proposed(first["code"]).get_by_role("button", name=re.compile("换一位$")).press("Enter")
        dialog = page.get_by_role("dialog", name=re.compile("^换一位"))
        await dialog.get_by_role("combobox", name="由谁联系").fill(person["name"])
        await assert_open_to_all(page, "somebody else for a household")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await dialog.get_by_role("button", name="就由这位联系").press("Enter")
        await expect(console.proposed(first["code"])).to_contain_text(re.compile(f"{person['name']}.*改过"))
        # Nobody for now.
        await console.proposed(second["code"]).get_by_role("button", name=re.compile("换一位$")).click()
        await dialog.get_by_role("button", name="先不安排").click()
        await expect(console.proposed(second["code"])).to_contain_text("先不安排")
        await page.get_by_text("每位同志会有多少户").first.click()
        loads = page.get_by_role("region", name="每位同志会有多少户").get_by_role("row")
        people = [(await one.get_by_role("rowheader").inner_text()).split("（")[0] for one in (await loads.all())[1:]]
        assert len(people) == len((await office.get("/people"))["items"])
        in_order = await page.evaluate("names => [...names].sort((a, b) => a.localeCompare(b, 'zh-CN'))", people)
        assert people == in_order
        await assert_open_to_all(page, "everybody's households")
        await page.get_by_role("radiogroup", name="看哪些户").get_by_text(re.compile("^改过的 2$")).click()
        await expect(rows).to_have_count(3)

        # What was left is found again. Meanwhile it was changed in another window …
        await page.reload()
        await expect(console.proposed(first["code"])).to_contain_text("改过")
        proposal = (await office.get("/assignments/proposals"))["items"][0]
        assert f"proposal={proposal['id']}" in page.url
        items = f"/assignments/proposals/{proposal['id']}/items"
        await office.post(f"{items}/{second['id']}", {"person_id": None})
        await console.apply()
        await expect(page.get_by_role("alert")).to_contain_text("刚才在别处改过")
        # … and somebody was linked to one of the households.
        (proposed,) = [one for one in (await office.get(items))["items"] if one["household_id"] == third["id"]]
        other = next(one for one in await office.able() if one["id"] not in (person["id"], proposed["person_id"]))
        link = {"household_id": third["id"], "person_id": other["id"], "role": "primary"}
        await office.post("/assignments", {**link, "source": "mutual_choice", "from": today})
        await page.get_by_role("button", name="定下来").click()
        await assert_open_to_all(page, "what will happen")
        await page.get_by_role("dialog").get_by_role("button", name="定下来").click()
        await expect(page.get_by_role("alert")).to_contain_text("选“先不安排”，就照那边的")
        await expect(rows).to_have_count(2)
        await expect(console.proposed(third["code"])).to_contain_text("主联")
        await assert_open_to_all(page, "a household that has changed meanwhile")
        assert await township.value(PRIMARY, first["code"]) is None, "all or nothing"
        await console.proposed(third["code"]).get_by_role("button", name=re.compile("换一位$")).click()
        await dialog.get_by_role("button", name="先不安排").click()
        await expect(dialog).to_be_hidden()
        await console.apply()
        await expect(page.get_by_text("已定下：")).to_be_visible()
        await assert_open_to_all(page, "a proposal that was applied")
        assert await township.value(PRIMARY, first["code"]) == person["id"]
        assert await township.value(PRIMARY, third["code"]) == link["person_id"]

        await page.get_by_role("link", name="看还有哪些空白点").click()
        await page.get_by_role("searchbox", name="找一户").fill("AR-")
        await expect(page.get_by_role("region", name="联系户").get_by_role("row")).to_have_count(2)
        await console.open("households?show=all")
        await page.get_by_role("searchbox", name="找一户").fill(first["code"])
        await expect(page.get_by_role("region", name="联系户").get_by_role("row").nth(1)).to_contain_text(
            person["name"]
        )


async def test_cards_and_the_notice_are_printed_and_hung_out(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.enter("secretary2")
        await page.get_by_role("link", name="打印").click()
        await expect(page.get_by_text("以前发下去的卡就作废了")).to_be_visible()
        await page.get_by_role("button", name="排版成 PDF").click()
        await expect(page.get_by_text("请填写投诉电话")).to_be_visible()
        await assert_open_to_all(page, "printing, not filled in")
        village = township.facts["village"]["name"]
        places = page.get_by_role("option")
        await page.locator(".el-select", has=page.get_by_role("combobox", name="哪里的", exact=True)).click()
        place = await places.first.inner_text()
        assert place.endswith("村"), f"the whole of the branch's village comes first, and {village} is another one"
        await places.first.click()
        await page.get_by_role("textbox", name="投诉电话").fill("12")
        await page.get_by_role("button", name="排版成 PDF").click()
        await expect(page.get_by_text("应为 11 位手机号")).to_be_visible()
        await page.get_by_role("textbox", name="投诉电话").fill("0571-88886666")
        await page.get_by_role("button", name="排版成 PDF").click()
        await expect(page.get_by_text(re.compile(r"排好了：\d+ 张联系卡"))).to_be_visible()
        await assert_open_to_all(page, "cards that are printed")
        name, content = await console.file_of("下载 PDF")
        assert name.startswith(f"{place}民情联系卡")
        assert content.startswith(b"%PDF")
        assert len(pypdf.PdfReader(io.BytesIO(content)).pages) > 1

        # What was on the last paper is on the next one.
        await console.open("papers")
        await page.get_by_role("radiogroup", name="打印什么").get_by_text("公示").click()
        await expect(page.get_by_role("textbox", name="投诉电话")).to_have_value("057188886666")
        await page.get_by_role("button", name="排版成 PDF").click()
        await expect(page.get_by_text("请填写到哪里可以当面说")).to_be_visible()
        await page.get_by_role("textbox", name="到哪里可以当面说").fill("镇党建办")
        await page.get_by_role("button", name="排版成 PDF").click()
        await expect(page.get_by_text(re.compile(r"排好了：公示共 \d+ 户"))).to_be_visible()
        name, content = await console.file_of("下载 PDF")
        assert name.startswith(f"{place}公示")
        assert "镇党建办" in "".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(content)).pages)
        await expect(page.get_by_role("region", name="最近的打印").get_by_role("row")).to_have_count(3)
        await page.reload()
        await expect(page.get_by_role("button", name="下载 PDF")).to_be_visible()

        await console.choose("公示贴出去了：哪里的公示", place)
        await page.get_by_role("button", name="记下来").click()
        asked = page.get_by_role("dialog", name="公示贴出去了")
        await expect(asked.get_by_text(f"{place}的联系名单从")).to_be_visible()
        await assert_open_to_all(page, "hung out, before it is written down")
        await asked.get_by_role("button", name="记下来").click()
        told = page.get_by_text(re.compile(rf"已记下：{place}的 [\d,]+ 条联系已公示"))
        await expect(told).to_be_visible()
        count = int(re.sub(r"\D", "", (await told.inner_text()).split("的")[-1]))
        assert count == await township.value("SELECT count(*) FROM assignment WHERE published_on IS NOT NULL")
        await page.get_by_role("button", name="确认", exact=True).click()
        await page.get_by_role("dialog", name="年度确认").get_by_role("button", name="确认").click()
        await expect(page.get_by_text(re.compile(r"已确认：.*的 [\d,]+ 条联系继续"))).to_be_visible()
        await assert_open_to_all(page, "hung out and confirmed")


async def test_printing_is_stopped_and_leaves_nothing(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.enter("office", "/console/papers")
        await page.locator(".el-select", has=page.get_by_role("combobox", name="哪里的", exact=True)).click()
        await page.get_by_role("option", name=township.facts["village"]["name"], exact=True).click()
        await page.get_by_role("textbox", name="投诉电话").fill("0571-88886666")
        assert township.connection is not None
        async with township.connection.transaction():
            await township.connection.execute("LOCK TABLE card IN EXCLUSIVE MODE")  # the worker waits before the end
            await page.get_by_role("button", name="排版成 PDF").click()
            await page.get_by_role("button", name="停止").click()
            await eventually(lambda: township.value("SELECT bool_or(stop_asked_at IS NOT NULL) FROM run"))
            await asyncio.sleep(2 * REPORT_SECONDS)
        await expect(page.get_by_text("已停止，系统里什么也没有改变")).to_be_visible()
        await assert_open_to_all(page, "a print that was stopped")
        await expect(page.get_by_role("button", name="下载 PDF")).to_have_count(0)


async def test_a_list_is_exported_as_the_screen_says(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.enter("secretary1", "/console/households?show=all")
        said = page.get_by_text(re.compile(r"表格里是你能看到的全部户，共 [\d,]+ 行"))
        rows = int(re.sub(r"\D", "", await said.inner_text()))
        name, content = await console.file_of("导出表格")
        assert name.startswith("农户名册")
        table = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        assert len(table) - 1 == rows > 0
        await expect(page.get_by_text(f"已导出 {rows} 行")).to_be_visible()
        await assert_open_to_all(page, "a list that was exported")
        await console.open("people")
        total = int(re.sub(r"\D", "", (await page.get_by_text(re.compile("^共 .* 人")).inner_text()).split("，")[0]))
        name, content = await console.file_of("导出表格")
        table = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        assert len(table) - 1 == total > 0


async def test_a_household_is_found_by_its_heads_name_or_pinyin(browser: Browser, township: Township) -> None:
    office = await Office.of(township, "secretary1")
    (household,) = await office.open_households("欧阳雪晴")
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.enter("secretary1", "/console/households?show=all")
        found = page.get_by_role("region", name="联系户").get_by_role("row")
        for typed in ("欧阳雪晴", "雪晴", min(names.initials("欧阳雪晴")), household["code"]):
            await page.get_by_role("searchbox", name="找一户").fill(typed)
            await expect(found).to_have_count(2)
            await expect(found.nth(1)).to_contain_text(household["code"])
        # Another name of the same surname and length, which the masked list could not tell from it.
        await page.get_by_role("searchbox", name="找一户").fill("欧阳雪明")
        await expect(page.get_by_text("没有找到")).to_be_visible()
        assert "欧阳" not in page.url


async def test_arranging_and_printing_fit_a_phone(browser: Browser, township: Township) -> None:
    office = await Office.of(township, "secretary1")
    await office.open_households("窄屏一")
    async with Console.opened(browser, township, viewport=PHONE) as console:
        page = console.page
        await console.enter("secretary1", "/console/proposals")
        await console.propose()
        await page.get_by_text("每位同志会有多少户").first.click()
        await console.assert_no_sideways()
        await assert_open_to_all(page, "a proposal on a phone")
        await page.get_by_role("button", name=re.compile("换一位$")).first.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await console.assert_no_sideways()
        await assert_open_to_all(page, "somebody else, on a phone")
        await page.keyboard.press("Escape")
        await console.open("proposals")
        await expect(page.get_by_role("region", name="最近的建议")).to_be_visible()
        await console.assert_no_sideways()
        await assert_open_to_all(page, "proposals on a phone")


async def test_whoever_may_not_is_told_who_does(committee: Console) -> None:
    for path, words in (("proposals", "你的角色不安排联系"), ("papers", "你的角色不打印联系卡和公示")):
        await committee.open(path)
        await expect(committee.page.get_by_text(words)).to_be_visible()
        await expect(committee.page.get_by_role("button", name=re.compile("提出建议|排版"))).to_have_count(0)
        await assert_open_to_all(committee.page, f"{path}, for somebody else")
