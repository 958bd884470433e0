"""The tree of regions, the branches, the numbers a township sets, and what anybody may ask: codes and who runs this."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend import problems
from backend.rules import obligations, visits
from backend.rules.regions import RULES
from backend.rules.texts import written
from handlers import assignments, meta, regions
from models import database
from tests.api.counting import statements
from tests.api.probes import snapshot
from tests.api.problems import refused, without_a_test
from tests.api.test_households import audited, count, on
from tests.models.facts import Facts
from tests.rules.test_obligations import GENERAL
from tests.world import OPENED, TODAY, World, of

EAST = {"county", "town", "v_east", "g_east", "e1", "e2"}
WEST = {"county", "town", "v_west", "g_west", "w1"}
#: What lies in, or leads to, the place of each.
TREE = {
    "m1": EAST, "m3": WEST, "s_east": EAST, "s_west": WEST, "cadre": EAST | WEST, "office": EAST | WEST,
    "committee": EAST | WEST, "department": EAST | WEST, "admin": EAST | WEST,
}  # fmt: skip
BRANCHES = {
    "m1": {"east"}, "m4": {"west"}, "s_east": {"east"}, "s_west": {"west"}, "cadre": {"town", "east"},
    "office": {"town", "east", "west"}, "committee": {"town", "east", "west"}, "admin": {"town", "east", "west"},
}  # fmt: skip


async def walk(client: httpx.AsyncClient, world: World, name: str, parent: str | None = None) -> set[str]:
    """All regions that somebody finds by opening each one, from the roots down."""
    names = {str(region): one for one, region in world.regions.items()}
    query = {"parent": parent} if parent else {}
    answer = await client.get("/regions", params=query, headers=world.headers(name))
    assert answer.status_code == 200
    found: set[str] = set()
    for row in answer.json()["items"]:
        assert row["parent_id"] == parent
        found |= {names[row["id"]]} | await walk(client, world, name, row["id"])
    return found


class TestRegions:
    @pytest.mark.parametrize("name", TREE)
    async def test_each_role_walks_its_tree(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        assert await walk(client, world, name) == TREE[name]
        for region, region_id in world.regions.items():
            one = await client.get(f"/regions/{region_id}", headers=world.headers(name))
            assert one.status_code == (200 if region in TREE[name] else 404)

    async def test_who_answers_for_a_region(self, client: httpx.AsyncClient, world: World) -> None:
        person = world.people["cadre"]
        await database.execute(
            "INSERT INTO responsibility (id, kind, region_id, person_id, valid_from) VALUES ($1, 'cadre_area', $2, $3, $4)",
            uuid4(), world.regions["v_east"], person, OPENED,
        )  # fmt: skip
        row = (await client.get(f"/regions/{world.regions['v_east']}", headers=world.headers("m1"))).json()
        days = {"valid_from": OPENED.isoformat(), "valid_to": None}
        assert row == {
            "id": str(world.regions["v_east"]), "parent_id": str(world.regions["town"]), "level": "village",
            "code": "999902101200", "name": "东村",
            "responsibilities": [
                {"kind": "branch_village", "branch_id": str(world.branches["east"]), "person_id": None, **days},
                {"kind": "cadre_area", "branch_id": None, "person_id": str(person), **days},
            ],
        }  # fmt: skip

    async def test_pages_in_order_of_code(self, client: httpx.AsyncClient, world: World) -> None:
        query: dict[str, Any] = {"parent": str(world.regions["town"]), "limit": 1}
        first = (await client.get("/regions", params=query, headers=world.headers("office"))).json()
        second = (
            await client.get("/regions", params=query | {"cursor": first["next"]}, headers=world.headers("office"))
        ).json()
        assert [row["name"] for row in first["items"] + second["items"]] == ["东村", "西村"]
        assert second["next"] is None

    async def test_as_many_statements_for_many_as_for_one(self, client: httpx.AsyncClient, world: World) -> None:
        for url, query in (("/regions", {"parent": str(world.regions["town"])}), ("/branches", {})):
            asked = []
            for limit in ("1", "200"):
                async with statements() as seen:
                    await client.get(url, params=query | {"limit": limit}, headers=world.headers("office"))
                asked.append(len(seen))
            assert asked[0] == asked[1] <= 3

    @refused(problems.RegionNotFound, regions.get_region)
    @pytest.mark.parametrize("region", ["v_west", "w1", None])
    async def test_elsewhere(self, client: httpx.AsyncClient, world: World, region: str | None) -> httpx.Response:
        sought = world.regions[region] if region else uuid4()
        return await client.get(f"/regions/{sought}", headers=world.headers("m1"))

    @pytest.mark.parametrize(
        "query", [{"parent": "town"}, {"limit": "0"}, {"limit": "201"}, {"cursor": "x"}, {"sort": "name"}], ids=str
    )
    async def test_wrong_query(self, client: httpx.AsyncClient, world: World, query: dict[str, str]) -> None:
        answer = await client.get("/regions", params=query, headers=world.headers("office"))
        assert (answer.status_code, list(answer.json()["errors"])) == (422, list(query))

    async def test_needs_a_bound_session(self, client: httpx.AsyncClient, world: World) -> None:
        for url in ("/regions", f"/regions/{world.regions['town']}", "/branches"):
            assert (await client.get(url)).status_code == 401
            answer = await client.get(url, headers=world.headers("stranger"))
            assert (answer.status_code, answer.json()["code"]) == (403, "session.not_bound")


class TestBranches:
    @pytest.mark.parametrize("name", BRANCHES)
    async def test_each_role_sees_its_branches(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        names = {str(branch): one for one, branch in world.branches.items()}
        items = (await client.get("/branches", headers=world.headers(name))).json()["items"]
        assert {names[row["id"]] for row in items} == BRANCHES[name]
        assert [row["id"] for row in items] == sorted(row["id"] for row in items)

    async def test_department_sees_none(self, client: httpx.AsyncClient, world: World) -> None:
        assert (await client.get("/branches", headers=world.headers("department"))).status_code == 403

    async def test_pages(self, client: httpx.AsyncClient, world: World) -> None:
        seen, query = [], {"limit": "1"}
        for _ in range(3):
            page = (await client.get("/branches", params=query, headers=world.headers("office"))).json()
            seen += [row["id"] for row in page["items"]]
            query = {"limit": "1", "cursor": page["next"]}
        assert (sorted(seen), page["next"]) == (sorted(str(one) for one in world.branches.values()), None)


async def numbers(client: httpx.AsyncClient, world: World, **query: str) -> dict[str, tuple[int, str, bool]]:
    """What holds in the township: number, since when, and whether it is its own."""
    answer = await client.get("/rules", params={"area": "999902101000"} | query, headers=world.headers("m1"))
    assert answer.status_code == 200, answer.text
    return {row["name"]: (row["number"], row["since"], row["own"]) for row in answer.json()["rules"]}


async def put(client: httpx.AsyncClient, world: World, by: str = "office", **change: Any) -> httpx.Response:
    body = {"region_id": str(world.regions["town"]), "name": "must_illness", "number": 5, "from": on(0)} | change
    return await client.post("/rules", json=body, headers=world.headers(by))


class TestRules:
    async def test_the_general_numbers_hold_until_a_township_sets_its_own(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        general = {name: (number, "2000-01-01", False) for name, number in GENERAL.items()}
        assert await numbers(client, world) == general
        answer = await put(client, world)
        assert (answer.status_code, answer.json()) == (
            201, {"name": "must_illness", "words": "生病住院必访期限（天）", "number": 5, "since": on(0), "own": True},
        )  # fmt: skip
        assert await audited() == ["rule.set", world.accounts["office"], ["must_illness"], None]
        assert await numbers(client, world) == general | {"must_illness": (5, on(0), True)}
        assert await numbers(client, world, on=on(-1)) == general  # no day gone by has moved
        shown = (
            await client.get("/rules", params={"area": str(world.regions["town"])}, headers=world.headers("s_west"))
        ).json()
        assert (shown["region_id"], shown["on"]) == (str(world.regions["town"]), on(0))
        assert [row["name"] for row in shown["rules"]] == list(RULES)
        assert [row["words"] for row in shown["rules"]] == [rule.words for rule in RULES.values()]

    async def test_one_township_says_nothing_for_another(self, client: httpx.AsyncClient, world: World) -> None:
        before = await numbers(client, world)
        township = uuid4()
        await Facts(database).insert(
            "region", id=township, level="township", name="外镇", path=[township], predecessors=[], valid_from=OPENED
        )
        await Facts(database).rule("must_illness", 9, OPENED, None, township)
        assert await numbers(client, world) == before

    async def test_from_a_later_day_and_again_from_another(self, client: httpx.AsyncClient, world: World) -> None:
        assert (await put(client, world, number=5, **{"from": on(0)})).status_code == 201
        assert (await put(client, world, number=7, **{"from": on(10)})).status_code == 201
        assert (await numbers(client, world, on=on(9)))["must_illness"] == (5, on(0), True)
        assert (await numbers(client, world, on=on(10)))["must_illness"] == (7, on(10), True)
        # Changed again on the same day: close, then open, on that day.
        assert (await put(client, world, number=6, **{"from": on(10)})).status_code == 201
        assert (await numbers(client, world, on=on(10)))["must_illness"] == (6, on(10), True)
        overlaps = "EXISTS (SELECT FROM region_rule o WHERE o.id <> region_rule.id AND o.region_id = region_rule.region_id AND o.name = region_rule.name AND o.during && region_rule.during)"
        assert await count("region_rule", overlaps) == 0

    async def test_sent_again(self, client: httpx.AsyncClient, world: World) -> None:
        first = await put(client, world)
        before = await snapshot()
        again = await put(client, world)
        assert (again.status_code, again.json(), await snapshot()) == (200, first.json(), before)

    @refused(problems.RulePlanned, regions.set_rule)
    async def test_a_number_booked_for_later(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        """It is named; replaced, it never comes into force."""
        await put(client, world, number=7, **{"from": on(10)})
        answer = await put(client, world)
        assert written(TODAY + timedelta(days=10)) in answer.json()["detail"]
        assert (await numbers(client, world))["must_illness"][0] == 3
        assert (await put(client, world, replace_planned=True)).status_code == 201
        assert (await numbers(client, world, on=on(20)))["must_illness"] == (5, on(0), True)
        return answer

    @refused(problems.RuleInPast, regions.set_rule)
    async def test_never_for_a_day_gone_by(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await put(client, world, **{"from": on(-1)})

    @refused(problems.RuleNumberUnfit, regions.set_rule)
    @pytest.mark.parametrize(
        ("name", "number"),
        [
            ("interval_ordinary", 1),
            ("interval_key", 6),
            ("interval_away", 29),
            ("must_disaster", 8),
            ("load_hard_max", 101),
        ],
    )
    async def test_a_number_without_sense(
        self, client: httpx.AsyncClient, world: World, name: str, number: int
    ) -> httpx.Response:
        """A visit every day is asked of nobody."""
        before = await snapshot()
        answer = await put(client, world, name=name, number=number)
        assert list(answer.json()["errors"]) == ["number"] and await snapshot() == before
        return answer

    @pytest.mark.parametrize("name", RULES)
    async def test_every_number_within_bounds_is_stored(
        self, client: httpx.AsyncClient, world: World, name: str
    ) -> None:
        for number in (RULES[name].least, RULES[name].most):  # type: ignore[index]
            answer = await put(client, world, name=name, number=number)
            assert answer.status_code == 201 or answer.json()["code"] == "regions.rule_order"

    @refused(problems.RuleOrder, regions.set_rule)
    @pytest.mark.parametrize(
        ("name", "number"), [("load_soft_min", 16), ("load_soft_max", 21), ("load_soft_max", 4), ("load_hard_max", 14)]
    )
    async def test_bounds_of_the_load_that_contradict_each_other(
        self, client: httpx.AsyncClient, world: World, name: str, number: int
    ) -> httpx.Response:
        before = await snapshot()
        answer = await put(client, world, name=name, number=number)
        assert written(TODAY) in answer.json()["detail"] and await snapshot() == before
        return answer

    async def test_bounds_of_the_load_hold_on_every_day_to_come(self, client: httpx.AsyncClient, world: World) -> None:
        """The hard maximum falls in ten days: a soft one above it would hold today and be wrong then."""
        assert (await put(client, world, name="load_hard_max", number=16, **{"from": on(10)})).status_code == 201
        answer = await put(client, world, name="load_soft_max", number=18)
        assert (answer.status_code, answer.json()["code"]) == (422, "regions.rule_order")
        assert written(TODAY + timedelta(days=10)) in answer.json()["detail"]
        assert (await put(client, world, name="load_soft_max", number=16)).status_code == 201

    @pytest.mark.parametrize("by", ["m1", "s_east", "cadre", "committee", "department", "admin"])
    async def test_set_by_the_organization_office_alone(self, client: httpx.AsyncClient, world: World, by: str) -> None:
        before = await snapshot()
        assert (await put(client, world, by)).status_code == 403
        assert await snapshot() == before

    @refused(problems.RegionNotFound, regions.list_rules, regions.set_rule)
    @pytest.mark.parametrize("place", ["outside", "nowhere", "county"])
    @pytest.mark.parametrize("way", ["read", "set"])
    async def test_a_township_of_others(
        self, client: httpx.AsyncClient, world: World, place: str, way: str
    ) -> httpx.Response:
        """The office of one township neither reads nor sets the numbers of another, nor those of the county."""
        region = of("region", place)
        if place == "outside":
            await Facts(database).insert(
                "region", id=region, level="township", name="外镇", path=[region], predecessors=[], valid_from=OPENED
            )
        before = await snapshot()
        if way == "read" and place != "county":
            return await client.get("/rules", params={"area": str(region)}, headers=world.headers("office"))
        answer = await put(client, world, region_id=str(region))
        assert await snapshot() == before
        return answer

    @refused(problems.NotTownship, regions.list_rules, regions.set_rule)
    @pytest.mark.parametrize("place", ["v_east", "e1"])
    @pytest.mark.parametrize("way", ["read", "set"])
    async def test_only_townships_have_numbers(
        self, client: httpx.AsyncClient, world: World, place: str, way: str
    ) -> httpx.Response:
        region = str(world.regions[place])
        if way == "read":
            return await client.get("/rules", params={"area": region}, headers=world.headers("office"))
        return await put(client, world, region_id=region)

    @pytest.mark.parametrize(
        "change",
        [{"name": "mood"}, {"number": 0}, {"number": "five"}, {"number": 367}, {"from": "soon"}, {"to": on(9)}],
        ids=str,
    )
    async def test_wrong_body(self, client: httpx.AsyncClient, world: World, change: dict[str, Any]) -> None:
        answer = await put(client, world, **change)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, list(change))

    @refused(problems.LoadTooHigh, assignments.create_assignment)
    async def test_how_many_households_one_may_carry_is_that_of_the_township_on_the_day(
        self, client: httpx.AsyncClient, world: World
    ) -> httpx.Response:
        """m1 has two; three from today, and two again from the tenth day on."""

        async def link(start: int) -> httpx.Response:
            body = {
                "household_id": str(world.households["h4"]),
                "person_id": str(world.people["m1"]),
                "from": on(start),
            }
            return await client.post("/assignments", json=body, headers=world.headers("s_east"))

        facts = Facts(database)
        await facts.rule("load_hard_max", 2, OPENED, TODAY, world.regions["town"])
        await facts.rule("load_hard_max", 3, TODAY, TODAY.replace(day=25), world.regions["town"])
        await facts.rule("load_hard_max", 2, TODAY.replace(day=25), None, world.regions["town"])
        later = await link(10)
        assert "已联系 2 户，最多 2 户" in later.json()["detail"]
        assert (await link(-1)).status_code == 409
        assert (await link(9)).status_code == 201
        return later


class TestMeta:
    async def test_codes_are_those_that_are_accepted(self, client: httpx.AsyncClient) -> None:
        """Without signing in: the form of a new phone is drawn from it."""
        answer = (await client.get("/codes")).json()
        for name, words in (("modes", visits.MODES), ("outcomes", visits.OUTCOMES), ("topics", visits.TOPICS)):
            assert {row["code"]: row["name"] for row in answer[name]} == dict(words)
        for name, words in (
            ("must_visit_kinds", obligations.KINDS),
            ("withdraw_reasons", obligations.WITHDRAW_REASONS),
        ):
            assert {row["code"]: row["name"] for row in answer[name]} == words
        assert {row["code"]: row["name"] for row in answer["rules"]} == {
            name: rule.words for name, rule in RULES.items()
        }
        assert "身份证号" in answer["note_hint"]

    async def test_about_says_who_runs_it(self, client: httpx.AsyncClient) -> None:
        answer = (await client.get("/about")).json()
        assert answer == {
            "name": "联户", "sponsor": "演示主办单位", "filing_number": "演示，未备案", "environment": "test",
            "wechat_is_standin": True,
        }  # fmt: skip


def test_every_problem_has_a_test() -> None:
    assert without_a_test(regions) + without_a_test(meta) == []
