"""Days of must-visits, how a deadline stands, and the numbers that a township may set (docs/rules.md O1, O7, C22)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backend.rules.obligations import KINDS, RAISED_KINDS, Due, MustVisitKind, Standing, since_fits, state_of
from backend.rules.regions import RULES, RuleName, loads_in_order

TODAY = date(2026, 11, 15)
#: The general numbers of docs/rules.md O1.
GENERAL = {
    "interval_ordinary": 90, "interval_key": 30, "interval_away": 180, "must_illness": 3, "must_funeral": 3,
    "must_hardship": 3, "must_help_request": 3, "must_disaster": 1, "must_return": 15, "load_soft_min": 5,
    "load_soft_max": 15, "load_hard_max": 20,
}  # fmt: skip


@pytest.mark.parametrize(("ago", "fits"), [(-1, False), (0, True), (30, True), (31, False)])
def test_a_must_visit_is_of_these_days(ago: int, fits: bool) -> None:
    assert since_fits(TODAY - timedelta(days=ago), TODAY) is fits


@pytest.mark.parametrize(
    ("left", "standing"),
    [
        (15, Standing(Due.OK, 0)), (14, Standing(Due.DUE_SOON, 0)), (1, Standing(Due.DUE_SOON, 0)),
        (0, Standing(Due.DUE, 0)), (-1, Standing(Due.OVERDUE, 1)), (-40, Standing(Due.OVERDUE, 40)),
    ],
)  # fmt: skip
def test_how_a_deadline_stands(left: int, standing: Standing) -> None:
    """Overdue from the day after it: on the day itself there is still time."""
    assert state_of(TODAY + timedelta(days=left), TODAY) == standing


def test_a_return_is_raised_by_nobody() -> None:
    assert set(KINDS) - set(RAISED_KINDS) == {MustVisitKind.RETURN}
    assert len(RAISED_KINDS) == 5


def test_each_kind_has_its_rule() -> None:
    assert {kind.rule for kind in MustVisitKind} == {name for name in RuleName if name.startswith("must_")}


def test_the_general_numbers_are_within_bounds_and_nobody_may_ask_for_a_visit_every_day() -> None:
    """The bounds lie within those of the table, or a number that is offered would be refused by the database."""
    assert set(RULES) == set(RuleName) == set(GENERAL)
    for name, rule in RULES.items():
        assert rule.fits(GENERAL[name]) and rule.fits(rule.least) and rule.fits(rule.most)
        assert not rule.fits(rule.least - 1) and not rule.fits(rule.most + 1)
        assert 1 <= rule.least < rule.most <= 366
        assert not name.startswith("interval") or rule.least >= 7


@pytest.mark.parametrize(
    ("numbers", "in_order"),
    [
        ((5, 15, 20), True), ((15, 15, 15), True), ((16, 15, 20), False), ((5, 21, 20), False), ((21, 15, 20), False),
    ],
)  # fmt: skip
def test_bounds_of_the_load_stand_in_order(numbers: tuple[int, int, int], in_order: bool) -> None:
    named = dict(zip(("load_soft_min", "load_soft_max", "load_hard_max"), numbers, strict=True))
    assert loads_in_order(named | {"must_illness": 3}) is in_order
