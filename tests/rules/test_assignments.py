"""The step a link is at, and the first day on which its person may not hold it any more, as tables."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from backend.rules.assignments import AssignmentSource, EndReason, Service, Step, ends_by_rule, step_of
from backend.rules.dated import Span

EAST, WEST = UUID(int=1), UUID(int=2)
TODAY = date(2026, 11, 15)


def nov(day: int) -> date:
    return date(2026, 11, day)


@pytest.mark.parametrize(
    ("source", "start", "end", "reason", "published", "step"),
    [
        (AssignmentSource.MUTUAL_CHOICE, nov(20), None, None, None, Step.AGREED),
        (AssignmentSource.APPOINTED, nov(20), None, None, None, Step.APPOINTED),
        (AssignmentSource.APPOINTED, nov(20), None, None, nov(15), Step.PUBLISHED),
        (AssignmentSource.APPOINTED, nov(20), None, None, nov(16), Step.APPOINTED),
        (AssignmentSource.APPOINTED, nov(15), None, None, None, Step.ACTIVE),
        (AssignmentSource.APPOINTED, nov(1), nov(16), EndReason.OTHER, None, Step.ACTIVE),
        (AssignmentSource.APPOINTED, nov(1), nov(15), EndReason.SUSPENDED, nov(1), Step.SUSPENDED),
        (AssignmentSource.APPOINTED, nov(1), nov(15), EndReason.MISTAKE, nov(1), Step.ENDED),
    ],
)
def test_step(
    source: str, start: date, end: date | None, reason: str | None, published: date | None, step: Step
) -> None:
    assert step_of(source, start, end, reason, published, TODAY) is step


def service(start: int, end: int | None, branch: UUID = EAST, reason: str | None = None) -> Service:
    return Service(nov(start), nov(end) if end else None, branch, reason)


def leave(start: int, end: int | None = None) -> Span:
    return Span(UUID(int=9), nov(start), nov(end) if end else None)


ALWAYS = [service(1, None)]


@pytest.mark.parametrize(
    ("services", "leaves", "answering", "since", "found"),
    [
        pytest.param([service(1, None)], [], ALWAYS, 1, None, id="in service all the time"),
        pytest.param([service(1, None)], [leave(10)], ALWAYS, 5, (10, EndReason.MEMBER_EXEMPT), id="exempt from a day on"),
        pytest.param([service(1, None)], [leave(10)], ALWAYS, 12, (12, EndReason.MEMBER_EXEMPT), id="exempt for a while already"),
        pytest.param([service(1, None)], [leave(3, 5)], ALWAYS, 8, None, id="an exemption that was over before"),
        pytest.param([service(1, 10)], [], ALWAYS, 1, (10, EndReason.MEMBER_LEFT), id="out of service"),
        pytest.param([service(1, 10, EAST, "died")], [], ALWAYS, 1, (10, EndReason.MEMBER_DIED), id="dead"),
        pytest.param([service(1, 10), service(10, None, WEST)], [], ALWAYS, 1, (10, EndReason.MEMBER_LEFT), id="another branch"),
        pytest.param(
            [service(1, 10), service(10, None, WEST)], [], [service(1, 10), service(10, None, WEST)], 1, None,
            id="another branch that answers for the household",
        ),
        pytest.param([service(1, 10), service(10, None)], [], ALWAYS, 1, None, id="something else in the same branch"),
        pytest.param([service(1, None, WEST)], [], ALWAYS, 1, None, id="across the branches from the beginning"),
        pytest.param(
            [service(1, 8), service(12, None)], [leave(10)], ALWAYS, 1, (8, EndReason.MEMBER_LEFT), id="the first of two"
        ),
    ],
)  # fmt: skip
def test_the_first_day_on_which_a_link_is_over(
    services: list[Service],
    leaves: list[Span],
    answering: list[Service],
    since: int,
    found: tuple[int, EndReason] | None,
) -> None:
    told = ends_by_rule(nov(1), None, nov(since), services, leaves, answering)
    assert told == (found and (nov(found[0]), found[1]))


def test_a_link_that_is_over_before_stays_as_it_is() -> None:
    assert ends_by_rule(nov(1), nov(9), nov(1), [service(1, None)], [leave(9)], ALWAYS) is None


def test_a_booked_link_after_the_day_never_begins() -> None:
    """Its row becomes empty: it ends on the day it would have begun."""
    assert ends_by_rule(nov(20), None, nov(10), [service(1, 10)], [], ALWAYS) == (nov(20), EndReason.MEMBER_LEFT)
