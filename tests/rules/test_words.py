"""The codes that travel and are stored, and the words that a user reads."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest
from marshmallow import ValidationError

from backend.rules import assignments, audit, feedback, households, obligations, people, reasons, regions, visits
from backend.rules.proposals import facts
from backend.rules.proposals import words as proposed
from schemas import visits as wire

CODES: list[type[StrEnum]] = [
    assignments.AssignmentRole, assignments.AssignmentSource, assignments.EndReason, audit.Action,
    feedback.FeedbackKind, feedback.FeedbackState, households.ResidenceStatus, households.TierReason, obligations.Due, obligations.MustVisitKind, obligations.MustVisitState,
    obligations.Source, facts.Near, facts.Unfilled, people.Ability, people.PersonKind, people.ExemptionReason, reasons.Purpose, reasons.Reason, regions.Level, regions.BranchKind,
    regions.ResponsibilityKind, regions.RuleName, visits.Credit, visits.Fault,
]  # fmt: skip
WORDS = [visits.MODES, visits.OUTCOMES, visits.TOPICS, visits.BACKFILL_REASONS, visits.VOID_REASONS,
         feedback.KINDS, feedback.STATES, obligations.KINDS, people.ABILITIES, proposed.NEAR, proposed.UNFILLED, obligations.WITHDRAW_REASONS, reasons.PURPOSES, reasons.REASONS, reasons.GAP_REASONS,
         reasons.CANCELLED, reasons.REQUIRED, reasons.VISITS,
         {name: rule.words for name, rule in regions.RULES.items()}]  # fmt: skip


@pytest.mark.parametrize("codes", CODES, ids=lambda codes: codes.__name__)
def test_a_code_is_the_small_form_of_its_name(codes: type[StrEnum]) -> None:
    assert [code.value.replace(".", "_").upper() for code in codes] == [code.name for code in codes]


def test_actions_are_in_alphabetical_order() -> None:
    assert [action.value for action in audit.Action] == sorted(action.value for action in audit.Action)


@pytest.mark.parametrize("words", WORDS, ids=lambda words: next(iter(words)))
def test_each_choice_has_words_of_its_own_and_none_speaks_of_attendance(words: dict[str, str]) -> None:
    assert all(re.fullmatch(r"[a-z_]+", code) for code in words)
    assert len(set(words.values())) == len(words)
    assert not re.search("打卡|签到|考勤|得分|上访|情绪|思想", "".join(words.values()))  # docs/rules.md P1, P2, P5


def test_the_wire_takes_these_choices_and_no_other() -> None:
    for name, words in {
        "mode": visits.MODES,
        "outcome": visits.OUTCOMES,
        "backfill_reason": visits.BACKFILL_REASONS,
    }.items():
        field = wire.VisitIn().fields[name]
        assert [field.deserialize(code) for code in words] == list(words)
        with pytest.raises(ValidationError):
            field.deserialize("another")
