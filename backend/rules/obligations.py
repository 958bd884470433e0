"""Rules of what is due to a household: kinds of must-visits, their days, and how a deadline stands (docs/rules.md O)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from backend.rules.regions import RuleName

#: A must-visit may be raised for a need that began so many days ago at most; help that comes later is no must-visit.
OLDEST_DAYS = 30
#: From so many days before its deadline an obligation is shown as coming up.
SOON_DAYS = 14
#: So long after its due date a regular obligation is still met in time (O4).
GRACE = timedelta(days=7)
#: Who came home has to have stayed for so long before the return is raised (O8).
RETURN_AFTER_DAYS = 15
#: Returns of before are not raised any more: their deadline is long over when the job first looks.
RETURN_OLDEST_DAYS = 60


class MustVisitKind(StrEnum):
    """The need for which somebody visits (O7); a return is raised by the event alone."""

    ILLNESS = "illness"
    FUNERAL = "funeral"
    DISASTER = "disaster"
    HARDSHIP = "hardship"
    HELP_REQUEST = "help_request"
    RETURN = "return"

    @property
    def rule(self) -> RuleName:
        """The rule that says how many days there are until the deadline (O1)."""
        return RuleName(f"must_{self}")


KINDS: dict[str, str] = {
    MustVisitKind.ILLNESS: "生病住院",
    MustVisitKind.FUNERAL: "红白大事",
    MustVisitKind.DISASTER: "遇灾遇险",
    MustVisitKind.HARDSHIP: "急难困难",
    MustVisitKind.HELP_REQUEST: "群众求助",
    MustVisitKind.RETURN: "外出返乡",
}
RAISED_KINDS = tuple(kind for kind in KINDS if kind is not MustVisitKind.RETURN)
WITHDRAW_REASONS = {
    "mistake": "登记有误",
    "duplicate": "重复提出",
    "household_wish": "群众不需要",
    "other": "其他",
}


class Source(StrEnum):
    """Who raised a must-visit."""

    MEMBER = "member"
    STAFF = "staff"
    EVENT = "event"


class MustVisitState(StrEnum):
    """What has become of a must-visit; it follows from the facts and the day, and is never stored (O7)."""

    OPEN = "open"
    MET = "met"
    DECLINED = "declined"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"


STATES: dict[str, str] = {
    MustVisitState.OPEN: "待落实",
    MustVisitState.MET: "已落实",
    MustVisitState.DECLINED: "本户婉拒",
    MustVisitState.MISSED: "未落实",
    MustVisitState.WITHDRAWN: "已撤回",
}


class Due(StrEnum):
    """How a deadline stands on a day."""

    OK = "ok"
    DUE_SOON = "due_soon"
    DUE = "due"
    OVERDUE = "overdue"


@dataclass(frozen=True)
class Standing:
    """How a deadline stands on a day, and how many days it is over."""

    due: Due
    days_overdue: int


def since_fits(since: date, today: date) -> bool:
    """Whether a must-visit may be raised for a day: not one still to come, and not one too long ago."""
    return 0 <= (today - since).days <= OLDEST_DAYS


def state_of(due_on: date, today: date) -> Standing:
    """How what is due on a day stands today; overdue from the day after it (docs/rules.md C22)."""
    left = (due_on - today).days
    if left < 0:
        return Standing(Due.OVERDUE, -left)
    return Standing(Due.DUE if left == 0 else Due.DUE_SOON if left <= SOON_DAYS else Due.OK, 0)
