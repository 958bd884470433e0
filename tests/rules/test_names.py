"""Who is meant by what somebody types: a part of the name, or the first letters of its pinyin."""

from __future__ import annotations

import pytest

from backend.rules.names import matches


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("张三", "张三丰"), ("三", "张三丰"), ("zs", "张三丰"), ("ZSF", "张三丰"), (" zs ", "张三丰"), ("", "张三丰"),
        ("sx", "单雄信"), ("dx", "单雄信"), ("zgf", "曾国藩"), ("cgf", "曾国藩"), ("xx", "解晓东"), ("q", "仇英"), ("c", "仇英"),
        ("abd", "阿卜杜拉·买买提"), ("买买提", "阿卜杜拉·买买提"), ("𠮷", "𠮷野"), ("o", "欧阳修"), ("oyx", "欧阳修"),
        ("huang", "黄长顺"), ("huangchangshun", "黄长顺"), ("HuangZhangs", "黄长顺"), ("lv", "吕布"), ("shan", "单雄信"),
    ],
)  # fmt: skip
def test_is_found(typed: str, name: str) -> None:
    assert matches(typed, name)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("sf", "张三丰"),
        ("zx", "张三丰"),
        ("丰三", "张三丰"),
        ("z3", "张三丰"),
        ("%", "张三丰"),
        ("zsff", "张三丰"),
        ("huangchangshunn", "黄长顺"),
        ("changshun", "黄长顺"),
    ],
)
def test_is_not(typed: str, name: str) -> None:
    assert not matches(typed, name)
