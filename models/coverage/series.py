"""A figure over several periods, by the places of a level: open sums exact at this instant, and frozen ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from models import database
from models.coverage import DAILY, MONTHLY
from models.database import Record

# $1 periods, $2 micro-grids, $3 branches or null, $4 and $7 micro-grids and their places, $5 the day of each period's
# stock, $6 today.
ASKED = "unnest($1::int[], $5::date[]) AS asked(id, day)"
#: Obligations that may still be met: column -> what `coverage_pending` calls it. None of what is frozen.
PENDING = {"regular_pending": "r.regular", "must_pending": "r.must"}
READ = (
    "SELECT asked.id AS period_id, r.micro_grid_id, r.branch_id, {columns} FROM {asked} CROSS JOIN LATERAL {source} r"
)


def _open(columns: Sequence[str]) -> str:
    """The open sums of some columns: only the sources are asked that hold one of them, for each costs."""
    sources = {
        "coverage_read(asked.id, $2)": {name: f"r.{name}" for name in columns if name not in DAILY},
        "coverage_on(asked.day, $2)": {"stock": "r.households", "stock_covered": "r.covered"},
        "coverage_pending(asked.id, $2, $6::date)": PENDING,
    }
    return " UNION ALL ".join(
        READ.format(
            asked=ASKED, source=source, columns=", ".join(f"{held.get(name, '0')} AS {name}" for name in columns)
        )
        for source, held in sources.items()
        if any(name in held for name in columns)
    )


def _frozen(columns: Sequence[str]) -> str:
    """The frozen sums: own columns of the period, added-up ones of its months, the stock of its last month."""
    return f"""
      SELECT asked.id AS period_id, f.micro_grid_id, f.branch_id, {", ".join(f"{_kept(name)} AS {name}" for name in columns)}
      FROM {ASKED} JOIN period whole ON whole.id = asked.id JOIN period part ON part.id = ANY (coverage_parts(whole.id))
      JOIN coverage_frozen f ON f.period_id = part.id AND f.micro_grid_id = ANY ($2)"""


def _kept(name: str) -> str:
    if name in PENDING:
        return "0"
    if name in DAILY:
        return f"CASE WHEN part.kind = 'month' AND upper(part.span) = upper(whole.span) THEN f.{name} ELSE 0 END"
    own = "part.kind = 'month'" if name in MONTHLY else "part.id = whole.id"
    return f"CASE WHEN {own} THEN f.{name} ELSE 0 END"


@dataclass(frozen=True)
class Places:
    """The place of each micro-grid, in two arrays that belong together; empty for a total alone, or by branch."""

    grids: Sequence[UUID] = ()
    ids: Sequence[UUID] = ()
    by_branch: bool = False


async def sums(
    period_ids: Sequence[int],
    stock_days: Sequence[date],
    grids: Sequence[UUID],
    branches: Sequence[UUID] | None,
    places: Places,
    columns: Sequence[str],
    today: date,
    *,
    frozen: bool = False,
) -> list[Record]:
    """`period_id, id, …columns` for each period and place that has any household; the id is null for those of no place.

    Places come as arrays, because the statement is prepared once: a generic plan of a join over the paths of regions
    takes a second from the sixth read on.
    """
    figures = _frozen(columns) if frozen else _open(columns)
    place = "s.branch_id" if places.by_branch else "p.id"
    return await database.fetch(
        f"""WITH figures AS MATERIALIZED ({figures})
            SELECT s.period_id, {place} AS id, {", ".join(f"sum(s.{c})::int AS {c}" for c in columns)}
            FROM figures s LEFT JOIN unnest($4::uuid[], $7::uuid[]) AS p(micro_grid_id, id) USING (micro_grid_id)
            WHERE ($3::uuid[] IS NULL OR s.branch_id = ANY ($3)) AND cardinality($5::date[]) > 0 AND $6::date IS NOT NULL
            GROUP BY 1, 2""",
        list(period_ids),
        list(grids),
        None if branches is None else list(branches),
        list(places.grids),
        list(stock_days),
        today,
        list(places.ids),
    )


async def grid_places(grids: Sequence[UUID], level: str) -> list[Record]:
    """`micro_grid_id, id, code, name`: the place of a level in which each micro-grid lies, in order of code."""
    return await database.fetch(
        """SELECT g.id AS micro_grid_id, a.id, a.code, a.name FROM unnest($1::uuid[]) AS one(id) JOIN region g ON g.id = one.id
           CROSS JOIN LATERAL unnest(g.path) AS up(id) JOIN region a ON a.id = up.id AND a.level = $2
           ORDER BY a.code, a.name, a.id, g.id""",
        list(grids),
        level,
    )


async def branch_names(branches: Sequence[UUID]) -> list[Record]:
    """`id, code, name` of branches in order of name; a branch has no code."""
    return await database.fetch(
        "SELECT id, NULL::text AS code, name FROM branch WHERE id = ANY ($1::uuid[]) ORDER BY name, id", list(branches)
    )
