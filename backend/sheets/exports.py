"""The columns of lists on their way out: what is on the screen, in the words of the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backend.rules.households import RESIDENCES
from backend.rules.people import ABILITIES, EXEMPTIONS, KINDS

_TIERS = {"key": "重点户", "ordinary": "普通户"}


@dataclass(frozen=True)
class Export:
    """A list as a sheet: its title, and what stands in each column of a row."""

    title: str
    columns: Mapping[str, Callable[[Mapping[str, Any]], Any]]

    @property
    def headers(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def row(self, item: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(read(item) for read in self.columns.values())


def _grid(item: Mapping[str, Any]) -> str | None:
    grid = item["micro_grid"]
    return str(grid["name"]) if grid else None


_HOUSEHOLD: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "户号": lambda one: one["code"],
    "微网格": _grid,
    "村民组": lambda one: one["group_name"],
    "户主": lambda one: one["head_name"],
}

#: By the name of the list.
EXPORTS: Mapping[str, Export] = {
    "households": Export(
        "农户名册",
        _HOUSEHOLD
        | {
            "居住情况": lambda one: RESIDENCES.get(one["residence"], ""),
            "类别": lambda one: _TIERS[one["tier"]],
            "主联党员": lambda one: one["primary"] and one["primary"]["name"],
            "联系起始日期": lambda one: one["primary"] and one["primary"]["from_"],
            "最近联系": lambda one: one["last_contact_on"],
        },
    ),
    "people": Export(
        "党员和网格员",
        {
            "姓名": lambda one: one["name"],
            "类别": lambda one: KINDS[one["kind"]],
            "特长": lambda one: "、".join(ABILITIES[ability] for ability in one["abilities"]),
            "免联原因": lambda one: EXEMPTIONS.get(one["exemption"], ""),
            "免联起": lambda one: one["exempt_from"],
            "起始日期": lambda one: one["since"],
            "联系户数": lambda one: one["load"],
        },
    ),
    "gaps": Export(
        "空白点",
        _HOUSEHOLD
        | {
            "从何时起": lambda one: one["since"],
            "应联无主联天数": lambda one: one["gap_days"],
            "原因": lambda one: one["words"],
        },
    ),
    "overdue": Export(
        "逾期未联系",
        _HOUSEHOLD
        | {
            "到期日": lambda one: one["due_on"],
            "逾期天数": lambda one: one["days_overdue"],
            "应做什么": lambda one: one["words"],
        },
    ),
}
