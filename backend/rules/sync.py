"""Rules of the phone's copy: what a cursor names, when it still holds, and what is due first (docs/rules.md Y1, O9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Self
from uuid import UUID

import orjson

#: The most households in one answer.
PAGE = 500
#: For so many days it is said what was revoked; a phone that was away for longer is told what it holds now, no more.
REMEMBERED_DAYS = 30


@dataclass(frozen=True)
class Cursor:
    """What a phone knows: all that was committed before `horizon`, as it was on `day`.

    `after` is set between the pages of one answer: the last household that was given, in an answer of what changed
    since `since` (None: of everything). The horizon is that of the first page.
    """

    epoch: UUID
    horizon: int
    day: date
    trees: int
    branch_id: UUID | None
    colleagues: str | None
    since: int | None = None
    after: UUID | None = None

    def text(self) -> str:
        """The cursor as JSON; it is sealed before it leaves."""
        parts = (
            self.epoch,
            self.horizon,
            self.day,
            self.trees,
            self.branch_id,
            self.colleagues,
            self.since,
            self.after,
        )
        return orjson.dumps(parts, default=str).decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor that `text` made."""
        epoch, horizon, day, trees, branch, colleagues, since, after = orjson.loads(text)
        return cls(
            UUID(epoch),
            horizon,
            date.fromisoformat(day),
            trees,
            branch and UUID(branch),
            colleagues,
            since,
            after and UUID(after),
        )

    def is_remembered(self, epoch: UUID, today: date) -> bool:
        """Whether it can be said what was revoked since: the same database, and not too long ago."""
        return self.epoch == epoch and 0 <= (today - self.day).days <= REMEMBERED_DAYS

    def goes_on(self, epoch: UUID, today: date, trees: int, branch_id: UUID | None) -> bool:
        """Whether the changes since are enough. States and links follow the day, and names of places and the branch
        are not looked for household by household; when one of these is another, everything is sent."""
        return (self.epoch, self.day, self.trees, self.branch_id) == (epoch, today, trees, branch_id)

    @property
    def known(self) -> int | None:
        """Up to where the phone knows what was revoked."""
        return self.since if self.after else self.horizon


@dataclass(frozen=True)
class Owed:
    """Something due to a household: a kind of regular contact, or of a must-visit."""

    due_on: date
    kind: str


def first_of(must_visits: Iterable[Owed], regular: Owed | None) -> Owed | None:
    """What a household is due first; of one day, a must-visit."""
    owed = [*must_visits, *([regular] if regular else [])]
    return min(owed, key=lambda one: one.due_on, default=None)


def is_mine(role: str, led: bool) -> bool:
    """Whether what a household is due is this person's task: the primary's, and a backup's while there is none (O9)."""
    return role == "primary" or not led
