"""Frozen figures beside those of today: which households differ, and what was done since (docs/rules.md F2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from models import database, scope
from models.database import Record

#: For so many days before a period a visit can move its due dates, and for so many after it can still meet them (O3, O4).
VISITS_BEFORE, VISITS_AFTER = 400, 7


@dataclass(frozen=True)
class Compared:
    """A frozen part of some periods, and which of its columns are compared."""

    part: str
    periods: Sequence[int]
    columns: Sequence[str]

    @property
    def sql(self) -> str:
        """Rows that differ: (household, period, micro-grid, before, now). Nothing here comes from outside."""
        periods = f"period_id = ANY ('{{{','.join(map(str, self.periods))}}}')"
        now = "stock" if self.part == "stock" else f"(SELECT * FROM open WHERE {periods})"

        def values(side: str) -> str:
            return ", ".join(f"coalesce({side}.{column}, 0)" for column in self.columns)

        def shown(side: str) -> str:
            pairs = ", ".join(f"'{column}', coalesce({side}.{column}, 0)" for column in self.columns)
            return f"jsonb_build_object({pairs})"

        return f"""SELECT household_id, period_id, coalesce(n.micro_grid_id, f.micro_grid_id) AS micro_grid_id, {shown("f")} AS before, {shown("n")} AS now
          FROM (SELECT * FROM frozen WHERE part = '{self.part}' AND {periods}) f FULL JOIN {now} n USING (household_id, period_id)
          WHERE ({values("f")}) IS DISTINCT FROM ({values("n")})"""


async def differing(
    places: scope.Places,
    today: date,
    compared: Sequence[Compared],
    stock_day: date,
    grids: Sequence[UUID],
    branches: Sequence[UUID] | None,
    after: tuple[str, UUID] | None,
    limit: int,
) -> list[Record]:
    """Of a page of households, in order of code, what they added to the frozen figures of a place and what they add today.

    One row for each household, period and part that differs, with the columns of that part as JSON; who belonged, or
    belongs, to another place has zeros on that side.
    """
    periods = sorted({one for part in compared for one in part.periods})
    month = next((part.periods[0] for part in compared if part.part == "stock"), None)
    return await database.fetch(
        f"""WITH open AS MATERIALIZED (
              SELECT r.* FROM unnest($9::int[]) AS m(id) CROSS JOIN LATERAL coverage_rows(m.id, $5::uuid[]) r
              WHERE $6::uuid[] IS NULL OR r.branch_id = ANY ($6)
            ), stock AS MATERIALIZED (
              SELECT s.household_id, $8::int AS period_id, s.micro_grid_id, 1 AS stock, s.covered::int AS stock_covered
              FROM stock_on($7::date, $5) s WHERE $8 IS NOT NULL AND ($6 IS NULL OR s.branch_id = ANY ($6))
            ), frozen AS MATERIALIZED (
              SELECT * FROM household_frozen WHERE period_id = ANY ($9) AND micro_grid_id = ANY ($5) AND ($6 IS NULL OR branch_id = ANY ($6))
            ), differs AS MATERIALIZED ({" UNION ALL ".join(part.sql for part in compared)}
            ), page AS MATERIALIZED (
              SELECT DISTINCT coalesce(h.code, '') AS sorted, h.id AS household_id FROM differs JOIN household h ON h.id = differs.household_id
              WHERE $10::text IS NULL OR (coalesce(h.code, ''), h.id) > ($10, $11::uuid) ORDER BY 1, 2 LIMIT $12
            ), {scope.seen("AND {h} IN (SELECT household_id FROM page)")}
            SELECT d.household_id, d.period_id, d.micro_grid_id, d.before::text AS before, d.now::text AS now, page.sorted,
                   h.code, h.group_name, h.head_masked, g.name AS micro_grid_name, d.household_id IN (SELECT household_id FROM seen) AS seen
            FROM page JOIN differs d USING (household_id) JOIN household h ON h.id = d.household_id JOIN region g ON g.id = d.micro_grid_id
            ORDER BY page.sorted, d.household_id, d.period_id""",
        *scope.arguments(places, today),
        list(grids),
        None if branches is None else list(branches),
        stock_day,
        month,
        periods,
        *(after or (None, None)),
        limit,
    )


# What can move the figures of a household: its own residence and tier, its visits, links and must-visits, the links of
# those who live there (L4), and the same of households it answers for. $1 households, $2 since, $3 and $4 the period.
CHANGES = f"""
WITH own AS (
  SELECT h, h AS id FROM unnest($1::uuid[]) h
  UNION SELECT s.successor_id, s.household_id FROM succession s WHERE s.successor_id = ANY ($1) AND s.annulled_at IS NULL
), subject AS (
  SELECT own.h, own.id, 'household' AS what, NULL::date AS day FROM own
  UNION ALL SELECT own.h, v.id, 'visit', v.occurred_on FROM own JOIN visit v ON v.household_id = own.id
    AND v.occurred_on >= $3::date - {VISITS_BEFORE} AND v.occurred_on < $4::date + {VISITS_AFTER}
  UNION ALL SELECT own.h, m.id, 'must_visit', m.since FROM own JOIN must_visit m ON m.household_id = own.id AND m.since < $4 AND m.due_on >= $3
  UNION ALL SELECT own.h, a.id, 'assignment', x.day FROM own
    JOIN assignment a ON a.household_id = own.id
      OR a.person_id IN (SELECT o.person_id FROM home o WHERE o.household_id = own.id AND o.during && daterange($3, $4))
    CROSS JOIN LATERAL (VALUES (a.valid_from), (a.valid_to)) x(day) WHERE x.day < $4
)
SELECT DISTINCT ON (s.h, e.id) s.h AS household_id, e.id, e.at, e.action, e.reason, s.day, p.name_masked AS name,
  coalesce((SELECT min(r.role) FROM role_grant r WHERE r.account_id = e.account_id AND r.during @> (e.at AT TIME ZONE 'Asia/Shanghai')::date),
           CASE WHEN c.person_id IS NOT NULL THEN 'member' END) AS role
FROM subject s JOIN audit_entry e ON e.subject_id = s.id AND e.at > $2::timestamptz
LEFT JOIN account c ON c.id = e.account_id LEFT JOIN person p ON p.id = c.person_id
WHERE CASE e.action
  WHEN 'household.create' THEN true WHEN 'household.tier' THEN true
  WHEN 'household.residence' THEN EXISTS (      -- written down with the change, on a day before the end of the period
    SELECT FROM residence r WHERE r.household_id = s.id AND r.recorded_at = e.at AND r.valid_from < $4)
  WHEN 'assignment.end' THEN EXISTS (SELECT FROM assignment a WHERE a.id = s.id AND a.valid_to < $4)
  ELSE s.what <> 'household' AND e.action NOT LIKE 'household.%' END
ORDER BY s.h, e.id, s.day DESC"""


async def changes(households: Sequence[UUID], since: datetime, start: date, until: date) -> list[Record]:
    """What was done since a moment to these households that touches a period, in order: when, which action, by whom
    (the role of the account, and the masked name of its person)."""
    return await database.fetch(CHANGES, list(households), since, start, until)
