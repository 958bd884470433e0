"""Cases of who is in the set, who is due, who is resident, and which days are covered (docs/rules.md C2, C3, C6, C8, L6)."""

from __future__ import annotations

from uuid import UUID

from tests.models.cases import DUE, M2, case, handed_over, linked, living
from tests.models.facts import OPENED, Facts, november


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
    return await handed_over(facts, 11)


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


# The sets of quarters and years (C3, C16) -----------------------------------------------------------------------------
@case(
    {"not_yet": 1},
    also={
        202612: {"households": 1, "resident": 1, "exposed": 31, "covered": 31},
        20264: {"not_yet": 1},  # 42 of 92 days
        2026: {"not_yet": 1},
    },
)
async def a_quarter_decides_on_itself_and_is_not_added_up(facts: Facts) -> UUID:
    return await linked(facts, (20, None, "resident"))


@case(
    {"households": 1, "resident": 1, "exposed": 16, "covered": 16},
    also={
        202610: None,
        20264: {"households": 1, "resident": 1, "exposed": 47, "covered": 47},
        202612: DUE | {"exposed": 31, "covered": 31},
    },
)
async def opened_on_the_15th_it_is_due_for_the_quarter_with_47_of_92_days(facts: Facts) -> UUID:
    return await linked(facts, (15, None, "resident"))


@case(
    {"households": 1, "resident": 1, "exposed": 22, "covered": 22},
    also={
        202612: None,
        20264: {"households": 1, "resident": 1, "exposed": 53, "covered": 53},
        2026: {"households": 1, "resident": 1, "exposed": 326, "covered": 326},
    },
)
async def closed_on_the_23rd_it_is_still_due_for_the_quarter_and_the_year(facts: Facts) -> UUID:
    return await linked(facts, (None, 23, "resident"))


@case(DUE | {"covered": 10})
async def the_primary_dies_on_the_11th_and_the_household_is_a_gap_the_same_day(facts: Facts) -> UUID:
    household, person = await living(facts), await facts.person()
    await facts.membership(person, end=november(11))
    await facts.link(person, household, end=november(11))
    return household
