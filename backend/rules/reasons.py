"""Why a household is in or out of a figure, why there is a gap, and for what the township committee looks: codes and words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from backend.rules.assignments import EndReason
from backend.rules.audit import Action
from backend.rules.obligations import GRACE, KINDS
from backend.rules.texts import written


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
    UNFULFILLED = "unfulfilled"
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
    Reason.NONE: "本期没有见到的登记",
    Reason.NOT_YET: "本期在册不足一半，未到期",
    Reason.ON_TIME: "按期",
    Reason.LATE: "逾期后联系",
    Reason.UNMET: "未联系",
    Reason.UNFULFILLED: "未落实",
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
    EndReason.MEMBER_DIED: "党员去世",
    EndReason.SUSPENDED: "联系暂停中",
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
#: What can change a figure after it was frozen (F2).
CHANGES: dict[str, str] = {
    Action.ASSIGNMENT_CREATE: "建立结对",
    Action.ASSIGNMENT_END: "结束结对",
    Action.HOUSEHOLD_CREATE: "建户",
    Action.HOUSEHOLD_RESIDENCE: "改居住情况",
    Action.HOUSEHOLD_TIER: "改重点户类别",
    Action.MUST_VISIT_RAISE: "提出必访",
    Action.MUST_VISIT_WITHDRAW: "撤回必访",
    Action.VISIT_RECORD: "登记走访",
    Action.VISIT_VOID: "作废走访",
}
#: Why a visit counts, or does not (V3, V4, C5).
VISITS: dict[str, str] = {
    "counted": "有效联系",
    "attempt": "没有见到，不算有效联系",
    "declined": "婉拒，不算有效联系",
    "voided": "已作废，不计",
    "own_home": "走访人住在本户，不计",
}

#: What the visitor was to the household (L3).
VISITORS: dict[str, str] = {"own": "联系党员", "substitute": "其他党员（代访）", "staff": "干部或支部"}
#: What the days of a household are (C1, C2, C18).
DAYS: dict[str, str] = {
    "resident": "常住",
    "away": "整户外出",
    "nominal": "空挂",
    "party": "党员户",
    "key": "重点户",
    "linked": "有主联",
    "exposed": "应联",
    "covered": "应联且有主联",
    "gap": "应联而无主联",
}
#: What freezes together (F1).
PARTS: dict[str, str] = {"stock": "期末一天", "contact": "联系与走访", "on_time": "按期联系"}
#: What a household adds to each kept sum.
COLUMNS: dict[str, str] = {
    "households": "应联户",
    "party": "党员户",
    "not_yet": "在册不足一半，未到期",
    "exposed": "应联天数",
    "covered": "应联且有主联的天数",
    "contacted": "有有效联系",
    "resident": "常住应联户",
    "visited": "入户见到",
    "declined": "婉拒",
    "unreached": "未遇",
    "key": "常住重点户",
    "key_visited": "重点户入户见到",
    "due": "到期的定期联系（含还在期限内的）",
    "on_time": "按期完成的定期联系",
    "waived": "冷静期不计的定期联系",
    "must_due": "到期限的必访（含还在期限内的）",
    "must_met": "期限内落实的必访",
    "must_declined": "本户婉拒的必访",
    "stock": "当日应联户",
    "stock_covered": "当日有主联的应联户",
}


def of_row(metric: str, row: Mapping[str, Any], pending: bool, today: date) -> tuple[Reason, str]:
    """The reason of a row behind a figure: its code, and a sentence with the numbers and days that are known."""
    reason = _reason(metric, row, pending)
    words = REASONS[reason] + _numbers(reason, row, today)
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
        missed = Reason.UNMET if metric == "on_time_contact" else Reason.UNFULFILLED
        return Reason.LATE if row["later_on"] else missed
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


def origin(row: Mapping[str, Any]) -> str:
    """From which day a regular obligation is counted, and how often it is due (O3)."""
    day = (
        f"{written(row['anchor_on'])}联系过"
        if row["by_visit"]
        else f"{written(row['anchor_on'])}起要求有变（入册、居住、类别或主联）"
    )
    return f"{day}，每 {row['step']} 天联系一次"


def of_obligation(row: Mapping[str, Any], today: date) -> str:
    """The same for a regular obligation of a household that is explained."""
    if row["cancelled"]:
        return CANCELLED[row["cancelled"]]
    pending = row["met_on"] is None and today <= row["due_on"] + GRACE
    known = {**row, "numerator": int(row["met_on"] is not None), "denominator": 1}
    reason = _reason("on_time_contact", known, pending)
    return REASONS[reason] + _numbers(reason, known, today)


def _numbers(reason: Reason, row: Mapping[str, Any], today: date) -> str:
    """What the facts add to a reason."""
    if reason is Reason.GAP and row["gap_since"]:
        return f"：{GAP_REASONS[row['gap_reason']]}，从{written(row['gap_since'])}起，应联无主联 {row['gap_days']} 天"
    if reason in (Reason.COVERED, Reason.COVERED_PARTLY, Reason.UNCOVERED):
        return f"（在册 {row['denominator']} 天，有主联 {row['numerator']} 天）"
    if reason in (Reason.CONTACTED, Reason.VISITED, Reason.NOT_IN_PERSON) and row["contacts"]:
        return f"（联系 {row['contacts']} 次，最近{written(row['last_contact_on'])}）"
    if row["due_on"] is None:
        return ""
    name = KINDS.get(row["kind"]) or REQUIRED[row["kind"]]
    if reason is Reason.IN_TIME and row["due_on"] < today:
        return f"（{name}，{written(row['due_on'])}已到期，最晚{written(row['due_on'] + GRACE)}联系仍算按期）"
    told = f"（{name}，{written(row['due_on'])}到期"
    day = row["met_on"] or row["later_on"]
    return f"{told}，{written(day)}联系上）" if day else f"{told}）"
