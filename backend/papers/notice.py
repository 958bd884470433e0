"""公示: the notice of a village that says which member is linked to which household, before it takes effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from backend.papers.typesetting import typeset
from backend.rules.texts import written

#: So long a notice hangs, the first day and the last included.
DAYS = 5
COLUMNS = ("序号", "户主", "联系党员", "党员所在支部")
NOBODY = "待安排"


@dataclass(frozen=True)
class Row:
    """A household: its head is printed as given, and should be masked where everybody reads it."""

    head: str
    member: str | None
    branch: str = ""


@dataclass(frozen=True)
class Group:
    """The households of a 村民小组."""

    name: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Notice:
    """What the notice of a village says."""

    village: str
    groups: Sequence[Group]
    first_on: date
    #: Where and how to object.
    phone: str
    place: str
    sponsor: str
    issued_on: date
    days: int = DAYS


def notice_pdf(notice: Notice) -> bytes:
    """The notice as a PDF; raises CannotPrintError when a character is in no font."""
    last_on = notice.first_on + timedelta(days=notice.days - 1)
    return typeset(
        "notice.typ",
        {
            "title": f"关于{notice.village}党员联系农户安排的公示",
            "greeting": "各位村民：",
            "opening": [
                f"为了方便大家有事找得到人、办得成事，经党组织研究，拟安排党员联系{notice.village}各户。"
                "现将安排予以公示，听取大家意见。"
            ],
            "parts": [
                ("一、公示时间。", f"{written(notice.first_on)}至{written(last_on)}，共 {notice.days} 天。"),
                (
                    "二、联系做什么。",
                    "党员上门或打电话，听大家说、帮大家办，不检查，不评比。只记日期、方式和谈了哪方面的事。",
                ),
                (
                    "三、有意见怎么提。",
                    f"对安排有不同意见，或者想换一位联系党员，公示期内可以打电话 {notice.phone}，"
                    f"也可以到{notice.place}当面说，不用讲理由。",
                ),
            ],
            "sponsor": notice.sponsor,
            "issued": written(notice.issued_on),
            "annex": "附件",
            "table_title": f"{notice.village}党员联系农户安排表",
            "columns": COLUMNS,
            "groups": [
                {
                    "name": f"{group.name}（{len(group.rows)} 户）",
                    "rows": [
                        (str(n), row.head, row.member or NOBODY, row.branch) for n, row in enumerate(group.rows, 1)
                    ],
                }
                for group in notice.groups
            ],
        },
    )
