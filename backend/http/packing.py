"""Packing what is sent, for whoever says that they can unpack it."""

from __future__ import annotations

import re
import zlib

from sanic import Request

#: Below this an answer travels in a few packets anyway.
LEAST_BYTES = 4096
_GZIP = 31  # as zlib calls gzip with its largest window


def takes_gzip(request: Request) -> bool:
    """Whether the caller says that it reads gzip (RFC 9110, 12.5.3)."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return False


def packed(body: bytes) -> bytes:
    """The body in gzip, at the quickest level: a township's figures take two milliseconds and a tenth of their size."""
    return zlib.compress(body, 1, _GZIP)
