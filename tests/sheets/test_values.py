"""Would catch a cell that is read as something other than what its writer meant, or refused without a way out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rules import texts
from backend.sheets import values
from backend.sheets.cleaning import clean
from backend.sheets.columns import Cell, Unreadable
from backend.sheets.grid import Grid
from backend.sheets.places import chinese_number, group_key, place_key, village_key
from schemas.fields import Telephone


def cell(raw: Any, date1904: bool = False) -> Cell:
    return Grid("", [], date1904=date1904).cell(raw)


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("１３８ＡＢ", "138AB"), ("\u3000张\u00a0三 ", "张 三"), ("\ufeff河东\u200b村", "河东村"), ("'0138", "0138"),
        ("河东村，三组（新）：！？", "河东村，三组（新）：！？"), ("a\x07b", "ab"), ("⽂明⼀村", "文明一村"), ("a_x000D_\nb", "a\nb"),
        ("一  二", "一 二"), ("𠮷田", "𠮷田"), ("\ue000", "\ue000"), ("_x4E00_", "_x4E00_"), ("㎡①", "㎡①"), (" '=1+1", "=1+1"),
    ],
)  # fmt: skip
def test_what_is_invisible_goes_and_what_is_meant_stays(written: str, seen: str) -> None:
    assert clean(written) == seen


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("13812345678", "13812345678"), (13812345678.0, "13812345678"), ("13812345678.0", "13812345678"),
        ("1.3812345678E10", "13812345678"), ("1.3812345678e+10", "13812345678"), ("１３８ 1234 5678", "13812345678"),
        ("138-1234–5678", "13812345678"), ("+86 13812345678", "13812345678"), ("8613812345678", "13812345678"),
        ("（028）87654321", "02887654321"), ("028—87654321", "02887654321"), ("87654321", "87654321"), ("'13812345678", "13812345678"),
    ],
)  # fmt: skip
def test_a_telephone_number_is_found_whatever_excel_made_of_it(raw: Any, number: str) -> None:
    assert values.telephone(cell(raw)) == number


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("1381234567", "现在有 10 位"), ("1.38E+10", "科学计数"), ("1.38123E+10", "科学计数"), ("13812345678/13912345678", "一格只写一个"),
        ("没有", "11 位手机号"), ("12812345678", "11 位手机号"), (1.5, "11 位手机号"),
    ],
)  # fmt: skip
def test_what_is_no_telephone_number_is_said(raw: Any, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        values.telephone(cell(raw))


@given(st.text("0123456789 -()（）１２３", min_size=1, max_size=20))
def test_the_api_and_the_sheets_take_the_same_telephone_numbers(text: str) -> None:
    try:
        api: str | None = Telephone().read(text)
    except ValueError:
        api = None
    assert texts.telephone(text.strip()) == api
    if api is not None:
        assert values.telephone(cell(text)) == api


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        *((text, date(2026, 11, 8)) for text in (
            "2026-11-08", "2026/11/8", "2026.11.8", "2026年11月8日", "2026 年 11 月 8 号", "20261108", "2026-11-08 00:00:00",
            "２０２６－１１－８", "2026-11-08T00:00:00", 20261108.0, 46334.0, 46334.5, date(2026, 11, 8), datetime(2026, 11, 8, 9),
        )),
        *((text, date(2026, 11, 1)) for text in ("2026-11", "2026年11月", "2026.11", 2026.11)),
        (2026.5, date(2026, 5, 1)), ("1900-01-01", date(1900, 1, 1)), (1.0, date(1900, 1, 1)), (59.0, date(1900, 2, 28)),
        (61.0, date(1900, 3, 1)),
    ],
)  # fmt: skip
def test_a_day_is_read_however_it_is_written(raw: Any, day: date) -> None:
    assert values.day(cell(raw)) == day


def test_a_bare_number_counts_from_the_year_of_its_workbook() -> None:
    assert values.day(cell(46334.0 - 1462, date1904=True)) == date(2026, 11, 8)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("26.11.8", "四位"), ("8/11/2026", "四位"), ("11-08", "四位"), ("11月8日", "四位"), ("2026-02-30", "没有 2026 年 2 月 30 日"),
        ("2026-13-01", "没有"), ("1899-12-31", "1900 到 2200"), ("2201-01-01", "1900 到 2200"), ("去年", "看不懂"), ("2026", "只有年份"),
        (2026.0, "只有年份"), (2026.1, "1 月还是 10 月"), (60.0, "2 月 29 日"), (-3.0, "看不懂"), (9e9, "看不懂"), ("46334", "看不懂"),
    ],
)  # fmt: skip
def test_a_day_in_doubt_is_refused_with_the_reason(raw: Any, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        values.day(cell(raw))


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("张 三", "张三"), ("张\u3000三", "张三"), ("阿卜杜拉•买买提", "阿卜杜拉·买买提"), ("阿卜杜拉.买买提", "阿卜杜拉·买买提"),
        ("阿卜杜拉 ・ 买买提", "阿卜杜拉·买买提"), ("𠮷田𫟼", "𠮷田𫟼"), ("张伟（大）", "张伟（大）"), ("John  Smith", "John Smith"),
        ("张\n三", "张三"), ("㛃", "㛃"),
    ],
)  # fmt: skip
def test_a_name_is_one_name_however_it_is_typed(raw: str, name: str) -> None:
    assert values.person_name()(cell(raw)) == name


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("张三、李四", "分成几行"),
        ("张\ue123", "第 2 个字是造字"),
        ("13812345678", "号码"),
        ("·", "没有写出"),
        ("张\ufffd", "乱码"),
    ],
)
def test_what_is_no_name_is_said(raw: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        values.person_name()(cell(raw))


@pytest.mark.parametrize("raw", ["卡 6222 0210 0100 0000", 6222021001000000.0, "身份证 510107196001011234"])
def test_no_card_number_comes_through_a_free_text(raw: Any) -> None:
    with pytest.raises(Unreadable, match="银行卡号"):
        values.text(50)(cell(raw))


def test_a_text_keeps_its_length_and_its_lines_only_when_asked() -> None:
    assert values.text(5)(cell("一\n二")) == "一 二"
    assert values.text(5, lines=True)(cell("一\n二")) == "一\n二"
    assert values.text(5)(cell("𠮷" * 5)) == "𠮷" * 5
    with pytest.raises(Unreadable, match="最多 5 个字，现在有 6 个"):
        values.text(5)(cell("一二三四五六"))


def test_words_of_a_list_numbers_and_yes_or_no() -> None:
    tier = values.choice({"普通户": "ordinary", "重点（户）": "key"}, {"一般户": "ordinary"})
    assert [tier(cell(word)) for word in ("普通户", "普 通 户", "一般户", "重点(户)", "重点（户）")] == [
        "ordinary", "ordinary", "ordinary", "key", "key"
    ]  # fmt: skip
    with pytest.raises(Unreadable, match="只能填：普通户、重点（户）。"):
        tier(cell("贫困户"))
    assert [values.yes_no(cell(word)) for word in ("是", "√", "否", "×", 1.0, True)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    assert [values.whole(0, 30)(cell(raw)) for raw in (4.0, "4", "４人", "4.0")] == [4, 4, 4, 4]
    for raw in (4.5, "31", "-1", "四五个"):
        with pytest.raises(Unreadable, match="0 到 30"):
            values.whole(0, 30)(cell(raw))


def test_one_place_has_one_key_and_two_places_have_two() -> None:
    assert {
        village_key(name)
        for name in ("河东村", "河东村委会", "河东村民委员会", "河东", "河 东村", "河东行政村", "河东村委")
    } == {"河东"}
    assert {
        group_key(name) for name in ("3组", "三组", "第三组", "第3村民组", "第三村民小组", "３组", "3", "三", "第三")
    } == {"3"}
    assert {group_key(name) for name in ("张家湾组", "张家湾村民小组", "张家湾小组")} == {"张家湾"}
    assert {place_key(name) for name in ("第三村民小组", "3组", "3")} == {"3组"}
    assert place_key("河东村民委员会") == place_key("河东") == "河东"
    assert (
        village_key("河东社区居委会")
        == village_key("河东社区")
        == village_key("河东居民委员会")
        != village_key("河东村")
    )
    assert village_key("村") == "村"
    assert group_key("13组") != group_key("3组") != group_key("十组")


@pytest.mark.parametrize(
    ("text", "number"),
    [("十", 10), ("十一", 11), ("二十三", 23), ("廿三", 23), ("一百零二", 102), ("二三", 23), ("两", 2), ("十十", None), ("二三十", None), ("", None), ("1234", None)],
)  # fmt: skip
def test_chinese_numbers(text: str, number: int | None) -> None:
    assert chinese_number(text) == number
