"""A township worked out by hand: one household for each reading of docs/rules.md C, November 2026 (30 days).

What is expected is written from the words of the rules. Every household lives in micro-grid e1, which branch `east`
answers for, unless it is about places. `m2` of the small township, in service all the time, is the primary used here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.settings import Settings
from models import coverage, database
from models.visits import Visit
from tests.models.facts import COLUMNS, NOBODY, OPENED, Facts, november
from tests.models.oracle import Oracle, days_of, summed
from tests.world import of

NOVEMBER = 202611
START, END = november(1), november(31)
E1, E2, W1 = (of("region", name) for name in ("e1", "e2", "w1"))
EAST, WEST = of("branch", "east"), of("branch", "west")
M2 = of("person", "m2")
DUE = {"households": 1, "resident": 1, "exposed": 30, "covered": 30}


@pytest.fixture
def facts(db: Settings) -> Facts:
    return Facts(database)  # its functions work in the transaction of the test


async def rows_of(household: UUID, period: int = NOVEMBER) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.fetch("SELECT * FROM coverage_of($1, $2)", [household], [period])]


@dataclass
class Case:
    """Makes a household and returns it; the figures that are not zero; where it belongs."""

    make: Callable[[Facts], Awaitable[UUID]]
    figures: dict[str, int] | None
    place: tuple[UUID, UUID] = (E1, EAST)


CASES: dict[str, Case] = {}


def case(figures: dict[str, int] | None, place: tuple[UUID, UUID] = (E1, EAST)) -> Callable[[Any], Any]:
    """Register a household under the words of its function."""

    def register(make: Callable[[Facts], Awaitable[UUID]]) -> Callable[[Facts], Awaitable[UUID]]:
        CASES[make.__name__] = Case(make, figures, place)
        return make

    return register


async def living(facts: Facts, *stays: tuple[int | None, int | None, str], grid: UUID = E1) -> UUID:
    """A household with residences `(first day of November or None for ever, end or None, status)`."""
    household = await facts.household()
    for start, end, status in stays or ((None, None, "resident"),):
        await facts.residence(
            household, grid, november(start) if start else OPENED, november(end) if end else None, status
        )
    return household


async def linked(facts: Facts, *stays: tuple[int | None, int | None, str]) -> UUID:
    """The same with a primary who is there all the time."""
    household = await living(facts, *stays)
    await facts.link(M2, household)
    return household


# Exposure and who is due (C2, C3) -------------------------------------------------------------------------------------
@case(DUE)
async def open_intervals_count_to_the_end_of_the_period(facts: Facts) -> UUID:
    return await linked(facts)


@case({"households": 1, "resident": 1, "exposed": 15, "covered": 15})
async def opened_on_the_16th_half_of_the_days_is_due(facts: Facts) -> UUID:
    return await linked(facts, (16, None, "resident"))


@case({"not_yet": 1})
async def opened_on_the_17th_is_not_yet_due(facts: Facts) -> UUID:
    return await linked(facts, (17, None, "resident"))


@case({})
async def closed_on_the_16th_half_of_the_days_is_not_enough_and_gone(facts: Facts) -> UUID:
    return await linked(facts, (None, 16, "resident"))


@case({"households": 1, "resident": 1, "exposed": 16, "covered": 16})
async def closed_on_the_17th_more_than_half_is_due(facts: Facts) -> UUID:
    return await linked(facts, (None, 17, "resident"))


@case({})
async def opened_and_closed_inside_with_half_of_the_days(facts: Facts) -> UUID:
    return await linked(facts, (10, 25, "resident"))


@case(None)
async def closed_before_the_period_has_no_row(facts: Facts) -> UUID:
    return await linked(facts, (None, 1, "resident"))


@case(None)
async def nominal_all_the_time_has_no_row(facts: Facts) -> UUID:
    return await linked(facts, (None, None, "nominal"))


@case(None)
async def an_empty_residence_is_no_residence(facts: Facts) -> UUID:
    return await linked(facts, (5, 5, "resident"))


@case({"households": 1, "resident": 1, "exposed": 15, "covered": 15})
async def nominal_half_of_the_days_and_still_registered_is_due(facts: Facts) -> UUID:
    return await linked(facts, (None, 16, "resident"), (16, None, "nominal"))


@case({})
async def nominal_on_more_days_and_on_the_last_is_neither(facts: Facts) -> UUID:
    return await linked(facts, (None, 15, "resident"), (15, None, "nominal"))


@case({"not_yet": 1})
async def nominal_on_more_days_but_not_on_the_last_is_not_yet_due(facts: Facts) -> UUID:
    return await linked(facts, (None, 17, "nominal"), (17, None, "resident"))


@case({"households": 1, "resident": 1, "exposed": 20, "covered": 20})
async def a_hole_of_ten_days_in_the_residence_is_not_exposed(facts: Facts) -> UUID:
    return await linked(facts, (None, 6, "resident"), (16, None, "resident"))


# Resident or away (C6) ------------------------------------------------------------------------------------------------
@case({"households": 1, "exposed": 30, "covered": 30})
async def away_is_in_the_set_and_not_resident(facts: Facts) -> UUID:
    return await linked(facts, (None, None, "away"))


@case(DUE)
async def as_many_days_resident_as_away_is_resident(facts: Facts) -> UUID:
    return await linked(facts, (None, 16, "away"), (16, None, "resident"))


@case({"households": 1, "exposed": 30, "covered": 30})
async def one_day_more_away_is_away(facts: Facts) -> UUID:
    return await linked(facts, (None, 17, "away"), (17, None, "resident"))


@case({"households": 1, "resident": 1, "exposed": 20, "covered": 20})
async def majority_is_over_the_days_in_the_set_alone(facts: Facts) -> UUID:
    return await linked(facts, (None, 11, "resident"), (11, 21, "nominal"), (21, None, "away"))


# Links and gaps (C8, L6) ----------------------------------------------------------------------------------------------
@case(DUE | {"covered": 0})
async def without_a_primary_it_stays_in_the_denominator(facts: Facts) -> UUID:
    return await living(facts)


@case(DUE | {"covered": 0})
async def a_backup_does_not_cover(facts: Facts) -> UUID:
    household = await living(facts)
    await facts.link(M2, household, role="backup")
    return household


@case(DUE | {"covered": 20})
async def a_gap_of_ten_days_costs_ten_days(facts: Facts) -> UUID:
    household = await living(facts)
    await facts.link(M2, household, end=november(6))
    await facts.link(M2, household, november(16))
    return household


@case(DUE)
async def a_hand_over_on_a_day_leaves_no_gap(facts: Facts) -> UUID:
    household = await living(facts)
    await facts.link(M2, household, end=november(11))
    await facts.link(await facts.member(), household, november(11))
    return household


@case(DUE | {"covered": 10})
async def a_link_that_ends_on_the_11th_leaves_the_11th_uncovered(facts: Facts) -> UUID:
    household = await living(facts)
    await facts.link(M2, household, end=november(11))
    return household


@case(DUE | {"covered": 0})
async def an_empty_link_covers_nothing(facts: Facts) -> UUID:
    household = await living(facts)
    await facts.link(M2, household, november(5), november(5))
    return household


@case(DUE | {"covered": 14})
async def a_primary_out_of_service_does_not_cover(facts: Facts) -> UUID:
    household, person = await living(facts), await facts.person()
    await facts.membership(person, end=november(15))
    await facts.link(person, household)
    return household


@case(DUE | {"covered": 25})
async def a_primary_who_leaves_and_returns_covers_on_both_sides(facts: Facts) -> UUID:
    household, person = await living(facts), await facts.person()
    await facts.membership(person, end=november(15))
    await facts.membership(person, november(20), kind="cadre", branch="west")
    await facts.link(person, household)
    return household


@case(DUE)
async def an_exempt_members_open_link_covers(facts: Facts) -> UUID:
    household, person = await living(facts), await facts.member()
    await facts.insert("exemption", person_id=person, reason="age", valid_from=OPENED)
    await facts.link(person, household)
    return household


@case({"households": 1, "resident": 1, "exposed": 20, "covered": 20})
async def days_outside_the_set_are_not_covered(facts: Facts) -> UUID:
    return await linked(facts, (None, 11, "nominal"), (11, None, "resident"))


# Party households (L4) ------------------------------------------------------------------------------------------------
async def home_of_a_linked_member(facts: Facts, kind: str = "full", role: str = "primary") -> tuple[UUID, UUID]:
    """(household, member): the member lives there and is linked to another household."""
    household, person = await linked(facts), await facts.member(kind)
    await facts.home(person, household)
    await facts.link(person, await living(facts), role=role)
    return household, person


@case({"party": 1})
async def party_household_all_month(facts: Facts) -> UUID:
    return (await home_of_a_linked_member(facts))[0]


@case({"party": 1})
async def party_household_of_a_probationary_backup(facts: Facts) -> UUID:
    return (await home_of_a_linked_member(facts, "probationary", "backup"))[0]


@case(DUE)
async def home_of_a_linked_cadre_is_an_ordinary_household(facts: Facts) -> UUID:
    return (await home_of_a_linked_member(facts, "cadre"))[0]


@case(DUE)
async def home_of_a_member_without_links_is_an_ordinary_household(facts: Facts) -> UUID:
    household = await linked(facts)
    await facts.home(await facts.member(), household)
    return household


async def leaving(facts: Facts, day: int) -> UUID:
    """The home of a linked member who leaves service on a day."""
    household, person = await linked(facts), await facts.person()
    await facts.membership(person, end=november(day))
    await facts.home(person, household)
    await facts.link(person, await living(facts))
    return household


@case({"households": 1, "resident": 1, "exposed": 15, "covered": 15})
async def party_household_until_the_member_leaves_on_the_16th(facts: Facts) -> UUID:
    return await leaving(facts, 16)


@case({"party": 1})
async def party_household_until_the_17th_is_kept_out_by_that_alone(facts: Facts) -> UUID:
    return await leaving(facts, 17)


@case({"households": 1, "resident": 1, "exposed": 20, "covered": 20})
async def party_household_until_the_link_ends(facts: Facts) -> UUID:
    household, person = await linked(facts), await facts.member()
    await facts.home(person, household)
    await facts.link(person, await living(facts), end=november(11))
    return household


@case({"households": 1, "resident": 1, "exposed": 19, "covered": 19})
async def party_household_while_the_member_lives_there(facts: Facts) -> UUID:
    household, person = await linked(facts), await facts.member()
    await facts.home(person, household, november(10), november(21))
    await facts.link(person, await living(facts))
    return household


@case({"not_yet": 1})
async def party_household_that_opened_late_anyway_is_not_yet_due(facts: Facts) -> UUID:
    household, person = await linked(facts, (20, None, "resident")), await facts.member()
    await facts.home(person, household)
    await facts.link(person, await living(facts))
    return household


# Place and branch (C7) ------------------------------------------------------------------------------------------------
async def moved(facts: Facts, day: int) -> UUID:
    household = await facts.household()
    await facts.residence(household, E1, end=november(day))
    await facts.residence(household, W1, november(day))
    await facts.link(M2, household)
    return household


@case(DUE, (E1, EAST))
async def moved_on_the_17th_stays_where_it_was_on_most_days(facts: Facts) -> UUID:
    return await moved(facts, 17)


@case(DUE, (W1, WEST))
async def moved_on_the_16th_a_tie_goes_to_the_later_place(facts: Facts) -> UUID:
    return await moved(facts, 16)


@case(DUE, (E1, EAST))
async def away_and_back_counts_all_days_of_a_place(facts: Facts) -> UUID:
    household = await facts.household()
    for grid, start, end in ((E1, OPENED, november(9)), (W1, november(9), november(21)), (E1, november(21), None)):
        await facts.residence(household, grid, start, end)
    await facts.link(M2, household)
    return household


@case({"households": 1, "resident": 1, "exposed": 16, "covered": 16}, (W1, WEST))
async def nominal_days_do_not_decide_the_place(facts: Facts) -> UUID:
    household = await facts.household()
    await facts.residence(household, E1, end=november(15), status="nominal")
    await facts.residence(household, W1, november(15))
    await facts.link(M2, household)
    return household


async def in_a_new_grid(facts: Facts, *branches: tuple[UUID, int | None, int | None]) -> tuple[UUID, UUID]:
    """(household, micro-grid), the branches answering for it from a day of November to another."""
    grid, household = await facts.micro_grid(), await facts.household()
    for branch, start, end in branches:
        await facts.responsibility(grid, branch, november(start) if start else OPENED, november(end) if end else None)
    await facts.residence(household, grid)
    await facts.link(M2, household)
    return household, grid


# Visits (C5, V3, V4, V9) ----------------------------------------------------------------------------------------------
MET = DUE | {"contacted": 1, "visited": 1}
CONTACTED = DUE | {"contacted": 1}


async def visited(facts: Facts, day: int, mode: str = "in_person", outcome: str = "met") -> UUID:
    household = await linked(facts)
    await facts.visit(M2, household, november(day), mode, outcome)
    return household


@case(MET)
async def met_in_person_on_the_first_day(facts: Facts) -> UUID:
    return await visited(facts, 1)


@case(MET)
async def met_in_person_on_the_last_day(facts: Facts) -> UUID:
    return await visited(facts, 30)


@case(DUE)
async def met_the_day_before_and_the_day_after(facts: Facts) -> UUID:
    household = await visited(facts, 0)
    await facts.visit(M2, household, november(31))
    return household


@case(CONTACTED)
async def a_call_is_a_contact_and_not_in_person(facts: Facts) -> UUID:
    return await visited(facts, 10, "remote")


@case(CONTACTED)
async def a_gathering_is_a_contact_and_not_in_person(facts: Facts) -> UUID:
    return await visited(facts, 10, "gathering")


@case(DUE)
async def nobody_home_is_an_attempt(facts: Facts) -> UUID:
    return await visited(facts, 10, outcome="not_home")


@case(DUE)
async def a_refusal_stays_in_the_denominator(facts: Facts) -> UUID:
    return await visited(facts, 10, outcome="declined")


@case(DUE)
async def a_voided_visit_counts_nowhere(facts: Facts) -> UUID:
    household = await visited(facts, 10)
    await database.execute("UPDATE visit SET voided_at = now() WHERE household_id = $1", household)
    return household


@case(MET)
async def two_contradicting_entries_of_a_day_the_strongest_counts(facts: Facts) -> UUID:
    household = await visited(facts, 10, outcome="declined")
    for mode, outcome in (("remote", "met"), ("in_person", "met"), ("in_person", "met"), ("in_person", "not_home")):
        await facts.visit(M2, household, november(10), mode, outcome)
    return household


@case(MET)
async def a_visit_by_somebody_without_any_link_counts_for_the_household(facts: Facts) -> UUID:
    household = await linked(facts)
    await facts.visit(await facts.member("grid_worker"), household, november(10))
    return household


@case(CONTACTED | {"resident": 0})
async def an_away_household_met_in_person_is_contacted_alone(facts: Facts) -> UUID:
    household = await linked(facts, (None, None, "away"))
    await facts.visit(M2, household, november(10))
    return household


async def lived_in(facts: Facts, *companions: UUID, moved_out: int | None = None) -> UUID:
    """A household visited on the 10th by a member who lives there, linked to nobody else, so no party household."""
    household, person = await linked(facts), await facts.member()
    await facts.home(person, household, end=november(moved_out) if moved_out else None)
    await facts.visit(person, household, november(10), "in_person", "met", *companions)
    return household


@case(DUE)
async def a_visit_to_ones_own_home_never_counts(facts: Facts) -> UUID:
    return await lived_in(facts)


@case(MET)
async def with_a_companion_from_outside_it_does(facts: Facts) -> UUID:
    return await lived_in(facts, M2)


@case(DUE)
async def with_a_companion_who_lives_there_too_it_does_not(facts: Facts) -> UUID:
    household, one, other = await linked(facts), await facts.member(), await facts.member()
    for person in (one, other):
        await facts.home(person, household)
    await facts.visit(one, household, november(10), "in_person", "met", other)
    return household


@case(MET)
async def after_moving_out_it_is_a_visit_like_any_other(facts: Facts) -> UUID:
    return await lived_in(facts, moved_out=10)


@case(DUE)
async def on_the_last_day_at_home_it_is_not(facts: Facts) -> UUID:
    return await lived_in(facts, moved_out=11)


@case({"households": 1, "resident": 1, "exposed": 20, "covered": 20, "contacted": 1, "visited": 1})
async def a_contact_on_a_nominal_day_counts(facts: Facts) -> UUID:
    household = await linked(facts, (None, 11, "nominal"), (11, None, "resident"))
    await facts.visit(M2, household, november(5))
    return household


@case({"households": 1, "resident": 1, "exposed": 20, "covered": 20, "contacted": 1, "visited": 1})
async def a_contact_before_it_moved_in_counts(facts: Facts) -> UUID:
    household = await linked(facts, (11, None, "resident"))
    await facts.visit(M2, household, november(5))
    return household


@case({"not_yet": 1})
async def a_contact_with_one_not_yet_due_is_in_no_rate(facts: Facts) -> UUID:
    household = await linked(facts, (20, None, "resident"))
    await facts.visit(M2, household, november(25))
    return household


@case({"party": 1})
async def a_contact_with_a_party_household_is_in_no_rate(facts: Facts) -> UUID:
    household, _ = await home_of_a_linked_member(facts)
    await facts.visit(M2, household, november(10))
    return household


@pytest.mark.parametrize("name", CASES)
async def test_reading(facts: Facts, name: str) -> None:
    known = CASES[name]
    household = await known.make(facts)
    rows = await rows_of(household)
    if known.figures is None:
        assert rows == []
        return
    grid, branch = known.place
    expected = dict.fromkeys(COLUMNS, 0) | known.figures
    assert rows == [
        {"period_id": NOVEMBER, "household_id": household, "micro_grid_id": grid, "branch_id": branch} | expected
    ]


@pytest.mark.parametrize(
    ("branches", "expected"),
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
    facts: Facts, branches: list[tuple[UUID, int | None, int | None]], expected: UUID
) -> None:
    household, grid = await in_a_new_grid(facts, *branches)
    rows = await rows_of(household)
    assert [(row["micro_grid_id"], row["branch_id"], row["exposed"]) for row in rows] == [(grid, expected, 30)]


async def test_another_kind_of_responsibility_makes_no_branch(facts: Facts) -> None:
    household, grid = await in_a_new_grid(facts)
    await facts.insert("responsibility", kind="branch_village", region_id=grid, branch_id=WEST, valid_from=OPENED)
    assert [row["branch_id"] for row in await rows_of(household)] == [NOBODY]


async def test_the_primarys_branch_is_not_the_households(facts: Facts) -> None:
    household = await living(facts)
    await facts.link(of("person", "m3"), household)
    assert [row["branch_id"] for row in await rows_of(household)] == [EAST]


async def everything(facts: Facts) -> list[UUID]:
    """All households of this file in one township; returns its micro-grids."""
    for known in CASES.values():
        await known.make(facts)
    grids = [E1, E2, W1]
    for branches in ((), ((EAST, None, 16),), ((EAST, None, 8), (WEST, 8, 22), (EAST, 22, None))):
        grids.append((await in_a_new_grid(facts, *branches))[1])
    return grids


async def test_the_oracle_and_the_definition_agree_on_every_reading(facts: Facts) -> None:
    """Two workings-out of the same words: this one judges the histories of test_histories.py."""
    await everything(facts)
    oracle = await Oracle.read(database)
    rows = await database.fetch(
        "SELECT * FROM coverage_of((SELECT array_agg(id) FROM household), (SELECT array_agg($1::int) FROM household))",
        NOVEMBER,
    )
    kept = {
        row["household_id"]: (row["micro_grid_id"], row["branch_id"], tuple(row[c] for c in COLUMNS)) for row in rows
    }
    assert kept == oracle.rows(START, END)
    assert len(kept) > len(CASES)


async def test_the_stock_of_every_day_is_the_definition_for_a_period_of_one_day(facts: Facts) -> None:
    grids = await everything(facts)
    days = days_of(START, END)
    for number, day in enumerate(days, 1):
        await database.execute(
            "INSERT INTO period (id, kind, span) VALUES ($1, 'month', daterange($2, $3))",
            number,
            day,
            day + timedelta(days=1),
        )
    defined = await database.fetch(
        """SELECT period_id, micro_grid_id, branch_id, sum(households)::int, sum(covered)::int
           FROM coverage_of((SELECT array_agg(h.id) FROM household h, generate_series(1, 30)),
                            (SELECT array_agg(n) FROM household h, generate_series(1, 30) n)) GROUP BY 1, 2, 3 HAVING sum(households) > 0"""
    )
    pairs = {tuple(row.values())[:3]: tuple(row.values())[3:] for row in defined}
    stock = {
        (number, row["micro_grid_id"], row["branch_id"]): (row["households"], row["covered"])
        for number, day in enumerate(days, 1)
        for row in await database.fetch("SELECT * FROM coverage_on($1, $2)", day, grids)
    }
    assert stock == pairs
    assert len({households for households, _ in stock.values()}) > 5  # days differ, so the comparison says something


async def sums(period: int, grids: list[UUID]) -> dict[tuple[UUID, UUID], tuple[int, ...]]:
    rows = await database.fetch("SELECT * FROM coverage_read($1, $2)", period, grids)
    found = {(row["micro_grid_id"], row["branch_id"]): tuple(row[c] for c in COLUMNS) for row in rows}
    assert len(found) == len(rows)
    return {place: values for place, values in found.items() if any(values)}


async def test_a_read_is_exact_while_marks_wait_and_after_each_fold(facts: Facts) -> None:
    grids = await everything(facts)
    expected = summed((await Oracle.read(database)).rows(START, END).values())
    waiting = await coverage.waiting()
    assert waiting > 100
    while waiting:
        assert await sums(NOVEMBER, grids) == expected
        assert await coverage.fold(41) == min(41, waiting)
        waiting = await coverage.waiting()
    assert await sums(NOVEMBER, grids) == expected
    assert await database.fetch("SELECT * FROM coverage_check($1)", NOVEMBER) == []
    some = grids[::2]
    assert await sums(NOVEMBER, some) == {place: v for place, v in expected.items() if place[0] in some}


NOT_IN_SERVICE = UUID(int=99)
CHANGES: dict[str, str] = {
    "a visit is voided": "UPDATE visit SET voided_at = now()",
    "links end": "UPDATE assignment SET valid_to = '2026-11-20', end_reason = 'other' WHERE valid_to IS NULL AND valid_from < '2026-11-20'",
    "links become backups": "UPDATE assignment SET role = 'backup'",
    "links were a mistake": "UPDATE assignment SET valid_to = valid_from",
    "links go to another person": f"UPDATE assignment SET person_id = '{NOT_IN_SERVICE}' WHERE person_id = '{M2}'",
    "a link starts earlier": "UPDATE assignment SET valid_from = '2026-11-08' WHERE valid_from = '2026-11-16'",
    "links go to another household": f"UPDATE assignment SET household_id = '{of('household', 'h9')}' WHERE household_id = '{of('household', 'h1')}'",
    "residences end": "UPDATE residence SET valid_to = '2026-11-20' WHERE valid_to IS NULL AND valid_from < '2026-11-20'",
    "households go away": "UPDATE residence SET status = 'away'",
    "households become nominal": "UPDATE residence SET status = 'nominal' WHERE valid_from > '2026-11-01'",
    "households move": f"UPDATE residence SET micro_grid_id = '{E2}' WHERE valid_to IS NULL",
    "members leave": "UPDATE membership SET valid_to = '2026-11-20', end_reason = 'moved' WHERE valid_to IS NULL AND valid_from < '2026-11-20'",
    "members become cadres": "UPDATE membership SET kind = 'cadre'",
    "service is another person's": f"UPDATE membership SET person_id = '{NOT_IN_SERVICE}' WHERE person_id = '{M2}'",
    "members move out": "UPDATE home SET valid_to = '2026-11-10' WHERE valid_to IS NULL AND valid_from < '2026-11-10'",
    "members move house": f"UPDATE home SET household_id = '{of('household', 'h7')}'",
    "homes are of somebody else": f"UPDATE home SET person_id = '{NOT_IN_SERVICE}' WHERE household_id = '{of('household', 'h5')}'",
    "branches stop answering": "UPDATE responsibility SET valid_to = '2026-11-10' WHERE valid_to IS NULL AND valid_from < '2026-11-10'",
    "another branch answers": f"UPDATE responsibility SET branch_id = '{WEST}' WHERE kind = 'branch_micro_grid'",
    "it answers for something else": "UPDATE responsibility SET kind = 'branch_village'",
    "a row is deleted by hand": "DELETE FROM home",
}


class Undo(Exception):
    pass


async def test_any_change_of_a_fact_is_seen_at_once_and_after_folding(facts: Facts) -> None:
    grids = await everything(facts)
    await facts.insert("person", id=NOT_IN_SERVICE, name_sealed=b"-", name_masked="某*")
    while await coverage.fold(2000):
        pass
    before = await sums(NOVEMBER, grids)
    wrong = []
    for change, sql in CHANGES.items():
        with contextlib.suppress(Undo):
            async with database.transaction():
                await database.execute(sql)
                expected = summed((await Oracle.read(database)).rows(START, END).values())
                if expected == before:
                    wrong.append(f"{change}: no figure says so, so this shows nothing")
                if await sums(NOVEMBER, grids) != expected:
                    wrong.append(f"{change}: not seen while the marks wait")
                while await coverage.fold(2000):
                    pass
                if await sums(NOVEMBER, grids) != expected:
                    wrong.append(f"{change}: not seen after folding")
                raise Undo
    assert wrong == []


async def test_only_the_end_moving_does_not_touch_the_days_before(facts: Facts) -> None:
    """A hand-over in November leaves last spring alone: otherwise each one would recount a year."""
    household = await linked(facts)
    while await coverage.fold(2000):
        pass
    await database.execute("UPDATE assignment SET valid_to = '2026-11-11' WHERE household_id = $1", household)
    marks = await database.fetch(
        "SELECT household_id, resident_id, lower(during) AS start, upper(during) AS until FROM coverage_dirty"
    )
    assert {(row["household_id"], row["resident_id"], row["start"], row["until"]) for row in marks} == {
        (household, None, date(2026, 11, 11), None), (None, M2, date(2026, 11, 11), None),
    }  # fmt: skip


async def test_an_attempt_leaves_no_mark_and_recording_again_neither(facts: Facts) -> None:
    household = await linked(facts)
    while await coverage.fold(2000):
        pass
    await facts.visit(M2, household, november(3), "in_person", "declined")
    await database.execute("UPDATE visit SET voided_at = now() WHERE household_id = $1", household)
    assert await coverage.waiting() == 0


async def test_folding_again_changes_nothing(facts: Facts) -> None:
    grids = await everything(facts)
    while await coverage.fold(2000):
        pass
    before = await sums(NOVEMBER, grids)
    await database.execute("INSERT INTO coverage_dirty (household_id, during) SELECT id, '(,)' FROM household")
    await database.execute("INSERT INTO coverage_dirty (person_id, during) SELECT id, '(,)' FROM person")
    await coverage.fold(10_000)
    assert await sums(NOVEMBER, grids) == before


async def test_a_period_that_is_zero_throughout_is_no_difference(facts: Facts) -> None:
    """A micro-grid whose only household closed early has a row of zeros and no sum: that agrees (C17)."""
    grid, household = await facts.micro_grid(branch="east"), await facts.household()
    await facts.residence(household, grid, end=november(5))
    while await coverage.fold(2000):
        pass
    assert await coverage.check(NOVEMBER) == []


async def test_a_visits_columns_of_the_model_are_those_the_marks_rely_on() -> None:
    """`coverage_mark_visit` looks at `contact` alone: whatever else a figure reads of a visit may never be rewritten (V4)."""
    assert {"household", "visitor", "companion_ids", "occurred_on", "mode", "outcome", "voided_at"} <= set(
        Visit._meta.fields_map
    )
