"""The wrapper around every handler: who asks, may they, the body, one transaction, the answer after commit."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, unquote
from uuid import UUID, uuid4

import orjson
from marshmallow import Schema, ValidationError
from sanic import HTTPResponse, Request
from sanic.exceptions import SanicException
from sanic.http import Http
from sanic.response import raw

from backend import problems
from backend.crypto import token_hash
from backend.http.failures import problem_of
from backend.http.packing import LEAST_BYTES, packed, takes_gzip
from backend.http.quick import quick_dump, quick_load, to_json
from backend.http.viewer import Caller, Viewer, viewer_of
from backend.permissions import Verb
from backend.settings import CHINA
from models import accounts, database
from schemas.fields import Wire, path_messages

#: Who may call: anybody, anybody with a look at the session if a valid one comes along (`open`), a session that is not
#: yet bound, any bound session, or the holders of a verb.
May = Literal["anybody", "open", "identity", "signed_in"] | Verb
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
_JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """What a handler gives back: data for the answer schema (or ready bytes) and the status."""

    data: Any
    status: int = 200


@dataclass(frozen=True)
class Download:
    """A file as the answer; the browser keeps it under this name and shows nothing of it itself."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Spec:
    """What the decorator knows; the OpenAPI document is made from it, so it cannot drift from what is loaded and dumped."""

    may: May
    summary: str
    description: str
    body: Schema | None
    query: Schema | None
    answer: Schema | None
    statuses: tuple[int, ...]
    problems: tuple[type[problems.Problem], ...]
    tx: Literal["write", "read", "statement"]
    versioned: bool
    upload: int | None
    download: str | None
    prepare: Callable[..., Awaitable[Any]] | None = field(repr=False)
    handler: Callable[..., Awaitable[Any]] = field(repr=False)


def endpoint(
    *,
    may: May,
    body: type[Wire] | None = None,
    query: type[Wire] | None = None,
    answer: type[Wire] | None = None,
    statuses: tuple[int, ...] = (200,),
    raises: tuple[type[problems.Problem], ...] = (),
    tx: Literal["write", "read", "statement"] = "read",
    versioned: bool = False,
    upload: int | None = None,
    download: str | None = None,
    prepare: Callable[..., Awaitable[Any]] | None = None,
) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[HTTPResponse]]]:
    """Make a handler of a function `(viewer, *, body, query, version, **path) -> Answer | data | Problem`.

    `may` is required, so a route that forgets it fails at import. `tx="write"` runs the call in one transaction:
    raising rolls it back, returning (also returning a Problem) commits it. `tx="statement"` opens none and looks
    nobody up: the service does both, and asks for the verb (`may` only documents it there). `versioned` requires `If-Match: "<version>"`.
    `upload` takes a file of so many bytes at most instead of JSON, as `content`, with its `name`; its route is declared with
    `stream=True`, because only so it is refused before it is in memory. `download` is the media type of a file that the
    handler gives back as a Download.
    `prepare(request, body)` asks the outside world before the transaction opens, so that a slow WeChat holds no
    connection; its result is passed as `prepared`.
    """

    def decorate(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[HTTPResponse]]:
        summary, _, description = (handler.__doc__ or "").strip().partition("\n")
        spec = Spec(
            may, summary, re.sub(r"\n\s+", "\n", description).strip(), body() if body else None, query() if query else None,
            answer() if answer else None, statuses, raises, tx, versioned, upload, download, prepare,
            handler,
        )  # fmt: skip
        call = _Call(spec)

        @functools.wraps(handler)
        async def route(request: Request, **path: str) -> HTTPResponse:
            response = await call(request, path)
            if request.app.ctx.stopping and isinstance(request.stream, Http):
                request.stream.keep_alive = False
            return response

        route.spec = spec  # type: ignore[attr-defined]
        return route

    return decorate


class _Call:
    """One endpoint, ready to be called."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.load = quick_load(spec.body) if spec.body else None
        self.dump = quick_dump(spec.answer) if spec.answer else None

    async def __call__(self, request: Request, path: dict[str, str]) -> HTTPResponse:
        request_id = request_id_of(request)
        try:
            answer = await self._answer(request, path, request_id)
        except problems.Problem as problem:
            return problem_response(problem, request_id)
        except Exception as error:
            return problem_response(translated(error, request_id), request_id)
        if isinstance(answer, problems.Problem):
            return problem_response(answer, request_id)
        return self._response(request, answer)

    async def _answer(self, request: Request, path: dict[str, str], request_id: str) -> Any:
        now = request.app.ctx.clock()
        arguments: dict[str, Any] = {name: _path_value(name, value) for name, value in path.items()}
        token = _bearer(request)
        if self.spec.tx == "statement":
            if token is None:
                raise problems.SessionMissing()
            self._read(request, arguments)
            return await self.spec.handler(Caller(token_hash(token), now, request_id), request, **arguments)
        if self.spec.tx == "read":
            viewer = await self._viewer(token, now, request_id)
            self._read(request, arguments)
            return await self.spec.handler(viewer, request, **arguments)
        if self.spec.upload is not None:  # who may send is known before anything is taken
            await self._viewer(token, now, request_id)
            arguments["name"] = _file_name(request)
            arguments["content"] = await _content(request, self.spec.upload)
        if self.spec.prepare is not None:
            self._read(request, arguments)
            arguments["prepared"] = await self.spec.prepare(request, arguments["body"])
        async with database.transaction():
            viewer = await self._viewer(token, now, request_id)
            if self.spec.prepare is None:
                self._read(request, arguments)
            return await self.spec.handler(viewer, request, **arguments)

    async def _viewer(self, token: str | None, now: datetime, request_id: str) -> Viewer | None:
        if self.spec.may == "anybody":
            return None
        today = now.astimezone(CHINA).date()
        row = token and await accounts.find_viewer(token_hash(token), today)
        if not row:
            if self.spec.may == "open":
                return None
            raise problems.SessionMissing()
        viewer = viewer_of(row, now, today, request_id)
        if viewer.account_id is None and self.spec.may not in ("identity", "open"):
            raise problems.NotBound()
        if isinstance(self.spec.may, Verb) and self.spec.may not in viewer.verbs:
            raise problems.Denied()
        return viewer

    def _read(self, request: Request, arguments: dict[str, Any]) -> None:
        """Load what was sent, after it is known who sends it."""
        if self.load is not None:
            try:
                sent = orjson.loads(request.body)
            except orjson.JSONDecodeError:
                raise problems.Malformed() from None
            arguments["body"] = _loaded(self.load, sent)
        if self.spec.query is not None:
            arguments["query"] = _loaded(self.spec.query.load, {name: request.args.get(name) for name in request.args})
        if self.spec.versioned:
            arguments["version"] = _version(request)

    def _response(self, request: Request, answer: Any) -> HTTPResponse:
        if not isinstance(answer, Answer):
            answer = Answer(answer)
        if answer.status == 204:
            return raw(b"", status=204)
        data = answer.data
        if isinstance(data, Download):
            assert self.spec.download is not None
            headers = {
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(data.name, safe='')}",
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            }
            return raw(data.content, status=answer.status, headers=headers, content_type=self.spec.download)
        if not isinstance(data, bytes):
            data = to_json(self.dump(data) if self.dump else data)
        if len(data) < LEAST_BYTES:
            return raw(data, status=answer.status, content_type=_JSON)
        # A list for a phone with one bar of signal, the figures for an office at the end of a long line.
        headers = {"Vary": "Accept-Encoding"}
        if takes_gzip(request):
            headers["Content-Encoding"] = "gzip"
            data = packed(data)
        return raw(data, status=answer.status, headers=headers, content_type=_JSON)


def request_id_of(request: Request) -> str:
    """The id under which a request is found again: the caller's if it is plain, else a new one."""
    found: str | None = getattr(request.ctx, "request_id", None)
    if found is None:
        sent = request.headers.get("x-request-id", "")
        found = request.ctx.request_id = sent if _REQUEST_ID.match(sent) else uuid4().hex
    return found


def problem_response(problem: problems.Problem, request_id: str) -> HTTPResponse:
    """A problem as the answer."""
    headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after is not None else {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = orjson.dumps(problem.body(request_id), option=orjson.OPT_NON_STR_KEYS)
    return raw(body, status=problem.status, headers=headers, content_type="application/problem+json")


def translated(error: Exception, request_id: str) -> problems.Problem:
    """An error as a problem: what Sanic itself refuses, and everything else by `failures`."""
    if isinstance(error, SanicException):
        known = {
            404: problems.NotFound,
            405: problems.MethodNotAllowed,
            408: problems.Incomplete,
            413: problems.TooLarge,
        }
        problem = known.get(error.status_code)
        if problem is not None:
            return problem()
        if error.status_code < 500:
            return problems.Malformed()
        if error.status_code == 503:
            return problems.Unavailable(retry_after=2)
    return problem_of(error, request_id)


def _bearer(request: Request) -> str | None:
    header = request.headers.get("authorization", "")
    return header[7:] if header[:7] == "Bearer " and len(header) < 200 and header.isascii() else None


def _file_name(request: Request) -> str:
    """How the sender calls a file: a header, percent-encoded, because addresses are logged and a name may be a person's."""
    name = unquote(request.headers.get("x-file-name", ""), errors="replace").strip()
    if not 0 < len(name) <= 200 or not name.isprintable():
        raise problems.Invalid(errors={"X-File-Name": ["请给出文件名，最多 200 个字"]})
    return name


async def _content(request: Request, most: int) -> bytes:
    """The file that is being sent. Raises FileTooLarge as soon as that is known, and FileEmpty."""
    told = request.headers.get("content-length", "")
    too_large = problems.FileTooLarge(megabytes=most // 1_000_000)
    if told.isdigit() and int(told) > most:
        raise too_large
    stream: Any = request.stream
    parts: list[bytes] = []
    size = 0
    while part := await stream.read():
        parts.append(part)
        size += len(part)
        if size > most:
            raise too_large
    if not size:
        raise problems.FileEmpty()
    return b"".join(parts)


def _path_value(name: str, value: str) -> UUID:
    """Ids in a path are UUIDs; anything else names nothing that exists."""
    try:
        if len(value) == 36 and value == value.lower():
            return UUID(value)
    except ValueError:
        pass
    raise problems.NotFound()


def _loaded(load: Callable[[Any], Any], sent: Any) -> Any:
    try:
        return load(sent)
    except ValidationError as invalid:
        raise problems.Invalid(errors=path_messages(invalid.messages)) from None


def _version(request: Request) -> int:
    match = re.fullmatch(r'"(\d{1,9})"', request.headers.get("if-match", ""))
    if match is None:
        raise problems.VersionMissing()
    return int(match[1])
