"""The database's place for the WeChat token, used while Redis is gone; one row an app, sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from backend.crypto import Unreadable, vault
from models import accounts

_ROW = UUID(int=0)  # the app is the row; the seal needs some id


@dataclass
class StoredToken:
    """The row, to be changed inside the block."""

    token: str = field(repr=False)
    expires_at: datetime
    forced_at: datetime | None


class DatabaseTokens:
    """What `gateways.wechat.TokenRows` asks for: SELECT … FOR UPDATE makes one refresher of the whole cluster."""

    @asynccontextmanager
    async def exclusive(self, appid: str) -> AsyncIterator[StoredToken]:
        async with accounts.wechat_token_row(appid) as row:
            place = StoredToken(_opened(row["token_sealed"]), row["expires_at"] or datetime.now(UTC), row["forced_at"])
            yield place
            sealed = vault().seal(place.token, "wechat_token", "token", _ROW)
            await accounts.set_wechat_token(appid, sealed, place.expires_at, place.forced_at)


def _opened(sealed: bytes | None) -> str:
    """The token, or none when the key has changed: a new one is a call away."""
    try:
        return vault().open(bytes(sealed), "wechat_token", "token", _ROW) if sealed else ""
    except Unreadable:
        return ""
