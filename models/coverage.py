"""Figures of coverage as the kernel keeps them (migration 0003): reading, folding, recounting, checking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from models import database
from models.database import Record

#: The columns of a figure, the same in `household_period` and `coverage_sum`; a test compares them with the catalogue.
COLUMNS = ("households", "party", "not_yet", "exposed", "covered", "contacted", "resident", "visited")
NOBODY = UUID(int=0)

STAMP = "SELECT folds, trees, (SELECT count(*) FROM coverage_dirty) AS marks FROM coverage_state"
_SUMS = ", ".join(f"sum({column})::int AS {column}" for column in COLUMNS)


async def stamp() -> tuple[int, int, int]:
    """Whether any figure may have changed: between two folds marks are only added, so equal stamps mean equal figures."""
    row = await database.fetch_row(STAMP)
    assert row is not None
    return row["folds"], row["trees"], row["marks"]


async def kept_periods() -> list[int]:
    """The kept months in order."""
    return [row["id"] for row in await database.fetch("SELECT id FROM period WHERE kind = 'month' ORDER BY id")]


def _by(level: str) -> tuple[str, str]:
    """How sums are grouped at a level: the join that finds the row's place, and its order."""
    if level == "branch":
        return "LEFT JOIN branch a ON a.id = s.branch_id", "''::text"
    return (
        "LEFT JOIN region g ON g.id = s.micro_grid_id LEFT JOIN region a ON a.id = ANY (g.path) AND a.level = $4",
        "coalesce(a.code, '')",
    )


async def rows(
    period_id: int, grids: Sequence[UUID], branches: Sequence[UUID] | None, level: str, on: date
) -> list[Record]:
    """One row for each place of a level with the sums of the period and the stock on a day, in order of code.

    Places of the level without a household are rows, too, with zeros: they are not silently missing.
    """
    join, order = _by(level)
    places = (
        "SELECT b.id, ''::text AS code, b.name FROM branch b WHERE b.id = ANY ($3::uuid[]) OR false"
        if level == "branch"
        else """SELECT DISTINCT a.id, a.code, a.name FROM region g JOIN region a ON a.id = ANY (g.path) AND a.level = $4
                WHERE g.id = ANY ($2::uuid[])"""
    )
    branch_filter = "AND ($3::uuid[] IS NULL OR branch_id = ANY ($3))"
    return await database.fetch(
        f"""WITH figures AS (
              SELECT micro_grid_id, branch_id, {", ".join(COLUMNS)}, 0::bigint AS stock, 0::bigint AS stock_covered
              FROM coverage_read($1, $2::uuid[]) WHERE true {branch_filter}
              UNION ALL
              SELECT micro_grid_id, branch_id, {", ".join("0" for _ in COLUMNS)}, households, covered
              FROM coverage_on($5::date, $2::uuid[]) WHERE true {branch_filter}
            ), grouped AS (
              SELECT a.id, max(a.name) AS name, max({order}) AS code, {_SUMS}, sum(stock)::int AS stock, sum(stock_covered)::int AS stock_covered
              FROM figures s {join} WHERE $4::text IS NOT NULL GROUP BY a.id
            ), place AS ({places})
            SELECT coalesce(p.id, g.id) AS id, coalesce(p.code, g.code) AS code, coalesce(p.name, g.name) AS name,
                   {", ".join(f"coalesce({column}, 0) AS {column}" for column in (*COLUMNS, "stock", "stock_covered"))}
            FROM place p FULL JOIN grouped g ON g.id = p.id ORDER BY 2, 3, 1""",
        period_id,
        list(grids),
        None if branches is None else list(branches),
        level,
        on,
    )


async def grids_of_branches(branches: Sequence[UUID], period_id: int) -> list[UUID]:
    """The micro-grids that these branches answered for on any day of a period."""
    found = await database.fetch(
        """SELECT DISTINCT p.region_id FROM responsibility p JOIN period ON period.id = $2 AND period.span && p.during
           WHERE p.kind = 'branch_micro_grid' AND p.branch_id = ANY ($1::uuid[])""",
        list(branches),
        period_id,
    )
    return [row["region_id"] for row in found]


async def branches_below(branch_id: UUID) -> list[UUID]:
    """A branch and all below it."""
    return [row["id"] for row in await database.fetch("SELECT id FROM branch WHERE path @> ARRAY[$1::uuid]", branch_id)]


async def fold(at_most: int) -> int:
    """Let the figures follow up to so many marks; returns how many were taken."""
    return int(await database.fetch_value("SELECT coverage_fold($1)", at_most))


async def waiting() -> int:
    """How many marks wait."""
    return int(await database.fetch_value("SELECT count(*) FROM coverage_dirty"))


async def open_period(period_id: int, start: date, until: date) -> bool:
    """Keep a month; False when it is kept already. Its rows come by `recount` in the same transaction."""
    made = await database.execute(
        "INSERT INTO period (id, kind, span) VALUES ($1, 'month', daterange($2, $3)) ON CONFLICT DO NOTHING",
        period_id,
        start,
        until,
    )
    return made == 1


async def lock_folds() -> None:
    """Hold off other folders until the transaction ends."""
    await database.execute("SELECT coverage_lock()")


async def household_chunks(size: int) -> list[list[UUID]]:
    """All households in chunks."""
    found = await database.fetch(
        """SELECT array_agg(id ORDER BY id) AS ids FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / $1::int AS n FROM household) x
           GROUP BY n ORDER BY n""",
        size,
    )
    return [list(row["ids"]) for row in found]


async def recount(period_id: int, households: Sequence[UUID]) -> None:
    """Make the kept rows of these households equal to the definition; the sums move by the differences."""
    await database.execute("SELECT coverage_recount($1, $2::uuid[])", period_id, list(households))


async def settle(period_id: int) -> None:
    """After a recount of all households: add up the sums anew, and let no process give an answer from before."""
    await database.execute("SELECT coverage_settle($1)", period_id)


async def check(period_id: int) -> list[Record]:
    """Kept rows and sums that differ from the definition; none = exact."""
    return await database.fetch("SELECT * FROM coverage_check($1)", period_id)
