"""Rules of figures: levels, and how a numerator and a denominator are shown (docs/rules.md C1, C11, C26)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from backend.rules.definitions import CATALOGUE, Definition, in_force
from backend.rules.periods import Period

#: Below this many a rate says more about one family than about the work: counts only (C11).
FEWEST_FOR_RATE = 10
LEVELS = ("township", "village", "grid", "micro_grid", "branch")
_DEPTH = {
    level: depth
    for depth, level in enumerate(("province", "city", "county", "township", "village", "group", "grid", "micro_grid"))
}


class State(StrEnum):
    """Why a figure has a value, or why it has none; none of them is 0 (docs/rules.md C26)."""

    MEASURED = "measured"
    FEW = "few"
    NONE = "none"
    PENDING = "pending"
    NOT_STARTED = "not_started"
    UNKNOWN = "unknown"


NOTES = {
    State.MEASURED: None,
    State.FEW: "不足 10，只列数目，不计比率",
    State.NONE: "没有可计的对象",
    State.PENDING: "都还没有到期",
    State.NOT_STARTED: "本期还没有开始",
    State.UNKNOWN: "没有数据",
}


@dataclass(frozen=True)
class Counted:
    """The catalogues that the kept rows of a period follow: its own ones, and the least of its months that have begun;
    0 = not kept, or not counted yet."""

    own: int = CATALOGUE
    months: int = CATALOGUE

    @classmethod
    def of(cls, period: Period, kept: Mapping[int, int], today: date) -> Counted:
        """From all kept periods (id -> catalogue)."""
        own = kept.get(period.id, 0)
        begun = [kept.get(month.id, 0) for month in period.months if month.start <= today]
        return cls(own, min(begun, default=own))

    def knows(self, definition: Definition) -> bool:
        """Whether the kept rows hold the columns of a definition: what was never counted is not 0 (C26)."""
        return self.own > 0 and definition.catalogue <= (self.months if definition.monthly else self.own)


def level_fits(area_level: str, level: str) -> bool:
    """Whether an area can be shown by a level: not by a coarser one."""
    return level == "branch" or _DEPTH[level] >= _DEPTH[area_level]


def figure(definition: Definition, sums: Mapping[str, Any] | None, started: bool = True) -> dict[str, Any]:
    """A figure from sums: value to four places, numerator, denominator, pending, state, its note, and what is beside.

    What may still come is outside of the denominator: obligations that are not due yet are among the sums' due ones
    and leave it here; households that are not due yet never were in it. The value is null when there is nobody to
    count, or too few for a rate; it is never 0 for want of data. Without sums (not kept) no number is given at all.
    """
    if sums is None:
        return {
            **stated(State.UNKNOWN if started else State.NOT_STARTED),
            "beside": {column: None for column, _ in definition.beside},
        }
    pending = sums[definition.pending] if definition.pending else 0
    numerator, denominator, households = (
        sums[name] for name in (definition.numerator, definition.denominator, definition.households)
    )
    if definition.pending in ("regular_pending", "must_pending"):
        denominator, households = denominator - pending, households - pending
    state = _state(denominator, households, pending, started)
    return {
        **stated(state, numerator, denominator, pending),
        # A median is no sum: where it was not asked for, it is not there.
        "beside": {column: sums.get(column) for column, _ in definition.beside},
    }


def rate(numerator: int, denominator: int) -> dict[str, Any]:
    """A figure of a day that knows nothing pending: of `denominator` persons, so many."""
    return stated(state_of(denominator), numerator, denominator, 0)


def state_of(persons: int) -> State:
    """Whether so many persons are enough for a value."""
    return _state(persons, persons, 0, True)


def stated(
    state: State, numerator: int | None = None, denominator: int | None = None, pending: int | None = None
) -> dict[str, Any]:
    """Numbers with their state; only a measured one has a value."""
    measured = numerator is not None and denominator and state is State.MEASURED
    return {
        "value": round(numerator / denominator, 4) if measured else None,  # type: ignore[operator]
        "numerator": numerator,
        "denominator": denominator,
        "pending": pending,
        "state": state,
        "note": NOTES[state],
    }


def _state(denominator: int, households: int, pending: int, started: bool) -> State:
    if not started:
        return State.NOT_STARTED
    if not denominator:
        return State.PENDING if pending else State.NONE
    return State.FEW if households < FEWEST_FOR_RATE else State.MEASURED


def figures(
    current: Mapping[str, Any],
    frozen: Mapping[str, Any] | None = None,
    versions: Mapping[str, int] | None = None,
    started: bool = True,
    counted: Counted = Counted(),
) -> dict[str, dict[str, Any]]:
    """All figures of a row."""
    return {
        id_: shown(definition, current if counted.knows(definition) else None, frozen, versions or {}, started)
        for id_, definition in in_force().items()
    }


def shown(
    definition: Definition,
    current: Mapping[str, Any] | None,
    frozen: Mapping[str, Any] | None,
    versions: Mapping[str, int],
    started: bool = True,
) -> dict[str, Any]:
    """One figure of a row. Where the part of the definition is frozen (`versions`: part -> catalogue), the frozen sums
    give the figure, and `revised` is what the facts say today, if that differs (docs/rules.md F1, F2)."""
    before = in_force(versions[definition.part]).get(definition.id) if definition.part in versions else None
    today = figure(definition, current, started)
    if before is None or frozen is None or current is None:
        return {**today, "frozen": False, "revised": None}
    kept = figure(before, frozen, started)
    same = all(kept[name] == today[name] for name in ("numerator", "denominator"))
    revised = None if same else {name: today[name] for name in ("value", "numerator", "denominator")}
    return {**kept, "frozen": True, "revised": revised}
