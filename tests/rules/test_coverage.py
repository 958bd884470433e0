"""Periods, levels, figures and states of coverage (C1, C11, C16, C26)."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from backend.rules import coverage as rules
from backend.rules.coverage import Counted, State
from backend.rules.definitions import CATALOGUE, Definition, Part, in_force
from backend.rules.periods import Kind, Period, stock_day, to_keep
from backend.rules.regions import Level


def periods(*texts: str) -> list[Period]:
    """Periods by their names."""
    found = [Period.parse(text) for text in texts]
    assert None not in found
    return [one for one in found if one]


NOVEMBER, FOURTH, YEAR = periods("2026-11", "2026Q4", "2026")


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ("2026-11", 202611), ("2026-01", 202601), ("2026-12", 202612), ("2000-01", 200001), ("2026", 2026), ("2026Q1", 20261),
        ("2026Q4", 20264), ("2026-00", None), ("2026-13", None), ("2026-1", None), ("202611", None), ("2026-11-01", None),
        ("1999-12", None), ("", None), ("2026-11 ", None), ("2026-11\n", None), ("२०२६-११", None), ("2026—11", None),
        ("2026Q0", None), ("2026Q5", None), ("2026q4", None), ("2026-Q4", None), ("Q4", None), ("26", None), ("20261", None),
    ],
)  # fmt: skip
def test_a_period_is_written_in_one_way(sent: str, number: int | None) -> None:
    period = Period.parse(sent)
    assert (period and period.id) == number
    if period:
        assert str(period) == sent
        assert Period.of_id(period.id) == period


@pytest.mark.parametrize(
    ("text", "start", "until", "months"),
    [
        ("2026-11", date(2026, 11, 1), date(2026, 12, 1), 1),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1), 1),
        ("2028-02", date(2028, 2, 1), date(2028, 3, 1), 1),
        ("2026Q1", date(2026, 1, 1), date(2026, 4, 1), 3),
        ("2026Q4", date(2026, 10, 1), date(2027, 1, 1), 3),
        ("2028", date(2028, 1, 1), date(2029, 1, 1), 12),
    ],
)
def test_a_period_is_half_open_and_its_months_fill_it(text: str, start: date, until: date, months: int) -> None:
    (period,) = periods(text)
    assert (period.start, period.until) == (start, until)
    assert (until - period.last_day).days == 1
    inside = period.months
    assert len(inside) == months
    assert (inside[0].start, inside[-1].until) == (start, until)
    assert all(one.until == two.start for one, two in pairwise(inside))
    assert {Period.containing(day, period.kind) for day in (start, period.last_day)} == {period}
    assert Period.containing(until, period.kind) == period.shifted(1)


def test_the_same_period_of_last_year_is_thirteen_months_wide() -> None:
    assert str(NOVEMBER.year_before) == str(NOVEMBER.shifted(-12)) == "2025-11"
    assert str(FOURTH.year_before) == str(FOURTH.shifted(-4)) == "2025Q4"
    assert str(YEAR.year_before) == str(YEAR.shifted(-1)) == "2025"


@pytest.mark.parametrize(
    ("kept", "today", "missing"),
    [
        pytest.param([], date(2026, 2, 24), ["2026", "2026Q1", "2026-01", "2026-02"], id="first run"),
        pytest.param([], date(2026, 1, 25), ["2026", "2026Q1", "2026-01", "2026-02"], id="first run late"),
        pytest.param(["2026", "2026Q1", "2026-01"], date(2026, 1, 24), [], id="all there"),
        pytest.param(["2026", "2026Q1", "2026-01"], date(2026, 1, 25), ["2026-02"], id="the next from the 25th"),
        pytest.param(["2026", "2026Q1", "2026-01", "2026-02"], date(2026, 1, 31), [], id="the next is there"),
        pytest.param(["2026-02", "2026", "2026Q1", "2026-01"], date(2026, 2, 1), [], id="in any order"),
    ],
)
def test_periods_to_keep(kept: list[str], today: date, missing: list[str]) -> None:
    assert set(map(str, to_keep(periods(*kept), today))) == set(missing)


def test_after_a_sleep_over_new_year_nothing_is_left_out() -> None:
    kept = to_keep([], date(2026, 11, 1))
    later = to_keep(kept, date(2027, 2, 25))
    assert set(map(str, later)) == {"2026-12", "2027-01", "2027-02", "2027-03", "2027Q1", "2027"}
    assert to_keep([*kept, *later], date(2027, 2, 25)) == []


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
    assert stock_day(NOVEMBER, today) == shown


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
        "visited": 8, "declined": 1, "unreached": 0, "key": 3, "key_visited": 2, "due": 14, "on_time": 10, "waived": 1,
        "must_due": 12, "must_met": 9, "must_declined": 2, "stock": 12, "stock_covered": 11, "regular_pending": 2,
        "must_pending": 1,
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "value", "numerator", "denominator", "pending"),
    [
        ("assignment_coverage", 0.9167, 11, 12, 0),  # C12, d = 30 November: 91.7 %
        ("assignment_days", 0.9683, 305, 315, 1),  # C13: 96.8 %
        ("contact_coverage", 0.8182, 9, 11, 1),  # C14: 81.8 %
        ("visit_coverage", 0.8, 8, 10, 1),  # C15: 80.0 %
        ("key_visit_coverage", None, 2, 3, 0),  # C18: 2 of 3, too few for a rate
        ("on_time_contact", 0.8333, 10, 12, 2),  # what may still be met leaves the denominator (C19)
        ("must_visit_coverage", 0.8182, 9, 11, 1),
    ],
)
def test_the_worked_example(metric: str, value: float | None, numerator: int, denominator: int, pending: int) -> None:
    figure = rules.figures(sums())[metric]
    assert [figure[name] for name in ("value", "numerator", "denominator", "pending")] == [
        value, numerator, denominator, pending,
    ]  # fmt: skip


def test_what_stands_beside_a_rate() -> None:
    beside = {id_: figure["beside"] for id_, figure in rules.figures(sums() | {"median_days": 2.5}).items()}
    assert {id_: found for id_, found in beside.items() if found} == {
        "contact_coverage": {"declined": 1, "unreached": 0},
        "on_time_contact": {"waived": 1},
        "must_visit_coverage": {"must_declined": 2, "median_days": 2.5},
    }
    assert rules.figures(sums())["must_visit_coverage"]["beside"]["median_days"] is None


def test_metrics_are_these_seven_and_no_score() -> None:
    assert list(rules.figures(sums())) == [
        "assignment_coverage", "assignment_days", "contact_coverage", "visit_coverage", "key_visit_coverage",
        "on_time_contact", "must_visit_coverage",
    ]  # fmt: skip


FEW, NONE, PENDING, MEASURED = State.FEW, State.NONE, State.PENDING, State.MEASURED


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        pytest.param({"households": 10}, {}, id="ten are enough"),
        pytest.param(
            {"households": 9},
            {"assignment_days": FEW, "contact_coverage": FEW},
            id="nine due; days do not make them more",
        ),
        pytest.param({"resident": 9}, {"visit_coverage": FEW}, id="nine residents"),
        pytest.param({"stock": 9, "stock_covered": 9}, {"assignment_coverage": FEW}, id="nine on the day"),
        pytest.param({"key": 10}, {"key_visit_coverage": MEASURED}, id="ten key ones"),
        pytest.param({"due": 11}, {"on_time_contact": FEW}, id="nine obligations that are over"),
        pytest.param({"due": 2}, {"on_time_contact": PENDING}, id="obligations that all may still be met"),
        pytest.param({"due": 0, "regular_pending": 0}, {"on_time_contact": NONE}, id="no obligation"),
        pytest.param({"must_due": 1, "must_met": 0}, {"must_visit_coverage": PENDING}, id="a must-visit not due yet"),
        pytest.param({"resident": 0, "visited": 0, "not_yet": 0}, {"visit_coverage": NONE}, id="no resident"),
        pytest.param(
            {"households": 0, "resident": 0, "exposed": 0},
            {"assignment_days": PENDING, "contact_coverage": PENDING, "visit_coverage": PENDING},
            id="nobody is due yet",
        ),
    ],
)
def test_a_value_stands_only_where_it_says_something(changes: dict[str, int], changed: dict[str, State]) -> None:
    before = {id_: figure["state"] for id_, figure in rules.figures(sums()).items()}
    shown = rules.figures(sums(**changes))
    assert {id_: figure["state"] for id_, figure in shown.items()} == before | changed
    for figure in shown.values():
        assert (figure["value"] is None) == (figure["note"] is not None) == (figure["state"] is not MEASURED)


def test_of_nobody_no_figure_has_a_value() -> None:
    shown = rules.figures(dict.fromkeys(sums(), 0))
    assert {(figure["value"], figure["state"]) for figure in shown.values()} == {(None, NONE)}


def test_zero_and_all_are_values() -> None:
    none = rules.figures(sums(contacted=0))["contact_coverage"]
    everybody = rules.figures(sums(contacted=11))["contact_coverage"]
    assert (none["value"], everybody["value"]) == (0.0, 1.0)


def test_every_state_has_words_but_the_one_with_a_value() -> None:
    assert {state for state in State if rules.NOTES[state] is None} == {MEASURED}
    assert set(rules.NOTES) == set(State)


def test_what_has_not_begun_has_counts_and_no_value() -> None:
    for figure in rules.figures(sums(), started=False).values():
        assert (figure["value"], figure["state"]) == (None, State.NOT_STARTED)
        assert figure["denominator"] > 0  # booked changes are known


TODAY = date(2026, 11, 15)


@pytest.mark.parametrize(
    ("period", "kept", "known"),
    [
        pytest.param(NOVEMBER, {202611: CATALOGUE}, (True, True), id="kept"),
        pytest.param(NOVEMBER, {202611: 1}, (True, False), id="counted under the definitions before"),
        pytest.param(NOVEMBER, {202611: 0}, (False, False), id="not counted yet"),
        pytest.param(NOVEMBER, {202610: CATALOGUE}, (False, False), id="not kept"),
        pytest.param(FOURTH, {20264: 2, 202610: 2, 202611: 2}, (True, True), id="December has not begun"),
        pytest.param(FOURTH, {20264: 2, 202610: 2}, (True, False), id="November is not kept"),
        pytest.param(FOURTH, {20264: 2, 202610: 1, 202611: 2}, (True, False), id="October follows older definitions"),
        pytest.param(FOURTH, {202610: 2, 202611: 2}, (False, False), id="the months alone make no quarter"),
    ],
)
def test_what_was_never_counted_is_unknown(period: Period, kept: dict[int, int], known: tuple[bool, bool]) -> None:
    shown = rules.figures(sums(), counted=Counted.of(period, kept, TODAY))
    for id_, expected in zip(("contact_coverage", "key_visit_coverage"), known, strict=True):
        figure = shown[id_]
        assert (figure["state"] is not State.UNKNOWN) == expected
        if not expected:
            assert [figure[name] for name in ("value", "numerator", "denominator", "pending")] == [None] * 4
            assert set(figure["beside"].values()) <= {None}


def test_a_figure_that_is_not_known_and_has_not_begun_has_not_begun() -> None:
    figure = rules.figure(in_force()["contact_coverage"], None, started=False)
    assert (figure["state"], figure["numerator"]) == (State.NOT_STARTED, None)


class TestFrozen:
    """The frozen sums give the figure, and `revised` is what the facts say now, if that differs (F1, F2)."""

    VERSIONS = {Part.CONTACT: CATALOGUE}

    def shown(self, now: dict[str, int], versions: dict[Any, int], **more: Any) -> dict[str, dict[str, Any]]:
        return rules.figures(now, sums(), versions, **more)

    def test_the_part_that_is_frozen_and_no_other(self) -> None:
        found = self.shown(sums(stock=20, on_time=12), self.VERSIONS)
        assert {definition.part for id_, definition in in_force().items() if found[id_]["frozen"]} == {Part.CONTACT}
        assert found["assignment_coverage"]["denominator"] == 20
        assert found["on_time_contact"]["numerator"] == 12

    def test_nothing_is_revised_when_the_facts_say_the_same(self) -> None:
        found = self.shown(sums(), self.VERSIONS)
        assert {figure["revised"] for figure in found.values()} == {None}
        assert found["contact_coverage"] == rules.figures(sums())["contact_coverage"] | {"frozen": True}

    def test_the_revision_stands_beside(self) -> None:
        figure = self.shown(sums(contacted=10, households=12), self.VERSIONS)["contact_coverage"]
        assert (figure["numerator"], figure["denominator"], figure["value"]) == (9, 11, 0.8182)
        assert figure["revised"] == {"value": 0.8333, "numerator": 10, "denominator": 12}

    def test_equal_values_of_other_counts_are_a_revision(self) -> None:
        figure = self.shown(sums(contacted=18, households=22), self.VERSIONS)["contact_coverage"]
        assert figure["revised"] == {"value": 0.8182, "numerator": 18, "denominator": 22}

    def test_a_figure_that_the_frozen_catalogue_does_not_have_is_open(self) -> None:
        found = self.shown(sums(key=12), {Part.CONTACT: 1})
        assert (found["contact_coverage"]["frozen"], found["key_visit_coverage"]["frozen"]) == (True, False)
        assert found["key_visit_coverage"]["denominator"] == 12

    def test_what_is_not_known_is_not_shown_from_a_part_of_the_frozen_months(self) -> None:
        found = self.shown(sums(), self.VERSIONS, counted=Counted(own=CATALOGUE, months=0))
        assert (found["key_visit_coverage"]["state"], found["key_visit_coverage"]["frozen"]) == (State.UNKNOWN, False)
        assert found["contact_coverage"]["frozen"]


@pytest.mark.parametrize(
    ("linked", "eligible", "value", "state"),
    [(0, 0, None, NONE), (3, 9, None, FEW), (0, 10, 0.0, MEASURED), (7, 10, 0.7, MEASURED)],
)
def test_a_rate_of_persons(linked: int, eligible: int, value: float | None, state: State) -> None:
    figure = rules.rate(linked, eligible)
    assert (figure["value"], figure["numerator"], figure["denominator"], figure["state"]) == (
        value,
        linked,
        eligible,
        state,
    )


def test_every_column_of_a_definition_is_a_column_of_the_sums() -> None:
    for definition in in_force().values():
        assert isinstance(definition, Definition)
        needed = {definition.numerator, definition.denominator, definition.households, definition.pending}
        assert needed - {None} <= set(sums())


def test_kinds_have_their_months() -> None:
    assert [kind.months for kind in Kind] == [1, 3, 12]
