"""Rules of people: what they are, what they are good at, and the classes of exemption."""

from __future__ import annotations

from enum import StrEnum


class PersonKind(StrEnum):
    """Member figures count `full` and `probationary` (docs/rules.md C4)."""

    FULL = "full"
    PROBATIONARY = "probationary"
    CADRE = "cadre"
    GRID_WORKER = "grid_worker"
    VILLAGER_REP = "villager_rep"


#: In the words of a roster.
KINDS: dict[str, str] = {
    PersonKind.FULL: "正式党员",
    PersonKind.PROBATIONARY: "预备党员",
    PersonKind.CADRE: "干部",
    PersonKind.GRID_WORKER: "网格员",
    PersonKind.VILLAGER_REP: "村民代表",
}


class Ability(StrEnum):
    """What somebody can help with, as they say themselves; it finds them a household and measures nobody."""

    LIVELIHOOD = "livelihood"
    CARE = "care"
    LABOUR = "labour"


ABILITIES: dict[str, str] = {
    Ability.LIVELIHOOD: "能带富",
    Ability.CARE: "会照护",
    Ability.LABOUR: "能出力",
}


class ExemptionReason(StrEnum):
    AGE = "age"
    ILLNESS = "illness"
    AWAY = "away"
    OTHER = "other"


EXEMPTIONS: dict[str, str] = {
    ExemptionReason.AGE: "年满 70 岁",
    ExemptionReason.ILLNESS: "病残体弱",
    ExemptionReason.AWAY: "长期外出",
    ExemptionReason.OTHER: "其他原因",
}


class LeaveReason(StrEnum):
    """Why somebody's service in a branch ended for good."""

    TRANSFERRED = "transferred"
    DIED = "died"
    OTHER = "other"


LEAVE_REASONS: dict[str, str] = {
    LeaveReason.TRANSFERRED: "组织关系转出",
    LeaveReason.DIED: "去世",
    LeaveReason.OTHER: "其他原因",
}
