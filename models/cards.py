"""Contact cards (民情联系卡): the codes that were printed for households."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
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


_GATHER = """
SELECT h.id, h.code, h.group_name, h.head_sealed, h.head_masked, v.name AS village, t.name AS township,
  p.person_id AS member_id, p.name_sealed AS member_name_sealed, p.phone_sealed AS member_phone_sealed, p.branch AS member_branch,
  b.person_id AS backup_id, b.name_sealed AS backup_name_sealed, b.phone_sealed AS backup_phone_sealed, b.branch AS backup_branch
FROM residence r JOIN household h ON h.id = r.household_id AND (h.closed_on IS NULL OR h.closed_on > $1::date)
JOIN region g ON g.id = r.micro_grid_id
LEFT JOIN region v ON v.id = ANY (g.path) AND v.level = 'village'
LEFT JOIN region t ON t.id = ANY (g.path) AND t.level = 'township'
{links}
WHERE r.during @> $1::date AND r.status <> 'nominal' AND {which}
  -- a member's own home needs nobody (docs/rules.md L4), so that it is no 待安排 on a notice either
  AND (p.person_id IS NOT NULL OR NOT EXISTS (SELECT FROM home o
    JOIN membership m ON m.person_id = o.person_id AND m.kind IN ('full', 'probationary') AND m.during @> $1::date
    JOIN assignment a ON a.person_id = o.person_id AND a.during @> $1::date
    WHERE o.household_id = h.id AND o.during @> $1::date))
ORDER BY h.group_name, coalesce(h.code, ''), h.id"""
_LINK = """LEFT JOIN LATERAL (
  SELECT a.person_id, w.name_sealed, w.phone_sealed, c.name AS branch FROM assignment a JOIN person w ON w.id = a.person_id
  JOIN membership m ON m.person_id = a.person_id AND m.during @> $1::date JOIN branch c ON c.id = m.branch_id
  WHERE a.household_id = h.id AND a.role = '{role}' AND a.during @> $1::date ORDER BY a.valid_from, a.seq LIMIT 1) {name} ON true"""
_LINKS = _LINK.format(role="primary", name="p") + " " + _LINK.format(role="backup", name="b")


async def gather(grid_ids: Sequence[UUID], day: date) -> list[Record]:
    """The households of micro-grids with who is linked to them on a day, in order of group and code."""
    sql = _GATHER.format(links=_LINKS, which="r.micro_grid_id = ANY ($2::uuid[])")
    return await database.fetch(sql, day, list(grid_ids))


async def gather_one(household_id: UUID, day: date) -> list[Record]:
    """The same for one household."""
    return await database.fetch(_GATHER.format(links=_LINKS, which="h.id = $2"), day, household_id)


async def find_by_code(code_hash: bytes) -> Record | None:
    """The card of a code, if it has not been revoked."""
    return await database.fetch_row(
        "SELECT id, household_id, printed_at FROM card WHERE code_hash = $1 AND revoked_at IS NULL", code_hash
    )
