"""Dates of visits at each boundary of V2, and which bodies are the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.rules.visits import (
    CLOCK_AHEAD,
    FREE_BACKFILL_DAYS,
    OLDEST_DAYS,
    Fault,
    canonical_body,
    date_fault,
    is_late,
)
from backend.settings import CHINA

NOON = datetime(2026, 11, 15, 12, 0, tzinfo=CHINA)
TODAY = date(2026, 11, 15)
BEFORE_MIDNIGHT = datetime(2026, 11, 15, 23, 51, tzinfo=CHINA)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("occurred_on", "noted_at", "reason", "now", "opened_on", "fault"),
    [
        pytest.param(TODAY, NOON, None, NOON, None, None, id="now"),
        # Ten minutes ahead are the phone's clock, more is the future.
        pytest.param(TODAY, NOON + CLOCK_AHEAD, None, NOON, None, None, id="noted ten minutes ahead"),
        pytest.param(TODAY, NOON + CLOCK_AHEAD + SECOND, None, NOON, None, Fault.IN_FUTURE, id="noted later than that"),
        pytest.param(TODAY + DAY, NOON, None, NOON, None, Fault.IN_FUTURE, id="visit of tomorrow"),
        pytest.param(
            TODAY + DAY, BEFORE_MIDNIGHT + CLOCK_AHEAD, None, BEFORE_MIDNIGHT, None, None, id="tomorrow in nine minutes"
        ),
        pytest.param(
            TODAY + DAY, BEFORE_MIDNIGHT, None, BEFORE_MIDNIGHT - 2 * CLOCK_AHEAD, None, Fault.IN_FUTURE, id="in half an hour"
        ),
        # A note is not older than what it is about.
        pytest.param(TODAY, noon(TODAY - DAY), None, NOON, None, Fault.NOTED_BEFORE, id="noted a day before"),
        pytest.param(
            TODAY, datetime(2026, 11, 14, 16, 0, tzinfo=UTC), None, NOON, None, None, id="UTC yesterday, China today"
        ),
        pytest.param(
            TODAY, datetime(2026, 11, 14, 15, 59, tzinfo=UTC), None, NOON, None, Fault.NOTED_BEFORE, id="China yesterday"
        ),
        # A year, and not before the household.
        pytest.param(TODAY - OLDEST_DAYS * DAY, NOON, "forgot", NOON, None, None, id="365 days"),
        pytest.param(TODAY - (OLDEST_DAYS + 1) * DAY, NOON, "forgot", NOON, None, Fault.TOO_OLD, id="366 days"),
        pytest.param(TODAY, NOON, None, NOON, TODAY, None, id="on the day of opening"),
        pytest.param(TODAY, NOON, None, NOON, TODAY + DAY, Fault.TOO_OLD, id="before opening"),
        # Seven days are free; it is the day of the note that counts, and not the day of the delivery.
        pytest.param(TODAY - FREE_BACKFILL_DAYS * DAY, NOON, None, NOON, None, None, id="noted after 7 days"),
        pytest.param(TODAY - 8 * DAY, NOON, None, NOON, None, Fault.REASON_MISSING, id="after 8 days without a reason"),
        pytest.param(TODAY - 8 * DAY, NOON, "", NOON, None, Fault.REASON_MISSING, id="after 8 days with an empty reason"),
        pytest.param(TODAY - 8 * DAY, NOON, "paper_record", NOON, None, None, id="after 8 days with a reason"),
        pytest.param(TODAY - 19 * DAY, noon(TODAY - 19 * DAY), None, NOON, None, None, id="noted at once, sent after 19"),
        # The example of V2: a visit of 1 November.
        pytest.param(date(2026, 11, 1), noon(date(2026, 11, 8)), None, NOON, None, None, id="noted on the 8th"),
        pytest.param(
            date(2026, 11, 1), noon(date(2026, 11, 9)), None, NOON, None, Fault.REASON_MISSING, id="noted on the 9th"
        ),
    ],
)  # fmt: skip
def test_date_fault(
    occurred_on: date,
    noted_at: datetime,
    reason: str | None,
    now: datetime,
    opened_on: date | None,
    fault: Fault | None,
) -> None:
    assert date_fault(occurred_on, noted_at, reason, now, opened_on) is fault


@pytest.mark.parametrize(
    ("recorded_at", "late"),
    [
        (datetime(2026, 11, 8, 23, 59, tzinfo=CHINA), False),
        (datetime(2026, 11, 8, 15, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 8, 16, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 9, 0, 0, tzinfo=CHINA), True),
    ],
)
def test_late_is_more_than_seven_days_in_china(recorded_at: datetime, late: bool) -> None:
    assert is_late(date(2026, 11, 1), recorded_at) is late


ONE, TWO = UUID(int=1), UUID(int=2)
BODY: dict[str, Any] = {
    "client_id": UUID(int=7), "household_id": ONE, "occurred_on": TODAY, "noted_at": NOON, "mode": "in_person",
    "outcome": "met", "topics": ["policy", "needs"], "note": None, "companion_ids": [ONE, TWO], "on_behalf_of": None,
    "backfill_reason": None, "needs_follow_up": False,
}  # fmt: skip


@pytest.mark.parametrize(
    "same",
    [
        dict(reversed(BODY.items())),
        BODY | {"noted_at": NOON.astimezone(UTC)},
        BODY | {"topics": ["needs", "policy"]},
        BODY | {"companion_ids": [TWO, ONE]},
    ],
    ids=["order of keys", "zone of the instant", "order of topics", "order of companions"],
)
def test_equal_visits_are_equal_bytes(same: dict[str, Any]) -> None:
    assert canonical_body(same) == canonical_body(BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": UUID(int=8)}, {"household_id": TWO}, {"occurred_on": TODAY - DAY}, {"noted_at": NOON + SECOND},
        {"mode": "remote"}, {"outcome": "declined"}, {"topics": ["policy"]}, {"note": "路灯"}, {"companion_ids": [ONE]},
        {"on_behalf_of": ONE}, {"backfill_reason": "busy"}, {"needs_follow_up": True},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_any_other_value_is_another_visit(change: dict[str, Any]) -> None:
    assert canonical_body(BODY | change) != canonical_body(BODY)
    assert set(change) < set(BODY)
