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


class Ability(StrEnum):
    """What somebody can help with, as they say themselves; it finds them a household and measures nobody."""

    LIVELIHOOD = "livelihood"
    CARE = "care"
    LABOUR = "labour"


ABILITIES: dict[str, str] = {
    Ability.LIVELIHOOD: "能带富",
    Ability.CARE: "会照护",
    Ability.LABOUR: "能出力、热心帮办",
}


class ExemptionReason(StrEnum):
    AGE = "age"
    ILLNESS = "illness"
    AWAY = "away"
    OTHER = "other"
