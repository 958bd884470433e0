"""A loopback server that speaks WeChat's documented contract, for the demo, the tests and the benches.

Login codes: `standin:<openid>` any number of times, `once:<openid>:<n>` once; phone codes: `phone:<number>`.

Its own switches:
- `POST /_standin/faults` {path: "/sns/", after: 0, count: 3 | null, latency_ms, hang, http_status, errcode}: what
  requests whose path begins with `path` meet: the first `after` nothing, the next `count` (null: all) the fault.
  Faults add up; each one counts for itself.
- `POST /_standin/revoke` {stuck: bool}: the stable token is dead at once; unless stuck, a new one is there for plain
  callers, else plain mode goes on handing the dead one out and only force_refresh helps.
- `POST /_standin/clock` {advance_seconds}: the platform's clock goes ahead.
- `GET /_standin/log`: {counts: {path: n}, entries: [what arrived and what was answered, without any value sent]}.
- `POST /_standin/reset`: as freshly started.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sanic import Request, Sanic
from sanic.response import HTTPResponse, html, text
from sanic.response import json as json_response

#: The credentials of a program that was given none; production refuses them with the stand-in.
APPID, SECRET = "wx0000000000standin", "standin-secret"

TOKEN_SECONDS = 7200
TOKEN_BYTES, TOKEN_LENGTH = 96, 128
#: In its last 5 minutes a token is renewed, and then both work for 5 minutes.
OVERLAP = 300
FORCED_PER_DAY, FORCED_APART = 20, 30
LOGINS_PER_MINUTE = 100
#: Seconds that a hanging request hangs, unless the client gives up or the server ends.
NEVER = 3600

#: WeChat's own sentences for the numbers used here.
SENTENCES = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40125: "invalid appsecret",
    40163: "code been used",
    40164: "invalid ip, not in whitelist",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
}

PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>微信替身</title>
<body style="font-family:sans-serif;max-width:40em;margin:3em auto;line-height:1.8">
<h1>微信替身</h1><p><strong>仅供演示与测试，不是微信。</strong>它只在本机应答，不连接微信，也不会向任何人发送消息。</p>
<p>登录码：<code>standin:&lt;openid&gt;</code> 可反复使用；<code>once:&lt;openid&gt;:&lt;序号&gt;</code> 只能用一次。
手机号码：<code>phone:&lt;号码&gt;</code>。其余一律按无效处理。</p>
<p><a href="/_standin/log">查看收到的请求</a>（不含密钥、登录码和号码）</p></body></html>"""

Answer = dict[str, Any]


class Refusal(Exception):
    """A business error, answered with HTTP 200 as WeChat does."""

    def __init__(self, errcode: int) -> None:
        super().__init__(errcode)
        self.errcode = errcode


@dataclass
class Tokens:
    """The tokens that one endpoint has given: the current one, and for each until when it works and lives."""

    current: str = ""
    works_until: dict[str, float] = field(default_factory=dict)
    expires_at: dict[str, float] = field(default_factory=dict)

    def seconds_left(self, now: float) -> int:
        return int(self.expires_at.get(self.current, now) - now)

    def renew(self, now: float, overlap: float = OVERLAP) -> None:
        """A new current token; the one before works on for `overlap` seconds, if it lives so long."""
        self.end(now + overlap)
        self.current = secrets.token_urlsafe(TOKEN_BYTES)
        self.works_until[self.current] = self.expires_at[self.current] = now + TOKEN_SECONDS

    def end(self, at: float) -> None:
        """Let the current token stop working."""
        if self.current:
            self.works_until[self.current] = min(self.works_until[self.current], at)

    def refusal(self, token: str, now: float) -> int:
        """0 when the token works, 42001 when its time is over, 40001 when it was revoked or replaced before."""
        if now < self.works_until[token]:
            return 0
        return 42001 if now >= self.expires_at[token] else 40001


@dataclass
class Fault:
    """Trouble for requests under a path."""

    path: str = "/"
    after: int = 0
    count: int | None = None
    latency_ms: int = 0
    hang: bool = False
    http_status: int = 0
    errcode: int = 0


class Platform:
    """WeChat's side of the contract: what it remembers and what it answers."""

    def __init__(self, appid: str, secret: str) -> None:
        self._appid, self._secret = appid, secret
        self.reset()

    def reset(self) -> None:
        self.ahead = 0.0
        self.stable, self.plain = Tokens(), Tokens()
        self.forced: list[float] = []
        self.used_codes: set[str] = set()
        self.logins: defaultdict[str, deque[float]] = defaultdict(deque)
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.entries: deque[Answer] = deque(maxlen=1000)

    def now(self) -> float:
        return time.time() + self.ahead

    def meet_faults(self, path: str) -> list[Fault]:
        """The faults that this request meets; each is used up by one."""
        met = []
        for fault in self.faults:
            if not path.startswith(fault.path) or fault.count == 0:
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.count:
                fault.count -= 1
            met.append(fault)
        return met

    def revoke(self, stuck: bool) -> None:
        """Kill the stable token; when `stuck`, plain mode does not notice."""
        if stuck:
            self.stable.end(self.now())
        else:
            self.stable.renew(self.now(), overlap=0)

    # The documented endpoints.

    def jscode2session(self, query: Answer) -> Answer:
        self._check_app(query)
        if query.get("grant_type") != "authorization_code":
            raise Refusal(40002)
        code = query.get("js_code")
        if not code:
            raise Refusal(41008)
        match = re.fullmatch(r"standin:([\w-]{1,64})|once:([\w-]{1,64}):\w{1,64}", code, re.ASCII)
        if not match:
            raise Refusal(40029)
        openid = match[1] or match[2]
        recent, now = self.logins[openid], self.now()
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) >= LOGINS_PER_MINUTE:
            raise Refusal(45011)
        recent.append(now)
        if match[2]:
            if code in self.used_codes:
                raise Refusal(40163)
            self.used_codes.add(code)
        return {"session_key": secrets.token_urlsafe(16), "openid": openid, "unionid": f"union-{openid}"}

    def getuserphonenumber(self, query: Answer, body: Answer) -> Answer:
        self._check_token(query.get("access_token"))
        code = body.get("code")
        match = re.fullmatch(r"phone:([0-9]{5,15})", code, re.ASCII) if isinstance(code, str) else None
        if not match:
            raise Refusal(40029)
        phone = {"phoneNumber": match[1], "purePhoneNumber": match[1], "countryCode": "86"}
        watermark = {"timestamp": int(self.now()), "appid": self._appid}
        return {"errcode": 0, "errmsg": "ok", "phone_info": {**phone, "watermark": watermark}}

    def token(self, query: Answer) -> Answer:
        if query.get("grant_type") != "client_credential":
            raise Refusal(40002)
        self._check_app(query)
        self.plain.renew(self.now())
        return {"access_token": self.plain.current, "expires_in": TOKEN_SECONDS}

    def stable_token(self, body: Answer) -> Answer:
        if body.get("grant_type") != "client_credential":
            raise Refusal(40002)
        self._check_app(body)
        now = self.now()
        if self.stable.seconds_left(now) <= OVERLAP:
            self.stable.renew(now)
        elif body.get("force_refresh") is True:
            self.forced = [at for at in self.forced if at > now - 86400]
            # Too soon after the last one is no error: nothing is renewed and the same token comes back.
            if not self.forced or now - self.forced[-1] >= FORCED_APART:
                if len(self.forced) >= FORCED_PER_DAY:
                    raise Refusal(45009)
                self.forced.append(now)
                self.stable.renew(now)
        return {"access_token": self.stable.current, "expires_in": self.stable.seconds_left(now)}

    def _check_app(self, given: Answer) -> None:
        for name, expected, missing, wrong in (
            ("appid", self._appid, 41002, 40013),
            ("secret", self._secret, 41004, 40125),
        ):
            if not given.get(name):
                raise Refusal(missing)
            if given[name] != expected:
                raise Refusal(wrong)

    def _check_token(self, token: str | None) -> None:
        if not token:
            raise Refusal(41001)
        for tokens in (self.stable, self.plain):
            if token in tokens.works_until:
                if errcode := tokens.refusal(token, self.now()):
                    raise Refusal(errcode)
                return
        # A token of another form is malformed; one of ours from before a restart is merely not the latest.
        raise Refusal(40001 if len(token) == TOKEN_LENGTH else 40014)


async def jscode2session(request: Request) -> HTTPResponse:
    return await _meet(request, lambda: _platform(request).jscode2session(_query(request)))


async def getuserphonenumber(request: Request) -> HTTPResponse:
    return await _meet(request, lambda: _platform(request).getuserphonenumber(_query(request), _body(request)))


async def token(request: Request) -> HTTPResponse:
    return await _meet(request, lambda: _platform(request).token(_query(request)))


async def stable_token(request: Request) -> HTTPResponse:
    return await _meet(request, lambda: _platform(request).stable_token(_body(request)))


async def page(_: Request) -> HTTPResponse:
    return html(PAGE)


async def log(request: Request) -> HTTPResponse:
    platform = _platform(request)
    return json_response({"counts": dict(platform.counts), "entries": list(platform.entries)})


async def turn(request: Request, switch: str) -> HTTPResponse:
    platform, given = _platform(request), json.loads(request.body or b"{}")
    match switch:
        case "faults":
            platform.faults.append(Fault(**given))
        case "revoke":
            platform.revoke(stuck=given["stuck"])
        case "clock":
            platform.ahead += given["advance_seconds"]
        case "reset":
            platform.reset()
        case _:
            return json_response({"error": f"no switch {switch}"}, 404)
    return json_response({"done": switch})


def _platform(request: Request) -> Platform:
    platform: Platform = request.app.ctx.platform
    return platform


async def _meet(request: Request, respond: Callable[[], Answer]) -> HTTPResponse:
    """Let the request meet its faults, answer as the platform does and note what happened."""
    platform = _platform(request)
    entry: Answer = {"path": request.path, "method": request.method, "at": round(platform.now(), 3)}
    platform.counts[request.path] += 1
    platform.entries.append(entry)
    try:
        for fault in platform.meet_faults(request.path):
            await asyncio.sleep(NEVER if fault.hang else fault.latency_ms / 1000)
            if fault.http_status:
                entry["answered"] = f"HTTP {fault.http_status}"
                return text("<html>no JSON here</html>", fault.http_status)
            if fault.errcode:
                raise Refusal(fault.errcode)
        answer = respond()
    except Refusal as refusal:
        rid = "-".join(secrets.token_hex(4) for _ in range(3))
        errmsg = f"{SENTENCES.get(refusal.errcode, 'refused')}, rid: {rid}"
        answer = {"errcode": refusal.errcode, "errmsg": errmsg}
    entry["answered"] = answer.get("errcode", 0)
    kind = "text/plain" if request.path.startswith("/sns/") else "application/json; encoding=utf-8"
    return HTTPResponse(json.dumps(answer, ensure_ascii=False), content_type=kind)


def _query(request: Request) -> Answer:
    return {name: values[0] for name, values in request.args.items()}


def _body(request: Request) -> Answer:
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(47001)
    return body


def create_standin(appid: str = APPID, secret: str = SECRET) -> Sanic[Any, Any]:
    """The stand-in as an app with a memory of its own; it accepts one app id and secret."""
    app: Sanic[Any, Any] = Sanic("wechat_standin", configure_logging=False)
    app.config.update(AUTO_EXTEND=False, ACCESS_LOG=False, RESPONSE_TIMEOUT=NEVER, GRACEFUL_SHUTDOWN_TIMEOUT=0.5)
    app.ctx.platform = Platform(appid, secret)
    app.add_route(jscode2session, "/sns/jscode2session")
    app.add_route(getuserphonenumber, "/wxa/business/getuserphonenumber", methods=["POST"])
    app.add_route(token, "/cgi-bin/token")
    app.add_route(stable_token, "/cgi-bin/stable_token", methods=["POST"])
    app.add_route(page, "/")
    app.add_route(log, "/_standin/log")
    app.add_route(turn, "/_standin/<switch>", methods=["POST"])
    return app


def serve(port: int, appid: str = APPID, secret: str = SECRET) -> None:
    """Serve on 127.0.0.1 until SIGTERM or Ctrl-C. In one process: the memory is the platform's."""
    create_standin(appid, secret).run("127.0.0.1", port, single_process=True, access_log=False, motd=False)
