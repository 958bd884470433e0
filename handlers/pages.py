"""The built clients: the console under /console/, and under /m/ the H5 that stands in for the mini-program."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sanic import HTTPResponse, Request
from sanic.response import raw, redirect

from backend import clients, problems
from backend.http.endpoint import problem_response, request_id_of
from backend.http.packing import takes_gzip
from handlers.metrics import outside as outside

#: Plain names only: no dot in front, nothing percent-encoded, so a path never leaves its folder; no longer than any.
_PATH = re.compile(r"(?=.{1,200}\Z)(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
#: What a build may hold for a browser; anything else is not there.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}
_SAFE = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_INDEX = "index.html"
#: Names in this folder carry a hash of what they hold, so a name never changes its content.
_HASHED = "assets"


@dataclass(frozen=True)
class _File:
    """A file as it is sent; `packed` is the same in gzip where the build made it."""

    body: bytes
    packed: bytes | None
    hash: str


def _add(name: str) -> None:
    async def page(request: Request, path: str = "") -> HTTPResponse:
        return _answer(request, name, path)

    for number, uri in enumerate((f"/{name}/", f"/{name}/<path:path>")):
        outside.add_route(page, uri, methods=("GET", "HEAD"), name=f"pages_{name}_{number}")


for _name in clients.BUILT:
    _add(_name)


def _answer(request: Request, name: str, path: str) -> HTTPResponse:
    if request.path == f"/{name}":
        return redirect(f"/{name}/", headers=_SAFE)  # the pages name their files relative to the folder
    if not clients.is_built(name):
        return problem_response(problems.PagesNotBuilt(), request_id_of(request))
    path = path or _INDEX
    file = _find(clients.BUILT[name], path)
    if file is None and name == "console" and "." not in path and not _is_hashed(path):
        path = _INDEX  # a view of the console, which finds its way by the address
        file = _find(clients.BUILT[name], path)
    if file is None:
        return problem_response(problems.NotFound(), request_id_of(request))
    return _send(request, file, path)


def _send(request: Request, file: _File, path: str) -> HTTPResponse:
    packed = file.packed if takes_gzip(request) else None
    tag = f'"{file.hash}{"-gzip" if packed else ""}"'
    headers = _SAFE | {
        "Cache-Control": "public, max-age=31536000, immutable" if _is_hashed(path) else "no-cache",
        "ETag": tag,
    }
    if file.packed:
        headers["Vary"] = "Accept-Encoding"
    if _has(request.headers.get("if-none-match", ""), tag):
        return raw(b"", status=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return raw(packed or file.body, headers=headers, content_type=_TYPES[Path(path).suffix])


def _is_hashed(path: str) -> bool:
    return path.partition("/")[0] == _HASHED


def _find(folder: Path, path: str) -> _File | None:
    if _PATH.match(path) is None or Path(path).suffix not in _TYPES:
        return None
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        return None
    return _read(file, _state(file), _state(_packed(file)))


@lru_cache(maxsize=256)
def _read(file: Path, state: tuple[int, int] | None, packed_state: tuple[int, int] | None) -> _File:
    """The file in this state; a new build gives it another one."""
    body = file.read_bytes()
    packed = _packed(file).read_bytes() if packed_state and _holds(_packed(file), body) else None
    return _File(body, packed, hashlib.sha256(body).hexdigest()[:32])


def _holds(packed: Path, body: bytes) -> bool:
    """Whether the packed file is of this one, and not left from an older build or cut short."""
    try:
        return gzip.decompress(packed.read_bytes()) == body
    except (OSError, EOFError, zlib.error):
        return False


def _packed(file: Path) -> Path:
    return file.with_name(f"{file.name}.gz")


def _state(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _has(header: str, tag: str) -> bool:
    """Whether If-None-Match names the tag; weak ones count, as proxies weaken what they pack."""
    return header.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in header.split(","))
