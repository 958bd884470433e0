"""Why a household is in or out of a figure, why there is a gap, and for what the township committee looks: codes and words."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from backend.rules.assignments import EndReason
from backend.rules.obligations import KINDS


class Purpose(StrEnum):
    """For what the township committee, which has no households of its own, looks at those behind a figure (F5)."""

    CHECK_FIGURE = "check_figure"
    CLOSE_GAPS = "close_gaps"
    ARRANGE_HELP = "arrange_help"
    INSPECTION = "inspection"


PURPOSES: dict[str, str] = {
    Purpose.CHECK_FIGURE: "核对数据",
    Purpose.CLOSE_GAPS: "补上联系空白",
    Purpose.ARRANGE_HELP: "安排帮扶",
    Purpose.INSPECTION: "配合上级核查",
}


class Reason(StrEnum):
    """Why a row behind a figure is in the numerator, only in the denominator, or in neither yet."""

    LINKED = "linked"
    GAP = "gap"
    COVERED = "covered"
    COVERED_PARTLY = "covered_partly"
    UNCOVERED = "uncovered"
    CONTACTED = "contacted"
    VISITED = "visited"
    NOT_IN_PERSON = "not_in_person"
    DECLINED = "declined"
    UNREACHED = "unreached"
    NONE = "none"
    NOT_YET = "not_yet"
    ON_TIME = "on_time"
    LATE = "late"
    UNMET = "unmet"
    NOT_ON_TIME = "not_on_time"
    IN_TIME = "in_time"


REASONS: dict[str, str] = {
    Reason.LINKED: "有主联",
    Reason.GAP: "空白点",
    Reason.COVERED: "本期一直有主联",
    Reason.COVERED_PARTLY: "本期有些天没有主联",
    Reason.UNCOVERED: "本期一直没有主联",
    Reason.CONTACTED: "有有效联系",
    Reason.VISITED: "入户见到",
    Reason.NOT_IN_PERSON: "有联系，但没有入户见到",
    Reason.DECLINED: "婉拒",
    Reason.UNREACHED: "未遇",
    Reason.NONE: "无有效走访",
    Reason.NOT_YET: "本期在册不足一半，未到期",
    Reason.ON_TIME: "按期",
    Reason.LATE: "逾期后联系",
    Reason.UNMET: "未联系",
    Reason.NOT_ON_TIME: "未按期",
    Reason.IN_TIME: "还在期限内",
}
AWAY = "外出，计入联系到户率"

#: Why there is nobody (C21): the end reason of the last primary link, or one of the first two.
GAP_REASONS: dict[str, str] = {
    "never_linked": "从未结对",
    "member_out_of_service": "联系党员已不在岗",
    EndReason.HANDED_OVER: "交接后无人接手",
    EndReason.MEMBER_LEFT: "党员调离",
    EndReason.MEMBER_EXEMPT: "党员免联",
    EndReason.HOUSEHOLD_WISH: "农户提出",
    EndReason.HOUSEHOLD_CLOSED: "销户时结束",
    EndReason.MISTAKE: "结对有误",
    EndReason.OTHER: "其他原因",
}
#: Why an obligation does not count (O5, O6).
CANCELLED: dict[str, str] = {
    "declined": "冷静期内到期，不计",
    "entered": "进入应联范围，重新计算",
    "left": "已不在应联范围，不计",
    "tier": "重点户类别有变，重新计算",
    "residence": "居住情况有变，重新计算",
    "primary": "换了主联，重新计算",
}
#: What is required, and how often (O2).
REQUIRED: dict[str, str] = {"ordinary": "普通户定期联系", "key": "重点户定期走访", "away": "外出户定期联系"}
#: Why a visit counts, or does not (V3, V4, C5).
VISITS: dict[str, str] = {
    "counted": "有效联系",
    "attempt": "没有见到，不算有效联系",
    "voided": "已作废，不计",
    "own_home": "走访人住在本户，不计",
}


def of_row(metric: str, row: Mapping[str, Any], pending: bool) -> tuple[Reason, str]:
    """The reason of a row behind a figure: its code, and a sentence with the numbers and days that are known."""
    reason = _reason(metric, row, pending)
    words = REASONS[reason] + _numbers(reason, row)
    if metric == "contact_coverage" and reason is not Reason.NOT_YET and not row["resident"]:
        words = f"{AWAY}；{words}"
    return reason, words


def _reason(metric: str, row: Mapping[str, Any], pending: bool) -> Reason:
    full, some = row["numerator"] >= row["denominator"], row["numerator"] > 0
    if metric in ("on_time_contact", "must_visit_coverage"):
        if pending:
            return Reason.IN_TIME
        if full:
            return Reason.ON_TIME
        if row["kind"] is None:  # a frozen row: whether somebody came later was not kept
            return Reason.NOT_ON_TIME
        return Reason.LATE if row["later_on"] else Reason.UNMET
    if pending:
        return Reason.NOT_YET
    if metric == "assignment_coverage":
        return Reason.LINKED if full else Reason.GAP
    if metric == "assignment_days":
        return Reason.COVERED if full else Reason.COVERED_PARTLY if some else Reason.UNCOVERED
    if full:
        return Reason.CONTACTED if metric == "contact_coverage" else Reason.VISITED
    if row["contacted"]:
        return Reason.NOT_IN_PERSON
    return Reason.DECLINED if row["declined"] else Reason.UNREACHED if row["unreached"] else Reason.NONE


def _numbers(reason: Reason, row: Mapping[str, Any]) -> str:
    """What the facts add to a reason; for a frozen row only what was kept: its numbers, and the days nothing has met."""
    if reason is Reason.GAP and row["gap_since"]:
        return f"：{GAP_REASONS[row['gap_reason']]}，从 {row['gap_since']} 起 {row['gap_days']} 天"
    if reason in (Reason.COVERED, Reason.COVERED_PARTLY, Reason.UNCOVERED):
        return f"（在册 {row['denominator']} 天，有主联 {row['numerator']} 天）"
    if reason in (Reason.CONTACTED, Reason.VISITED, Reason.NOT_IN_PERSON) and row["contacts"]:
        return f"（联系 {row['contacts']} 次，最近 {row['last_contact_on']}）"
    if row["due_on"] is None:
        return ""
    name = KINDS.get(row["kind"]) or REQUIRED.get(row["kind"])
    told = f"（{name}，{row['due_on']} 到期" if name else f"（{row['due_on']} 到期"
    day = row["met_on"] or row["later_on"]
    return f"{told}，{day} 联系上）" if day else f"{told}）"
