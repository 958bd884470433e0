"""Households: who they are (sealed), where and how they live, their tier, sensitive tags, and whose home they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database
from models.database import Record
from models.dated import Dated
from models.people import Person
from models.regions import Region


class Household(Model):
    """A household. Head, phone and address are sealed; lists show the masked head (docs/rules.md S3)."""

    id = fields.UUIDField(primary_key=True)
    code = fields.TextField(null=True)
    group_name = fields.TextField()
    head_sealed = fields.BinaryField()
    head_masked = fields.TextField()
    phone_sealed = fields.BinaryField(null=True)
    phone_index = fields.BinaryField(null=True)
    phone_index_version = fields.SmallIntField(null=True)
    address_sealed = fields.BinaryField(null=True)
    opened_on = fields.DateField()
    closed_on = fields.DateField(null=True)
    version = fields.IntField(db_default=1)
    recorded_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "household"
        indexes = [Index(fields=["phone_index"])]


class Residence(Dated):
    """Where a household is registered and how it lives there; a day without a row is a day not ours."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="residences"
    )
    micro_grid: fields.ForeignKeyRelation[Region] = fields.ForeignKeyField(
        "lianhu.Region", on_delete=fields.RESTRICT, related_name="residences"
    )
    status = fields.TextField()

    class Meta:
        table = "residence"
        indexes = [Index(fields=["household_id"]), Index(fields=["micro_grid_id"])]


class Tier(Dated):
    """Days as a key household. All other days are ordinary; overlaps do no harm, days are united."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="tiers"
    )
    reason = fields.TextField()

    class Meta:
        table = "tier"
        indexes = [Index(fields=["household_id"])]


class HouseholdTag(Model):
    """A sensitive tag (低保, 残疾, 独居老人 …): sealed, with a purpose and an end (docs/rules.md S3)."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="tags"
    )
    kind_sealed = fields.BinaryField()
    kind_index = fields.BinaryField()
    kind_index_version = fields.SmallIntField()
    purpose = fields.TextField()
    expires_on = fields.DateField()
    recorded_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "household_tag"
        indexes = [Index(fields=["household_id"]), Index(fields=["kind_index"])]


class Home(Dated):
    """The person lives in this household on these days: it makes a party household (党员户) of it."""

    id = fields.UUIDField(primary_key=True)
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", on_delete=fields.RESTRICT, related_name="homes"
    )
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="homes"
    )

    class Meta:
        table = "home"
        indexes = [Index(fields=["person_id"]), Index(fields=["household_id"])]


class Succession(Model):
    """From a day on another household answers for this one; predecessors of predecessors have rows of their own (C25)."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="successors"
    )
    successor: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="predecessors"
    )
    on_day = fields.DateField()
    recorded_at = fields.DatetimeField(db_default=Now())
    annulled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "succession"
        indexes = [Index(fields=["household_id"]), Index(fields=["successor_id"])]


SPANS = "SELECT id, valid_from, valid_to FROM {table} WHERE {owner} = $1 AND NOT isempty(during) ORDER BY valid_from"


async def lock(household_id: UUID) -> Record | None:
    """Hold a household until the transaction ends: changes of its links, residence, tier or identity queue here.

    The lock is one statement and what is decided from the rows another, so that it sees what the last holder left
    (docs/rules.md L5).
    """
    return await database.fetch_row(
        """SELECT id, code, group_name, head_sealed, phone_sealed, address_sealed, opened_on, closed_on, version
           FROM household WHERE id = $1 FOR NO KEY UPDATE""",
        household_id,
    )


async def lock_many(household_ids: Sequence[UUID]) -> list[Record]:
    """Hold many households, in the order of their ids."""
    return await database.fetch(
        """SELECT id, opened_on, closed_on, head_masked FROM household WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE""",
        list(household_ids),
    )


async def residence_spans(household_id: UUID) -> list[Record]:
    """All residence rows of a household that are not empty."""
    return await database.fetch(SPANS.format(table="residence", owner="household_id"), household_id)


async def tier_spans(household_id: UUID) -> list[Record]:
    """All tier rows of a household that are not empty."""
    return await database.fetch(SPANS.format(table="tier", owner="household_id"), household_id)


async def close_span(table: str, row_id: UUID, on: date) -> None:
    """End a row of residence or tier on a day."""
    assert table in ("residence", "tier")
    await database.execute(f"UPDATE {table} SET valid_to = greatest(valid_from, $2::date) WHERE id = $1", row_id, on)


async def residence_on(household_id: UUID, day: date) -> Record | None:
    """Where the household is and how it lives there on a day."""
    return await database.fetch_row(
        "SELECT id, micro_grid_id, status, valid_from, valid_to FROM residence WHERE household_id = $1 AND during @> $2::date",
        household_id,
        day,
    )


async def code_taken(code: str) -> bool:
    """Whether another household has this code."""
    return bool(await database.fetch_value("SELECT EXISTS (SELECT FROM household WHERE code = $1)", code))


async def count_reveals(account_id: UUID, since: datetime) -> int:
    """How many households an account has revealed since a moment; the audit is where that is known.

    Reveals of one account queue until the transaction ends, or many at once would all be below the cap.
    """
    await database.execute("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 1))", str(account_id))
    return int(
        await database.fetch_value(
            """SELECT count(DISTINCT subject_id) FROM audit_entry
               WHERE account_id = $1 AND action = 'household.reveal' AND at > $2""",
            account_id,
            since,
        )
    )


async def of_visit(household_id: UUID) -> Record | None:
    """What a visit needs to know of its household."""
    return await database.fetch_row("SELECT id, opened_on, closed_on FROM household WHERE id = $1", household_id)


async def rule_numbers(household_ids: Sequence[UUID], name: str, day: date) -> dict[UUID, int]:
    """The number of a rule in force for households on a day: their township's, else the general one (docs/rules.md O1).

    The township is the one in which a household is registered on the day, or was last.
    """
    rows = await database.fetch(
        """SELECT h AS id, (SELECT q.number FROM region_rule q
             WHERE q.name = $2 AND q.during @> $3::date AND (q.region_id IS NULL OR q.region_id = ANY (
               (SELECT g.path FROM residence r JOIN region g ON g.id = r.micro_grid_id
                WHERE r.household_id = h AND NOT isempty(r.during) AND r.valid_from <= $3::date
                ORDER BY r.valid_from DESC LIMIT 1)::uuid[]))
             ORDER BY q.region_id IS NULL, q.valid_from DESC LIMIT 1) AS number
           FROM unnest($1::uuid[]) AS h""",
        list(household_ids),
        name,
        day,
    )
    return {row["id"]: row["number"] for row in rows}


async def rule_number(household_id: UUID, name: str, day: date) -> int:
    """The same for one household."""
    return (await rule_numbers([household_id], name, day))[household_id]
