"""Rules of dated facts: what a change from a day on does to the rows that are there (docs/rules.md T2, T3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True)
class Span:
    """A row `[start, end)`; without an end it is open."""

    id: UUID
    start: date
    end: date | None

    @property
    def is_empty(self) -> bool:
        return self.end == self.start

    def holds(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Change:
    """What to do before the new row opens: close one on the day, empty the later ones that are replaced."""

    close: Span | None
    later: tuple[Span, ...]


def change_from(day: date, spans: Sequence[Span]) -> Change:
    """The rows that a change from `day` meets. Close, then open, in this order; rows that are over stay as they are."""
    live = sorted((span for span in spans if not span.is_empty), key=lambda span: span.start)
    close = next((span for span in live if span.holds(day)), None)
    return Change(close, tuple(span for span in live if span.start > day))
