"""Rules of links: what a link is, where it came from, and why it ended (docs/rules.md L1, L2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from backend.rules.dated import Span
from backend.rules.people import LeaveReason


class AssignmentRole(StrEnum):
    PRIMARY = "primary"
    BACKUP = "backup"


class AssignmentSource(StrEnum):
    MUTUAL_CHOICE = "mutual_choice"
    APPOINTED = "appointed"


SOURCES: dict[str, str] = {AssignmentSource.MUTUAL_CHOICE: "双向选择", AssignmentSource.APPOINTED: "委派"}


class EndReason(StrEnum):
    """Why a link ended (docs/rules.md L2)."""

    HANDED_OVER = "handed_over"
    MEMBER_LEFT = "member_left"
    MEMBER_EXEMPT = "member_exempt"
    MEMBER_DIED = "member_died"
    SUSPENDED = "suspended"
    HOUSEHOLD_WISH = "household_wish"
    HOUSEHOLD_CLOSED = "household_closed"
    MISTAKE = "mistake"
    OTHER = "other"


#: Why a link is over, in words.
END_REASONS: dict[str, str] = {
    EndReason.HANDED_OVER: "交接",
    EndReason.MEMBER_LEFT: "党员调离",
    EndReason.MEMBER_EXEMPT: "党员免联",
    EndReason.MEMBER_DIED: "党员去世",
    EndReason.SUSPENDED: "暂停联系",
    EndReason.HOUSEHOLD_WISH: "农户提出",
    EndReason.HOUSEHOLD_CLOSED: "农户销户",
    EndReason.MISTAKE: "结对有误",
    EndReason.OTHER: "其他原因",
}


class Step(StrEnum):
    """How far a link has come (docs/rules.md L8). Proposals are not links yet; suspending closes the row."""

    AGREED = "agreed"
    APPOINTED = "appointed"
    PUBLISHED = "published"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


STEPS: dict[str, str] = {
    Step.AGREED: "双方已同意",
    Step.APPOINTED: "已委派",
    Step.PUBLISHED: "已公示",
    Step.ACTIVE: "联系中",
    Step.SUSPENDED: "已暂停",
    Step.ENDED: "已结束",
}


def step_of(
    source: str, valid_from: date, valid_to: date | None, end_reason: str | None, published_on: date | None, today: date
) -> Step:
    """How far a link has come on a day, from what is written down about it (docs/rules.md L8)."""
    if valid_to is not None and valid_to <= today:
        return Step.SUSPENDED if end_reason == EndReason.SUSPENDED else Step.ENDED
    if valid_from <= today:
        return Step.ACTIVE
    if published_on is not None and published_on <= today:
        return Step.PUBLISHED
    return Step.AGREED if source == AssignmentSource.MUTUAL_CHOICE else Step.APPOINTED


@dataclass(frozen=True)
class Service:
    """Days `[start, end)` in the service of a branch."""

    start: date
    end: date | None
    branch_id: UUID
    end_reason: str | None = None

    def holds(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


def ends_by_rule(
    start: date,
    end: date | None,
    since: date,
    services: Sequence[Service],
    leaves: Sequence[Span],
    answering: Sequence[Service],
) -> tuple[date, EndReason] | None:
    """The first day from `since` on of a link `[start, end)` on which its person may not hold it, and why (L9).

    A person holds a link while in service and not exempt (`leaves`: exemptions that end the links). Who changes branches keeps those households only for which
    the new branch answers (`answering`: which branch answers for the household's micro-grid on which days).
    """
    first_day = max(start, since)
    bounds = {first_day, *(leave.start for leave in leaves)}
    for service in services:
        bounds |= {service.start} | ({service.end} if service.end else set())
    first = _branch_on(services, start)
    for day in sorted(bound for bound in bounds if first_day <= bound and (end is None or bound < end)):
        if any(leave.holds(day) for leave in leaves):
            return day, EndReason.MEMBER_EXEMPT
        branch = _branch_on(services, day)
        if branch is None:
            over = max(
                (one for one in services if one.end and one.end <= day), key=lambda one: one.end or day, default=None
            )
            died = over is not None and over.end_reason == LeaveReason.DIED
            return day, EndReason.MEMBER_DIED if died else EndReason.MEMBER_LEFT
        if branch != first and branch != _branch_on(answering, day):
            return day, EndReason.MEMBER_LEFT
    return None


def _branch_on(services: Sequence[Service], day: date) -> UUID | None:
    return next((service.branch_id for service in services if service.holds(day)), None)
