"""Rosters in the console: a sheet with faults and its mended self, a member who is exempt, and what the inbox says."""

from __future__ import annotations

import io
import re

import python_calamine
from playwright.async_api import Browser, expect

from tests.e2e.browsing import PHONE, Township, assert_open_to_all
from tests.e2e.pages import Console

HEADERS = ["户编号", "微网格", "组别", "户主", "手机号", "居住状态", "记事"]


async def test_a_sheet_is_mended_and_its_households_appear(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.enter("secretary1", "/console/households?show=all")
        known = page.get_by_role("region", name="联系户").get_by_role("row").nth(1).get_by_role("cell")
        group, grid = await known.nth(1).inner_text(), await known.nth(2).inner_text()
        await page.get_by_role("link", name="导入").click()
        await page.get_by_role("button", name="导入农户名册").click()
        await assert_open_to_all(page, "the steps of importing")
        async with page.expect_download() as template:
            await page.get_by_role("button", name="下载模板：农户名册").click()
        assert (await template.value).suggested_filename == "农户名册（模板）.xlsx"

        rows = [[f"E2E-{number}", grid, group, "试导入", "", "常住", ""] for number in range(1, 4)]
        wrong = [list(row) for row in rows]
        wrong[0][4], wrong[2][5] = "12345", "在外头"
        await console.send_sheet("农户", [HEADERS, *wrong])
        faults = page.get_by_role("region", name="要改的地方").get_by_role("row")
        await expect(faults).to_have_count(3)
        await expect(faults.nth(1)).to_contain_text(re.compile("第 2 行.*手机号.*12345.*11 位"))
        await expect(faults.nth(2)).to_contain_text(re.compile("第 4 行.*居住状态.*在外头"))
        await expect(page.get_by_text("没有认出这些列，里面的内容不会导入：记事")).to_be_visible()
        await assert_open_to_all(page, "the faults of a sheet")
        await console.choose("只看一列", "居住状态（1）")
        await expect(faults).to_have_count(2)
        async with page.expect_download() as report:
            await page.get_by_role("button", name="下载带“问题”列的表格").click()
        assert (await report.value).suggested_filename == "农户（问题）.xlsx"

        await console.send_sheet("农户", [HEADERS, *rows])
        await expect(page.get_by_text("可以导入：新增 3 户、改动 0 户、不变 0 户").first).to_be_visible()
        await assert_open_to_all(page, "a sheet that can be imported")
        # What was left is found again.
        await page.reload()
        await page.get_by_role("button", name="确认导入").click()
        await expect(page.get_by_text("已导入：新增 3 户").first).to_be_visible()

        await console.open("households?show=all")
        await page.get_by_role("searchbox", name="找一户").fill("E2E-")
        await expect(page.get_by_role("region", name="联系户").get_by_role("row")).to_have_count(4)


async def test_a_file_that_is_no_sheet_is_refused_in_words(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township, viewport=PHONE) as console:
        page = console.page
        await console.enter("secretary2", "/console/import?kind=people")
        field = page.get_by_label("选一个文件")
        await field.set_input_files({"name": "名册.xlsx", "mimeType": "application/zip", "buffer": b"PK no sheet"})
        await expect(page.get_by_role("alert")).to_contain_text("另存为 .xlsx")
        await field.set_input_files({"name": "空.xlsx", "mimeType": "application/zip", "buffer": b""})
        await expect(page.get_by_role("alert").first).to_contain_text("是空的")
        assert await page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth") <= 0
        await assert_open_to_all(page, "a file refused, on a phone")


async def test_accounts_are_given_in_a_file_alone(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.enter("office", "/console/import?kind=accounts")
        sheet = [["角色", "地点", "登录名"], ["包片干部", township.facts["village"]["name"], "cadre-of-a-sheet"]]
        await console.drop_sheet("账号", sheet)
        await page.get_by_role("button", name="确认导入").click()
        await expect(page.get_by_text("账号和邀请码只在下面的文件里")).to_be_visible()
        await assert_open_to_all(page, "accounts that were made")
        assert "cadre-of-a-sheet" not in await page.inner_text("main")
        name, content = await console.file_of("下载账号和邀请码")
        assert name.startswith("账号和邀请码")
        table = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        (row,) = [one for one in table if "cadre-of-a-sheet" in one]
        given = dict(zip(next(one for one in table if "登录名" in one), row, strict=True))
        password = next(value for header, value in given.items() if "密码" in str(header))
        assert len(str(password)) >= 12


async def test_a_member_is_exempt_and_the_inbox_says_so(browser: Browser, township: Township) -> None:
    async with Console.opened(browser, township) as console:
        page = console.page
        await console.enter("secretary2", "/console/people")
        people = page.get_by_role("region", name="人员")
        row = people.get_by_role("row").filter(has_text=re.compile(r"[1-9]\d* 户")).first
        name = await row.get_by_role("button").inner_text()
        await page.get_by_role("searchbox", name="找人").fill(name)
        await expect(page.get_by_text("共 1 人")).to_be_visible()
        await assert_open_to_all(page, "the roster")
        await people.get_by_role("button", name=name).click()
        panel = page.get_by_role("dialog", name=name, exact=True)
        await assert_open_to_all(page, "a person")
        await panel.get_by_role("button", name="免联", exact=True).click()
        asking = page.get_by_role("dialog", name=f"免联 · {name}")
        await asking.get_by_role("button", name="免联", exact=True).click()
        await expect(asking.get_by_text("请选一个原因")).to_be_visible()
        await assert_open_to_all(page, "an exemption, not filled in")
        await asking.get_by_text("长期外出", exact=True).click()
        await asking.get_by_role("button", name="今天", exact=True).first.click()
        await expect(asking.get_by_text(re.compile(f"{name}联系的 \\d+ 户(，其中|都)"))).to_be_visible()
        await asking.get_by_role("button", name="免联", exact=True).click()
        await expect(page.get_by_text("已记下免联")).to_be_visible()
        await expect(panel.get_by_text("长期外出")).to_be_visible()
        await panel.get_by_role("button", name="关闭", exact=True).click()

        await page.get_by_role("link", name="消息").click()
        told = page.get_by_role("article").filter(has_text=name).first
        await expect(told).to_contain_text("免联")
        await assert_open_to_all(page, "messages")
        await told.get_by_role("link", name="看这位同志").click()
        await expect(page.get_by_role("dialog", name=name, exact=True).get_by_text("长期外出")).to_be_visible()
