"""What a broken or hostile client sends: always a problem in JSON with a code, and the server stays usable."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Running, cloned, start_server
from tests.faults.phones import visit_of
from tests.world import World

URL = "/api/v1/visits"


@pytest.fixture(scope="module")
async def running(
    folder: Path, postgres_url: str, template: str, redis_url: str, standin_url: str
) -> AsyncIterator[Running]:
    async with cloned(postgres_url, template) as url:
        server = start_server(folder, url, redis_url, standin_url)
        yield server
        server.stop(9)


@pytest.fixture
def connection(running: Running) -> Iterator[http.client.HTTPConnection]:
    """One connection, kept open between requests."""
    found = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=10)
    yield found
    found.close()


def ask(connection: http.client.HTTPConnection, method: str, url: str, body: Any = None, **headers: str) -> Any:
    """One request; (status, parsed problem)."""
    connection.request(method, url, body, {**World.headers("m1"), **headers})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.headers["content-type"] == "application/problem+json", text
    problem = json.loads(text)
    assert problem["status"] == answer.status
    assert problem["code"] and problem["title"] and problem["detail"] and problem["request_id"]
    return answer.status, problem["code"]


def still_usable(connection: http.client.HTTPConnection) -> None:
    """The same connection takes the next request, without being opened again."""
    sock = connection.sock
    assert sock is not None
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (200, {"ok": True})
    assert connection.sock is sock


NESTED = b"[" * 100_000
GARBAGE = {
    "nothing": b"", "half": b'{"client_id": ', "not utf-8": b'{"note": "\xff\xfe"}', "deep": NESTED,
    "deep and closed": NESTED + b"]" * 100_000, "nan": b'{"a": NaN}', "huge number": b'{"a": ' + b"9" * 5000 + b"}",
    "lone surrogate": b'{"note": "\\ud800"}', "text": b"hello", "two": b"{} {}",
}  # fmt: skip


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("url", [URL, f"{URL}/batch", "/api/v1/households", "/api/v1/auth/password"])
def test_garbage(connection: http.client.HTTPConnection, name: str, url: str) -> None:
    headers = World.headers("s_east")
    status, code = ask(connection, "POST", url, GARBAGE[name], **headers)
    assert (status, code) in {(400, "request.malformed"), (422, "request.invalid")}
    still_usable(connection)


@pytest.mark.parametrize("value", [b"[]", b"7", b"null", b'"x"', b'{"visits": 7}', b"true"])
def test_json_of_another_shape(connection: http.client.HTTPConnection, value: bytes) -> None:
    for url in (URL, f"{URL}/batch"):
        assert ask(connection, "POST", url, value) == (422, "request.invalid")
    still_usable(connection)


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/api/v1/nothing", 404), ("GET", "/api/v2/visits", 404), ("GET", "/api/v1/households/1", 404), ("GET", "/api/v1/households/%00", 404), ("GET", "/%ff%fe", 404),
        ("GET", "/api/v1/households/../me", 404), ("DELETE", "/api/v1/visits", 405), ("PUT", "/api/v1/me", 405),
        ("PATCH", "/healthz", 405), ("GET", "/docs/../../etc/passwd", 404), ("GET", "/docs/%2e%2e%2fsettings.py", 404),
    ],
)  # fmt: skip
def test_wrong_address_or_method(connection: http.client.HTTPConnection, method: str, url: str, status: int) -> None:
    assert ask(connection, method, url)[0] == status
    still_usable(connection)


@pytest.mark.parametrize("size", [1_000_001, 3_000_000])
def test_too_large(running: Running, connection: http.client.HTTPConnection, size: int) -> None:
    """Refused by its announced length; nothing is kept of it, and others are served."""
    assert ask(connection, "POST", URL, b" " * size) == (413, "request.too_large")
    assert httpx.get(f"{running.url}/healthz").status_code == 200


def test_too_large_without_a_length(running: Running, connection: http.client.HTTPConnection) -> None:
    pieces = (b" " * 100_000 for _ in range(20))
    assert ask(connection, "POST", URL, pieces) == (413, "request.too_large")
    assert httpx.get(f"{running.url}/healthz").status_code == 200


def test_a_large_body_that_fits(running: Running) -> None:
    """500 visits with full notes, as a phone sends them after a month without signal."""
    sent = [visit_of("h1", note="字" * 200) for _ in range(500)]
    answer = httpx.post(f"{running.url}{URL}/batch", json={"visits": sent}, headers=World.headers("m1"), timeout=30)
    assert answer.status_code == 200
    assert {row["status"] for row in answer.json()["results"]} == {201}


def talk(running: Running, sent: bytes, *, close: bool = False) -> bytes:
    """Send bytes as they are and read until the server closes or is silent."""
    address = urlsplit(running.url)
    with socket.create_connection((address.hostname, address.port), timeout=3) as raw:
        raw.sendall(sent)
        if close:
            return b""
        received = b""
        try:
            while piece := raw.recv(65536):
                received += piece
        except TimeoutError:
            pass
        return received


@pytest.mark.parametrize("expected", [b"banana", b"100-continue, x"])
def test_unknown_expectation(running: Running, expected: bytes) -> None:
    """A header that cannot be met is the client's fault, not ours."""
    answer = talk(
        running, b"POST /api/v1/visits HTTP/1.1\r\nHost: x\r\nExpect: " + expected + b"\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert answer.startswith(b"HTTP/1.1 4") and b"application/problem+json" in answer


@pytest.mark.parametrize(
    "sent", [b"\r\n\r\n", b"NONSENSE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n"]
)
def test_what_is_not_http(running: Running, sent: bytes) -> None:
    answer = talk(running, sent)
    assert b" 500 " not in answer.split(b"\r\n", 1)[0]
    assert httpx.get(f"{running.url}/healthz").status_code == 200


def test_half_a_body(running: Running) -> None:
    """The connection breaks in the middle of a visit: nothing is written, the phone sends it again."""
    body = json.dumps(visit := visit_of("h2")).encode()
    head = f"POST {URL} HTTP/1.1\r\nHost: x\r\nAuthorization: {World.headers('m1')['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    talk(running, head.encode() + body[:-10], close=True)
    answer = httpx.post(f"{running.url}{URL}", json=visit, headers=World.headers("m1"))
    assert answer.status_code == 201


@pytest.mark.proof
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (f"POST {URL} HTTP/1.1\r\nHost: x\r\nContent-Le", b"408"),
        (f"POST {URL} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{", b"503"),
    ],
    ids=["half a head", "half a body"],
)
def test_silence(running: Running, sent: str, status: bytes) -> None:
    """After the time for a request the client hears why, and it is not called our error."""
    address = urlsplit(running.url)
    with socket.create_connection((address.hostname, address.port), timeout=45) as raw:
        raw.sendall(sent.encode())
        answer = raw.recv(65536)
    assert answer.split(b" ", 2)[1] == status and b"application/problem+json" in answer
