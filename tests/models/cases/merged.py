"""Cases of households that were merged or split (docs/rules.md C25)."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from uuid import UUID

from models import database
from tests.models.cases import DUE, DUE_31, E1, M2, MET, W1, WEST, case, linked, living
from tests.models.facts import Facts, november

QUARTER = {"exposed": 92, "covered": 92}


class Merged(NamedTuple):
    """Two that were merged, the one that answers for them since, and the rows that say so."""

    a: UUID
    b: UUID
    c: UUID
    rows: tuple[UUID, UUID]


async def merged(facts: Facts, day: int = 16, a_status: str = "resident") -> Merged:
    """A (visited on the 5th, if at all) and B are merged into a new household C on a day of November."""
    a, b = await linked(facts, (None, day, a_status)), await linked(facts, (None, day, "resident"))
    c = await linked(facts, (day, None, "resident"))
    return Merged(a, b, c, (await facts.merged(a, c, november(day)), await facts.merged(b, c, november(day))))


@case(
    MET,
    also={
        202610: None,
        202612: DUE_31,
        20264: MET | QUARTER,
    },
)
async def the_one_merged_into_answers_for_the_days_and_visits_of_both(facts: Facts) -> UUID:
    of_three = await merged(facts)
    await facts.visit(M2, of_three.a, november(5))
    return of_three.c


@case(None, also={202610: DUE_31 | {"contacted": 1, "visited": 1}, 202612: None, 20264: None})
async def the_merged_one_has_rows_only_in_periods_that_ended_before(facts: Facts) -> UUID:
    of_three = await merged(facts)
    await facts.visit(M2, of_three.a, november(-10))
    return of_three.a


@case(MET, also={202610: DUE_31})
async def a_late_visit_under_the_old_id_counts_for_the_successor(facts: Facts) -> UUID:
    a, c = await linked(facts, (None, 16, "resident")), await linked(facts)
    await facts.merged(a, c, november(16))
    await facts.visit(M2, a, november(20))
    return c


@case(MET, also={202611: MET, 202612: None, 20264: None})
async def merged_on_1_december_november_stays_as_it_was(facts: Facts) -> UUID:
    of_three = await merged(facts, 31)
    await facts.visit(M2, of_three.a, november(5))
    return of_three.a


@case(None, also={202612: DUE_31, 20264: MET | QUARTER})
async def and_the_successor_answers_from_the_periods_that_end_later(facts: Facts) -> UUID:
    of_three = await merged(facts, 31)
    await facts.visit(M2, of_three.a, november(5))
    return of_three.c


@case({"contacted": 0})
async def an_annulled_merge_never_was(facts: Facts) -> UUID:
    """A is what it was: closed on the 16th, half of the days, gone."""
    of_three = await merged(facts)
    await facts.visit(M2, of_three.a, november(5))
    await database.execute("UPDATE succession SET annulled_at = now() WHERE id = ANY ($1::uuid[])", list(of_three.rows))
    return of_three.a


@case({"households": 1, "resident": 1, "exposed": 15, "covered": 15})
async def and_the_successor_of_an_annulled_one_has_its_own_days_alone(facts: Facts) -> UUID:
    of_three = await merged(facts)
    await facts.visit(M2, of_three.a, november(5))
    await database.execute("UPDATE succession SET annulled_at = now() WHERE id = ANY ($1::uuid[])", list(of_three.rows))
    return of_three.c


async def chain(facts: Facts) -> tuple[UUID, UUID, UUID]:
    """A into B on the 5th, B into C on the 16th; A was visited on the 3rd."""
    a, b, c = (
        await linked(facts, (None, 5, "resident")),
        await linked(facts, (None, 16, "resident")),
        await linked(facts),
    )
    await facts.merged(a, b, november(5))
    for one in (a, b):
        await facts.merged(one, c, november(16))
    await facts.visit(M2, a, november(3))
    return a, b, c


@case(MET)
async def at_the_end_of_a_chain_all_of_it_is_answered_for(facts: Facts) -> UUID:
    return (await chain(facts))[2]


@case(None)
async def in_the_middle_of_a_chain_there_is_no_row(facts: Facts) -> UUID:
    return (await chain(facts))[1]


async def chain_over_months(facts: Facts) -> tuple[UUID, UUID, UUID]:
    """A into B on 5 November, B into C on 10 December; A was visited on 3 November."""
    a, b, c = (
        await linked(facts, (None, 5, "resident")),
        await linked(facts, (None, 40, "resident")),
        await linked(facts),
    )
    await facts.merged(a, b, november(5))
    for one in (a, b):
        await facts.merged(one, c, november(40))
    await facts.visit(M2, a, november(3))
    return a, b, c


@case(MET, also={202612: None, 20264: None})
async def in_november_b_answers_for_a(facts: Facts) -> UUID:
    return (await chain_over_months(facts))[1]


@case(DUE, also={202612: DUE_31, 20264: MET | QUARTER})
async def and_in_december_c_does(facts: Facts) -> UUID:
    return (await chain_over_months(facts))[2]


@case(DUE)
async def days_on_which_both_counted_count_once_and_either_primary_covers(facts: Facts) -> UUID:
    a, c = await living(facts), await living(facts)
    await facts.link(M2, a, end=november(20))
    await facts.link(M2, c, november(11))
    await facts.merged(a, c, november(30))
    return c


@case(DUE)
async def one_away_and_one_at_home_is_resident(facts: Facts) -> UUID:
    a, c = await linked(facts), await linked(facts, (None, None, "away"))
    await facts.merged(a, c, november(30))
    return c


@case({"households": 1, "exposed": 30, "covered": 30})
async def both_away_is_away(facts: Facts) -> UUID:
    return await merged_away(facts, "away")


@case({"households": 1, "exposed": 30, "covered": 30})
async def at_home_with_one_of_two_on_fewer_days_is_away(facts: Facts) -> UUID:
    a, c = await linked(facts, (None, 15, "resident")), await linked(facts, (None, None, "away"))
    await facts.merged(a, c, november(15))
    return c


async def merged_away(facts: Facts, status: str) -> UUID:
    a, c = await linked(facts, (None, None, status)), await linked(facts, (None, None, "away"))
    await facts.merged(a, c, november(30))
    return c


@case(MET | {"key": 1, "key_visited": 1})
async def the_key_tier_of_a_merged_one_puts_the_successor_in_the_key_figure(facts: Facts) -> UUID:
    of_three = await merged(facts)
    await facts.tier(of_three.a, november(10), november(16))
    await facts.visit(M2, of_three.c, november(20))
    return of_three.c


@case(MET | {"due": 1, "on_time": 1})
async def a_visit_to_the_successor_meets_what_was_due_to_the_merged_one(facts: Facts) -> UUID:
    """A was last met on 14 August, so it is due on 12 November; on the 5th it is merged into its neighbour."""
    a, c = await linked(facts, (None, 5, "resident")), await linked(facts)
    await facts.visit(M2, a, date(2026, 8, 14))
    await facts.merged(a, c, november(5))
    await facts.visit(M2, c, november(10))
    return c


@case(DUE | {"declined": 1, "waived": 1})
async def a_refusal_under_the_old_id_is_the_successors(facts: Facts) -> UUID:
    a, c = await linked(facts, (None, 10, "resident")), await linked(facts)
    await facts.visit(M2, c, date(2026, 8, 14))
    await facts.visit(M2, a, november(3), outcome="declined")
    await facts.merged(a, c, november(10))
    return c


@case(DUE | {"unreached": 1})
async def an_attempt_under_the_old_id_is_the_successors(facts: Facts) -> UUID:
    of_three = await merged(facts)
    await facts.visit(M2, of_three.b, november(3), outcome="not_home")
    return of_three.c


@case(MET | {"must_due": 1, "must_met": 1})
async def a_must_visit_of_the_merged_one_is_met_at_the_successors(facts: Facts) -> UUID:
    of_three = await merged(facts)
    await facts.must_visit(of_three.a, november(14), november(17))
    await facts.visit(M2, of_three.c, november(17))
    return of_three.c


@case(DUE | {"must_due": 2, "must_unmet": [november(17), november(18)]})
async def must_visits_of_both_are_the_successors(facts: Facts) -> UUID:
    of_three = await merged(facts)
    await facts.must_visit(of_three.b, november(15), november(18))
    await facts.must_visit(of_three.a, november(14), november(17))
    return of_three.c


@case({"households": 1, "resident": 1, "exposed": 20, "covered": 20})
async def on_days_on_which_a_linked_member_lived_in_one_of_them_it_is_out_of_the_set(facts: Facts) -> UUID:
    a, c, person = await linked(facts), await linked(facts), await facts.member()
    await facts.home(person, a, november(5), november(15))
    await facts.link(person, await living(facts))
    await facts.merged(a, c, november(30))
    return c


@case(DUE, (W1, WEST))
async def each_counts_its_own_days_for_the_place(facts: Facts) -> UUID:
    """Fifteen days of A and eleven of C there, nineteen of C here."""
    a, c = await linked(facts, (None, 16, "resident"), grid=W1), await facts.household()
    await facts.residence(c, E1, end=november(20))
    await facts.residence(c, W1, november(20))
    await facts.link(M2, c)
    await facts.merged(a, c, november(16))
    return c


@case({"households": 1, "resident": 1, "exposed": 30, "covered": 30})
async def of_as_many_days_in_two_places_the_later_one_counts(facts: Facts) -> UUID:
    """A from the 1st to the 29th there, C from the 2nd to the 30th here."""
    a, c = await linked(facts, grid=W1), await linked(facts, (None, 2, "nominal"), (2, None, "resident"))
    await facts.merged(a, c, november(30))
    return c


@case(MET)
async def living_in_the_successor_does_not_undo_an_earlier_visit_to_the_merged_one(facts: Facts) -> UUID:
    a, c, person = await linked(facts), await linked(facts), await facts.member()
    await facts.home(person, c)
    await facts.visit(person, a, november(5))
    await facts.merged(a, c, november(16))
    return c


@case(DUE, also={202612: DUE_31 | {"due": 1, "unmet": [date(2026, 12, 10)]}})
async def with_the_merged_one_comes_its_hand_over(facts: Facts) -> UUID:
    """C, with the same primary all along, was to be met by 12 November; A was handed over on the 10th."""
    a, c = await living(facts, (None, 20, "resident")), await linked(facts)
    await facts.visit(M2, c, date(2026, 8, 14))
    await facts.link(M2, a, end=november(10))
    await facts.link(await facts.member(), a, november(10), november(20))
    await facts.merged(a, c, november(20))
    return c


async def called_after_attempts(facts: Facts, last_attempt_at_the_old: bool) -> UUID:
    """A key household, met on 10 October; nobody was at home on the 2nd and the 4th, it was called on the 5th, by its old id."""
    a, c = await linked(facts), await linked(facts)
    for one in (a, c):
        await facts.tier(one)
    await facts.visit(M2, c, november(-21))
    await facts.visit(M2, a, november(2), outcome="not_home")
    await facts.visit(M2, a if last_attempt_at_the_old else c, november(4), outcome="not_home")
    await facts.visit(M2, a, november(5), "remote")
    await facts.merged(a, c, november(8))
    return c


@case(DUE | {"contacted": 1, "key": 1, "due": 1, "on_time": 1})
async def two_attempts_and_the_call_under_the_old_id_meet_it(facts: Facts) -> UUID:
    return await called_after_attempts(facts, True)


@case(DUE | {"contacted": 1, "key": 1, "due": 1, "unmet": [november(9)]})
async def attempts_under_two_ids_are_not_put_together(facts: Facts) -> UUID:
    return await called_after_attempts(facts, False)


# Splitting ------------------------------------------------------------------------------------------------------------
async def split(facts: Facts) -> tuple[UUID, UUID]:
    """(the one that goes on, visited on the 5th; the new one, opened on the 10th)."""
    goes_on, new = await linked(facts), await facts.household(november(10))
    await facts.residence(new, E1, november(10))
    await facts.link(M2, new, november(10))
    await facts.visit(M2, goes_on, november(5))
    return goes_on, new


@case(MET)
async def the_one_that_goes_on_keeps_everything(facts: Facts) -> UUID:
    return (await split(facts))[0]


@case({"households": 1, "resident": 1, "exposed": 21, "covered": 21}, also={202610: None})
async def the_new_one_starts_with_nothing(facts: Facts) -> UUID:
    return (await split(facts))[1]
