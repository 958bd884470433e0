"""How long must-visits took until somebody came (docs/rules.md C20)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from models import database
from models.database import Record

# Households with a deadline in the months of a period, or their successors, and whether a mark waits for them.
ASKED = """
WITH parts AS MATERIALIZED (SELECT id, span FROM period WHERE kind = 'month' AND id = ANY (coverage_parts($1))),
asked AS MATERIALIZED (
  SELECT DISTINCT h AS household_id, p.id AS period_id
  FROM parts p JOIN must_visit m ON m.due_on >= lower(p.span) AND m.due_on < upper(p.span) AND m.withdrawn_at IS NULL
  CROSS JOIN LATERAL (SELECT m.household_id AS h
                      UNION ALL SELECT s.successor_id FROM succession s WHERE s.household_id = m.household_id AND s.annulled_at IS NULL) x
), reached AS MATERIALIZED (
  SELECT r.h AS household_id, r.p AS period_id
  FROM (SELECT array_agg(d) AS marks FROM coverage_dirty d HAVING count(*) > 0) x, coverage_reach(marks) r WHERE r.p IN (SELECT id FROM parts)
)
SELECT asked.household_id, asked.period_id, k.micro_grid_id, k.branch_id,
       (asked.household_id, asked.period_id) IN (SELECT household_id, period_id FROM reached) AS waits
FROM asked LEFT JOIN household_period k USING (household_id, period_id)"""
# By the definition, where a mark waits.
FRESH = "SELECT household_id, period_id, micro_grid_id, branch_id FROM coverage_of($1::uuid[], $2::int[])"
MEDIAN = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY met_on - since)
FROM must_visits_of($1::uuid[], $2::int[]) WHERE met_on IS NOT NULL"""


async def median_days(period_id: int, grids: Sequence[UUID], branches: Sequence[UUID] | None) -> float | None:
    """The median of the days from the event to the visit, of the must-visits with their deadline in a period that were
    met; of the households that belong to these micro-grids, and to these branches if any are given."""
    asked = await database.fetch(ASKED, period_id)
    waiting = [row for row in asked if row["waits"]]
    placed = [row for row in asked if not row["waits"]]
    if waiting:
        placed += await database.fetch(FRESH, *_pairs(waiting))
    inside, own = set(grids), None if branches is None else set(branches)
    chosen = [row for row in placed if row["micro_grid_id"] in inside and (own is None or row["branch_id"] in own)]
    median: float | None = await database.fetch_value(MEDIAN, *_pairs(chosen)) if chosen else None
    return median


def _pairs(rows: Sequence[Record]) -> tuple[list[UUID], list[int]]:
    return [row["household_id"] for row in rows], [row["period_id"] for row in rows]
