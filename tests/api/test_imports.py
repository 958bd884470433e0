"""Rosters from sheets: what they write, what a second import of them does, and what is refused, row by row."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx

from models import database
from tests.api.importing import bring_in, counts, workbook
from tests.world import OPENED, TODAY, World, phone_of

HOUSEHOLD = ("户号", "村", "微网格", "组", "户主姓名", "联系电话", "住址", "居住情况", "重点户", "列入日期")


async def heads(client: httpx.AsyncClient, world: World, by: str, **query: str) -> dict[str, dict[str, Any]]:
    """The households of a scope by code."""
    answer = await client.get("/households", params={"limit": "200", **query}, headers=world.headers(by))
    return {row["code"]: row for row in answer.json()["items"]}


class TestHouseholds:
    ROWS: tuple[tuple[Any, ...], ...] = (
        (
            "E-101",
            "东村村委会",
            "东一",
            "第三村民小组",
            "新标记甲",
            13900000101,
            "东村 101 号",
            "常住",
            "否",
            "2026-11-01",
        ),
        ("E-102", "东村", "东二", "3组", "新标记乙", "139 0000 0102", "", "外出", "病残", "2026年11月2日"),
        (None, "东村", "东一", "四组", "新标记丙", None, None, None, None, None),
    )

    async def test_new_ones_are_there_for_everybody_concerned(self, client: httpx.AsyncClient, world: World) -> None:
        found = await bring_in(client, world, "s_east", "households", workbook(HOUSEHOLD, *self.ROWS))
        assert counts(found) == (3, 0, 0, 0) and found["run"]["counts"]["applied"] == 1
        rows = await heads(client, world, "s_east")
        one = rows["E-102"]
        assert (one["head_name"], one["group_name"], one["residence"], one["tier"]) == (
            "新***",
            "第三村民小组",
            "away",
            "key",
        )
        assert (one["opened_on"], one["has_phone"], one["micro_grid"]["name"]) == ("2026-11-02", True, "东二")
        shown = await client.post(
            f"/households/{one['id']}/reveal", json={"fields": ["head_name", "phone"], "purpose": "contact"},
            headers=world.headers("s_east"),
        )  # fmt: skip
        assert (shown.json()["head_name"], shown.json()["phone"]) == ("新标记乙", "13900000102")
        gaps = await client.get(
            "/coverage/gaps", params={"area": str(world.regions["v_east"])}, headers=world.headers("s_east")
        )
        assert {row["reason"] for row in gaps.json()["items"] if row["head_name"].startswith("新")} == {"never_linked"}

    async def test_a_second_import_changes_nothing(self, client: httpx.AsyncClient, world: World) -> None:
        content = workbook(HOUSEHOLD, *self.ROWS)
        await bring_in(client, world, "s_east", "households", content)
        tables = ("household", "residence", "tier", "audit_entry")
        before = [
            await database.fetch_value(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {t} t")
            for t in tables[:3]
        ]
        again = await bring_in(client, world, "s_east", "households", content)
        assert counts(again) == (0, 0, 3, 0)
        after = [
            await database.fetch_value(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {t} t")
            for t in tables[:3]
        ]
        assert before == after

    async def test_an_edited_file_updates_the_edited_rows_and_keeps_their_history(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        await bring_in(client, world, "s_east", "households", workbook(HOUSEHOLD, *self.ROWS))
        rows = [list(row) for row in self.ROWS]
        rows[0][4], rows[0][5] = "新标记甲子", "13900000199"  # another head, another number
        rows[1][7], rows[1][8] = "常住", "否"  # back home, no key household any more
        found = await bring_in(client, world, "s_east", "households", workbook(HOUSEHOLD, *rows))
        assert counts(found) == (0, 2, 1, 0)
        seen = await heads(client, world, "s_east")
        assert (seen["E-101"]["head_name"], seen["E-101"]["version"]) == ("新****", 2)
        assert (seen["E-102"]["residence"], seen["E-102"]["tier"]) == ("resident", "ordinary")
        stays = await database.fetch(
            "SELECT status, valid_from, valid_to FROM residence WHERE household_id = $1 AND NOT isempty(during) ORDER BY valid_from",
            seen["E-102"]["id"],
        )
        assert [(row["status"], row["valid_from"], row["valid_to"]) for row in stays] == [
            ("away", date(2026, 11, 2), TODAY),
            ("resident", TODAY, None),
        ]
        history = await client.get(
            "/audit", params={"household_id": seen["E-101"]["id"]}, headers=world.headers("s_east")
        )
        assert [(row["action"], row["changed"]) for row in history.json()["items"]] == [
            ("household.edit", ["head_name", "phone"])
        ]

    async def test_without_codes_a_household_is_known_by_place_head_and_telephone(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        headers = ("村", "微网格", "组", "户主", "电话")
        rows = [
            ["东村", "东一", "一组", "同名标记", "13900000201"],
            ["东村", "东一", "一组", "同名标记", "13900000202"],
        ]
        assert counts(await bring_in(client, world, "s_east", "households", workbook(headers, *rows))) == (2, 0, 0, 0)
        assert counts(await bring_in(client, world, "s_east", "households", workbook(headers, *rows))) == (0, 0, 2, 0)
        rows[1][3] = "改名标记"  # the number says that it is the same household
        assert counts(await bring_in(client, world, "s_east", "households", workbook(headers, *rows))) == (0, 1, 1, 0)

    async def test_what_is_there_from_elsewhere_is_recognised(self, client: httpx.AsyncClient, world: World) -> None:
        row = ("h1", "东村", "东一", "第一组", "赵标记一", phone_of("h1"), None, None, None, None)
        assert counts(await bring_in(client, world, "s_east", "households", workbook(HOUSEHOLD, row))) == (0, 0, 1, 0)

    async def test_every_fault_of_every_row_and_nothing_is_applied(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        rows = (
            ("E-201", "东村", "东一", "一组", "好标记户", None, None, None, None, None),
            ("E-202", "北村", "东一", "一组", "错标记村", "1390000", None, "在天上", None, "2026-13-40"),
            ("E-203", "东村", "东九", "一组", "错标记格", None, None, None, None, "2027-01-01"),
            ("E-204", "东村", "东一", None, None, None, None, None, None, None),
            ("E-201", "东村", "东一", "二组", "重复标记", None, None, None, None, None),
            ("h7", "东村", "东一", "二组", "别村标记", None, None, None, None, None),
        )
        before = await database.fetch_value("SELECT count(*) FROM household")
        found = await bring_in(client, world, "s_east", "households", workbook(HOUSEHOLD, *rows))
        told = {(fault["row"], fault["header"]) for fault in found["faults"]}
        assert {
            (3, "联系电话"),
            (3, "居住情况"),
            (3, "列入日期"),
            (4, "微网格"),
            (5, "组"),
            (5, "户主姓名"),
            (6, "户主姓名"),
            (7, "户号"),
        } <= told
        assert found["run"]["counts"]["applied"] == 0 and found["run"]["has_result"]
        assert await database.fetch_value("SELECT count(*) FROM household") == before
        assert all(fault["sentence"].endswith("。") for fault in found["faults"])
        report = await client.get(f"/runs/{found['run']['id']}/file", headers=world.headers("s_east"))
        assert report.content[:2] == b"PK" and "UTF-8''" in report.headers["content-disposition"]
        again = await bring_in(
            client, world, "s_east", "households", report.content
        )  # the report itself, not yet put right
        assert {fault["row"] for fault in again["faults"]} == {fault["row"] for fault in found["faults"]}

    async def test_checking_writes_nothing(self, client: httpx.AsyncClient, world: World) -> None:
        before = await database.fetch_value("SELECT count(*) FROM household")
        found = await bring_in(client, world, "s_east", "households", workbook(HOUSEHOLD, *self.ROWS), "check")
        assert counts(found) == (3, 0, 0, 0) and found["run"]["counts"]["applied"] == 0
        assert await database.fetch_value("SELECT count(*) FROM household") == before

    async def test_another_branchs_village_is_out_of_reach(self, client: httpx.AsyncClient, world: World) -> None:
        row = ("W-1", "西村", "西一", "一组", "越界标记", None, None, None, None, None)
        found = await bring_in(client, world, "s_east", "households", workbook(HOUSEHOLD, row))
        assert [(fault["row"], fault["header"]) for fault in found["faults"]] == [(2, "村")]
        assert "西村" not in found["faults"][0]["sentence"]

    async def test_a_group_is_written_in_one_way(self, client: httpx.AsyncClient, world: World) -> None:
        """As it is there already, or as the first row of the village has it."""
        rows = [
            (f"G{number}", "东村", "东一", group, f"新标记{number}", None, None, None, None, None)
            for number, group in enumerate(("1组", "第一村民小组", "2组", "第2组", "二组"), 1)
        ]
        assert counts(await bring_in(client, world, "s_east", "households", workbook(HOUSEHOLD, *rows))) == (5, 0, 0, 0)
        found = await heads(client, world, "s_east")
        assert [found[f"G{number}"]["group_name"] for number in range(1, 6)] == ["一组", "一组", "2组", "2组", "2组"]

    async def test_a_column_that_is_missing_is_said_once(self, client: httpx.AsyncClient, world: World) -> None:
        """The office has two villages: without the column nobody knows which one a row means."""
        headers = ("户号", "微网格", "组", "户主姓名", "居住情况")
        rows = [
            (f"G{number}", "东一", "一组", f"新标记{number}", "不清楚" if number == 3 else None)
            for number in range(1, 6)
        ]
        found = await bring_in(client, world, "office", "households", workbook(headers, *rows))
        told = [(fault["row"], fault["header"]) for fault in found["faults"]]
        assert told == [(2, ""), (4, "居住情况")]
        assert found["faults"][0]["sentence"] == "请填写村名。表里没有“村”这一列，请加上，别的行也一样。"


class TestLinks:
    HEADERS = ("户号", "党员姓名", "联系方式", "来源", "起始日期")

    async def bring(
        self, client: httpx.AsyncClient, world: World, *rows: tuple[Any, ...], by: str = "s_east"
    ) -> dict[str, Any]:
        return await bring_in(client, world, by, "links", workbook(self.HEADERS, *rows))

    async def of(self, world: World, household: str) -> list[tuple[Any, ...]]:
        names = {person: name for name, person in world.people.items()}
        rows = await database.fetch(
            """SELECT person_id, role, source, valid_from, valid_to, end_reason FROM assignment
               WHERE household_id = $1 AND NOT isempty(during) ORDER BY valid_from, seq""",
            world.households[household],
        )
        return [
            (
                names[row["person_id"]],
                *(row[name] for name in ("role", "source", "valid_from", "valid_to", "end_reason")),
            )
            for row in rows
        ]

    async def test_a_gap_is_filled(self, client: httpx.AsyncClient, world: World) -> None:
        row = ("h4", "褚人名二", None, "双向选择", "2026-11-10")
        assert counts(await self.bring(client, world, row)) == (1, 0, 0, 0)
        assert await self.of(world, "h4") == [("m2", "primary", "mutual_choice", date(2026, 11, 10), None, None)]
        assert counts(await self.bring(client, world, row)) == (0, 0, 1, 0)

    async def test_somebody_else_is_a_hand_over_and_history_stays(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """h1 goes from m1 to m2, who was its backup."""
        assert counts(await self.bring(client, world, ("h1", "褚人名二", "主联", None, "2026-11-01"))) == (0, 1, 0, 0)
        day = date(2026, 11, 1)
        assert await self.of(world, "h1") == [
            ("m1", "primary", "appointed", OPENED, day, "handed_over"),
            ("m2", "backup", "appointed", OPENED, day, "handed_over"),
            ("m2", "primary", "appointed", day, None, None),
        ]

    async def test_what_does_not_fit_is_said_row_by_row(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute(
            "INSERT INTO exemption (id, person_id, reason, valid_from) VALUES ($1, $2, 'age', $3)",
            uuid4(), world.people["s_east"], TODAY - timedelta(days=9),
        )  # fmt: skip
        found = await self.bring(
            client,
            world,
            ("h4", "沈人名五", None, None, None),  # exempt
            ("h5", "陈人名一", None, None, None),  # his own household
            ("h2", "褚人名二", None, None, "2025-01-01"),  # before the household was opened
            ("h3", "卫人名三", None, None, None),  # of another branch
            ("h9", "褚人名二", None, None, None),  # of another village
            ("h4", "褚人名二", None, None, None),
            ("h4", "陈人名一", None, None, None),  # a second primary
        )
        assert [(fault["row"], fault["header"], fault["code"]) for fault in found["faults"]] == [
            (2, "党员姓名", "person.exempt"), (3, "党员姓名", "person.home"), (4, "起始日期", "cell.date"),
            (5, "党员姓名", "person.none"), (6, "户号", "household.none"), (8, "党员姓名", "row.duplicate"),
        ]  # fmt: skip
        assert len(await self.of(world, "h4")) == 0

    async def test_nobody_gets_more_than_the_township_allows(self, client: httpx.AsyncClient, world: World) -> None:
        for name in ("load_soft_min", "load_soft_max", "load_hard_max"):
            body = {"region_id": str(world.regions["town"]), "name": name, "number": 3, "from": TODAY.isoformat()}
            assert (await client.post("/rules", json=body, headers=world.headers("office"))).status_code == 201
        found = await self.bring(
            client, world, ("h3", "陈人名一", None, None, None), ("h4", "陈人名一", None, None, None)
        )
        assert [(fault["row"], fault["code"]) for fault in found["faults"]] == [(3, "person.load")]


class TestPeople:
    HEADERS = ("支部", "姓名", "手机号", "类别", "特长", "免联原因", "起始日期")

    async def bring(
        self, client: httpx.AsyncClient, world: World, *rows: tuple[Any, ...], by: str = "s_east"
    ) -> dict[str, Any]:
        return await bring_in(client, world, by, "people", workbook(self.HEADERS, *rows))

    async def test_new_ones_changed_ones_and_those_who_stay(self, client: httpx.AsyncClient, world: World) -> None:
        rows = (
            ("east支部", "新人名甲", "13700000301", "预备党员", "会照护、带富", None, "2026-01-01"),
            ("east 支部", "新人名乙", None, "网格员", None, "年满 70 岁", None),
            ("east 支部", "陈人名一", "13700000302", None, None, "病残体弱", None),
            ("east 支部", "褚人名二", None, None, None, None, None),
        )
        assert counts(await self.bring(client, world, *rows)) == (2, 1, 1, 0)
        answer = await client.get("/people", headers=world.headers("s_east"))
        people = {row["name"]: row for row in answer.json()["items"]}
        assert (people["新人名甲"]["kind"], people["新人名甲"]["abilities"]) == ("probationary", ["care", "livelihood"])
        assert people["新人名乙"]["exemption"] == "age"
        # What the roster says of m1 is what the console would do: the links end, the backup takes over.
        assert (people["陈人名一"]["exemption"], people["陈人名一"]["load"], people["褚人名二"]["load"]) == (
            "illness",
            0,
            2,
        )
        assert counts(await self.bring(client, world, *rows)) == (0, 0, 4, 0)

    async def test_who_will_serve_elsewhere_serves_here_until_then(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        body = {"branch_id": str(world.branches["west"]), "on": (TODAY + timedelta(days=9)).isoformat()}
        path = f"/people/{world.people['m2']}/transfer"
        assert (await client.post(path, json=body, headers=world.headers("office"))).status_code == 200
        rows = (
            ("east 支部", "褚人名二", None, None, None, None, None),
            ("west 支部", "卫人名三", None, None, None, None, None),
        )
        assert counts(await self.bring(client, world, *rows, by="office")) == (0, 0, 2, 0)

    async def test_somebody_elses_number_and_branch(self, client: httpx.AsyncClient, world: World) -> None:
        await self.bring(client, world, ("east 支部", "陈人名一", "13700000401", None, None, None, None))
        found = await self.bring(
            client,
            world,
            ("east 支部", "褚人名二", "13700000401", None, None, None, None),
            ("west 支部", "新人名丁", None, None, None, None, None),
            ("east 支部", "新人名戊", "13700000402", None, None, None, None),
            ("east 支部", "新人名己", "13700000402", None, None, None, None),
        )
        assert [(fault["row"], fault["header"]) for fault in found["faults"]] == [
            (2, "手机号"),
            (3, "支部"),
            (5, "手机号"),
        ]
        assert all("west" not in fault["sentence"] for fault in found["faults"])
