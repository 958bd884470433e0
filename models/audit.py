"""The audit: one row for every write, and the seals that chain the rows (docs/rules.md A1)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database
from models.database import Record


class AuditEntry(Model):
    """Who did what to which row. Ids and field names only, never a value of a person."""

    id = fields.BigIntField(primary_key=True)
    at = fields.DatetimeField(db_default=Now())
    account_id = fields.UUIDField(null=True)
    action = fields.TextField()
    subject_id = fields.UUIDField(null=True)
    changed = ArrayField("text")
    reason = fields.TextField(null=True)
    request_id = fields.TextField(null=True)
    seal_no = fields.BigIntField(null=True)

    class Meta:
        table = "audit_entry"
        indexes = [Index(fields=["subject_id"])]


class AuditSeal(Model):
    """One link of the chain: how many rows it covers and their HMAC together with the link before."""

    seal_no = fields.BigIntField(unique=True)
    at = fields.DatetimeField(db_default=Now())
    entry_count = fields.IntField()
    mac = fields.BinaryField()

    class Meta:
        table = "audit_seal"


INSERT = "INSERT INTO audit_entry (account_id, action, subject_id, changed, reason, request_id) VALUES ($1, $2, $3, $4, $5, $6)"
# Everything of a row that must not change, as a JSON array: so no two rows read alike, also where null stands against an
# empty text or one name against two. Text, so that the seal does not depend on how a driver decodes a value.
CANONICAL = """jsonb_build_array(id, extract(epoch FROM at)::text, account_id, action, subject_id, changed, reason,
 request_id)::text"""


async def insert(
    account_id: UUID | None,
    action: str,
    subject_id: UUID | None,
    changed: Sequence[str],
    reason: str | None,
    request_id: str | None,
) -> None:
    """Write one row in the current transaction."""
    await database.execute(INSERT, account_id, action, subject_id, list(changed), reason, request_id)


async def insert_many(
    account_id: UUID | None, action: str, changes: Sequence[tuple[UUID, Sequence[str]]], request_id: str
) -> None:
    """Write a row for each subject in the current transaction."""
    async with database.pg() as connection:
        rows = [(account_id, action, subject, list(changed), None, request_id) for subject, changed in changes]
        await connection.executemany(INSERT, rows)


async def last_seal() -> Record | None:
    """The head of the chain, locked against a second sealer; call inside a transaction."""
    await database.execute("SELECT pg_advisory_xact_lock(7208)")
    return await database.fetch_row("SELECT seal_no, mac FROM audit_seal ORDER BY seal_no DESC LIMIT 1")


async def claim_unsealed(seal_no: int, at_most: int) -> list[str]:
    """Give the visible unsealed rows this seal number; returns their canonical texts in order of id."""
    rows = await database.fetch(
        f"""WITH claimed AS (
              UPDATE audit_entry SET seal_no = $1
              WHERE id IN (SELECT id FROM audit_entry WHERE seal_no IS NULL ORDER BY id LIMIT $2) RETURNING *)
            SELECT {CANONICAL} AS text FROM claimed ORDER BY id""",
        seal_no,
        at_most,
    )
    return [row["text"] for row in rows]


async def insert_seal(seal_no: int, entry_count: int, mac: bytes) -> None:
    """Add a link to the chain."""
    await database.execute(
        "INSERT INTO audit_seal (seal_no, entry_count, mac) VALUES ($1, $2, $3)", seal_no, entry_count, mac
    )


async def list_seals() -> list[Record]:
    """All links in order."""
    return await database.fetch("SELECT seal_no, entry_count, mac FROM audit_seal ORDER BY seal_no")


async def sealed_texts(seal_no: int) -> list[str]:
    """The canonical texts of the rows under one seal, in order of id."""
    rows = await database.fetch(f"SELECT {CANONICAL} AS text FROM audit_entry WHERE seal_no = $1 ORDER BY id", seal_no)
    return [row["text"] for row in rows]


async def count_outside_seals(minutes: int) -> int:
    """Rows that no seal covers although they are older than `minutes`, or that name a seal which does not exist."""
    return int(
        await database.fetch_value(
            """SELECT count(*) FROM audit_entry e WHERE (seal_no IS NULL AND at < now() - make_interval(mins => $1))
               OR (seal_no IS NOT NULL AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.seal_no = e.seal_no))""",
            minutes,
        )
    )


async def sealing_lags(minutes: int) -> bool:
    """Whether rows have waited for a seal for longer than `minutes`; reads nothing but the unsealed."""
    return bool(
        await database.fetch_value(
            """SELECT EXISTS (SELECT FROM audit_entry WHERE seal_no IS NULL AND at < now() - make_interval(mins => $1))""",
            minutes,
        )
    )


async def list_about(household_id: UUID, before: int | None, limit: int) -> list[Record]:
    """What was done to a household, its links, visits and must-visits, newest first; `before` is where the page before ended."""
    return await database.fetch(
        """SELECT id, at, account_id, action, subject_id, changed, reason FROM audit_entry
           WHERE subject_id = ANY (ARRAY[$1::uuid] || ARRAY(SELECT id FROM assignment WHERE household_id = $1)
                                   || ARRAY(SELECT id FROM visit WHERE household_id = $1)
                                   || ARRAY(SELECT id FROM must_visit WHERE household_id = $1))
             AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3""",
        household_id,
        before,
        limit,
    )
