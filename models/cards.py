"""Contact cards (民情联系卡): the codes that were printed for households."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database
from models.database import Record
from models.households import Household


class Card(Model):
    """A card as it was printed, by the hash of its code. The next print of a household revokes it (docs/rules.md S11)."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="cards"
    )
    code_hash = fields.BinaryField()  # unique, see migration 0007: Tortoise cannot index bytes
    printed_at = fields.DatetimeField(db_default=Now())
    printed_by = fields.UUIDField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "card"
        indexes = [Index(fields=["household_id"])]


async def insert_many(household_ids: Sequence[UUID], code_hashes: Sequence[bytes], printed_by: UUID) -> None:
    """Give households new cards; the ones they had are worth nothing from now on."""
    await database.execute(
        "UPDATE card SET revoked_at = now() WHERE household_id = ANY ($1::uuid[]) AND revoked_at IS NULL",
        list(household_ids),
    )
    await database.execute(
        """INSERT INTO card (id, household_id, code_hash, printed_by)
           SELECT u.id, u.household_id, u.code_hash, $4 FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS u(id, household_id, code_hash)""",
        [uuid4() for _ in household_ids],
        list(household_ids),
        list(code_hashes),
        printed_by,
    )


async def find_by_code(code_hash: bytes) -> Record | None:
    """The card of a code, if it has not been revoked."""
    return await database.fetch_row(
        "SELECT id, household_id, printed_at FROM card WHERE code_hash = $1 AND revoked_at IS NULL", code_hash
    )
