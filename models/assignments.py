"""Assignments: the dated links between a person and a household, one primary at a time."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.fields import SqlDefault
from tortoise.indexes import Index

from models.dated import Dated
from models.households import Household
from models.people import Person


class AssignmentRole(StrEnum):
    PRIMARY = "primary"
    BACKUP = "backup"


class AssignmentSource(StrEnum):
    MUTUAL_CHOICE = "mutual_choice"
    APPOINTED = "appointed"


class EndReason(StrEnum):
    """Why a link ended (docs/rules.md L2)."""

    HANDED_OVER = "handed_over"
    MEMBER_LEFT = "member_left"
    MEMBER_EXEMPT = "member_exempt"
    HOUSEHOLD_WISH = "household_wish"
    HOUSEHOLD_CLOSED = "household_closed"
    MISTAKE = "mistake"
    OTHER = "other"


class Assignment(Dated):
    """A link (联系). Exactly one primary for a household on any day (exclusion constraint, docs/rules.md L1)."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="assignments"
    )
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", on_delete=fields.RESTRICT, related_name="assignments"
    )
    role = fields.TextField()
    source = fields.TextField()
    #: Orders the changes of one day (docs/rules.md T2).
    seq = fields.BigIntField(db_default=SqlDefault("nextval('assignment_seq')"))
    end_reason = fields.TextField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "assignment"
        indexes = [Index(fields=["household_id"]), Index(fields=["person_id"])]
