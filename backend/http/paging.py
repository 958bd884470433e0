"""Keyset paging: a cursor names the last row that was given, so no row is skipped or shown twice."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from backend import problems


def after(cursor: str | None, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The key in a cursor, its parts read by `kinds`. Raises Invalid for a cursor that we did not make."""
    if cursor is None:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if (
            isinstance(parts, list)
            and len(parts) == len(kinds)
            and all(isinstance(part, str) and "\0" not in part for part in parts)
        ):
            return tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
    except ValueError:
        pass
    raise problems.Invalid(errors={"cursor": ["页码标记不对，请从第一页重新开始"]})


def serial(text: str) -> int:
    """A number that the database counted, as a part of a cursor. Raises ValueError."""
    if not text.isdigit() or len(text) > 18:  # what PostgreSQL can hold
        raise ValueError
    return int(text)


def page(rows: Sequence[Any], limit: int, key: Callable[[Any], tuple[Any, ...]]) -> dict[str, Any]:
    """`{items, next}` from one row more than the limit."""
    items = list(rows[:limit])
    if len(rows) <= limit:
        return {"items": items, "next": None}
    parts = orjson.dumps([str(part) for part in key(items[-1])])
    return {"items": items, "next": base64.urlsafe_b64encode(parts).decode().rstrip("=")}
