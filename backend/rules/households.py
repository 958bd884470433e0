"""Rules about households: how they live here, and how a name is shown in lists."""

from __future__ import annotations

from enum import StrEnum


class ResidenceStatus(StrEnum):
    """How a household lives here: it does, it is away as a whole (整户外出), or only its register is here (空挂户)."""

    RESIDENT = "resident"
    AWAY = "away"
    NOMINAL = "nominal"


class TierReason(StrEnum):
    """Class of the reason for being a key household (重点户); the person's facts stay in the sealed tags."""

    HARDSHIP = "hardship"
    HEALTH = "health"
    CARE = "care"
    RELAPSE_RISK = "relapse_risk"
    OTHER = "other"


def masked(name: str) -> str:
    """张三丰 -> 张**; the form of a name that lists show (docs/rules.md S3)."""
    return name[:1] + "*" * max(len(name) - 1, 1)
