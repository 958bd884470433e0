"""Cases of what is required of key and away households, and of moves and absence (docs/rules.md O2, O5, C18)."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from tests.models.cases import CONTACTED, DUE, DUE_31, E1, M2, MET, W1, case, linked, living
from tests.models.cases.obligations import AUGUST_14, december, open_on, seen
from tests.models.facts import Facts, november

# Key households (O2) --------------------------------------------------------------------------------------------------
KEY = DUE | {"key": 1}
KEY_31 = DUE_31 | {"key": 1}


async def key(facts: Facts, *calls: int, missed: tuple[int, ...] = (), mode: str = "in_person") -> UUID:
    """A key household met in person on 10 October, called on days of November; on others nobody was at home."""
    household = await seen(facts, date(2026, 10, 10))
    await facts.tier(household)
    for day in calls:
        await facts.visit(M2, household, november(day), "remote")
    for day in missed:
        await facts.visit(M2, household, november(day), mode, "not_home")
    return household


@case(
    KEY | {"contacted": 1} | open_on(9),
    also={
        202610: KEY_31 | {"contacted": 1, "visited": 1, "key_visited": 1},
        202612: KEY_31 | {"due": 1, "unmet": [date(2026, 12, 9)]},
    },
)
async def a_call_does_not_meet_what_is_due_in_person(facts: Facts) -> UUID:
    """Due on 28 October: met on the 10th, early."""
    return await key(facts, 5)


@case(KEY | {"contacted": 1, "due": 1, "on_time": 1}, also={202612: KEY_31 | {"due": 1, "unmet": [date(2026, 12, 5)]}})
async def after_nobody_was_at_home_on_two_days_a_call_does(facts: Facts) -> UUID:
    return await key(facts, 5, missed=(-2, 3))


@case(KEY | {"contacted": 1, "due": 1, "on_time": 1})
async def the_day_of_the_call_itself_is_among_them(facts: Facts) -> UUID:
    return await key(facts, 5, missed=(3, 5))


@case(KEY | {"contacted": 1} | open_on(9))
async def twice_on_one_day_is_one_day(facts: Facts) -> UUID:
    return await key(facts, 5, missed=(3, 3))


@case(KEY | {"contacted": 1, "due": 1, "on_time": 1})
async def thirty_days_before_the_call_is_among_them(facts: Facts) -> UUID:
    return await key(facts, 5, missed=(-25, 3))


@case(KEY | {"contacted": 1} | open_on(9))
async def thirty_one_days_before_is_not(facts: Facts) -> UUID:
    return await key(facts, 5, missed=(-26, 3))


@case(KEY | {"contacted": 1} | open_on(9))
async def attempts_after_the_call_do_not_help(facts: Facts) -> UUID:
    return await key(facts, 5, missed=(6, 7))


@case(KEY | {"contacted": 1} | open_on(9))
async def nobody_answering_the_telephone_twice_is_not_enough(facts: Facts) -> UUID:
    return await key(facts, 5, missed=(2, 3), mode="remote")


@case(MET | {"key": 1, "key_visited": 1}, also={202612: KEY_31 | {"due": 1, "unmet": [date(2026, 12, 20)]}})
async def key_from_the_20th_a_visit_before_that_satisfies_the_month(facts: Facts) -> UUID:
    """The change starts an obligation: 4 November + 30 is before 20 November + 30."""
    household = await seen(facts, november(4))
    await facts.tier(household, november(20))
    return household


@case(CONTACTED | {"key": 1})
async def key_and_only_called(facts: Facts) -> UUID:
    household = await seen(facts, november(4), mode="remote")
    await facts.tier(household, november(20))
    return household


@case(KEY)
async def key_on_one_day_of_the_month(facts: Facts) -> UUID:
    household = await linked(facts)
    await facts.tier(household, november(30), november(31))
    return household


@case(DUE)
async def an_empty_tier_is_none(facts: Facts) -> UUID:
    household = await linked(facts)
    await facts.tier(household, november(5), november(5))
    return household


@case({"households": 1, "resident": 1, "exposed": 20, "covered": 20})
async def key_on_days_outside_the_set_alone_is_not_in_the_key_figure(facts: Facts) -> UUID:
    household = await linked(facts, (None, 11, "nominal"), (11, None, "resident"))
    await facts.tier(household, end=november(11))
    return household


@case({"households": 1, "exposed": 30, "covered": 30})
async def an_away_key_household_is_not_in_the_key_figure(facts: Facts) -> UUID:
    household = await linked(facts, (None, None, "away"))
    await facts.tier(household)
    return household


@case(KEY | {"due": 1, "unmet": [november(19)]}, also={202610: {"not_yet": 1}})
async def two_rows_of_the_key_tier_are_united(facts: Facts) -> UUID:
    """Never seen since 20 October, when it came as a key household."""
    household = await facts.household(november(-11))
    await facts.residence(household, E1, november(-11))
    await facts.link(M2, household, november(-11))
    await facts.tier(household, november(-11), november(10))
    await facts.tier(household, november(5))
    return household


@case(KEY | {"due": 2, "on_time": 1, "unmet": [november(9)]})
async def handed_over_and_met_on_one_day_are_two_dates(facts: Facts) -> UUID:
    """On 10 October: the change is due on 9 November and met at once, the contact asks for the next on the same day."""
    household = await living(facts)
    await facts.tier(household)
    await facts.link(M2, household, end=november(-21))
    await facts.link(await facts.member(), household, november(-21))
    await facts.visit(M2, household, november(-21))
    return household


# Away, moves and absence ----------------------------------------------------------------------------------------------
MAY_10 = date(2026, 5, 10)


@case({"households": 1, "exposed": 30, "covered": 30, "contacted": 1, "due": 1, "on_time": 1})
async def away_it_is_due_after_180_days_and_a_call_meets_it(facts: Facts) -> UUID:
    household = await linked(facts, (None, None, "away"))
    for day in (MAY_10, november(10)):
        await facts.visit(M2, household, day, "remote")
    return household


async def home_again(facts: Facts, day: int) -> UUID:
    """Away, called on 10 May, so due on 6 November; home again on a day of November."""
    household = await linked(facts, (None, day, "away"), (day, None, "resident"))
    await facts.visit(M2, household, MAY_10, "remote")
    return household


@case(DUE | open_on(6), also={202612: december(10)})
async def home_again_on_the_10th_what_was_due_before_stays(facts: Facts) -> UUID:
    return await home_again(facts, 10)


@case(DUE, also={202612: december(4)})
async def home_again_on_the_4th_it_is_superseded(facts: Facts) -> UUID:
    return await home_again(facts, 4)


@case(DUE | open_on(12))
async def moving_to_another_micro_grid_changes_nothing(facts: Facts) -> UUID:
    household = await facts.household()
    await facts.residence(household, E1, end=november(20))
    await facts.residence(household, W1, november(20))
    await facts.link(M2, household)
    await facts.visit(M2, household, AUGUST_14)
    return household


@case({}, also={202612: DUE_31 | {"due": 1, "unmet": [date(2026, 12, 31)]}})
async def nominal_from_the_5th_the_12th_is_superseded(facts: Facts) -> UUID:
    """Back on 1 December: 14 August + 90 is long over, so 30 days."""
    household = await linked(facts, (None, 5, "resident"), (5, 31, "nominal"), (31, None, "resident"))
    await facts.visit(M2, household, AUGUST_14)
    return household


@case({"due": 1, "unmet": [november(12)]})
async def gone_from_the_13th_it_is_not_due_but_its_obligation_was(facts: Facts) -> UUID:
    household = await linked(facts, (None, 13, "resident"))
    await facts.visit(M2, household, AUGUST_14)
    return household
