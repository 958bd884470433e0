"""Visits: append-only facts under the id that the phone gave them; a correction voids and records again."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

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
