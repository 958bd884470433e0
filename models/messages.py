"""Messages (站内消息): what somebody should hear of, one row for each recipient and occasion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database
from models.database import Record


class Message(Model):
    """Something that an account should hear of: written by the transaction that causes it, never twice for one occasion.

    `facts` holds ids, days and counts; names are read when the message is shown. `state` is how far its delivery to
    WeChat has come; the inbox shows it from the first moment and whatever becomes of that (docs/rules.md M1).
    """

    id = fields.UUIDField(primary_key=True)
    kind = fields.TextField()
    #: An account; without a foreign key, because accounts stand to the right of messages.
    recipient_id = fields.UUIDField()
    occasion = fields.TextField()
    facts: Any = fields.JSONField()
    state = fields.TextField(db_default="pending")
    made_at = fields.DatetimeField(db_default=Now())
    expires_at = fields.DatetimeField()

    class Meta:
        table = "message"
        unique_together = (("recipient_id", "kind", "occasion"),)
        indexes = [Index(fields=["recipient_id", "made_at"])]


async def insert_once(
    kind: str, recipients: Sequence[UUID], occasion: str, facts: Mapping[str, Any], expires_at: datetime
) -> int:
    """Write a message for each recipient who does not have one of this occasion yet; returns how many that were."""
    return await database.execute(
        """INSERT INTO message (id, kind, recipient_id, occasion, facts, expires_at)
           SELECT u.id, $1, u.recipient, $4, $5::jsonb, $6 FROM unnest($2::uuid[], $3::uuid[]) AS u(id, recipient)
           ON CONFLICT (recipient_id, kind, occasion) DO NOTHING""",
        kind,
        [uuid4() for _ in recipients],
        list(recipients),
        occasion,
        orjson.dumps(facts, default=str).decode(),  # ids as asyncpg gives them are a kind of their own
        expires_at,
    )


async def list_of(recipient_id: UUID, after: tuple[datetime, UUID] | None, limit: int) -> list[Record]:
    """The messages of an account, newest first."""
    return await database.fetch(
        """SELECT id, kind, facts, made_at FROM message
           WHERE recipient_id = $1 AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
           ORDER BY made_at DESC, id DESC LIMIT $4""",
        recipient_id,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
