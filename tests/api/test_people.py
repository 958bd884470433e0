"""The roster: who sees whom, with how many households, and in no order of a figure."""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend import problems
from handlers import people
from models import database
from tests.api.counting import statements
from tests.api.problems import refused, without_a_test
from tests.world import OPENED, PEOPLE, TODAY, World

EAST, WEST = {"m1", "m2", "s_east"}, {"m3", "m4", "s_west"}
SEEN = {"s_east": EAST, "s_west": WEST, "office": EAST | WEST | {"cadre"}}


async def roster(client: httpx.AsyncClient, world: World, by: str, **query: str) -> dict[str, dict[str, Any]]:
    """The rows by name of the world."""
    names = {str(person): name for name, person in world.people.items()}
    answer = await client.get("/people", params=query, headers=world.headers(by))
    assert answer.status_code == 200, answer.text
    return {names[row["id"]]: row for row in answer.json()["items"]}


class TestList:
    @pytest.mark.parametrize("name", SEEN)
    async def test_each_role_sees_its_people(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        rows = await roster(client, world, name)
        assert rows.keys() == SEEN[name]
        assert {key: row["name"] for key, row in rows.items()} == {key: PEOPLE[key][2] for key in SEEN[name]}

    @pytest.mark.parametrize("name", ["m1", "cadre", "committee", "department", "admin"])
    async def test_roles_that_may_not(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        answer = await client.get("/people", headers=world.headers(name))
        assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")
        assert "人名" not in answer.text

    async def test_what_a_row_tells(self, client: httpx.AsyncClient, world: World) -> None:
        """Load counts primaries of today: m3 has three, and m2's backup is none."""
        await database.execute(
            "INSERT INTO exemption (id, person_id, reason, valid_from, valid_to) VALUES ($1, $2, 'age', $3, $4), ($5, $6, 'illness', $3, $7)",
            uuid4(), world.people["m4"], TODAY - timedelta(days=9), TODAY + timedelta(days=1),
            uuid4(), world.people["m2"], TODAY,
        )  # fmt: skip
        rows = await roster(client, world, "office")
        assert {name: row["load"] for name, row in rows.items()} == {
            "m1": 2, "m2": 1, "m3": 3, "m4": 0, "s_east": 0, "s_west": 0, "cadre": 0,
        }  # fmt: skip
        assert {name for name, row in rows.items() if row["exemption"]} == {"m4"}
        assert rows["m4"] == {
            "id": str(world.people["m4"]), "name": "蒋人名四", "kind": "probationary", "branch_id": str(world.branches["west"]),
            "exemption": "age", "exempt_from": (TODAY - timedelta(days=9)).isoformat(),
            "exempt_to": (TODAY + timedelta(days=1)).isoformat(), "keeps_links": False, "load": 0, "backed": 0,
            "account_id": str(world.accounts["m4"]), "until": None, "next_branch_id": None, "has_phone": False, "abilities": [], "since": OPENED.isoformat(), "version": 1,
        }  # fmt: skip

    async def test_the_order_is_no_ranking(self, client: httpx.AsyncClient, world: World) -> None:
        items = (await client.get("/people", headers=world.headers("office"))).json()["items"]
        assert [row["id"] for row in items] == sorted(row["id"] for row in items)
        refusal = await client.get("/people", params={"sort": "load"}, headers=world.headers("office"))
        assert (refusal.status_code, list(refusal.json()["errors"])) == (422, ["sort"])

    async def test_of_one_branch(self, client: httpx.AsyncClient, world: World) -> None:
        assert (await roster(client, world, "office", branch=str(world.branches["west"]))).keys() == WEST

    async def test_who_left_is_not_there(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute("UPDATE membership SET valid_to = $2 WHERE person_id = $1", world.people["m1"], TODAY)
        assert "m1" not in await roster(client, world, "s_east")

    async def test_pages(self, client: httpx.AsyncClient, world: World) -> None:
        seen: list[str] = []
        query: dict[str, str] = {"limit": "3"}
        while True:
            page = (await client.get("/people", params=query, headers=world.headers("office"))).json()
            seen += [row["id"] for row in page["items"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert sorted(seen) == sorted(str(person) for person in world.people.values())

    async def test_as_many_statements_for_many_as_for_one(self, client: httpx.AsyncClient, world: World) -> None:
        asked = []
        for limit in ("1", "200"):
            async with statements() as seen:
                await client.get("/people", params={"limit": limit}, headers=world.headers("office"))
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 3

    @refused(problems.BranchNotFound, people.list_people)
    @pytest.mark.parametrize("branch", ["west", "town", None])
    async def test_of_a_branch_elsewhere(
        self, client: httpx.AsyncClient, world: World, branch: str | None
    ) -> httpx.Response:
        sought = world.branches[branch] if branch else uuid4()
        return await client.get("/people", params={"branch": str(sought)}, headers=world.headers("s_east"))


def test_every_problem_has_a_test() -> None:
    importlib.import_module("tests.api.test_people_life")  # those of a change in somebody's service stand there
    assert without_a_test(people) == []
