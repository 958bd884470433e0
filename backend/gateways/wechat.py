"""The WeChat platform as this program uses it: who signs in, which phone number, and the token that calls need."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import aiohttp
import structlog

from backend.gateways.cache import Cache

log = structlog.get_logger(__name__)

#: A token is replaced this long before its end: the platform renews within the last 5 minutes, not earlier,
#: and lets the old and the new one both work for those 5 minutes.
RENEW_BEFORE = timedelta(minutes=4)
#: force_refresh may be used 20 times a day and does nothing within 30 s of the last; we stay well away from both.
FORCE_EVERY = timedelta(minutes=1)
#: Seconds for which a process trusts its own copy before it looks at the shared one again (official advice).
TRUST_OWN_COPY = 60
#: Seconds between two looks while another process renews.
LOOK_AGAIN = 0.05
#: Codes of wx.login and getPhoneNumber are short ASCII; anything else is not worth a call.
LONGEST_CODE = 512
LONG_AGO = datetime.min.replace(tzinfo=UTC)
#: What an API answers to a token that is wrong or replaced, malformed, expired.
TOKEN_REJECTED = frozenset({40001, 40014, 42001})


class WeChatError(Exception):
    """WeChat did not do what was asked; as itself, for a reason that ERRCODES does not know.

    `errcode` is WeChat's number, None when it gave none. The text holds that number and WeChat's request id, and
    never an address, secret, token, code, openid or WeChat's own sentence, which may repeat any of them.
    """

    def __init__(self, reason: str, errcode: int | None = None) -> None:
        super().__init__(reason)
        self.errcode = errcode


class CodeInvalid(WeChatError):
    """The code is wrong, too old or used: the phone has to fetch a new one."""


class UserBlocked(WeChatError):
    """WeChat holds this user for high-risk and refuses to sign them in."""


class TooFrequent(WeChatError):
    """A quota of a minute or of a day is used up."""


class Misconfigured(WeChatError):
    """Our app id, secret, address or account is not accepted: only the operator can help."""


class Unavailable(WeChatError):
    """WeChat is busy, broken, slow or out of reach: trying later may help."""


#: The errcodes of the called endpoints with a meaning for us, from the tables of the official pages.
ERRCODES: Mapping[int, type[WeChatError]] = {
    -1: Unavailable,  # system busy
    40001: Misconfigured,  # wrong secret (token endpoint)
    40002: Misconfigured,  # wrong grant_type
    40013: Misconfigured,  # wrong app id
    40029: CodeInvalid,  # wrong or expired code
    40125: Misconfigured,  # wrong secret
    40163: CodeInvalid,  # code was used
    40164: Misconfigured,  # our address is not in the allow-list
    40226: UserBlocked,
    40243: Misconfigured,  # secret is frozen
    41002: Misconfigured,  # app id is missing
    41004: Misconfigured,  # secret is missing
    45009: TooFrequent,  # quota of the day
    45011: TooFrequent,  # quota of the minute
    50004: Misconfigured,  # endpoint is not open to the account
    50007: Misconfigured,  # account is frozen
    89503: Misconfigured,  # an administrator has to confirm the address
    89506: Misconfigured,  # an administrator refused the address
    89507: Misconfigured,  # an administrator refused the address for an hour
}


@dataclass(frozen=True)
class WeChatLogin:
    """Who signs in. `unionid` is there only when the mini-program is bound to an Open Platform account."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)


class TokenRow(Protocol):
    """The shared token of one app. A new row has an empty token, any `expires_at` and no `forced_at`."""

    token: str
    expires_at: datetime
    forced_at: datetime | None


class TokenRows(Protocol):
    """The database's place for tokens, used while Redis is gone."""

    def exclusive(self, appid: str) -> AbstractAsyncContextManager[TokenRow]:
        """The app's row, made if need be, locked against all processes for the block.

        What the block changed is saved when it ends without an exception. A transaction of its own: a lock that
        lives on to the end of a request would hold up every other process.
        """


@dataclass
class _Copy:
    """The shared token as it lies in Redis."""

    token: str = field(default="", repr=False)
    expires_at: datetime = LONG_AGO
    forced_at: datetime | None = None

    @classmethod
    def parse(cls, text: str | None) -> _Copy:
        """What another process (perhaps of another version, then it counts as nothing) put there."""
        try:
            token, expires_at, forced_at = json.loads(text or "")
            forced = datetime.fromisoformat(forced_at) if forced_at else None
            return cls(token, datetime.fromisoformat(expires_at), forced)
        except (ValueError, TypeError):
            return cls()

    def __str__(self) -> str:
        return json.dumps([self.token, self.expires_at.isoformat(), self.forced_at and self.forced_at.isoformat()])


class WeChat:
    """One mini-program's door to WeChat; one for each process, with an aiohttp session that the caller closes.

    Every method raises a WeChatError, and nothing else, when WeChat does not answer as it should within `timeout`
    seconds, renewing the token included (`sign_in_timeout` for code2session, which somebody is waiting for).

    The token lives in Redis under a lock, and in TokenRows while Redis is gone: one task of one process renews it,
    all others take what it brought.
    """

    def __init__(
        self,
        appid: str,
        secret: str,
        base: str,
        http: aiohttp.ClientSession,
        cache: Cache,
        rows: TokenRows,
        *,
        timeout: float = 8.0,
        sign_in_timeout: float = 4.0,
    ) -> None:
        self._appid = appid
        self._secret = secret
        self._base = base
        self._http = http
        self._cache = cache
        self._rows = rows
        self._timeout = timeout
        self._sign_in_timeout = sign_in_timeout
        self._shared_key = f"wechat:{appid}:token"
        self._own_token = ""
        self._own_until = 0.0
        self._renewing = asyncio.Lock()

    async def code2session(self, js_code: str) -> WeChatLogin:
        """Who is behind a code of wx.login (5 minutes, one use). The session key is dropped: nothing here needs it."""
        _check_code(js_code)
        query = {"appid": self._appid, "secret": self._secret, "js_code": js_code, "grant_type": "authorization_code"}
        answer = await self._ask("GET", "/sns/jscode2session", self._sign_in_timeout, query=query)
        _check(answer)
        openid = answer.get("openid")
        if not isinstance(openid, str) or not openid:
            raise Unavailable("a login answer without openid")
        return WeChatLogin(openid, answer.get("unionid") or None)

    async def phone_number(self, code: str) -> str:
        """The number behind a code of getPhoneNumber (5 minutes, one use): 11 digits, or `+<country><number>`."""
        _check_code(code)
        answer = await self._call("/wxa/business/getuserphonenumber", {"code": code})
        match answer.get("phone_info"):
            case {"purePhoneNumber": str(number), "countryCode": "86" | 86} if number:
                return number
            case {"purePhoneNumber": str(number), "countryCode": str() | int() as country} if number:
                return f"+{country}{number}"
        raise Unavailable("a phone answer without number")

    async def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST with the token; when the token is rejected, renew once and retry once."""
        rejected = None
        deadline = time.monotonic() + self._timeout
        for _ in range(2):
            token = await self._token(rejected, deadline)
            seconds = deadline - time.monotonic()
            answer = await self._ask("POST", path, seconds, query={"access_token": token}, body=body)
            if answer["errcode"] not in TOKEN_REJECTED:
                _check(answer)
                return answer
            rejected = token
        raise Unavailable(f"errcode {answer['errcode']} for a renewed token too", answer["errcode"])

    async def _token(self, rejected: str | None, deadline: float) -> str:
        """The token to use now, never `rejected`, the one that WeChat has just refused."""
        if self._own_token not in ("", rejected) and time.monotonic() < self._own_until:
            return self._own_token
        try:
            async with asyncio.timeout(deadline - time.monotonic()), self._renewing:
                # Somebody may have renewed while this task waited its turn.
                if self._own_token in ("", rejected) or time.monotonic() >= self._own_until:
                    shared = await self._shared_token(rejected, deadline)
                    self._own_token, self._own_until = shared.token, time.monotonic() + TRUST_OWN_COPY
                return self._own_token
        except TimeoutError:
            pass
        raise Unavailable("no token in time")

    async def _shared_token(self, rejected: str | None, deadline: float) -> TokenRow:
        """The token of all processes, renewed by whoever gets the lock first."""
        while time.monotonic() < deadline:
            copy = _Copy.parse(await self._cache.get(self._shared_key))
            if _usable(copy, rejected):
                return copy
            async with self._cache.lock(f"{self._shared_key}:lock", int(self._timeout) + 2) as held:
                if held is None:
                    return await self._token_from_row(rejected)
                if held:
                    copy = _Copy.parse(await self._cache.get(self._shared_key))
                    failure = await self._renew(copy, rejected)
                    await self._cache.set(self._shared_key, str(copy), 7200)
                    if failure:
                        raise failure
                    return copy
            await asyncio.sleep(LOOK_AGAIN)
        raise Unavailable("no token in time")

    async def _token_from_row(self, rejected: str | None) -> TokenRow:
        async with self._rows.exclusive(self._appid) as row:
            failure = await self._renew(row, rejected)
        if failure:
            raise failure
        return row

    async def _renew(self, place: TokenRow, rejected: str | None) -> WeChatError | None:
        """Bring the locked place up to date, unless somebody already has.

        A failure is returned, not raised, so that the place is saved with what was tried.
        """
        if _usable(place, rejected):
            return None
        now = datetime.now(UTC)
        forced_lately = place.forced_at is not None and now - place.forced_at < FORCE_EVERY
        try:
            if not (forced_lately and place.token == rejected):
                await self._fetch_token(place)
                if place.token == rejected and not forced_lately:
                    # Plain mode hands a revoked token out until its time is over; only force replaces it.
                    place.forced_at = now
                    await self._fetch_token(place, force=True)
        except WeChatError as failure:
            return failure
        if place.token == rejected:
            return Unavailable("WeChat rejects the token that it gives", 40001)
        log.info("wechat.token_renewed", forced=place.forced_at == now)
        return None

    async def _fetch_token(self, place: TokenRow, *, force: bool = False) -> None:
        body = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret, "force_refresh": force}
        # Half the time, so that a plain and a forced call both end before the caller's limit cuts the saving off.
        answer = await self._ask("POST", "/cgi-bin/stable_token", self._timeout / 2, body=body)
        _check(answer)
        match answer:
            case {"access_token": str(token), "expires_in": int(seconds)} if token:
                place.token = token
                place.expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
            case _:
                raise Unavailable("a token answer without token")

    async def _ask(
        self,
        method: str,
        path: str,
        seconds: float,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """One exchange: WeChat's answer with an int `errcode`, 0 for success. Raises Unavailable."""
        try:
            async with self._http.request(
                method,
                self._base + path,
                params=query,
                # Some endpoints do not understand escaped characters, so the JSON is plain UTF-8.
                data=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
                headers=None if body is None else {"Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=max(seconds, 0.001)),
                allow_redirects=False,
            ) as response:
                raw, trouble = await response.read(), "" if response.status == 200 else f"HTTP {response.status}"
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raw, trouble = b"", type(error).__name__
        # Raised here and not in the except block: the error above shows the address, which holds secret and code,
        # and would be kept as __context__ even of an exception raised `from None`.
        if trouble:
            raise Unavailable(trouble)
        answer = _parse(raw)
        if answer is None:
            raise Unavailable("an answer that is not WeChat's JSON")
        return answer


def _usable(place: TokenRow, rejected: str | None) -> bool:
    return place.token not in ("", rejected) and place.expires_at - datetime.now(UTC) > RENEW_BEFORE


def _check_code(code: str) -> None:
    if not code or len(code) > LONGEST_CODE or not code.isascii():
        raise CodeInvalid("not the form of a code", 40029)


def _parse(raw: bytes) -> dict[str, Any] | None:
    """The JSON object whatever its content type says (the login answer is text/plain), or None."""
    try:
        answer = json.loads(raw.decode("utf-8", "ignore"), strict=False)
        return {**answer, "errcode": int(answer.get("errcode", 0))}
    except (ValueError, TypeError, AttributeError):
        return None


def _check(answer: Mapping[str, Any]) -> None:
    """Raise what the errcode means, with the request id that WeChat's support asks for."""
    errcode = answer["errcode"]
    if errcode == 0:
        return
    meaning = ERRCODES.get(errcode, WeChatError)
    rid = re.search(r"rid: ([0-9a-f-]{1,64})", str(answer.get("errmsg")))
    reason = f"errcode {errcode}" + (f", rid {rid[1]}" if rid else "")
    if meaning is Misconfigured:
        log.error("wechat.misconfigured", reason=reason)
    raise meaning(reason, errcode)
