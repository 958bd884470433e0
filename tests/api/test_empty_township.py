"""A township that starts with nothing but the sheets: at the end every household is linked, or a gap with its reason."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID, uuid4

import httpx
import pypdf
import pytest
import python_calamine

from backend.crypto import token_hash
from backend.permissions import Role
from backend.rules.regions import Level
from backend.services import accounts, regions, runs
from backend.worker.jobs import WORKS
from models import database
from tests.api.importing import called, workbook
from tests.world import FAR, NOW, TODAY

SHEETS: dict[str, bytes] = {
    "places": workbook(
        ("村名", "村代码", "微网格", "党支部"),
        ("河东村", "999902102200", "河东一", "河东村党支部"), ("河东村", None, "河东二", "河东村党支部"),
        ("河西村", "999902102201", "河西一", "河西村党支部"),
    ),
    "people": workbook(
        ("支部", "姓名", "手机号", "类别", "免联原因"),
        ("河东村党支部", "张甲", "13600000001", "正式党员", None), ("河东村支部", "张乙", "13600000002", "预备党员", None),
        ("河东村党支部", "张丙", "13600000003", "正式党员", "年满 70 岁"), ("河西村党支部", "李丁", "13600000004", "党员", None),
    ),
    "accounts": workbook(
        ("角色", "地点", "姓名", "登录名"),
        ("支部书记", "河东村党支部", "张甲", "hedong"), ("党员", "河东村党支部", "张乙", None), ("包片干部", "河西村", None, "pian1"),
    ),
    "households": workbook(
        ("户号", "村", "微网格", "组", "户主", "电话", "居住情况"),
        ("D1", "河东村委会", "河东一", "一组", "王一", "13500000001", "常住"), ("D2", "河东", "河东一", "第一组", "王二", None, "常住"),
        ("D3", "河东村", "河东二", "二组", "王三", None, "整户外出"), ("D4", "河东村", "河东二", "2组", "张甲", "13600000001", None),
        ("D5", "河东村", "河东二", "2组", "空挂户", None, "空挂"), ("X1", "河西村", None, "一组", "李一", None, None),
    ),
    "homes": workbook(("党员姓名", "户号"), ("张甲", "D4")),
    "links": workbook(("户号", "联户党员", "支部"), ("D1", "张甲", None), ("D3", "张乙", "河东村党支部")),
    "residences": workbook(("户号", "居住情况", "起始日期"), ("X1", "整户外出", TODAY.isoformat())),
    "tags": workbook(("户号", "标签", "用途"), ("D2", "独居老人", "定期探访")),
}  # fmt: skip
#: What is new in each, the first time.
NEW = {"places": 3, "people": 4, "accounts": 3, "households": 6, "homes": 1, "links": 2, "residences": 0, "tags": 1}


class Office:
    """The organization office of the empty township."""

    def __init__(self, client: httpx.AsyncClient, township: UUID, headers: dict[str, str]) -> None:
        self.client, self.township, self.headers = client, township, headers

    async def bring(self, kind: str, content: bytes) -> dict[str, Any]:
        file_id, run = str(uuid4()), str(uuid4())
        answer = await self.client.post(
            "/files", params={"client_id": file_id}, content=content, headers=self.headers | called()
        )
        assert answer.status_code == 201, answer.text
        body = {"client_id": run, "kind": kind, "file_id": file_id, "mode": "apply"}
        return await self.done("/imports", body, f"/imports/{run}")

    async def done(self, path: str, body: dict[str, Any], where: str) -> dict[str, Any]:
        answer = await self.client.post(path, json=body, headers=self.headers)
        assert answer.status_code == 201, answer.text
        await runs.perform(UUID(body["client_id"]), WORKS, NOW)
        return dict((await self.client.get(where, headers=self.headers)).json())

    async def get(self, path: str, **query: str) -> Any:
        answer = await self.client.get(path, params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def office(client: httpx.AsyncClient) -> Office:
    township = await regions.add_region(Level.TOWNSHIP, "999902102000", "空镇", "999902000000", TODAY)
    account, _, _ = await accounts.create_console_account("kong", Role.ORGANIZATION_OFFICE, township, False, TODAY)
    token = "token-of-the-office-" + uuid4().hex
    await database.execute(
        "INSERT INTO session (id, token_hash, kind, account_id, expires_at) VALUES ($1, $2, 'console', $3, $4)",
        uuid4(), token_hash(token), account, FAR,
    )  # fmt: skip
    return Office(client, township, {"Authorization": f"Bearer {token}"})


async def bring_all(office: Office) -> dict[str, dict[str, Any]]:
    found = {}
    for kind, content in SHEETS.items():
        found[kind] = run = await office.bring(kind, content)
        assert (run["run"]["state"], run["faults"], run["run"]["counts"].get("applied")) == ("done", [], 1), (kind, run)
    return found


async def test_each_sheet_builds_on_those_before_it(office: Office) -> None:
    found = await bring_all(office)
    assert {kind: run["run"]["counts"]["new"] for kind, run in found.items()} == NEW
    villages = await office.get("/regions", parent=str(office.township))
    assert [(row["code"], row["name"]) for row in villages["items"]] == [
        ("999902102200", "河东村"), ("999902102201", "河西村"),
    ]  # fmt: skip
    households = {row["code"]: row for row in (await office.get("/households"))["items"]}
    assert set(households) == {"D1", "D2", "D3", "D4", "D5", "X1"}
    assert (households["X1"]["residence"], households["D1"]["primary"]["name"]) == ("away", "张甲")
    assert households["X1"]["micro_grid"]["name"] == "河西一"


async def test_every_sheet_a_second_time_changes_nothing(office: Office) -> None:
    await bring_all(office)
    tables = (
        "region", "branch", "responsibility", "person", "membership", "exemption", "account", "role_grant", "household",
        "residence", "tier", "home", "assignment", "household_tag",
    )  # fmt: skip
    state = " UNION ALL ".join(
        f"SELECT '{one}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {one} t" for one in tables
    )
    before = [tuple(row.values()) for row in await database.fetch(state)]
    for kind, content in SHEETS.items():
        run = await office.bring(kind, content)
        counts = run["run"]["counts"]
        # Whoever has been invited and has not come yet has no account, and is invited again.
        assert (counts["new"], counts["changed"]) == ((1 if kind == "accounts" else 0), 0), (
            kind,
            counts,
            run["faults"],
        )
    assert [tuple(row.values()) for row in await database.fetch(state)] == before


async def test_every_household_is_linked_or_a_gap_and_the_papers_are_printed(office: Office) -> None:
    await bring_all(office)
    area = {"area": str(office.township)}
    gaps = await office.get("/coverage/gaps", **area)
    assert {row["code"]: row["reason"] for row in gaps["items"]} == {"D2": "never_linked", "X1": "never_linked"}
    proposal = {"client_id": str(uuid4()), "place": str(office.township), "from": TODAY.isoformat()}
    made = (await office.client.post("/assignments/proposals", json=proposal, headers=office.headers)).json()
    assert (made["filled"], made["unfilled"]) == (2, 0)
    items = (await office.get(f"/assignments/proposals/{made['id']}/items"))["items"]
    assert {row["code"]: row["person_name"] for row in items}["X1"] == "李丁"
    assert "张丙" not in {row["person_name"] for row in items}
    headers = office.headers | {"If-Match": '"1"'}
    applied = await office.client.post(f"/assignments/proposals/{made['id']}/apply", headers=headers)
    assert applied.status_code == 200, applied.text
    assert (await office.get("/coverage/gaps", **area))["count"] == 0
    paper = {"client_id": str(uuid4()), "paper": "cards", "region_id": str(office.township), "phone": "02012345678"}
    run = await office.done("/papers", paper, f"/runs/{paper['client_id']}")
    assert run["counts"] == {"cards": 4, "without": 0}  # D4 is a member's own home, D5 only registered here
    pdf = await office.client.get(f"/runs/{run['id']}/file", headers=office.headers)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.content)).pages)
    assert all(head in text for head in ("王一", "王二", "王三", "李一"))


async def test_secrets_are_given_once_and_work(office: Office) -> None:
    found = await bring_all(office)
    file = await office.client.get(f"/runs/{found['accounts']['run']['id']}/file", headers=office.headers)
    table = python_calamine.load_workbook(io.BytesIO(file.content)).get_sheet_by_index(0).to_python()
    rows = {row[0] or row[3]: row for row in table[1:]}
    assert rows["张甲"][3] == "hedong" and len(str(rows["张甲"][4])) >= 12 and rows["张乙"][6]
    assert (
        await database.fetch_value("SELECT count(*) FROM account WHERE login = 'hedong' AND person_id IS NOT NULL") == 1
    )
    grants = await database.fetch(
        "SELECT g.role FROM role_grant g JOIN account a ON a.id = g.account_id WHERE a.login = 'pian1'"
    )
    assert [row["role"] for row in grants] == ["area_cadre"]


async def test_another_branch_answers_from_today_on(office: Office) -> None:
    await bring_all(office)
    await database.execute("UPDATE responsibility SET valid_from = '2026-01-01' WHERE valid_from = $1", TODAY)
    moved = workbook(("村名", "微网格", "党支部"), ("河东村", "河东二", "河西村党支部"))
    run = await office.bring("places", moved)
    assert (run["run"]["counts"]["changed"], run["faults"]) == (1, [])


async def test_what_a_sheet_of_accounts_may_not_give(office: Office) -> None:
    await office.bring("places", SHEETS["places"])
    await office.bring("people", SHEETS["people"])
    sheet = workbook(
        ("角色", "地点", "姓名", "登录名"),
        ("镇党委", "空镇", None, "weiyuan"), ("支部书记", "东村党支部", None, "other"), ("包片干部", "河西村", None, "坏名字"),
        ("党员", "河东村党支部", None, None), ("包片干部", "东村", None, "pian2"),
    )  # fmt: skip
    run = await office.bring("accounts", sheet)
    assert [(fault["row"], fault["header"]) for fault in run["faults"]] == [
        (2, "角色"), (3, "地点"), (4, "登录名"), (5, "姓名"), (6, "地点"),
    ]  # fmt: skip
    assert await database.fetch_value("SELECT count(*) FROM account WHERE login = 'weiyuan'") == 0


@pytest.mark.parametrize(
    ("kind", "headers", "row", "header"),
    [
        ("places", ("村名", "村代码", "微网格", "党支部"), ("河东村", "12", "河东一", "河东村党支部"), "村代码"),
        ("homes", ("党员姓名", "户号"), ("没有人", "D1"), "党员姓名"),
        ("residences", ("户号", "居住情况", "起始日期"), ("D1", "整户外出", "2020-01-01"), "起始日期"),
        ("tags", ("户号", "标签", "用途", "到期日"), ("D1", "低保", "探访", "2030-01-01"), "到期日"),
        ("tags", ("户号", "标签", "用途"), ("D9", "低保", "探访"), "户号"),
    ],
)
async def test_faults_of_the_other_kinds(
    office: Office, kind: str, headers: tuple[str, ...], row: tuple[str, ...], header: str
) -> None:
    await bring_all(office)
    run = await office.bring(kind, workbook(headers, row))
    assert [(fault["row"], fault["header"]) for fault in run["faults"]] == [(2, header)]
