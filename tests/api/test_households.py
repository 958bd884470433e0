"""Households: who sees what of them, opening, editing, residence, tier, reveal, and the history in the audit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from backend import problems
from backend.rules.texts import written
from backend.services.households import REVEALS_A_DAY
from handlers import audit, households
from models import checks, database
from tests.api.counting import statements
from tests.api.problems import refused, without_a_test
from tests.world import HOUSEHOLDS, NOW, OPENED, TODAY, World, phone_of

HEADS = {name: head for name, (_, head) in HOUSEHOLDS.items()}
SEEN = {
    "m1": "h1 h2", "m2": "h1 h3", "m3": "h6 h7 h8", "m4": "", "s_east": "h1 h2 h3 h4 h5 h6", "s_west": "h6 h7 h8 h9",
    "cadre": "h1 h2 h3 h4 h5 h6", "office": "h1 h2 h3 h4 h5 h6 h7 h8 h9",
}  # fmt: skip
NOT_FOR = ("committee", "department", "admin")


def on(days: int) -> str:
    """A day so many days from today, as the API writes it."""
    return (TODAY + timedelta(days=days)).isoformat()


def a_household(world: World, grid: str = "e1", **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(uuid4()), "micro_grid_id": str(world.regions[grid]), "code": "新1", "group_name": "二组",
        "head_name": "秦标记新", "phone": "13977770000", "address": "标记地址新号", "opened_on": on(-3),
    } | changes  # fmt: skip


async def close(world: World, name: str, day: date = TODAY) -> None:
    """Close a household: its intervals end with it."""
    household = world.households[name]
    await database.execute("UPDATE residence SET valid_to = $2 WHERE household_id = $1", household, day)
    await database.execute("UPDATE assignment SET valid_to = $2 WHERE household_id = $1", household, day)
    await database.execute("UPDATE household SET closed_on = $2 WHERE id = $1", household, day)


async def count(table: str, condition: str = "true") -> int:
    return int(await database.fetch_value(f"SELECT count(*) FROM {table} WHERE {condition}"))


async def audited() -> list[Any]:
    """The newest audit row: action, who, changed, reason."""
    row = await database.fetch_row(
        "SELECT action, account_id, changed, reason FROM audit_entry ORDER BY id DESC LIMIT 1"
    )
    assert row is not None
    return list(row.values())


class TestRead:
    @pytest.mark.parametrize("name", SEEN)
    async def test_each_role_sees_its_households(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        items = (await client.get("/households", headers=world.headers(name))).json()["items"]
        assert " ".join(row["code"] for row in items) == SEEN[name]
        for code, household in world.households.items():
            one = await client.get(f"/households/{household}", headers=world.headers(name))
            if code in SEEN[name].split():
                assert one.json() == next(row for row in items if row["code"] == code)
            else:
                assert (one.status_code, one.json()["code"]) == (404, "households.not_found")

    @pytest.mark.parametrize("name", NOT_FOR)
    async def test_roles_without_households(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        for url in ("/households", f"/households/{world.households['h1']}"):
            answer = await client.get(url, headers=world.headers(name))
            assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")

    @pytest.mark.parametrize("name", SEEN)
    async def test_heads_are_plain_to_those_linked_only(
        self, client: httpx.AsyncClient, world: World, name: str
    ) -> None:
        answer = await client.get("/households", headers=world.headers(name))
        own = name in ("m1", "m2", "m3")
        for row in answer.json()["items"]:
            head = HEADS[row["code"]]
            assert row["head_name"] == (head if own else head[0] + "***")
            assert row["access"] == ("own" if own else "linked" if (name, row["code"]) == ("s_west", "h6") else "area")
            assert row["has_phone"] is True
            if row["access"] == "linked":
                assert row["address"] is None
        for household in HEADS:
            assert phone_of(household) not in answer.text
            if not own:
                assert HEADS[household] not in answer.text

    async def test_what_a_row_tells(self, client: httpx.AsyncClient, world: World) -> None:
        row = (await client.get(f"/households/{world.households['h1']}", headers=world.headers("m2"))).json()
        primary = {
            "assignment_id": str(world.link("m1", "h1")), "person_id": str(world.people["m1"]), "name": "陈人名一",
            "from": OPENED.isoformat(),
        }  # fmt: skip
        assert row == {
            "id": str(world.households["h1"]), "code": "h1", "group_name": "一组", "head_name": "赵标记一", "has_phone": True,
            "address": "标记地址h1号", "micro_grid": {"id": str(world.regions["e1"]), "name": "东一"}, "residence": "resident",
            "tier": "ordinary", "primary": primary, "last_contact_on": None,
            "last_visit_on": None, "last_outcome": None, "opened_on": OPENED.isoformat(),
            "closed_on": None, "access": "own", "version": 1,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"region": "e2"}, "h6"), ({"region": "v_west"}, "h7 h8 h9"), ({"region": "county"}, SEEN["office"]),
            ({"person": "m3"}, "h6 h7 h8"), ({"person": "m2"}, "h1 h3"), ({"gap": True}, "h4 h9"),
            ({"region": "e1", "gap": True}, "h4"),
        ],
        ids=str,
    )  # fmt: skip
    async def test_filters(self, client: httpx.AsyncClient, world: World, query: dict[str, Any], found: str) -> None:
        """h5 is a party household, so it is no gap although nobody is linked to it."""
        asked = {
            name: "true" if value is True else str((world.regions | world.people)[value])
            for name, value in query.items()
        }
        items = (await client.get("/households", params=asked, headers=world.headers("office"))).json()["items"]
        assert " ".join(row["code"] for row in items) == found

    async def test_a_filter_widens_nothing(self, client: httpx.AsyncClient, world: World) -> None:
        query = {"region": str(world.regions["v_west"])}
        assert (await client.get("/households", params=query, headers=world.headers("m1"))).json()["items"] == []
        query = {"person": str(world.people["m3"])}
        items = (await client.get("/households", params=query, headers=world.headers("s_east"))).json()["items"]
        assert [row["code"] for row in items] == ["h6"]

    async def test_pages(self, client: httpx.AsyncClient, world: World) -> None:
        """Also households without a code are given once."""
        await database.execute("UPDATE household SET code = NULL WHERE code IN ('h2', 'h5', 'h8')")
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            page = (await client.get("/households", params=query, headers=world.headers("office"))).json()
            seen += [row["id"] for row in page["items"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert len(seen) == 9 and set(seen) == {str(one) for one in world.households.values()}

    @pytest.mark.parametrize(
        "cursor",
        ["x", "W10", "WyJhIl0", "WyJhIiwiYiJd", "WyJhXHUwMDAwIiwiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIl0"],
    )
    async def test_a_made_up_cursor_is_refused(self, client: httpx.AsyncClient, world: World, cursor: str) -> None:
        answer = await client.get("/households", params={"cursor": cursor}, headers=world.headers("m1"))
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["cursor"])

    async def test_as_many_statements_for_many_as_for_one(self, client: httpx.AsyncClient, world: World) -> None:
        asked = []
        for limit in (1, 200):
            async with statements() as seen:
                await client.get("/households", params={"limit": limit}, headers=world.headers("office"))
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 2

    async def test_closed_ones_leave_the_list(self, client: httpx.AsyncClient, world: World) -> None:
        await close(world, "h1")
        items = (await client.get("/households", headers=world.headers("s_east"))).json()["items"]
        assert "h1" not in [row["code"] for row in items]
        one = await client.get(f"/households/{world.households['h1']}", headers=world.headers("s_east"))
        assert one.json()["closed_on"] == on(0)

    @refused(problems.HouseholdNotFound, households.get_household)
    async def test_nobody_has_it(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.get(f"/households/{uuid4()}", headers=world.headers("office"))


class TestSearch:
    @pytest.mark.parametrize(
        ("typed", "found"), [("zbj", {"h1"}), ("ZB", {"h1", "h7"}), ("标记四", {"h4"}), ("lbj", {"h4"}), ("xyz", set())]
    )
    async def test_by_a_part_of_the_name_or_its_first_letters(
        self, client: httpx.AsyncClient, world: World, typed: str, found: set[str]
    ) -> None:
        answer = await client.post("/households/search", json={"search": typed}, headers=world.headers("office"))
        seen = {row["code"]: row["head_name"] for row in answer.json()["items"]}
        assert set(seen) >= found and all("*" in head for head in seen.values())
        assert found or not seen

    async def test_nothing_of_another_branch(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await client.post("/households/search", json={"search": "标记"}, headers=world.headers("s_west"))
        assert {row["code"] for row in answer.json()["items"]} == {"h6", "h7", "h8", "h9"}


class TestCreate:
    @pytest.mark.parametrize("name", ["s_east", "office"])
    async def test_made_once(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        body = a_household(world)
        before = await count("household"), await count("audit_entry")
        first = await client.post("/households", json=body, headers=world.headers(name))
        again = await client.post("/households", json=body, headers=world.headers(name))
        assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
        made = first.json()
        assert (made["id"], made["head_name"], made["residence"]) == (body["client_id"], "秦***", "resident")
        assert (await count("household"), await count("audit_entry")) == (before[0] + 1, before[1] + 1)
        assert await audited() == ["household.create", world.accounts[name], [], None]
        assert await checks.all_findings() == []

    async def test_sealed_at_rest(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_household(world)
        await client.post("/households", json=body, headers=world.headers("s_east"))
        row = await database.fetch_row("SELECT * FROM household WHERE id = $1::text::uuid", body["client_id"])
        for word in ("秦标记新", "13977770000", "标记地址新号"):
            assert word not in str(row) and word.encode() not in b"".join(
                v for v in dict(row or {}).values() if isinstance(v, bytes)
            )

    @pytest.mark.parametrize("name", ["m1", "cadre", *NOT_FOR])
    async def test_roles_that_may_not(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        answer = await client.post("/households", json=a_household(world), headers=world.headers(name))
        assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")

    @refused(problems.ClientIdReused, households.create_household)
    @pytest.mark.parametrize("change", [{"head_name": "别人"}, {"phone": None}, {"group_name": "九组"}], ids=str)
    async def test_other_content_under_the_same_id(
        self, client: httpx.AsyncClient, world: World, change: dict[str, Any]
    ) -> httpx.Response:
        body = a_household(world)
        await client.post("/households", json=body, headers=world.headers("s_east"))
        return await client.post("/households", json=body | change, headers=world.headers("s_east"))

    @refused(problems.HouseholdCodeTaken, households.create_household)
    async def test_code_taken(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.post("/households", json=a_household(world, code="h9"), headers=world.headers("s_east"))

    @refused(problems.RegionNotFound, households.create_household)
    async def test_in_the_place_of_another(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.post("/households", json=a_household(world, "w1"), headers=world.headers("s_east"))

    @refused(problems.NotMicroGrid, households.create_household)
    async def test_in_a_village(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.post("/households", json=a_household(world, "v_east"), headers=world.headers("s_east"))

    @refused(problems.HouseholdNotFound, households.create_household)
    async def test_under_the_id_of_another(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        body = a_household(world, client_id=str(world.households["h7"]))
        return await client.post("/households", json=body, headers=world.headers("s_east"))

    @pytest.mark.parametrize(
        "change",
        [
            {"head_name": " "}, {"head_name": None}, {"phone": "1" * 21}, {"phone": "abc"}, {"phone": "1397777000"}, {"phone": "23977770000"}, {"opened_on": "2026-2-3"}, {"residence": "gone"},
            {"client_id": "A" * 36}, {"micro_grid_id": "e1"}, {"id_number": "1"}, {"group_name": "a\u0000"},
        ],
        ids=str,
    )  # fmt: skip
    async def test_wrong_field_is_named(self, client: httpx.AsyncClient, world: World, change: dict[str, Any]) -> None:
        answer = await client.post("/households", json=a_household(world) | change, headers=world.headers("s_east"))
        assert (answer.status_code, list(answer.json()["errors"])) == (422, list(change))
        assert await count("household") == 9


class TestEdit:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [("１３８ ００００-１１１１", "13800001111"), ("(0572) 2345678", "05722345678"), ("2345678", "2345678")],
    )
    async def test_a_telephone_is_kept_as_it_is_dialled(
        self, client: httpx.AsyncClient, world: World, typed: str, kept: str
    ) -> None:
        url = f"/households/{world.households['h1']}"
        await client.patch(url, json={"phone": typed}, headers=world.headers("s_east") | {"If-Match": '"1"'})
        shown = await client.post(
            f"{url}/reveal", json={"fields": ["phone"], "purpose": "contact"}, headers=world.headers("s_east")
        )
        assert shown.json()["phone"] == kept

    async def test_changes_and_version(self, client: httpx.AsyncClient, world: World) -> None:
        url = f"/households/{world.households['h1']}"
        change = {"head_name": "魏标记改", "phone": None, "group_name": "三组"}
        answer = await client.patch(url, json=change, headers=world.headers("s_east") | {"If-Match": '"1"'})
        assert answer.status_code == 200
        shown = answer.json()
        assert (shown["head_name"], shown["has_phone"], shown["group_name"], shown["version"]) == (
            "魏***",
            False,
            "三组",
            2,
        )
        assert shown["address"] is None
        assert await audited() == [
            "household.edit",
            world.accounts["s_east"],
            ["group_name", "head_name", "phone"],
            None,
        ]
        assert (await client.get(url, headers=world.headers("m1"))).json()["head_name"] == "魏标记改"

    async def test_nothing_to_change_is_no_change(self, client: httpx.AsyncClient, world: World) -> None:
        before = await count("audit_entry")
        headers = world.headers("s_east") | {"If-Match": '"1"'}
        answer = await client.patch(f"/households/{world.households['h1']}", json={}, headers=headers)
        assert (answer.status_code, answer.json()["version"], await count("audit_entry")) == (200, 1, before)

    @pytest.mark.parametrize("sent", [None, "1", '"0"', '"2"', 'W/"1"', '"x"', "*", '"99999999999"'])
    async def test_version_missing_or_stale(self, client: httpx.AsyncClient, world: World, sent: str | None) -> None:
        headers = [(name.encode(), value.encode()) for name, value in world.headers("s_east").items()]
        headers += [(b"If-Match", sent.encode())] if sent else []
        answer = await client.patch(f"/households/{world.households['h1']}", json={"phone": None}, headers=headers)
        stale = sent in ('"0"', '"2"')
        assert (answer.status_code, answer.json()["code"]) == (
            412,
            "request.changed" if stale else "request.version_missing",
        )
        assert await count("household", "phone_sealed IS NULL") == 0

    @refused(problems.HouseholdNotFound, households.edit_household, households.change_residence, households.change_tier)
    @pytest.mark.parametrize("what", ["", "/residence", "/tier"])
    async def test_of_another_branch(self, client: httpx.AsyncClient, world: World, what: str) -> httpx.Response:
        return await change(client, world, "s_east", "h7", what)

    @refused(problems.HouseholdReadOnly, households.edit_household, households.change_residence, households.change_tier)
    @pytest.mark.parametrize("what", ["", "/residence", "/tier"])
    async def test_only_linked(self, client: httpx.AsyncClient, world: World, what: str) -> httpx.Response:
        return await change(client, world, "s_west", "h6", what)

    @pytest.mark.parametrize("what", ["", "/residence", "/tier"])
    @pytest.mark.parametrize("name", ["m1", "cadre", *NOT_FOR])
    async def test_roles_that_may_not(self, client: httpx.AsyncClient, world: World, name: str, what: str) -> None:
        answer = await change(client, world, name, "h1", what)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")


async def change(
    client: httpx.AsyncClient, world: World, name: str, household: str, what: str, **more: Any
) -> httpx.Response:
    """Edit (`""`), or change residence or tier from today on."""
    url, headers = f"/households/{world.households[household]}{what}", world.headers(name)
    if not what:
        return await client.patch(url, json={"group_name": "九组"} | more, headers=headers | {"If-Match": '"1"'})
    body = {"status": "away"} if what == "/residence" else {"tier": "key"}
    return await client.post(url, json=body | {"from": on(0)} | more, headers=headers)


async def spans(table: str, world: World, name: str) -> list[tuple[str, str | None]]:
    rows = await database.fetch(
        f"SELECT valid_from, valid_to FROM {table} WHERE household_id = $1 AND NOT isempty(during) ORDER BY valid_from",
        world.households[name],
    )
    return [(row["valid_from"].isoformat(), row["valid_to"] and row["valid_to"].isoformat()) for row in rows]


class TestDated:
    async def test_residence_from_a_day_on(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await change(client, world, "s_east", "h1", "/residence", **{"from": on(-5)})
        assert (answer.status_code, answer.json()["residence"]) == (200, "away")
        assert await spans("residence", world, "h1") == [(OPENED.isoformat(), on(-5)), (on(-5), None)]
        assert await audited() == ["household.residence", world.accounts["s_east"], ["away"], None]
        again = await change(client, world, "s_east", "h1", "/residence", **{"from": on(-5), "status": "resident"})
        assert again.json()["residence"] == "resident"
        assert await spans("residence", world, "h1") == [(OPENED.isoformat(), on(-5)), (on(-5), None)]
        assert await checks.all_findings() == []

    async def test_moving_within_the_branch(self, client: httpx.AsyncClient, world: World) -> None:
        grid = {"micro_grid_id": str(world.regions["e2"]), "status": "resident"}
        answer = await change(client, world, "s_east", "h1", "/residence", **grid)
        assert answer.json()["micro_grid"]["name"] == "东二"
        assert await checks.all_findings() == []

    @refused(problems.RegionNotFound, households.change_residence)
    async def test_not_into_the_place_of_another(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await change(client, world, "s_east", "h1", "/residence", micro_grid_id=str(world.regions["w1"]))

    @refused(problems.NotMicroGrid, households.change_residence)
    async def test_not_into_a_village(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await change(client, world, "s_east", "h1", "/residence", micro_grid_id=str(world.regions["v_east"]))

    @refused(problems.BeforeOpening, households.change_residence, households.change_tier)
    @pytest.mark.parametrize("what", ["/residence", "/tier"])
    async def test_before_the_opening(self, client: httpx.AsyncClient, world: World, what: str) -> httpx.Response:
        answer = await change(client, world, "s_east", "h1", what, **{"from": "2025-12-31"})
        assert "2026年1月1日" in answer.json()["detail"]
        return answer

    @refused(problems.HouseholdClosed, households.change_residence, households.change_tier)
    @pytest.mark.parametrize("what", ["/residence", "/tier"])
    async def test_after_the_closing(self, client: httpx.AsyncClient, world: World, what: str) -> httpx.Response:
        await close(world, "h1")
        return await change(client, world, "s_east", "h1", what)

    @refused(problems.PlannedChange, households.change_residence, households.change_tier)
    @pytest.mark.parametrize("what", ["/residence", "/tier"])
    async def test_a_booked_later_change(self, client: httpx.AsyncClient, world: World, what: str) -> httpx.Response:
        """It is named; `replace_planned` empties it."""
        assert (await change(client, world, "s_east", "h1", what, **{"from": on(30)})).status_code == 200
        before = await spans(what[1:], world, "h1")
        answer = await change(client, world, "s_east", "h1", what, **{"from": on(2)})
        assert (
            written(TODAY + timedelta(days=30)) in answer.json()["detail"]
            and await spans(what[1:], world, "h1") == before
        )
        replaced = await change(client, world, "s_east", "h1", what, **{"from": on(2), "replace_planned": True})
        assert replaced.status_code == 200
        assert (await spans(what[1:], world, "h1"))[-1] == (on(2), None)
        assert await checks.all_findings() == []
        return answer

    async def test_key_for_a_time(self, client: httpx.AsyncClient, world: World) -> None:
        answer = await change(client, world, "s_east", "h1", "/tier", reason="hardship", to=on(10))
        assert (answer.json()["tier"], await spans("tier", world, "h1")) == ("key", [(on(0), on(10))])
        ended = await change(client, world, "s_east", "h1", "/tier", tier="ordinary", **{"from": on(0)})
        assert (ended.json()["tier"], await spans("tier", world, "h1")) == ("ordinary", [])

    @pytest.mark.parametrize("to", [None, on(30)])
    async def test_key_until_a_booked_closing(self, client: httpx.AsyncClient, world: World, to: str | None) -> None:
        """Would catch a tier that outlives its household."""
        await close(world, "h1", TODAY + timedelta(days=9))
        for what in ("/tier", "/residence"):
            sent = {"to": to} if what == "/tier" else {}
            assert (await change(client, world, "s_east", "h1", what, **sent)).status_code == 200
            assert (await spans(what[1:], world, "h1"))[-1] == (on(0), on(9))
        assert await checks.all_findings() == []

    @pytest.mark.parametrize("to", [on(-1), "2025-01-01"])
    async def test_a_tier_that_ends_before_it_starts(self, client: httpx.AsyncClient, world: World, to: str) -> None:
        """The field is named: "refresh and try again" would lead nowhere."""
        answer = await change(client, world, "s_east", "h1", "/tier", to=to)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["to"])
        assert await spans("tier", world, "h1") == []

    @pytest.mark.parametrize("what", ["/residence", "/tier"])
    async def test_wrong_words(self, client: httpx.AsyncClient, world: World, what: str) -> None:
        for wrong in ({"status": "x", "tier": "x"}, {"from": "today"}, {"replace_planned": "yes"}):
            answer = await change(client, world, "s_east", "h1", what, **wrong)
            assert answer.status_code == 422


class TestReveal:
    @pytest.mark.parametrize(("name", "household"), [("m1", "h1"), ("m2", "h1"), ("s_east", "h4")])
    async def test_for_a_purpose(self, client: httpx.AsyncClient, world: World, name: str, household: str) -> None:
        body = {"fields": ["phone", "head_name"], "purpose": "contact"}
        answer = await client.post(
            f"/households/{world.households[household]}/reveal", json=body, headers=world.headers(name)
        )
        assert answer.json() == {
            "household_id": str(world.households[household]), "head_name": HEADS[household], "phone": phone_of(household),
            "address": None,
        }  # fmt: skip
        assert await audited() == ["household.reveal", world.accounts[name], ["head_name", "phone"], "contact"]

    @refused(problems.HouseholdNotFound, households.reveal)
    @pytest.mark.parametrize(("name", "household"), [("m1", "h3"), ("m1", "h7"), ("s_east", "h9"), ("m4", "h9")])
    async def test_of_another(
        self, client: httpx.AsyncClient, world: World, name: str, household: str
    ) -> httpx.Response:
        return await reveal(client, world, name, household)

    @refused(problems.HouseholdReadOnly, households.reveal)
    async def test_only_linked(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await reveal(client, world, "s_west", "h6")

    @pytest.mark.parametrize("name", ["office", *NOT_FOR])
    async def test_roles_that_may_not(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        answer = await reveal(client, world, name, "h1")
        assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"fields": []},
            {"fields": ["id_number"]},
            {"fields": ["phone", "phone"]},
            {"purpose": "curiosity"},
            {"purpose": None},
        ],
        ids=str,
    )
    async def test_without_a_purpose_or_a_field(
        self, client: httpx.AsyncClient, world: World, wrong: dict[str, Any]
    ) -> None:
        before = await count("audit_entry")
        assert (await reveal(client, world, "m1", "h1", **wrong)).status_code == 422
        assert await count("audit_entry") == before

    @refused(problems.RevealLimit, households.reveal)
    async def test_the_cap_of_a_day(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        """What was revealed more than a day ago, or by somebody else, does not count."""
        for name, hours, number in (("m1", 1, REVEALS_A_DAY - 1), ("m1", 25, 60), ("m2", 1, 60)):
            for _ in range(number):
                await database.execute(
                    "INSERT INTO audit_entry (account_id, action, subject_id, changed, at) VALUES ($1, 'household.reveal', $2, '{}', $3)",
                    world.accounts[name], uuid4(), NOW - timedelta(hours=hours),
                )  # fmt: skip
        assert (await reveal(client, world, "m1", "h1")).status_code == 200
        refusal = await reveal(client, world, "m1", "h2")
        assert str(REVEALS_A_DAY) in refusal.json()["detail"] and "标记" not in refusal.text
        return refusal


async def reveal(client: httpx.AsyncClient, world: World, name: str, household: str, **changes: Any) -> httpx.Response:
    body = {"fields": ["phone"], "purpose": "visit"} | changes
    return await client.post(
        f"/households/{world.households[household]}/reveal", json=body, headers=world.headers(name)
    )


class TestHistory:
    async def test_newest_first_without_values(self, client: httpx.AsyncClient, world: World) -> None:
        await change(client, world, "s_east", "h1", "", head_name="魏标记改")
        await change(client, world, "s_east", "h1", "/residence")
        await reveal(client, world, "m1", "h1")
        query = {"household_id": str(world.households["h1"]), "limit": "2"}
        for name in ("s_east", "office"):
            first = (await client.get("/audit", params=query, headers=world.headers(name))).json()
            rest = (
                await client.get("/audit", params=query | {"cursor": first["next"]}, headers=world.headers(name))
            ).json()
            rows = first["items"] + rest["items"]
            assert [row["action"] for row in rows] == ["household.reveal", "household.residence", "household.edit"]
            assert [row["account_id"] for row in rows] == [
                str(world.accounts[one]) for one in ("m1", "s_east", "s_east")
            ]
            assert rows[2]["changed"] == ["group_name", "head_name"] and rest["next"] is None
            assert "标记" not in str(rows)

    @refused(problems.HouseholdNotFound, audit.list_audit)
    @pytest.mark.parametrize("household", ["h7", None])
    async def test_of_another(self, client: httpx.AsyncClient, world: World, household: str | None) -> httpx.Response:
        sought: UUID = world.households[household] if household else uuid4()
        return await client.get("/audit", params={"household_id": str(sought)}, headers=world.headers("s_east"))

    @pytest.mark.parametrize("name", ["m1", "cadre", *NOT_FOR])
    async def test_roles_that_may_not(self, client: httpx.AsyncClient, world: World, name: str) -> None:
        query = {"household_id": str(world.households["h1"])}
        assert (await client.get("/audit", params=query, headers=world.headers(name))).status_code == 403

    @pytest.mark.parametrize(
        "query", [{}, {"household_id": "x"}, {"cursor": "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OSJd"}, {"cursor": "WyJ4Il0"}]
    )
    async def test_wrong_query(self, client: httpx.AsyncClient, world: World, query: dict[str, str]) -> None:
        asked = ({"household_id": str(world.households["h1"])} if "cursor" in query else {}) | query
        answer = await client.get("/audit", params=asked, headers=world.headers("s_east"))
        assert answer.status_code == 422 and answer.json()["errors"]


def test_every_problem_has_a_test() -> None:
    assert without_a_test(households) + without_a_test(audit) == []
