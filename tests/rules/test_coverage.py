"""Periods, levels, figures and notes of coverage (C1, C11, C16)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from backend.rules import coverage as rules
from backend.rules.regions import Level

NOVEMBER = 202611


@pytest.mark.parametrize(
    ("sent", "month"),
    [
        ("2026-11", NOVEMBER), ("2026-01", 202601), ("2026-12", 202612), ("2000-01", 200001), ("2026-00", None),
        ("2026-13", None), ("2026-1", None), ("202611", None), ("2026-11-01", None), ("1999-12", None), ("", None),
        ("2026-11 ", None), ("2026-11\n", None), ("२०२६-११", None), ("2026—11", None),
    ],
)  # fmt: skip
def test_parse_month(sent: str, month: int | None) -> None:
    assert rules.parse_month(sent) == month
    if month is not None:
        assert rules.printed_month(month) == sent


@pytest.mark.parametrize(
    ("month", "start", "until"),
    [
        (NOVEMBER, date(2026, 11, 1), date(2026, 12, 1)),
        (202612, date(2026, 12, 1), date(2027, 1, 1)),
        (202702, date(2027, 2, 1), date(2027, 3, 1)),
        (202802, date(2028, 2, 1), date(2028, 3, 1)),
        (202601, date(2026, 1, 1), date(2026, 2, 1)),
    ],
)
def test_a_month_is_half_open(month: int, start: date, until: date) -> None:
    assert rules.month_span(month) == (start, until)
    assert (rules.month_id(start), rules.month_id(until) > month) == (month, True)


@pytest.mark.parametrize(
    ("kept", "today", "missing"),
    [
        pytest.param([], date(2026, 11, 24), [NOVEMBER], id="first month"),
        pytest.param([], date(2026, 11, 25), [NOVEMBER, 202612], id="first month late"),
        pytest.param([NOVEMBER], date(2026, 11, 24), [], id="all there"),
        pytest.param([NOVEMBER], date(2026, 11, 25), [202612], id="the next from the 25th"),
        pytest.param([NOVEMBER, 202612], date(2026, 11, 30), [], id="the next is there"),
        pytest.param([202610, 202609], date(2026, 11, 1), [NOVEMBER], id="in any order"),
        pytest.param(
            [202610], date(2027, 2, 25), [NOVEMBER, 202612, 202701, 202702, 202703], id="asleep over new year"
        ),
        pytest.param([202701], date(2027, 1, 31), [202702], id="the 31st reaches February"),
        pytest.param([], date(2026, 12, 25), [202612, 202701], id="December"),
        pytest.param([202701], date(2026, 11, 15), [], id="ahead"),
    ],
)
def test_months_to_keep(kept: list[int], today: date, missing: list[int]) -> None:
    assert rules.months_to_keep(kept, today) == missing


@pytest.mark.parametrize(
    ("today", "shown"),
    [
        (date(2026, 10, 31), date(2026, 11, 1)),
        (date(2026, 11, 1), date(2026, 11, 1)),
        (date(2026, 11, 15), date(2026, 11, 15)),
        (date(2026, 11, 30), date(2026, 11, 30)),
        (date(2026, 12, 1), date(2026, 11, 30)),
        (date(2028, 1, 1), date(2026, 11, 30)),
    ],
)
def test_the_stock_is_of_today_inside_the_month(today: date, shown: date) -> None:
    assert rules.stock_day(NOVEMBER, today) == shown


@pytest.mark.parametrize(
    ("area", "levels"),
    [
        (Level.COUNTY, {"township", "village", "grid", "micro_grid", "branch"}),
        (Level.TOWNSHIP, {"township", "village", "grid", "micro_grid", "branch"}),
        (Level.VILLAGE, {"village", "grid", "micro_grid", "branch"}),
        (Level.GROUP, {"grid", "micro_grid", "branch"}),
        (Level.GRID, {"grid", "micro_grid", "branch"}),
        (Level.MICRO_GRID, {"micro_grid", "branch"}),
    ],
)
def test_an_area_is_never_shown_by_a_coarser_level(area: Level, levels: set[str]) -> None:
    assert {level for level in rules.LEVELS if rules.level_fits(area, level)} == levels


def test_every_level_of_a_region_can_be_judged() -> None:
    assert all(rules.level_fits(level, "branch") and rules.level_fits(level, "micro_grid") for level in Level)


def sums(**changes: int) -> dict[str, int]:
    """The sums of the examples of docs/rules.md, for 30 November."""
    return {
        "households": 11, "party": 1, "not_yet": 1, "exposed": 315, "covered": 305, "contacted": 9, "resident": 10,
        "visited": 8, "stock": 12, "stock_covered": 11,
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "value", "numerator", "denominator"),
    [
        ("assignment_coverage", 0.9167, 11, 12),  # C12, d = 30 November: 91.7 %
        ("assignment_days", 0.9683, 305, 315),  # C13: 96.8 %
        ("contact_coverage", 0.8182, 9, 11),  # C14: 81.8 %
        ("visit_coverage", 0.8, 8, 10),  # C15: 80.0 %
    ],
)
def test_the_worked_example(metric: str, value: float, numerator: int, denominator: int) -> None:
    figure = rules.figures(sums())[metric]
    assert (figure["value"], figure["numerator"], figure["denominator"], figure["note"]) == (
        value, numerator, denominator, None,
    )  # fmt: skip


def test_metrics_are_these_four_and_no_score() -> None:
    assert list(rules.figures(sums())) == [
        "assignment_coverage",
        "assignment_days",
        "contact_coverage",
        "visit_coverage",
    ]


FEW, NONE = rules.NOTE_FEW, rules.NOTE_NONE


@pytest.mark.parametrize(
    ("changes", "notes"),
    [
        pytest.param({"households": 10}, [None, None, None, None], id="ten are enough"),
        pytest.param({"households": 9}, [None, FEW, FEW, None], id="nine due; days do not make them more"),
        pytest.param({"resident": 9}, [None, None, None, FEW], id="nine residents"),
        pytest.param({"stock": 9, "stock_covered": 9}, [FEW, None, None, None], id="nine on the day"),
        pytest.param({"resident": 0, "visited": 0}, [None, None, None, NONE], id="no resident"),
        pytest.param(dict.fromkeys(sums(), 0), [NONE] * 4, id="nobody"),
    ],
)
def test_few_households_have_counts_and_no_rate(changes: dict[str, int], notes: list[str | None]) -> None:
    counted = sums(**changes)
    shown = rules.figures(counted)
    assert [figure["note"] for figure in shown.values()] == notes
    for metric in rules.METRICS:
        figure: dict[str, Any] = shown[metric.id]
        assert (figure["value"] is None) == (figure["note"] is not None)
        assert (figure["numerator"], figure["denominator"]) == (counted[metric.numerator], counted[metric.denominator])


def test_zero_and_all_are_values() -> None:
    none = rules.figures(sums(contacted=0))["contact_coverage"]
    everybody = rules.figures(sums(contacted=11))["contact_coverage"]
    assert (none["value"], everybody["value"]) == (0.0, 1.0)
