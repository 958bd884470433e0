"""Feedback: open to everybody, nobody's name by default, answered once by the office, and countable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from backend import problems
from backend.settings import CHINA
from handlers import feedback
from models import database
from tests.api.probes import SAID, a_feedback, snapshot
from tests.api.problems import refused, without_a_test
from tests.api.signing_in import Clock, bearer, from_network, wechat
from tests.api.test_households import audited, count
from tests.conftest import Running
from tests.world import NOBODY, OPENED, World, of


async def send(client: httpx.AsyncClient, world: World, by: str | None = None, **changes: Any) -> httpx.Response:
    return await client.post("/feedback", json=a_feedback(**changes), headers=world.headers(by) if by else {})


async def answer(
    client: httpx.AsyncClient, world: World, which: str | UUID, by: str = "office", text: str = "已经改好"
) -> httpx.Response:
    return await client.post(f"/feedback/{which}/answer", json={"text": text}, headers=world.headers(by))


async def listed(client: httpx.AsyncClient, world: World, by: str = "office", **query: Any) -> dict[str, Any]:
    found = await client.get("/feedback", params=query, headers=world.headers(by))
    assert found.status_code == 200, found.text
    page: dict[str, Any] = found.json()
    return page


class TestSending:
    async def test_without_a_session(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_feedback()
        sent = await client.post("/feedback", json=body)
        assert sent.status_code == 201, sent.text
        receipt = sent.json()
        assert (receipt["id"], receipt["state"], receipt["answer"]) == (body["client_id"], "received", None)
        assert receipt["number"].isdigit() and len(receipt["number"]) >= 6
        (row,) = (await listed(client, world))["items"]
        assert [row[name] for name in ("id", "number", "text", "contact", "signed_by", "place_name")] == [
            body["client_id"], receipt["number"], body["text"], body["contact"], None, "测试镇",
        ]  # fmt: skip

    @pytest.mark.parametrize("by", [None, "m1", "s_west", "office", "admin", "stranger"])
    async def test_by_default_nothing_says_who_wrote_it(
        self, client: httpx.AsyncClient, world: World, by: str | None
    ) -> None:
        """Neither the row nor the audit: not the person, not the account, not the session, not the network."""
        assert (await send(client, world, by)).status_code == 201
        row = await database.fetch_row("SELECT * FROM feedback")
        assert row is not None and row["person_id"] is None
        assert await audited() == ["feedback.send", None, [], None]
        (shown,) = (await listed(client, world))["items"]
        assert (shown["signed_by"], shown["place_name"]) == (None, "测试镇")
        written = str(dict(row))
        assert not [
            name for name in world.people.values() if str(name) in written or str(of("account", str(by))) in written
        ]

    async def test_a_signature_only_where_it_is_asked_for(self, client: httpx.AsyncClient, world: World) -> None:
        assert (await send(client, world, "m1", signed=True)).status_code == 201
        assert await audited() == ["feedback.send", world.accounts["m1"], [], None]
        (row,) = (await listed(client, world))["items"]
        assert row["signed_by"] == "陈人名一"

    async def test_a_token_that_ended_is_no_obstacle(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute("UPDATE session SET revoked_at = now() WHERE id = $1", of("session", "m1"))
        assert (await send(client, world, "m1")).status_code == 201

    @refused(problems.SessionMissing, feedback.send_feedback)
    async def test_a_signature_of_nobody(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await send(client, world, signed=True)

    @refused(problems.NotBound, feedback.send_feedback)
    async def test_a_signature_of_a_wechat_that_is_nobody(
        self, client: httpx.AsyncClient, world: World
    ) -> httpx.Response:
        return await send(client, world, "stranger", signed=True)

    @pytest.mark.parametrize(
        "change",
        [
            {"client_id": None}, {"client_id": "x"}, {"kind": "praise"}, {"kind": None}, {"text": ""}, {"text": " "},
            {"text": "字" * 501}, {"text": None}, {"text": "身份证 51010719600101123X"}, {"contact": "字" * 51},
            {"contact": "6222 0210 0100 0000"}, {"signed": "yes"}, {"name": "某人"},
        ],
    )  # fmt: skip
    async def test_wrong_input_keeps_nothing(
        self, client: httpx.AsyncClient, world: World, change: dict[str, Any]
    ) -> None:
        before = await snapshot()
        sent = await send(client, world, **change)
        assert (sent.status_code, list(sent.json()["errors"])) == (422, list(change))
        assert await snapshot() == before

    async def test_the_longest_and_the_shortest(self, client: httpx.AsyncClient, world: World) -> None:
        assert (await send(client, world, text="字" * 500, contact="字" * 50)).status_code == 201
        assert (await send(client, world, text="好", contact=None)).status_code == 201


class TestAgain:
    async def test_the_same_again_is_the_same_also_signed_out(self, client: httpx.AsyncClient, world: World) -> None:
        """The session may end between two tries; a signature was judged with the first one."""
        body = a_feedback(signed=True)
        first = await client.post("/feedback", json=body, headers=world.headers("m1"))
        before = await snapshot()
        second = await client.post("/feedback", json=body)
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()
        assert await snapshot() == before

    async def test_again_after_the_answer_shows_it(self, client: httpx.AsyncClient, world: World) -> None:
        body = a_feedback()
        await client.post("/feedback", json=body)
        await answer(client, world, body["client_id"])
        again = (await client.post("/feedback", json=body)).json()
        assert (again["state"], again["answer"]) == ("answered", "已经改好")

    @refused(problems.ClientIdReused, feedback.send_feedback)
    async def test_another_content_under_the_same_id(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        one = uuid4()
        await send(client, world, client_id=str(one))
        before = await snapshot()
        other = await send(client, world, client_id=str(one), text="另一条")
        assert SAID not in other.text
        assert await snapshot() == before
        return other

    async def test_ten_at_once_are_one(self, serve: Callable[..., Running], own_database: str) -> None:
        running = serve(redis="unix:///nowhere")
        body = a_feedback()
        async with httpx.AsyncClient(base_url=f"{running.url}/api/v1", timeout=30) as client:
            answers = await asyncio.gather(*(client.post("/feedback", json=body) for _ in range(10)))
        assert sorted(one.status_code for one in answers) == [200] * 9 + [201]
        assert len({one.text for one in answers}) == 1
        connection = await asyncpg.connect(**database.credentials(own_database))
        rows = await connection.fetchrow(
            """SELECT (SELECT count(*) FROM feedback), (SELECT count(*) FROM sign_in_failure),
                      (SELECT count(*) FROM audit_entry WHERE action = 'feedback.send')"""
        )
        await connection.close()
        assert list(rows) == [1, 1, 1]


class TestFlood:
    @refused(problems.TooMany, feedback.send_feedback)
    async def test_one_network_waits_after_five(
        self, phone: httpx.AsyncClient, app: Any, clock: Clock, world: World
    ) -> httpx.Response:
        for _ in range(5):
            assert (await send(phone, world)).status_code == 201
        before = await snapshot()
        sixth = await send(phone, world)
        assert await snapshot() == before
        assert 1 <= int(sixth.headers["Retry-After"]) <= 3
        async with from_network(app, 9_999) as elsewhere:
            assert (await send(elsewhere, world)).status_code == 201
        clock.ahead = timedelta(seconds=int(sixth.headers["Retry-After"]))
        assert (await send(phone, world)).status_code == 201
        return sixth

    async def test_what_arrived_may_always_be_sent_again(self, phone: httpx.AsyncClient, world: World) -> None:
        body = a_feedback()
        assert (await phone.post("/feedback", json=body)).status_code == 201
        for _ in range(5):
            await send(phone, world)
        assert (await send(phone, world)).status_code == 429
        assert (await phone.post("/feedback", json=body)).status_code == 200

    async def test_it_does_not_keep_anybody_from_signing_in(self, phone: httpx.AsyncClient, world: World) -> None:
        for _ in range(6):
            await send(phone, world)
        assert (await wechat(phone, "after-feedback"))["bound"] is False

    async def test_no_network_stands_in_a_table(self, phone: httpx.AsyncClient, world: World) -> None:
        await send(phone, world)
        row = await database.fetch_row("SELECT * FROM sign_in_failure")
        assert row is not None and len(row["key"]) == 32 and b"10." not in bytes(row["key"])


class TestPlace:
    """Whose business it is: the sender's township, else the only one, else the root."""

    @pytest.fixture
    async def second_township(self, db: Any) -> None:
        path = [of("region", "county"), of("region", "town2")]
        await database.execute(
            """INSERT INTO region (id, parent_id, level, code, name, path, predecessors, valid_from)
               VALUES ($1, $2, 'township', '999902102000', '二镇', $3, '{}', $4)""",
            path[1], path[0], path, OPENED,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("by", "place"),
        [
            ("m1", "测试镇"),
            ("s_west", "测试镇"),
            ("cadre", "测试镇"),
            ("admin", "测试县"),
            ("stranger", "测试县"),
            (None, "测试县"),
        ],
    )
    async def test_with_two_townships(
        self, client: httpx.AsyncClient, world: World, second_township: None, by: str | None, place: str
    ) -> None:
        assert (await send(client, world, by)).status_code == 201
        found = await database.fetch_value("SELECT r.name FROM feedback f JOIN region r ON r.id = f.region_id")
        assert found == place
        assert len((await listed(client, world))["items"]) == (1 if place == "测试镇" else 0)

    async def test_of_another_place_there_is_nothing(
        self, client: httpx.AsyncClient, world: World, second_township: None
    ) -> None:
        """At the root it waits for whoever holds the office there."""
        sent = (await send(client, world)).json()
        before = await snapshot()
        foreign, unknown = [await answer(client, world, one) for one in (sent["id"], NOBODY)]
        assert foreign.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}
        assert (foreign.status_code, foreign.json()["code"]) == (404, "feedback.not_found")
        assert await snapshot() == before
        await database.execute(
            "UPDATE role_grant SET region_id = $2 WHERE id = $1", of("grant", "office"), of("region", "county")
        )
        assert (await answer(client, world, sent["id"])).status_code == 200

    async def test_before_anything_is_set_up(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute("UPDATE region SET valid_to = valid_from")
        no = await send(client, world)
        assert (no.status_code, no.json()["code"]) == (503, "server.unavailable")
        assert await count("feedback") == 0


class TestReading:
    async def test_who_knows_the_id_sees_the_answer_and_no_word_of_the_text(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        sent = (await send(client, world, "m1", signed=True)).json()
        assert (await client.get(f"/feedback/{sent['id']}")).json() == sent
        await answer(client, world, sent["id"])
        found = await client.get(f"/feedback/{sent['id']}")
        assert [found.json()[name] for name in ("state", "answer", "number")] == [
            "answered",
            "已经改好",
            sent["number"],
        ]
        assert SAID not in found.text and "人名" not in found.text
        at = datetime.fromisoformat(found.json()["answered_at"])
        assert abs(at - datetime.now(CHINA)) < timedelta(minutes=1) and at.utcoffset() == timedelta(hours=8)

    @refused(problems.FeedbackNotFound, feedback.read_feedback)
    async def test_an_id_that_nobody_sent(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.get(f"/feedback/{uuid4()}")


class TestAnswering:
    async def test_once_audited_and_sealed(self, client: httpx.AsyncClient, world: World) -> None:
        sent = (await send(client, world)).json()
        done = await answer(client, world, sent["id"], "committee")
        assert done.status_code == 200, done.text
        assert [done.json()[name] for name in ("state", "answer", "text")] == ["answered", "已经改好", SAID]
        assert await audited() == ["feedback.answer", world.accounts["committee"], ["answer"], None]
        assert await database.fetch_value("SELECT answered_by FROM feedback") == world.accounts["committee"]

    @refused(problems.FeedbackAnswered, feedback.answer_feedback)
    async def test_twice(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        sent = (await send(client, world)).json()
        await answer(client, world, sent["id"])
        before = await snapshot()
        again = await answer(client, world, sent["id"], "committee", text="另一个答复")
        assert await snapshot() == before
        return again

    async def test_two_at_once_are_one(self, serve: Callable[..., Running], world: World) -> None:
        running = serve(redis="unix:///nowhere")
        async with httpx.AsyncClient(base_url=f"{running.url}/api/v1", timeout=30) as client:
            sent = (await send(client, world)).json()
            answers = await asyncio.gather(
                *(answer(client, world, sent["id"], by, text=by) for by in ("office", "committee") * 3)
            )
            assert sorted(one.status_code for one in answers) == [200] + [409] * 5
            (stands,) = [one.json()["answer"] for one in answers if one.status_code == 200]
            assert (await client.get(f"/feedback/{sent['id']}")).json()["answer"] == stands

    @refused(problems.FeedbackNotFound, feedback.answer_feedback)
    async def test_an_id_that_nobody_sent(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await answer(client, world, uuid4())

    @pytest.mark.parametrize("text", ["", "字" * 501, "51010719600101123X", None])
    async def test_wrong_input(self, client: httpx.AsyncClient, world: World, text: Any) -> None:
        sent = (await send(client, world)).json()
        no = await answer(client, world, sent["id"], text=text)
        assert (no.status_code, list(no.json()["errors"])) == (422, ["text"])

    @pytest.mark.parametrize("by", ["m1", "s_east", "cadre", "department", "admin"])
    async def test_by_nobody_else(self, client: httpx.AsyncClient, world: World, by: str) -> None:
        sent = (await send(client, world, by)).json()
        for no in (
            await answer(client, world, sent["id"], by),
            await client.get("/feedback", headers=world.headers(by)),
        ):
            assert (no.status_code, no.json()["code"]) == (403, "permission.denied")

    async def test_a_wechat_that_is_nobody(self, phone: httpx.AsyncClient, world: World) -> None:
        session = await wechat(phone, "feedback-nobody")
        no = await phone.get("/feedback", headers=bearer(session["token"]))
        assert (no.status_code, no.json()["code"]) == (403, "session.not_bound")


class TestList:
    @pytest.fixture
    async def five(self, client: httpx.AsyncClient, world: World) -> list[str]:
        """Five of them, oldest first: the first and the third answered, the first two sent a month ago."""
        ids = [(await send(client, world, text=f"第{number}条")).json()["id"] for number in range(5)]
        for one in (ids[0], ids[2]):
            assert (await answer(client, world, one)).status_code == 200
        await database.execute("UPDATE feedback SET sent_at = '2026-10-31T23:59:59+08:00' WHERE id = $1", UUID(ids[0]))
        await database.execute("UPDATE feedback SET sent_at = '2026-10-01T00:00:00+08:00' WHERE id = $1", UUID(ids[1]))
        await database.execute(
            "UPDATE feedback SET sent_at = '2026-11-01T00:00:00+08:00' WHERE id = ANY ($1::uuid[])",
            [UUID(one) for one in ids[2:]],
        )
        return ids

    async def test_newest_first_in_pages_and_by_state(
        self, client: httpx.AsyncClient, world: World, five: list[str]
    ) -> None:
        seen: list[str] = []
        page: dict[str, Any] = {"next": ""}
        while page["next"] is not None:
            page = await listed(client, world, limit=2, **({"cursor": page["next"]} if page["next"] else {}))
            seen += [row["id"] for row in page["items"]]
        assert seen == five[::-1]
        for state, ids in (("received", [five[4], five[3], five[1]]), ("answered", [five[2], five[0]])):
            assert [row["id"] for row in (await listed(client, world, state=state))["items"]] == ids

    async def test_counts_by_month_whatever_the_filter(
        self, client: httpx.AsyncClient, world: World, five: list[str]
    ) -> None:
        """The month begins and ends at midnight in China."""
        months = [
            {"month": "2026-11", "received": 3, "answered": 1},
            {"month": "2026-10", "received": 2, "answered": 1},
        ]
        for query in ({}, {"state": "answered"}, {"limit": "1"}):
            assert (await listed(client, world, **query))["months"] == months

    async def test_the_last_twelve_months_are_counted(
        self, client: httpx.AsyncClient, world: World, five: list[str]
    ) -> None:
        for at, months in (
            ("2025-12-01T00:00:00+08:00", ["2026-11", "2025-12"]),
            ("2025-11-30T23:59:59+08:00", ["2026-11"]),
        ):
            await database.execute(
                "UPDATE feedback SET sent_at = $2::text::timestamptz WHERE id = ANY ($1::uuid[])",
                [UUID(one) for one in five[:2]],
                at,
            )
            assert [row["month"] for row in (await listed(client, world))["months"]] == months

    async def test_nothing_yet(self, client: httpx.AsyncClient, world: World) -> None:
        assert await listed(client, world) == {"items": [], "next": None, "months": []}

    @pytest.mark.parametrize(
        "query", [{"state": "open"}, {"cursor": "x"}, {"cursor": "WyJ4Il0"}, {"limit": "201"}, {"sort": "x"}]
    )
    async def test_wrong_queries(self, client: httpx.AsyncClient, world: World, query: dict[str, str]) -> None:
        no = await client.get("/feedback", params=query, headers=world.headers("office"))
        assert (no.status_code, list(no.json()["errors"])) == (422, list(query))


async def test_its_words_are_among_the_codes(client: httpx.AsyncClient) -> None:
    codes = (await client.get("/codes")).json()
    assert [row["name"] for row in codes["feedback_kinds"]] == ["建议", "投诉", "程序故障"]
    assert [row["name"] for row in codes["feedback_states"]] == ["已收到", "已答复"]


def test_every_problem_has_a_test() -> None:
    assert without_a_test(feedback) == []
