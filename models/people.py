"""People: party members, cadres and grid workers, their branch, exemptions and homes."""

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
from models.dated import Dated
from models.regions import Branch


class Person(Model):
    """A person who may be linked to households. Name and phone are sealed; no other data of the party is held."""

    id = fields.UUIDField(primary_key=True)
    name_sealed = fields.BinaryField()
    name_masked = fields.TextField()
    phone_sealed = fields.BinaryField(null=True)
    phone_index = fields.BinaryField(null=True)
    phone_index_version = fields.SmallIntField(null=True)
    recorded_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "person"
        indexes = [Index(fields=["phone_index"])]


class Membership(Dated):
    """The person is in the service of a branch, as what. Days outside any membership are days not in service."""

    id = fields.UUIDField(primary_key=True)
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", on_delete=fields.RESTRICT, related_name="memberships"
    )
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField(
        "lianhu.Branch", on_delete=fields.RESTRICT, related_name="memberships"
    )
    kind = fields.TextField()
    end_reason = fields.TextField(null=True)

    class Meta:
        table = "membership"
        indexes = [Index(fields=["person_id"]), Index(fields=["branch_id"])]


class Exemption(Dated):
    """免联: the member need not be linked on these days; only the class of the reason is held."""

    id = fields.UUIDField(primary_key=True)
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", on_delete=fields.RESTRICT, related_name="exemptions"
    )
    reason = fields.TextField()

    class Meta:
        table = "exemption"
        indexes = [Index(fields=["person_id"])]


PERSON_LIST = """
SELECT p.id, p.name_sealed, m.branch_id, m.kind, (SELECT a.id FROM account a WHERE a.person_id = p.id) AS account_id,
       (SELECT e.reason FROM exemption e WHERE e.person_id = p.id AND e.during @> $1::date LIMIT 1) AS exemption,
       (SELECT count(*) FROM assignment a WHERE a.person_id = p.id AND a.role = 'primary' AND a.during @> $1::date) AS load
FROM membership m JOIN person p ON p.id = m.person_id"""


async def list_people(branch_ids: Sequence[UUID], today: date, after: UUID | None, limit: int) -> list[Record]:
    """People in service of these branches today with exemption class and number of households, in order of id."""
    return await database.fetch(
        PERSON_LIST
        + """ WHERE m.during @> $1::date AND m.branch_id = ANY ($2::uuid[]) AND ($3::uuid IS NULL OR p.id > $3)
              ORDER BY p.id LIMIT $4""",
        today,
        list(branch_ids),
        after,
        limit,
    )


async def find_in_service(person_id: UUID, day: date) -> Record | None:
    """The person's membership on a day, with the path of the branch and of the region where the branch sits."""
    return await database.fetch_row(
        """SELECT m.person_id, m.branch_id, m.kind, b.path AS branch_path, r.path AS region_path
           FROM membership m JOIN branch b ON b.id = m.branch_id JOIN region r ON r.id = b.region_id
           WHERE m.person_id = $1 AND m.during @> $2::date""",
        person_id,
        day,
    )


async def branches_on(person_ids: Sequence[UUID], day: date) -> dict[UUID, UUID]:
    """The branch of each person on a day; people not in service are missing."""
    rows = await database.fetch(
        "SELECT person_id, branch_id FROM membership WHERE person_id = ANY ($1::uuid[]) AND during @> $2::date",
        list(person_ids),
        day,
    )
    return {row["person_id"]: row["branch_id"] for row in rows}


async def find_person(person_id: UUID) -> Record | None:
    """A person's sealed name."""
    return await database.fetch_row("SELECT id, name_sealed FROM person WHERE id = $1", person_id)


async def is_exempt(person_id: UUID, day: date) -> bool:
    """Whether the person is exempt from being linked on a day (免联)."""
    return bool(
        await database.fetch_value(
            "SELECT EXISTS (SELECT FROM exemption WHERE person_id = $1 AND during @> $2::date)", person_id, day
        )
    )


async def serves_household(person_id: UUID, household_id: UUID, day: date) -> bool:
    """Whether a person may visit a household without being linked to it: in service of the branch that answers for
    its micro-grid on the day (docs/rules.md V5)."""
    return bool(
        await database.fetch_value(
            """SELECT EXISTS (
                 SELECT FROM residence r
                 JOIN responsibility p ON p.region_id = r.micro_grid_id AND p.kind = 'branch_micro_grid' AND p.during @> $3::date
                 JOIN membership m ON m.branch_id = p.branch_id AND m.person_id = $1 AND m.during @> $3::date
                 WHERE r.household_id = $2 AND r.during @> $3::date)""",
            person_id,
            household_id,
            day,
        )
    )


async def left_on(person_id: UUID, today: date) -> date | None:
    """The day on which the person's last service ended, if it has."""
    found: date | None = await database.fetch_value(
        "SELECT max(valid_to) FROM membership WHERE person_id = $1 AND valid_to <= $2::date", person_id, today
    )
    return found


async def lock(person_id: UUID) -> None:
    """Hold a person until the transaction ends; always after the household, so that two holders cannot wait in a ring."""
    await database.execute("SELECT FROM person WHERE id = $1 FOR NO KEY UPDATE", person_id)
