"""Console sign-in by password and one-time code, guessers slowed down, and what a session is good for."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tortoise.context import TortoiseContext

from backend.app import create_app
from backend.crypto import token_hash
from backend.services.accounts import network_of
from models import database
from tests.api.probes import headers, invite
from tests.api.signing_in import (
    CODE,
    Clock,
    bearer,
    from_network,
    networks,
    password,
    rows,
    totp,
    wechat,
)
from tests.conftest import lifespan
from tests.world import FAR, World, of, settings_for


class TestPassword:
    @pytest.mark.parametrize("account", ["office", "OFFICE", "Office"])
    @pytest.mark.parametrize("steps", [-1, 0, 1])
    async def test_right_with_the_code_of_now_or_a_neighbour(
        self, phone: httpx.AsyncClient, clock: Clock, account: str, steps: int
    ) -> None:
        answer = await password(phone, clock, account, steps)
        assert answer.status_code == 200, answer.text
        left = datetime.fromisoformat(answer.json()["expires_at"]) - clock()
        assert timedelta(hours=11) < left <= timedelta(hours=12)
        me = (await phone.get("/me", headers=bearer(answer.json()["token"]))).json()
        assert me["account_id"] == str(of("account", "office"))

    async def test_an_answer_never_tells_which_part_was_wrong(
        self, phone: httpx.AsyncClient, clock: Clock, app: Any
    ) -> None:
        await database.execute("UPDATE account SET disabled_at = now() WHERE login = 'committee'")
        seen = set()
        for change in (
            {"password": "wrong"}, {"totp": "000000"}, {"totp": None}, {"account": "nobody-here"}, {"account": "committee"},
            {"totp": "１２３４５６"}, {"totp": "码"}, {"steps": 3}, {"steps": -3}, {"password": "😀" * 100},
        ):  # fmt: skip
            async with from_network(app, next(networks)) as client:
                answer = await password(client, clock, **change)
            seen.add((answer.status_code, str(answer.json() | {"request_id": ""})))
        assert len(seen) == 1
        assert next(iter(seen))[0] == 401

    async def test_a_code_works_once_and_no_older_one_after_it(self, phone: httpx.AsyncClient, clock: Clock) -> None:
        moment = clock()
        clock.ahead = timedelta(0)
        answers = [
            await password(phone, clock, totp=code)
            for code in (totp(moment), totp(moment), totp(moment, -1), totp(moment, 1), totp(moment))
        ]
        assert [answer.status_code for answer in answers] == [200, 401, 401, 200, 401]

    async def test_waits_grow_and_are_the_accounts_in_one_network(
        self, phone: httpx.AsyncClient, clock: Clock, app: Any
    ) -> None:
        waits = []
        for _ in range(15):
            assert (await password(phone, clock, password="guess")).status_code == 401
            # All of this test is one transaction, whose now() stands still: the failures happened at the server's now.
            await database.execute("UPDATE sign_in_failure SET at = $1", clock())
            again = await password(phone, clock, password="guess")
            if again.status_code == 401:
                await database.execute("DELETE FROM sign_in_failure WHERE id = (SELECT max(id) FROM sign_in_failure)")
                continue
            assert (again.status_code, again.json()["code"]) == (429, "accounts.sign_in_wait")
            assert (await password(phone, clock)).status_code == 429, "the right password jumps the queue"
            waits.append(int(again.headers["Retry-After"]))
            clock.ahead += timedelta(seconds=waits[-1])
        assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
        assert (await password(phone, clock, password="guess")).status_code == 401
        await database.execute("UPDATE sign_in_failure SET at = $1", clock())
        assert (await password(phone, clock)).status_code == 429
        other_account = await password(phone, clock, "committee")
        async with from_network(app, next(networks)) as elsewhere:
            other_network = await password(elsewhere, clock)
        assert (other_account.status_code, other_network.status_code) == (200, 200)

    async def test_success_forgets_the_failures(self, phone: httpx.AsyncClient, clock: Clock) -> None:
        for _ in range(4):
            await password(phone, clock, password="typo")
        assert (await password(phone, clock)).status_code == 200
        for _ in range(5):
            assert (await password(phone, clock, password="typo")).status_code == 401

    async def test_failures_older_than_half_an_hour_are_forgotten(self, phone: httpx.AsyncClient, clock: Clock) -> None:
        for _ in range(6):
            last = await password(phone, clock, password="guess")
        assert last.status_code == 429
        await database.execute("UPDATE sign_in_failure SET at = at - interval '31 minutes'")
        assert (await password(phone, clock)).status_code == 200

    async def test_a_failure_is_counted_and_audited_although_the_answer_is_an_error(
        self, phone: httpx.AsyncClient, clock: Clock
    ) -> None:
        for account, subject in (("office", of("account", "office")), ("nobody-here", None)):
            before, audits = await rows("sign_in_failure"), await rows("audit_entry")
            await password(phone, clock, account, password="guess")
            assert (await rows("sign_in_failure"), await rows("audit_entry")) == (before + 1, audits + 1)
            entry = await database.fetch_row(
                "SELECT action, account_id, subject_id, changed FROM audit_entry ORDER BY id DESC LIMIT 1"
            )
            assert entry is not None
            assert list(entry.values()) == ["session.refuse", None, subject, []]

    async def test_a_network_is_a_24_or_a_64(self) -> None:
        assert network_of("10.1.2.3") == network_of("10.1.2.250") == "10.1.2.0/24"
        assert network_of("10.1.2.3") != network_of("10.1.3.3")
        assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::") != network_of("2001:db8:1:3::")
        # A server that listens on IPv6 sees IPv4 like this; they must not all be one network.
        assert network_of("::ffff:10.1.2.3") == network_of("10.1.2.3")
        assert network_of("") == network_of("nonsense") == "unknown"


class TestManyAtOnce:
    async def test_fifty_guesses_at_once_do_not_slip_through(
        self, own_database: str, redis_url: str, standin_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Real commits over a pool of connections: without the lock each guess would find no failure before it."""
        settings = settings_for(own_database, redis_url, WECHAT_API_BASE=standin_url)
        async with TortoiseContext() as context:
            await context.init(config=database.tortoise_config(settings))
            app = create_app(settings, name="parallel", own_database=False)
            async with lifespan(app), from_network(app, next(networks)) as client:
                clock = Clock()
                answers = await asyncio.gather(*(password(client, clock, password=f"guess {n}") for n in range(50)))
                statuses = [answer.status_code for answer in answers]
                assert set(statuses) == {401, 429}
                # Five are free; one more only if the first wait of two seconds ended while the others queued.
                assert statuses.count(401) <= 6, statuses
                committed = await rows("sign_in_failure")
                refused = await database.fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'session.refuse'")
                assert committed == refused == statuses.count(401)

    async def test_one_invitation_for_two_phones_at_once_binds_one(
        self, own_database: str, redis_url: str, standin_url: str
    ) -> None:
        settings = settings_for(own_database, redis_url, WECHAT_API_BASE=standin_url)
        async with TortoiseContext() as context:
            await context.init(config=database.tortoise_config(settings))
            app = create_app(settings, name="two_phones", own_database=False)
            async with lifespan(app), from_network(app, next(networks)) as client:
                await invite(of("person", "m4"), CODE)
                tokens = [(await wechat(client, f"phone-{n}"))["token"] for n in range(4)]
                answers = await asyncio.gather(
                    *(
                        client.post("/auth/wechat/bind", json={"invite_code": CODE}, headers=bearer(one))
                        for one in tokens
                    )
                )
                assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
                bound_to = await database.fetch_value(
                    "SELECT count(*) FROM wechat_identity WHERE account_id = $1", of("account", "m4")
                )
                assert bound_to == 1


class TestSession:
    async def test_signing_out_ends_this_session_and_no_other(self, phone: httpx.AsyncClient, clock: Clock) -> None:
        first = (await password(phone, clock)).json()["token"]
        second = (await password(phone, clock, steps=1)).json()["token"]
        assert (await phone.delete("/auth/session", headers=bearer(first))).status_code == 204
        assert (await phone.get("/me", headers=bearer(first))).status_code == 401
        assert (await phone.get("/me", headers=bearer(second))).status_code == 200
        assert (await phone.delete("/auth/session", headers=bearer(first))).status_code == 401

    async def test_a_session_that_ran_out_is_none(self, phone: httpx.AsyncClient, clock: Clock) -> None:
        token = (await password(phone, clock)).json()["token"]
        await database.execute("UPDATE session SET expires_at = now() WHERE token_hash = $1", token_hash(token))
        assert (await phone.get("/me", headers=bearer(token))).status_code == 401

    @pytest.mark.parametrize(
        ("name", "person", "branch", "roles"),
        [
            ("m1", "陈人名一", "east", [("member", None)]),
            ("m4", "蒋人名四", "west", [("member", None)]),
            ("s_east", "沈人名五", "east", [("member", None), ("branch_secretary", "east 支部")]),
            ("cadre", "杨人名七", "town", [("member", None), ("area_cadre", "东村")]),
            ("office", None, None, [("organization_office", "测试镇")]),
            ("committee", None, None, [("township_committee", "测试镇")]),
            ("department", None, None, [("department", "测试镇")]),
            ("admin", None, None, [("administrator", "测试县")]),
        ],
    )
    async def test_me(
        self,
        client: httpx.AsyncClient,
        world: World,
        name: str,
        person: str | None,
        branch: str | None,
        roles: list[tuple[str, str]],
    ) -> None:
        me = (await client.get("/me", headers=headers(name))).json()
        assert me["account_id"] == str(world.accounts[name])
        assert me["name"] == person
        assert me["person_id"] == (str(world.people[name]) if person else None)
        assert me["branch"] == (branch and {"id": str(world.branches[branch]), "name": f"{branch} 支部"})
        assert [(row["role"], row["place_name"]) for row in me["roles"]] == roles
        assert datetime.fromisoformat(me["expires_at"]) == FAR
        assert me["verbs"] == sorted(me["verbs"])
        assert ("household.read" in me["verbs"]) == (name not in ("committee", "department", "admin"))
        assert ("role.grant" in me["verbs"]) == (name in ("office", "admin"))
