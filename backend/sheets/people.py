"""The sheet of people: party members, cadres and grid workers of the branches."""

from __future__ import annotations

from backend.rules.people import ABILITIES, EXEMPTIONS, KINDS, ExemptionReason, PersonKind
from backend.sheets.columns import Cell, Column, Sheet, Unreadable
from backend.sheets.values import choice, day, person_name, telephone, text

_ABILITY = choice(
    {words: code for code, words in ABILITIES.items()},
    {"带富": "livelihood", "致富": "livelihood", "照护": "care", "护理": "care", "出力": "labour", "帮办": "labour"},
)


def abilities(cell: Cell) -> list[str]:
    """Several abilities in one cell, with 、 or a comma between; 无 for none."""
    if cell.text.strip() == "无":
        return []
    parts = [part.strip() for part in cell.text.replace("，", "、").replace(",", "、").replace(" ", "、").split("、")]
    found = {str(_ABILITY(Cell(part))) for part in parts if part}
    if not found:
        raise Unreadable("没有写出特长，请填写或留空。", "cell.choice")
    return sorted(found)


_EXEMPTIONS = {words: code for code, words in EXEMPTIONS.items()} | {"否": None}

PEOPLE = Sheet(
    "people",
    "党员和网格员",
    (
        Column("branch", "支部", text(60), required=True, aliases=("党支部", "所在支部", "所属支部", "所在党支部"), example="河东村党支部",
               help="要与“网格和支部”里的名称一致。"),
        Column("name", "姓名", person_name(30), required=True, aliases=("党员姓名", "人员姓名"), example="张三"),
        Column("phone", "手机号", telephone, aliases=("联系电话", "电话", "手机", "手机号码"), example="13800000000",
               help="同名同姓时靠它分清；支部书记打电话用，群众看不到。"),
        Column("kind", "类别", choice({words: code for code, words in KINDS.items()},
                                    {"党员": PersonKind.FULL, "中共党员": PersonKind.FULL, "预备": PersonKind.PROBATIONARY, "群众代表": PersonKind.VILLAGER_REP, "正式": PersonKind.FULL,
                                     "村干部": PersonKind.CADRE, "第一书记": PersonKind.CADRE}),
               aliases=("人员类别", "身份", "党员类别"), choices=tuple(KINDS.values()), example="正式党员",
               help="不填按正式党员。"),
        Column("abilities", "特长", abilities, aliases=("能力", "有何特长", "特长爱好", "能帮什么"), example="会照护",
               help=f"能帮农户什么：{'、'.join(ABILITIES.values())}；可写几个，用顿号分开。"),
        Column("exemption", "免联原因", choice(_EXEMPTIONS, {"70岁以上": ExemptionReason.AGE, "年老": ExemptionReason.AGE,
                                                  "生病": ExemptionReason.ILLNESS, "外出": ExemptionReason.AWAY,
                                                  "其他": ExemptionReason.OTHER, "无": None}),
               aliases=("免联", "是否免联", "免联情况"), choices=tuple(_EXEMPTIONS), example="",
               help="不安排联系户的，选原因的类别；只记类别，不写病情。填“否”为恢复联系。"),
        Column("since", "起始日期", day, aliases=("到岗日期", "从何时起", "入支部日期"), example="2026-01-01",
               help="从哪天起在这个支部；不填为导入当天。"),
    ),
    notes=(
        "每人一行。不要写身份证号、党龄、职务等，系统不收。",
        "再次导入时：按支部和姓名认人（同名的再看手机号），只改动改过的格子；调走、去世请在“人员”里办理。",
    ),
)  # fmt: skip
