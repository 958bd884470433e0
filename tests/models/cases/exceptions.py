"""Cases of cooling-off, and of townships with rules of their own (docs/rules.md O1, O6)."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from models import database
from tests.models.cases import DUE, DUE_31, E1, M2, MET, case, handed_over
from tests.models.cases.obligations import AUGUST_14, december, open_on, seen, seen_and_handed_over
from tests.models.cases.requirements import KEY, KEY_31, key
from tests.models.facts import OPENED, Facts, november
from tests.world import of


# Cooling-off (O6) -----------------------------------------------------------------------------------------------------
async def refused(facts: Facts, *days: int, mode: str = "in_person", seen_on: date = AUGUST_14) -> UUID:
    """Due on 12 November; declined on these days of November."""
    household = await seen(facts, seen_on)
    for day in days:
        await facts.visit(M2, household, november(day), mode, "declined")
    return household


WAIVED = DUE | {"waived": 1}


@case(WAIVED)
async def declined_on_20_october_what_is_due_on_12_november_is_cancelled(facts: Facts) -> UUID:
    return await refused(facts, -11)


@case(WAIVED)
async def the_thirtieth_day_is_the_last(facts: Facts) -> UUID:
    return await refused(facts, -17)


@case(DUE | open_on(12))
async def the_thirty_first_is_not(facts: Facts) -> UUID:
    return await refused(facts, -18)


@case(WAIVED)
async def declined_again_extends_it(facts: Facts) -> UUID:
    return await refused(facts, -25, -6)


@case(WAIVED | {"declined": 1})
async def declined_on_the_due_date_by_telephone(facts: Facts) -> UUID:
    return await refused(facts, 12, mode="remote")


@case(DUE | {"declined": 1} | open_on(12))
async def declined_after_the_due_date_cancels_nothing(facts: Facts) -> UUID:
    return await refused(facts, 13)


@case(MET | {"due": 1, "on_time": 1})
async def met_in_the_cooling_off_it_is_met(facts: Facts) -> UUID:
    household = await refused(facts, -11)
    await facts.visit(M2, household, november(10))
    return household


@case(KEY | {"contacted": 1} | open_on(9))
async def declined_and_called_on_one_day_is_no_refusal(facts: Facts) -> UUID:
    """Key: the call does not meet what is due in person on the 9th, but the household spoke to somebody that day."""
    household = await key(facts, 1)
    await facts.visit(M2, household, november(1), outcome="declined")
    return household


@case(DUE | open_on(12))
async def a_voided_refusal_cancels_nothing(facts: Facts) -> UUID:
    household = await refused(facts, -11)
    await database.execute(
        "UPDATE visit SET voided_at = now() WHERE household_id = $1 AND outcome = 'declined'", household
    )
    return household


@case(DUE | {"declined": 1}, also={202612: DUE_31 | {"waived": 1}})
async def superseded_it_is_not_cancelled_a_second_time(facts: Facts) -> UUID:
    """Due on the 12th, in the cooling-off and after the hand-over; 5 December is in it, too."""
    household = await seen_and_handed_over(facts, 5, AUGUST_14)
    await facts.visit(M2, household, november(-11), outcome="declined")
    await facts.visit(M2, household, november(-11) + timedelta(days=27), outcome="declined")
    return household


# The rules table (O1) -------------------------------------------------------------------------------------------------
async def ruled(facts: Facts, name: str, number: int, start: date, end: date | None = None) -> UUID:
    """A household met on 5 September, under a rule of its township."""
    await facts.rule(name, number, start, end, of("region", "town"))
    return await seen(facts, date(2026, 9, 5))


@case(DUE | open_on(4))
async def a_township_may_want_sixty_days(facts: Facts) -> UUID:
    return await ruled(facts, "interval_ordinary", 60, date(2026, 9, 1))


@case(DUE | open_on(4))
async def the_rule_of_the_day_of_the_anchor_holds(facts: Facts) -> UUID:
    return await ruled(facts, "interval_ordinary", 60, date(2026, 9, 5), date(2026, 9, 6))


@case(DUE, also={202612: december(4)})
async def a_rule_from_the_day_after_does_not(facts: Facts) -> UUID:
    return await ruled(facts, "interval_ordinary", 60, date(2026, 9, 6))


@case(DUE, also={202612: december(4)})
async def a_rule_that_ended_that_day_does_not(facts: Facts) -> UUID:
    return await ruled(facts, "interval_ordinary", 60, date(2026, 1, 1), date(2026, 9, 5))


@case(DUE, also={202612: december(4)})
async def the_rule_of_another_tier_is_another(facts: Facts) -> UUID:
    return await ruled(facts, "interval_away", 60, date(2026, 9, 1))


async def moved_to_another_township(facts: Facts, day: int) -> UUID:
    """Met on 5 September; from a day of November in a township that wants sixty days."""
    county = of("region", "county")
    township = await facts.region("township", county)
    grid = await facts.region("micro_grid", await facts.region("village", township))
    await facts.rule("interval_ordinary", 60, OPENED, None, township)
    household = await facts.household()
    await facts.residence(household, E1, end=november(day))
    await facts.residence(household, grid, november(day))
    await facts.link(M2, household)
    await facts.visit(M2, household, date(2026, 9, 5))
    return household


@case(DUE | open_on(4), also={202610: DUE_31})
async def the_township_is_where_it_was_last_registered_in_the_month(facts: Facts) -> UUID:
    return await moved_to_another_township(facts, 30)


@case(DUE)
async def moved_on_1_december_november_keeps_the_old_township(facts: Facts) -> UUID:
    return await moved_to_another_township(facts, 31)


@case(KEY | open_on(15, 25), also={202612: KEY_31 | {"due": 3, "unmet": [date(2026, 12, day) for day in (5, 15, 25)]}})
async def where_the_interval_is_shorter_a_new_primary_has_fewer_than_thirty_days(facts: Facts) -> UUID:
    household = await handed_over(facts, 5)
    await facts.tier(household)
    await facts.rule("interval_key", 10, OPENED, None, of("region", "town"))
    await facts.visit(M2, household, november(-1))
    return household


@case(KEY | {"contacted": 1, "visited": 1, "key_visited": 1, "due": 2, "on_time": 1, "unmet": [november(30)]})
async def met_late_in_november_the_next_of_ten_days_is_due_on_the_30th(facts: Facts) -> UUID:
    household = await handed_over(facts, 5)
    await facts.tier(household)
    await facts.rule("interval_key", 10, OPENED, None, of("region", "town"))
    for day in (-1, 20):
        await facts.visit(M2, household, november(day))
    return household
