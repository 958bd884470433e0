"""Feedback (意见反馈): what somebody had to say about the program or its use, and the one answer (docs/rules.md S10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database
from models.database import Record
from models.people import Person
from models.regions import Region


class Feedback(Model):
    """Feedback under the UUID that the phone gave it. Without a signature nothing says who wrote it (docs/rules.md S10).

    The column `number` is the database's own count (migration 0006).
    """

    id = fields.UUIDField(primary_key=True)
    region: fields.ForeignKeyRelation[Region] = fields.ForeignKeyField(
        "lianhu.Region", on_delete=fields.RESTRICT, related_name="feedback"
    )
    kind = fields.TextField()
    text_sealed = fields.BinaryField()
    contact_sealed = fields.BinaryField(null=True)
    person: fields.ForeignKeyNullableRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", null=True, on_delete=fields.RESTRICT, related_name="feedback"
    )
    body_mac = fields.BinaryField()
    sent_at = fields.DatetimeField(db_default=Now())
    answer_sealed = fields.BinaryField(null=True)
    answered_at = fields.DatetimeField(null=True)
    answered_by = fields.UUIDField(null=True)

    class Meta:
        table = "feedback"
        indexes = [Index(fields=["region_id"]), Index(fields=["person_id"])]


_STATE = "CASE WHEN f.answered_at IS NULL THEN 'received' ELSE 'answered' END"
_ROW = f"""SELECT f.id, f.number, f.kind, {_STATE} AS state, f.text_sealed, f.contact_sealed, f.sent_at, f.answer_sealed,
  f.answered_at, r.name AS region_name, p.id AS person_id, p.name_sealed AS person_name_sealed
FROM feedback f JOIN region r ON r.id = f.region_id LEFT JOIN person p ON p.id = f.person_id"""


async def find(feedback_id: UUID) -> Record | None:
    """What its sender may know of it."""
    return await database.fetch_row(
        f"""SELECT f.id, f.number, f.kind, f.body_mac, {_STATE} AS state, f.sent_at, f.answer_sealed, f.answered_at
            FROM feedback f WHERE f.id = $1""",
        feedback_id,
    )


async def insert_once(
    feedback_id: UUID,
    region_id: UUID,
    kind: str,
    text_sealed: bytes,
    contact_sealed: bytes | None,
    person_id: UUID | None,
    body_mac: bytes,
) -> bool:
    """Store feedback; False when this id was stored before, also at the same moment."""
    return (
        await database.execute(
            """INSERT INTO feedback (id, region_id, kind, text_sealed, contact_sealed, person_id, body_mac)
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING""",
            feedback_id,
            region_id,
            kind,
            text_sealed,
            contact_sealed,
            person_id,
            body_mac,
        )
        == 1
    )


async def place_of(roots: Sequence[UUID], today: date) -> UUID | None:
    """Whose business feedback is: the township in which the sender's places lie, else the only one there is, else the
    root of the tree. None while there is no region at all."""
    found: UUID | None = await database.fetch_value(
        """WITH township AS (
             SELECT t.id, EXISTS (SELECT FROM region r WHERE r.id = ANY ($1::uuid[]) AND t.id = ANY (r.path)) AS own
             FROM region t WHERE t.level = 'township' AND t.during @> $2::date)
           SELECT coalesce((SELECT (array_agg(id))[1] FROM township WHERE own HAVING count(*) = 1),
                           (SELECT (array_agg(id))[1] FROM township HAVING count(*) = 1),
                           (SELECT id FROM region WHERE parent_id IS NULL AND during @> $2::date ORDER BY code, id LIMIT 1))""",
        list(roots),
        today,
    )
    return found


async def find_visible(feedback_id: UUID, regions: Sequence[UUID]) -> Record | None:
    """Feedback that lies in one of these regions."""
    return await database.fetch_row(f"{_ROW} WHERE f.id = $1 AND r.path && $2::uuid[]", feedback_id, list(regions))


async def list_visible(regions: Sequence[UUID], state: str | None, before: int | None, limit: int) -> list[Record]:
    """Feedback that lies in these regions, newest first; `before` is the number where the page before ended."""
    return await database.fetch(
        f"""{_ROW} WHERE r.path && $1::uuid[] AND ($2::text IS NULL OR {_STATE} = $2)
            AND ($3::bigint IS NULL OR f.number < $3) ORDER BY f.number DESC LIMIT $4""",
        list(regions),
        state,
        before,
        limit,
    )


async def totals(regions: Sequence[UUID], months: int, today: date) -> list[Record]:
    """How much came and how much of it is answered, by month of its coming, newest first; of so many months, this one
    included, those in which any came."""
    return await database.fetch(
        """SELECT to_char(f.sent_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') AS month, count(*) AS received,
                  count(f.answered_at) AS answered
           FROM feedback f JOIN region r ON r.id = f.region_id WHERE r.path && $1::uuid[]
             AND f.sent_at >= (date_trunc('month', $3::date::timestamp) - make_interval(months => $2 - 1)) AT TIME ZONE 'Asia/Shanghai'
           GROUP BY 1 ORDER BY 1 DESC""",
        list(regions),
        months,
        today,
    )


async def answer(feedback_id: UUID, answer_sealed: bytes, account_id: UUID) -> bool:
    """Give the answer; False when there is one already, also when two answer at once."""
    return (
        await database.execute(
            """UPDATE feedback SET answer_sealed = $2, answered_by = $3, answered_at = now()
               WHERE id = $1 AND answered_at IS NULL""",
            feedback_id,
            answer_sealed,
            account_id,
        )
        == 1
    )
