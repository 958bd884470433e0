"""The households behind a figure, one page at a time, each with the facts that say why it is in or out (docs/rules.md F5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from models import database, scope
from models.coverage import COLUMNS
from models.database import Record

#: (code, household, period, number within the household's row): where a page ended.
Key = tuple[str, UUID, int, int]


class Unit(StrEnum):
    """What is counted: households of a period, those of a day, or the obligations of a household."""

    HOUSEHOLD = "household"
    STOCK = "stock"
    REGULAR = "regular"
    MUST = "must"


@dataclass(frozen=True)
class Asked:
    """Which rows: of these periods and places; `frozen` names the frozen part, None = as the facts are today."""

    unit: Unit
    numerator: str
    denominator: str
    periods: Sequence[int]
    grids: Sequence[UUID]
    branches: Sequence[UUID] | None
    day: date
    frozen: str | None


# $5 periods, $6 micro-grids, $7 branches or null, $8 the day of the stock, $9 the frozen part.
OPEN = f"""SELECT r.period_id, r.household_id, r.micro_grid_id, r.branch_id, {", ".join(f"r.{c}" for c in COLUMNS)}, 0 AS stock,
  0 AS stock_covered, r.unmet, r.must_unmet FROM unnest($5::int[]) AS m(id) CROSS JOIN LATERAL coverage_rows(m.id, $6::uuid[]) r
  WHERE $8::date IS NOT NULL AND $9::text IS NULL"""
STOCK = f"""SELECT ($5::int[])[1] AS period_id, s.household_id, s.micro_grid_id, s.branch_id, {", ".join(f"0 AS {c}" for c in COLUMNS)},
  1 AS stock, s.covered::int AS stock_covered, NULL::date[] AS unmet, NULL::date[] AS must_unmet
  FROM stock_on($8::date, $6::uuid[]) s WHERE $9::text IS NULL"""
FROZEN = f"""SELECT f.period_id, f.household_id, f.micro_grid_id, f.branch_id, {", ".join(f"f.{c}" for c in COLUMNS)}, f.stock,
  f.stock_covered, NULL::date[] AS unmet, NULL::date[] AS must_unmet FROM household_frozen f
  WHERE f.part = $9::text AND f.period_id = ANY ($5::int[]) AND f.micro_grid_id = ANY ($6::uuid[]) AND $8::date IS NOT NULL"""

# Which days nothing has met are still in time on the day of reading ($4): outside of the denominator (C19, C20).
IN_TIME = {
    Unit.REGULAR: "(SELECT count(*) FROM unnest(unmet) x WHERE x >= $4::date - 7)",
    Unit.MUST: "(SELECT count(*) FROM unnest(must_unmet) x WHERE x >= $4::date)",
}

# What a chosen row counts. An obligation is a row of its own.
EACH_HOUSEHOLD = """SELECT p.*, 1::bigint AS n, p.num::int AS numerator, p.den::int AS denominator,
  NULL::text AS kind, NULL::date AS since, NULL::date AS due_on, NULL::date AS met_on, NULL::boolean AS in_person FROM pair p"""
EACH_FROZEN = """SELECT p.*, o.n::bigint AS n, (o.met_on IS NOT NULL)::int AS numerator, 1 AS denominator, o.kind, o.since, o.due_on, o.met_on, o.in_person
  FROM pair p JOIN obligation_frozen o ON (o.period_id, o.part, o.household_id) = (p.period_id, $9, p.household_id)"""
EACH_REGULAR = """SELECT p.*, o.n, (o.met_on IS NOT NULL)::int AS numerator,
  (o.met_on IS NOT NULL OR o.due_on < $4::date - 7)::int AS denominator, o.kind, o.since, o.due_on, o.met_on, o.in_person
  FROM pair p JOIN (
    SELECT *, row_number() OVER (PARTITION BY household_id, period_id ORDER BY due_on, since, kind) AS n
    FROM obligations_of((SELECT array_agg(household_id) FROM pair), (SELECT array_agg(period_id) FROM pair)) WHERE cancelled IS NULL
  ) o USING (household_id, period_id)"""
EACH_MUST = """SELECT p.*, o.n, (o.met_on IS NOT NULL)::int AS numerator,
  (o.met_on IS NOT NULL OR o.due_on < $4::date)::int AS denominator, o.kind, o.since, o.due_on, o.met_on, true AS in_person
  FROM pair p JOIN (
    SELECT *, row_number() OVER (PARTITION BY household_id, period_id ORDER BY due_on, id) AS n
    FROM must_visits_of((SELECT array_agg(household_id) FROM pair), (SELECT array_agg(period_id) FROM pair)) WHERE NOT declined
  ) o USING (household_id, period_id)"""

NO_FACTS = "NULL::int AS contacts, NULL::date AS last_contact_on, NULL::int AS gap_days, NULL::date AS gap_since, NULL::text AS gap_reason, NULL::date AS later_on"
# The facts behind a row, those of a frozen one as they were. Contacts are also shown where the figure asks for one in person.
CONTACTS = f"""SELECT c.contacts, c.last_contact_on, n.gap_days, n.gap_since, n.gap_reason, n.later_on
  FROM contacts_of(i.household_id, i.period_id) c, (SELECT {NO_FACTS}) n"""
GAP = """SELECT NULL::int AS contacts, NULL::date AS last_contact_on, (array_agg(g.gap_days))[1] AS gap_days, (array_agg(g.since))[1] AS gap_since,
  (array_agg(g.reason))[1] AS gap_reason, NULL::date AS later_on FROM gaps_on($8::date, ARRAY[i.household_id]) g WHERE i.numerator = 0"""
LATE = f"""SELECT n.contacts, n.last_contact_on, n.gap_days, n.gap_since, n.gap_reason,
  CASE WHEN i.met_on IS NULL THEN late_contact_of(i.household_id, i.period_id, i.due_on, i.in_person) END AS later_on FROM (SELECT {NO_FACTS}) n"""
FROZEN_FACTS = """SELECT f.contacts, f.last_contact_on, f.gap_days, f.gap_since, f.gap_reason, NULL::date AS later_on
  FROM household_frozen f WHERE (f.period_id, f.part, f.household_id) = (i.period_id, $9, i.household_id)"""
FROZEN_LATE = f"""SELECT n.contacts, n.last_contact_on, n.gap_days, n.gap_since, n.gap_reason, o.later_on
  FROM obligation_frozen o, (SELECT {NO_FACTS}) n WHERE (o.period_id, o.part, o.household_id, o.n) = (i.period_id, $9, i.household_id, i.n)"""


def _parts(asked: Asked) -> tuple[str, str, str]:
    """(where rows come from, what each counts, the facts behind it)."""
    if asked.frozen is not None:
        return (FROZEN, EACH_FROZEN, FROZEN_LATE) if asked.unit in IN_TIME else (FROZEN, EACH_HOUSEHOLD, FROZEN_FACTS)
    if asked.unit is Unit.STOCK:
        return STOCK, EACH_HOUSEHOLD, GAP
    if asked.unit is Unit.HOUSEHOLD:
        return OPEN, EACH_HOUSEHOLD, CONTACTS
    return OPEN, EACH_REGULAR if asked.unit is Unit.REGULAR else EACH_MUST, LATE


#: Which rows a state chooses, and which of the obligations in them.
STATES = {
    "numerator": ("num > 0", "numerator > 0"),
    "denominator": ("den > in_time", "denominator > 0"),
    "difference": ("den - num > in_time", "numerator < denominator"),
}


async def page(
    places: scope.Places, today: date, asked: Asked, state: str, *, pending: str | None, after: Key | None, limit: int
) -> list[Record]:
    """Rows behind a figure in a state, in order of code, household, period: `state` is numerator, denominator,
    difference or pending, `pending` the column of it. `numerator` and `denominator` of a row are what it adds.

    `seen` says whether the household lies in the viewer's scope today; if not, its row counts without naming it.
    """
    source, each, facts = _parts(asked)
    in_time = IN_TIME[asked.unit] if asked.unit in IN_TIME and asked.frozen is None else "0"
    if state != "pending":
        choose, keep = STATES[state]
    elif asked.unit in IN_TIME:
        choose, keep = "in_time > 0", "denominator = 0"
    else:
        choose, keep = f"{pending} > 0" if pending else "false", "true"
    return await database.fetch(
        f"""WITH chosen AS (
              SELECT * FROM (SELECT r.*, {asked.numerator} AS num, {asked.denominator} AS den, {in_time} AS in_time FROM ({source}) r
                             WHERE $7::uuid[] IS NULL OR r.branch_id = ANY ($7)) x WHERE {choose}
            ), pair AS MATERIALIZED (      -- two more than asked for: the one the page before ended in may hold nothing more
              SELECT c.*, coalesce(h.code, '') AS sorted, h.code, h.group_name, h.head_masked
              FROM chosen c JOIN household h ON h.id = c.household_id
              WHERE $10::text IS NULL OR (coalesce(h.code, ''), h.id, c.period_id) >= ($10, $11::uuid, $12::int)
              ORDER BY coalesce(h.code, ''), h.id, c.period_id LIMIT $14::int + 1
            ), item AS MATERIALIZED (
              SELECT * FROM ({each}) e
              WHERE {keep} AND ($10::text IS NULL OR (sorted, household_id, period_id, n) > ($10, $11, $12, $13::int))
              ORDER BY sorted, household_id, period_id, n LIMIT $14
            ), {scope.seen("AND {h} IN (SELECT household_id FROM item)")}
            SELECT i.*, g.name AS micro_grid_name, f.*, i.household_id IN (SELECT household_id FROM seen) AS seen
            FROM item i JOIN region g ON g.id = i.micro_grid_id LEFT JOIN LATERAL ({facts}) f ON true
            ORDER BY sorted, i.household_id, i.period_id, i.n""",
        *scope.arguments(places, today),
        list(asked.periods),
        list(asked.grids),
        None if asked.branches is None else list(asked.branches),
        asked.day,
        asked.frozen,
        *(after or (None, None, None, None)),
        limit,
    )
