"""Files: what was sent in or made here, kept sealed outside of the database for some days."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database
from models.database import Record


class StoredFile(Model):
    """A file by its id; the sealed content lies in the storage under the same id until it is removed (docs/rules.md I5).

    The name is sealed, too: it may hold names of people.
    """

    id = fields.UUIDField(primary_key=True)
    #: Whose it is; without a foreign key, because accounts stand to the right of files.
    account_id = fields.UUIDField()
    name_sealed = fields.BinaryField()
    byte_count = fields.IntField()
    made_at = fields.DatetimeField(db_default=Now())
    expires_at = fields.DatetimeField()
    removed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "stored_file"
        indexes = [Index(fields=["account_id"]), Index(fields=["expires_at"])]


FILE = "id, account_id, name_sealed, byte_count, made_at, expires_at, removed_at"


async def find_of(file_id: UUID, account_id: UUID) -> Record | None:
    """A file of an account that has not been removed."""
    return await database.fetch_row(
        f"SELECT {FILE} FROM stored_file WHERE id = $1 AND account_id = $2 AND removed_at IS NULL", file_id, account_id
    )


async def expired(now: datetime, limit: int) -> list[UUID]:
    """Files whose days are over and whose content is still there."""
    rows = await database.fetch(
        "SELECT id FROM stored_file WHERE removed_at IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2",
        now,
        limit,
    )
    return [row["id"] for row in rows]


async def mark_removed(file_id: UUID) -> None:
    """The content is gone; that there was a file stays known."""
    await database.execute("UPDATE stored_file SET removed_at = now() WHERE id = $1 AND removed_at IS NULL", file_id)
