"""Feedback: what it may not hold, and how its number is read out."""

from __future__ import annotations

from uuid import UUID

import pytest

from backend.rules import feedback as rules

BODY = {"client_id": UUID(int=1), "kind": "fault", "text": "打不开", "contact": None, "signed": False}


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("身份证 51010719600101123X", True), ("卡 6222 0210 0100 0000", True), ("6222-0210-0100-0000-123", True),
        ("电话 13900001111", False), ("电话 028-87654321，转 105", False), ("2026 年 11 月 8 日 9 时 30 分", False), ("", False),
    ],
)  # fmt: skip
def test_card_numbers_and_what_only_looks_long(text: str, held: bool) -> None:
    assert rules.holds_card_number(text) is held


def test_two_bodies_are_the_same_only_if_everything_is() -> None:
    same = rules.canonical_body(dict(reversed(BODY.items())))
    assert rules.canonical_body(BODY) == same
    for change in ({"kind": "complaint"}, {"text": "打不开了"}, {"contact": "x"}, {"signed": True}):
        assert rules.canonical_body(BODY | change) != same


def test_the_number_is_short_and_never_cut() -> None:
    assert [rules.printed_number(number) for number in (7, 999999, 1234567)] == ["000007", "999999", "1234567"]
