"""The sheets of households: the roster, party members' homes, changes of residence, sensitive tags."""

from __future__ import annotations

from backend.rules.households import RESIDENCES, TAG_KINDS, TIER_REASONS, ResidenceStatus, TagKind
from backend.sheets.columns import Column, Sheet
from backend.sheets.values import choice, day, person_name, telephone, text

_RESIDENCE = choice(
    {words: code for code, words in RESIDENCES.items()},
    {"在家": ResidenceStatus.RESIDENT, "外出": ResidenceStatus.AWAY, "全家外出": ResidenceStatus.AWAY, "长期外出": ResidenceStatus.AWAY,
     "常年外出": ResidenceStatus.AWAY, "空挂户": ResidenceStatus.NOMINAL,
     "空挂": ResidenceStatus.NOMINAL, "人户分离": ResidenceStatus.NOMINAL},
)  # fmt: skip
_TIERS = {words: code for code, words in TIER_REASONS.items()} | {"否": None}

CODE = Column("code", "户号", text(40), aliases=("户编号", "户籍号", "农户编号"), example="",
              help="本村自己编的号即可，不要用户口簿号、身份证号；有它改名、换电话都认得出。")  # fmt: skip
VILLAGE = Column(
    "village", "村", text(40), aliases=("村名", "行政村", "所属村", "所在村", "村别", "村（社区）"), example="河东村"
)
GROUP = Column("group", "村民组", text(30), aliases=("组", "组别", "村民小组", "小组", "所在组"), example="三组")
HEAD = Column(
    "head_name", "户主姓名", person_name(30), aliases=("户主", "姓名", "农户姓名", "户主名称"), example="李四"
)
PHONE = Column("phone", "联系电话", telephone, aliases=("电话", "手机号", "户主电话", "手机", "联系方式"), example="13900000000",
               help="同村同组有同名的户主时，靠它分清。")  # fmt: skip
#: How another sheet says which household it means.
KEY = (CODE, VILLAGE, GROUP, HEAD, PHONE)
KEY_NOTE = "哪一户：填户号；没有户号的填村、村民组和户主姓名，同名的再填联系电话。"


def _required(column: Column) -> Column:
    return Column(
        column.name, column.header, column.read, True, column.aliases, column.help, column.choices, column.example
    )


HOUSEHOLDS = Sheet(
    "households",
    "农户名册",
    (
        CODE,
        VILLAGE,
        Column("micro_grid", "微网格", text(40), aliases=("所属微网格", "网格"), example="河东一",
               help="要与“网格和支部”里的名称一致；一个村只有一个微网格时可以不填。"),
        _required(GROUP),
        _required(HEAD),
        PHONE,
        Column("address", "住址", text(100), aliases=("地址", "家庭住址", "门牌号"), example="河东村 12 号"),
        Column("residence", "居住情况", _RESIDENCE, aliases=("居住状态", "是否在家", "在家情况", "居住类型", "居住"), choices=tuple(RESIDENCES.values()),
               example="常住", help="不填按常住。"),
        Column("tier", "重点户", choice(_TIERS, {"普通": None, "普通户": None, "无": None, "低保": "hardship", "特困": "hardship", "独居": "care", "空巢": "care"}), aliases=("重点户原因", "重点类别"),
               choices=tuple(_TIERS), example="否", help="需要多走访的户，选原因的类别，不写具体病情。"),
        Column("opened_on", "列入日期", day, aliases=("列入应联户日期",), example="",
               help="从哪天起算入应联户，不是落户的日子；一般不填，就从导入当天算起。"),
    ),
    notes=(
        "每户一行，写户主。家庭其他成员不用写。不要写身份证号、银行卡号。",
        "再次导入时：有户号的按户号认户；没有的按村、村民组和户主姓名认（同名看电话，改了户主的看电话）。只改动改过的格子；空格子不改动。",
    ),
)  # fmt: skip

HOMES = Sheet(
    "homes",
    "党员家庭",
    (
        Column("name", "党员姓名", person_name(30), required=True, aliases=("党员",), example="张三"),
        Column("member_phone", "党员手机号", telephone, aliases=("党员电话",), example="", help="同名党员靠它分清。"),
        *KEY,
        Column("since", "起始日期", day, aliases=("从何时起",), example="", help="从哪天起住在这一户；不填为导入当天。"),
    ),
    notes=("党员自己住在哪一户。自家有联户党员的户不算应联户，党员也不联系自己家。", KEY_NOTE),
)  # fmt: skip

RESIDENCES_SHEET = Sheet(
    "residences",
    "居住变化",
    (
        *KEY,
        Column("residence", "居住情况", _RESIDENCE, required=True, aliases=("变化后", "居住状态"),
               choices=tuple(RESIDENCES.values()), example="整户外出"),
        Column("since", "起始日期", day, required=True, aliases=("变化日期", "从何时起"), example="2026-02-20",
               help="从哪天起变的。"),
    ),
    notes=("外出、返乡、空挂的变化，每户每次一行。", KEY_NOTE),
)  # fmt: skip

TAGS = Sheet(
    "tags",
    "帮扶标签",
    (
        *KEY,
        Column("tag", "标签", choice({words: code for code, words in TAG_KINDS.items()},
                                   {"低保户": TagKind.SUBSISTENCE, "特困户": TagKind.EXTREME_POVERTY, "五保": TagKind.EXTREME_POVERTY,
                                    "残疾人": TagKind.DISABILITY, "空巢老人": TagKind.ELDER_ALONE}),
               required=True, aliases=("类别", "帮扶类别"), choices=tuple(TAG_KINDS.values()), example="独居老人"),
        Column("purpose", "用途", text(60), required=True, aliases=("用途说明",), example="定期探访",
               help="为什么要记；没有用途的不要记。"),
        Column("expires_on", "到期日", day, aliases=("有效期至", "有效期"), example="",
               help="最长一年，到期自动不再使用；不填为一年后。"),
    ),
    notes=("这是敏感信息，加密保存，只给需要的人看。不写病名、不写孩子的名字。", KEY_NOTE),
)  # fmt: skip
