"""Rules of links: what a link is, where it came from, and why it ended (docs/rules.md L1, L2)."""

from __future__ import annotations

from enum import StrEnum


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
    HOUSEHOLD_WISH = "household_wish"
    HOUSEHOLD_CLOSED = "household_closed"
    MISTAKE = "mistake"
    OTHER = "other"
