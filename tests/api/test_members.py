"""GET /coverage/members: how many take part and how much they carry; no person can be made out (C23, C24, A27).

In the small township the east has m1, m2 and s_east, the west m3, m4 (probationary) and s_west, the town the cadre, who
is no member. m1, m2 and m3 are linked; m3, of the west, also to h6 in the east.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from backend.rules.coverage import NOTES, State
from models import database
from tests.models.facts import OPENED, Facts, november
from tests.world import PEOPLE, TODAY, World, of

EAST, WEST, TOWN = "999902101200", "999902101201", "999902101000"
NO_VILLAGE = "（不在村的支部）"
Get = Callable[..., Awaitable[Any]]


@pytest.fixture
def ask(client: httpx.AsyncClient, world: World) -> Get:
    async def ask(name: str = "committee", **query: str) -> httpx.Response:
        return await client.get("/coverage/members", params=query, headers=world.headers(name))

    return ask


def participation(part: dict[str, Any]) -> tuple[int, int]:
    """(linked, eligible)."""
    return part["member_participation"]["numerator"], part["member_participation"]["denominator"]


def people(part: dict[str, Any]) -> int:
    """How many persons are primary of a household of the set."""
    found: int = part["load"]["people"]
    return found


async def exempt(person: UUID, reason: str, start: Any = OPENED, end: Any = None) -> None:
    await Facts(database).insert("exemption", person_id=person, reason=reason, valid_from=start, valid_to=end)


async def loaded(numbers: list[int], branch: str = "east", grid: str = "e1") -> list[UUID]:
    """Members of a branch with so many households each."""
    facts, made = Facts(database), list[UUID]()
    for number in numbers:
        person = await facts.person()
        await facts.membership(person, branch=branch)
        made.append(person)
        for _ in range(number):
            household = await facts.household()
            await facts.residence(household, of("region", grid))
            await facts.link(person, household)
    return made


class TestParticipation:
    async def test_by_the_village_of_the_branch_and_the_others_in_a_row_of_their_own(self, ask: Get) -> None:
        answer = (await ask(area=TOWN)).json()
        assert [(row["code"], row["name"], participation(row), people(row)) for row in answer["rows"]] == [
            (EAST, "东村", (2, 3), 2), (WEST, "西村", (1, 3), 1), (None, NO_VILLAGE, (0, 0), 0),
        ]  # fmt: skip
        assert (participation(answer["total"]), people(answer["total"])) == ((3, 6), 3)
        assert (answer["on"], answer["level"], answer["area"]["name"]) == (TODAY.isoformat(), "village", "测试镇")

    async def test_by_branch(self, ask: Get, world: World) -> None:
        answer = (await ask(area=TOWN, level="branch")).json()
        assert [(row["area"], row["name"], participation(row)) for row in answer["rows"]] == [
            (str(world.branches["east"]), "east 支部", (2, 3)),
            (str(world.branches["town"]), "town 支部", (0, 0)),
            (str(world.branches["west"]), "west 支部", (1, 3)),
        ]

    async def test_an_area_means_the_branches_that_sit_in_it(self, ask: Get, world: World) -> None:
        """m3 of the west has a household in the east, and is still not counted there."""
        for query in ({"area": EAST}, {"branch": str(world.branches["east"])}):
            answer = (await ask(**query)).json()
            assert (participation(answer["total"]), people(answer["total"])) == ((2, 3), 2)

    @pytest.mark.parametrize("reason", ["age", "illness", "away", "other"])
    async def test_the_exempt_are_counted_beside_it_by_reason(self, ask: Get, world: World, reason: str) -> None:
        await exempt(world.people["m1"], reason, november(10), november(20))
        await exempt(world.people["cadre"], reason)
        for on, expected, number in (("2026-11-09", (3, 6), 0), ("2026-11-10", (2, 5), 1), ("2026-11-20", (3, 6), 0)):
            total = (await ask(area=TOWN, on=on)).json()["total"]
            assert participation(total) == expected
            assert total["member_participation"]["exempt"] == dict.fromkeys(("age", "illness", "away", "other"), 0) | {
                reason: number
            }

    async def test_exempt_for_two_reasons_is_one_member(self, ask: Get, world: World) -> None:
        await exempt(world.people["m1"], "age")
        await exempt(world.people["m1"], "illness", november(1))
        found = (await ask(area=TOWN)).json()["total"]["member_participation"]
        assert sum(found["exempt"].values()) == 1 and found["denominator"] == 5

    async def test_a_backup_takes_part_and_a_link_that_ended_does_not(self, ask: Get, world: World) -> None:
        await Facts(database).link(world.people["m4"], world.households["h9"], november(12), role="backup")
        await database.execute("UPDATE assignment SET valid_to = '2026-11-14' WHERE person_id = $1", world.people["m2"])
        for on, expected in (("2026-11-11", (3, 6)), ("2026-11-12", (4, 6)), ("2026-11-14", (3, 6))):
            assert participation((await ask(area=TOWN, on=on)).json()["total"]) == expected

    async def test_only_members_in_service_that_day(self, ask: Get, world: World) -> None:
        await database.execute("UPDATE membership SET valid_to = '2026-11-10' WHERE person_id = $1", world.people["m1"])
        await Facts(database).member("villager_rep")
        for on, expected in (("2026-11-09", (3, 6)), ("2026-11-10", (2, 5)), ("2025-12-31", (0, 0))):
            assert participation((await ask(area=TOWN, on=on)).json()["total"]) == expected

    async def test_from_ten_on_there_is_a_rate(self, ask: Get) -> None:
        await loaded([1, 1, 0])
        nine = (await ask(area=TOWN)).json()["total"]["member_participation"]
        await loaded([1])
        ten = (await ask(area=TOWN)).json()["total"]["member_participation"]
        assert (nine["value"], nine["numerator"], nine["state"]) == (None, 5, State.FEW)
        assert (ten["value"], ten["numerator"], ten["denominator"], ten["note"]) == (0.6, 6, 10, None)


class TestLoad:
    async def test_median_ninetieth_percentile_and_shares(self, ask: Get, world: World) -> None:
        """1 to 10 in the east beside m1 with 2 and m2 with 1: sorted 1 1 2 2 3 4 5 6 7 8 9 10."""
        await loaded(list(range(1, 11)))
        await Facts(database).rule("load_soft_max", 8, OPENED, township=world.regions["town"])
        await Facts(database).rule("load_soft_min", 3, OPENED, township=world.regions["town"])
        answer = (await ask(area=TOWN)).json()
        assert answer["rows"][0]["load"] == {
            "people": 12, "households": 58, "median": 4.5, "p90": 8.9, "above": 2, "above_share": 0.1667, "below": 4,
            "below_share": 0.3333, "soft_max": 8, "soft_min": 3, "state": "measured", "note": None,
        }  # fmt: skip
        assert (answer["total"]["load"]["people"], answer["total"]["load"]["households"]) == (13, 61)
        assert answer["total"]["load"]["median"] == 4

    async def test_the_general_bounds_hold_where_a_township_set_none(self, ask: Get, world: World) -> None:
        """More than 15 are above, fewer than 5 below; 15 and 5 are neither. A number of the next month is not yet in force."""
        await loaded([15, 16, 5, 4, *[6] * 8], branch="west", grid="w1")
        await Facts(database).rule("load_soft_max", 5, november(20), township=world.regions["town"])
        load = (await ask(area=WEST)).json()["total"]["load"]
        assert [load[name] for name in ("people", "above", "below", "soft_max", "soft_min")] == [13, 1, 2, 15, 5]
        later = (await ask(area=WEST, on="2026-11-20")).json()["total"]["load"]
        assert [later[name] for name in ("above", "soft_max")] == [10, 5]

    async def test_below_ten_persons_their_number_alone(self, ask: Get) -> None:
        """The households of one person would be that person's load."""
        await loaded([3] * 6)
        load = (await ask(area=TOWN)).json()["total"]["load"]
        assert load.pop("people") == 9
        assert (load.pop("state"), load.pop("note")) == (State.FEW, NOTES[State.FEW])
        assert set(load.values()) == {None}
        await loaded([3])
        assert (await ask(area=TOWN)).json()["total"]["load"]["median"] == 3
        assert (await ask(area=WEST)).json()["total"]["load"]["households"] is None

    async def test_only_primary_links_to_households_of_the_set_count(self, ask: Get, world: World) -> None:
        """A nominal household, a party household, a backup, an ended link: none of them is carried."""
        facts = Facts(database)
        *members, odd = await loaded([2] * 11)
        before = (await ask(area=TOWN)).json()["total"]["load"]
        nominal, party, other, ended = [await facts.household() for _ in range(4)]
        for household in (nominal, party, other, ended):
            status = "nominal" if household == nominal else "resident"
            await facts.residence(household, of("region", "e1"), status=status)
        await facts.link(odd, nominal)
        await facts.link(odd, party)
        await facts.home(members[0], party)
        await facts.link(odd, other, role="backup")
        await facts.link(odd, ended, end=TODAY)
        after = (await ask(area=TOWN)).json()["total"]["load"]
        assert after == before
        await facts.link(odd, other)
        assert (await ask(area=TOWN)).json()["total"]["load"]["households"] == before["households"] + 1

    async def test_whoever_is_linked_counts_also_a_cadre_and_an_exempt_member(self, ask: Get, world: World) -> None:
        *_, odd = await loaded([2] * 10)
        await exempt(odd, "illness")
        await Facts(database).link(world.people["cadre"], world.households["h4"])
        answer = (await ask(area=TOWN)).json()
        assert [people(row) for row in answer["rows"]] == [12, 1, 1]
        assert people(answer["total"]) == 14


class TestScope:
    @pytest.mark.parametrize(
        ("name", "place", "status"),
        [
            ("committee", TOWN, 200), ("office", TOWN, 200), ("s_east", EAST, 200), ("s_east", WEST, 404), ("s_east", TOWN, 404),
            ("cadre", EAST, 200), ("cadre", WEST, 404), ("m1", EAST, 403), ("department", TOWN, 403), ("admin", TOWN, 403),
        ],
    )  # fmt: skip
    async def test_who_sees_which_area(self, ask: Get, name: str, place: str, status: int) -> None:
        assert (await ask(name, area=place)).status_code == status

    @pytest.mark.parametrize(
        ("name", "branch", "status"), [("s_east", "east", 200), ("s_east", "west", 404), ("cadre", "west", 404)]
    )
    async def test_who_sees_which_branch(self, ask: Get, world: World, name: str, branch: str, status: int) -> None:
        assert (await ask(name, branch=str(world.branches[branch]))).status_code == status

    async def test_nobody_is_named(self, ask: Get, world: World) -> None:
        for level in ("village", "branch"):
            text = (await ask(area=TOWN, level=level)).text
            assert not any(str(world.people[name]) in text or words in text for name, (_, _, words) in PEOPLE.items())

    @pytest.mark.parametrize(
        ("query", "status", "field"),
        [
            ({"area": TOWN, "level": "micro_grid"}, 422, "level"),
            ({"area": str(of("region", "g_east"))}, 422, "level"),
            ({"area": str(of("region", "g_east")), "level": "branch"}, 200, None),
            ({}, 422, None),
            ({"area": TOWN, "branch": str(of("branch", "east"))}, 422, None),
            ({"area": TOWN, "on": "2026-11-31"}, 422, "on"),
            ({"area": TOWN, "order_by": "median"}, 422, "order_by"),
        ],
        ids=str,
    )
    async def test_a_wrong_question_is_a_problem(
        self, ask: Get, query: dict[str, str], status: int, field: str | None
    ) -> None:
        answer = await ask(**query)
        assert answer.status_code == status, answer.text
        assert field is None or list(answer.json()["errors"]) == [field]
