"""Feedback of the first township: a suggestion, a complaint that was answered, and a fault; nobody says who wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from backend.demo.accounts import Accounts
from backend.demo.places import Places
from backend.demo.seed import at, new_id
from backend.permissions import Role
from backend.rules.feedback import FeedbackKind

#: Days before the end, kind, what was said, how to reach the sender, and the answer with its days after.
SAID: tuple[tuple[int, FeedbackKind, str, str | None, tuple[int, str] | None], ...] = (
    (
        41,
        FeedbackKind.COMPLAINT,
        "同一户的情况，走访登记里写过，村里又要在纸表上再填一遍，重复了。",
        None,
        (3, "收到，已通知各村：走访情况以登记为准，不再另填纸表。谢谢你指出来。"),
    ),
    (9, FeedbackKind.SUGGESTION, "希望“我的联系户”能按离家远近排，走一趟顺路多看几户。", "可以打村部电话找我", None),
    (2, FeedbackKind.FAULT, "山里没有信号时，点开一户后要等几秒才显示。", None, None),
)


@dataclass(slots=True)
class Feedback:
    """Feedback as somebody sent it without signing in, with its answer."""

    id: UUID
    region_id: UUID
    kind: FeedbackKind
    text: str
    contact: str | None
    sent_at: datetime
    answer: str | None = None
    answered_at: datetime | None = None
    answered_by: UUID | None = None


def make_feedback(places: Places, accounts: Accounts, until: date) -> list[Feedback]:
    """The feedback of the first township in order of its coming; there is none in others, which have no office."""
    office = next((grant.account.id for grant in accounts.grants if grant.role is Role.ORGANIZATION_OFFICE), None)
    if office is None:
        return []
    rng, found = places.stream("feedback"), []
    for days, kind, text, contact, answer in SAID:
        day = until - timedelta(days=days)
        one = Feedback(new_id(rng), places.township.id, kind, text, contact, at(day, rng.randint(8, 19), 20))
        if answer is not None:
            one.answer, one.answered_at, one.answered_by = answer[1], at(day + timedelta(days=answer[0]), 10), office
        found.append(one)
    return found
