"""What happens in a person's service: who may say so, what it does to the links that day, and who is told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend import problems
from handlers import people
from models import database
from tests.api.problems import refused
from tests.world import OPENED, TODAY, World

TOMORROW = TODAY + timedelta(days=1)


def on(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


async def act(
    client: httpx.AsyncClient, world: World, person: str, what: str, by: str = "office", **body: Any
) -> httpx.Response:
    return await client.post(f"/people/{world.people[person]}/{what}", json=body, headers=world.headers(by))


async def links(household: str, world: World) -> list[tuple[str, str, date, date | None, str | None]]:
    """Who was linked how, from when to when, and why it ended; empty rows left out."""
    names = {person: name for name, person in world.people.items()}
    rows = await database.fetch(
        """SELECT person_id, role, valid_from, valid_to, end_reason FROM assignment
           WHERE household_id = $1 AND NOT isempty(during) ORDER BY valid_from, seq""",
        world.households[household],
    )
    return [
        (names[row["person_id"]], row["role"], row["valid_from"], row["valid_to"], row["end_reason"]) for row in rows
    ]


async def inbox(client: httpx.AsyncClient, world: World, name: str) -> list[dict[str, Any]]:
    answer = await client.get("/messages", headers=world.headers(name))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


class TestExemption:
    async def test_links_end_the_backup_takes_over_and_the_secretary_hears_of_it(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """m1 is primary of h1 and h2, and m2 is backup of h1: h1 goes to m2, h2 is a gap with its reason."""
        answer = await act(client, world, "m1", "exemptions", "s_east", reason="illness", **{"from": on(0)})
        assert (answer.status_code, answer.json()["exemption"], answer.json()["load"]) == (200, "illness", 0)
        assert await links("h1", world) == [
            ("m1", "primary", OPENED, TODAY, "member_exempt"),
            ("m2", "backup", OPENED, TODAY, "handed_over"),
            ("m2", "primary", TODAY, None, None),
        ]
        assert await links("h2", world) == [("m1", "primary", OPENED, TODAY, "member_exempt")]
        gaps = await client.get(
            "/coverage/gaps", params={"area": str(world.regions["v_east"])}, headers=world.headers("s_east")
        )
        found = {row["id"]: row["reason"] for row in gaps.json()["items"]}
        assert found[str(world.households["h2"])] == "member_exempt" and str(world.households["h1"]) not in found
        (told,) = await inbox(client, world, "s_east")
        assert told["title"] == "陈人名一党员免联，联系户有变动"
        assert (
            "不再联系 2 户" in told["text"]
            and "1 户已由副联接上" in told["text"]
            and "还有 1 户没有主联" in told["text"]
        )
        assert await inbox(client, world, "s_west") == [] and await inbox(client, world, "m1") == []

    async def test_the_message_says_when_all_is_settled(self, client: httpx.AsyncClient, world: World) -> None:
        await act(client, world, "m1", "exemptions", reason="age", **{"from": on(0)})
        body = {"household_id": str(world.households["h2"]), "person_id": str(world.people["m2"]), "from": on(0)}
        assert (await client.post("/assignments", json=body, headers=world.headers("s_east"))).status_code == 201
        (told,) = await inbox(client, world, "s_east")
        assert told["text"].endswith("其余各户都已重新安排。")

    async def test_who_wants_to_goes_on_and_gets_no_new_household(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        answer = await act(client, world, "m1", "exemptions", reason="age", keeps_links=True, **{"from": on(0)})
        assert answer.json()["load"] == 2 and await inbox(client, world, "s_east") == []
        assert answer.json()["keeps_links"] and answer.json()["backed"] == 1
        body = {"household_id": str(world.households["h4"]), "person_id": str(world.people["m1"]), "from": on(0)}
        refused = await client.post("/assignments", json=body, headers=world.headers("s_east"))
        assert refused.json()["code"] == "assignments.person_exempt"

    async def test_a_booked_one_ends_links_on_its_day(self, client: httpx.AsyncClient, world: World) -> None:
        await act(client, world, "m1", "exemptions", reason="away", **{"from": on(10)})
        day = TODAY + timedelta(days=10)
        assert (await links("h1", world))[-1] == ("m2", "primary", day, None, None)
        assert await links("h2", world) == [("m1", "primary", OPENED, day, "member_exempt")]

    async def test_a_backup_without_room_does_not_take_over(self, client: httpx.AsyncClient, world: World) -> None:
        rule = {"region_id": str(world.regions["town"]), "name": "load_hard_max", "number": 1, "from": on(0)}
        for name in ("load_soft_min", "load_soft_max", "load_hard_max"):
            answer = await client.post("/rules", json=rule | {"name": name}, headers=world.headers("office"))
            assert answer.status_code == 201, answer.text
        await act(client, world, "m1", "exemptions", reason="age", **{"from": on(0)})
        assert await links("h1", world) == [
            ("m1", "primary", OPENED, TODAY, "member_exempt"), ("m2", "backup", OPENED, None, None),
        ]  # fmt: skip

    async def test_sent_twice_it_is_refused_and_nobody_hears_twice(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        await act(client, world, "m1", "exemptions", reason="age", **{"from": on(0)})
        assert (await act(client, world, "m1", "exemptions", reason="age", **{"from": on(0)})).status_code == 409
        assert len(await inbox(client, world, "s_east")) == 1

    @refused(problems.ExemptAlready, people.exempt)
    async def test_two_at_once(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await act(client, world, "m1", "exemptions", reason="age", **{"from": on(5)})
        return await act(client, world, "m1", "exemptions", reason="away", **{"from": on(0), "to": on(6)})

    async def test_one_before_another(self, client: httpx.AsyncClient, world: World) -> None:
        await act(client, world, "m1", "exemptions", reason="age", **{"from": on(5)})
        answer = await act(client, world, "m1", "exemptions", reason="away", **{"from": on(0), "to": on(5)})
        assert answer.status_code == 200

    @refused(problems.PersonNotInService, people.exempt)
    async def test_of_one_who_is_gone(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await act(client, world, "m1", "leave", reason="transferred", on=on(-3))
        return await act(client, world, "m1", "exemptions", reason="age", **{"from": on(0)})

    async def test_an_end_before_the_start(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await act(client, world, "m1", "exemptions", reason="age", **{"from": on(0), "to": on(0)})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["to"])

    @refused(problems.PersonNotFound, people.exempt)
    async def test_of_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await act(client, world, "m3", "exemptions", "s_east", reason="age", **{"from": on(0)})


class TestReturn:
    async def test_the_exemption_ends_and_households_stay_where_they_are(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        await act(client, world, "m1", "exemptions", reason="illness", **{"from": on(-5)})
        answer = await act(client, world, "m1", "return", on=on(0))
        assert (answer.status_code, answer.json()["exemption"], answer.json()["load"]) == (200, None, 0)
        assert (await links("h1", world))[-1][:2] == ("m2", "primary")
        body = {"household_id": str(world.households["h2"]), "person_id": str(world.people["m1"]), "from": on(0)}
        assert (await client.post("/assignments", json=body, headers=world.headers("s_east"))).status_code == 201

    @refused(problems.NotExempt, people.end_exemption)
    async def test_of_one_who_is_not_exempt(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await act(client, world, "m1", "return", on=on(0))

    @refused(problems.PersonNotFound, people.end_exemption)
    async def test_of_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await act(client, world, "m3", "return", "s_east", on=on(0))


class TestTransfer:
    async def test_households_of_the_old_branch_are_left(self, client: httpx.AsyncClient, world: World) -> None:
        """m3 of the west is primary of h7, h8 (west) and h6, which lies in the east: moving to the east keeps h6."""
        answer = await act(client, world, "m3", "transfer", branch_id=str(world.branches["east"]), on=on(0))
        assert (answer.status_code, answer.json()["branch_id"], answer.json()["load"]) == (
            200,
            str(world.branches["east"]),
            1,
        )
        assert (await links("h7", world))[-1] == ("m3", "primary", OPENED, TODAY, "member_left")
        assert await links("h6", world) == [("m3", "primary", OPENED, None, None)]
        (told,) = await inbox(client, world, "s_west")
        assert "不再联系 2 户" in told["text"]

    async def test_another_kind_in_the_same_branch_keeps_all(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await act(
            client, world, "m1", "transfer", branch_id=str(world.branches["east"]), kind="cadre", on=on(0)
        )
        assert (answer.json()["kind"], answer.json()["load"]) == ("cadre", 2)

    async def test_back_in_service(self, client: httpx.AsyncClient, world: World) -> None:
        await act(client, world, "m1", "leave", reason="transferred", on=on(-9))
        answer = await act(client, world, "m1", "transfer", branch_id=str(world.branches["east"]), on=on(0))
        assert (answer.status_code, answer.json()["kind"], answer.json()["since"]) == (200, "full", on(0))

    async def test_a_booked_one_is_seen_on_the_roster(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await act(client, world, "m1", "transfer", branch_id=str(world.branches["west"]), on=on(9))
        assert (answer.json()["branch_id"], answer.json()["until"], answer.json()["next_branch_id"]) == (
            str(world.branches["east"]),
            on(9),
            str(world.branches["west"]),
        )

    @refused(problems.SameService, people.transfer)
    async def test_to_where_one_is(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await act(client, world, "m1", "transfer", branch_id=str(world.branches["east"]), on=on(0))

    @refused(problems.BranchNotFound, people.transfer)
    async def test_to_another_secretarys_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await act(client, world, "m1", "transfer", "s_east", branch_id=str(world.branches["west"]), on=on(0))

    @refused(problems.ServiceLater, people.transfer)
    async def test_before_a_later_service(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await act(client, world, "m1", "transfer", branch_id=str(world.branches["west"]), on=on(9))
        return await act(client, world, "m1", "transfer", branch_id=str(world.branches["town"]), on=on(3))

    @refused(problems.PersonNotFound, people.transfer)
    async def test_of_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await act(client, world, "m3", "transfer", "s_east", branch_id=str(world.branches["east"]), on=on(0))


class TestLeave:
    async def test_a_death_is_the_reason_of_the_gap(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await act(client, world, "m1", "leave", "s_east", reason="died", on=on(-1))
        assert answer.status_code == 200
        assert (await links("h2", world))[-1] == ("m1", "primary", OPENED, TODAY - timedelta(days=1), "member_died")
        (told,) = await inbox(client, world, "s_east")
        assert told["title"].startswith("陈人名一党员去世")
        roster = await client.get("/people", headers=world.headers("s_east"))
        assert str(world.people["m1"]) not in {row["id"] for row in roster.json()["items"]}

    async def test_visits_stay_and_what_is_on_the_phone_may_still_come(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """Who is out of service keeps 30 days of send-only: a visit of a day on which the link stood is their own."""
        await act(client, world, "m1", "leave", reason="transferred", on=on(0))
        visit = {
            "client_id": str(uuid4()), "household_id": str(world.households["h2"]), "occurred_on": on(-2),
            "noted_at": f"{on(-2)}T09:00:00+08:00", "mode": "in_person", "outcome": "met", "topics": ["care"],
        }  # fmt: skip
        answer = await client.post("/visits", json=visit, headers=world.headers("m1"))
        assert answer.status_code == 201, answer.text

    @refused(problems.PersonNotInService, people.leave)
    async def test_twice(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await act(client, world, "m1", "leave", reason="died", on=on(-1))
        return await act(client, world, "m1", "leave", reason="died", on=on(0))

    @refused(problems.ServiceLater, people.leave)
    async def test_before_a_booked_transfer(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await act(client, world, "m1", "transfer", branch_id=str(world.branches["west"]), on=on(9))
        return await act(client, world, "m1", "leave", reason="other", on=on(0))

    @refused(problems.PersonNotFound, people.leave)
    async def test_of_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await act(client, world, "m3", "leave", "s_east", reason="died", on=on(0))


class TestTakingIn:
    BODY = {"name": "新人名", "phone": "13700000001", "kind": "probationary", "abilities": ["care"]}

    def body(self, world: World, **changes: Any) -> dict[str, Any]:
        ids = {"client_id": str(uuid4()), "branch_id": str(world.branches["east"]), "from": on(0)}
        return self.BODY | ids | changes

    async def create(
        self, client: httpx.AsyncClient, world: World, body: dict[str, Any], by: str = "s_east"
    ) -> httpx.Response:
        return await client.post("/people", json=body, headers=world.headers(by))

    async def test_somebody_new_can_be_linked_and_found(self, client: httpx.AsyncClient, world: World) -> None:
        body = self.body(world)
        first, again = [await self.create(client, world, body) for _ in range(2)]
        assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
        assert first.json() == {
            "id": body["client_id"], "name": "新人名", "has_phone": True, "kind": "probationary",
            "branch_id": body["branch_id"], "since": on(0), "abilities": ["care"], "exemption": None, "exempt_from": None,
            "exempt_to": None, "keeps_links": False, "until": None, "next_branch_id": None, "load": 0, "backed": 0,
            "account_id": None, "version": 1,
        }  # fmt: skip
        for typed in ("xrm", "XR", "人名", "新"):
            found = await client.post("/people/search", json={"search": typed}, headers=world.headers("s_east"))
            assert body["client_id"] in {row["id"] for row in found.json()["items"]}, typed
        nobody = await client.post("/people/search", json={"search": "zzz"}, headers=world.headers("s_east"))
        assert nobody.json()["items"] == []
        link = {"household_id": str(world.households["h4"]), "person_id": body["client_id"], "from": on(0)}
        assert (await client.post("/assignments", json=link, headers=world.headers("s_east"))).status_code == 201

    @refused(problems.BranchNotFound, people.search_people)
    async def test_searching_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        body = {"search": "人", "branch": str(world.branches["west"])}
        return await client.post("/people/search", json=body, headers=world.headers("s_east"))

    @refused(problems.ClientIdReused, people.create_person)
    async def test_the_same_id_for_somebody_else(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        body = self.body(world)
        await self.create(client, world, body)
        return await self.create(client, world, body | {"name": "别人名"})

    @refused(problems.PersonNotFound, people.create_person)
    async def test_the_id_of_somebody_of_another_branch(
        self, client: httpx.AsyncClient, world: World
    ) -> httpx.Response:
        return await self.create(client, world, self.body(world, client_id=str(world.people["m3"])))

    @refused(problems.BranchNotFound, people.create_person)
    async def test_into_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await self.create(client, world, self.body(world, branch_id=str(world.branches["west"])))

    @refused(problems.PhoneTaken, people.create_person)
    async def test_a_number_that_is_somebody_elses(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await self.create(client, world, self.body(world))
        return await self.create(client, world, self.body(world, name="又一人名"))


class TestEditing:
    async def edit(
        self, client: httpx.AsyncClient, world: World, person: str, version: int = 1, by: str = "s_east", **body: Any
    ) -> httpx.Response:
        headers = world.headers(by) | {"If-Match": f'"{version}"'}
        return await client.patch(f"/people/{world.people[person]}", json=body, headers=headers)

    async def test_a_name_put_right(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await self.edit(client, world, "m1", name="陈人名壹", phone="１３９ 0000-0001")
        assert (answer.status_code, answer.json()["name"], answer.json()["version"]) == (200, "陈人名壹", 2)
        one = await client.get(f"/people/{world.people['m1']}", headers=world.headers("s_east"))
        assert one.json() == answer.json() and one.json()["has_phone"] is True

    async def test_somebody_was_faster(self, client: httpx.AsyncClient, world: World) -> None:
        await self.edit(client, world, "m1", name="陈人名壹")
        answer = await self.edit(client, world, "m1", name="陈人名弌")
        assert (answer.status_code, answer.json()["code"]) == (412, "request.changed")

    @refused(problems.PhoneTaken, people.edit_person)
    async def test_a_number_that_is_somebody_elses(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await self.edit(client, world, "m2", phone="13900000009")
        return await self.edit(client, world, "m1", phone="13900000009")

    @refused(problems.PersonNotFound, people.edit_person)
    async def test_of_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await self.edit(client, world, "m3", name="卫人名叁")

    @refused(problems.PersonNotFound, people.get_person)
    async def test_reading_one_of_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.get(f"/people/{world.people['m3']}", headers=world.headers("s_east"))


@pytest.mark.parametrize("by", ["m1", "cadre", "committee", "department", "admin"])
@pytest.mark.parametrize("what", ["exemptions", "return", "transfer", "leave"])
async def test_roles_that_may_not(client: httpx.AsyncClient, world: World, by: str, what: str) -> None:
    answer = await act(client, world, "m1", what, by, on=on(0), reason="age", **{"from": on(0)})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")
