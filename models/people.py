"""People: party members, cadres and grid workers, their branch, exemptions and homes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import Now, SqlDefault
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
    #: What the person is good at (docs/rules.md L7), for households that need it.
    abilities = ArrayField("text", db_default=SqlDefault("'{}'"))
    version = fields.IntField(db_default=1)
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
    """免联: the member need not be linked on these days; only the class of the reason is held.

    A member who wants to go on keeps the links that are there (`keeps_links`) and gets no new ones.
    """

    id = fields.UUIDField(primary_key=True)
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", on_delete=fields.RESTRICT, related_name="exemptions"
    )
    reason = fields.TextField()
    keeps_links = fields.BooleanField(db_default=False)

    class Meta:
        table = "exemption"
        indexes = [Index(fields=["person_id"])]


PERSON_LIST = """
SELECT p.id, p.name_sealed, p.phone_sealed IS NOT NULL AS has_phone, p.abilities, p.version, m.branch_id, m.kind, m.valid_from AS since,
       m.valid_to AS until, (SELECT n.branch_id FROM membership n WHERE n.person_id = p.id AND n.valid_from >= m.valid_to
         AND NOT isempty(n.during) ORDER BY n.valid_from LIMIT 1) AS next_branch_id,
       (SELECT a.id FROM account a WHERE a.person_id = p.id) AS account_id,
       e.reason AS exemption, e.valid_from AS exempt_from, e.valid_to AS exempt_to, coalesce(e.keeps_links, false) AS keeps_links,
       (SELECT count(*) FROM assignment a WHERE a.person_id = p.id AND a.role = 'primary' AND a.during @> $1::date) AS load,
       (SELECT count(*) FROM assignment a JOIN assignment b ON b.household_id = a.household_id AND b.role = 'backup' AND b.during @> $1::date
        WHERE a.person_id = p.id AND a.role = 'primary' AND a.during @> $1::date) AS backed
FROM membership m JOIN person p ON p.id = m.person_id
LEFT JOIN LATERAL (SELECT reason, keeps_links, valid_from, valid_to FROM exemption e WHERE e.person_id = p.id AND e.during @> $1::date
  ORDER BY e.valid_from, e.id LIMIT 1) e ON true"""


async def list_people(branch_ids: Sequence[UUID], today: date, after: UUID | None, limit: int | None) -> list[Record]:
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


async def find_listed(person_id: UUID, branch_ids: Sequence[UUID], day: date) -> Record | None:
    """One person as the roster shows them, if in service of one of these branches on the day."""
    return await database.fetch_row(
        PERSON_LIST + " WHERE m.during @> $1::date AND m.branch_id = ANY ($2::uuid[]) AND p.id = $3",
        day,
        list(branch_ids),
        person_id,
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
    """What is written about a person, sealed."""
    return await database.fetch_row(
        "SELECT id, name_sealed, phone_sealed, abilities, version FROM person WHERE id = $1", person_id
    )


async def memberships_of(person_id: UUID) -> list[Record]:
    """All service of a person in order of days; empty rows left out."""
    return await database.fetch(
        """SELECT id, branch_id, kind, end_reason, valid_from, valid_to FROM membership
           WHERE person_id = $1 AND NOT isempty(during) ORDER BY valid_from""",
        person_id,
    )


async def exemptions_of(person_id: UUID) -> list[Record]:
    """All exemptions of a person in order of days; empty rows left out."""
    return await database.fetch(
        """SELECT id, reason, keeps_links, valid_from, valid_to FROM exemption
           WHERE person_id = $1 AND NOT isempty(during) ORDER BY valid_from""",
        person_id,
    )


async def close_membership(membership_id: UUID, on: date, reason: str | None) -> None:
    """End a service on a day; on or before its first day it never was."""
    await database.execute(
        "UPDATE membership SET valid_to = greatest(valid_from, $2::date), end_reason = $3 WHERE id = $1",
        membership_id,
        on,
        reason,
    )


async def close_exemption(exemption_id: UUID, on: date) -> None:
    """End an exemption on a day; on or before its first day it never was."""
    await database.execute(
        "UPDATE exemption SET valid_to = greatest(valid_from, $2::date) WHERE id = $1", exemption_id, on
    )


async def last_branch(person_id: UUID) -> UUID | None:
    """The branch of a person's last service, whether it is over or not."""
    found: UUID | None = await database.fetch_value(
        "SELECT branch_id FROM membership WHERE person_id = $1 AND NOT isempty(during) ORDER BY valid_from DESC LIMIT 1",
        person_id,
    )
    return found


async def phone_taken(indexes: Sequence[bytes], but_not: UUID) -> bool:
    """Whether somebody else has this telephone number; `indexes` are its blind indexes under all keys."""
    return bool(
        await database.fetch_value(
            "SELECT EXISTS (SELECT FROM person WHERE phone_index = ANY ($1::bytea[]) AND id <> $2)",
            list(indexes),
            but_not,
        )
    )


async def lock_many(person_ids: Sequence[UUID]) -> None:
    """Hold many people, in the order of their ids; always after the households."""
    await database.execute(
        "SELECT FROM person WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", list(person_ids)
    )


async def fit_on(person_ids: Sequence[UUID], branch_ids: Sequence[UUID], day: date) -> set[UUID]:
    """Which of these people serve in one of these branches on a day and are not exempt."""
    rows = await database.fetch(
        """SELECT m.person_id FROM membership m
           WHERE m.person_id = ANY ($1::uuid[]) AND m.branch_id = ANY ($2::uuid[]) AND m.during @> $3::date
             AND NOT EXISTS (SELECT FROM exemption e WHERE e.person_id = m.person_id AND e.during @> $3::date)""",
        list(person_ids),
        list(branch_ids),
        day,
    )
    return {row["person_id"] for row in rows}


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


async def lock_with_households(person_id: UUID) -> None:
    """Hold the households of a person's links, present and booked, and then the person: the order of everybody who
    changes links (docs/rules.md L5)."""
    await database.execute(
        """SELECT FROM household WHERE id IN (SELECT household_id FROM assignment
             WHERE person_id = $1 AND (valid_to IS NULL OR valid_to > valid_from)) ORDER BY id FOR NO KEY UPDATE""",
        person_id,
    )
    await lock(person_id)


async def lock(person_id: UUID) -> None:
    """Hold a person until the transaction ends; always after the household, so that two holders cannot wait in a ring."""
    await database.execute("SELECT FROM person WHERE id = $1 FOR NO KEY UPDATE", person_id)
