"""What an import reads and writes by the thousand: the places, households and people of a scope, and rows by COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from models import database
from models.database import Record
from models.scope import GRIDS, Places, arguments


async def grids(places: Places, today: date) -> list[Record]:
    """The micro-grids of a scope with their village and township."""
    return await database.fetch(
        f"""WITH {GRIDS}, nobody AS (SELECT $3::uuid)
            SELECT g.id, g.name, v.id AS village_id, v.name AS village, t.id AS township_id FROM grids x JOIN region g ON g.id = x.id
            LEFT JOIN region v ON v.id = ANY (g.path) AND v.level = 'village'
            LEFT JOIN region t ON t.id = ANY (g.path) AND t.level = 'township' ORDER BY g.code, g.id""",
        *arguments(places, today),
    )


async def households(grid_ids: Sequence[UUID], today: date, *, lock: bool) -> list[Record]:
    """The open households of micro-grids, with where they are registered today or when they open."""
    if lock:  # in a statement before, so that what is read is what the last holder left (docs/rules.md L5)
        await database.execute(
            """SELECT FROM household WHERE id IN (SELECT household_id FROM residence WHERE micro_grid_id = ANY ($1::uuid[]))
               ORDER BY id FOR NO KEY UPDATE""",
            list(grid_ids),
        )
    return await database.fetch(
        """SELECT h.id, h.code, h.group_name, h.head_sealed, h.phone_sealed, h.phone_index, h.address_sealed, h.opened_on, h.closed_on,
             r.micro_grid_id, r.status AS residence,
             (SELECT t.reason FROM tier t WHERE t.household_id = h.id AND t.during @> greatest($2::date, h.opened_on) LIMIT 1) AS tier
           FROM residence r JOIN household h ON h.id = r.household_id AND r.during @> greatest($2::date, h.opened_on)
           WHERE r.micro_grid_id = ANY ($1::uuid[]) AND (h.closed_on IS NULL OR h.closed_on > $2::date) ORDER BY h.id""",
        list(grid_ids),
        today,
    )


async def codes_elsewhere(codes: Sequence[str], known: Sequence[UUID]) -> list[str]:
    """Which of these codes belong to households other than the known ones."""
    rows = await database.fetch(
        "SELECT code FROM household WHERE code = ANY ($1::text[]) AND id <> ALL ($2::uuid[])", list(codes), list(known)
    )
    return [row["code"] for row in rows]


async def people(branch_ids: Sequence[UUID], today: date) -> list[Record]:
    """The people who serve in these branches today or will, with what is written about them."""
    return await database.fetch(
        """SELECT p.id, p.name_sealed, p.phone_sealed, p.phone_index, p.abilities, p.version, m.branch_id, m.kind, m.valid_from AS since,
             (SELECT a.id FROM account a WHERE a.person_id = p.id) AS account_id,
             (SELECT e.reason FROM exemption e WHERE e.person_id = p.id AND e.during @> $2::date LIMIT 1) AS exemption
           FROM membership m JOIN person p ON p.id = m.person_id
           WHERE m.branch_id = ANY ($1::uuid[]) AND (m.valid_to IS NULL OR m.valid_to > $2::date) AND NOT isempty(m.during)
           ORDER BY p.id, m.valid_from""",
        list(branch_ids),
        today,
    )


async def branches(branch_ids: Sequence[UUID]) -> list[Record]:
    """Names of branches."""
    return await database.fetch(
        "SELECT id, name, kind, path, region_id FROM branch WHERE id = ANY ($1::uuid[]) ORDER BY id", list(branch_ids)
    )


async def spans(table: str, owner: str, owners: Sequence[UUID], more: str = "") -> list[Record]:
    """The rows of a dated table that are not empty, in order of days, for many owners at once."""
    assert table in ("assignment", "membership", "exemption", "home")
    return await database.fetch(
        f"""SELECT id, {owner} AS owner, valid_from, valid_to {more} FROM {table}
            WHERE {owner} = ANY ($1::uuid[]) AND NOT isempty(during) ORDER BY {owner}, valid_from""",
        list(owners),
    )


async def tags(household_ids: Sequence[UUID], today: date) -> list[Record]:
    """The tags of households that have not expired."""
    return await database.fetch(
        """SELECT id, household_id, kind_index, purpose, expires_on FROM household_tag
           WHERE household_id = ANY ($1::uuid[]) AND expires_on > $2::date""",
        list(household_ids),
        today,
    )


async def copy(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write many new rows."""
    if rows:
        async with database.pg() as connection:
            await connection.copy_records_to_table(table, records=rows, columns=list(columns))


async def update_many(sql: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run one statement for many rows, in one go."""
    async with database.pg() as connection:
        await connection.executemany(sql, list(rows))


async def wait_for_turn() -> None:
    """One import writes at a time; the next one waits here and then sees what the last one left."""
    await database.execute("SELECT pg_advisory_xact_lock(7209)")


async def tree(township_id: UUID, today: date) -> list[Record]:
    """All regions below a township."""
    return await database.fetch(
        """SELECT id, parent_id, level, code, name, path FROM region
           WHERE path @> ARRAY[$1::uuid] AND id <> $1 AND during @> $2::date ORDER BY id""",
        township_id,
        today,
    )


async def branches_in(township_id: UUID, today: date) -> list[Record]:
    """All branches that sit in a township or below it."""
    return await database.fetch(
        """SELECT b.id, b.name, b.path, b.kind, b.region_id FROM branch b JOIN region r ON r.id = b.region_id
           WHERE r.path @> ARRAY[$1::uuid] AND b.during @> $2::date ORDER BY b.id""",
        township_id,
        today,
    )


async def duties(township_id: UUID, today: date) -> list[Record]:
    """Which branches answer for what below a township."""
    return await database.fetch(
        """SELECT p.id, p.kind, p.region_id, p.branch_id, p.valid_from FROM responsibility p JOIN region r ON r.id = p.region_id
           WHERE r.path @> ARRAY[$1::uuid] AND p.branch_id IS NOT NULL AND p.during @> $2::date""",
        township_id,
        today,
    )


async def region_and_below(region_id: UUID, today: date) -> list[Record]:
    """A region with the townships and villages below it."""
    return await database.fetch(
        """SELECT id, name, level FROM region WHERE path @> ARRAY[$1::uuid] AND during @> $2::date
           AND (id = $1 OR level IN ('township', 'village')) ORDER BY id""",
        region_id,
        today,
    )


async def logins(names: Sequence[str]) -> dict[str, set[tuple[str, UUID]]]:
    """Which of these logins are taken, with the roles that they hold and where."""
    rows = await database.fetch(
        """SELECT a.login, g.role, coalesce(g.region_id, g.branch_id) AS place FROM account a
           LEFT JOIN role_grant g ON g.account_id = a.id AND NOT isempty(g.during) WHERE a.login = ANY ($1::text[])""",
        list(names),
    )
    found: dict[str, set[tuple[str, UUID]]] = {}
    for row in rows:
        found.setdefault(row["login"], set()).add((row["role"], row["place"]))
    return found
