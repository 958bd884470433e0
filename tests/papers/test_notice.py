"""公示: what it says, and that a long table goes on with its header."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from backend.papers.fonts import CannotPrintError
from backend.papers.notice import Group, Notice, Row, notice_pdf
from tests.papers.reading import font_files, glyphs, letters, words

FIRST = Group("第一村民小组", [Row("王**", "李秀兰", "青石桥村第二党支部"), Row("𠮷*", None)])
NOTICE = Notice(
    "青石桥村", [FIRST], date(2026, 11, 28), "0731-88881234", "白水镇便民服务中心", "中共青石桥村总支部委员会", date(2026, 11, 27)
)  # fmt: skip


def test_the_notice_says_what_it_is_for_until_when_and_how_to_object() -> None:
    body, table = words(notice_pdf(NOTICE))
    for told in (
        "关于青石桥村党员联系农户安排的公示", "各位村民：", "公示时间。2026年11月28日至2026年12月2日，共5天。", "不检查，不评比",
        "可以打电话0731-88881234", "到白水镇便民服务中心当面说，不用讲理由", "中共青石桥村总支部委员会2026年11月27日—1—",
    ):  # fmt: skip
        assert told in body
    assert table == (
        "附件青石桥村党员联系农户安排表第一村民小组（2户）序号户主联系党员党员所在支部1王**李秀兰青石桥村第二党支部2𠮷*待安排—2—"
    )


def test_sponsor_and_day_stand_on_the_right_and_the_title_in_the_middle() -> None:
    found = letters(notice_pdf(NOTICE))
    title = [one for one in found if 25 < one.top < 45]
    assert abs(min(one.left for one in title) + max(one.right for one in title) - 212) < 3
    sponsor = found[-(len("2026年11月27日—1—") + len(NOTICE.sponsor)) : -len("2026年11月27日—1—")]
    assert "".join(one.text for one in sponsor) == NOTICE.sponsor
    assert 180 < max(one.right for one in sponsor) <= 185.5 and min(one.left for one in sponsor) > 100


def test_a_long_table_goes_on_with_its_header() -> None:
    groups = [Group(name, [Row("王**", "李秀兰", "青石桥村第二党支部")] * 90) for name in ("第一组", "第二组")]
    pages = words(notice_pdf(replace(NOTICE, groups=groups)))[1:]
    assert len(pages) > 5
    for number, page in enumerate(pages, 2):
        assert "序号户主联系党员党员所在支部" in page and page.endswith(f"—{number}—")
        assert "第一组（90户）" in page or "第二组（90户）" in page
    assert sum(page.count("王**李秀兰青石桥村第二党支部") for page in pages) == 180


def test_long_words_wrap_within_the_margins() -> None:
    row = Row(
        "Bartholomew-Montgomery-Fitzgerald",
        "阿卜杜热合曼·买买提艾力·吐尔逊江",
        "中共白水镇青石桥" + "联合" * 30 + "支部委员会",
    )
    long = replace(NOTICE, village="青石桥尼玛扎西新型农村社区联合村民委员会", groups=[Group("第一组", [row] * 40)])
    pdf = notice_pdf(long)
    for page in range(len(words(pdf))):
        found = letters(pdf, page)
        assert min(one.left for one in found) >= 26.5 and max(one.right for one in found) <= 186
        assert max(one.bottom for one in found) <= 297 - 10


def test_rare_letters_fonts_and_bytes() -> None:
    pdf = notice_pdf(NOTICE)
    assert 0 not in glyphs(pdf) and all(font_files(pdf).values())
    assert pdf == notice_pdf(NOTICE)
    with pytest.raises(CannotPrintError, match="U\\+20000"):
        notice_pdf(replace(NOTICE, groups=[Group("一组", [Row("𠀀*", None)])]))
