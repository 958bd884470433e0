"""Links: one primary at a time, who may be linked to what, how they end, and two secretaries at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from backend import problems
from backend.rules.texts import written
from handlers import assignments
from models import checks, database
from tests.api.problems import refused, without_a_test
from tests.api.test_households import audited, close, count, on
from tests.conftest import Running
from tests.faults.phones import fetch
from tests.world import OPENED, TODAY, World


def a_link(world: World, person: str = "m2", household: str = "h4", **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(uuid4()), "household_id": str(world.households[household]),
        "person_id": str(world.people[person]), "from": on(0),
    } | changes  # fmt: skip


Post = Callable[..., Any]


async def link(client: httpx.AsyncClient, world: World, by: str, *names: str, **changes: Any) -> httpx.Response:
    return await client.post("/assignments", json=a_link(world, *names, **changes), headers=world.headers(by))


async def end(
    client: httpx.AsyncClient, world: World, by: str, which: UUID | str, day: str, reason: str = "other"
) -> httpx.Response:
    return await client.post(f"/assignments/{which}/end", json={"on": day, "reason": reason}, headers=world.headers(by))


async def primaries(world: World, household: str) -> list[tuple[str, str, str | None]]:
    """Whose primary link runs from when to when, empty ones left out."""
    names = {person: name for name, person in world.people.items()}
    rows = await database.fetch(
        """SELECT person_id, valid_from, valid_to FROM assignment
           WHERE household_id = $1 AND role = 'primary' AND NOT isempty(during) ORDER BY valid_from""",
        world.households[household],
    )
    return [
        (names[row["person_id"]], row["valid_from"].isoformat(), row["valid_to"] and row["valid_to"].isoformat())
        for row in rows
    ]


class TestCreate:
    async def test_a_gap_is_closed(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_link(world, source="mutual_choice")
        answer = await client.post("/assignments", json=body, headers=world.headers("s_east"))
        assert answer.status_code == 201
        assert answer.json() == {
            "id": body["client_id"], "household_id": body["household_id"], "person_id": body["person_id"],
            "role": "primary", "source": "mutual_choice", "from": on(0), "to": None, "end_reason": None, "step": "active", "published_on": None, "confirmed_on": None,
        }  # fmt: skip
        assert await audited() == ["assignment.create", world.accounts["s_east"], ["primary"], None]
        items = (await client.get("/households", headers=world.headers("m2"))).json()["items"]
        assert [row["code"] for row in items] == ["h1", "h3", "h4"]
        assert await checks.all_findings() == []

    async def test_sent_again(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_link(world)
        first = await client.post("/assignments", json=body, headers=world.headers("s_east"))
        before = await count("assignment"), await count("audit_entry")
        again = await client.post("/assignments", json=body, headers=world.headers("s_east"))
        assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
        assert (await count("assignment"), await count("audit_entry")) == before

    @refused(problems.ClientIdReused, assignments.create_assignment)
    @pytest.mark.parametrize(
        "other", [{"household_id": "h5"}, {"person_id": "m1"}, {"role": "backup"}, {"from": "2026-11-14"}], ids=str
    )
    async def test_another_link_under_the_same_id(
        self, client: httpx.AsyncClient, world: World, other: dict[str, str]
    ) -> httpx.Response:
        body = a_link(world)
        await client.post("/assignments", json=body, headers=world.headers("s_east"))
        ids = world.households | world.people
        changed = {name: str(ids.get(value, value)) for name, value in other.items()}
        return await client.post("/assignments", json=body | changed, headers=world.headers("s_east"))

    @refused(problems.PrimaryTaken, assignments.create_assignment)
    async def test_one_primary_at_a_time(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        answer = await link(client, world, "s_east", "m2", "h2")
        assert written(OPENED) in answer.json()["detail"]
        assert await primaries(world, "h2") == [("m1", OPENED.isoformat(), None)]
        return answer

    async def test_a_backup_beside(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await link(client, world, "s_east", "m2", "h2", role="backup")
        assert (answer.status_code, answer.json()["role"]) == (201, "backup")
        items = (await client.get("/households", headers=world.headers("m2"))).json()["items"]
        assert [row["code"] for row in items] == ["h1", "h2", "h3"]

    @refused(problems.LinkPlanned, assignments.create_assignment)
    async def test_a_booked_later_primary(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        """It is named; `replace_planned` empties it and it covers no day."""
        assert (await link(client, world, "s_east", "m1", "h4", **{"from": on(20)})).status_code == 201
        answer = await link(client, world, "s_east", "m2", "h4")
        assert written(TODAY + timedelta(days=20)) in answer.json()["detail"]
        assert await primaries(world, "h4") == [("m1", on(20), None)]
        assert (await link(client, world, "s_east", "m2", "h4", replace_planned=True)).status_code == 201
        assert await primaries(world, "h4") == [("m2", on(0), None)]
        assert await checks.all_findings() == []
        return answer

    @refused(problems.AlreadyLinked, assignments.create_assignment)
    @pytest.mark.parametrize(("person", "household", "role"), [("m1", "h1", "backup"), ("m2", "h1", "backup")])
    async def test_linked_already(
        self, client: httpx.AsyncClient, world: World, person: str, household: str, role: str
    ) -> httpx.Response:
        return await link(client, world, "s_east", person, household, role=role)

    @refused(problems.PersonExempt, assignments.create_assignment)
    async def test_exempt_person(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await database.execute(
            "INSERT INTO exemption (id, person_id, reason, valid_from, valid_to) VALUES ($1, $2, 'illness', $3, $4)",
            uuid4(), world.people["m4"], TODAY, TODAY + timedelta(days=5),
        )  # fmt: skip
        assert (await link(client, world, "s_west", "m4", "h9", **{"from": on(5)})).status_code == 201
        return await link(client, world, "s_west", "m4", "h9", role="backup", **{"from": on(4)})

    @refused(problems.PersonNotInService, assignments.create_assignment)
    async def test_person_who_leaves(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        leaves = TODAY + timedelta(days=10)
        await database.execute("UPDATE membership SET valid_to = $2 WHERE person_id = $1", world.people["m2"], leaves)
        return await link(client, world, "s_east", "m2", "h4", **{"from": on(10)})

    @refused(problems.PersonNotFound, assignments.create_assignment)
    @pytest.mark.parametrize("person", ["m3", "cadre", "nobody"])
    async def test_person_of_another_branch(
        self, client: httpx.AsyncClient, world: World, person: str
    ) -> httpx.Response:
        world.people["nobody"] = uuid4()
        return await link(client, world, "s_east", person, "h4")

    @refused(problems.HouseholdNotFound, assignments.create_assignment)
    @pytest.mark.parametrize("household", ["h9", "nothing"])
    async def test_household_of_another_branch(
        self, client: httpx.AsyncClient, world: World, household: str
    ) -> httpx.Response:
        world.households["nothing"] = uuid4()
        return await link(client, world, "s_east", "m2", household)

    @refused(problems.HouseholdReadOnly, assignments.create_assignment)
    async def test_household_only_linked(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        """West's m3 cares for east's h6: west's secretary sees it and changes nothing."""
        return await link(client, world, "s_west", "m4", "h6", role="backup")

    @refused(problems.HouseholdClosed, assignments.create_assignment)
    async def test_closed_household(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await close(world, "h4", TODAY + timedelta(days=3))
        assert (await link(client, world, "s_east", "m2", "h4", **{"from": on(1)})).json()["to"] == on(3)
        assert await checks.all_findings() == []
        return await link(client, world, "s_east", "m1", "h4", **{"from": on(3)})

    @refused(problems.BeforeOpening, assignments.create_assignment)
    async def test_before_the_opening(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await link(client, world, "s_east", "m2", "h4", **{"from": "2025-12-31"})

    @refused(problems.LoadTooHigh, assignments.create_assignment)
    async def test_load(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        """m2 has one primary; the twentieth is the last, and a backup is no load."""
        grid = world.regions["e1"]
        ids = [uuid4() for _ in range(18)]
        for household in ids:
            await database.execute(
                "INSERT INTO household (id, group_name, head_sealed, head_masked, opened_on) VALUES ($1, 'x', '', 'x', $2)",
                household, OPENED,
            )  # fmt: skip
            await database.execute(
                "INSERT INTO residence (id, household_id, micro_grid_id, status, valid_from) VALUES ($1, $2, $3, 'resident', $4)",
                uuid4(), household, grid, OPENED,
            )  # fmt: skip
            await database.execute(
                """INSERT INTO assignment (id, household_id, person_id, role, source, valid_from)
                   VALUES ($1, $2, $3, 'primary', 'appointed', $4)""",
                uuid4(), household, world.people["m2"], OPENED,
            )  # fmt: skip
        assert (await link(client, world, "s_east", "m2", "h4")).status_code == 201
        assert (await link(client, world, "s_east", "m2", "h6", role="backup")).status_code == 201
        answer = await link(client, world, "s_east", "m2", "h5")
        assert "20 户" in answer.json()["detail"]
        return answer

    @pytest.mark.parametrize("name", ["m1", "cadre", "committee", "department", "admin"])
    async def test_roles_that_may_not(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        for answer in (
            await link(client, world, name),
            await end(client, world, name, world.link("m1", "h1"), on(0)),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")

    @pytest.mark.parametrize(
        "change",
        [{"role": "boss"}, {"source": "x"}, {"from": "2026-02-30"}, {"person_id": None}, {"score": 1}],
        ids=str,
    )
    async def test_wrong_field_is_named(self, client: httpx.AsyncClient, world: World, change: dict[str, Any]) -> None:
        answer = await link(client, world, "s_east", **change)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, list(change))


class TestEnd:
    async def test_the_day_itself_is_not_covered(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await end(client, world, "s_east", world.link("m1", "h1"), on(0), "household_wish")
        assert answer.status_code == 200
        assert (answer.json()["to"], answer.json()["end_reason"]) == (on(0), "household_wish")
        assert await audited() == ["assignment.end", world.accounts["s_east"], [], "household_wish"]
        gaps = (await client.get("/households", params={"gap": "true"}, headers=world.headers("s_east"))).json()[
            "items"
        ]
        assert [row["code"] for row in gaps] == ["h1", "h4"]

    async def test_twice(self, client: httpx.AsyncClient, world: World) -> None:
        """A phone that missed the answer sends it again; that writes nothing more."""
        which = world.link("m1", "h1")
        first = await end(client, world, "s_east", which, on(0))
        audits = await count("audit_entry")
        again = await end(client, world, "s_east", which, on(0))
        assert (again.status_code, again.json(), await count("audit_entry")) == (200, first.json(), audits)

    @refused(problems.AlreadyEnded, assignments.end_assignment)
    @pytest.mark.parametrize(("day", "reason"), [(on(1), "other"), (on(0), "mistake")])
    async def test_ended_otherwise(
        self, client: httpx.AsyncClient, world: World, day: str, reason: str
    ) -> httpx.Response:
        which = world.link("m1", "h1")
        await end(client, world, "s_east", which, on(0))
        answer = await end(client, world, "s_east", which, day, reason)
        assert written(TODAY) in answer.json()["detail"]
        return answer

    @refused(problems.EndBeforeStart, assignments.end_assignment)
    async def test_before_its_start(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        answer = await end(client, world, "s_east", world.link("m1", "h1"), "2025-12-31")
        assert written(OPENED) in answer.json()["detail"]
        return answer

    async def test_an_empty_link_never_was(self, client: httpx.AsyncClient, world: World) -> None:
        made = (await link(client, world, "s_east")).json()
        assert (await end(client, world, "s_east", made["id"], made["from"], "mistake")).status_code == 200
        assert await primaries(world, "h4") == []
        assert (await link(client, world, "s_east", "m1", "h4")).status_code == 201
        assert await checks.all_findings() == []

    async def test_hand_over_on_one_day(self, client: httpx.AsyncClient, world: World) -> None:
        """Close, then open, on the same day: no day is without a primary and none has two."""
        await end(client, world, "s_east", world.link("m1", "h2"), on(-4), "handed_over")
        assert (await link(client, world, "s_east", "m2", "h2", **{"from": on(-4)})).status_code == 201
        assert await primaries(world, "h2") == [("m1", OPENED.isoformat(), on(-4)), ("m2", on(-4), None)]
        household = (await client.get(f"/households/{world.households['h2']}", headers=world.headers("s_east"))).json()
        assert (household["primary"]["person_id"], household["primary"]["from"]) == (str(world.people["m2"]), on(-4))
        assert await checks.all_findings() == []

    async def test_a_booked_end_frees_the_days_after_it(self, client: httpx.AsyncClient, world: World) -> None:
        await end(client, world, "s_east", world.link("m1", "h2"), on(7), "handed_over")
        assert (await link(client, world, "s_east", "m2", "h2", **{"from": on(6)})).json()[
            "code"
        ] == "assignments.primary_taken"
        assert (await link(client, world, "s_east", "m2", "h2", **{"from": on(7)})).status_code == 201

    @refused(problems.HouseholdClosed, assignments.end_assignment)
    async def test_a_link_never_outlives_its_household(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        """The household closes in three days; ended later than that, its link would cover days that are not there."""
        await close(world, "h1", TODAY + timedelta(days=3))
        answer = await end(client, world, "s_east", world.link("m1", "h1"), on(4))
        assert (await end(client, world, "s_east", world.link("m1", "h1"), on(2))).status_code == 200
        assert await checks.all_findings() == []
        return answer

    @refused(problems.AssignmentNotFound, assignments.end_assignment)
    @pytest.mark.parametrize("which", [World.link("m3", "h7"), World.link("m3", "none")])
    async def test_of_another_branch(self, client: httpx.AsyncClient, world: World, which: UUID) -> httpx.Response:
        return await end(client, world, "s_east", which, on(0))

    @refused(problems.HouseholdReadOnly, assignments.end_assignment)
    async def test_only_linked(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await end(client, world, "s_west", world.link("m3", "h6"), on(0))

    @pytest.mark.parametrize(
        "body", [{}, {"on": on(0)}, {"on": on(0), "reason": "tired"}, {"on": "soon", "reason": "other"}], ids=str
    )
    async def test_wrong_body(self, client: httpx.AsyncClient, world: World, body: dict[str, str]) -> None:
        url = f"/assignments/{world.link('m1', 'h1')}/end"
        assert (await client.post(url, json=body, headers=world.headers("s_east"))).status_code == 422
        assert await primaries(world, "h1") == [("m1", OPENED.isoformat(), None)]


class TestAtOnce:
    """Real connections and real commits; everybody sends in the same moment."""

    async def _rows(self, url: str, household: UUID) -> list[Any]:
        return await fetch(
            url,
            "SELECT person_id FROM assignment WHERE household_id = $1 AND role = 'primary' AND NOT isempty(during)",
            household,
        )

    async def test_eight_links_to_one_household(
        self, serve: Callable[..., Running], own_database: str, world: World
    ) -> None:
        running = serve(workers=1)
        people = ("m1", "m2", "s_east")
        async with httpx.AsyncClient(base_url=f"{running.url}/api/v1", timeout=20) as client:
            for household in ("h4", "h5"):
                bodies = [a_link(world, people[n % 3], household) for n in range(8)]
                answers = await asyncio.gather(
                    *(client.post("/assignments", json=body, headers=world.headers("s_east")) for body in bodies)
                )
                assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
                codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
                assert codes <= {"assignments.primary_taken", "assignments.already_linked"}
                assert len(await self._rows(own_database, world.households[household])) == 1

            one = a_link(world, "m4", "h9")
            answers = await asyncio.gather(
                *(client.post("/assignments", json=one, headers=world.headers("s_west")) for _ in range(8))
            )
            assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 7}
            assert len({answer.content for answer in answers}) == 1

            which = world.link("m1", "h1")
            ends = await asyncio.gather(
                *(
                    end(client, world, "s_east", which, (date(2026, 11, 1) + timedelta(days=n)).isoformat())
                    for n in range(8)
                )
            )
            assert Counter(answer.status_code for answer in ends) == {200: 1, 409: 7}
        audits = await fetch(own_database, "SELECT action, count(*) FROM audit_entry GROUP BY 1 ORDER BY 1")
        assert [tuple(row) for row in audits] == [("assignment.create", 3), ("assignment.end", 1)]

    async def test_one_person_gets_no_more_than_the_limit(
        self, serve: Callable[..., Running], own_database: str, world: World
    ) -> None:
        """Each request looks at how many households the person has; all at once, they must not look at the same number."""
        households = [
            row["id"]
            for row in await fetch(
                own_database,
                """WITH made AS (INSERT INTO household (id, group_name, head_sealed, head_masked, opened_on)
                     SELECT gen_random_uuid(), '二组', '', '某', '2026-01-01' FROM generate_series(1, 24) RETURNING id)
                   INSERT INTO residence (id, household_id, micro_grid_id, status, valid_from)
                   SELECT gen_random_uuid(), id, $1, 'resident', '2026-01-01' FROM made RETURNING household_id AS id""",
                world.regions["e2"],
            )
        ]
        running = serve(workers=2)
        async with httpx.AsyncClient(base_url=f"{running.url}/api/v1", timeout=20) as client:
            bodies = [a_link(world, "m2") | {"household_id": str(one)} for one in households]
            answers = await asyncio.gather(
                *(client.post("/assignments", json=body, headers=world.headers("s_east")) for body in bodies)
            )
        assert Counter(answer.status_code for answer in answers) == {
            201: 19,
            409: 5,
        }  # the limit is 20, and one was there
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"assignments.load"}


class TestSteps:
    """Proposed, agreed or appointed, published, active, ended; suspending closes the row (docs/rules.md L8)."""

    async def made(self, client: httpx.AsyncClient, world: World, **changes: Any) -> dict[str, Any]:
        body = {
            "household_id": str(world.households["h4"]),
            "person_id": str(world.people["m2"]),
            "from": on(9),
        } | changes
        answer = await client.post("/assignments", json=body, headers=world.headers("s_east"))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def publish(self, client: httpx.AsyncClient, world: World, region: str, by: str = "s_east") -> httpx.Response:
        body = {"region_id": str(world.regions[region]), "on": on(0)}
        return await client.post("/assignments/publish", json=body, headers=world.headers(by))

    async def confirm(self, client: httpx.AsyncClient, world: World, branch: str, day: int = 0) -> httpx.Response:
        body = {"branch_id": str(world.branches[branch]), "on": on(day)}
        return await client.post("/assignments/confirm", json=body, headers=world.headers("s_east"))

    async def test_a_booked_link_is_agreed_or_appointed_and_then_published(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        assert (await self.made(client, world, source="mutual_choice"))["step"] == "agreed"
        answer = await self.publish(client, world, "v_east")
        assert answer.json() == {"count": 6}  # the four of the east with h6, the backup, and the new one
        again = await self.publish(client, world, "v_east")
        assert again.json() == {"count": 0}

    async def test_suspending_closes_the_row(self, client: httpx.AsyncClient, world: World) -> None:
        link = await self.made(client, world, **{"from": on(-3)})
        assert link["step"] == "active"
        answer = await client.post(
            f"/assignments/{link['id']}/end", json={"on": on(0), "reason": "suspended"}, headers=world.headers("s_east")
        )
        assert (answer.json()["step"], answer.json()["to"]) == ("suspended", on(0))

    async def test_a_branch_confirms_all_its_links_at_once(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await self.confirm(client, world, "east")
        assert (answer.status_code, answer.json()) == (200, {"count": 4})
        assert (await self.confirm(client, world, "east")).json() == {"count": 0}

    async def test_no_figure_is_counted_again_for_it(self, client: httpx.AsyncClient, world: World) -> None:
        marks = "SELECT count(*) FROM coverage_dirty"
        before = await database.fetch_value(marks)
        assert (await self.publish(client, world, "v_east")).json()["count"] > 0
        assert (await self.confirm(client, world, "east")).json()["count"] > 0
        assert await database.fetch_value(marks) == before

    @refused(problems.RegionNotFound, assignments.publish)
    async def test_publishing_another_branchs_village(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await self.publish(client, world, "v_west")

    @refused(problems.BranchNotFound, assignments.confirm)
    async def test_confirming_for_another_branch(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await self.confirm(client, world, "west")

    @refused(problems.ConfirmedAhead, assignments.confirm)
    async def test_confirming_ahead(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await self.confirm(client, world, "east", 1)


def test_every_problem_has_a_test() -> None:
    assert without_a_test(assignments) == []


async def test_a_booked_end_may_be_moved_and_what_has_begun_is_no_plan(client: httpx.AsyncClient, world: World) -> None:
    """A secretary who booked an end for next month must be able to change her mind; history must not be emptied."""
    url, headers = f"/assignments/{world.link('m1', 'h2')}/end", world.headers("s_east")
    booked = await client.post(url, json={"on": "2026-12-15", "reason": "other"}, headers=headers)
    moved = await client.post(url, json={"on": "2026-11-20", "reason": "handed_over"}, headers=headers)
    assert (booked.status_code, moved.status_code, moved.json()["to"]) == (200, 200, "2026-11-20")
    await client.post(url, json={"on": TODAY.isoformat(), "reason": "handed_over"}, headers=headers)
    active = await link(client, world, "s_east", "m2", "h2", **{"from": TODAY.isoformat()})
    assert active.status_code == 201
    past = {"from": "2026-06-01", "replace_planned": True}
    await database.execute("UPDATE assignment SET valid_to = '2026-05-01' WHERE id = $1", world.link("m1", "h2"))
    refused_past = await link(client, world, "s_east", "s_east", "h2", **past)
    assert (refused_past.status_code, refused_past.json()["code"]) == (409, "assignments.primary_taken")
