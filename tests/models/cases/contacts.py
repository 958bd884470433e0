"""Cases of contacts, attempts and refusals (docs/rules.md V3, V4, V9, C5, C10)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from backend.settings import CHINA
from models import database
from tests.models.cases import CONTACTED, DUE, DUE_31, M2, MET, case, linked, visited
from tests.models.cases.places import home_of_a_linked_member
from tests.models.facts import Facts, november


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


@case(DUE | {"unreached": 1})
async def nobody_home_is_an_attempt(facts: Facts) -> UUID:
    return await visited(facts, 10, outcome="not_home")


@case(DUE | {"declined": 1}, also={20264: DUE | {"exposed": 92, "covered": 92, "declined": 1}})
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


@case(DUE)
async def a_voided_refusal_is_none(facts: Facts) -> UUID:
    household = await visited(facts, 10, outcome="declined")
    await database.execute("UPDATE visit SET voided_at = now() WHERE household_id = $1", household)
    return household


@case(DUE | {"declined": 1})
async def declined_by_telephone_and_not_at_home_another_day_is_declined(facts: Facts) -> UUID:
    household = await visited(facts, 10, "remote", "declined")
    await facts.visit(M2, household, november(12), outcome="not_home")
    return household


@case(CONTACTED, also={202610: DUE | {"exposed": 31, "covered": 31, "declined": 1}})
async def declined_last_month_and_called_this_month(facts: Facts) -> UUID:
    household = await visited(facts, 10, "remote")
    await facts.visit(M2, household, november(-3), outcome="declined")
    return household


@case(DUE | {"unreached": 1})
async def nobody_answers_the_telephone(facts: Facts) -> UUID:
    return await visited(facts, 10, "remote", "not_home")


@case({"not_yet": 1})
async def a_refusal_of_one_not_yet_due_is_in_no_count(facts: Facts) -> UUID:
    household = await linked(facts, (20, None, "resident"))
    await facts.visit(M2, household, november(25), outcome="declined")
    return household


@case({"households": 1, "exposed": 30, "covered": 30, "declined": 1})
async def an_away_household_that_declines_is_counted_too(facts: Facts) -> UUID:
    household = await linked(facts, (None, None, "away"))
    await facts.visit(M2, household, november(10), "remote", "declined")
    return household


@case(DUE | {"declined": 1})
async def met_by_somebody_who_lives_there_and_declined_to_others(facts: Facts) -> UUID:
    """The visit to one's own home is no contact (C5), so the refusal is what remains."""
    household = await lived_in(facts)
    await facts.visit(M2, household, november(12), outcome="declined")
    return household


@case(MET)
async def a_backfilled_visit_counts_by_its_day(facts: Facts) -> UUID:
    household, late = await linked(facts), datetime(2027, 1, 20, tzinfo=CHINA)
    await facts.visit(M2, household, november(5), noted_at=late, recorded_at=late, backfill_reason="no_signal")
    return household


@case(MET)
async def a_substitute_whose_link_ended_counts_for_the_household(facts: Facts) -> UUID:
    household, before = await linked(facts), await facts.member()
    await facts.link(before, household, end=november(1), role="backup")
    await facts.visit(before, household, november(10))
    return household


@case(MET)
async def a_cadre_alone_covers_the_household(facts: Facts) -> UUID:
    household = await linked(facts)
    await facts.visit(await facts.member("cadre"), household, november(10))
    return household


@case(MET)
async def entered_by_another_it_has_equal_weight(facts: Facts) -> UUID:
    household = await linked(facts)
    await facts.visit(M2, household, november(10), entered_by=uuid4())
    return household


@case(MET)
async def two_visitors_of_one_day_cover_once(facts: Facts) -> UUID:
    household = await visited(facts, 10)
    await facts.visit(await facts.member(), household, november(10))
    return household


@case(MET)
async def a_joint_visit_is_one_visit_of_many(facts: Facts) -> UUID:
    household = await linked(facts)
    await facts.visit(M2, household, november(10), "in_person", "met", await facts.member(), await facts.member())
    return household


@case(DUE)
async def a_neighbour_ticked_at_a_gathering_is_not_this_household(facts: Facts) -> UUID:
    household, neighbour = await linked(facts), await linked(facts)
    await facts.visit(M2, neighbour, november(10), "gathering")
    return household


@case(
    DUE,
    also={
        202612: DUE_31 | {"contacted": 1, "visited": 1},
        20264: DUE | {"exposed": 92, "covered": 92, "contacted": 1, "visited": 1},
    },
)
async def met_in_december_counts_for_december_and_the_quarter(facts: Facts) -> UUID:
    return await visited(facts, 31)
