"""Cases of must-visits: what meets, declines and withdraws them (docs/rules.md O7, C20)."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from models import database
from tests.models.cases import CONTACTED, DUE, DUE_31, M2, MET, case, linked, living
from tests.models.cases.contacts import lived_in
from tests.models.cases.places import home_of_a_linked_member
from tests.models.facts import Facts, november

OPEN = {"must_due": 1, "must_unmet": [november(13)]}
DONE = {"must_due": 1, "must_met": 1}


async def asked(facts: Facts, household: UUID | None = None) -> UUID:
    """A household with a must-visit from the 10th of November, due on the 13th."""
    household = household or await linked(facts)
    await facts.must_visit(household, november(10), november(13))
    return household


async def came(facts: Facts, day: int, mode: str = "in_person", outcome: str = "met") -> UUID:
    """The same, with a visit."""
    household = await asked(facts)
    await facts.visit(M2, household, november(day), mode, outcome)
    return household


@case(DUE | OPEN, also={20264: DUE | {"exposed": 92, "covered": 92}})
async def nobody_came(facts: Facts) -> UUID:
    return await asked(facts)


@case(MET | DONE)
async def came_on_the_day_it_happened(facts: Facts) -> UUID:
    return await came(facts, 10)


@case(MET | DONE)
async def came_on_the_deadline(facts: Facts) -> UUID:
    return await came(facts, 13)


@case(MET | OPEN)
async def came_a_day_late(facts: Facts) -> UUID:
    return await came(facts, 14)


@case(MET | OPEN)
async def came_the_day_before(facts: Facts) -> UUID:
    return await came(facts, 9)


@case(CONTACTED | OPEN)
async def a_call_is_not_enough(facts: Facts) -> UUID:
    return await came(facts, 11, "remote")


@case(CONTACTED | OPEN)
async def a_gathering_is_not_enough(facts: Facts) -> UUID:
    return await came(facts, 11, "gathering")


@case(DUE | OPEN | {"unreached": 1})
async def nobody_was_at_home(facts: Facts) -> UUID:
    return await came(facts, 11, outcome="not_home")


@case(CONTACTED | DONE)
async def after_two_days_with_nobody_at_home_a_call_is_enough(facts: Facts) -> UUID:
    household = await came(facts, 12, "remote")
    for day in (5, 11):
        await facts.visit(M2, household, november(day), outcome="not_home")
    return household


@case(CONTACTED | OPEN)
async def twice_on_one_day_with_nobody_at_home_is_once(facts: Facts) -> UUID:
    household = await came(facts, 12, "remote")
    for day in (11, 11):
        await facts.visit(M2, household, november(day), outcome="not_home")
    return household


@case({"households": 1, "exposed": 30, "covered": 30, "contacted": 1} | DONE)
async def away_on_the_day_of_the_call_it_is_enough(facts: Facts) -> UUID:
    household = await asked(facts, await linked(facts, (None, 11, "resident"), (11, None, "away")))
    await facts.visit(M2, household, november(11), "remote")
    return household


@case({"households": 1, "exposed": 30, "covered": 30, "contacted": 1} | OPEN)
async def called_the_day_before_it_went_away_it_is_not(facts: Facts) -> UUID:
    household = await asked(facts, await linked(facts, (None, 12, "resident"), (12, None, "away")))
    await facts.visit(M2, household, november(11), "remote")
    return household


@case(DUE | {"declined": 1, "must_declined": 1})
async def declined_in_time_it_leaves_the_rate(facts: Facts) -> UUID:
    return await came(facts, 13, outcome="declined")


@case(DUE | OPEN | {"declined": 1})
async def declined_after_the_deadline_it_stays(facts: Facts) -> UUID:
    return await came(facts, 14, outcome="declined")


@case(DUE | OPEN | {"declined": 1})
async def declined_before_it_was_asked_for_it_stays(facts: Facts) -> UUID:
    return await came(facts, 9, outcome="declined")


@case(MET | DONE)
async def declined_once_and_met_in_time(facts: Facts) -> UUID:
    household = await came(facts, 11, outcome="declined")
    await facts.visit(M2, household, november(13))
    return household


@case(MET | {"must_declined": 1})
async def declined_in_time_and_met_too_late(facts: Facts) -> UUID:
    household = await came(facts, 11, outcome="declined")
    await facts.visit(M2, household, november(14))
    return household


@case(DUE)
async def withdrawn_it_is_in_no_figure(facts: Facts) -> UUID:
    household = await asked(facts)
    await database.execute(
        "UPDATE must_visit SET withdrawn_at = now(), withdraw_reason = 'mistake' WHERE household_id = $1", household
    )
    return household


@case(
    DUE,
    also={202612: DUE_31 | {"must_due": 1, "must_unmet": [date(2026, 12, 2)], "due": 1, "unmet": [date(2026, 12, 27)]}},
)
async def it_belongs_to_the_month_of_its_deadline(facts: Facts) -> UUID:
    household = await linked(facts)
    await facts.must_visit(household, november(29), november(32))
    return household


@case(DUE | DONE, also={202610: DUE_31 | {"contacted": 1, "visited": 1}})
async def met_in_october_before_a_deadline_in_november(facts: Facts) -> UUID:
    household = await linked(facts)
    await facts.must_visit(household, november(-1), november(2))
    await facts.visit(M2, household, november(0))
    return household


@case(MET, also={202612: DUE_31 | DONE})
async def a_return_is_met_by_a_visit_since_the_day_it_came_back(facts: Facts) -> UUID:
    """Back on 2 November, raised on the 17th, due on 2 December."""
    household = await linked(facts)
    await facts.must_visit(household, november(2), november(32), "return")
    await facts.visit(M2, household, november(3))
    return household


@case(MET | {"must_due": 2, "must_met": 2})
async def one_visit_meets_two(facts: Facts) -> UUID:
    household = await came(facts, 12)
    await facts.must_visit(household, november(11), november(14), "disaster")
    return household


@case(DUE | {"must_due": 2, "must_unmet": [november(13), november(13)]})
async def two_of_one_day_are_two(facts: Facts) -> UUID:
    return await asked(facts, await asked(facts))


@case({"not_yet": 1} | OPEN)
async def one_not_yet_due_needs_it_as_well(facts: Facts) -> UUID:
    household = await living(facts, (20, None, "resident"))
    return await asked(facts, household)


@case({"party": 1} | OPEN)
async def a_party_household_needs_it_as_well(facts: Facts) -> UUID:
    return await asked(facts, (await home_of_a_linked_member(facts))[0])


@case(None)
async def one_that_is_not_ours_all_month_has_none(facts: Facts) -> UUID:
    return await asked(facts, await linked(facts, (None, None, "nominal")))


@case(DUE | OPEN)
async def a_visit_to_ones_own_home_is_none(facts: Facts) -> UUID:
    return await asked(facts, await lived_in(facts))


@case(CONTACTED | OPEN)
async def declined_at_the_door_and_called_on_one_day_is_no_refusal(facts: Facts) -> UUID:
    """The strongest outcome of a day is the household's (V9)."""
    household = await came(facts, 11, outcome="declined")
    await facts.visit(M2, household, november(11), "remote")
    return household
