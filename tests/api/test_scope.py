"""No token reaches another branch's rows by any route: every endpoint × every role, and an endpoint that is not in the
table of probes fails by name."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from models import database
from tests.api.probes import (
    BOUND,
    EAST,
    NOTE,
    PROBES,
    SIDES,
    VIEWERS,
    WEST,
    Probe,
    Side,
    a_visit,
    call,
    cursor,
    furnish,
    headers,
    operations,
    snapshot,
    undone,
)  # fmt: skip
from tests.world import TODAY, World, of

#: What counts failed attempts on purpose (docs/rules.md S9), and so may leave a trace although it refuses.
COUNTED = {"accounts.bind", "accounts.sign_in_with_password", "accounts.sign_in_with_wechat"}


def test_every_endpoint_has_a_probe(app: Any) -> None:
    """A new route must say here how it is aimed at another branch, and who may."""
    served = {name for name, *_ in operations(app)}
    assert served - set(PROBES) == set(), "endpoints without a probe in tests/api/probes.py"
    assert set(PROBES) - served == set(), "probes of endpoints that are gone"


def test_every_probe_calls_the_endpoint_it_stands_for(app: Any) -> None:
    """A probe that is aimed at a wrong address would be refused by everybody and prove nothing."""
    routes = {name: (method, path) for name, method, path, _ in operations(app)}
    for name, probes in PROBES.items():
        method, path = routes[name]
        parts = path.removeprefix("/api/v1/").split("/")
        for probe in (probe for side in SIDES for probe in probes(side)):
            sent = probe.path.strip("/").split("/")
            assert probe.method == method, probe
            assert len(sent) == len(parts), probe
            assert all(part.startswith("<") or part == one for part, one in zip(parts, sent, strict=True)), probe


@pytest.mark.parametrize("operation", PROBES)
async def test_nothing_of_a_branch_without_a_right_to_it(client: httpx.AsyncClient, operation: str) -> None:
    await furnish(client)
    before = await snapshot()
    for viewer in VIEWERS:
        async with undone():
            for side in SIDES:
                for probe in PROBES[operation](side):
                    if viewer not in probe.may:
                        _says_nothing_of(side, viewer, await _refused(client, operation, viewer, side, probe), probe)
            if operation not in COUNTED:
                assert await snapshot() == before, f"a refusal left a trace: {operation}, {viewer}"


async def _refused(client: httpx.AsyncClient, operation: str, viewer: str, side: Side, probe: Probe) -> httpx.Response:
    answer = await call(client, probe, viewer)
    if not (probe.is_list and answer.status_code == 200):
        assert answer.status_code in refusals(operation, viewer, side), (viewer, str(probe), answer.text)
        assert answer.json()["code"], probe
    return answer


def refusals(operation: str, viewer: str, side: Side) -> set[int]:
    """How a refusal may look: who is at home there may also be told what is wrong with the request."""
    bound_already = {409} if operation == "accounts.bind" else set()
    without_purpose = {422} if operation.startswith("drilling.") and viewer == "committee" else set()
    return {401, 403, 404} | bound_already | without_purpose | ({422} if at_home(viewer, side) else set())


def _says_nothing_of(side: Side, viewer: str, answer: httpx.Response, probe: Probe) -> None:
    own = {str(of("person", viewer))} if viewer in BOUND else set()
    sent = str(probe.body)
    found = {word for word in side.ids() - own if word in answer.text and word not in sent}
    if at_home(viewer, side):
        return
    assert found == set(), (viewer, str(probe))


def at_home(viewer: str, side: Side) -> bool:
    """Whether the viewer is at home on the side, and only may not do this one thing there."""
    return viewer in {side.member, side.other, side.secretary, "office"} or (viewer == "cadre" and side is EAST)


@pytest.mark.parametrize("operation", PROBES)
async def test_who_has_the_right_does_reach_it(client: httpx.AsyncClient, operation: str) -> None:
    """The counterpart, without which everything being broken would pass."""
    await furnish(client)
    for side in SIDES:
        for probe in PROBES[operation](side):
            for viewer in sorted(probe.may):
                async with undone():
                    answer = await call(client, probe, viewer)
                assert answer.status_code < 300, (viewer, str(probe), answer.text)
                assert probe.shows in answer.text, (viewer, str(probe), answer.text)


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_lists_hold_nothing_of_the_other_branch(client: httpx.AsyncClient, world: World, viewer: str) -> None:
    """All pages, with and without every filter that takes an id."""
    await furnish(client)
    strange = [side for side in SIDES if not at_home(viewer, side)]
    filters: list[tuple[str, dict[str, str]]] = [
        ("/households", {}),
        ("/visits", {}),
        ("/must-visits", {"state": "all"}),
        ("/people", {}),
        ("/branches", {}),
    ]
    for side in SIDES:
        person = str(world.people[side.member])
        filters += [
            ("/households", {"region": str(world.regions[side.village])}), ("/households", {"person": person}),
            ("/households", {"region": str(world.regions["town"]), "gap": "true"}), ("/people", {"branch": side.branch}),
            ("/visits", {"visitor": person}), ("/visits", {"household_id": side.household_id()}),
            ("/visits", {"cursor": cursor(TODAY, side.visit)}), ("/households", {"cursor": cursor("h0", side.household_id())}),
            ("/must-visits", {"household_id": side.household_id()}), ("/must-visits", {"area": str(world.regions[side.village])}),
            ("/audit", {"household_id": side.household_id()}), ("/regions", {"parent": str(world.regions["town"])}),
        ]  # fmt: skip
    for path, query in filters:
        page: str | None = ""
        while page is not None:
            answer = await client.get(
                path, params={"limit": "1"} | query | ({"cursor": page} if page else {}), headers=headers(viewer)
            )
            for side in strange:
                assert not {word for word in side.ids() if word in answer.text and word not in str(query)}, (
                    path,
                    query,
                )
            page = answer.json().get("next")


class TestBatchesAndOtherWaysIn:
    async def test_each_item_of_a_batch_is_judged_for_its_own_household(self, client: httpx.AsyncClient) -> None:
        sent = {
            "visits": [a_visit(EAST), a_visit(WEST), a_visit(EAST, household_id=EAST.household_id("h2")), a_visit(WEST)]
        }
        answer = await client.post("/visits/batch", json=sent, headers=headers("m1"))
        assert [row["status"] for row in answer.json()["results"]] == [201, 404, 201, 404]
        written = await database.fetch("SELECT household_id FROM visit")
        assert {str(row["household_id"]) for row in written} == {EAST.household_id("h1"), EAST.household_id("h2")}

    async def test_a_unknown_and_a_foreign_row_are_answered_alike(self, client: httpx.AsyncClient) -> None:
        """A difference would tell which ids exist."""
        await furnish(client)
        nothing = of("household", "no such")
        for path, foreign in (
            ("/households/{}", WEST.household_id()), ("/audit?household_id={}", WEST.household_id()),
            ("/regions/{}", of("region", "w1")), ("/coverage?period=2026-11&area={}", of("region", "w1")),
            ("/coverage?period=2026-11&branch={}", WEST.branch), ("/people?branch={}", WEST.branch),
            ("/rules?area={}", of("region", "v_west")), ("/must-visits?area={}", of("region", "w1")),
        ):  # fmt: skip
            answers = [await client.get(path.format(one), headers=headers("s_east")) for one in (foreign, nothing)]
            bodies = [answer.json() | {"request_id": ""} for answer in answers]
            assert bodies[0] == bodies[1], path
            assert answers[0].status_code == 404, path
        for path, foreign, body in (
            ("/visits/{}/void", WEST.visit, {"reason": "other"}),
            ("/assignments/{}/end", World.link("m3", "h7"), {"on": TODAY.isoformat(), "reason": "other"}),
            ("/must-visits/{}/withdraw", WEST.must_visit, {"reason": "mistake"}),
            ("/people/{}/invitations", of("person", "m4"), None),
            ("/households/{}/reveal", WEST.household_id(), {"fields": ["phone"], "purpose": "visit"}),
            ("/households/{}/tier", WEST.household_id(), {"tier": "key", "from": TODAY.isoformat()}),
        ):  # fmt: skip
            answers = [
                await client.post(path.format(one), json=body, headers=headers("s_east")) for one in (foreign, nothing)
            ]
            bodies = [answer.json() | {"request_id": ""} for answer in answers]
            assert bodies[0] == bodies[1], path
            assert answers[0].status_code == 404, path

    async def test_a_household_cannot_be_moved_into_another_branchs_place(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        moved = {"status": "resident", "from": TODAY.isoformat(), "micro_grid_id": str(world.regions["w1"])}
        path = f"/households/{EAST.household_id()}/residence"
        answer = await client.post(path, json=moved, headers=headers("s_east"))
        assert (answer.status_code, answer.json()["code"]) == (404, "regions.not_found")

    async def test_a_household_is_not_linked_to_a_person_of_another_branch(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        link = {
            "household_id": EAST.household_id("h4"),
            "person_id": str(world.people["m4"]),
            "from": TODAY.isoformat(),
        }
        answer = await client.post("/assignments", json=link, headers=headers("s_east"))
        assert (answer.status_code, answer.json()["code"]) == (404, "people.not_found")

    async def test_a_household_linked_across_branches_is_read_only_there(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """h6 lies in the east and is linked to m3 of the west: the west's secretary reads it and changes nothing."""
        h6 = world.households["h6"]
        shown = (await client.get(f"/households/{h6}", headers=headers("s_west"))).json()
        assert (shown["access"], shown["head_name"], shown["address"]) == ("linked", "吴***", None)
        before = await snapshot()
        for method, path, body in (
            ("POST", f"/households/{h6}/tier", {"tier": "key", "from": TODAY.isoformat()}),
            ("POST", f"/households/{h6}/residence", {"status": "away", "from": TODAY.isoformat()}),
            ("POST", f"/households/{h6}/reveal", {"fields": ["phone"], "purpose": "visit"}),
            ("PATCH", f"/households/{h6}", {"group_name": "三组"}),
            ("POST", f"/assignments/{world.link('m3', 'h6')}/end", {"on": TODAY.isoformat(), "reason": "other"}),
        ):
            more = {"If-Match": '"1"'} if method == "PATCH" else {}
            answer = await client.request(method, path, json=body, headers=headers("s_west") | more)
            assert (answer.status_code, answer.json()["code"]) == (403, "households.read_only"), path
        assert await snapshot() == before

    async def test_a_secretary_voids_in_the_branch_also_where_linked_to_the_household(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """Being linked to a household must not take away what the office of secretary gives."""
        await furnish(client)
        await database.execute(
            """INSERT INTO assignment (id, household_id, person_id, role, source, valid_from)
               VALUES (gen_random_uuid(), $1, $2, 'backup', 'appointed', $3)""",
            world.households["h1"], world.people["s_east"], TODAY,
        )  # fmt: skip
        answer = await client.post(
            f"/visits/{EAST.visit}/void", json={"reason": "duplicate"}, headers=headers("s_east")
        )
        assert answer.status_code == 200, answer.text

    async def test_a_role_that_ended_yesterday_opens_nothing(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute("UPDATE role_grant SET valid_to = $2 WHERE id = $1", of("grant", "office"), TODAY)
        answer = await client.get("/households", headers=headers("office"))
        assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")

    async def test_a_disabled_account_is_out_at_once(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute("UPDATE account SET disabled_at = now() WHERE id = $1", world.accounts["office"])
        for path in ("/households", "/me"):
            assert (await client.get(path, headers=headers("office"))).status_code == 401

    async def test_an_ended_link_takes_the_household_out_of_sight(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        await furnish(client)
        await database.execute("UPDATE assignment SET valid_to = $2 WHERE id = $1", world.link("m1", "h1"), TODAY)
        answer = await client.get(f"/households/{world.households['h1']}", headers=headers("m1"))
        assert answer.status_code == 404
        assert NOTE not in (await client.get("/visits", headers=headers("m1"))).text

    @pytest.mark.parametrize("token", ["", "x", "token-of-m1", "a" * 300, "é", "\x7f", "Bearer"])
    async def test_a_token_that_nobody_gave_is_no_session(self, client: httpx.AsyncClient, token: str) -> None:
        answer = await client.get("/me", headers={b"Authorization": f"Bearer {token}".encode()})
        assert (answer.status_code, answer.json()["code"]) == (401, "session.missing")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
