"""Proposals: what is proposed and why, what may be changed, and that applying one is all or nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from backend import problems
from handlers import proposals
from models import database
from tests.api.problems import refused, without_a_test
from tests.world import TODAY, World


def on(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


async def make(client: httpx.AsyncClient, world: World, by: str = "s_east", **changes: Any) -> httpx.Response:
    body = {"client_id": str(uuid4()), "place": str(world.branches["east"]), "from": on(0)} | changes
    return await client.post("/assignments/proposals", json=body, headers=world.headers(by))


async def items(
    client: httpx.AsyncClient, world: World, proposal: dict[str, Any], by: str = "s_east", **query: str
) -> dict[str, Any]:
    path = f"/assignments/proposals/{proposal['id']}/items"
    answer = await client.get(path, params=query, headers=world.headers(by))
    assert answer.status_code == 200, answer.text
    names = {str(household): name for name, household in world.households.items()}
    return {names[row["household_id"]]: row for row in answer.json()["items"]}


async def edit(
    client: httpx.AsyncClient,
    world: World,
    proposal: dict[str, Any],
    household: str,
    person: str | None,
    by: str = "s_east",
) -> httpx.Response:
    path = f"/assignments/proposals/{proposal['id']}/items/{world.households[household]}"
    body = {"person_id": person and str(world.people[person])}
    return await client.post(path, json=body, headers=world.headers(by))


async def apply(
    client: httpx.AsyncClient, world: World, proposal: dict[str, Any], version: int = 1, by: str = "s_east"
) -> httpx.Response:
    headers = world.headers(by) | {"If-Match": f'"{version}"'}
    return await client.post(f"/assignments/proposals/{proposal['id']}/apply", headers=headers)


async def primary(world: World, household: str) -> str | None:
    names = {person: name for name, person in world.people.items()}
    found = await database.fetch_value(
        "SELECT person_id FROM assignment WHERE household_id = $1 AND role = 'primary' AND during @> $2::date",
        world.households[household],
        TODAY,
    )
    return names.get(found)


class TestProposing:
    async def test_a_gap_gets_somebody_with_a_reason_and_nothing_changes_yet(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """h4 is the gap of the east; h5 is m1's own household and none, h6 is linked across the branches."""
        answer = await make(client, world)
        assert (answer.status_code, answer.json()["filled"], answer.json()["unfilled"]) == (201, 1, 0)
        (row,) = (await items(client, world, answer.json())).values()
        assert (row["household_id"], row["head_name"], row["current_id"]) == (
            str(world.households["h4"]),
            "李***",
            None,
        )
        assert row["person_name"] in ("陈人名一", "褚人名二", "沈人名五") and row["sentence"].endswith("。")
        assert await primary(world, "h4") is None

    async def test_a_village_and_a_township(self, client: httpx.AsyncClient, world: World) -> None:
        village = await make(client, world, place=str(world.regions["v_east"]))
        assert (village.json()["filled"], village.json()["unfilled"]) == (1, 0)
        town = await make(client, world, "office", place=str(world.regions["town"]))
        assert set(await items(client, world, town.json(), "office")) == {"h4", "h9"}

    async def test_nobody_is_left_says_so(self, client: httpx.AsyncClient, world: World) -> None:
        for person in ("m1", "m2", "s_east"):
            await database.execute(
                "INSERT INTO exemption (id, person_id, reason, keeps_links, valid_from) VALUES ($1, $2, 'age', true, $3)",
                uuid4(), world.people[person], TODAY,
            )  # fmt: skip
        answer = await make(client, world)
        assert (answer.json()["filled"], answer.json()["unfilled"]) == (0, 1)
        rows = await items(client, world, answer.json(), unfilled="true")
        assert rows["h4"]["person_id"] is None and "免联" in rows["h4"]["sentence"]

    async def test_a_members_own_home_is_nobodys_to_arrange(self, client: httpx.AsyncClient, world: World) -> None:
        """h4 is where s_east lives. Whoever gets a household has a home that needs nobody; whoever gets none has not."""
        await database.execute(
            "INSERT INTO home (id, person_id, household_id, valid_from) VALUES ($1, $2, $3, $4)",
            uuid4(), world.people["s_east"], world.households["h4"], TODAY,
        )  # fmt: skip
        rows = await items(client, world, (await make(client, world)).json())
        assert rows["h4"]["person_id"] and rows["h4"]["person_name"] != "沈人名五"
        body = {"household_id": str(world.households["h3"]), "person_id": str(world.people["s_east"]), "from": on(5)}
        body |= {"role": "backup"}
        assert (await client.post("/assignments", json=body, headers=world.headers("s_east"))).status_code == 201
        assert await items(client, world, (await make(client, world, **{"from": on(5)})).json()) == {}
        await database.execute(
            "UPDATE assignment SET valid_to = greatest(valid_from, $1) WHERE household_id = $2",
            TODAY,
            world.households["h3"],
        )
        rows = await items(client, world, (await make(client, world)).json())
        assert set(rows) in ({"h3"}, {"h3", "h4"})
        assert ("h4" in rows) == (rows["h3"]["person_name"] != "沈人名五")

    async def test_doing_it_all_anew_looks_at_every_household(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await make(client, world, redo=True)
        rows = await items(client, world, answer.json())
        assert set(rows) == {"h1", "h2", "h3", "h4", "h6"}
        assert (rows["h1"]["current_name"], rows["h4"]["current_name"]) == ("陈人名一", None)

    async def test_the_same_id_again(self, client: httpx.AsyncClient, world: World) -> None:
        one = str(uuid4())
        first, again = [await make(client, world, client_id=one) for _ in range(2)]
        assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()

    async def test_a_list_of_ones_own(self, client: httpx.AsyncClient, world: World) -> None:
        mine = await make(client, world)
        await make(client, world, "office", place=str(world.regions["town"]))
        listed = await client.get("/assignments/proposals", headers=world.headers("s_east"))
        assert listed.json() == {"items": [mine.json()], "next": None}
        assert mine.json()["place_name"] == "east 支部"

    @refused(problems.ClientIdReused, proposals.make)
    async def test_the_same_id_for_another_day(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        one = str(uuid4())
        await make(client, world, client_id=one)
        return await make(client, world, client_id=one, **{"from": on(1)})

    @refused(problems.RegionNotFound, proposals.make)
    async def test_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await make(client, world, place=str(world.branches["west"]))

    @refused(problems.ProposalStart, proposals.make)
    async def test_from_yesterday(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await make(client, world, **{"from": on(-1)})

    @refused(problems.ProposalTooLarge, proposals.make)
    async def test_a_branch_of_hundreds(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        for number in range(121):
            person = uuid4()
            await database.execute(
                "INSERT INTO person (id, name_sealed, name_masked) VALUES ($1, '\\x00', $2)", person, f"人{number}"
            )
            await database.execute(
                "INSERT INTO membership (id, person_id, branch_id, kind, valid_from) VALUES ($1, $2, $3, 'full', $4)",
                uuid4(), person, world.branches["east"], TODAY,
            )  # fmt: skip
        return await make(client, world)

    @refused(problems.ProposalNotFound, proposals.get_proposal)
    async def test_somebody_elses(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        made = (await make(client, world)).json()
        return await client.get(f"/assignments/proposals/{made['id']}", headers=world.headers("office"))

    @refused(problems.ProposalNotFound, proposals.list_items)
    async def test_somebody_elses_items(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        made = (await make(client, world)).json()
        return await client.get(f"/assignments/proposals/{made['id']}/items", headers=world.headers("s_west"))


class TestEditing:
    async def test_somebody_else_or_nobody(self, client: httpx.AsyncClient, world: World) -> None:
        made = (await make(client, world)).json()
        answer = await edit(client, world, made, "h4", "m2")
        assert (answer.status_code, answer.json()["person_name"], answer.json()["edited"]) == (200, "褚人名二", True)
        answer = await edit(client, world, made, "h4", None)
        assert (answer.json()["person_id"], answer.json()["sentence"]) == (None, "暂不安排。")
        again = await client.get(f"/assignments/proposals/{made['id']}", headers=world.headers("s_east"))
        assert (again.json()["version"], again.json()["filled"], again.json()["unfilled"]) == (3, 0, 1)

    @refused(problems.HouseholdNotFound, proposals.edit_item)
    async def test_a_household_that_is_not_in_it(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await edit(client, world, (await make(client, world)).json(), "h9", "m2")

    @refused(problems.PersonNotFound, proposals.edit_item)
    async def test_somebody_of_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await edit(client, world, (await make(client, world)).json(), "h4", "m3")

    @refused(problems.ProposalNotFound, proposals.edit_item)
    async def test_somebody_elses(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await edit(client, world, (await make(client, world)).json(), "h4", "m3", "s_west")

    @refused(problems.ProposalApplied, proposals.edit_item)
    async def test_an_applied_one(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        made = (await make(client, world)).json()
        await apply(client, world, made)
        return await edit(client, world, made, "h4", "m2")


class TestApplying:
    async def test_it_becomes_links(self, client: httpx.AsyncClient, world: World) -> None:
        made = (await make(client, world)).json()
        await edit(client, world, made, "h4", "m2")
        answer = await apply(client, world, made, 2)
        assert answer.status_code == 200 and answer.json()["applied_at"]
        assert await primary(world, "h4") == "m2"
        gaps = await client.get(
            "/coverage/gaps", params={"branch": str(world.branches["east"])}, headers=world.headers("s_east")
        )
        assert gaps.json()["count"] == 0

    async def test_doing_it_all_anew_hands_over_and_keeps_history(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        made = (await make(client, world, redo=True)).json()
        await edit(client, world, made, "h1", "m2")
        await edit(client, world, made, "h2", "m1")
        for household in ("h3", "h4", "h6"):
            await edit(client, world, made, household, None)
        assert (await apply(client, world, made, 6)).status_code == 200
        rows = await database.fetch(
            "SELECT role, end_reason FROM assignment WHERE household_id = $1 AND NOT isempty(during) ORDER BY valid_from, seq",
            world.households["h1"],
        )
        assert [tuple(row.values()) for row in rows] == [
            ("primary", "handed_over"), ("backup", "handed_over"), ("primary", None),
        ]  # fmt: skip
        assert (await primary(world, "h2"), await primary(world, "h3"), await primary(world, "h6")) == (
            "m1",
            "m2",
            "m3",
        )

    async def test_what_changed_meanwhile_is_named_and_nothing_is_applied(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        made = (await make(client, world, "office", place=str(world.regions["town"]))).json()
        await edit(client, world, made, "h4", "m2", "office")
        link = {"household_id": str(world.households["h4"]), "person_id": str(world.people["m1"]), "from": on(0)}
        assert (await client.post("/assignments", json=link, headers=world.headers("s_east"))).status_code == 201
        answer = await apply(client, world, made, 2, "office")
        assert (answer.status_code, answer.json()["code"]) == (409, "proposals.stale")
        assert list(answer.json()["errors"]) == [str(world.households["h4"])]
        assert await primary(world, "h9") is None

    @refused(problems.ProposalStale, proposals.apply)
    async def test_more_than_anybody_may_have(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        made = (await make(client, world)).json()
        await edit(client, world, made, "h4", "m1")
        for name in ("load_soft_min", "load_soft_max", "load_hard_max"):
            rule = {"region_id": str(world.regions["town"]), "name": name, "number": 2, "from": on(0)}
            assert (await client.post("/rules", json=rule, headers=world.headers("office"))).status_code == 201
        return await apply(client, world, made, 2)

    async def test_an_older_look_at_it(self, client: httpx.AsyncClient, world: World) -> None:
        made = (await make(client, world)).json()
        await edit(client, world, made, "h4", "m2")
        answer = await apply(client, world, made, 1)
        assert (answer.status_code, answer.json()["code"]) == (412, "request.changed")

    @refused(problems.ProposalApplied, proposals.apply)
    async def test_twice(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        made = (await make(client, world)).json()
        await apply(client, world, made)
        return await apply(client, world, made, 2)

    @refused(problems.ProposalNotFound, proposals.apply)
    async def test_somebody_elses(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await apply(client, world, (await make(client, world)).json(), by="s_west")


def test_every_problem_has_a_test() -> None:
    assert without_a_test(proposals) == []
