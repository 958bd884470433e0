"""Figures of coverage as the kernel keeps them (migrations 0003 and 0005): reading, drilling down, keeping."""

from uuid import UUID

#: The columns of a figure, the same in `household_period` and `coverage_sum`; a test compares them with the catalogue.
OWN = (
    "households",
    "party",
    "not_yet",
    "exposed",
    "covered",
    "contacted",
    "resident",
    "visited",
    "declined",
    "unreached",
)
#: Kept for months alone: quarters and years add up their months (docs/rules.md C16).
MONTHLY = ("key", "key_visited", "due", "on_time", "waived", "must_due", "must_met", "must_declined")
COLUMNS = (*OWN, *MONTHLY)
#: What comes from a day, not from a period: the stock, and obligations that may still be met.
DAILY = ("stock", "stock_covered", "regular_pending", "must_pending")
#: The branch of a place that no branch answers for.
NOBODY = UUID(int=0)
