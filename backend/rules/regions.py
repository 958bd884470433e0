"""Rules of places: the levels of the tree, kinds of branches and of responsibilities."""

from __future__ import annotations

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
