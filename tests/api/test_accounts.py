"""WeChat sign-in and binding, as people and guessers do it, with the real stand-in."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from backend.crypto import token_hash
from models import database
from tests.api.probes import headers, invite, operations, snapshot
from tests.api.signing_in import (
    CODE,
    Clock,
    bearer,
    bound,
    from_network,
    networks,
    rows,
    visit_body,
    wechat,
)
from tests.world import NOBODY, World, of


class TestWechat:
    async def test_a_new_wechat_is_nobody_and_may_do_nothing_but_bind(
        self, phone: httpx.AsyncClient, app: Any, clock: Clock
    ) -> None:
        session = await wechat(phone, "new-one")
        assert session["bound"] is False
        left = datetime.fromisoformat(session["expires_at"]) - clock()
        assert timedelta(minutes=59) < left <= timedelta(hours=1)
        tried = 0
        for name, method, path, spec in operations(app):
            if spec.may in ("anybody", "open", "identity") or name == "visits.record_visits":
                continue
            url = "/" + "/".join(
                str(NOBODY) if part.startswith("<") else part for part in path.removeprefix("/api/v1/").split("/")
            )
            answer = await phone.request(method, url, json={}, headers=bearer(session["token"]))
            if spec.tx == "statement":  # the statement looks the session up, so it needs a body that can be loaded
                visit = visit_body()
                answer = await phone.request(method, url, json=visit, headers=bearer(session["token"]))
            assert (answer.status_code, answer.json()["code"]) == (403, "session.not_bound"), name
            tried += 1
        assert tried > 15
        batch = await phone.post("/visits/batch", json={"visits": [visit_body()]}, headers=bearer(session["token"]))
        assert [row["problem"]["code"] for row in batch.json()["results"]] == ["session.not_bound"]

    async def test_the_same_wechat_again_is_the_same_identity(self, phone: httpx.AsyncClient) -> None:
        first, identities = await wechat(phone, "twice"), await rows("wechat_identity")
        second = await wechat(phone, "twice")
        assert first["token"] != second["token"]
        assert await rows("wechat_identity") == identities

    async def test_a_bound_wechat_is_signed_in_as_its_person(self, phone: httpx.AsyncClient, clock: Clock) -> None:
        await bound(phone, "of-m4", "m4")
        session = await wechat(phone, "of-m4")
        assert session["bound"] is True
        left = datetime.fromisoformat(session["expires_at"]) - clock()
        assert timedelta(days=89) < left <= timedelta(days=90)
        me = (await phone.get("/me", headers=bearer(session["token"]))).json()
        assert me["person_id"] == str(of("person", "m4"))

    @pytest.mark.parametrize("code", ["nonsense", "standin:", "once:a", "码", "x" * 200])
    async def test_an_unknown_code_is_401_and_leaves_nothing(self, phone: httpx.AsyncClient, code: str) -> None:
        before = await snapshot()
        answer = await phone.post("/auth/wechat", json={"code": code})
        assert (answer.status_code, answer.json()["code"]) == (401, "accounts.wechat_code")
        assert await snapshot() == before

    async def test_a_code_works_once(self, phone: httpx.AsyncClient, platform: httpx.AsyncClient) -> None:
        answers = [await phone.post("/auth/wechat", json={"code": "once:somebody:1"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 401]

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            ({"errcode": 45011}, 429, "request.too_many"),
            ({"errcode": 40226}, 403, "accounts.wechat_blocked"),
            ({"errcode": -1}, 503, "accounts.wechat_unavailable"),
            ({"errcode": 40125}, 503, "accounts.wechat_unavailable"),
            ({"http_status": 502}, 503, "accounts.wechat_unavailable"),
            ({"hang": True}, 503, "accounts.wechat_unavailable"),
        ],
        ids=str,
    )
    async def test_trouble_of_the_platform_is_said_and_leaves_no_trace(
        self, phone: httpx.AsyncClient, platform: httpx.AsyncClient, fault: dict[str, Any], status: int, code: str
    ) -> None:
        await platform.post("/faults", json={"path": "/sns/"} | fault)
        before, began = await snapshot(), asyncio.get_running_loop().time()
        answer = await phone.post("/auth/wechat", json={"code": "standin:unlucky"})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert asyncio.get_running_loop().time() - began < 8
        assert ("Retry-After" in answer.headers) == (status in (429, 503))
        assert await snapshot() == before

    async def test_a_platform_that_is_down_stops_sign_in_and_nothing_else(
        self, phone: httpx.AsyncClient, app: Any, monkeypatch: pytest.MonkeyPatch, world: World
    ) -> None:
        monkeypatch.setattr(app.ctx.wechat, "_base", "http://127.0.0.1:9")
        before = await snapshot()
        answer = await phone.post("/auth/wechat", json={"code": "standin:unlucky"})
        assert (answer.status_code, answer.json()["code"]) == (503, "accounts.wechat_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert await snapshot() == before
        assert (await phone.post("/visits", json=visit_body(), headers=headers("m1"))).status_code == 201

    async def test_a_flood_from_one_network_is_slowed_before_the_platform_is_asked(
        self, phone: httpx.AsyncClient, app: Any, platform: httpx.AsyncClient
    ) -> None:
        answers = [await phone.post("/auth/wechat", json={"code": "nonsense"}) for _ in range(125)]
        assert [answer.status_code for answer in answers[:120]] == [401] * 120
        assert {answer.status_code for answer in answers[120:]} == {429}
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
        asked = (await platform.get("/log")).json()["counts"].get("/sns/jscode2session", 0)
        assert asked == 120
        async with from_network(app, next(networks)) as elsewhere:
            assert (await elsewhere.post("/auth/wechat", json={"code": "nonsense"})).status_code == 401


class TestBind:
    @pytest.mark.parametrize("typed", [CODE, "abcdef102345", " abcd ef10  2345 ", "ABCD–EFIO–2345", "abcd.efl0.2345"])
    async def test_a_code_as_people_type_it(self, phone: httpx.AsyncClient, typed: str) -> None:
        await invite(of("person", "m4"), CODE)
        token = (await wechat(phone, "typist"))["token"]
        answer = await phone.post("/auth/wechat/bind", json={"invite_code": typed}, headers=bearer(token))
        assert (answer.status_code, answer.json()["bound"]) == (200, True)
        me = (await phone.get("/me", headers=bearer(answer.json()["token"]))).json()
        assert me["person_id"] == str(of("person", "m4"))
        assert (await phone.get("/me", headers=bearer(token))).status_code == 401, "the unbound session goes on"

    @pytest.mark.parametrize("spoilt", ["used", "expired", "ended", "unknown", "left"])
    async def test_a_code_that_is_no_longer_good(self, phone: httpx.AsyncClient, spoilt: str) -> None:
        token = (await wechat(phone, "late"))["token"]
        if spoilt == "used":
            await bound(phone, "earlier", "m4")
        elif spoilt != "unknown":
            await invite(of("person", "m4"), CODE)
        changes = {
            "expired": "UPDATE invitation SET expires_at = now() - interval '1 second'",
            "ended": "UPDATE invitation SET ended_at = now()",
            "left": "UPDATE membership SET valid_to = valid_from",
        }
        if spoilt in changes:
            await database.execute(changes[spoilt])
        answer = await phone.post("/auth/wechat/bind", json={"invite_code": CODE}, headers=bearer(token))
        assert (answer.status_code, answer.json()["code"]) == (404, "accounts.invitation")
        assert (
            await database.fetch_value("SELECT account_id FROM session WHERE token_hash = $1", token_hash(token))
            is None
        )

    async def test_a_newer_invitation_ends_the_older(self, phone: httpx.AsyncClient, world: World) -> None:
        path = f"/people/{world.people['m1']}/invitations"
        first, second = [(await phone.post(path, headers=headers("s_east"))).json()["code"] for _ in range(2)]
        token = (await wechat(phone, "slow"))["token"]
        answers = [
            await phone.post("/auth/wechat/bind", json={"invite_code": code}, headers=bearer(token))
            for code in (first, second)
        ]
        assert [answer.status_code for answer in answers] == [404, 200]

    async def test_a_new_binding_ends_old_sessions_and_releases_the_old_wechat(self, phone: httpx.AsyncClient) -> None:
        old = await bound(phone, "old-phone", "m4")
        second = (await wechat(phone, "old-phone"))["token"]
        new = await bound(phone, "new-phone", "m4", "ZZZZ-ZZZZ-0001")
        for token in (old["token"], second):
            assert (await phone.get("/me", headers=bearer(token))).status_code == 401
        assert (await phone.get("/me", headers=headers("m4"))).status_code == 401
        assert (await phone.get("/me", headers=bearer(new["token"]))).status_code == 200
        assert (await wechat(phone, "old-phone"))["bound"] is False
        assert (await wechat(phone, "new-phone"))["bound"] is True

    async def test_a_bound_wechat_is_not_bound_again(self, phone: httpx.AsyncClient) -> None:
        session = await bound(phone, "mine", "m4")
        await invite(of("person", "m3"), "ZZZZ-ZZZZ-0002")
        before = await snapshot()
        for token in (bearer(session["token"]), headers("s_east")):
            answer = await phone.post("/auth/wechat/bind", json={"invite_code": "ZZZZ-ZZZZ-0002"}, headers=token)
            assert (answer.status_code, answer.json()["code"]) == (409, "accounts.identity_bound")
        assert await snapshot() == before

    async def test_guessing_codes_is_slowed_and_audited(self, phone: httpx.AsyncClient, clock: Clock) -> None:
        token = (await wechat(phone, "guesser"))["token"]
        audits = await rows("audit_entry")
        answers = [
            await phone.post("/auth/wechat/bind", json={"invite_code": f"GUESS{n:07}"}, headers=bearer(token))
            for n in range(7)
        ]
        assert [answer.status_code for answer in answers] == [404] * 5 + [429] * 2
        assert answers[-1].json()["code"] == "accounts.sign_in_wait"
        assert int(answers[-1].headers["Retry-After"]) in (2, 3)
        assert await rows("audit_entry") == audits + 5
        # The right code waits, too, and is good again when the wait is over.
        await invite(of("person", "m4"), CODE)
        early = await phone.post("/auth/wechat/bind", json={"invite_code": CODE}, headers=bearer(token))
        clock.ahead += timedelta(seconds=4)
        later = await phone.post("/auth/wechat/bind", json={"invite_code": CODE}, headers=bearer(token))
        assert (early.status_code, later.status_code) == (429, 200)

    async def test_an_invitation_lasts_seven_days_and_has_sixty_bits(
        self, phone: httpx.AsyncClient, clock: Clock, world: World
    ) -> None:
        answer = await phone.post(f"/people/{world.people['m1']}/invitations", headers=headers("s_east"))
        made = answer.json()
        assert answer.status_code == 201
        code = made["code"].replace("-", "")
        assert len(code) == 12 and set(code) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        left = datetime.fromisoformat(made["expires_at"]) - clock()
        assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
        stored = await database.fetch_row(
            "SELECT code_hash, created_by FROM invitation WHERE id = $1", UUID(made["id"])
        )
        assert stored is not None
        assert (bytes(stored["code_hash"]), stored["created_by"]) == (token_hash(code), world.accounts["s_east"])

    @pytest.mark.parametrize(
        ("name", "person", "status"),
        [
            ("s_east", "m1", 201), ("s_east", "m4", 404), ("s_west", "m1", 404), ("office", "m1", 201), ("office", "m4", 201),
            ("office", "cadre", 201), ("s_east", "cadre", 404), ("m1", "m1", 403), ("cadre", "m1", 403), ("admin", "m1", 403),
        ],
    )  # fmt: skip
    async def test_who_invites_whom(
        self, phone: httpx.AsyncClient, world: World, name: str, person: str, status: int
    ) -> None:
        answer = await phone.post(f"/people/{world.people[person]}/invitations", headers=headers(name))
        assert answer.status_code == status

    async def test_nobody_of_that_id(self, phone: httpx.AsyncClient) -> None:
        for person in (NOBODY, "x", "王"):
            assert (await phone.post(f"/people/{person}/invitations", headers=headers("office"))).status_code == 404
