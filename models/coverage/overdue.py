"""The gaps of a day, and the households for which something is overdue (docs/rules.md C21, C22)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from models import database, scope
from models.database import Record

NAMED = """SELECT i.*, h.code, h.group_name, h.head_masked, g.name AS micro_grid_name, i.household_id IN (SELECT household_id FROM seen) AS seen
  FROM item i JOIN household h ON h.id = i.household_id JOIN region g ON g.id = i.micro_grid_id"""


async def gaps(
    places: scope.Places,
    today: date,
    on: date,
    grids: Sequence[UUID],
    branches: Sequence[UUID] | None,
    after: tuple[str, UUID] | None,
    limit: int,
) -> tuple[list[Record], int]:
    """A page of the gaps on a day in order of code, each with its days and reason, and how many there are in all."""
    rows = await database.fetch(
        f"""WITH gap AS MATERIALIZED (
              SELECT household_id, micro_grid_id FROM stock_on($5::date, $6::uuid[])
              WHERE NOT covered AND ($7::uuid[] IS NULL OR branch_id = ANY ($7))
            ), item AS MATERIALIZED (
              SELECT gap.*, coalesce(h.code, '') AS sorted FROM gap JOIN household h ON h.id = gap.household_id
              WHERE $8::text IS NULL OR (coalesce(h.code, ''), h.id) > ($8, $9::uuid) ORDER BY sorted, h.id LIMIT $10
            ), {scope.seen("AND {h} IN (SELECT household_id FROM item)")}
            SELECT n.count, x.* FROM (SELECT count(*) FROM gap) n LEFT JOIN (
              SELECT named.*, days.gap_days, days.since, days.reason FROM ({NAMED}) named
              JOIN gaps_on($5, (SELECT array_agg(household_id) FROM item)) days USING (household_id)) x ON true
            ORDER BY x.sorted, x.household_id""",
        *scope.arguments(places, today),
        on,
        list(grids),
        None if branches is None else list(branches),
        *(after or (None, None)),
        limit,
    )
    return [row for row in rows if row["household_id"] is not None], rows[0]["count"]


# `due_of` says for any household what it owes, at a fifth of a millisecond each: seconds for a township. Here the same is
# asked of a whole township at once, and `due_of` only where the plain way does not hold: a refusal before the due date
# (cooling-off), merged households. A test holds the two equal. $1 micro-grids, $2 branches or null, $3 today.
#
# - `fresh`: whom somebody has met in a month that lies wholly within the shortest interval of its kind owes nothing,
#   whatever else changed: every due date is at least an interval after the last satisfying contact (O3). The kept rows
#   say so at once, where no mark waits; in an ordinary township these are most.
# - the others: the latest anchor alone decides. It is the last satisfying contact if it came on or after the last change
#   of what is required or of the primary, else that change. Whoever is in the set today with a requirement entered
#   it on the first day of the days on which it has held without a break (`alike`).
OVERDUE = """
WITH touched AS MATERIALIZED (
  SELECT h FROM coverage_touched((SELECT array_agg(d) FROM coverage_dirty d))
), merged AS MATERIALIZED (
  SELECT unnest(ARRAY[household_id, successor_id]) AS h FROM succession WHERE annulled_at IS NULL
), place AS MATERIALIZED (
  SELECT r.household_id AS h, r.micro_grid_id, g.path,
         CASE WHEN r.status = 'away' THEN 'away' WHEN r.household_id IN (SELECT t.household_id FROM tier t WHERE t.during @> $3::date) THEN 'key'
              ELSE 'ordinary' END AS kind
  FROM residence r JOIN region g ON g.id = r.micro_grid_id
  LEFT JOIN responsibility p ON p.region_id = r.micro_grid_id AND p.kind = 'branch_micro_grid' AND p.during @> $3::date
  WHERE r.micro_grid_id = ANY ($1::uuid[]) AND r.status <> 'nominal' AND r.during @> $3::date
    AND ($2::uuid[] IS NULL OR p.branch_id = ANY ($2))
), fresh AS (
  SELECT f.household_id AS h, q.kind FROM (SELECT substr(name, 10) AS kind, min(number) AS step FROM region_rule WHERE name LIKE 'interval_%' GROUP BY 1) q
  JOIN period m ON m.kind = 'month' AND lower(m.span) > $3::date - q.step AND lower(m.span) <= $3::date
  JOIN household_period f ON f.period_id = m.id AND f.micro_grid_id = ANY ($1) AND f.contacted = 1 AND (f.visited = 1 OR q.kind <> 'key')
  WHERE NOT EXISTS (SELECT FROM touched WHERE touched.h = f.household_id)
), asked AS MATERIALIZED (
  SELECT * FROM place WHERE NOT EXISTS (SELECT FROM fresh WHERE (fresh.h, fresh.kind) = (place.h, place.kind))
), stay AS (
  SELECT r.household_id AS h, range_agg(r.during) FILTER (WHERE r.status <> 'nominal') AS ours, range_agg(r.during) FILTER (WHERE r.status = 'resident') AS home
  FROM residence r WHERE r.household_id IN (SELECT h FROM asked) AND NOT isempty(r.during) GROUP BY 1
), party AS (
  SELECT o.household_id AS h, range_agg(o.during * m.during * a.during) AS party
  FROM home o JOIN membership m ON m.person_id = o.person_id AND m.kind IN ('full', 'probationary') JOIN assignment a ON a.person_id = o.person_id
  WHERE o.household_id IN (SELECT h FROM asked) GROUP BY 1
), keyed AS (
  SELECT t.household_id AS h, range_agg(t.during) AS keyed FROM tier t WHERE t.household_id IN (SELECT h FROM asked) GROUP BY 1
), newest AS (
  SELECT h, max(valid_from) AS primary_on FROM (
    SELECT a.household_id AS h, a.valid_from, a.person_id IS DISTINCT FROM lag(a.person_id) OVER (PARTITION BY a.household_id ORDER BY a.valid_from, a.seq) AS another
    FROM assignment a WHERE a.household_id IN (SELECT h FROM asked) AND a.role = 'primary' AND NOT isempty(a.during)) x
  WHERE another AND valid_from <= $3::date GROUP BY 1
), need AS (
  SELECT asked.h, path, here, kind, primary_on,
         CASE kind WHEN 'away' THEN here - coalesce(home, '{}') WHEN 'key' THEN here * home * keyed ELSE here * home - coalesce(keyed, '{}') END AS alike
  FROM asked JOIN stay USING (h) LEFT JOIN party USING (h) LEFT JOIN keyed USING (h) LEFT JOIN newest USING (h)
  CROSS JOIN LATERAL (SELECT ours - coalesce(party, '{}') AS here) c
), anchor AS MATERIALIZED (
  SELECT need.*, greatest(lower(x), primary_on) AS changed_on, c.contact_on, greatest(lower(x), primary_on, c.contact_on) AS day
  FROM need CROSS JOIN LATERAL (SELECT x FROM unnest(alike) x WHERE x @> $3::date) r(x)
  LEFT JOIN LATERAL (
    SELECT v.occurred_on AS contact_on FROM counted_visit v
    WHERE v.household_id = h AND v.contact AND (kind <> 'key' OR v.as_in_person) AND v.occurred_on < $3::date + 9 ORDER BY v.occurred_on DESC LIMIT 1) c ON true
), due AS MATERIALIZED (
  SELECT h, kind, CASE WHEN contact_on >= changed_on THEN day + step
    ELSE greatest(step + coalesce(contact_on, (SELECT lower(r) FROM unnest(here) r WHERE r @> day)), day + least(30, step)) END AS due_on
  FROM anchor CROSS JOIN LATERAL (
    SELECT q.number AS step FROM region_rule q WHERE q.name = 'interval_' || kind AND q.during @> day AND (q.region_id IS NULL OR q.region_id = ANY (path))
    ORDER BY q.region_id IS NULL, q.valid_from DESC LIMIT 1) i
  WHERE NOT EXISTS (SELECT FROM merged WHERE merged.h = anchor.h)
), plain AS MATERIALIZED (
  SELECT due.* FROM due WHERE due_on < $3::date AND NOT EXISTS (
    SELECT FROM visit v WHERE v.household_id = h AND v.occurred_on BETWEEN due_on - 29 AND due_on AND v.outcome = 'declined')
), odd AS (
  SELECT array_agg(h) AS hs FROM (
    SELECT h FROM due WHERE due_on < $3::date AND NOT EXISTS (SELECT FROM plain WHERE plain.h = due.h) UNION ALL SELECT h FROM place WHERE h IN (SELECT h FROM merged)) x
), must AS (      -- a missed must-visit is owed until somebody comes; a successor owes those of its predecessors
  SELECT place.h, m.kind, m.due_on FROM (
    SELECT m.*, m.household_id AS answers FROM must_visit m
    UNION ALL SELECT m.*, s.successor_id FROM must_visit m JOIN succession s ON s.household_id = m.household_id AND s.annulled_at IS NULL AND s.on_day <= $3::date) m
  JOIN place ON place.h = m.answers
  WHERE m.due_on < $3::date AND m.withdrawn_at IS NULL AND NOT EXISTS (
    SELECT FROM counted_visit v WHERE v.household_id IN (place.h, m.household_id) AND v.occurred_on >= m.since
      AND (v.as_in_person OR (v.outcome = 'declined' AND v.occurred_on <= m.due_on) OR (v.contact AND EXISTS (
        SELECT FROM residence r WHERE r.household_id = v.household_id AND r.status = 'away' AND r.during @> v.occurred_on))))
), owed AS (
  SELECT h, kind, due_on FROM plain
  UNION ALL SELECT d.household_id, d.kind, d.due_on FROM odd, due_of(hs, $3::date) d WHERE hs IS NOT NULL AND d.due_on < $3::date
  UNION ALL SELECT h, kind, due_on FROM must
)
SELECT o.*, coalesce(household.code, '') AS sorted
FROM (SELECT DISTINCT ON (h) h AS household_id, kind, due_on FROM owed ORDER BY h, due_on, kind) o JOIN household ON household.id = o.household_id
ORDER BY sorted, household_id"""


async def overdue(grids: Sequence[UUID], branches: Sequence[UUID] | None, today: date) -> list[Record]:
    """All households in a place for which something is overdue, in order of code, each with what is due for longest."""
    return await database.fetch_anew(OVERDUE, list(grids), None if branches is None else list(branches), today)


async def named(places: scope.Places, today: date, households: Sequence[UUID]) -> dict[UUID, Record]:
    """What lists show of households, and whether the viewer sees them today."""
    rows = await database.fetch(
        f"""WITH item AS MATERIALIZED (
              SELECT household_id, micro_grid_id FROM residence WHERE household_id = ANY ($5::uuid[]) AND during @> $4::date
            ), {scope.seen("AND {h} IN (SELECT household_id FROM item)")} {NAMED}""",
        *scope.arguments(places, today),
        list(households),
    )
    return {row["household_id"]: row for row in rows}
