"""Assignments: the dated links between a person and a household, one primary at a time."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.fields import SqlDefault
from tortoise.indexes import Index

from models import database
from models.database import Record
from models.dated import Dated
from models.households import Household
from models.people import Person


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


ASSIGNMENT = "id, household_id, person_id, role, source, valid_from, valid_to, end_reason"


async def primary_spans(household_id: UUID) -> list[Record]:
    """All primary links of a household that are not empty, in order of days."""
    return await database.fetch(
        f"""SELECT {ASSIGNMENT} FROM assignment WHERE household_id = $1 AND role = 'primary' AND NOT isempty(during)
            ORDER BY valid_from, seq""",
        household_id,
    )


async def links_on(household_id: UUID, person_id: UUID, day: date) -> list[Record]:
    """The links between a person and a household on a day."""
    return await database.fetch(
        f"SELECT {ASSIGNMENT} FROM assignment WHERE household_id = $1 AND person_id = $2 AND during @> $3::date",
        household_id,
        person_id,
        day,
    )


async def ended_lately(household_id: UUID, person_id: UUID, day: date, days: int) -> bool:
    """Whether a link of this person to the household ended within `days` before a day, or on it."""
    return bool(
        await database.fetch_value(
            """SELECT EXISTS (SELECT FROM assignment WHERE household_id = $1 AND person_id = $2 AND valid_from < valid_to
               AND valid_to <= $3::date AND valid_to >= $3::date - $4::int)""",
            household_id,
            person_id,
            day,
            days,
        )
    )


async def find(assignment_id: UUID) -> Record | None:
    """One link."""
    return await database.fetch_row(f"SELECT {ASSIGNMENT} FROM assignment WHERE id = $1", assignment_id)


async def load_from(person_id: UUID, day: date) -> int:
    """How many households a person is primary of on a day or will be later, booked links included."""
    return int(
        await database.fetch_value(
            """SELECT count(DISTINCT household_id) FROM assignment
               WHERE person_id = $1 AND role = 'primary' AND during && daterange($2::date, NULL)""",
            person_id,
            day,
        )
    )


async def is_linked_from(household_id: UUID, person_id: UUID, day: date) -> bool:
    """Whether a person is linked to a household on a day or will be later."""
    return bool(
        await database.fetch_value(
            """SELECT EXISTS (SELECT FROM assignment
               WHERE household_id = $1 AND person_id = $2 AND during && daterange($3::date, NULL))""",
            household_id,
            person_id,
            day,
        )
    )


async def end(assignment_id: UUID, on: date, reason: str) -> None:
    """End a link on a day; the day itself is no longer covered."""
    await database.execute(
        "UPDATE assignment SET valid_to = $2, end_reason = $3, ended_at = now() WHERE id = $1",
        assignment_id,
        on,
        reason,
    )
