"""Cases of regular contact: due dates, what meets them, and changes of the primary (docs/rules.md O3 to O5, C19)."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from tests.models.cases import CONTACTED, DUE, DUE_31, E1, M2, MET, case, handed_over, linked, living
from tests.models.cases.places import home_of_a_linked_member
from tests.models.facts import Facts, november

DUE_28 = DUE | {"exposed": 28, "covered": 28}
AUGUST_4, AUGUST_14 = date(2026, 8, 4), date(2026, 8, 14)
MET_IN_TIME = MET | {"due": 1, "on_time": 1}


def open_on(*days: int) -> dict[str, object]:
    """Due on these days of November and not met."""
    return {"due": len(days), "unmet": [november(day) for day in days]}


def december(*days: int) -> dict[str, object]:
    """The figures of December: due on these days and not met."""
    return DUE_31 | {"due": len(days), "unmet": [date(2026, 12, day) for day in days]}


async def seen(facts: Facts, *days: date, mode: str = "in_person") -> UUID:
    """A linked household with contacts on these days."""
    household = await linked(facts)
    for day in days:
        await facts.visit(M2, household, day, mode)
    return household


# Due dates (O3, O4) ---------------------------------------------------------------------------------------------------
@case(MET_IN_TIME)
async def met_on_4_august_it_is_due_on_2_november_and_met_on_the_9th_in_time(facts: Facts) -> UUID:
    return await seen(facts, AUGUST_4, november(9))


@case(MET | open_on(2), also={202701: DUE_31})
async def met_on_the_10th_it_is_one_day_late_and_the_next_date_is_not_met_by_it(facts: Facts) -> UUID:
    return await seen(facts, AUGUST_4, november(10))


@case(DUE | {"due": 1, "on_time": 1}, also={202612: december(9)})
async def an_early_contact_meets_it_and_opens_the_next(facts: Facts) -> UUID:
    return await seen(facts, AUGUST_4, date(2026, 9, 10))


@case(
    DUE,
    also={
        202604: DUE | {"due": 1, "unmet": [date(2026, 4, 1)]},
        202606: DUE | {"due": 1, "unmet": [date(2026, 6, 30)]},
        202609: DUE | {"due": 1, "unmet": [date(2026, 9, 28)]},
        202612: december(27),
        20264: DUE | {"exposed": 92, "covered": 92},
        2026: DUE | {"exposed": 365, "covered": 365},
    },
)
async def never_seen_since_it_came_it_is_due_every_interval(facts: Facts) -> UUID:
    return await linked(facts)


@case(DUE, also={202612: december(11)})
async def never_seen_for_years(facts: Facts) -> UUID:
    """Since 1 January 2023: the fifteenth date is 12 September 2026, the sixteenth 11 December."""
    since = date(2023, 1, 1)
    household = await facts.household(since)
    await facts.residence(household, E1, since)
    await facts.link(M2, household, since)
    return household


@case(MET | {"due": 1, "on_time": 1}, also={202702: DUE_28 | {"due": 1, "unmet": [date(2027, 2, 10)]}})
async def met_on_the_due_date_itself(facts: Facts) -> UUID:
    return await seen(facts, AUGUST_14, november(12))


@case(CONTACTED | {"due": 1, "on_time": 1})
async def any_contact_meets_an_ordinary_one(facts: Facts) -> UUID:
    return await seen(facts, AUGUST_14, november(12), mode="gathering")


@case(DUE | open_on(12))
async def a_visit_to_ones_own_home_meets_nothing(facts: Facts) -> UUID:
    household, person = await seen(facts, AUGUST_14), await facts.member()
    await facts.home(person, household)
    await facts.visit(person, household, november(10))
    return household


@case(MET | open_on(12), also={202702: DUE_28 | {"due": 1, "unmet": [date(2027, 2, 27)]}})
async def met_three_weeks_late_the_date_before_stays_open(facts: Facts) -> UUID:
    return await seen(facts, AUGUST_14, november(29))


AUGUST_30 = date(2026, 8, 30)


@case(DUE | {"due": 1, "on_time": 1}, also={202612: DUE_31 | {"contacted": 1, "visited": 1}})
async def due_on_the_28th_and_met_in_december_it_was_in_time_in_november(facts: Facts) -> UUID:
    return await seen(facts, AUGUST_30, november(33))


@case(DUE | open_on(28))
async def due_on_the_28th_and_not_met(facts: Facts) -> UUID:
    return await seen(facts, AUGUST_30)


@case({"not_yet": 1}, also={202702: DUE_28 | {"due": 1, "unmet": [date(2027, 2, 18)]}})
async def a_new_household_is_due_one_interval_after_it_came(facts: Facts) -> UUID:
    return await linked(facts, (20, None, "resident"))


@case({"party": 1})
async def nothing_is_due_to_a_party_household(facts: Facts) -> UUID:
    household, _ = await home_of_a_linked_member(facts)
    await facts.visit(M2, household, AUGUST_14)
    return household


# Changes of the primary (O3, O5) --------------------------------------------------------------------------------------
async def seen_and_handed_over(facts: Facts, on: int, *days: date) -> UUID:
    """Handed over on a day of November, with contacts on these days."""
    household = await handed_over(facts, on)
    for day in days:
        await facts.visit(M2, household, day)
    return household


@case(DUE, also={202612: december(5)})
async def handed_over_on_the_5th_nobody_inherits_the_12th(facts: Facts) -> UUID:
    return await seen_and_handed_over(facts, 5, AUGUST_14)


@case(DUE, also={202612: december(12)})
async def handed_over_on_the_due_date_it_is_superseded_too(facts: Facts) -> UUID:
    return await seen_and_handed_over(facts, 12, AUGUST_14)


@case(DUE | open_on(12), also={202612: december(13)})
async def handed_over_the_day_after_the_date_stays(facts: Facts) -> UUID:
    return await seen_and_handed_over(facts, 13, AUGUST_14)


@case(MET | {"due": 1, "on_time": 1}, also={202612: DUE_31 | {"due": 1, "on_time": 1}})
async def met_after_the_hand_over_but_within_seven_days_it_was_in_time(facts: Facts) -> UUID:
    """Due on the 12th, handed over on the 13th, met on the 15th: that meets the new one of 13 December, too."""
    return await seen_and_handed_over(facts, 13, AUGUST_14, november(15))


@case(MET | {"due": 1, "on_time": 1}, also={202612: DUE_31, 202702: DUE_28 | {"due": 1, "unmet": [date(2027, 2, 1)]}})
async def met_before_the_hand_over_it_counts(facts: Facts) -> UUID:
    return await seen_and_handed_over(facts, 5, AUGUST_14, november(3))


@case(MET, also={202612: DUE_31 | {"due": 1, "on_time": 1}})
async def met_on_the_day_of_the_hand_over_it_is_the_new_one_that_is_met(facts: Facts) -> UUID:
    return await seen_and_handed_over(facts, 5, AUGUST_14, november(5))


@case(DUE | {"covered": 27} | open_on(12))
async def the_same_person_again_is_no_change(facts: Facts) -> UUID:
    household = await living(facts)
    await facts.link(M2, household, end=november(5))
    await facts.link(M2, household, november(8))
    await facts.visit(M2, household, AUGUST_14)
    return household


@case(DUE | {"covered": 4} | open_on(12))
async def the_end_of_a_link_alone_is_no_change(facts: Facts) -> UUID:
    household = await living(facts)
    await facts.link(M2, household, end=november(5))
    await facts.visit(M2, household, AUGUST_14)
    return household


@case(DUE | open_on(12))
async def a_backup_is_no_change(facts: Facts) -> UUID:
    household = await seen(facts, AUGUST_14)
    await facts.link(await facts.member(), household, november(5), role="backup")
    return household


@case(DUE | open_on(12))
async def an_empty_link_is_no_change(facts: Facts) -> UUID:
    household = await living(facts)
    await facts.link(await facts.member(), household, november(5), november(5))
    await facts.link(M2, household)
    await facts.visit(M2, household, AUGUST_14)
    return household


@case(DUE | {"covered": 26}, also={202612: december(5)})
async def the_first_primary_has_thirty_days(facts: Facts) -> UUID:
    household = await living(facts)
    await facts.visit(M2, household, AUGUST_14)
    await facts.link(M2, household, november(5))
    return household
