"""Visits: append-only facts under the id that the phone gave them; a correction voids and records again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database, scope
from models.database import Record
from models.households import Household
from models.people import Person


class Visit(Model):
    """A visit. `id` is the client's UUID, so sending again cannot make a second row (docs/rules.md V1)."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="visits"
    )
    visitor: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", on_delete=fields.RESTRICT, related_name="visits"
    )
    entered_by = fields.UUIDField()
    occurred_on = fields.DateField()
    noted_at = fields.DatetimeField()
    recorded_at = fields.DatetimeField(db_default=Now())
    mode = fields.TextField()
    outcome = fields.TextField()
    topics = ArrayField("text")
    companion_ids = ArrayField("uuid")
    note_sealed = fields.BinaryField(null=True)
    note_index = fields.BinaryField(null=True)
    backfill_reason = fields.TextField(null=True)
    needs_follow_up = fields.BooleanField()
    body_mac = fields.BinaryField()
    voided_at = fields.DatetimeField(null=True)
    voided_by = fields.UUIDField(null=True)
    void_reason = fields.TextField(null=True)

    class Meta:
        table = "visit"
        indexes = [Index(fields=["household_id", "occurred_on"]), Index(fields=["visitor_id", "occurred_on"])]


VISIT = """id, household_id, visitor_id, entered_by, occurred_on, noted_at, recorded_at, mode, outcome, topics, companion_ids,
 note_sealed, backfill_reason, needs_follow_up, voided_at, void_reason"""
_COLUMNS = """id, household_id, visitor_id, entered_by, occurred_on, noted_at, mode, outcome, topics, companion_ids,
 note_sealed, note_index, backfill_reason, needs_follow_up, body_mac"""

INSERT_ONCE = f"""
INSERT INTO visit ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (id) DO NOTHING RETURNING recorded_at"""

# The whole of the common case in one statement, for any number of visits with different ids: who sends (session,
# account), that they are in service and linked to the household on that day, the visit, and its audit row. What does not
# qualify is simply not written; the caller sends it down the slow path, which answers why. ORDER BY id: two batches, one
# order, no deadlock. `done` is a column of its own, not a join: a join of the two would be a nested loop over the batch.
RECORD_OWN = f"""
WITH item AS (
  SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::date[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
    $9::bytea[], $10::bytea[], $11::text[], $12::bool[], $13::bytea[], $14::text[])
    WITH ORDINALITY AS t(token_hash, id, household_id, occurred_on, noted_at, mode, outcome, topics, note_sealed, note_index,
      backfill_reason, needs_follow_up, body_mac, request_id, n)
), own AS (
  SELECT item.*, s.account_id, a.person_id
  FROM item JOIN session s ON s.token_hash = item.token_hash AND s.revoked_at IS NULL AND s.expires_at > now()
  JOIN account a ON a.id = s.account_id AND a.disabled_at IS NULL
  WHERE EXISTS (SELECT FROM membership m WHERE m.person_id = a.person_id AND m.during @> $15::date)
    AND EXISTS (SELECT FROM assignment l WHERE l.household_id = item.household_id AND l.person_id = a.person_id
                AND l.during @> item.occurred_on)
    AND item.occurred_on >= (SELECT h.opened_on FROM household h WHERE h.id = item.household_id)
), ins AS (
  INSERT INTO visit ({_COLUMNS})
  SELECT id, household_id, person_id, account_id, occurred_on, noted_at, mode, outcome,
         CASE topics WHEN '' THEN '{{}}' ELSE string_to_array(topics, ',') END, '{{}}', note_sealed, note_index,
         backfill_reason, needs_follow_up, body_mac
  FROM own ORDER BY id ON CONFLICT (id) DO NOTHING RETURNING id
), done AS MATERIALIZED (
  SELECT n, id, person_id, account_id, request_id, id IN (SELECT id FROM ins) AS written FROM own
), log AS (
  INSERT INTO audit_entry (account_id, action, subject_id, changed, request_id)
  SELECT account_id, 'visit.record', id, '{{}}'::text[], request_id FROM done WHERE written
)
SELECT n, person_id, account_id, now() AS recorded_at FROM done WHERE written"""


async def record_own(columns: Sequence[Sequence[Any]], today: date) -> dict[int, Record]:
    """Write the visits that are plainly the sender's own; what was written by its place in the columns, from 0."""
    return {row["n"] - 1: row for row in await database.fetch(RECORD_OWN, *columns, today)}


async def insert_once(values: Sequence[Any]) -> datetime | None:
    """Write one visit; None when its id is there already."""
    found: datetime | None = await database.fetch_value(INSERT_ONCE, *values)
    return found


async def find(visit_id: UUID) -> Record | None:
    """A visit with the keyed hash of the body that made it."""
    return await database.fetch_row(f"SELECT {VISIT}, body_mac FROM visit WHERE id = $1", visit_id)


async def void(visit_id: UUID, account_id: UUID, reason: str) -> bool:
    """Void a visit; False when it was voided before."""
    return (
        await database.execute(
            "UPDATE visit SET voided_at = now(), voided_by = $2, void_reason = $3 WHERE id = $1 AND voided_at IS NULL",
            visit_id,
            account_id,
            reason,
        )
        == 1
    )


async def list_visible(
    places: scope.Places,
    today: date,
    *,
    household_id: UUID | None,
    visitor_id: UUID | None,
    start: date | None,
    end: date | None,
    after: tuple[date, UUID] | None,
    limit: int,
) -> list[Record]:
    """Visits to households in scope, newest first; `start` and `end` include both days."""
    return await database.fetch(
        f"""WITH {scope.seen()}
            SELECT {VISIT} FROM visit v WHERE v.household_id IN (SELECT household_id FROM seen)
              AND ($5::uuid IS NULL OR v.household_id = $5) AND ($6::uuid IS NULL OR v.visitor_id = $6)
              AND ($7::date IS NULL OR v.occurred_on >= $7) AND ($8::date IS NULL OR v.occurred_on <= $8)
              AND ($9::date IS NULL OR (v.occurred_on, v.id) < ($9, $10::uuid))
            ORDER BY v.occurred_on DESC, v.id DESC LIMIT $11""",
        *scope.arguments(places, today),
        household_id,
        visitor_id,
        start,
        end,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
