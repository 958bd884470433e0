"""Reading figures: sums by place, exact at this instant, and the frozen ones beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from models import database
from models.coverage import COLUMNS, DAILY, MONTHLY, OWN
from models.database import Record

STAMP = "SELECT folds, trees, (SELECT count(*) FROM coverage_dirty) AS marks FROM coverage_state"

# One row for each micro-grid and branch. $1 period, $2 micro-grids, $3 the day of the stock, $4 the day of reading.
OPEN = f"""
  SELECT micro_grid_id, branch_id, {", ".join(COLUMNS)}, 0::bigint AS stock, 0::bigint AS stock_covered,
         0::bigint AS regular_pending, 0::bigint AS must_pending FROM coverage_read($1, $2)
  UNION ALL SELECT micro_grid_id, branch_id, {", ".join("0" for _ in COLUMNS)}, households, covered, 0, 0 FROM coverage_on($3::date, $2)
  UNION ALL SELECT micro_grid_id, branch_id, {", ".join("0" for _ in COLUMNS)}, 0, 0, regular, must FROM coverage_pending($1, $2, $4::date)"""
# The same of the frozen copies: own columns of the period, added-up ones of its months, the stock of its last month.
FROZEN = f"""
  SELECT micro_grid_id, branch_id, {", ".join(f"CASE WHEN period_id = $1 THEN {column} ELSE 0 END" for column in OWN)}, {", ".join(MONTHLY)},
         CASE WHEN period_id = (SELECT m.id FROM period m, period p WHERE p.id = $1 AND m.kind = 'month' AND upper(m.span) = upper(p.span)) THEN stock ELSE 0 END,
         CASE WHEN period_id = (SELECT m.id FROM period m, period p WHERE p.id = $1 AND m.kind = 'month' AND upper(m.span) = upper(p.span)) THEN stock_covered ELSE 0 END,
         0, 0
  FROM coverage_frozen WHERE period_id = ANY (coverage_parts($1)) AND micro_grid_id = ANY ($2) AND $3::date IS NOT NULL AND $4::date IS NOT NULL"""
NAMES = ", ".join((*COLUMNS, *DAILY))


async def stamp() -> tuple[int, int, int]:
    """Whether any figure may have changed: between two folds marks are only added, so equal stamps mean equal figures."""
    row = await database.fetch_row(STAMP)
    assert row is not None
    return row["folds"], row["trees"], row["marks"]


async def rows(
    period_id: int,
    grids: Sequence[UUID],
    branches: Sequence[UUID] | None,
    level: str,
    stock_day: date,
    today: date,
    *,
    frozen: bool = False,
) -> list[Record]:
    """One row for each place of a level, in order of code, with the sums of the period, the stock on a day and what
    may still be met today; of the frozen copies if asked.

    Places of the level without a household are rows, too, with zeros: they are not silently missing.
    """
    if level == "branch":
        join, order = "LEFT JOIN branch a ON a.id = s.branch_id", "''::text"
        places = "SELECT b.id, ''::text AS code, b.name FROM branch b WHERE b.id = ANY ($5::uuid[])"
    else:
        join = "LEFT JOIN region g ON g.id = s.micro_grid_id LEFT JOIN region a ON a.id = ANY (g.path) AND a.level = $6"
        order = "coalesce(a.code, '')"
        places = """SELECT DISTINCT a.id, a.code, a.name FROM region g JOIN region a ON a.id = ANY (g.path) AND a.level = $6
                    WHERE g.id = ANY ($2::uuid[])"""
    return await database.fetch(
        f"""WITH figures (micro_grid_id, branch_id, {NAMES}) AS ({FROZEN if frozen else OPEN}),
            grouped AS (
              SELECT a.id, max(a.name) AS name, max({order}) AS code, {_sums()}
              FROM figures s {join} WHERE $6::text IS NOT NULL AND ($5::uuid[] IS NULL OR s.branch_id = ANY ($5)) GROUP BY a.id
            ), place AS ({places})
            SELECT coalesce(p.id, g.id) AS id, coalesce(p.code, g.code) AS code, coalesce(p.name, g.name) AS name,
                   {", ".join(f"coalesce({column}, 0) AS {column}" for column in (*COLUMNS, *DAILY))}
            FROM place p FULL JOIN grouped g ON g.id = p.id ORDER BY 2, 3, 1""",
        period_id,
        list(grids),
        stock_day,
        today,
        None if branches is None else list(branches),
        level,
    )


def _sums() -> str:
    return ", ".join(f"sum(s.{column})::int AS {column}" for column in (*COLUMNS, *DAILY))


async def frozen_parts(period_id: int) -> Mapping[str, Record]:
    """The parts of a period that are frozen, each with the catalogue and the instant: of a quarter or a year only when
    they are frozen of all its months, too; the stock is that of the last month."""
    return (await frozen_parts_of([period_id])).get(period_id, {})


async def frozen_parts_of(period_ids: Sequence[int]) -> Mapping[int, Mapping[str, Record]]:
    """The same of several periods; those without a frozen part are missing."""
    found = await database.fetch(
        """WITH whole AS (SELECT id, kind, span FROM period WHERE id = ANY ($1::int[])),
           month AS (SELECT whole.id AS whole, m.id, upper(m.span) = upper(whole.span) AS is_last
                     FROM period m JOIN whole ON m.span <@ whole.span WHERE m.kind = 'month'),
           needed AS (
             SELECT whole, 'stock' AS part, id FROM month WHERE is_last
             UNION ALL SELECT whole, part, id FROM month, unnest(ARRAY['contact', 'on_time']) part
             UNION ALL SELECT id, 'contact', id FROM whole WHERE kind <> 'month')
           SELECT n.whole, n.part, min(f.definition_version) AS definition_version, max(f.frozen_at) AS frozen_at
           FROM needed n LEFT JOIN frozen_part f ON f.period_id = n.id AND f.part = n.part
           GROUP BY n.whole, n.part HAVING bool_and(f.period_id IS NOT NULL)""",
        list(period_ids),
    )
    parts: dict[int, dict[str, Record]] = {}
    for row in found:
        parts.setdefault(row["whole"], {})[row["part"]] = row
    return parts


async def grids_of_branches(branches: Sequence[UUID], start: date, until: date) -> list[UUID]:
    """The micro-grids that these branches answered for on any day of a period."""
    found = await database.fetch(
        """SELECT DISTINCT region_id FROM responsibility
           WHERE kind = 'branch_micro_grid' AND branch_id = ANY ($1::uuid[]) AND during && daterange($2::date, $3)""",
        list(branches),
        start,
        until,
    )
    return [row["region_id"] for row in found]


async def branches_below(branch_id: UUID) -> list[UUID]:
    """A branch and all below it."""
    return [row["id"] for row in await database.fetch("SELECT id FROM branch WHERE path @> ARRAY[$1::uuid]", branch_id)]
