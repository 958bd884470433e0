"""Proving what can be proved: figures, the audit chain, and the rules that constraints are only a net for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from backend.services import audit
from backend.services.coverage import keeping
from backend.services.coverage.keeping import Progress
from models import checks

FIGURES = "figures that differ from the facts"
AUDIT = "the audit chain does not hold"
#: How many questions are asked in all.
ASKED = len(checks.QUESTIONS) + 2


@dataclass(frozen=True)
class Finding:
    """A question that should have no answer: how many there are, and a line for each of the first (ids only)."""

    question: str
    count: int
    lines: Sequence[str]


async def run(progress: Progress | None = None) -> list[Finding]:
    """Everything that is not as it must be; none = all holds."""
    found = await rules()
    for question, answers in ((AUDIT, await audit.check()), (FIGURES, await keeping.check(None, progress))):
        if answers:
            found.append(Finding(question, len(answers), _first(answers, str)))
    return found


async def rules() -> list[Finding]:
    """Overlaps, orphans and facts that contradict one another, found without believing an index."""
    return [Finding(one.question, one.number, _first(one.rows, _line)) for one in await checks.all_findings()]


def _first(answers: Sequence[Any], line: Callable[[Any], str]) -> list[str]:
    return [line(answer) for answer in answers[: checks.FIRST]]


def _line(row: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
