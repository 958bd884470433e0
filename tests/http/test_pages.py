"""/console/ and /m/: the built files and nothing else, with headers that keep the pages to themselves."""

from __future__ import annotations

import gzip
import re
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from backend import clients
from tests.conftest import Running

INDEX = "<!doctype html><title>联户</title>" + " " * 2000
SCRIPT = "let a = 1;\n" * 500
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
SCRIPT_PATH = "assets/index-B1a2_c3d.js"
ADDRESSES = ("console", "m")


def write_build(folder: Path) -> None:
    for name, text in (
        ("index.html", INDEX), (SCRIPT_PATH, SCRIPT), ("assets/index-AAAABBBB.css", "a{}"), ("static/logo.svg", "<svg/>"),
        ("assets/font-AAAABBBB.woff2", "font"), (".built", "stamp"), ("static/.hidden.js", "no"), ("notes.txt", "no"),
        ("assets/index-B1a2_c3d.js.map", "no"), ("assets/odd name-12345678.js", "no"),
    ):  # fmt: skip
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for name in ("index.html", SCRIPT_PATH):
        file = folder / name
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both clients as a build leaves them, with files beside them that nobody may get."""
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setattr(clients, "BUILT", MappingProxyType({name: tmp_path / name for name in ADDRESSES}))
    for folder in clients.BUILT.values():
        write_build(folder)
    return tmp_path


@pytest.fixture
async def browser(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that does not ask for packed files unless a test says so."""
    headers = {"Accept-Encoding": "identity"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as browser:
        yield browser


def assert_safe(answer: httpx.Response) -> None:
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("name", ADDRESSES)
class TestServed:
    async def test_the_page_is_asked_for_anew_each_time(
        self, browser: httpx.AsyncClient, built: Path, name: str
    ) -> None:
        for path in (f"/{name}/", f"/{name}/index.html"):
            answer = await browser.get(path)
            assert (answer.status_code, answer.text) == (200, INDEX)
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert answer.headers["Cache-Control"] == "no-cache"
            assert_safe(answer)

    async def test_the_address_without_a_slash_leads_to_the_one_with(
        self, browser: httpx.AsyncClient, built: Path, name: str
    ) -> None:
        answer = await browser.get(f"/{name}")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/{name}/")
        assert_safe(answer)

    @pytest.mark.parametrize(
        ("path", "kind", "kept"),
        [
            (SCRIPT_PATH, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
            ("assets/index-AAAABBBB.css", "text/css; charset=utf-8", "public, max-age=31536000, immutable"),
            ("assets/font-AAAABBBB.woff2", "font/woff2", "public, max-age=31536000, immutable"),
            ("static/logo.svg", "image/svg+xml", "no-cache"),
        ],
    )
    async def test_files_have_their_type_and_names_with_a_hash_are_kept(
        self, browser: httpx.AsyncClient, built: Path, name: str, path: str, kind: str, kept: str
    ) -> None:
        answer = await browser.get(f"/{name}/{path}")
        assert (answer.status_code, answer.content) == (200, (built / name / path).read_bytes())
        assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (kind, kept)
        assert_safe(answer)

    async def test_what_is_known_is_not_sent_again(self, browser: httpx.AsyncClient, built: Path, name: str) -> None:
        first = await browser.get(f"/{name}/")
        tag = first.headers["ETag"]
        assert re.fullmatch('"[0-9a-f]{32}"', tag)
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await browser.get(f"/{name}/", headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
            assert again.headers["Cache-Control"] == "no-cache"
            assert_safe(again)
        (built / name / "index.html").write_text(INDEX + "newer", encoding="utf-8")
        newer = await browser.get(f"/{name}/", headers={"If-None-Match": tag})
        assert (newer.status_code, newer.text) == (200, INDEX + "newer")
        assert newer.headers["ETag"] != tag

    async def test_what_is_packed_is_sent_so_to_whoever_takes_it(
        self, browser: httpx.AsyncClient, built: Path, name: str
    ) -> None:
        plain = await browser.get(f"/{name}/{SCRIPT_PATH}")
        assert "Content-Encoding" not in plain.headers and plain.headers["Vary"] == "Accept-Encoding"
        for takes in ("gzip", "br, GZIP;q=0.5", "deflate, gzip, br, zstd"):
            packed = await browser.get(f"/{name}/{SCRIPT_PATH}", headers={"Accept-Encoding": takes})
            assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
            assert packed.num_bytes_downloaded < len(SCRIPT) / 5
            assert packed.text == SCRIPT  # the client has unpacked it
            assert packed.headers["ETag"] != plain.headers["ETag"], "a cache must not mix the two up"
            known = {"Accept-Encoding": takes, "If-None-Match": packed.headers["ETag"]}
            assert (await browser.get(f"/{name}/{SCRIPT_PATH}", headers=known)).status_code == 304
        for takes in ("", "br", "gzip;q=0", "gzip; q=0.000", "*"):
            answer = await browser.get(f"/{name}/{SCRIPT_PATH}", headers={"Accept-Encoding": takes})
            assert "Content-Encoding" not in answer.headers and answer.text == SCRIPT

    @pytest.mark.parametrize(
        "spoilt",
        [gzip.compress(b"of an older build"), b"no gzip", b"", gzip.compress(b"x")[:-4]],
        ids=["older", "no-gzip", "empty", "cut"],  # without the time that gzip writes into its header
    )
    async def test_a_packed_file_that_is_not_of_this_one_is_left_alone(
        self, browser: httpx.AsyncClient, built: Path, name: str, spoilt: bytes
    ) -> None:
        (built / name / f"{SCRIPT_PATH}.gz").write_bytes(spoilt)
        answer = await browser.get(f"/{name}/{SCRIPT_PATH}", headers={"Accept-Encoding": "gzip"})
        assert (answer.status_code, answer.text) == (200, SCRIPT)
        assert "Content-Encoding" not in answer.headers

    async def test_nothing_else_is_there(self, browser: httpx.AsyncClient, built: Path, name: str) -> None:
        (built / name / "assets" / "link-12345678.js").symlink_to(built / "secret.js")
        for path in (
            "notes.txt", ".built", "static/.hidden.js", "index.html.gz", f"{SCRIPT_PATH}.gz", f"{SCRIPT_PATH}.map",
            "assets/odd%20name-12345678.js", "assets/link-12345678.js", "assets/gone-12345678.js", "assets", "assets/",
            "assets/index-B1a2_c3d.js/", "index.html/x.js", "a" * 5000 + ".js", "a/" * 500 + "a.js", "%00.js", "x.js%00", "//index.html",
        ):  # fmt: skip
            answer = await browser.get(f"/{name}/{path}")
            assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json"), path
            assert answer.json()["code"] == "request.not_found", path

    async def test_only_reading_is_answered(self, browser: httpx.AsyncClient, built: Path, name: str) -> None:
        assert (await browser.post(f"/{name}/")).status_code == 405
        assert (await browser.delete(f"/{name}/{SCRIPT_PATH}")).status_code == 405

    async def test_where_nothing_is_built_the_answer_says_so(
        self, browser: httpx.AsyncClient, built: Path, name: str
    ) -> None:
        (built / name / "index.html").unlink()
        for path in (f"/{name}/", f"/{name}/{SCRIPT_PATH}", f"/{name}/any/view"):
            answer = await browser.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "pages.not_built")
            assert "make clients" in answer.json()["detail"]


class TestViews:
    @pytest.mark.parametrize("path", ["coverage", "households/5b0e4a52", "wall?period=2026-11"])
    async def test_a_view_of_the_console_opens_by_its_address(
        self, browser: httpx.AsyncClient, built: Path, path: str
    ) -> None:
        answer = await browser.get(f"/console/{path}")
        assert (answer.status_code, answer.text, answer.headers["Cache-Control"]) == (200, INDEX, "no-cache")
        assert_safe(answer)

    async def test_the_phone_has_no_views_in_its_address(self, browser: httpx.AsyncClient, built: Path) -> None:
        assert (await browser.get("/m/coverage")).status_code == 404


ATTEMPTS = (
    "../secret.js", "assets/../../secret.js", "..%2fsecret.js", "%2e%2e/secret.js", "%2e%2e%2fsecret.js", "..\\secret.js",
    "..%5csecret.js", "....//secret.js", "%252e%252e/secret.js", "assets/..;/../secret.js", "/etc/passwd", "%2fetc%2fpasswd",
    "./../secret.js", "..", "../", ".", "%c0%ae%c0%ae/secret.js", "assets/%2e%2e/%2e%2e/%2e%2e/pyproject.toml",
)  # fmt: skip


def ask(url: str, path: str) -> bytes:
    """Send a path as it is; every client library would tidy it up first."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: lianhu\r\nConnection: close\r\n\r\n".encode("latin-1"))
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


async def test_no_path_leads_out_of_the_folder(serve: Callable[..., Running]) -> None:
    """Against a real server on what is really built, or is not: nothing beside it is ever sent."""
    running = serve()
    for name in ADDRESSES:
        for attempt in ATTEMPTS:
            head, _, body = ask(running.url, f"/{name}/{attempt}").partition(b"\r\n\r\n")
            status = int(head.split()[1])
            assert status in (200, 301, 302, 400, 404), (attempt, status)
            assert b"root:" not in body and b"[project]" not in body and b"secret" not in body.split(b'"request_id"')[0]
            if status == 200:
                assert body == (clients.BUILT["console"] / "index.html").read_bytes(), attempt


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_no_path_finds_what_lies_beside(app: Any, built: Path, attempt: str) -> None:
    """The same with files beside the folder that would be worth having, through the application itself."""
    for name in ADDRESSES:
        path = f"/{name}/{attempt}".encode("latin-1")
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path.decode(), "raw_path": path, "query_string": b"", "headers": [(b"host", b"test")], "root_path": "",
            "server": ("test", 80), "client": ("10.0.0.1", 1),
        }  # fmt: skip
        await app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent)
        status = next(message["status"] for message in sent if "status" in message)
        assert status in (302, 400, 404) or body == INDEX.encode(), attempt
        assert body != b"secret"
