"""Names of villages and groups: the ways in which people write one place give one key."""

from __future__ import annotations

import functools
import re
import unicodedata

from backend.sheets.cleaning import compact

_DIGITS = {"〇": 0, "零": 0, "○": 0} | {word: value for value, word in enumerate("一二三四五六七八九", 1)} | {"两": 2}
_UNITS = {"十": 10, "百": 100}
_NUMBER = "[0-9〇零○一二三四五六七八九十百两廿卅]+"
_GROUP_WORD = "(?:村民)?小?组"
_NUMBERED_GROUP = re.compile(f"第?({_NUMBER})(?:号)?{_GROUP_WORD}|第({_NUMBER})")
_BARE_NUMBER = re.compile(_NUMBER)
_GROUP_SUFFIX = re.compile(f"{_GROUP_WORD}$")
_VILLAGE_SUFFIX = re.compile("(?:行政)?村(?:民?委(?:员?会)?|民委员会)?$")
_COMMUNITY_SUFFIX = re.compile("(?:社区)?(?:居民?委(?:员?会)?|居民委员会)$|社区$")


def chinese_number(text: str) -> int | None:
    """The number that digits or Chinese numerals write, below a thousand: 3, 三, 十三, 二十三, 廿三, 一百零二, 二三. None
    when they write none."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= 3 else None
    if not any(sign in _UNITS for sign in text):
        digits = [_DIGITS.get(sign) for sign in text]
        if not digits or len(digits) > 3 or None in digits:
            return None
        return int("".join(str(digit) for digit in digits))
    total, digit, unit_before = 0, None, 1000
    for sign in text:
        if sign in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[sign]
        elif sign in _UNITS and _UNITS[sign] < unit_before:
            unit_before = _UNITS[sign]
            total += (1 if digit is None else digit) * unit_before
            digit = None
        else:
            return None
    return total + (digit or 0)


@functools.lru_cache(maxsize=16_384)
def village_key(text: str) -> str:
    """What 河东村, 河东村委会, 河东村村民委员会, 河东行政村 and 河东 have in common. 河东社区 is another place than 河东村."""
    name = unicodedata.normalize("NFKC", compact(text))
    community = _COMMUNITY_SUFFIX.sub("", name)
    if community and community != name:
        return community + "社区"
    # Twice, because 东村村委会 is the committee of 东村.
    for _ in range(2):
        name = _VILLAGE_SUFFIX.sub("", name) or name
    return name


@functools.lru_cache(maxsize=16_384)
def group_key(text: str) -> str:
    """What 3组, 三组, 第三组, 第3村民组, 第三村民小组 and a bare 3 have in common: "3". A group with a name keeps it: 张家湾组
    and 张家湾村民小组 are 张家湾."""
    name = unicodedata.normalize("NFKC", compact(text))
    found = _NUMBERED_GROUP.fullmatch(name)
    written = (found[1] or found[2]) if found else name if _BARE_NUMBER.fullmatch(name) else None
    number = chinese_number(written) if written else None
    if number is not None:
        return str(number)
    return _GROUP_SUFFIX.sub("", name) or name


@functools.lru_cache(maxsize=16_384)
def place_key(text: str) -> str:
    """The key of a village or of a group, told apart by how it is written; equal for one place however people write it."""
    name = compact(text)
    if _GROUP_SUFFIX.search(name) or re.fullmatch(f"第{_NUMBER}|[0-9]+", name):
        return group_key(name) + "组"
    return village_key(name)
