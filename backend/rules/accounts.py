"""Rules of signing in: invitation codes, how long things are good for, and how guessing is slowed (docs/rules.md S5, S6)."""

from __future__ import annotations

from datetime import datetime, timedelta

PHONE_SESSION = timedelta(days=90)
CONSOLE_SESSION = timedelta(hours=12)
UNBOUND_SESSION = timedelta(hours=1)
INVITATION = timedelta(days=7)
#: Failures older than this are forgotten.
FAILURE_WINDOW = timedelta(minutes=30)
FREE_FAILURES = 5
LONGEST_WAIT = timedelta(minutes=15)

#: Crockford's base 32: no I, L, O, U, so a code survives being read aloud and typed by hand.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 12  # 60 bits
_READ_AS = str.maketrans("ILO", "110")


def normalised_code(text: str) -> str:
    """An invitation code as typed -> as stored: upper case, no separators, look-alikes read as the digit they mean."""
    return "".join(c for c in text.upper() if c.isalnum()).translate(_READ_AS)


def printed_code(code: str) -> str:
    """7KQM3F9TXW2P -> 7KQM-3F9T-XW2P."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def wait_before_next(failures: int, last: datetime | None, now: datetime) -> timedelta:
    """How long signing in must wait after this many recent failures: nothing at first, then doubling from 2 seconds.

    The count is kept by account and network, so a stranger elsewhere cannot lock anybody out.
    """
    if failures < FREE_FAILURES or last is None:
        return timedelta(0)
    wait = min(timedelta(seconds=2 ** min(failures - FREE_FAILURES + 1, 12)), LONGEST_WAIT)
    return max(timedelta(0), last + wait - now)
