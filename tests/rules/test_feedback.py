"""Feedback: when two are the same, and how its number is read out."""

from __future__ import annotations

from uuid import UUID

from backend.rules import feedback as rules

BODY = {"client_id": UUID(int=1), "kind": "fault", "text": "打不开", "contact": None, "signed": False}


def test_two_bodies_are_the_same_only_if_everything_is() -> None:
    same = rules.canonical_body(dict(reversed(BODY.items())))
    assert rules.canonical_body(BODY) == same
    for change in ({"kind": "complaint"}, {"text": "打不开了"}, {"contact": "x"}, {"signed": True}):
        assert rules.canonical_body(BODY | change) != same


def test_the_number_is_short_and_never_cut() -> None:
    assert [rules.printed_number(number) for number in (7, 999999, 1234567)] == ["000007", "999999", "1234567"]
