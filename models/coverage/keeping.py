"""Keeping figures: periods, folding marks, freezing, recounting, comparing with the definition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from backend.rules.audit import Action
from models import database
from models.coverage import COLUMNS
from models.database import Record


async def kept_periods() -> dict[int, int]:
    """The kept periods and the catalogue that their rows follow; 0 = not counted yet."""
    return {
        row["id"]: row["definition_version"]
        for row in await database.fetch("SELECT id, definition_version FROM period")
    }


async def fold(at_most: int) -> int:
    """Let the figures follow up to so many marks; returns how many were taken."""
    return int(await database.fetch_value("SELECT coverage_fold($1)", at_most))


async def waiting() -> int:
    """How many marks wait."""
    return int(await database.fetch_value("SELECT count(*) FROM coverage_dirty"))


async def open_period(period_id: int, kind: str, start: date, until: date) -> bool:
    """Keep a period, not counted yet; False when it is kept already."""
    made = await database.execute(
        """INSERT INTO period (id, kind, span, definition_version) VALUES ($1, $2, daterange($3, $4), 0)
           ON CONFLICT DO NOTHING""",
        period_id,
        kind,
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
    """After a recount of all that differed: add up the sums anew, and let no process give an answer from before."""
    await database.execute("SELECT coverage_settle($1)", period_id)


async def differing_households(period_id: int, households: Sequence[UUID]) -> list[Record]:
    """Of these households, the kept row and the definition's row where the two differ, as JSON; either may be null.

    One statement, so one snapshot, and no lock. Households that a waiting mark reaches are left out: of them a read
    takes no kept row but works them out.
    """
    return await database.fetch(
        """WITH waits AS MATERIALIZED (
             SELECT r.h FROM (SELECT array_agg(d) AS marks FROM coverage_dirty d HAVING count(*) > 0) x, coverage_reach(marks) r WHERE r.p = $1),
           truth AS MATERIALIZED (SELECT * FROM coverage_of($2::uuid[], array_fill($1::int, ARRAY[cardinality($2::uuid[])]))),
           kept AS MATERIALIZED (SELECT * FROM household_period WHERE period_id = $1 AND household_id = ANY ($2::uuid[]))
           SELECT household_id, coalesce(t.micro_grid_id, k.micro_grid_id) AS micro_grid_id, to_jsonb(k)::text AS kept, to_jsonb(t)::text AS truth
           FROM truth t FULL JOIN kept k USING (household_id)
           WHERE t IS DISTINCT FROM k AND household_id NOT IN (SELECT h FROM waits) ORDER BY household_id""",
        period_id,
        list(households),
    )


async def rows_of_nobody(period_id: int) -> list[Record]:
    """Kept rows of households that do not exist."""
    return await database.fetch(
        """SELECT household_id, micro_grid_id FROM household_period p
           WHERE period_id = $1 AND NOT EXISTS (SELECT FROM household WHERE id = p.household_id) ORDER BY household_id""",
        period_id,
    )


async def differing_sums(period_id: int) -> list[Record]:
    """The sums that are not the sums of their kept rows, both as arrays in the order of COLUMNS."""
    return await database.fetch(
        f"""SELECT micro_grid_id, branch_id, coalesce(k.v, zero.v) AS kept, coalesce(t.v, zero.v) AS truth
            FROM (SELECT micro_grid_id, branch_id, ARRAY[{", ".join(COLUMNS)}] AS v FROM coverage_sum WHERE period_id = $1) k
            FULL JOIN (SELECT micro_grid_id, branch_id, ARRAY[{", ".join(f"sum({column})::int" for column in COLUMNS)}] AS v
                       FROM household_period WHERE period_id = $1 GROUP BY 1, 2) t USING (micro_grid_id, branch_id),
            (SELECT array_fill(0, ARRAY[{len(COLUMNS)}]) AS v) zero
            WHERE coalesce(k.v, zero.v) <> coalesce(t.v, zero.v) ORDER BY 1, 2""",
        period_id,
    )


async def check(period_id: int) -> list[Record]:
    """Kept rows and sums that differ from the definition, of all households in one statement; fold first."""
    return await database.fetch("SELECT * FROM coverage_check($1)", period_id)


async def recounted_of(names: Sequence[str]) -> list[str]:
    """Which of these periods a recount of exactly these has done, if it was begun within a day and not finished."""
    begun = await database.fetch_row(
        """SELECT id, changed FROM audit_entry WHERE action = $1 AND reason = 'begun' AND at > now() - interval '1 day'
           ORDER BY id DESC LIMIT 1""",
        Action.COVERAGE_RECOUNT,
    )
    if begun is None or list(begun["changed"]) != list(names):
        return []
    done = await database.fetch(
        "SELECT DISTINCT changed[1] AS name FROM audit_entry WHERE action = $1 AND reason IS NULL AND id > $2",
        Action.COVERAGE_RECOUNT,
        begun["id"],
    )
    finished = {row["name"] for row in done}
    return [] if finished >= set(names) else [name for name in names if name in finished]


async def last_check() -> datetime | None:
    """When the worker last compared figures with the facts."""
    found: datetime | None = await database.fetch_value("SELECT checked_at FROM coverage_state")
    return found


async def note_check(at: datetime, differences: int) -> None:
    """Write down what a comparison found."""
    await database.execute("UPDATE coverage_state SET checked_at = $1, differences = $2", at, differences)


async def has_rows(period_id: int) -> bool:
    """Whether any household has figures in a period."""
    return bool(
        await database.fetch_value("SELECT EXISTS (SELECT FROM household_period WHERE period_id = $1)", period_id)
    )


async def freeze(period_id: int, part: str, catalogue: int) -> bool:
    """Copy a part of a period's figures for good; False when that was done before."""
    return bool(await database.fetch_value("SELECT coverage_freeze($1, $2, $3)", period_id, part, catalogue))


async def frozen() -> set[tuple[int, str]]:
    """The (period, part) pairs that are frozen."""
    return {(row["period_id"], row["part"]) for row in await database.fetch("SELECT period_id, part FROM frozen_part")}


async def gauges(catalogue: int) -> Record:
    """What an alarm is set on: marks, the last comparison, the audit without a seal, periods not yet counted anew.

    Ages in seconds; null where there is nothing to be old.
    """
    row = await database.fetch_row(
        """SELECT d.marks, d.oldest_mark, s.differences, extract(epoch FROM now() - s.checked_at)::float AS check_age,
                  a.unsealed, a.oldest_unsealed, (SELECT count(*) FROM period WHERE definition_version < $1) AS stale_periods
           FROM coverage_state s,
             (SELECT count(*) AS marks, extract(epoch FROM now() - min(marked_at))::float AS oldest_mark FROM coverage_dirty) d,
             (SELECT count(*) AS unsealed, extract(epoch FROM now() - min(at))::float AS oldest_unsealed
              FROM audit_entry WHERE seal_no IS NULL) a""",
        catalogue,
    )
    assert row is not None
    return row
