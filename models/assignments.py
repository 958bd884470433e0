"""Assignments: the dated links between a person and a household, one primary at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

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
    #: The day on which the link was put up for everybody to see (公示), and the last annual re-confirmation (L8).
    published_on = fields.DateField(null=True)
    confirmed_on = fields.DateField(null=True)

    class Meta:
        table = "assignment"
        indexes = [Index(fields=["household_id"]), Index(fields=["person_id"])]


ASSIGNMENT = "id, household_id, person_id, role, source, valid_from, valid_to, end_reason, published_on, confirmed_on"


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


async def loads_from(person_ids: Sequence[UUID], day: date) -> dict[UUID, int]:
    """The same for many people; who has none is missing."""
    rows = await database.fetch(
        """SELECT person_id, count(DISTINCT household_id) AS n FROM assignment
           WHERE person_id = ANY ($1::uuid[]) AND role = 'primary' AND during && daterange($2::date, NULL) GROUP BY person_id""",
        list(person_ids),
        day,
    )
    return {row["person_id"]: row["n"] for row in rows}


async def links_from(household_ids: Sequence[UUID], day: date) -> list[Record]:
    """The links of these households on a day or later, in order of days."""
    return await database.fetch(
        f"""SELECT {ASSIGNMENT} FROM assignment WHERE household_id = ANY ($1::uuid[]) AND during && daterange($2::date, NULL)
            ORDER BY household_id, valid_from, seq""",
        list(household_ids),
        day,
    )


async def insert_primaries(pairs: Sequence[tuple[UUID, UUID, date | None]], start: date, source: str) -> None:
    """Make people primary of households from a day on, until the household closes: (household, person, closing)."""
    async with database.pg() as connection:
        await connection.copy_records_to_table(
            "assignment",
            records=[
                (uuid4(), household, person, "primary", source, start, closed) for household, person, closed in pairs
            ],
            columns=["id", "household_id", "person_id", "role", "source", "valid_from", "valid_to"],
        )


async def end_many(ids: Sequence[UUID], on: date, reason: str) -> None:
    """End many links on one day."""
    await database.execute(
        "UPDATE assignment SET valid_to = $2, end_reason = $3, ended_at = now() WHERE id = ANY ($1::uuid[])",
        list(ids),
        on,
        reason,
    )


async def publish(household_ids: Sequence[UUID], on: date) -> int:
    """Mark the links of these households that stand or are booked as put up for everybody to see; returns how many."""
    return await database.execute(
        """UPDATE assignment SET published_on = $2 WHERE household_id = ANY ($1::uuid[]) AND published_on IS NULL
           AND during && daterange($2::date, NULL)""",
        list(household_ids),
        on,
    )


async def households_in(grid_ids: Sequence[UUID], day: date) -> list[UUID]:
    """The households that are registered in micro-grids on a day."""
    rows = await database.fetch(
        "SELECT household_id FROM residence WHERE micro_grid_id = ANY ($1::uuid[]) AND during @> $2::date ORDER BY 1",
        list(grid_ids),
        day,
    )
    return [row["household_id"] for row in rows]


async def confirm(branch_ids: Sequence[UUID], on: date) -> int:
    """Mark the links that people of these branches hold on a day as confirmed for another year; returns how many."""
    return await database.execute(
        """UPDATE assignment a SET confirmed_on = $2 FROM membership m
           WHERE m.person_id = a.person_id AND m.branch_id = ANY ($1::uuid[]) AND m.during @> $2::date AND a.during @> $2::date
             AND a.confirmed_on IS DISTINCT FROM $2""",
        list(branch_ids),
        on,
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


async def live_of(person_id: UUID) -> list[Record]:
    """The links of a person that are not empty and not over, booked ones included, with when each household closes."""
    return await database.fetch(
        f"""SELECT {", ".join("a." + column.strip() for column in ASSIGNMENT.split(","))}, h.closed_on
            FROM assignment a JOIN household h ON h.id = a.household_id
            WHERE a.person_id = $1 AND NOT isempty(a.during) ORDER BY a.household_id, a.valid_from""",
        person_id,
    )


async def answering(household_ids: Sequence[UUID]) -> list[Record]:
    """Which branch answers for each of these households on which days: (household_id, branch_id, start, end)."""
    return await database.fetch(
        """SELECT r.household_id, p.branch_id, lower(r.during * p.during) AS start, upper(r.during * p.during) AS until
           FROM residence r JOIN responsibility p ON p.region_id = r.micro_grid_id AND p.kind = 'branch_micro_grid'
             AND p.during && r.during
           WHERE r.household_id = ANY ($1::uuid[]) ORDER BY 1, 3""",
        list(household_ids),
    )


async def backups_on(household_ids: Sequence[UUID], day: date) -> list[Record]:
    """The backups of these households on a day who may take over: in service and not exempt, the longest-standing first."""
    return await database.fetch(
        """SELECT a.id, a.household_id, a.person_id, a.valid_to FROM assignment a
           JOIN membership m ON m.person_id = a.person_id AND m.during @> $2::date
           WHERE a.household_id = ANY ($1::uuid[]) AND a.role = 'backup' AND a.during @> $2::date
             AND NOT EXISTS (SELECT FROM exemption e WHERE e.person_id = a.person_id AND e.during @> $2::date)
           ORDER BY a.household_id, a.valid_from, a.seq""",
        list(household_ids),
        day,
    )


async def primary_booked(household_id: UUID, day: date) -> bool:
    """Whether a household has a primary on a day, or one that is booked for later."""
    return bool(
        await database.fetch_value(
            """SELECT EXISTS (SELECT FROM assignment WHERE household_id = $1 AND role = 'primary'
               AND during && daterange($2::date, NULL))""",
            household_id,
            day,
        )
    )


async def without_primary(household_ids: Sequence[UUID], day: date) -> int:
    """How many of these households, as far as they are open, have no primary on a day."""
    return int(
        await database.fetch_value(
            """SELECT count(*) FROM household h WHERE h.id = ANY ($1::uuid[]) AND (h.closed_on IS NULL OR h.closed_on > $2)
               AND NOT EXISTS (SELECT FROM assignment a WHERE a.household_id = h.id AND a.role = 'primary' AND a.during @> $2::date)""",
            list(household_ids),
            day,
        )
    )
