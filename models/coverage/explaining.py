"""One household in one period: its rows, its days, its visits and what was due, so that its figures can be redone by hand."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from models import database
from models.coverage import COLUMNS
from models.database import Record

PLACED = """x.*, g.name AS micro_grid_name, b.name AS branch_name FROM ({rows}) x
  LEFT JOIN region g ON g.id = x.micro_grid_id LEFT JOIN branch b ON b.id = x.branch_id ORDER BY 1, 2"""


async def named(household_id: UUID) -> Record:
    """What lists show of a household, where it is or was last registered."""
    row = await database.fetch_row(
        """SELECT h.id AS household_id, h.code, h.group_name, h.head_masked, g.id AS micro_grid_id, g.name AS micro_grid_name, true AS seen
           FROM household h LEFT JOIN LATERAL (SELECT r.micro_grid_id FROM residence r WHERE r.household_id = h.id AND NOT isempty(r.during)
                                               ORDER BY r.valid_from DESC LIMIT 1) r ON true
           LEFT JOIN region g ON g.id = r.micro_grid_id WHERE h.id = $1""",
        household_id,
    )
    assert row is not None
    return row


async def rows(household_id: UUID, period_id: int) -> list[Record]:
    """What the household adds to the figures of a period and of its months, by the facts of now; the period first."""
    of = """SELECT c.* FROM unnest(coverage_parts($2)) AS p(id) CROSS JOIN LATERAL coverage_of(ARRAY[$1::uuid], ARRAY[p.id]) c"""
    return await database.fetch("SELECT " + PLACED.format(rows=of), household_id, period_id)


async def frozen_rows(household_id: UUID, period_id: int) -> list[Record]:
    """The same as it was frozen, by part."""
    of = f"""SELECT period_id, part, micro_grid_id, branch_id, {", ".join(COLUMNS)}, stock, stock_covered
             FROM household_frozen WHERE household_id = $1 AND period_id = ANY (coverage_parts($2))"""
    return await database.fetch("SELECT " + PLACED.format(rows=of), household_id, period_id)


async def family(household_id: UUID, period_id: int) -> tuple[list[UUID], UUID | None]:
    """The household and those it answers for in a period; and who answers for it, if somebody does (docs/rules.md C25)."""
    row = await database.fetch_row(
        """SELECT $1::uuid || ARRAY(SELECT s.household_id FROM succession s WHERE s.successor_id = $1 AND s.annulled_at IS NULL
                                      AND s.on_day < upper(d.span)) AS ids,
                  (SELECT s.successor_id FROM succession s WHERE s.household_id = $1 AND s.annulled_at IS NULL AND s.on_day < upper(d.span)
                   ORDER BY s.on_day DESC, s.successor_id DESC LIMIT 1) AS successor_id
           FROM period d WHERE d.id = $2""",
        household_id,
        period_id,
    )
    assert row is not None
    return list(row["ids"]), row["successor_id"]


async def days(family: list[UUID], period_id: int) -> list[Record]:
    """The days of a period by what they are, each `[from, to)` cut to the period, in order: how the household lived (resident,
    away, nominal), `party` days, `key` days, days with a primary in service (`linked`), days in the set (`exposed`), those
    of them with a primary (`covered`) and without (`gap`)."""
    return await database.fetch(
        """WITH d AS (SELECT datemultirange(span) AS whole FROM period WHERE id = $2), fact AS (
             SELECT 'resident' AS what, range_agg(during) AS m FROM residence WHERE household_id = ANY ($1::uuid[]) AND status = 'resident'
             UNION ALL SELECT 'away', range_agg(during) FROM residence WHERE household_id = ANY ($1) AND status = 'away'
             UNION ALL SELECT 'nominal', range_agg(during) FROM residence WHERE household_id = ANY ($1) AND status = 'nominal'
             UNION ALL SELECT 'party', range_agg(o.during * m.during * a.during)
             FROM home o JOIN membership m ON m.person_id = o.person_id AND m.kind IN ('full', 'probationary')
             JOIN assignment a ON a.person_id = o.person_id WHERE o.household_id = ANY ($1)
             UNION ALL SELECT 'key', range_agg(during) FROM tier WHERE household_id = ANY ($1)
             UNION ALL SELECT 'linked', range_agg(a.during * m.during) FROM assignment a JOIN membership m ON m.person_id = a.person_id
             WHERE a.household_id = ANY ($1) AND a.role = 'primary'
           ), here AS (
             SELECT coalesce(r.m, '{}') + coalesce(w.m, '{}') - coalesce(p.m, '{}') AS here, coalesce(l.m, '{}') AS linked
             FROM fact r, fact w, fact p, fact l WHERE (r.what, w.what, p.what, l.what) = ('resident', 'away', 'party', 'linked')
           ), every AS (
             SELECT * FROM fact UNION ALL SELECT 'exposed', here FROM here UNION ALL SELECT 'covered', here * linked FROM here
             UNION ALL SELECT 'gap', here - linked FROM here)
           SELECT what, lower(r) AS from_, upper(r) AS to, upper(r) - lower(r) AS days
           FROM every, d, unnest(m * whole) r ORDER BY what, 2""",
        family,
        period_id,
    )


async def visits(family: list[UUID], start: date, until: date, send_only_days: int) -> list[Record]:
    """The visits of some days with why each counts or does not, and what the first visitor was to the household (L3); no names."""
    return await database.fetch(
        """SELECT v.id, v.occurred_on, v.mode, v.outcome,
                  CASE WHEN v.voided_at IS NOT NULL THEN 'voided' WHEN c.contact THEN 'counted' WHEN v.contact THEN 'own_home'
                       WHEN v.outcome = 'declined' THEN 'declined' ELSE 'attempt' END AS counts, v.recorded_at,
                  CASE WHEN EXISTS (SELECT FROM assignment a WHERE a.household_id = v.household_id AND a.person_id = v.visitor_id
                         AND (a.during @> v.occurred_on OR (a.valid_to = v.occurred_on AND a.valid_from < a.valid_to AND a.ended_at > v.noted_at))) THEN 'own'
                       WHEN EXISTS (SELECT FROM assignment a WHERE a.household_id = v.household_id AND a.person_id = v.visitor_id
                         AND a.valid_from < a.valid_to AND a.valid_to BETWEEN v.occurred_on - $3::int AND v.occurred_on) THEN 'substitute'
                       WHEN EXISTS (SELECT FROM residence r JOIN responsibility p ON p.region_id = r.micro_grid_id AND p.during @> v.occurred_on
                         JOIN membership m ON m.branch_id = p.branch_id AND m.person_id = v.visitor_id AND m.during @> v.occurred_on
                         AND m.kind IN ('full', 'probationary')
                         WHERE r.household_id = v.household_id AND r.during @> v.occurred_on) THEN 'substitute'
                       ELSE 'staff' END AS visitor
           FROM visit v LEFT JOIN counted_visit c ON c.id = v.id
           WHERE v.household_id = ANY ($1::uuid[]) AND v.occurred_on >= $2::date AND v.occurred_on < $4::date ORDER BY v.occurred_on, v.id""",
        family,
        start,
        send_only_days,
        until,
    )


async def obligations(household_id: UUID, period_id: int) -> list[Record]:
    """The regular obligations with their due date in a period, also those that do not count (docs/rules.md O3 to O6)."""
    return await database.fetch(
        """WITH month AS (SELECT m.id FROM period m, period d WHERE d.id = $2 AND m.kind = 'month' AND m.span <@ d.span)
           SELECT o.*, CASE WHEN o.met_on IS NULL THEN late_contact_of(o.household_id, o.period_id, o.due_on, o.in_person) END AS later_on,
             o.since > o.anchor_on AS by_visit
           FROM obligations_of(array_fill($1::uuid, ARRAY[(SELECT count(*)::int FROM month)]), (SELECT array_agg(id) FROM month)) o
           ORDER BY o.due_on, o.since, o.kind""",
        household_id,
        period_id,
    )


async def must_visits(household_id: UUID, family: list[UUID], period_id: int) -> list[Record]:
    """The must-visits with their deadline in a period, also the withdrawn ones (docs/rules.md O7)."""
    return await database.fetch(
        """WITH month AS (SELECT m.id FROM period m, period d WHERE d.id = $3 AND m.kind = 'month' AND m.span <@ d.span)
           SELECT o.id, o.kind, o.since, o.due_on, o.met_on, o.declined, false AS withdrawn, NULL AS withdraw_reason
           FROM must_visits_of(array_fill($1::uuid, ARRAY[(SELECT count(*)::int FROM month)]), (SELECT array_agg(id) FROM month)) o
           UNION ALL
           SELECT m.id, m.kind, m.since, m.due_on, NULL, false, true, m.withdraw_reason FROM must_visit m JOIN period d ON d.id = $3
           WHERE m.household_id = ANY ($2::uuid[]) AND m.withdrawn_at IS NOT NULL AND d.span @> m.due_on ORDER BY due_on, id""",
        household_id,
        family,
        period_id,
    )
