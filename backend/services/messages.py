"""Messages: writing one beside what causes it, and the inbox (站内消息)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from backend import problems
from backend.http import paging
from backend.http.viewer import Viewer
from backend.rules.messages import LIFETIME, MessageKind
from backend.settings import CHINA
from models import messages

#: What a message says today, from its facts: (title, text). Read anew each time, so that names are never stored.
Telling = Callable[[Mapping[str, Any], datetime], Awaitable[tuple[str, str]]]
_tellings: Mapping[MessageKind, Telling] = {}


def install(tellings: Mapping[MessageKind, Telling]) -> None:
    """Give the table of how messages are told; the application does it once, so nothing imports rightwards."""
    global _tellings
    _tellings = tellings


async def post(
    kind: MessageKind, recipients: Sequence[UUID], occasion: str, facts: Mapping[str, Any], now: datetime
) -> None:
    """Write a message to accounts in the current transaction; the same occasion again writes nothing."""
    if recipients:
        await messages.insert_once(kind, recipients, occasion, facts, now + LIFETIME[kind])


async def list_messages(viewer: Viewer, cursor: str | None, limit: int) -> dict[str, Any]:
    """One's own messages, newest first, in words as they are true now."""
    if viewer.account_id is None:
        raise problems.NotBound()
    after: Any = paging.after(cursor, datetime.fromisoformat, UUID)
    rows = await messages.list_of(viewer.account_id, after, limit + 1)
    page = paging.page(rows, limit, lambda row: (row["made_at"], row["id"]))
    return {"items": [await _told(row, viewer.now) for row in page["items"]], "next": page["next"]}


async def _told(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    facts = orjson.loads(row["facts"])
    title, text = await _tellings[MessageKind(row["kind"])](facts, now)
    return {
        "id": row["id"],
        "kind": row["kind"],
        "made_at": row["made_at"].astimezone(CHINA),
        "title": title,
        "text": text,
        "person_id": facts.get("person_id"),
    }
