"""Who could be linked to whom, and why (docs/rules.md L7)."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.rules.households import TierReason
from backend.rules.people import Ability, PersonKind
from backend.rules.proposals import Home, Household, Member, Proposal, Unfilled, propose
from backend.rules.proposals.costs import cost_of, slots_of
from backend.rules.proposals.facts import ABLE, Near, is_able, nearness
from backend.rules.proposals.words import UNFILLED

VILLAGE, OTHER_VILLAGE, BRANCH, OTHER_BRANCH = (UUID(int=n) for n in range(1, 5))
GRID, NEXT_GRID = UUID(int=11), UUID(int=12)
HOME = Home(VILLAGE, "一组", GRID)


def person(number: int) -> UUID:
    return UUID(int=1000 + number)


def household(number: int, **changes: object) -> Household:
    return replace(Household(UUID(int=100 + number), HOME, "五里村", BRANCH), **changes)  # type: ignore[arg-type]


def member(number: int, **changes: object) -> Member:
    return replace(Member(person(number), BRANCH, "full", HOME, 5, 5, 15, 20), **changes)  # type: ignore[arg-type]


def only(found: list[Proposal]) -> Proposal:
    assert len(found) == 1
    return found[0]


def persons(found: list[Proposal]) -> list[UUID | None]:
    return [one.person_id for one in found]


NEXT_DOOR = member(1)
IN_GROUP = member(2, home=Home(VILLAGE, "一组", NEXT_GRID))
IN_VILLAGE = member(3, home=Home(VILLAGE, "二组", NEXT_GRID))
NO_GROUP = member(4, home=Home(VILLAGE, "", NEXT_GRID))
FAR_GROUP = member(5, home=Home(OTHER_VILLAGE, "一组", UUID(int=13)))
NO_HOME = member(6, home=None)


@pytest.mark.parametrize(
    ("one", "near", "words"),
    [
        (NEXT_DOOR, Near.MICRO_GRID, "与本户住在同一微网格，联系后共 6 户。"),
        (IN_GROUP, Near.GROUP, "与本户住在同一村民小组，联系后共 6 户。"),
        (IN_VILLAGE, Near.VILLAGE, "与本户同在五里村，联系后共 6 户。"),
        (NO_GROUP, Near.VILLAGE, "与本户同在五里村，联系后共 6 户。"),
        (FAR_GROUP, Near.AREA, "住处不在本村或没有登记，所在支部负责本片，联系后共 6 户。"),
        (NO_HOME, Near.AREA, "住处不在本村或没有登记，所在支部负责本片，联系后共 6 户。"),
    ],
)
def test_how_near_is_told(one: Member, near: Near, words: str) -> None:
    """A group's name means something within its village only, and no group is not the same group."""
    bare = household(1, home=HOME._replace(group="")) if one is NO_GROUP else household(1)
    assert nearness(bare, one) is near
    assert only(propose([bare], [one])) == Proposal(bare.id, one.id, words)


@pytest.mark.parametrize(
    ("nearer", "farther"), [(NEXT_DOOR, IN_GROUP), (IN_GROUP, IN_VILLAGE), (IN_VILLAGE, NO_HOME), (NEXT_DOOR, NO_HOME)]
)
def test_the_nearer_goes_first(nearer: Member, farther: Member) -> None:
    assert persons(propose([household(1)], [farther, nearer])) == [nearer.id]
    # The number of a person does not decide.
    nearer = replace(nearer, id=person(9))
    assert persons(propose([household(1)], [farther, nearer])) == [nearer.id]


LIVELIHOOD, CARE, LABOUR = (frozenset({one}) for one in Ability)


@pytest.mark.parametrize(
    ("need", "abilities", "words"),
    [
        (TierReason.HARDSHIP, LIVELIHOOD, "能带富，合本户需要"),
        (TierReason.HARDSHIP, LABOUR, "能出力，合本户需要"),
        (TierReason.RELAPSE_RISK, LIVELIHOOD, "能带富，合本户需要"),
        (TierReason.HEALTH, CARE, "会照护，合本户需要"),
        (TierReason.CARE, CARE | LABOUR, "会照护、能出力，合本户需要"),
    ],
)
def test_who_can_help_goes_before_who_lives_nearer(need: str, abilities: frozenset[str], words: str) -> None:
    helper = replace(IN_VILLAGE, abilities=abilities)
    found = only(propose([household(1, need=need)], [NEXT_DOOR, helper]))
    assert (found.person_id, words in found.reason) == (helper.id, True)
    assert persons(propose([household(1)], [NEXT_DOOR, helper])) == [NEXT_DOOR.id]


@pytest.mark.parametrize(("need", "abilities"), [(TierReason.HEALTH, LABOUR), (TierReason.RELAPSE_RISK, CARE)])
def test_another_ability_does_not_count(need: str, abilities: frozenset[str]) -> None:
    found = only(propose([household(1, need=need)], [NEXT_DOOR, replace(IN_GROUP, abilities=abilities)]))
    assert found.person_id == NEXT_DOOR.id
    assert "支部里没有登记合本户需要的特长" in found.reason


def test_a_helper_who_is_too_far_or_full_is_told() -> None:
    full = replace(IN_GROUP, abilities=CARE, load=20)
    for helper in (replace(NO_HOME, abilities=CARE), full):
        found = only(propose([household(1, need=TierReason.HEALTH)], [NEXT_DOOR, helper]))
        assert found.person_id == NEXT_DOOR.id
        assert "合本户需要的人住得更远，或者联户并不更少" in found.reason


def test_of_a_reason_without_a_table_nothing_is_said() -> None:
    assert set(ABLE) == set(TierReason) - {TierReason.OTHER}
    assert {ability for able in ABLE.values() for ability in able} == set(Ability)
    assert only(propose([household(1, need=TierReason.OTHER)], [NEXT_DOOR])).reason == (
        "与本户住在同一微网格，联系后共 6 户。"
    )


@pytest.mark.parametrize(
    ("of", "people", "why"),
    [
        (household(1, branch_id=None), [NEXT_DOOR], Unfilled.NO_BRANCH),
        (household(1), [], Unfilled.NOBODY),
        (household(1), [replace(NEXT_DOOR, branch_id=OTHER_BRANCH)], Unfilled.NOBODY),
        (household(1), [replace(NEXT_DOOR, exempt=True), replace(IN_GROUP, exempt=True)], Unfilled.ALL_EXEMPT),
        (household(1, refused=frozenset({NEXT_DOOR.id})), [NEXT_DOOR], Unfilled.NOT_WANTED),
        (household(1, refused=frozenset({NEXT_DOOR.id})), [NEXT_DOOR, replace(IN_GROUP, exempt=True)], Unfilled.NOT_WANTED),
        (household(1), [replace(NEXT_DOOR, load=20)], Unfilled.ALL_FULL),
        (household(1), [replace(NEXT_DOOR, load=23)], Unfilled.ALL_FULL),
        (household(1, refused=frozenset({NEXT_DOOR.id})), [NEXT_DOOR, replace(IN_GROUP, load=20)], Unfilled.ALL_FULL),
    ],
)  # fmt: skip
def test_why_nobody_was_found(of: Household, people: list[Member], why: Unfilled) -> None:
    assert propose([of], people) == [Proposal(of.id, None, UNFILLED[why], why)]


@pytest.mark.parametrize(("load", "goes_to"), [(10, NEXT_DOOR), (12, IN_GROUP)])
def test_five_more_households_weigh_as_much_as_a_step(load: int, goes_to: Member) -> None:
    """The neighbour is spared when the next nearest has six less to look after, and is not for four."""
    people = [replace(NEXT_DOOR, load=load), replace(IN_GROUP, load=6)]
    assert persons(propose([household(1)], people)) == [goes_to.id]


def test_above_the_soft_maximum_only_when_nobody_has_room_and_it_is_said() -> None:
    near, far = replace(NEXT_DOOR, load=15), replace(NO_HOME, load=14)
    first, second, third = propose([household(n) for n in range(3)], [near, far])
    assert sorted([first.person_id, second.person_id, third.person_id], key=str) == [near.id, near.id, far.id]
    for one in (first, second, third):
        assert ("超过了 15 户" in one.reason) is (one.person_id == near.id)


def test_nobody_is_left_with_one_or_two_where_a_neighbour_can_take_them() -> None:
    people = [member(n, load=0) for n in range(6)]
    counts = [persons(propose([household(n) for n in range(8)], people)).count(one.id) for one in people]
    assert sorted(counts) == [0, 0, 0, 0, 4, 4]
    # What somebody has already is not handed over: they keep their one and take more.
    started = propose([household(n) for n in range(8)], [replace(people[0], load=1), *people[1:]])
    assert persons(started).count(person(0)) >= 2


def test_existing_links_stay_unless_asked() -> None:
    linked = household(1, current=NO_HOME.id)
    assert propose([linked], [NEXT_DOOR, NO_HOME]) == []
    assert persons(propose([linked], [NEXT_DOOR, NO_HOME], redo=True)) == [NEXT_DOOR.id]


@pytest.mark.parametrize(
    ("current", "others", "changes", "words"),
    [
        (NO_HOME, [NEXT_DOOR], {}, "比原联系人住得近"),
        (NEXT_DOOR, [replace(NEXT_DOOR, id=person(7), abilities=CARE)], {"need": "health"}, "比原联系人更合本户需要"),
        (replace(NEXT_DOOR, load=15), [IN_GROUP], {}, "更均匀"),
        (replace(NEXT_DOOR, exempt=True), [NO_HOME], {}, "原联系人已免联"),
        (replace(NEXT_DOOR, branch_id=OTHER_BRANCH), [NO_HOME], {}, "原联系人不属于负责本片的支部"),
        (NEXT_DOOR, [NO_HOME], {"refused": frozenset({NEXT_DOOR.id})}, "原联系人住在本户或本户不愿由其联系"),
        (None, [NO_HOME], {"current": person(99)}, "原联系人已不在名单里"),
    ],
)
def test_why_somebody_else_is_proposed(
    current: Member | None, others: list[Member], changes: dict[str, object], words: str
) -> None:
    linked = household(1, **({"current": current.id} if current else {}) | changes)
    found = only(propose([linked], [*others, *([current] if current else [])], redo=True))
    assert found.person_id == others[0].id
    assert words in found.reason


def test_a_little_better_is_no_reason_to_change() -> None:
    assert persons(propose([household(1, current=IN_GROUP.id)], [NEXT_DOOR, IN_GROUP], redo=True)) == [IN_GROUP.id]


def test_a_party_member_goes_first_where_all_else_is_equal() -> None:
    worker = member(0, kind=PersonKind.GRID_WORKER)
    assert persons(propose([household(1)], [worker, NEXT_DOOR])) == [NEXT_DOOR.id]
    assert persons(propose([household(1)], [worker, replace(NEXT_DOOR, load=9)])) == [worker.id]


def test_households_are_filled_along_a_chain() -> None:
    """Household n may have n or n + 1 only, and the last must have 0: everybody passes one on."""
    people = [member(n, load=0, soft_min=1, soft_max=1, hard_max=1) for n in range(8)]
    every = frozenset(one.id for one in people)
    those = [household(n, refused=every - {person(n), person(n + 1)}) for n in range(7)]
    found = propose([*those, household(9, refused=every - {person(0)})], people)
    assert persons(found) == [*(person(n + 1) for n in range(7)), person(0)]


def test_special_households_are_never_the_ones_left_out() -> None:
    those = [household(n, need="health" if n >= 5 else None) for n in range(8)]
    found = propose(those, [replace(NEXT_DOOR, load=17)])
    assert [one.person_id is not None for one in found] == [False] * 5 + [True] * 3


GROUPS = ["一组", "二组", ""]
homes = st.builds(
    Home, st.sampled_from([VILLAGE, OTHER_VILLAGE]), st.sampled_from(GROUPS), st.sampled_from([GRID, NEXT_GRID, None])
)


@st.composite
def places(draw: st.DrawFn, redo: bool = False) -> tuple[list[Household], list[Member]]:
    """Small places with little room, so that something is always full."""
    branches = st.sampled_from([BRANCH, OTHER_BRANCH])
    hard = draw(st.integers(1, 6))
    soft_max = draw(st.integers(1, hard))
    soft_min = draw(st.integers(1, soft_max))
    people = [
        Member(
            person(n), draw(branches), draw(st.sampled_from([*PersonKind])), draw(st.none() | homes), draw(st.integers(0, hard)),
            soft_min, soft_max, hard, draw(st.frozensets(st.sampled_from([*Ability]))), draw(st.integers(0, 3)) == 0,
        )
        for n in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    ids = st.sampled_from([person(n) for n in range(7)])
    those = [
        Household(
            UUID(int=100 + n), draw(homes), "五里村", draw(st.none() | branches), draw(st.none() | st.sampled_from([*TierReason])),
            draw(st.none() | ids), draw(st.frozensets(ids, max_size=5)),
        )
        for n in range(draw(st.integers(0, 14)))
    ]  # fmt: skip
    return those, people


def may_have(one: Household, other: Member) -> bool:
    return other.branch_id == one.branch_id and not other.exempt and other.id not in one.refused


def most(those: list[Household], people: list[Member]) -> int:
    """How many could be filled at all: Kuhn's matching of households with single places."""
    places = [(other, n) for other in people for n in range(other.load, other.hard_max)]
    taken: dict[int, Household] = {}

    def fits(one: Household, seen: set[int]) -> bool:
        for place, (other, _) in enumerate(places):
            if may_have(one, other) and place not in seen:
                seen.add(place)
                if place not in taken or fits(taken[place], seen):
                    taken[place] = one
                    return True
        return False

    return sum(fits(one, set()) for one in those)


@settings(max_examples=150, deadline=None)
@given(places(), st.booleans(), st.randoms(use_true_random=False))
def test_what_always_holds(place: tuple[list[Household], list[Member]], redo: bool, random: Random) -> None:
    those, people = place
    found = propose(those, people, redo)
    wanting = {one.id: one for one in those if redo or one.current is None}
    # Every household that wants somebody has one answer, and no other household has any.
    assert [one.household_id for one in found] == sorted(wanting)
    known = {one.id: one for one in people}
    loads = {one.id: one.load + persons(found).count(one.id) for one in people}
    for one in people:
        assert loads[one.id] <= max(one.hard_max, one.load)
    for answer in found:
        of = wanting[answer.household_id]
        assert (answer.person_id is None) is (answer.unfilled is not None)
        if answer.person_id is not None:
            assert may_have(of, known[answer.person_id])
            check_reason(of, answer, known, loads)
        else:
            check_unfilled(of, answer, people, loads)
    assert sum(one.person_id is not None for one in found) == most([*wanting.values()], people)
    # The order in which they come changes nothing.
    random.shuffle(those)
    random.shuffle(people)
    assert propose(those, people, redo) == found


def check_reason(of: Household, answer: Proposal, known: dict[UUID, Member], loads: dict[UUID, int]) -> None:
    """Each part of the sentence is there when it is true, and not otherwise."""
    assert answer.person_id is not None
    chosen = known[answer.person_id]
    others = [one for one in known.values() if may_have(of, one) and one is not chosen]
    load, near, order = loads[chosen.id], nearness(of, chosen), [*Near]
    assert answer.reason.endswith("。") and answer.reason.count("。") == 1
    said = {
        Near.MICRO_GRID: "同一微网格",
        Near.GROUP: "同一村民小组",
        Near.VILLAGE: "同在五里村",
        Near.AREA: "住处不在本村",
    }
    assert [level for level, words in said.items() if words in answer.reason] == [near]
    assert f"联系后共 {load} 户" in answer.reason
    assert ("超过了" in answer.reason) is (load > chosen.soft_max)
    if load > chosen.soft_max:
        assert all(loads[one.id] >= one.soft_max for one in others)
    assert ("合本户需要，" in answer.reason) is is_able(of.need, chosen)
    helpers = [one for one in others if is_able(of.need, one)]
    if "合本户需要的人" in answer.reason:
        assert helpers
        assert all(order.index(nearness(of, one)) > order.index(near) or loads[one.id] >= load for one in helpers)
    if "没有登记" in answer.reason and "特长" in answer.reason:
        assert not helpers and not is_able(of.need, chosen)
    assert ("原联系人" in answer.reason or "换人" in answer.reason) is (of.current not in (None, chosen.id))


def check_unfilled(of: Household, answer: Proposal, people: list[Member], loads: dict[UUID, int]) -> None:
    assert answer.reason == UNFILLED[answer.unfilled or ""]
    mine = [one for one in people if one.branch_id == of.branch_id]
    active = [one for one in mine if not one.exempt]
    wanted = [one for one in active if one.id not in of.refused]
    assert answer.unfilled is (
        Unfilled.NO_BRANCH if of.branch_id is None else Unfilled.NOBODY if not mine else Unfilled.ALL_EXEMPT if not active
        else Unfilled.NOT_WANTED if not wanted else Unfilled.ALL_FULL
    )  # fmt: skip
    assert all(loads[one.id] >= one.hard_max for one in wanted)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6))
def test_no_other_arrangement_costs_less(seed: int) -> None:
    """Where nobody has too few to go round, the sum of costs is the least of all arrangements."""
    random = Random(seed)
    people = [
        member(n, load=0, soft_min=1, soft_max=1, hard_max=1, home=Home(VILLAGE, random.choice(GROUPS), random.choice([GRID, NEXT_GRID])),
               abilities=frozenset(one for one in Ability if random.random() < 0.4))
        for n in range(6)
    ]  # fmt: skip
    those = [
        household(n, need=random.choice([None, *TierReason]), home=Home(VILLAGE, random.choice(GROUPS), random.choice([GRID, NEXT_GRID])))
        for n in range(5)
    ]  # fmt: skip
    known = {one.id: one for one in people}

    def cost(chosen: list[Member]) -> int:
        return sum(cost_of(one, other) for one, other in zip(those, chosen, strict=True))

    found = [known[one.person_id] for one in propose(those, people) if one.person_id]
    assert cost(found) == min(cost(list(some)) for some in permutations(people, 5))


@given(st.integers(0, 30), st.integers(1, 10), st.integers(0, 10), st.integers(0, 10))
def test_the_cost_of_a_further_household_never_falls(load: int, soft_min: int, more: int, most: int) -> None:
    one = member(1, load=load, soft_min=soft_min, soft_max=soft_min + more, hard_max=soft_min + more + most)
    slots = slots_of(one)
    assert slots == sorted(slots)
    assert len(slots) == max(one.hard_max - load, 0)
