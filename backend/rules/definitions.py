"""Definitions of the figures: one entry for each version of each, with the words that a page shows under 怎么算的.

`docs/rules.md` explains the same rules with examples; a test holds the two together. Changing a definition adds an
entry with the next version and the next catalogue number beside the old one, which frozen figures keep (F3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

#: The newest catalogue; open figures follow it (`period.definition_version`).
CATALOGUE = 2


class Part(StrEnum):
    """What freezes together (docs/rules.md F1)."""

    STOCK = "stock"
    CONTACT = "contact"
    ON_TIME = "on_time"

    @property
    def settles_days(self) -> int:
        """Days after the end of a period until which what belongs to it may still happen."""
        return 7 if self is Part.ON_TIME else 0


#: Late entries have this many days more before a figure is frozen.
FREEZE_AFTER_DAYS = 7


@dataclass(frozen=True)
class Described:
    """A figure in one version, in the words that are shown."""

    id: str
    version: int
    catalogue: int
    effective_from: date
    rule: str
    name: str
    words: str
    formula: str

    @property
    def source(self) -> str:
        return f"docs/rules.md {self.rule}"

    @property
    def settles_days(self) -> int:
        """Days after the end of a period until which what belongs to it may still happen."""
        return 0

    @property
    def frozen_after_days(self) -> int | None:
        """Days from the end of a period to its freezing (F1); None: a figure of a day alone, never frozen."""
        return None


@dataclass(frozen=True)
class Definition(Described):
    """A figure of kept sums. `numerator` and `denominator` are columns of these sums; `households` is the column
    whose number decides whether a rate is given (C11); `pending` counts what may still come and stays outside."""

    part: Part
    numerator: str
    denominator: str
    households: str
    pending: str | None = None
    #: What else is counted beside the rate: column -> words.
    beside: tuple[tuple[str, str], ...] = ()
    #: Kept for months alone; quarters and years add up their months (C18 to C20).
    monthly: bool = False

    @property
    def settles_days(self) -> int:
        return self.part.settles_days

    @property
    def frozen_after_days(self) -> int | None:
        return self.settles_days + FREEZE_AFTER_DAYS


_FROM = date(2026, 1, 1)
DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "assignment_coverage", 1, 1, _FROM, "C12", "联系覆盖率（当日）",
        "当天的应联户中，有在岗的主联党员（或主联干部）联系的占多少。常住户和整户外出户都算应联户；空挂户、已有在岗结对党员居住的党员户不算。",
        "当日有主联的应联户 ÷ 当日应联户", Part.STOCK, "stock_covered", "stock", "stock",
    ),
    Definition(
        "assignment_days", 1, 1, _FROM, "C13", "联系覆盖率（期内）",
        "把每户有人联系的天数加起来，除以每户应有人联系的天数。断联 10 天，就少 10 天，而不是整户不算。",
        "应联户有主联的天数之和 ÷ 应联户在册的天数之和", Part.CONTACT, "covered", "exposed", "households", "not_yet",
    ),
    Definition(
        "contact_coverage", 1, 1, _FROM, "C14", "联系到户率",
        "本期应联户中，至少联系上一次（入户、电话或集中都算）的占多少。婉拒的、没联系上的仍在分母里，户数列在旁边。",
        "本期至少有一次有效联系的应联户 ÷ 本期应联户", Part.CONTACT, "contacted", "households", "households", "not_yet",
        (("declined", "婉拒户"), ("unreached", "未遇户")),
    ),
    Definition(
        "visit_coverage", 1, 1, _FROM, "C15", "走访覆盖率",
        "本期在家的应联户中，至少当面见到一次的占多少。整户外出户不在这里算，只在联系到户率里算。",
        "本期至少有一次入户见面的常住应联户 ÷ 本期常住应联户", Part.CONTACT, "visited", "resident", "resident", "not_yet",
    ),
    Definition(
        "key_visit_coverage", 1, 2, _FROM, "C18", "重点户走访率",
        "当月列为重点户（哪怕只有一天）的常住应联户中，当月至少当面见到一次的占多少。季度、年度把各月的户数相加。",
        "各月入户见面的常住重点户 ÷ 各月常住重点户", Part.CONTACT, "key_visited", "key", "key",
        monthly=True,
    ),
    Definition(
        "on_time_contact", 1, 2, _FROM, "C19", "按期联系率",
        "普通户每 90 天、重点户每 30 天（须当面见到）、整户外出户每 180 天联系一次（默认天数，本镇可改），从上一次联系算起；"
        "居住、类别或主联有变的，从那天起重新计算，一般至少留 30 天。到期日在本期的定期联系中，到期后 7 天以内联系上的占多少。"
        "提前联系也算按期，一直没有联系的每过一个周期又算一次未按期。冷静期（婉拒后 30 天）内到期的不计，数目列在旁边；还没过 7 天的算待完成，不在分母里。",
        "按期完成的定期联系 ÷ 到期的定期联系", Part.ON_TIME, "on_time", "due", "due", "regular_pending",
        (("waived", "冷静期不计"),), monthly=True,
    ),
    Definition(
        "must_visit_coverage", 1, 2, _FROM, "C20", "必访落实率",
        "期限在本期的必访中，期限内当面见到的占多少（当天整户外出的，电话联系上也算）。本户婉拒的不计，数目列在旁边；还没到期限的算待完成。",
        "期限内落实的必访 ÷ 到期限的必访", Part.CONTACT, "must_met", "must_due", "must_due", "must_pending",
        (("must_declined", "本户婉拒"), ("median_days", "从事情发生到落实的天数（合计的中位数，按现有登记）")), monthly=True,
    ),
)  # fmt: skip

#: Figures of members. They hold for a day and are made from the facts whenever they are asked for; no row is kept.
MEMBERS: tuple[Described, ...] = (
    Described(
        "member_participation", 1, 2, _FROM, "C23", "联户参与率",
        "当天在岗、没有免联的正式党员和预备党员中，至少联系着一户（主联或副联）的占多少。免联的不在分母里，人数按原因列在旁边。"
        "按党员所在支部的村列，不在村里的支部单列一行。",
        "当天联系着农户的应联党员 ÷ 当天应联党员",
    ),
    Described(
        "load", 1, 2, _FROM, "C24", "联户负荷",
        "当天主联着应联户的人，每人主联几户：给出中位数、90 分位数，以及高于上限、低于下限的人数和占比。按本人所在支部列，不列姓名；"
        "不足 10 人的不给数。",
        "每人主联户数的中位数和 90 分位数（插值）；高于上限（低于下限）的人数 ÷ 有主联户的人数",
    ),
)  # fmt: skip


@cache
def in_force(catalogue: int = CATALOGUE) -> Mapping[str, Definition]:
    """The definitions of a catalogue by id: of each the newest that it has."""
    found: dict[str, Definition] = {}
    for definition in DEFINITIONS:
        if definition.catalogue <= catalogue:
            found[definition.id] = definition
    return found


def described(catalogue: int = CATALOGUE) -> list[tuple[Described, list[Described]]]:
    """All figures of a catalogue in the order of their rules, each with its older versions, the newest first."""
    found: dict[str, list[Described]] = {}
    for one in (*DEFINITIONS, *MEMBERS):
        if one.catalogue <= catalogue:
            found.setdefault(one.id, []).insert(0, one)
    return [(versions[0], versions[1:]) for versions in found.values()]
