"""The seal of a chain of audit rows: nothing can be changed, moved, split or left out without another seal."""

from __future__ import annotations

import hmac

import pytest

from backend.rules.audit import seal_mac

KEY, BEFORE, NUMBER = b"k" * 32, b"p" * 32, 7
TEXTS = ["1|一", "2|b"]


def test_is_the_hmac_of_the_link_before_the_number_and_each_row_with_its_length() -> None:
    body = BEFORE + b"\x00" * 7 + b"\x07" + b"\x00\x00\x00\x05" + "1|一".encode() + b"\x00\x00\x00\x032|b"
    assert seal_mac(KEY, BEFORE, NUMBER, TEXTS) == hmac.new(KEY, body, "sha256").digest()


@pytest.mark.parametrize(
    "other",
    [
        (b"x" * 32, BEFORE, NUMBER, TEXTS), (KEY, b"", NUMBER, TEXTS), (KEY, BEFORE, 8, TEXTS),
        (KEY, BEFORE, NUMBER, TEXTS[::-1]), (KEY, BEFORE, NUMBER, TEXTS[:1]), (KEY, BEFORE, NUMBER, ["1|一", "2|c"]),
        (KEY, BEFORE, NUMBER, ["1|一2|b"]), (KEY, BEFORE, NUMBER, ["1|一2", "|b"]), (KEY, BEFORE, NUMBER, [*TEXTS, ""]),
    ],
    ids=["key", "link before", "number", "order", "a row gone", "a row changed", "rows joined", "border moved", "empty row"],
)  # fmt: skip
def test_any_difference_is_another_seal(other: tuple[bytes, bytes, int, list[str]]) -> None:
    assert seal_mac(*other) != seal_mac(KEY, BEFORE, NUMBER, TEXTS)
