"""Rules of visits: which dates are plausible, when a reason is needed, and what makes two bodies the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from backend.settings import CHINA

#: A phone's clock may run ahead by this much (docs/rules.md V2).
CLOCK_AHEAD = timedelta(minutes=10)
FREE_BACKFILL_DAYS = 7
OLDEST_DAYS = 365
#: An ended link, and an ended person, may still send for this long (docs/rules.md L3).
SEND_ONLY_DAYS = 30

MODES = {"in_person": "入户", "remote": "电话或网络", "gathering": "集中（院坝会等）"}
OUTCOMES = {"met": "见到（联系上）", "not_home": "未遇", "declined": "婉拒"}
TOPICS = {
    "nothing_new": "一切如常",
    "policy": "政策宣传",
    "needs": "民情收集",
    "mediation": "矛盾调解",
    "errand": "帮办代办",
    "environment": "环境整治",
    "safety": "安全隐患",
    "relapse_check": "防返贫排查",
    "care": "关爱慰问",
    "emergency": "应急",
    "livelihood": "产业就业",
    "planning": "村庄规划意见征询",
}
BACKFILL_REASONS = {
    "no_signal": "当时没有信号",
    "paper_record": "先记在纸上",
    "busy": "农忙或工作忙",
    "forgot": "当时忘记登记",
    "other": "其他",
}
VOID_REASONS = {
    "wrong_household": "选错了户",
    "wrong_day": "日期错了",
    "wrong_content": "内容有误",
    "duplicate": "重复登记",
    "other": "其他",
}


class Credit(StrEnum):
    """What a visit is to its visitor; derived from the links, never stored (docs/rules.md L3)."""

    OWN = "own"
    SUBSTITUTE = "substitute"
    STAFF = "staff"


class Fault(StrEnum):
    """Why the dates of a visit are not plausible."""

    IN_FUTURE = "in_future"
    TOO_OLD = "too_old"
    NOTED_BEFORE = "noted_before"
    REASON_MISSING = "reason_missing"


def date_fault(
    occurred_on: date, noted_at: datetime, backfill_reason: str | None, now: datetime, opened_on: date | None = None
) -> Fault | None:
    """The first thing wrong with the dates of a visit, or None (docs/rules.md V2).

    A reason is needed only when it was noted more than seven days after the visit; late delivery is never refused.
    """
    noted_on = noted_at.astimezone(CHINA).date()
    if noted_at > now + CLOCK_AHEAD or occurred_on > (now + CLOCK_AHEAD).astimezone(CHINA).date():
        return Fault.IN_FUTURE
    if noted_on < occurred_on:
        return Fault.NOTED_BEFORE
    if (now.astimezone(CHINA).date() - occurred_on).days > OLDEST_DAYS or (opened_on and occurred_on < opened_on):
        return Fault.TOO_OLD
    if (noted_on - occurred_on).days > FREE_BACKFILL_DAYS and not backfill_reason:
        return Fault.REASON_MISSING
    return None


def is_late(occurred_on: date, recorded_at: datetime) -> bool:
    """Whether the server learnt of a visit more than seven days after it."""
    return (recorded_at.astimezone(CHINA).date() - occurred_on).days > FREE_BACKFILL_DAYS


def canonical_body(visit: Mapping[str, Any]) -> bytes:
    """The loaded and defaulted body in a form in which equal visits are equal bytes (docs/rules.md V1).

    Instants are compared as instants, lists that mean sets in sorted order.
    """
    body = dict(visit)
    body["noted_at"] = visit["noted_at"].timestamp()
    body["topics"] = sorted(visit["topics"])
    body["companion_ids"] = sorted(str(one) for one in visit["companion_ids"])
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
