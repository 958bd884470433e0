"""Periods: how they are written, where they begin and end, which are kept on a day (C1, T5)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backend.rules.periods import Kind, Period, stock_day, to_keep

NOVEMBER = Period(date(2026, 11, 1), Kind.MONTH)


def parsed(*texts: str) -> list[Period]:
    found = [Period.parse(text) for text in texts]
    assert None not in found
    return [period for period in found if period is not None]


@pytest.mark.parametrize(
    ("text", "number", "start", "until", "last"),
    [
        ("2026-11", 202611, date(2026, 11, 1), date(2026, 12, 1), date(2026, 11, 30)),
        ("2026-12", 202612, date(2026, 12, 1), date(2027, 1, 1), date(2026, 12, 31)),
        ("2026-01", 202601, date(2026, 1, 1), date(2026, 2, 1), date(2026, 1, 31)),
        ("2028-02", 202802, date(2028, 2, 1), date(2028, 3, 1), date(2028, 2, 29)),
        ("2026Q1", 20261, date(2026, 1, 1), date(2026, 4, 1), date(2026, 3, 31)),
        ("2026Q4", 20264, date(2026, 10, 1), date(2027, 1, 1), date(2026, 12, 31)),
        ("2026", 2026, date(2026, 1, 1), date(2027, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_is_half_open_and_known_by_its_number(
    text: str, number: int, start: date, until: date, last: date
) -> None:
    period = Period.parse(text)
    assert period is not None
    assert (str(period), period.id, period.start, period.until, period.last_day) == (text, number, start, until, last)
    assert Period.of_id(number) == period
    assert {Period.containing(day, period.kind) for day in (start, last)} == {period}
    assert Period.containing(until, period.kind) == period.shifted(1)


@pytest.mark.parametrize(
    "text",
    [
        "2026-00", "2026-13", "2026-1", "202611", "20264", "2026Q0", "2026Q5", "2026q4", "2026-Q4", "2026-11-01", "1999-12",
        "1999", "", "2026-11 ", "2026-11\n", "2026\n", "२०२६-११", "2026Q４", "2026—11", "3026", "None",
    ],
)  # fmt: skip
def test_anything_else_is_no_period(text: str) -> None:
    assert Period.parse(text) is None


def test_months_inside_follow_one_another_and_fill_the_whole() -> None:
    for whole, count in ((NOVEMBER, 1), (parsed("2026Q4")[0], 3), (parsed("2026")[0], 12)):
        assert len(whole.months) == count
        days = [
            month.start + timedelta(days=n) for month in whole.months for n in range((month.until - month.start).days)
        ]
        assert days == [whole.start + timedelta(days=n) for n in range((whole.until - whole.start).days)]


@pytest.mark.parametrize(
    ("text", "number", "other"),
    [
        ("2026-11", 2, "2027-01"), ("2026-01", -1, "2025-12"), ("2026Q4", 1, "2027Q1"), ("2026Q1", -4, "2025Q1"),
        ("2026", -1, "2025"), ("2026-11", 0, "2026-11"), ("2026-03", -15, "2024-12"),
    ],
)  # fmt: skip
def test_shifting(text: str, number: int, other: str) -> None:
    assert [one.shifted(number) for one in parsed(text)] == parsed(other)
    assert [one.shifted(-number) for one in parsed(other)] == parsed(text)


def test_the_year_before_is_the_same_period() -> None:
    assert [str(one.year_before) for one in parsed("2028-02", "2026Q4", "2026")] == ["2027-02", "2025Q4", "2025"]


def test_order_is_by_start_and_then_the_smaller_unit() -> None:
    texts = ["2025-12", "2026-01", "2026Q1", "2026", "2026-02", "2026Q2"]
    assert [str(one) for one in sorted(parsed(*reversed(texts)))] == texts


OF_2026 = ["2026Q1", "2026Q2", "2026Q3", "2026Q4", "2026"]
MONTHS = [f"2026-{month:02}" for month in range(1, 13)]


@pytest.mark.parametrize(
    ("kept", "today", "missing"),
    [
        pytest.param([], date(2026, 11, 24), [*MONTHS[:11], *OF_2026], id="first"),
        pytest.param([], date(2026, 11, 25), [*MONTHS, *OF_2026], id="first, from the 25th"),
        pytest.param([], date(2026, 1, 1), ["2026-01", "2026Q1", "2026"], id="first, on New Year's Day"),
        pytest.param([*MONTHS[:11], *OF_2026], date(2026, 11, 24), [], id="all there"),
        pytest.param([*MONTHS[:11], *OF_2026], date(2026, 11, 25), ["2026-12"], id="the next from the 25th"),
        pytest.param([*MONTHS, *OF_2026], date(2026, 11, 30), [], id="the next is there"),
        pytest.param([*MONTHS, *OF_2026], date(2026, 12, 24), [], id="before Christmas"),
        pytest.param(
            [*MONTHS, *OF_2026], date(2026, 12, 25), ["2027-01", "2027Q1", "2027"], id="the next year from the 25th"
        ),
        pytest.param(
            [*MONTHS[8::-1], *OF_2026[:3], "2026"], date(2027, 2, 3),
            ["2026-10", "2026-11", "2026-12", "2026Q4", "2027-01", "2027-02", "2027Q1", "2027"],
            id="asleep over new year, in any order",
        ),
        pytest.param(
            [*MONTHS[:8], "2026Q1", "2026Q2", "2026Q3", "2026"], date(2026, 9, 25), ["2026-09", "2026-10", "2026Q4"],
            id="the next quarter from the 25th",
        ),
        pytest.param(["2026-10", "2026-11"], date(2026, 11, 15), [*MONTHS[:9], *OF_2026], id="with their months"),
        pytest.param([*MONTHS[9:11], *OF_2026], date(2026, 11, 15), MONTHS[:9], id="months that never came with theirs"),
        pytest.param(["2027-01", *MONTHS, *OF_2026, "2027Q1", "2027"], date(2026, 11, 15), [], id="ahead"),
    ],
)  # fmt: skip
def test_to_keep(kept: list[str], today: date, missing: list[str]) -> None:
    assert to_keep(parsed(*kept), today) == sorted(parsed(*missing))


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        ("2026-11", date(2026, 11, 15), date(2026, 11, 15)),
        ("2026-10", date(2026, 11, 15), date(2026, 10, 31)),
        ("2026-12", date(2026, 11, 26), date(2026, 12, 1)),
        ("2026", date(2026, 11, 15), date(2026, 11, 15)),
        ("2025", date(2026, 11, 15), date(2025, 12, 31)),
        ("2026-11", date(2026, 11, 30), date(2026, 11, 30)),
        ("2026-11", date(2026, 12, 1), date(2026, 11, 30)),
    ],
)
def test_the_stock_is_of_today_or_of_the_nearest_day(text: str, today: date, day: date) -> None:
    assert [stock_day(one, today) for one in parsed(text)] == [day]
