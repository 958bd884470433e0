"""POST /visits, /visits/batch, /visits/{id}/void, GET /visits: what a phone sends, and what must not go wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from models import database
from tests.world import NOW, TODAY, World


def a_visit(world: World, household: str = "h1", **changes: Any) -> dict[str, Any]:
    """The body of a common visit."""
    return {
        "client_id": str(uuid4()),
        "household_id": str(world.households[household]),
        "occurred_on": TODAY.isoformat(),
        "noted_at": NOW.isoformat(),
        "mode": "in_person",
        "outcome": "met",
        "topics": ["nothing_new"],
    } | changes


async def count(table: str) -> int:
    return int(await database.fetch_value(f"SELECT count(*) FROM {table}"))


class TestRecord:
    async def test_needs_a_session(self, client: httpx.AsyncClient, world: World) -> None:
        assert (await client.post("/visits", json=a_visit(world))).status_code == 401

    async def test_own_visit_is_recorded_with_its_audit_row(self, client: httpx.AsyncClient, world: World) -> None:
        audits = await count("audit_entry")
        body = a_visit(world, note="院里路灯坏了", needs_follow_up=True)
        answer = await client.post("/visits", json=body, headers=world.headers("m1"))
        assert answer.status_code == 201
        made = answer.json()
        assert (made["id"], made["note"], made["state"]) == (body["client_id"], "院里路灯坏了", "recorded")
        assert made["visitor_id"] == str(world.people["m1"])
        row = await database.fetch_row(
            "SELECT action, account_id, subject_id, changed FROM audit_entry ORDER BY id DESC LIMIT 1"
        )
        assert row is not None
        assert list(row.values()) == ["visit.record", world.accounts["m1"], UUID(made["id"]), []]
        assert await count("audit_entry") == audits + 1

    async def test_sending_again_gives_the_same_answer_and_no_second_row(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        body = a_visit(world, note="一样")
        first = await client.post("/visits", json=body, headers=world.headers("m1"))
        rows, audits = await count("visit"), await count("audit_entry")
        again = await client.post("/visits", json=body, headers=world.headers("m1"))
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()
        assert (await count("visit"), await count("audit_entry")) == (rows, audits)

    @pytest.mark.parametrize(
        "change", [{"outcome": "not_home"}, {"note": "别的"}, {"topics": []}, {"mode": "remote"}], ids=str
    )
    async def test_other_content_under_the_same_id_changes_nothing(
        self, client: httpx.AsyncClient, world: World, change: dict[str, Any]
    ) -> None:
        body = a_visit(world)
        await client.post("/visits", json=body, headers=world.headers("m1"))
        answer = await client.post("/visits", json=body | change, headers=world.headers("m1"))
        assert (answer.status_code, answer.json()["code"]) == (409, "visits.id_reused")
        stored = await client.post("/visits", json=body, headers=world.headers("m1"))
        assert stored.json()["outcome"] == "met"

    async def test_another_senders_id_says_nothing_of_the_visit(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_visit(world, note="秘密")
        await client.post("/visits", json=body, headers=world.headers("m1"))
        answer = await client.post("/visits", json=body, headers=world.headers("m2"))
        assert answer.status_code == 409
        assert "秘密" not in answer.text

    async def test_household_of_somebody_else_does_not_exist(self, client: httpx.AsyncClient, world: World) -> None:
        for household in ("h3", "h7"):
            answer = await client.post("/visits", json=a_visit(world, household), headers=world.headers("m1"))
            assert (answer.status_code, answer.json()["code"]) == (404, "households.not_found")

    async def test_backup_may_visit(self, client: httpx.AsyncClient, world: World) -> None:
        assert (await client.post("/visits", json=a_visit(world), headers=world.headers("m2"))).status_code == 201

    @pytest.mark.parametrize(
        ("change", "code", "field"),
        [
            ({"occurred_on": (TODAY + timedelta(days=1)).isoformat()}, "visits.in_future", "occurred_on"),
            ({"noted_at": (NOW + timedelta(minutes=11)).isoformat()}, "visits.in_future", "occurred_on"),
            ({"occurred_on": (TODAY - timedelta(days=366)).isoformat()}, "visits.too_old", "occurred_on"),
            ({"noted_at": (NOW - timedelta(days=2)).isoformat()}, "visits.noted_before", "noted_at"),
            ({"occurred_on": (TODAY - timedelta(days=8)).isoformat()}, "visits.backfill_reason", "backfill_reason"),
            ({"mode": "flying"}, "request.invalid", "mode"),
            ({"noted_at": "2026-11-15T10:00:00"}, "request.invalid", "noted_at"),
            ({"client_id": "1"}, "request.invalid", "client_id"),
            ({"note": "长" * 201}, "request.invalid", "note"),
            ({"note": "身份证 51010719600101123X"}, "request.invalid", "note"),
            ({"note": "a\x00b"}, "request.invalid", "note"),
            ({"topics": ["nothing_new", "nothing_new"]}, "request.invalid", "topics"),
            ({"needs_follow_up": "yes"}, "request.invalid", "needs_follow_up"),
            ({"score": 5}, "request.invalid", "score"),
        ],
        ids=lambda value: str(value)[:60],
    )
    async def test_wrong_input_names_the_field(
        self, client: httpx.AsyncClient, world: World, change: dict[str, Any], code: str, field: str
    ) -> None:
        rows = await count("visit")
        answer = await client.post("/visits", json=a_visit(world) | change, headers=world.headers("m1"))
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, code)
        assert list(problem["errors"]) == [field]
        assert problem["errors"][field][0]
        assert await count("visit") == rows

    async def test_before_the_household_opened_is_too_old(self, client: httpx.AsyncClient, world: World) -> None:
        early = a_visit(world, occurred_on="2025-12-31", backfill_reason="paper_record")
        # The link of m1 begins with the household, so the staff's path is the one that can reach the date.
        answer = await client.post(
            "/visits", json=early | {"on_behalf_of": str(world.people["m1"])}, headers=world.headers("s_east")
        )
        assert answer.status_code in (404, 422)

    async def test_backfill_with_a_reason_is_free(self, client: httpx.AsyncClient, world: World) -> None:
        old = a_visit(world, occurred_on=(TODAY - timedelta(days=40)).isoformat(), backfill_reason="no_signal")
        answer = await client.post("/visits", json=old, headers=world.headers("m1"))
        assert (answer.status_code, answer.json()["late"]) == (201, True)

    async def test_ended_link_may_send_for_thirty_days(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute(
            "UPDATE assignment SET valid_to = $2 WHERE id = $1", world.link("m1", "h1"), TODAY - timedelta(days=30)
        )
        before = a_visit(world, occurred_on=(TODAY - timedelta(days=31)).isoformat(), backfill_reason="no_signal")
        after = a_visit(world)
        assert (await client.post("/visits", json=before, headers=world.headers("m1"))).status_code == 201
        assert (await client.post("/visits", json=after, headers=world.headers("m1"))).status_code == 201
        await database.execute(
            "UPDATE assignment SET valid_to = $2 WHERE id = $1", world.link("m1", "h1"), TODAY - timedelta(days=31)
        )
        late = a_visit(world)
        assert (await client.post("/visits", json=late, headers=world.headers("m1"))).status_code == 404

    async def test_ended_person_keeps_thirty_days_of_sending_and_sees_nothing(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        async def leave(days_ago: int) -> None:
            await database.execute(
                "UPDATE membership SET valid_to = $2 WHERE person_id = $1",
                world.people["m1"],
                TODAY - timedelta(days=days_ago),
            )

        await leave(30)
        held = a_visit(world, occurred_on=(TODAY - timedelta(days=35)).isoformat(), backfill_reason="no_signal")
        assert (await client.post("/visits", json=held, headers=world.headers("m1"))).status_code == 201
        assert (await client.get("/households", headers=world.headers("m1"))).json()["items"] == []
        await leave(31)
        assert (
            await client.post("/visits", json=held | {"client_id": str(uuid4())}, headers=world.headers("m1"))
        ).status_code == 403

    async def test_secretary_enters_for_a_member(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_visit(world, on_behalf_of=str(world.people["m1"]))
        answer = await client.post("/visits", json=body, headers=world.headers("s_east"))
        assert answer.status_code == 201
        assert (answer.json()["visitor_id"], answer.json()["entered_by"]) == (
            str(world.people["m1"]),
            str(world.accounts["s_east"]),
        )

    async def test_secretary_of_another_branch_may_not(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_visit(world, on_behalf_of=str(world.people["m1"]))
        answer = await client.post("/visits", json=body, headers=world.headers("s_west"))
        assert (answer.status_code, answer.json()["code"]) == (404, "people.not_found")

    async def test_member_may_not_enter_for_another(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_visit(world, on_behalf_of=str(world.people["m2"]))
        answer = await client.post("/visits", json=body, headers=world.headers("m1"))
        assert (answer.status_code, answer.json()["code"]) == (403, "visits.on_behalf")

    async def test_companions_are_of_the_branch(self, client: httpx.AsyncClient, world: World) -> None:
        joint = a_visit(world, companion_ids=[str(world.people["m2"])])
        assert (await client.post("/visits", json=joint, headers=world.headers("m1"))).status_code == 201
        for stranger in ("m3", "m1"):
            body = a_visit(world, companion_ids=[str(world.people[stranger])])
            answer = await client.post("/visits", json=body, headers=world.headers("m1"))
            assert (answer.status_code, answer.json()["code"]) == (422, "visits.companion")

    async def test_roles_without_the_verb(self, client: httpx.AsyncClient, world: World) -> None:
        for name in ("committee", "office", "department", "admin"):
            answer = await client.post("/visits", json=a_visit(world), headers=world.headers(name))
            assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied"), name

    async def test_revoked_session_is_out_at_once(self, client: httpx.AsyncClient, world: World) -> None:
        assert (await client.delete("/auth/session", headers=world.headers("m1"))).status_code == 204
        assert (await client.post("/visits", json=a_visit(world), headers=world.headers("m1"))).status_code == 401


class TestBatch:
    async def test_a_bad_one_blocks_no_other(self, client: httpx.AsyncClient, world: World) -> None:
        good, again, joint = (
            a_visit(world),
            a_visit(world, "h2"),
            a_visit(world, companion_ids=[str(world.people["m2"])]),
        )
        sent: list[Any] = [good, a_visit(world, "h7"), 7, {}, again, a_visit(world, mode="x"), joint, again]
        answer = await client.post("/visits/batch", json={"visits": sent}, headers=world.headers("m1"))
        assert answer.status_code == 200
        results = answer.json()["results"]
        assert [row["status"] for row in results] == [201, 404, 422, 422, 201, 422, 201, 200]
        assert [row["index"] for row in results] == list(range(8))
        assert results[1]["problem"]["code"] == "households.not_found"
        assert results[7]["visit"] == results[4]["visit"]
        single = await client.post("/visits", json=good, headers=world.headers("m1"))
        assert (single.status_code, single.json()) == (200, results[0]["visit"])

    async def test_limits_and_session(self, client: httpx.AsyncClient, world: World) -> None:
        many: dict[str, list[Any]] = {"visits": [{}] * 501}
        assert (await client.post("/visits/batch", json=many, headers=world.headers("m1"))).status_code == 422
        assert (await client.post("/visits/batch", json={"visits": []})).status_code == 401
        nothing = await client.post("/visits/batch", json={"visits": []}, headers=world.headers("m1"))
        assert (nothing.status_code, nothing.json()) == (200, {"results": []})
        wrong = await client.post("/visits/batch", json={"visits": {"a": 1}}, headers=world.headers("m1"))
        assert wrong.status_code == 422


class TestVoid:
    async def test_void_keeps_the_row_and_answers_the_same_again(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_visit(world)
        await client.post("/visits", json=body, headers=world.headers("m1"))
        url = f"/visits/{body['client_id']}/void"
        first = await client.post(url, json={"reason": "wrong_day"}, headers=world.headers("m1"))
        again = await client.post(url, json={"reason": "other"}, headers=world.headers("m1"))
        assert (first.status_code, first.json()["state"]) == (200, "voided")
        assert again.json() == first.json()
        sent_again = await client.post("/visits", json=body, headers=world.headers("m1"))
        assert (sent_again.status_code, sent_again.json()["state"]) == (200, "voided")

    @pytest.mark.parametrize(("name", "status"), [("m2", 403), ("m3", 404), ("s_west", 404), ("s_east", 200)])
    async def test_who_may(self, client: httpx.AsyncClient, world: World, name: str, status: int) -> None:
        body = a_visit(world)
        await client.post("/visits", json=body, headers=world.headers("m1"))
        answer = await client.post(
            f"/visits/{body['client_id']}/void", json={"reason": "duplicate"}, headers=world.headers(name)
        )
        assert answer.status_code == status

    async def test_the_household_tells_its_last_visit_whatever_came_of_it(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        met, missed = (TODAY - timedelta(days=3)).isoformat(), (TODAY - timedelta(days=1)).isoformat()
        visits = [a_visit(world, occurred_on=met), a_visit(world, occurred_on=missed, outcome="not_home")]
        told = []
        for visit in visits:
            await client.post("/visits", json=visit, headers=world.headers("m1"))
            told.append(await last_visit_of(client, world, "h1"))
        void = f"/visits/{visits[1]['client_id']}/void"
        await client.post(void, json={"reason": "wrong_household"}, headers=world.headers("s_east"))
        told.append(await last_visit_of(client, world, "h1"))
        assert told == [(met, met, "met"), (met, missed, "not_home"), (met, met, "met")]


async def last_visit_of(client: httpx.AsyncClient, world: World, household: str) -> tuple[str, str, str]:
    """The last contact, the last visit and what came of that, as the list shows them to the secretary."""
    rows = (await client.get("/households", headers=world.headers("s_east"))).json()["items"]
    row = next(row for row in rows if row["code"] == household)
    return row["last_contact_on"], row["last_visit_on"], row["last_outcome"]


class TestList:
    async def test_pages_are_whole_and_without_repetition(self, client: httpx.AsyncClient, world: World) -> None:
        sent = [a_visit(world, occurred_on=(TODAY - timedelta(days=n % 4)).isoformat()) for n in range(9)]
        await client.post("/visits/batch", json={"visits": sent}, headers=world.headers("m1"))
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "4", "household_id": str(world.households["h1"])} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/visits", params=query, headers=world.headers("m1"))).json()
            seen += [row["id"] for row in page["items"]]
            cursor = page["next"]
        assert sorted(seen) == sorted(visit["client_id"] for visit in sent)

    async def test_days_include_both_ends(self, client: httpx.AsyncClient, world: World) -> None:
        sent = [a_visit(world, occurred_on=(TODAY - timedelta(days=n)).isoformat()) for n in range(5)]
        await client.post("/visits/batch", json={"visits": sent}, headers=world.headers("m1"))
        query = {"from": (TODAY - timedelta(days=3)).isoformat(), "to": (TODAY - timedelta(days=1)).isoformat()}
        page = (await client.get("/visits", params=query, headers=world.headers("m1"))).json()
        assert [row["id"] for row in page["items"]] == [sent[n]["client_id"] for n in (1, 2, 3)]

    async def test_a_made_up_cursor_is_refused(self, client: httpx.AsyncClient, world: World) -> None:
        for cursor in ("x", "W10", "WyIyMDI2LTk5LTAxIiwieCJd"):
            answer = await client.get("/visits", params={"cursor": cursor}, headers=world.headers("m1"))
            assert answer.status_code == 422
