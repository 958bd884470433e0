"""民情联系卡: what it says, where it stands on the sheet, and that nothing runs over an edge."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import combinations

import pytest

from backend.papers.cards import Card, Issue, Person, cards_pdf
from backend.papers.fonts import CannotPrintError
from backend.papers.typesetting import TooLongError
from tests.papers.reading import MM, font_files, glyphs, letters, reader, scanned, words

CODE = "GP1XF3A7QYFR6F0DTHBRA48W88"
URL = f"https://lianhu.example/k/{CODE}"
ISSUE = Issue("白水镇", "0731-8888 1234", "lianhu.example/yj", "白水镇党建工作办公室", date(2026, 11, 2))
CARD = Card("青石桥村", "第三村民小组", "王**", Person("李秀兰", "13800001111", "青石桥村第二党支部"), URL, CODE)
BACKUP = Person("张建国", "13900002222", "青石桥村第一党支部")
#: The edges of the two cards of a sheet, and the white that stays free for the knife.
MIDDLE, FREE = 148.5, 6


def numbered(count: int) -> list[Card]:
    return [replace(CARD, head=f"户{n}号", url=f"{URL}{n:03d}", code=f"{CODE}{n:03d}") for n in range(1, count + 1)]


def test_a_card_says_who_and_how_and_what_is_recorded() -> None:
    (page,) = words(cards_pdf([replace(CARD, backup=BACKUP)], ISSUE))
    for told in (
        "民情联系卡", "白水镇青石桥村第三村民小组", "王**", "李秀兰", "13800001111", "青石桥村第二党支部", "副联张建国13900002222",
        "GP1XF3A7QYFR6F0DTHBRA48W88", "这张卡做什么用", "不检查，不监督", "会记下什么",
        "不记位置，不拍照，不记身份证号，不记您对人对事的看法", "投诉、更正、删除", "打电话0731-88881234", "网页lianhu.example/yj", "想换联系人",
        "不用讲理由", "发卡单位：白水镇党建工作办公室", "发卡日期：2026年11月2日",
    ):  # fmt: skip
        assert told in page
    assert "副联" not in words(cards_pdf([CARD], ISSUE))[0]


def test_the_code_is_scanned_and_read_in_groups() -> None:
    pdf = cards_pdf(numbered(2), ISSUE)
    assert scanned(pdf) == [f"{URL}001", f"{URL}002"]
    text = reader(pdf).pages[0].extract_text()
    assert all(group in text for group in ("GP1X F3A7 QYFR", "6F0D THBR A48W", "8800 1", "8800 2"))


def test_a_code_that_is_not_in_its_address_is_refused() -> None:
    with pytest.raises(ValueError, match="does not hold the code"):
        cards_pdf([replace(CARD, code="ANOTHER")], ISSUE)
    with pytest.raises(ValueError, match="no card"):
        cards_pdf([], ISSUE)


@pytest.mark.parametrize(("count", "sheets"), [(1, 1), (2, 1), (3, 2), (8, 4)])
def test_cut_once_and_laid_on_each_other_the_cards_are_in_order(count: int, sheets: int) -> None:
    pdf = cards_pdf(numbered(count), ISSUE)
    pages = reader(pdf).pages
    assert len(pages) == sheets
    assert {(round(page.mediabox.width / MM), round(page.mediabox.height / MM)) for page in pages} == {(210, 297)}
    found = [scanned(pdf, number) for number in range(sheets)]
    order = [codes[0] for codes in found] + [codes[1] for codes in found if len(codes) > 1]
    assert order == [f"{URL}{n:03d}" for n in range(1, count + 1)]


WORDY = replace(
    ISSUE,
    phone="0731-88881234、13800001111",
    feedback_page="https://lianhu.baishui.example.gov.cn/feedback",
    unit="中共白水镇委员会党建工作办公室、白水镇便民服务中心",
)
LONG = "阿卜杜热合曼·买买提艾力·吐尔逊江·"


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        replace(CARD, backup=BACKUP),
        replace(CARD, head=LONG[:-1], linked=Person(LONG[:-1], "0731-88881234", "中共白水镇青石桥" + "联合" * 12 + "支部委员会"), backup=BACKUP),
        replace(CARD, village="青石桥新型农村社区联合村", group="第一百二十三村民小组（原老鹰岩大队第七生产队）", head=LONG * 3, backup=BACKUP),
        replace(CARD, group="三" * 18, head="国" * 18, linked=Person("国" * 18, "8" * 18, "国" * 18), backup=BACKUP),
        replace(CARD, head="国" * 18, linked=Person("W" * 18, "8" * 18, "国" * 18), backup=replace(BACKUP, name="国" * 6)),
        replace(CARD, head="Christopher-Alexander-Bartholomew-Montgomery-Fitzgerald-Wellington"),
    ],
    ids=["short", "backup", "long names", "long places", "a line or more", "a line each", "latin"],
)  # fmt: skip
@pytest.mark.parametrize("issue", [ISSUE, WORDY], ids=["issue", "wordy"])
def test_nothing_runs_over_an_edge_or_over_another_line(card: Card, issue: Issue) -> None:
    found = letters(cards_pdf([card, card], issue))
    # Beside the line to cut along stands what to do with it.
    inside = [one for one in found if not (one.left < 26 and MIDDLE - 6 < one.top < MIDDLE)]
    upper = [one for one in inside if one.top < MIDDLE]
    lower = [one for one in inside if one.top >= MIDDLE]
    assert len(upper) == len(lower)
    for half, top in ((upper, 0.0), (lower, MIDDLE)):
        assert min(one.left for one in half) >= 11 and max(one.right for one in half) <= 210 - 11
        assert min(one.top for one in half) >= top + FREE and max(one.bottom for one in half) <= top + MIDDLE - FREE
        for one, other in combinations(half, 2):
            wide = min(one.right, other.right) - max(one.left, other.left)
            high = min(one.bottom, other.bottom) - max(one.top, other.top)
            assert wide < 0.6 or high < 0.6, (one, other)


def test_what_does_not_fit_in_readable_type_is_refused_with_the_number_of_the_card() -> None:
    with pytest.raises(TooLongError) as caught:
        cards_pdf([CARD, CARD, replace(CARD, head=LONG * 20)], ISSUE)
    assert caught.value.label == "3"
    with pytest.raises(TooLongError) as caught:
        cards_pdf([CARD], replace(ISSUE, feedback_page="lianhu.example/" + "yj" * 800))
    assert caught.value.label == "0"


def test_the_type_is_large_enough_for_elderly_readers() -> None:
    """Han letters fill about 0.92 of their type: nothing that a household reads is below 12 points."""
    card = replace(
        CARD,
        village="青石桥新型农村社区联合村",
        group="第一百二十三村民小组（原老鹰岩大队第七生产队）",
        head=LONG * 3,
        backup=BACKUP,
    )
    for one in letters(cards_pdf([card], ISSUE)):
        # These fill their type nearly to its edges.
        if one.text in "国镇党" and one.left > 12:
            assert (one.bottom - one.top) * MM >= 12 * 0.85


def test_rare_letters_are_drawn_and_the_fonts_are_in_the_file() -> None:
    pdf = cards_pdf([replace(CARD, head="𠮷㛃䶮", linked=replace(CARD.linked, name="李堃喆·〇"))], ISSUE)
    assert 0 not in glyphs(pdf)
    assert "𠮷㛃䶮" in words(pdf)[0] and "李堃喆·〇" in words(pdf)[0]
    found = font_files(pdf)
    assert all(found.values())
    assert {name.split("+")[1] for name in found} == {"NotoSerifSC-Regular", "NotoSerifJP-Regular"}
    # A part of each font only: the two have 18 million bytes.
    assert len(pdf) < 200_000


def test_a_letter_that_no_font_has_is_named() -> None:
    with pytest.raises(CannotPrintError, match=r"𠀀（U\+20000）"):
        cards_pdf([replace(CARD, head="王𠀀")], ISSUE)


def test_what_is_given_is_words_and_never_markup() -> None:
    head = '#panic("x") *_$@<"\\'
    assert head.replace(" ", "") in words(cards_pdf([replace(CARD, head=head)], ISSUE))[0]


def test_the_same_cards_are_the_same_bytes() -> None:
    assert cards_pdf(numbered(3), ISSUE) == cards_pdf(numbered(3), ISSUE)
    assert b"CreationDate" not in cards_pdf([CARD], ISSUE) or b"1970" in cards_pdf([CARD], ISSUE)
