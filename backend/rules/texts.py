"""How sentences write a day, and what nobody may write into a free text (docs/rules.md V6, S10)."""

from __future__ import annotations

import re
from datetime import date

#: Fifteen digits or more, also in groups. The phone asks the same before it keeps a text (clients/core/form.ts).
_CARD_NUMBER = re.compile(r"\d[\d\s-]{13,}\d")


def written(day: date) -> str:
    """A day as people write it: 2026年11月22日."""
    return f"{day.year}年{day.month}月{day.day}日"


def holds_card_number(text: str) -> bool:
    """Whether a text holds what looks like the number of an identity card or a bank card."""
    return _CARD_NUMBER.search(text) is not None
