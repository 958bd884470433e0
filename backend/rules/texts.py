"""How sentences write a day, what a telephone number is, and what nobody may write into a free text (docs/rules.md V6,
S10)."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

#: Fifteen digits or more, also in groups. The phone asks the same before it keeps a text (clients/core/form.ts).
_CARD_NUMBER = re.compile(r"\d[\d\s-]{13,}\d")
_TELEPHONE = re.compile(r"1[3-9]\d{9}|0\d{9,11}|[2-9]\d{6,7}", re.ASCII)
_BETWEEN_DIGITS = re.compile(r"[\s()-]")


def written(day: date) -> str:
    """A day as people write it: 2026年11月22日."""
    return f"{day.year}年{day.month}月{day.day}日"


def telephone(text: str) -> str | None:
    """The digits of a telephone number as it is dialled, or None when it is none: 11 digits of a mobile, or a fixed
    line with or without area code. Full-width digits, spaces, brackets and lines between are taken."""
    digits = _BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", text))
    return digits if _TELEPHONE.fullmatch(digits) else None


def holds_card_number(text: str) -> bool:
    """Whether a text holds what looks like the number of an identity card or a bank card."""
    return _CARD_NUMBER.search(text) is not None
