"""Proposals: who could be linked to whom, with reasons, until somebody applies or discards them (docs/rules.md L7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database
from models.accounts import Account
from models.database import Record
from models.households import Household
from models.people import Person


class Proposal(Model):
    """A proposal for a place from a day on. It changes nothing until it is applied, once and as a whole."""

    id = fields.UUIDField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "lianhu.Account", on_delete=fields.RESTRICT, related_name="proposals"
    )
    #: A region or a branch.
    place_id = fields.UUIDField()
    starts_on = fields.DateField()
    keeps = fields.BooleanField()
    version = fields.IntField(db_default=1)
    made_at = fields.DatetimeField(db_default=Now())
    applied_at = fields.DatetimeField(null=True)

    class Meta:
        table = "proposal"
        indexes = [Index(fields=["account_id"])]


class ProposalItem(Model):
    """One household of a proposal: the person proposed, or none with the reason why."""

    id = fields.BigIntField(primary_key=True)
    proposal: fields.ForeignKeyRelation[Proposal] = fields.ForeignKeyField(
        "lianhu.Proposal", on_delete=fields.RESTRICT, related_name="items"
    )
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="proposed"
    )
    person: fields.ForeignKeyNullableRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", null=True, on_delete=fields.RESTRICT, related_name="proposed"
    )
    reason = fields.TextField()
    sentence = fields.TextField()
    edited = fields.BooleanField(db_default=False)

    class Meta:
        table = "proposal_item"
        unique_together = (("proposal_id", "household_id"),)
        indexes = [Index(fields=["household_id"]), Index(fields=["person_id"])]


async def gather_households(grid_ids: Sequence[UUID], day: date) -> list[Record]:
    """The households of micro-grids that should be linked on a day (C2), with all that a proposal looks at.

    `current` is the primary on the day, if in service; a booked one counts, too, because nobody else has to be found.
    """
    return await database.fetch_anew(
        """SELECT s.household_id AS id, s.micro_grid_id, p.branch_id, h.group_name, v.id AS village_id, v.name AS village, t.id AS township_id,
             (SELECT min(k.reason) FROM tier k WHERE k.household_id = h.id AND k.during @> $1::date) AS need,
             (SELECT a.person_id FROM assignment a JOIN membership m ON m.person_id = a.person_id AND m.during @> greatest($1::date, a.valid_from)
              WHERE a.household_id = h.id AND a.role = 'primary' AND a.during && daterange($1::date, NULL) ORDER BY a.valid_from LIMIT 1) AS current,
             ARRAY(SELECT o.person_id FROM home o WHERE o.household_id = h.id AND o.during @> $1::date)
               || ARRAY(SELECT a.person_id FROM assignment a WHERE a.household_id = h.id AND a.end_reason = 'household_wish') AS refused,
             ARRAY(SELECT o.person_id FROM home o JOIN membership m ON m.person_id = o.person_id AND m.kind IN ('full', 'probationary')
                     AND m.during @> $1::date WHERE o.household_id = h.id AND o.during @> $1::date) AS home_of
           FROM stock_on($1::date, $2::uuid[]) s JOIN household h ON h.id = s.household_id JOIN region g ON g.id = s.micro_grid_id
           LEFT JOIN region v ON v.id = ANY (g.path) AND v.level = 'village'
           LEFT JOIN region t ON t.id = ANY (g.path) AND t.level = 'township'
           LEFT JOIN responsibility p ON p.region_id = s.micro_grid_id AND p.kind = 'branch_micro_grid' AND p.during @> $1::date
           ORDER BY h.id""",
        day,
        list(grid_ids),
    )


async def gather_people(branch_ids: Sequence[UUID], day: date) -> list[Record]:
    """The people in service of branches on a day, with all that a proposal looks at."""
    return await database.fetch(
        """SELECT m.person_id AS id, m.branch_id, m.kind, p.abilities, r.micro_grid_id, h.group_name, v.id AS village_id,
             EXISTS (SELECT FROM exemption e WHERE e.person_id = m.person_id AND e.during @> $2::date) AS exempt
           FROM membership m JOIN person p ON p.id = m.person_id
           LEFT JOIN home o ON o.person_id = m.person_id AND o.during @> $2::date
           LEFT JOIN household h ON h.id = o.household_id
           LEFT JOIN residence r ON r.household_id = h.id AND r.during @> $2::date
           LEFT JOIN region g ON g.id = r.micro_grid_id
           LEFT JOIN region v ON v.id = ANY (g.path) AND v.level = 'village'
           WHERE m.branch_id = ANY ($1::uuid[]) AND m.during @> $2::date ORDER BY m.person_id""",
        list(branch_ids),
        day,
    )


async def grids_of_branch(branch_id: UUID, day: date) -> list[UUID]:
    """The micro-grids for which a branch, or one below it, answers on a day."""
    rows = await database.fetch(
        """SELECT p.region_id FROM responsibility p JOIN branch b ON b.id = p.branch_id
           WHERE p.kind = 'branch_micro_grid' AND b.path @> ARRAY[$1::uuid] AND p.during @> $2::date ORDER BY p.region_id""",
        branch_id,
        day,
    )
    return [row["region_id"] for row in rows]


async def insert_items(proposal_id: UUID, items: Sequence[tuple[UUID, UUID | None, str, str]]) -> None:
    """Write what is proposed: (household, person, code of the reason, sentence)."""
    async with database.pg() as connection:
        await connection.copy_records_to_table(
            "proposal_item",
            records=[(proposal_id, *item) for item in items],
            columns=["proposal_id", "household_id", "person_id", "reason", "sentence"],
        )


_PROPOSAL = """SELECT q.id, q.account_id, q.place_id,
  coalesce((SELECT b.name FROM branch b WHERE b.id = q.place_id), (SELECT r.name FROM region r WHERE r.id = q.place_id)) AS place_name,
  q.starts_on, q.keeps, q.version, q.made_at, q.applied_at,
  (SELECT count(*) FROM proposal_item i WHERE i.proposal_id = q.id AND i.person_id IS NOT NULL) AS filled,
  (SELECT count(*) FROM proposal_item i WHERE i.proposal_id = q.id AND i.person_id IS NULL) AS unfilled
FROM proposal q"""


async def find_of(proposal_id: UUID, account_id: UUID) -> Record | None:
    """A proposal of an account."""
    return await database.fetch_row(f"{_PROPOSAL} WHERE q.id = $1 AND q.account_id = $2", proposal_id, account_id)


async def list_of(account_id: UUID, after: tuple[datetime, UUID] | None, limit: int) -> list[Record]:
    """The proposals of an account, newest first."""
    return await database.fetch(
        f"""{_PROPOSAL} WHERE q.account_id = $1 AND ($2::timestamptz IS NULL OR (q.made_at, q.id) < ($2, $3::uuid))
            ORDER BY q.made_at DESC, q.id DESC LIMIT $4""",
        account_id,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )


async def lock(proposal_id: UUID) -> None:
    """Hold a proposal until the transaction ends."""
    await database.execute("SELECT FROM proposal WHERE id = $1 FOR UPDATE", proposal_id)


ITEM = """
SELECT i.id AS item_id, i.household_id, h.code, h.group_name, h.head_masked AS head_name, g.name AS micro_grid_name, v.name AS village,
  i.person_id, w.name_sealed AS person_name_sealed, i.reason, i.sentence, i.edited,
  c.person_id AS current_id, d.name_sealed AS current_name_sealed
FROM proposal_item i JOIN proposal q ON q.id = i.proposal_id JOIN household h ON h.id = i.household_id
LEFT JOIN residence r ON r.household_id = h.id AND r.during @> greatest(q.starts_on, h.opened_on)
LEFT JOIN region g ON g.id = r.micro_grid_id
LEFT JOIN region v ON v.id = ANY (g.path) AND v.level = 'village'
LEFT JOIN person w ON w.id = i.person_id
LEFT JOIN assignment c ON c.household_id = h.id AND c.role = 'primary' AND c.during @> q.starts_on
LEFT JOIN person d ON d.id = c.person_id
WHERE i.proposal_id = $1"""


async def list_items(proposal_id: UUID, unfilled: bool, after: tuple[str, UUID] | None, limit: int) -> list[Record]:
    """The items of a proposal in order of household code; all, or those for which nobody could be found."""
    return await database.fetch(
        f"""{ITEM} AND (NOT $2::bool OR i.person_id IS NULL)
            AND ($3::text IS NULL OR (coalesce(h.code, ''), h.id) > ($3, $4::uuid)) ORDER BY coalesce(h.code, ''), h.id LIMIT $5""",
        proposal_id,
        unfilled,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )


async def find_item(proposal_id: UUID, household_id: UUID) -> Record | None:
    """One item."""
    return await database.fetch_row(f"{ITEM} AND i.household_id = $2", proposal_id, household_id)


async def edit_item(proposal_id: UUID, household_id: UUID, person_id: UUID | None, reason: str, sentence: str) -> None:
    """Somebody else, or nobody, for one household; the proposal's version goes on."""
    await database.execute(
        """UPDATE proposal_item SET person_id = $3, reason = $4, sentence = $5, edited = true
           WHERE proposal_id = $1 AND household_id = $2""",
        proposal_id,
        household_id,
        person_id,
        reason,
        sentence,
    )
    await database.execute("UPDATE proposal SET version = version + 1 WHERE id = $1", proposal_id)


async def wanted(proposal_id: UUID) -> dict[UUID, UUID]:
    """Who is to be linked to which household: household -> person."""
    rows = await database.fetch(
        "SELECT household_id, person_id FROM proposal_item WHERE proposal_id = $1 AND person_id IS NOT NULL ORDER BY household_id",
        proposal_id,
    )
    return {row["household_id"]: row["person_id"] for row in rows}


async def mark_applied(proposal_id: UUID) -> None:
    """The proposal has become links."""
    await database.execute("UPDATE proposal SET applied_at = now(), version = version + 1 WHERE id = $1", proposal_id)
