"""The sheet of links: which person is linked to which household."""

from __future__ import annotations

from backend.rules.assignments import SOURCES, AssignmentRole, AssignmentSource
from backend.sheets.columns import Column, Sheet
from backend.sheets.households import KEY, KEY_NOTE
from backend.sheets.values import choice, day, person_name, telephone, text

_ROLES = {"主联": AssignmentRole.PRIMARY, "副联": AssignmentRole.BACKUP}

LINKS = Sheet(
    "links",
    "党员联户",
    (
        *KEY,
        Column("member", "党员姓名", person_name(30), required=True, aliases=("联户党员", "联系党员", "党员", "包户党员"),
               example="张三"),
        Column("branch", "支部", text(60), aliases=("党支部", "所在支部"), example="", help="同名党员靠它分清。"),
        Column("member_phone", "党员手机号", telephone, aliases=("党员电话", "党员联系电话"), example="",
               help="同名党员靠它分清。"),
        Column("role", "联系方式", choice(_ROLES, {"主": AssignmentRole.PRIMARY, "副": AssignmentRole.BACKUP, "备": AssignmentRole.BACKUP}),
               aliases=("主副联", "类型"), choices=tuple(_ROLES), example="主联", help="不填按主联；一户只有一名主联。"),
        Column("source", "来源", choice({words: code for code, words in SOURCES.items()},
                                      {"自愿": AssignmentSource.MUTUAL_CHOICE, "双选": AssignmentSource.MUTUAL_CHOICE,
                                       "组织安排": AssignmentSource.APPOINTED}),
               aliases=("结对方式",), choices=tuple(SOURCES.values()), example="双向选择", help="不填按委派。"),
        Column("since", "起始日期", day, aliases=("联系起始日期", "从何时起", "结对日期"), example="2026-01-01",
               help="从哪天起联系；不填为导入当天。"),
    ),
    notes=(
        "每条联系一行。" + KEY_NOTE,
        "换了主联党员的，填新党员和起始日期：原来的联系到那天为止，走访记录都保留。",
    ),
)  # fmt: skip
