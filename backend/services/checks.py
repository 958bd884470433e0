"""Proving what can be proved: figures, the audit chain, and the rules that constraints are only a net for."""

from __future__ import annotations

from backend.services import audit, coverage
from models import checks


async def run() -> list[str]:
    """A sentence for everything that is not as it must be; none = all holds."""
    return [*await coverage.check(), *await audit.check(), *await rules()]


async def rules() -> list[str]:
    """Overlaps that an exclusion constraint should have refused, and facts that contradict one another."""
    found = []
    for sentence, rows in await checks.all_findings():
        found += [f"{sentence}: {', '.join(str(value) for value in row.values())}" for row in rows]
    return found
