"""Rules about households: how they live here, and how a name is shown in lists."""

from __future__ import annotations

from enum import StrEnum


class ResidenceStatus(StrEnum):
    """How a household lives here: it does, it is away as a whole (整户外出), or only its register is here (空挂户)."""

    RESIDENT = "resident"
    AWAY = "away"
    NOMINAL = "nominal"


RESIDENCES: dict[str, str] = {
    ResidenceStatus.RESIDENT: "常住",
    ResidenceStatus.AWAY: "整户外出",
    ResidenceStatus.NOMINAL: "空挂户",
}


class TierReason(StrEnum):
    """Class of the reason for being a key household (重点户); the person's facts stay in the sealed tags."""

    HARDSHIP = "hardship"
    HEALTH = "health"
    CARE = "care"
    RELAPSE_RISK = "relapse_risk"
    OTHER = "other"


TIER_REASONS: dict[str, str] = {
    TierReason.HARDSHIP: "困难",
    TierReason.HEALTH: "病残",
    TierReason.CARE: "老幼照护",
    TierReason.RELAPSE_RISK: "返贫风险",
    TierReason.OTHER: "其他",
}


class TagKind(StrEnum):
    """Sensitive tags: what help a household is entitled to or needs (docs/rules.md S3)."""

    SUBSISTENCE = "subsistence"
    EXTREME_POVERTY = "extreme_poverty"
    DISABILITY = "disability"
    ELDER_ALONE = "elder_alone"
    LEFT_BEHIND_CHILD = "left_behind_child"
    PREFERENTIAL_CARE = "preferential_care"


TAG_KINDS: dict[str, str] = {
    TagKind.SUBSISTENCE: "低保",
    TagKind.EXTREME_POVERTY: "特困",
    TagKind.DISABILITY: "残疾",
    TagKind.ELDER_ALONE: "独居老人",
    TagKind.LEFT_BEHIND_CHILD: "留守儿童",
    TagKind.PREFERENTIAL_CARE: "优抚",
}
#: A tag is kept for a year at most, and asked for anew then.
TAG_DAYS = 366


def masked(name: str) -> str:
    """张三丰 -> 张**; the form of a name that lists show (docs/rules.md S3)."""
    return name[:1] + "*" * max(len(name) - 1, 1)
