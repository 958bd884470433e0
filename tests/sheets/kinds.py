"""A small roster as an area would define it, for the tests of the engine."""

from __future__ import annotations

import os
import time

from backend.sheets import values
from backend.sheets.columns import Cell, Column, Sheet

_KINDS = {"普通户": "ordinary", "重点户": "key", "外出户": "away"}

ROSTER = Sheet(
    kind="roster",
    title="农户花名册",
    columns=(
        Column("village", "村", values.text(50), required=True, aliases=("村名", "所在村", "行政村"), example="示例村"),
        Column("group", "组", values.text(50), aliases=("村民小组", "小组"), example="3组"),
        Column("head_name", "户主姓名", values.person_name(), required=True, aliases=("户主", "姓名"), example="张三（示例）"),
        Column("phone", "户主电话", values.telephone, aliases=("联系电话", "电话", "手机号"), example="13900000000"),
        Column(
            "tier", "户类型", values.choice(_KINDS, {"一般户": "ordinary"}), choices=tuple(_KINDS), example="普通户",
            help="不填按普通户算。",
        ),
        Column("members", "人口", values.whole(0, 30), aliases=("家庭人口",), example="4"),
        Column("moved_on", "入户日期", values.day, help=values.DAY_HELP, example="2026-11-08"),
        Column("note", "备注", values.text(200, lines=True)),
    ),
    notes=("一户一行。",),
    key=("village", "head_name", "phone"),
)  # fmt: skip


def _environment(cell: Cell) -> str:
    return "set" if cell.text in os.environ else "unset"


def _trouble(cell: Cell) -> str:
    """What a broken reader might do to its process."""
    match cell.text:
        case "memory":
            return str(len(bytearray(2**31)))
        case "spin":
            while True:
                pass
        case "sleep":
            time.sleep(600)
        case "abort":
            os.abort()
        case "exit":
            os._exit(3)
        case "bug":
            raise TypeError(cell.text)
        case "babble":
            print("这不是 JSON", flush=True)
    return cell.text


SHEETS = {
    ROSTER.kind: ROSTER,
    "environment": Sheet("environment", "环境", (Column("variable", "变量", _environment),)),
    "trouble": Sheet("trouble", "麻烦", (Column("what", "做", _trouble),)),
}
