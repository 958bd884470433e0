"""Long answers travel packed to whoever reads that, and say the same."""

from __future__ import annotations

import gzip

import httpx
import pytest

from backend.http.packing import LEAST_BYTES

LONG, SHORT = "/codes", "/about"


async def asked(client: httpx.AsyncClient, path: str, accept: str) -> tuple[httpx.Headers, bytes]:
    """The answer's headers, and its body as it travelled."""
    async with client.stream("GET", path, headers={"Accept-Encoding": accept}) as answer:
        assert answer.status_code == 200
        return answer.headers, b"".join([part async for part in answer.aiter_raw()])


@pytest.mark.parametrize("accept", ["gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1", "GZIP"])
async def test_a_long_answer_is_packed(client: httpx.AsyncClient, accept: str) -> None:
    as_it_is, plain = await asked(client, LONG, "identity")
    headers, short = await asked(client, LONG, accept)
    assert len(plain) >= LEAST_BYTES, "this path has no long answer any more"
    assert headers["content-encoding"] == "gzip" and "content-encoding" not in as_it_is
    assert headers["vary"] == as_it_is["vary"] == "Accept-Encoding"
    assert len(short) < len(plain) / 2
    assert gzip.decompress(short) == plain


@pytest.mark.parametrize(
    ("path", "accept"), [(LONG, "gzip;q=0"), (LONG, "gzip; q=0.0"), (LONG, "br"), (LONG, ""), (SHORT, "gzip")]
)
async def test_nobody_else_gets_it_packed(client: httpx.AsyncClient, path: str, accept: str) -> None:
    headers, body = await asked(client, path, accept)
    assert "content-encoding" not in headers and body.startswith(b"{")
