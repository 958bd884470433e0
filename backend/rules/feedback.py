"""Rules of feedback (意见反馈): its kinds and states, what it may not hold, and what makes two bodies the same (docs/rules.md S10)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import orjson


class FeedbackKind(StrEnum):
    SUGGESTION = "suggestion"
    COMPLAINT = "complaint"
    FAULT = "fault"


class FeedbackState(StrEnum):
    """What became of it; derived from whether there is an answer, never stored."""

    RECEIVED = "received"
    ANSWERED = "answered"


KINDS: dict[str, str] = {
    FeedbackKind.SUGGESTION: "建议",
    FeedbackKind.COMPLAINT: "投诉",
    FeedbackKind.FAULT: "程序故障",
}
STATES: dict[str, str] = {FeedbackState.RECEIVED: "已收到", FeedbackState.ANSWERED: "已答复"}

TEXT_MOST = 500
CONTACT_MOST = 50
#: How many months are counted, this one included.
MONTHS_COUNTED = 12


def canonical_body(body: Mapping[str, Any]) -> bytes:
    """The loaded and defaulted body in a form in which equal feedback is equal bytes."""
    return orjson.dumps(dict(body), option=orjson.OPT_SORT_KEYS)


def printed_number(number: int) -> str:
    """The reference number as it is read out on the telephone: 7 -> 000007."""
    return f"{number:06d}"
