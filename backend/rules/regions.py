"""Rules of places: the levels of the tree, kinds of branches and of responsibilities, numbers a township may set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"
    GROUP = "group"
    GRID = "grid"
    MICRO_GRID = "micro_grid"


class BranchKind(StrEnum):
    GENERAL_BRANCH = "general_branch"
    BRANCH = "branch"
    PARTY_GROUP = "party_group"


class ResponsibilityKind(StrEnum):
    """支部包村, 干部包片, and the one branch that answers for a micro-grid."""

    BRANCH_VILLAGE = "branch_village"
    CADRE_AREA = "cadre_area"
    BRANCH_MICRO_GRID = "branch_micro_grid"


class RuleName(StrEnum):
    """The numbers that a township may set for itself (docs/rules.md O1)."""

    INTERVAL_ORDINARY = "interval_ordinary"
    INTERVAL_KEY = "interval_key"
    INTERVAL_AWAY = "interval_away"
    MUST_ILLNESS = "must_illness"
    MUST_FUNERAL = "must_funeral"
    MUST_DISASTER = "must_disaster"
    MUST_HARDSHIP = "must_hardship"
    MUST_HELP_REQUEST = "must_help_request"
    MUST_RETURN = "must_return"
    LOAD_SOFT_MIN = "load_soft_min"
    LOAD_SOFT_MAX = "load_soft_max"
    LOAD_HARD_MAX = "load_hard_max"


@dataclass(frozen=True)
class Rule:
    """What a rule is called, and between which numbers it makes sense.

    The lower bounds keep anybody from asking for a visit every day (docs/rules.md P1), the upper ones from forgetting
    a household altogether.
    """

    words: str
    least: int
    most: int

    def fits(self, number: int) -> bool:
        return self.least <= number <= self.most


RULES: Mapping[RuleName, Rule] = {
    RuleName.INTERVAL_ORDINARY: Rule("普通户联系间隔（天）", 14, 183),
    RuleName.INTERVAL_KEY: Rule("重点户走访间隔（天）", 7, 92),
    RuleName.INTERVAL_AWAY: Rule("外出户联系间隔（天）", 30, 366),
    RuleName.MUST_ILLNESS: Rule("生病住院必访期限（天）", 1, 15),
    RuleName.MUST_FUNERAL: Rule("红白大事必访期限（天）", 1, 15),
    RuleName.MUST_DISASTER: Rule("遇灾遇险必访期限（天）", 1, 7),
    RuleName.MUST_HARDSHIP: Rule("急难困难必访期限（天）", 1, 15),
    RuleName.MUST_HELP_REQUEST: Rule("群众求助必访期限（天）", 1, 15),
    RuleName.MUST_RETURN: Rule("外出返乡必访期限（天）", 1, 60),
    RuleName.LOAD_SOFT_MIN: Rule("每人联户下限（户）", 1, 50),
    RuleName.LOAD_SOFT_MAX: Rule("每人联户上限（户）", 1, 100),
    RuleName.LOAD_HARD_MAX: Rule("每人最多联户（户）", 1, 100),
}
#: These stand in this order, each not above the next.
LOADS = (RuleName.LOAD_SOFT_MIN, RuleName.LOAD_SOFT_MAX, RuleName.LOAD_HARD_MAX)


def loads_in_order(numbers: Mapping[str, int]) -> bool:
    """Whether the bounds of the load that are in force on a day do not contradict each other."""
    found = [numbers[name] for name in LOADS if name in numbers]
    return found == sorted(found)
