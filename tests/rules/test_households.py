"""The form of a name that lists show (S3)."""

from __future__ import annotations

import pytest

from backend.rules.households import masked


@pytest.mark.parametrize(
    ("name", "shown"),
    [("张三丰", "张**"), ("张三", "张*"), ("张", "张*"), ("", "*"), ("阿卜杜拉", "阿***"), ("𠮷田", "𠮷*")],
)
def test_a_masked_name_shows_no_more_than_the_first_character(name: str, shown: str) -> None:
    assert masked(name) == shown
