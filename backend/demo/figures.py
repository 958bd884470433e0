"""Figures of the loaded facts: which periods are kept, and counting them all at once."""

from __future__ import annotations

from datetime import date

import asyncpg

from backend.demo.bars import Bars
from backend.demo.township import MONTHS
from backend.rules.periods import Kind, Period, to_keep

CHUNK = 2_000
#: The planner has to know the new rows before the figures are counted.
COUNTED_FROM = "residence, assignment, membership, home, responsibility, tier, visit, must_visit, household, region, branch, person"


def periods_of(until: date) -> list[Period]:
    """Thirteen months with that of `until`, the quarters and years that begin within them, and what is kept ahead.

    The years and quarters begun before have no visits in their first months: they would look neglected.
    """
    month = Period.containing(until)
    months = [month.shifted(-back) for back in range(MONTHS + 1)]
    every = {Period.containing(one.start, kind) for one in months for kind in Kind}
    begun = {period for period in every if period.start >= months[-1].start}
    return sorted([*begun, *to_keep(begun, until)])


def counted_at_once(until: date) -> list[Period]:
    """This month and the last: what somebody who has just started looks at."""
    month = Period.containing(until)
    return [one for one in periods_of(until) if one in (month.shifted(-1), month)]


async def count_figures(connection: asyncpg.Connection, until: date, bars: Bars, every: bool) -> None:
    """Keep all periods, count the latest months (`every`: all periods), and drop the marks that this load left.

    What is not counted yet is left to the worker, the latest first; until then an answer says so. Dropping the marks
    is right because counting answers every one of them: under the fold lock nobody else changes figures or periods,
    each mark of this transaction names a household, person or micro-grid that only this transaction can see, and a
    period is counted over all households after all facts were written. Marks of others carry another transaction's
    number and stay.
    """
    await connection.execute("SELECT coverage_lock()")
    await connection.executemany(
        """INSERT INTO period (id, kind, span, definition_version) VALUES ($1, $2, daterange($3, $4), 0)
           ON CONFLICT DO NOTHING""",
        [(one.id, one.kind, one.start, one.until) for one in periods_of(until)],
    )
    await connection.execute(f"ANALYZE {COUNTED_FROM}")
    periods = [one.id for one in (periods_of(until) if every else counted_at_once(until))]
    ids = [row["id"] for row in await connection.fetch("SELECT id FROM household ORDER BY id")]
    bars.expect("figures", len(ids) * len(periods))
    for period in periods:
        for first_one in range(0, len(ids), CHUNK):
            chunk = ids[first_one : first_one + CHUNK]
            await connection.execute("SELECT coverage_recount($1, $2)", period, chunk)
            bars.advance("figures", len(chunk))
        await connection.execute("SELECT coverage_settle($1)", period)
    await connection.execute("DELETE FROM coverage_dirty WHERE xmin = pg_current_xact_id()::xid")
    await connection.execute("ANALYZE household_period, coverage_sum")
