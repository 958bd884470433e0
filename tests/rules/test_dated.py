"""What a change from a day on meets (T2, T3)."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from backend.rules.dated import Span, change_from


def day(number: int) -> date:
    return date(2026, 11, number)


PAST = Span(UUID(int=1), day(1), day(5))
NOW = Span(UUID(int=2), day(5), day(10))
EMPTY = Span(UUID(int=3), day(12), day(12))
BOOKED = Span(UUID(int=4), day(14), day(20))
OPEN = Span(UUID(int=5), day(20), None)
ALL = (OPEN, BOOKED, EMPTY, PAST, NOW)  # in no order


@pytest.mark.parametrize(
    ("on", "close", "later"),
    [
        pytest.param(1, PAST, (NOW, BOOKED, OPEN), id="first day counts"),
        pytest.param(4, PAST, (NOW, BOOKED, OPEN), id="last day that counts"),
        pytest.param(5, NOW, (BOOKED, OPEN), id="the end does not count, the next begins"),
        pytest.param(10, None, (BOOKED, OPEN), id="a gap"),
        pytest.param(12, None, (BOOKED, OPEN), id="an empty row is not there"),
        pytest.param(14, BOOKED, (OPEN,), id="a row that starts on the day is closed, not replaced"),
        pytest.param(30, OPEN, (), id="an open row"),
    ],
)
def test_change_from(on: int, close: Span | None, later: tuple[Span, ...]) -> None:
    change = change_from(day(on), ALL)
    assert (change.close, change.later) == (close, later)


def test_before_everything_all_are_later_in_their_order() -> None:
    change = change_from(date(2026, 10, 1), ALL)
    assert (change.close, change.later) == (None, (PAST, NOW, BOOKED, OPEN))


def test_without_rows_there_is_nothing_to_do() -> None:
    change = change_from(day(1), [])
    assert (change.close, change.later) == (None, ())


@pytest.mark.parametrize(
    ("span", "held"), [(PAST, [1, 2, 3, 4]), (EMPTY, []), (OPEN, [20, 21, 30])], ids=["closed", "empty", "open"]
)
def test_holds_its_first_day_and_not_its_last(span: Span, held: list[int]) -> None:
    asked = (1, 2, 3, 4, 5, 11, 12, 13, 19, 20, 21, 30)
    assert [number for number in asked if span.holds(day(number))] == held
