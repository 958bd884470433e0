"""The client against the stand-in's process: who signs in, one token for all, and errors that give nothing away."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from structlog.testing import capture_logs

from backend.gateways import wechat
from backend.gateways.wechat import (
    ERRCODES,
    CodeInvalid,
    Misconfigured,
    TooFrequent,
    Unavailable,
    UserBlocked,
    WeChatError,
    WeChatLogin,
)
from backend.gateways.wechat_standin import APPID, SECRET

if TYPE_CHECKING:
    from tests.gateways.conftest import MakeClient, RedisServer, Rows, Standin

    RawServer = Callable[[bytes], Awaitable[str]]

LOGIN = "/sns/jscode2session"
PHONE = "/wxa/business/getuserphonenumber"
STABLE = "/cgi-bin/stable_token"
NUMBER = "13900000001"


async def failure(call: Awaitable[object]) -> WeChatError:
    """The WeChatError of a call that must fail."""
    with pytest.raises(WeChatError) as caught:
        await call
    return caught.value


class TestSignIn:
    """Would catch a login that needs a token, a code used twice, a key kept, and a wrong meaning of an error."""

    async def test_a_code_gives_openid_and_unionid_and_takes_no_token(
        self, client: MakeClient, standin: Standin
    ) -> None:
        assert await (await client()).code2session("standin:o-1") == WeChatLogin("o-1", "union-o-1")
        assert (await standin.log())["counts"] == {LOGIN: 1}

    async def test_a_code_of_one_use_is_invalid_the_second_time(self, client: MakeClient) -> None:
        door = await client()
        assert (await door.code2session("once:o-1:1")).openid == "o-1"
        error = await failure(door.code2session("once:o-1:1"))
        assert (type(error), error.errcode) == (CodeInvalid, 40163)
        assert (await door.code2session("once:o-1:2")).openid == "o-1"

    async def test_a_wrong_code_is_invalid(self, client: MakeClient) -> None:
        error = await failure((await client()).code2session("nonsense"))
        assert (type(error), error.errcode) == (CodeInvalid, 40029)

    @pytest.mark.parametrize("code", ["", "微信", "\ud800", "x" * 513])
    async def test_what_cannot_be_a_code_is_not_even_sent(
        self, client: MakeClient, standin: Standin, code: str
    ) -> None:
        door = await client()
        for call in (door.code2session(code), door.phone_number(code)):
            assert type(await failure(call)) is CodeInvalid
        assert (await standin.log())["counts"] == {}

    async def test_more_than_a_hundred_logins_of_one_user_in_a_minute_are_too_frequent(
        self, client: MakeClient, standin: Standin
    ) -> None:
        door = await client()
        for _ in range(100):
            await door.code2session("standin:o-1")
        error = await failure(door.code2session("standin:o-1"))
        assert (type(error), error.errcode) == (TooFrequent, 45011)
        assert (await door.code2session("standin:o-2")).openid == "o-2"
        await standin.turn("clock", advance_seconds=60)
        assert (await door.code2session("standin:o-1")).openid == "o-1"


class TestErrors:
    """Would catch a number without its meaning, and trouble of the network that escapes as something else."""

    async def test_every_errcode_of_the_table_arrives_as_its_class(self, client: MakeClient, standin: Standin) -> None:
        door = await client()
        for errcode, meaning in ERRCODES.items():
            await standin.fault(LOGIN, errcode=errcode, count=1)
            error = await failure(door.code2session("standin:o-1"))
            assert (type(error), error.errcode) == (meaning, errcode)

    @pytest.mark.parametrize(
        ("errcode", "meaning"),
        [
            (40029, CodeInvalid),
            (40163, CodeInvalid),
            (40226, UserBlocked),
            (45009, TooFrequent),
            (45011, TooFrequent),
            (40013, Misconfigured),
            (40125, Misconfigured),
            (40164, Misconfigured),
            (40243, Misconfigured),
            (-1, Unavailable),
            (99999, WeChatError),
        ],
    )
    async def test_the_documented_numbers_mean_what_the_pages_say(
        self, client: MakeClient, standin: Standin, errcode: int, meaning: type[WeChatError]
    ) -> None:
        await standin.fault(PHONE, errcode=errcode, count=1)
        error = await failure((await client()).phone_number(f"phone:{NUMBER}"))
        assert (type(error), error.errcode) == (meaning, errcode)

    async def test_the_request_id_is_kept_for_wechats_support(self, client: MakeClient) -> None:
        assert "rid " in str(await failure((await client()).code2session("nonsense")))

    async def test_a_wrong_secret_is_our_fault_and_said_loudly(self, client: MakeClient) -> None:
        door = await client(secret="another")
        with capture_logs() as lines:
            for call in (door.code2session("standin:o-1"), door.phone_number(f"phone:{NUMBER}")):
                error = await failure(call)
                assert (type(error), error.errcode) == (Misconfigured, 40125)
        assert [(line["event"], line["log_level"]) for line in lines] == [("wechat.misconfigured", "error")] * 2

    @pytest.mark.parametrize("status", [500, 502, 503, 404, 302])
    async def test_any_other_http_status_is_unavailable(
        self, client: MakeClient, standin: Standin, status: int
    ) -> None:
        await standin.fault("/", http_status=status)
        door = await client()
        for call in (door.code2session("standin:o-1"), door.phone_number(f"phone:{NUMBER}")):
            error = await failure(call)
            assert (type(error), error.errcode) == (Unavailable, None)

    async def test_an_answer_that_is_no_json_is_unavailable(self, client: MakeClient, standin: Standin) -> None:
        await standin.fault("/", http_status=200)
        assert type(await failure((await client()).code2session("standin:o-1"))) is Unavailable

    async def test_a_redirect_is_not_followed(
        self, client: MakeClient, standin: Standin, raw_server: RawServer
    ) -> None:
        """Would catch credentials carried to wherever an answer points."""
        to = f"HTTP/1.1 307 x\r\nLocation: {standin.url}{LOGIN}\r\nContent-Length: 0\r\n\r\n"
        door = await client(base=await raw_server(to.encode()))
        assert type(await failure(door.code2session("standin:o-1"))) is Unavailable
        assert (await standin.log())["counts"] == {}

    async def test_nobody_there_is_unavailable(self, client: MakeClient) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            door = await client(base=f"http://127.0.0.1:{free.getsockname()[1]}")
            for call in (door.code2session("standin:o-1"), door.phone_number(f"phone:{NUMBER}")):
                assert type(await failure(call)) is Unavailable

    @pytest.mark.parametrize("path", [LOGIN, PHONE, STABLE])
    async def test_silence_ends_in_time_wherever_it_is(self, client: MakeClient, standin: Standin, path: str) -> None:
        await standin.fault(path, hang=True)
        door = await client(timeout=0.6, sign_in_timeout=0.3)
        call = door.code2session("standin:o-1") if path == LOGIN else door.phone_number(f"phone:{NUMBER}")
        began = time.monotonic()
        assert type(await failure(call)) is Unavailable
        assert time.monotonic() - began < 1.5

    async def test_a_crowd_behind_a_silent_token_endpoint_waits_no_longer_than_one(
        self, client: MakeClient, standin: Standin
    ) -> None:
        """Would catch a queue in which each waits for the time-outs of all before it."""
        await standin.fault(STABLE, hang=True)
        doors = [await client(timeout=0.8) for _ in range(3)]
        began = time.monotonic()
        calls = [failure(door.phone_number(f"phone:{NUMBER}")) for door in doors * 10]
        assert {type(error) for error in await asyncio.gather(*calls)} == {Unavailable}
        assert time.monotonic() - began < 2.0

    async def test_it_works_again_as_soon_as_wechat_does(self, client: MakeClient, standin: Standin) -> None:
        await standin.fault("/", http_status=503, count=1)
        door = await client()
        assert type(await failure(door.phone_number(f"phone:{NUMBER}"))) is Unavailable
        assert await door.phone_number(f"phone:{NUMBER}") == NUMBER


class TestToken:
    """Would catch each process fetching for itself, refresh storms, endless retries and forcing without measure."""

    async def test_many_calls_of_many_processes_at_once_take_one_token_call(
        self, client: MakeClient, standin: Standin, rows: Rows
    ) -> None:
        await standin.fault(STABLE, latency_ms=200)
        doors = [await client() for _ in range(5)]
        numbers = await asyncio.gather(*(door.phone_number(f"phone:{NUMBER}") for door in doors * 20))
        assert numbers == [NUMBER] * 100
        assert await standin.count(STABLE) == 1
        assert rows.used == 0

    async def test_a_replaced_token_is_renewed_once_and_every_call_retried_once(
        self, client: MakeClient, standin: Standin
    ) -> None:
        doors = [await client() for _ in range(5)]
        await asyncio.gather(*(door.phone_number(f"phone:{NUMBER}") for door in doors))
        await standin.turn("revoke", stuck=False)
        numbers = await asyncio.gather(*(door.phone_number(f"phone:{NUMBER}") for door in doors * 4))
        assert numbers == [NUMBER] * 20
        assert await standin.count(STABLE) == 2
        assert await standin.count(PHONE) <= 5 + 2 * 20

    @pytest.mark.parametrize("errcode", [40001, 40014, 42001])
    async def test_each_rejection_means_one_renewal_and_one_retry(
        self, client: MakeClient, standin: Standin, errcode: int
    ) -> None:
        door = await client()
        await door.phone_number(f"phone:{NUMBER}")
        await standin.turn("revoke", stuck=False)
        await standin.fault(PHONE, errcode=errcode, count=1)
        assert await door.phone_number(f"phone:{NUMBER}") == NUMBER
        assert (await standin.count(STABLE), await standin.count(PHONE)) == (2, 3)

    async def test_a_token_that_somebody_already_replaced_is_not_renewed_again(
        self, client: MakeClient, standin: Standin
    ) -> None:
        one, other = await client(), await client()
        await one.phone_number(f"phone:{NUMBER}")
        await other.phone_number(f"phone:{NUMBER}")
        await standin.turn("revoke", stuck=False)
        await one.phone_number(f"phone:{NUMBER}")
        assert await standin.count(STABLE) == 2
        await other.phone_number(f"phone:{NUMBER}")
        assert await standin.count(STABLE) == 2

    async def test_force_is_used_only_when_plain_mode_hands_the_dead_token_back(
        self, client: MakeClient, standin: Standin
    ) -> None:
        doors = [await client() for _ in range(4)]
        await asyncio.gather(*(door.phone_number(f"phone:{NUMBER}") for door in doors))
        await standin.turn("revoke", stuck=True)
        numbers = await asyncio.gather(*(door.phone_number(f"phone:{NUMBER}") for door in doors * 5))
        assert numbers == [NUMBER] * 20
        assert await standin.count(STABLE) == 1 + 2  # the first, then a plain one and a forced one

    async def test_after_a_forced_renewal_the_next_one_has_to_wait(
        self, client: MakeClient, standin: Standin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = await client(), await client()
        await one.phone_number(f"phone:{NUMBER}")
        for _ in range(2):
            await standin.turn("revoke", stuck=True)
            await asyncio.gather(one.phone_number(f"phone:{NUMBER}"), return_exceptions=True)
        assert await standin.count(STABLE) == 3
        for door in (one, other) * 5:
            error = await failure(door.phone_number(f"phone:{NUMBER}"))
            assert (type(error), error.errcode) == (Unavailable, 40001)
        assert await standin.count(STABLE) == 3, "within a minute of a forced renewal nobody asks again"
        monkeypatch.setattr(wechat, "FORCE_EVERY", wechat.FORCE_EVERY * 0)
        await standin.turn("clock", advance_seconds=31)
        assert await other.phone_number(f"phone:{NUMBER}") == NUMBER
        assert await standin.count(STABLE) == 5

    @pytest.mark.parametrize("redis", [True, False])
    async def test_a_rejection_for_ever_is_bounded(
        self, client: MakeClient, standin: Standin, redis_server: RedisServer, redis: bool
    ) -> None:
        """Would catch the recursion that once took 487 token calls for one message."""
        if not redis:
            redis_server.kill()
        await standin.fault(PHONE, errcode=40001)
        door = await client()
        error = await failure(door.phone_number(f"phone:{NUMBER}"))
        assert (type(error), error.errcode) == (Unavailable, 40001)
        assert (await standin.count(PHONE), await standin.count(STABLE)) == (2, 3)
        for call in range(10):
            await failure(door.phone_number(f"phone:{NUMBER}"))
            assert await standin.count(PHONE) <= 2 * (call + 2)
        assert await standin.count(STABLE) == 3

    async def test_a_call_is_retried_once_even_if_every_renewal_brings_a_new_token(
        self, client: MakeClient, standin: Standin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        door, given = await client(), iter("abcdef")

        async def another(rejected: str | None, deadline: float) -> str:
            return next(given)

        monkeypatch.setattr(door, "_token", another)
        assert (await failure(door.phone_number(f"phone:{NUMBER}"))).errcode == 40014
        assert await standin.count(PHONE) == 2

    async def test_it_is_renewed_before_its_end_and_not_earlier_than_the_platform_does(
        self, client: MakeClient, standin: Standin
    ) -> None:
        await (await client()).phone_number(f"phone:{NUMBER}")
        await standin.turn("clock", advance_seconds=7200 - 310)
        first = await client()
        await first._cache._redis.flushall()  # as after a restart of Redis
        await first.phone_number(f"phone:{NUMBER}")
        assert await standin.count(STABLE) == 2, "still the old token, with 310 seconds left"
        shared = wechat._Copy.parse(await first._cache.get(first._shared_key))
        assert 300 < (shared.expires_at - datetime.now(UTC)).total_seconds() <= 310
        await (await client()).phone_number(f"phone:{NUMBER}")
        assert await standin.count(STABLE) == 2, "and the next process takes it from Redis"
        # The platform has something newer only now, and the copy ends in less than four minutes.
        await standin.turn("clock", advance_seconds=75)
        shared.expires_at = datetime.now(UTC) + timedelta(seconds=235)
        await first._cache.set(first._shared_key, str(shared), 60)
        assert await (await client()).phone_number(f"phone:{NUMBER}") == NUMBER
        assert await standin.count(STABLE) == 3
        assert wechat._Copy.parse(await first._cache.get(first._shared_key)).token != shared.token

    async def test_a_copy_of_another_version_in_redis_counts_as_none(
        self, client: MakeClient, standin: Standin
    ) -> None:
        door = await client()
        await door._cache.set(door._shared_key, '{"token": "x"}', 60)
        assert await door.phone_number(f"phone:{NUMBER}") == NUMBER


class TestWithoutRedis:
    """Would catch a sign-in that needs Redis, and a storm of token calls when Redis is gone."""

    async def test_the_row_is_shared_under_its_lock(
        self, client: MakeClient, standin: Standin, redis_server: RedisServer, rows: Rows
    ) -> None:
        redis_server.kill()
        await standin.fault(STABLE, latency_ms=200)
        doors = [await client() for _ in range(5)]
        numbers = await asyncio.gather(*(door.phone_number(f"phone:{NUMBER}") for door in doors * 10))
        assert numbers == [NUMBER] * 50
        assert await standin.count(STABLE) == 1
        assert rows.used == 5, "each process looks once and keeps its own copy for a minute"
        assert rows.row.token

    async def test_redis_dies_between_two_calls_and_a_token_is_replaced(
        self, client: MakeClient, standin: Standin, redis_server: RedisServer, rows: Rows
    ) -> None:
        doors = [await client() for _ in range(3)]
        await asyncio.gather(*(door.phone_number(f"phone:{NUMBER}") for door in doors))
        redis_server.kill()
        await standin.turn("revoke", stuck=True)
        numbers = await asyncio.gather(*(door.phone_number(f"phone:{NUMBER}") for door in doors * 3))
        assert numbers == [NUMBER] * 9
        assert await standin.count(STABLE) == 3
        assert rows.row.forced_at is not None
        redis_server.start()
        await asyncio.sleep(1.1)
        newcomer = await client()
        assert await newcomer.phone_number(f"phone:{NUMBER}") == NUMBER
        assert await standin.count(STABLE) == 4, "plain mode gives the newcomer the token that the others have"

    async def test_a_frozen_redis_does_not_stop_a_call(
        self, client: MakeClient, standin: Standin, redis_server: RedisServer
    ) -> None:
        door = await client(cache_timeout=0.5)
        redis_server.freeze()
        began = time.monotonic()
        assert (await door.code2session("standin:o-1")).openid == "o-1"
        assert await door.phone_number(f"phone:{NUMBER}") == NUMBER
        assert time.monotonic() - began < 2

    async def test_a_row_that_another_transaction_holds_does_not_hold_up_for_ever(
        self, client: MakeClient, redis_server: RedisServer, rows: Rows
    ) -> None:
        redis_server.kill()
        door = await client(timeout=0.5)
        async with rows.lock:
            async with asyncio.timeout(3):
                assert type(await failure(door.phone_number(f"phone:{NUMBER}"))) is Unavailable

    @pytest.mark.parametrize("trouble", [{"http_status": 502}, {"hang": True}])
    async def test_a_forced_renewal_that_failed_is_remembered_in_the_row(
        self, client: MakeClient, standin: Standin, redis_server: RedisServer, rows: Rows, trouble: dict[str, Any]
    ) -> None:
        """Would catch a row left by an exception, and so rolled back, and force_refresh called again at every try."""
        redis_server.kill()
        door = await client(timeout=1)
        await door.phone_number(f"phone:{NUMBER}")
        await standin.turn("revoke", stuck=True)
        await standin.fault(STABLE, after=1, count=1, **trouble)
        assert type(await failure(door.phone_number(f"phone:{NUMBER}"))) is Unavailable
        assert rows.row.forced_at is not None
        assert await standin.count(STABLE) == 3
        assert (await failure(door.phone_number(f"phone:{NUMBER}"))).errcode == 40001
        assert await standin.count(STABLE) == 3


class TestNothingLeaks:
    """Would catch a secret, token, code, openid or number in an exception, a repr or a log line."""

    async def test_no_marker_in_any_error_or_line(
        self,
        client: MakeClient,
        standin: Standin,
        raw_server: RawServer,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        caplog.set_level(logging.DEBUG)
        login, phone = "standin:PLANTED-openid", "phone:13977777777"
        troubles: list[dict[str, Any]] = [
            {"errcode": 40029},
            {"errcode": 40164},
            {"errcode": -1},
            {"errcode": 99999},
            {"errcode": 40001},
            {"http_status": 500},
            {"http_status": 200},
            {"hang": True},
        ]
        shown: list[str] = []
        # What breaks the protocol makes aiohttp raise an exception that holds the whole address.
        broken = await raw_server(b"no HTTP\r\n\r\n")
        with socket.socket() as free, capture_logs() as lines:
            free.bind(("127.0.0.1", 0))
            doors = [
                await client(timeout=0.4, sign_in_timeout=0.2),
                await client(base=broken),
                await client(secret="PLANTED-secret"),
                await client(base=f"http://127.0.0.1:{free.getsockname()[1]}"),
            ]
            shown.append(repr(await doors[0].code2session(login)))
            await doors[0].phone_number(phone)
            for trouble in troubles:
                await standin.fault(LOGIN, count=1, **trouble)
                await standin.fault(PHONE, count=1 + (trouble == {"errcode": 40001}), **trouble)
                for call in (doors[0].code2session(login), doors[0].phone_number(phone)):
                    shown += _everything(await failure(call))
            for door in doors[1:]:
                shown.append(repr(door))
                for call in (door.code2session(login), door.code2session("PLANTED-code")):
                    shown += _everything(await failure(call))
            shared = wechat._Copy.parse(await doors[0]._cache.get(doors[0]._shared_key))
        assert shared.token
        assert len(shown) > 20
        captured = capfd.readouterr()
        text = "\n".join([*shown, repr(lines), caplog.text, captured.out, captured.err, repr(await standin.log())])
        for marker in ("PLANTED", SECRET, shared.token, "13977777777", "js_code", "access_token="):
            assert marker not in text


def _everything(error: WeChatError) -> list[str]:
    """All that a log or an error page may show of an exception: itself, its traceback, and what hangs on it."""
    texts = ["".join(traceback.format_exception(error))]
    link: BaseException | None = error
    while link is not None:
        texts += [str(link), repr(link), repr(link.args), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return texts


class TestStandin:
    """Would catch a stand-in that is kinder than WeChat."""

    APP: ClassVar = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}

    async def phone(self, standin: Standin, token: str) -> int:
        return int((await standin.post(PHONE, {"code": f"phone:{NUMBER}"}, access_token=token))["errcode"])

    async def test_plain_mode_gives_the_same_token_until_the_last_five_minutes_and_then_both_work(
        self, standin: Standin
    ) -> None:
        first = await standin.post(STABLE, self.APP)
        assert first["expires_in"] == 7200
        await standin.turn("clock", advance_seconds=6890)
        again = await standin.post(STABLE, self.APP)
        assert again["access_token"] == first["access_token"]
        assert 300 < again["expires_in"] <= 310
        await standin.turn("clock", advance_seconds=20)
        new = await standin.post(STABLE, self.APP)
        assert new["access_token"] != first["access_token"]
        assert [await self.phone(standin, each["access_token"]) for each in (first, new)] == [0, 0]
        await standin.turn("clock", advance_seconds=300)
        assert [await self.phone(standin, each["access_token"]) for each in (first, new)] == [42001, 0]

    async def test_force_renews_at_most_every_thirty_seconds_and_twenty_times_a_day(self, standin: Standin) -> None:
        force = {**self.APP, "force_refresh": True}
        tokens = [(await standin.post(STABLE, self.APP))["access_token"]]
        for _ in range(20):
            tokens.append((await standin.post(STABLE, force))["access_token"])
            assert (await standin.post(STABLE, force))["access_token"] == tokens[-1]
            await standin.turn("clock", advance_seconds=30)
        assert len(set(tokens)) == 21
        assert (await standin.post(STABLE, force))["errcode"] == 45009
        assert (await standin.post(STABLE, self.APP))["access_token"] == tokens[-1]
        assert [await self.phone(standin, token) for token in (tokens[0], tokens[-2], tokens[-1])] == [40001, 0, 0]

    async def test_the_other_token_endpoint_is_independent_and_renews_at_every_call(self, standin: Standin) -> None:
        stable = (await standin.post(STABLE, self.APP))["access_token"]
        old, new = [(await standin.get("/cgi-bin/token", **self.APP))["access_token"] for _ in range(2)]
        assert len({stable, old, new}) == 3
        await standin.turn("clock", advance_seconds=301)
        assert [await self.phone(standin, token) for token in (stable, old, new)] == [0, 40001, 0]

    @pytest.mark.parametrize(
        ("change", "errcode"),
        [
            ({"appid": "wx1"}, 40013),
            ({"secret": "x"}, 40125),
            ({"appid": ""}, 41002),
            ({"secret": ""}, 41004),
            ({"grant_type": "x"}, 40002),
        ],
    )
    async def test_wrong_credentials_are_refused_by_all(
        self, standin: Standin, change: dict[str, str], errcode: int
    ) -> None:
        given = {**self.APP, **change}
        login = {**self.APP, "grant_type": "authorization_code", "js_code": "standin:o-1", **change}
        assert (await standin.post(STABLE, given))["errcode"] == errcode
        assert (await standin.get("/cgi-bin/token", **given))["errcode"] == errcode
        assert (await standin.get(LOGIN, **login))["errcode"] == errcode

    async def test_calls_without_a_good_token_code_or_body_are_refused(self, standin: Standin) -> None:
        token = (await standin.post(STABLE, self.APP))["access_token"]
        code = {"code": f"phone:{NUMBER}"}
        assert (await standin.post(PHONE, code))["errcode"] == 41001
        assert (await standin.post(PHONE, code, access_token="x"))["errcode"] == 40014
        assert (await standin.post(PHONE, code, access_token="x" * 128))["errcode"] == 40001
        assert (await standin.post(PHONE, {"code": "x"}, access_token=token))["errcode"] == 40029
        assert (await standin.post(PHONE, ["x"], access_token=token))["errcode"] == 47001

    async def test_the_login_answer_is_text_plain_with_a_session_key(self, standin: Standin) -> None:
        query = {**self.APP, "grant_type": "authorization_code", "js_code": "standin:o-1"}
        async with standin.http.get(standin.url + LOGIN, params=query) as answer:
            assert answer.content_type == "text/plain"
            assert set(await answer.json(content_type=None)) == {"session_key", "openid", "unionid"}

    async def test_the_page_says_that_it_is_not_wechat(self, standin: Standin) -> None:
        async with standin.http.get(standin.url) as answer:
            page = await answer.text()
        assert "微信替身" in page
        assert "仅供演示与测试，不是微信" in page
