"""Each case of the township worked out by hand, against the definition in SQL and against the oracle."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from backend.settings import Settings
from models import database
from tests.models.cases import CASES, E1, EAST, M2, NOVEMBER, WEST, Case, living
from tests.models.cases.places import in_a_new_grid
from tests.models.facts import COLUMNS, NOBODY, OPENED, Facts, period
from tests.models.oracle import Oracle, Row
from tests.models.reading import as_row
from tests.world import of


@pytest.fixture
def facts(db: Settings) -> Facts:
    return Facts(database)  # its functions work in the transaction of the test


async def row_of(household: UUID, number: int = NOVEMBER) -> dict[str, Any] | None:
    """The row of the definition, by column."""
    rows = await database.fetch("SELECT * FROM coverage_of($1, $2)", [household], [number])
    assert len(rows) <= 1
    return dict(rows[0]) if rows else None


def expected(known: Case, number: int) -> Row | None:
    """What the words say of a period."""
    figures = known.figures[number]
    if figures is None:
        return None
    assert figures.keys() <= {*COLUMNS, "unmet", "must_unmet"}
    return Row(
        *known.place,
        tuple(figures.get(column, 0) for column in COLUMNS),
        tuple(figures.get("unmet", ())),
        tuple(figures.get("must_unmet", ())),
    )


@pytest.mark.parametrize("name", CASES)
async def test_the_definition_reads_the_words_so(facts: Facts, name: str) -> None:
    known = CASES[name]
    print(known.words)
    await facts.keep(*known.figures)
    household = await known.make(facts)
    for number in known.figures:
        found = await row_of(household, number)
        assert (found and as_row(found)) == expected(known, number), f"{known.words}: {number}"


@pytest.mark.parametrize("name", CASES)
async def test_the_oracle_reads_the_words_so(facts: Facts, name: str) -> None:
    """It judges the histories of test_histories.py, so it has to be right itself."""
    known = CASES[name]
    print(known.words)
    household = await known.make(facts)
    oracle = await Oracle.read(database)
    for number in known.figures:
        found = oracle.rows(period(number)).get(household)
        assert found == expected(known, number), f"{known.words}: {number}"


@pytest.mark.parametrize(
    ("branches", "branch"),
    [
        pytest.param([(EAST, None, 17), (WEST, 17, None)], EAST, id="most days"),
        pytest.param([(EAST, None, 16), (WEST, 16, None)], WEST, id="a tie goes to the later"),
        pytest.param([(EAST, None, 8), (WEST, 8, 22), (EAST, 22, None)], EAST, id="days of a branch are added"),
        pytest.param([], NOBODY, id="none"),
        pytest.param([(EAST, None, 15)], NOBODY, id="none on most days"),
        pytest.param([(EAST, None, 16)], NOBODY, id="none on as many and later"),
        pytest.param([(EAST, 16, None)], EAST, id="none earlier on as many"),
        pytest.param([(EAST, None, 10), (WEST, 20, None)], WEST, id="none in between on fewer"),
        pytest.param([(EAST, 5, 5), (WEST, None, None)], WEST, id="an empty responsibility"),
    ],
)
async def test_branch_of_a_period_is_the_one_of_most_days(
    facts: Facts, branches: list[tuple[UUID, int | None, int | None]], branch: UUID
) -> None:
    household, grid = await in_a_new_grid(facts, *branches)
    row = await row_of(household)
    assert row and (row["micro_grid_id"], row["branch_id"], row["exposed"]) == (grid, branch, 30)


async def test_another_kind_of_responsibility_makes_no_branch(facts: Facts) -> None:
    household, grid = await in_a_new_grid(facts)
    await facts.insert("responsibility", kind="branch_village", region_id=grid, branch_id=WEST, valid_from=OPENED)
    row = await row_of(household)
    assert row and row["branch_id"] == NOBODY


async def test_the_primarys_branch_is_not_the_households(facts: Facts) -> None:
    household = await living(facts)
    await facts.link(of("person", "m3"), household)
    row = await row_of(household)
    assert row and (row["micro_grid_id"], row["branch_id"]) == (E1, EAST)


async def test_a_must_visit_of_today_needs_no_link_at_all(facts: Facts) -> None:
    """A gap has obligations as well: they belong to the household (docs/rules.md O9)."""
    household = await living(facts)
    await facts.visit(M2, household, date(2026, 8, 14))
    row = await row_of(household)
    assert row and (row["covered"], row["due"], row["unmet"]) == (0, 1, [date(2026, 11, 12)])
