"""Who sees which rows: every query about households, people or areas on behalf of a viewer goes through here.

A scope is where a verb reaches: regions, branches, and the person's own links (docs/rules.md S1). Access to a
household is `own` (linked to the viewer), `area` (it lies in the viewer's place) or `linked` (elsewhere, but linked to
somebody of the viewer's branch: read only). No place, no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from models import database
from models.database import Record


class Access(StrEnum):
    OWN = "own"
    AREA = "area"
    LINKED = "linked"


class Places(Protocol):
    """Where a verb reaches; `backend.http.viewer.Places` is one."""

    @property
    def regions(self) -> tuple[UUID, ...]: ...
    @property
    def branches(self) -> tuple[UUID, ...]: ...
    @property
    def person_id(self) -> UUID | None: ...


# $1 regions, $2 branches, $3 person, $4 today. The tree is the tree of today (docs/rules.md S1).
GRIDS = """
grids AS (
  SELECT id FROM region WHERE level = 'micro_grid' AND path && $1::uuid[] AND during @> $4::date
  UNION
  SELECT p.region_id FROM responsibility p JOIN branch b ON b.id = p.branch_id
  WHERE p.kind = 'branch_micro_grid' AND b.path && $2::uuid[] AND p.during @> $4::date)"""


def seen(only: str = "") -> str:
    """CTE `seen(household_id, access)`; `only` narrows each part, as a condition on {h}."""
    return f"""{GRIDS}, seen AS (
  SELECT household_id, min(access) AS access FROM (
    SELECT a.household_id, 1 AS access FROM assignment a
    WHERE a.person_id = $3::uuid AND a.during @> $4::date {only.format(h="a.household_id")}
    UNION ALL
    -- a household is where it is today, where it will open, or where it was when it closed
    SELECT r.household_id, 2 FROM residence r JOIN household h0 ON h0.id = r.household_id
    WHERE r.micro_grid_id IN (SELECT id FROM grids) {only.format(h="r.household_id")}
      AND r.during @> least(greatest($4::date, h0.opened_on), coalesce(h0.closed_on - 1, 'infinity'::date))
    UNION ALL
    SELECT a.household_id, 3 FROM branch b JOIN membership m ON m.branch_id = b.id AND m.during @> $4::date
    JOIN assignment a ON a.person_id = m.person_id AND a.during @> $4::date
    WHERE b.path && $2::uuid[] {only.format(h="a.household_id")}) x
  GROUP BY household_id)"""


#: How `seen.access` in the SQL is read: the least number is the closest access.
ACCESS = {1: Access.OWN, 2: Access.AREA, 3: Access.LINKED}


def arguments(places: Places, today: date) -> list[object]:
    return [list(places.regions), list(places.branches), places.person_id, today]


async def access(places: Places, household_id: UUID, today: date) -> Access | None:
    """How a viewer reaches a household today; None = it does not exist for them."""
    found = await database.fetch_value(
        f"WITH {seen('AND {h} = $5::uuid')} SELECT access FROM seen", *arguments(places, today), household_id
    )
    return ACCESS.get(found)


HOUSEHOLD = """
SELECT h.id, h.code, h.group_name, h.head_sealed, h.head_masked, h.phone_sealed IS NOT NULL AS has_phone, h.address_sealed,
  h.opened_on, h.closed_on, h.version, s.access, r.micro_grid_id, g.name AS micro_grid_name, r.status AS residence,
  CASE WHEN EXISTS (SELECT FROM tier t WHERE t.household_id = h.id AND t.during @> $4::date) THEN 'key' ELSE 'ordinary' END AS tier,
  p.id AS primary_assignment_id, p.person_id AS primary_person_id, w.name_sealed AS primary_name_sealed, p.valid_from AS primary_since,
  (SELECT max(v.occurred_on) FROM visit v WHERE v.household_id = h.id AND v.contact) AS last_contact_on, l.occurred_on AS last_visit_on,
  l.outcome AS last_outcome
FROM seen s JOIN household h ON h.id = s.household_id
LEFT JOIN LATERAL (SELECT micro_grid_id, status FROM residence r WHERE r.household_id = h.id
  AND r.during @> least(greatest($4::date, h.opened_on), coalesce(h.closed_on - 1, 'infinity'::date))) r ON true
LEFT JOIN region g ON g.id = r.micro_grid_id
LEFT JOIN assignment p ON p.household_id = h.id AND p.role = 'primary' AND p.during @> $4::date
LEFT JOIN person w ON w.id = p.person_id
LEFT JOIN LATERAL (SELECT v.occurred_on, v.outcome FROM visit v WHERE v.household_id = h.id AND v.voided_at IS NULL
  ORDER BY v.occurred_on DESC, v.recorded_at DESC LIMIT 1) l ON true"""


async def find_household(places: Places, household_id: UUID, today: date) -> Record | None:
    """One household as the viewer may see it."""
    return await database.fetch_row(
        f"WITH {seen('AND {h} = $5::uuid')} {HOUSEHOLD}", *arguments(places, today), household_id
    )


async def list_households(
    places: Places,
    today: date,
    *,
    region_id: UUID | None,
    person_id: UUID | None,
    gap: bool,
    after: tuple[str, UUID] | None,
    limit: int,
    ids: Sequence[UUID] | None = None,
) -> list[Record]:
    """Open households in scope in order of code; in a region, linked to a person, without a primary, or of these ids."""
    return await database.fetch(
        f"""WITH {seen()}, page AS (
              SELECT s.household_id, s.access FROM seen s JOIN household h ON h.id = s.household_id
              WHERE (h.closed_on IS NULL OR h.closed_on > $4::date)
                AND ($5::uuid IS NULL OR EXISTS (SELECT FROM residence r JOIN region g ON g.id = r.micro_grid_id
                     WHERE r.household_id = h.id AND r.during @> $4::date AND g.path @> ARRAY[$5::uuid]))
                AND ($6::uuid IS NULL OR EXISTS (SELECT FROM assignment a
                     WHERE a.household_id = h.id AND a.person_id = $6 AND a.during @> $4::date))
                AND (NOT $7::bool OR (      -- a gap: of the set on this day (C2) and without a primary
                     NOT EXISTS (SELECT FROM assignment a WHERE a.household_id = h.id AND a.role = 'primary' AND a.during @> $4::date)
                     AND EXISTS (SELECT FROM residence r WHERE r.household_id = h.id AND r.status <> 'nominal' AND r.during @> $4::date)
                     AND NOT EXISTS (SELECT FROM home o
                       JOIN membership m ON m.person_id = o.person_id AND m.kind IN ('full', 'probationary') AND m.during @> $4::date
                       JOIN assignment a ON a.person_id = o.person_id AND a.during @> $4::date
                       WHERE o.household_id = h.id AND o.during @> $4::date)))
                AND ($8::text IS NULL OR (coalesce(h.code, ''), h.id) > ($8, $9::uuid))
                AND ($11::uuid[] IS NULL OR h.id = ANY ($11))
              ORDER BY coalesce(h.code, ''), h.id LIMIT $10)
            {HOUSEHOLD.replace("FROM seen s", "FROM page s")} ORDER BY coalesce(h.code, ''), h.id""",
        *arguments(places, today),
        region_id,
        person_id,
        gap,
        after[0] if after else None,
        after[1] if after else None,
        limit,
        None if ids is None else list(ids),
    )


async def sealed_heads(places: Places, today: date) -> list[Record]:
    """The heads of all open households in scope, sealed: to be looked through for a name."""
    return await database.fetch(
        f"""WITH {seen()} SELECT h.id, h.head_sealed FROM seen s JOIN household h ON h.id = s.household_id
            WHERE h.closed_on IS NULL OR h.closed_on > $4::date""",
        *arguments(places, today),
    )


async def branch_ids(places: Places, today: date) -> list[UUID]:
    """The branches of a scope: at or below its branches, or sitting in its regions."""
    rows = await database.fetch(
        """SELECT id FROM branch b WHERE during @> $3::date
             AND (path && $2::uuid[] OR EXISTS (SELECT FROM region r WHERE r.id = b.region_id AND r.path && $1::uuid[]))""",
        list(places.regions),
        list(places.branches),
        today,
    )
    return [row["id"] for row in rows]


async def region_roots(places: Places, today: date) -> list[UUID]:
    """The regions that a viewer's places are or sit in; a person's place is where their branch sits."""
    rows = await database.fetch(
        """SELECT unnest($1::uuid[]) AS id UNION SELECT region_id FROM branch WHERE id = ANY ($2::uuid[])
           UNION SELECT b.region_id FROM membership m JOIN branch b ON b.id = m.branch_id
           WHERE m.person_id = $3::uuid AND m.during @> $4::date""",
        *arguments(places, today),
    )
    return [row["id"] for row in rows]


async def holds_grid(places: Places, micro_grid_id: UUID, today: date) -> bool:
    """Whether a region is a micro-grid of this scope today."""
    return bool(
        await database.fetch_value(
            f"WITH {GRIDS}, nobody AS (SELECT $3::uuid) SELECT EXISTS (SELECT FROM grids WHERE id = $5::uuid)",
            *arguments(places, today),
            micro_grid_id,
        )
    )


async def area_grids(places: Places, region_id: UUID, today: date) -> list[UUID] | None:
    """The micro-grids below a region, if the whole of it lies in the scope; else None.

    A region lies in the scope when it is at or below one of its regions, or when each of its micro-grids is answered
    for by the scope's branches.
    """
    row = await database.fetch_row(
        f"""WITH {GRIDS}, nobody AS (SELECT $3::uuid),
            below AS (SELECT id FROM region WHERE level = 'micro_grid' AND path @> ARRAY[$5::uuid] AND during @> $4::date)
            SELECT (SELECT array_agg(id) FROM below) AS ids,
                   EXISTS (SELECT FROM region WHERE id = $5 AND path && $1::uuid[])
                   OR (EXISTS (SELECT FROM below) AND NOT EXISTS (SELECT FROM below WHERE id NOT IN (SELECT id FROM grids))) AS inside""",
        *arguments(places, today),
        region_id,
    )
    if row is None or not row["inside"]:
        return None
    return list(row["ids"] or [])


async def in_area(places: Places, household_ids: Sequence[UUID], today: date) -> set[UUID]:
    """Which of these households lie in a viewer's place today, so that the viewer may change them."""
    rows = await database.fetch(
        f"""WITH {GRIDS}, nobody AS (SELECT $3::uuid), lies AS (
              SELECT r.household_id FROM residence r JOIN household h ON h.id = r.household_id
              WHERE r.household_id = ANY ($5::uuid[]) AND r.micro_grid_id IN (SELECT id FROM grids)
                AND r.during @> least(greatest($4::date, h.opened_on), coalesce(h.closed_on - 1, 'infinity'::date)))
            SELECT household_id FROM lies""",
        *arguments(places, today),
        list(household_ids),
    )
    return {row["household_id"] for row in rows}


async def people_in_branches(branches: Sequence[UUID], person_id: UUID, day: date) -> bool:
    """Whether a person is in service of one of these branches on a day."""
    return bool(
        await database.fetch_value(
            """SELECT EXISTS (SELECT FROM membership WHERE person_id = $2 AND branch_id = ANY ($1::uuid[]) AND during @> $3::date)""",
            list(branches),
            person_id,
            day,
        )
    )
