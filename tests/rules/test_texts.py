"""Free texts: what they may not hold."""

from __future__ import annotations

import pytest

from backend.rules import texts


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("身份证 51010719600101123X", True), ("卡 6222 0210 0100 0000", True), ("6222-0210-0100-0000-123", True),
        ("电话 13900001111", False), ("电话 028-87654321，转 105", False), ("2026 年 11 月 8 日 9 时 30 分", False), ("", False),
    ],
)  # fmt: skip
def test_card_numbers_and_what_only_looks_long(text: str, held: bool) -> None:
    assert texts.holds_card_number(text) is held


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("13900001111", "13900001111"), ("１３９ 0000-1111", "13900001111"), ("（028）87654321", "02887654321"), ("87654321", "87654321"),
        ("139000011", None), ("12900001111", None), ("٣٣٣٣٣٣٣", None), ("+8613900001111", None), ("", None),
    ],
)  # fmt: skip
def test_a_telephone_number_is_one_that_can_be_dialled(text: str, number: str | None) -> None:
    assert texts.telephone(text) == number
