"""What the database says of households, in the form of the oracle, and where the two differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from tests.models.facts import COLUMNS, MONTHLY, Period
from tests.models.oracle import Oracle, Row, Sums

ALL = "(SELECT array_agg(id ORDER BY id) FROM household), (SELECT array_agg($1::int) FROM household)"
TOTALS = ", ".join(f"sum({column})::int AS {column}" for column in COLUMNS)


def as_row(row: Any) -> Row:
    """A row of `household_period` or of the definition."""
    unmet, must_unmet = (tuple(row[name] or ()) for name in ("unmet", "must_unmet"))
    return Row(row["micro_grid_id"], row["branch_id"], tuple(row[column] for column in COLUMNS), unmet, must_unmet)


def compared(records: list[Any], truth: dict[UUID, Row]) -> list[str]:
    """Households whose rows differ from the truth, and in what: `household: column found, truth`."""
    found = {row["household_id"]: as_row(row) for row in records}
    return [
        f"{household}: {told_apart(found.get(household), truth.get(household))}"
        for household in sorted(found.keys() | truth.keys())
        if found.get(household) != truth.get(household)
    ]


def told_apart(found: Row | None, truth: Row | None) -> str:
    """The columns in which two rows differ."""
    if found is None or truth is None:
        return f"found {found}, in truth {truth}"
    figures = zip(COLUMNS, found.figures, truth.figures, strict=True)
    others = ((name, getattr(found, name), getattr(truth, name)) for name in ("grid", "branch", "unmet", "must_unmet"))
    return "; ".join(f"{name} {left}, in truth {right}" for name, left, right in (*figures, *others) if left != right)


async def differences(connection: Any, oracle: Oracle, period: Period) -> list[str]:
    """Where the definition differs from the oracle."""
    return compared(await connection.fetch(f"SELECT * FROM coverage_of({ALL})", period.id), oracle.rows(period))


async def defined(connection: Any, period: Period, months: Iterable[Period]) -> Sums:
    """What a reader should be told of a period, by the definition; what is monthly is added up from months."""
    sums: Counter[tuple[UUID, UUID, str]] = Counter()
    for one in {period, *months}:
        for row in await connection.fetch(
            f"SELECT micro_grid_id, branch_id, {TOTALS} FROM coverage_of({ALL}) GROUP BY 1, 2", one.id
        ):
            for column in COLUMNS:
                monthly = column in MONTHLY and period.kind != "month"
                if one == period or (monthly and period.start <= one.start and one.until <= period.until):
                    sums[row["micro_grid_id"], row["branch_id"], column] += row[column]
    places = {(grid, branch) for (grid, branch, _), number in sums.items() if number}
    return {place: tuple(sums[*place, column] for column in COLUMNS) for place in places}


async def obligation_faults(connection: Any, oracle: Oracle, period: Period) -> list[str]:
    """Where the list of regular obligations differs from the oracle's: each that counts or is cancelled by a refusal is
    there once, and a superseded one has one of the reasons that hold."""
    if period.kind != "month":
        return []
    shown: Counter[tuple[Any, ...]] = Counter()
    wrong = []
    for row in await connection.fetch(f"SELECT * FROM obligations_of({ALL})", period.id):
        known = row["household_id"], row["kind"], row["since"], row["due_on"]
        if row["in_person"] != (row["kind"] == "key"):
            wrong.append(f"in person or not: {dict(row)}")
        if row["cancelled"] in (None, "declined"):
            shown[(*known, row["met_on"], row["cancelled"])] += 1
        elif not any(
            row["cancelled"] in one.cancelled and (one.kind, one.since, one.due_on) == known[1:]
            for one in oracle.obligations(row["household_id"], period)
        ):
            wrong.append(f"superseded for no reason: {dict(row)}")
    truth: Counter[tuple[Any, ...]] = Counter()
    for household in oracle.rows(period):
        for one in oracle.obligations(household, period):
            if not one.superseded:
                truth[
                    household, one.kind, one.since, one.due_on, one.met_on, "declined" if one.cancelled else None
                ] += 1
    wrong += [f"only in the database: {one}" for one in shown - truth]
    return wrong + [f"only in the oracle: {one}" for one in truth - shown]
