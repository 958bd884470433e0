"""The tree of regions, the party branches, and which branch or cadre is responsible for which region."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.contrib.postgres.indexes import GinIndex
from tortoise.indexes import Index

from models import database
from models.database import Record
from models.dated import Dated


class Region(Dated):
    """A place of the administrative tree. `path` holds the ids from the root down to the region itself."""

    id = fields.UUIDField(primary_key=True)
    parent: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "lianhu.Region", null=True, on_delete=fields.RESTRICT, related_name="children"
    )
    level = fields.TextField()
    code = fields.TextField(null=True)
    name = fields.TextField()
    path = ArrayField("uuid")
    predecessors = ArrayField("uuid")

    class Meta:
        table = "region"
        indexes = [Index(fields=["parent_id"]), GinIndex(fields=["path"])]


class Branch(Dated):
    """A party branch (党总支, 支部, 党小组) and the region where it sits."""

    id = fields.UUIDField(primary_key=True)
    parent: fields.ForeignKeyNullableRelation[Branch] = fields.ForeignKeyField(
        "lianhu.Branch", null=True, on_delete=fields.RESTRICT, related_name="children"
    )
    region: fields.ForeignKeyRelation[Region] = fields.ForeignKeyField(
        "lianhu.Region", on_delete=fields.RESTRICT, related_name="branches"
    )
    kind = fields.TextField()
    name = fields.TextField()
    path = ArrayField("uuid")

    class Meta:
        table = "branch"
        indexes = [Index(fields=["parent_id"]), Index(fields=["region_id"]), GinIndex(fields=["path"])]


class Responsibility(Dated):
    """支部包村 / 干部包片: a branch or a person answers for a region on dated days.

    Exactly one branch answers for a micro-grid on any day (exclusion constraint, docs/rules.md C7).
    `person_id` has no foreign key because people stand to the right of regions.
    """

    id = fields.UUIDField(primary_key=True)
    kind = fields.TextField()
    region: fields.ForeignKeyRelation[Region] = fields.ForeignKeyField(
        "lianhu.Region", on_delete=fields.RESTRICT, related_name="responsibilities"
    )
    branch: fields.ForeignKeyNullableRelation[Branch] = fields.ForeignKeyField(
        "lianhu.Branch", null=True, on_delete=fields.RESTRICT, related_name="responsibilities"
    )
    person_id = fields.UUIDField(null=True)

    class Meta:
        table = "responsibility"
        indexes = [Index(fields=["region_id"]), Index(fields=["branch_id"]), Index(fields=["person_id"])]


class RegionRule(Dated):
    """A number that a township sets for itself from a day on; without a region it is the general one (docs/rules.md O1)."""

    id = fields.UUIDField(primary_key=True)
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "lianhu.Region", null=True, on_delete=fields.RESTRICT, related_name="rules"
    )
    name = fields.TextField()
    number = fields.IntField()

    class Meta:
        table = "region_rule"
        indexes = [Index(fields=["region_id"])]


REGION_ROW = "id, parent_id, level, code, name"
BRANCH_ROW = "id, parent_id, kind, name, region_id"


async def find_region(area: str, today: date) -> Record | None:
    """A region by id, or by its code among those valid today."""
    column = "id::text" if len(area) == 36 else "code"
    return await database.fetch_row(
        f"SELECT {REGION_ROW}, path FROM region WHERE {column} = $1 AND during @> $2::date ORDER BY valid_from DESC LIMIT 1",
        area,
        today,
    )


async def list_children(
    parent_id: UUID | None, places: Sequence[UUID], today: date, after: tuple[str, UUID] | None, limit: int
) -> list[Record]:
    """Children of a region in code order, as far as they lie in, or lead to, one of the viewer's places."""
    return await database.fetch(
        f"""SELECT {REGION_ROW} FROM region r
            WHERE parent_id IS NOT DISTINCT FROM $1 AND during @> $3::date
              AND (path && $2::uuid[] OR EXISTS (SELECT FROM region p WHERE p.id = ANY ($2) AND p.path @> ARRAY[r.id]))
              AND ($4::text IS NULL OR (coalesce(code, ''), id) > ($4, $5::uuid))
            ORDER BY coalesce(code, ''), id LIMIT $6""",
        parent_id,
        list(places),
        today,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )


async def list_branches(
    branch_ids: Sequence[UUID], places: Sequence[UUID], today: date, after: UUID | None, limit: int
) -> list[Record]:
    """Branches at or below the given branches, or sitting in the given regions, in order of id."""
    return await database.fetch(
        f"""SELECT {BRANCH_ROW} FROM branch b WHERE during @> $3::date
              AND (path && $1::uuid[] OR EXISTS (SELECT FROM region r WHERE r.id = b.region_id AND r.path && $2::uuid[]))
              AND ($4::uuid IS NULL OR id > $4) ORDER BY id LIMIT $5""",
        list(branch_ids),
        list(places),
        today,
        after,
        limit,
    )


async def find_branch(branch_id: UUID) -> Record | None:
    """A branch with its path and the path of the region where it sits."""
    return await database.fetch_row(
        f"""SELECT {", ".join("b." + c.strip() for c in BRANCH_ROW.split(","))}, b.path, r.path AS region_path
            FROM branch b JOIN region r ON r.id = b.region_id WHERE b.id = $1""",
        branch_id,
    )


async def list_responsibilities(region_id: UUID, today: date) -> list[Record]:
    """Who answers for a region today."""
    return await database.fetch(
        """SELECT id, kind, region_id, branch_id, person_id, valid_from, valid_to FROM responsibility
           WHERE region_id = $1 AND during @> $2::date ORDER BY kind, valid_from, id""",
        region_id,
        today,
    )


async def find_region_by_id(region_id: UUID) -> Record | None:
    """A region with its path."""
    return await database.fetch_row(f"SELECT {REGION_ROW}, path FROM region WHERE id = $1", region_id)


async def place_name(place: UUID) -> str | None:
    """The name of a region or a branch."""
    found: str | None = await database.fetch_value(
        "SELECT name FROM region WHERE id = $1 UNION ALL SELECT name FROM branch WHERE id = $1", place
    )
    return found


async def touches(region_id: UUID, places: Sequence[UUID]) -> bool:
    """Whether a region lies in, or leads to, one of these places."""
    return bool(
        await database.fetch_value(
            """SELECT EXISTS (SELECT FROM region r WHERE r.id = $1 AND (r.path && $2::uuid[]
                 OR EXISTS (SELECT FROM region p WHERE p.id = ANY ($2) AND p.path @> ARRAY[$1::uuid])))""",
            region_id,
            list(places),
        )
    )


async def find_branch_by_id(text: str) -> Record | None:
    """A branch by the text of its id, as an operator types it."""
    return await database.fetch_row(f"SELECT {BRANCH_ROW} FROM branch WHERE id::text = $1", text)


async def lock(region_id: UUID) -> None:
    """Hold a region until the transaction ends: changes of its rules queue here."""
    await database.execute("SELECT FROM region WHERE id = $1 FOR NO KEY UPDATE", region_id)


async def rules_on(region_id: UUID, day: date) -> list[Record]:
    """The numbers in force in a township on a day, and since when; `own` = set by itself, else the general one."""
    return await database.fetch(
        """SELECT DISTINCT ON (name) name, number, valid_from AS since, region_id IS NOT NULL AS own FROM region_rule
           WHERE (region_id = $1 OR region_id IS NULL) AND during @> $2::date
           ORDER BY name, region_id IS NULL, valid_from DESC""",
        region_id,
        day,
    )


async def rule_spans(region_id: UUID, name: str) -> list[Record]:
    """What a township has set for one rule itself, in order of days; empty rows left out."""
    return await database.fetch(
        """SELECT id, number, valid_from, valid_to FROM region_rule
           WHERE region_id = $1 AND name = $2 AND NOT isempty(during) ORDER BY valid_from""",
        region_id,
        name,
    )


async def close_rule(rule_id: UUID, on: date) -> None:
    """End a number on a day; on or before its first day it never was."""
    await database.execute(
        "UPDATE region_rule SET valid_to = greatest(valid_from, $2::date) WHERE id = $1", rule_id, on
    )


async def rule_days(region_id: UUID, day: date) -> list[date]:
    """A day, and every later one on which a number of a township changes."""
    rows = await database.fetch(
        """SELECT $2::date AS day UNION SELECT d FROM region_rule q, unnest(ARRAY[q.valid_from, q.valid_to]) d
           WHERE (q.region_id = $1 OR q.region_id IS NULL) AND NOT isempty(q.during) AND d > $2::date ORDER BY day""",
        region_id,
        day,
    )
    return [row["day"] for row in rows]
