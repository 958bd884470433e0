"""Rules of people: what they are, and the classes of exemption."""

from __future__ import annotations

from enum import StrEnum


class PersonKind(StrEnum):
    """Member figures count `full` and `probationary` (docs/rules.md C4)."""

    FULL = "full"
    PROBATIONARY = "probationary"
    CADRE = "cadre"
    GRID_WORKER = "grid_worker"
    VILLAGER_REP = "villager_rep"


class ExemptionReason(StrEnum):
    AGE = "age"
    ILLNESS = "illness"
    AWAY = "away"
    OTHER = "other"
