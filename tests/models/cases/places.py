"""Cases of party households, and of where a household belongs (docs/rules.md L4, C7)."""

from __future__ import annotations

from uuid import UUID

from tests.models.cases import DUE, E1, EAST, M2, W1, WEST, case, linked, living
from tests.models.facts import OPENED, Facts, november


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


@case({"households": 1, "resident": 1, "exposed": 20, "covered": 20})
async def a_party_household_enters_when_its_member_is_no_longer_linked_as_a_backup(facts: Facts) -> UUID:
    household, person = await linked(facts), await facts.member("probationary")
    await facts.home(person, household)
    await facts.link(person, await living(facts), end=november(11), role="backup")
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


@case(
    {"households": 1, "resident": 1, "exposed": 15, "covered": 15},
    (W1, WEST),
    also={202610: None, 202612: DUE | {"exposed": 31, "covered": 31}},
)
async def registered_anew_in_another_village_on_the_16th_it_is_counted_there(facts: Facts) -> UUID:
    old = await linked(facts, (None, 16, "resident"))
    new = await linked(facts, (16, None, "resident"), grid=W1)
    assert old != new
    return new


@case({}, also={202610: DUE | {"exposed": 31, "covered": 31}, 202612: None})
async def and_the_old_registration_that_closed_on_the_16th_is_not(facts: Facts) -> UUID:
    return await linked(facts, (None, 16, "resident"))
