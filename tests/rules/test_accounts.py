"""How long a guesser waits, and how codes survive being read aloud."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from backend.rules.accounts import ALPHABET, CODE_LENGTH, FREE_FAILURES, normalised_code, printed_code, wait_before_next
from backend.settings import CHINA

NOW = datetime(2026, 11, 15, 12, 0, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (1, 0), (4, 0), (5, 2), (6, 4), (7, 8), (13, 512), (14, 900), (15, 900), (10_000, 900)],
)
def test_five_are_free_then_the_wait_doubles_up_to_a_quarter_of_an_hour(failures: int, seconds: int) -> None:
    assert wait_before_next(failures, NOW, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("passed", "left"), [(0, 2), (1, 1), (2, 0), (3600, 0)])
def test_the_wait_runs_from_the_last_failure_and_is_never_negative(passed: int, left: int) -> None:
    last = NOW - timedelta(seconds=passed)
    assert wait_before_next(FREE_FAILURES, last, NOW) == timedelta(seconds=left)


def test_without_a_last_failure_nobody_waits() -> None:
    assert wait_before_next(FREE_FAILURES + 5, None, NOW) == timedelta(0)


@pytest.mark.parametrize(
    "typed", ["7KQM3F9TXW2P", "7kqm-3f9t-xw2p", " 7KQM 3F9T XW2P\n", "7KQM_3F9T_XW2P", "7KQM–3F9T—XW2P"]
)
def test_a_typed_code_is_the_stored_one(typed: str) -> None:
    assert normalised_code(typed) == "7KQM3F9TXW2P"


@pytest.mark.parametrize(("typed", "stored"), [("OoIiLl", "001111"), ("0O", "00"), ("U", "U")])
def test_look_alikes_are_the_digit_they_mean(typed: str, stored: str) -> None:
    assert normalised_code(typed) == stored


def test_a_printed_code_reads_back_and_has_sixty_bits() -> None:
    code = ALPHABET[:CODE_LENGTH]
    assert printed_code(code) == "0123-4567-89AB"
    assert normalised_code(printed_code(ALPHABET)) == ALPHABET
    assert len(set(ALPHABET)) ** CODE_LENGTH >= 2**60
