"""The tree of regions, the branches, and what anybody may ask: codes and who runs this."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend import problems
from backend.rules import visits
from handlers import meta, regions
from models import database
from tests.api.counting import statements
from tests.api.problems import refused, without_a_test
from tests.world import OPENED, World

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


class TestMeta:
    async def test_codes_are_those_that_are_accepted(self, client: httpx.AsyncClient) -> None:
        """Without signing in: the form of a new phone is drawn from it."""
        answer = (await client.get("/codes")).json()
        for name, words in (("modes", visits.MODES), ("outcomes", visits.OUTCOMES), ("topics", visits.TOPICS)):
            assert {row["code"]: row["name"] for row in answer[name]} == dict(words)
        assert "身份证号" in answer["note_hint"]

    async def test_about_says_who_runs_it(self, client: httpx.AsyncClient) -> None:
        answer = (await client.get("/about")).json()
        assert answer == {
            "name": "联户", "sponsor": "演示主办单位", "filing_number": "演示，未备案", "environment": "test",
            "wechat_is_standin": True,
        }  # fmt: skip


def test_every_problem_has_a_test() -> None:
    assert without_a_test(regions) + without_a_test(meta) == []
