"""Figures of members on a day: who takes part, and how many households each answers for (docs/rules.md C23, C24).

They come from the facts of the day. No row holds a person: what leaves the database are counts and percentiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from models import database
from models.database import Record

# $1 branches, $2 the day, $3 level. People in service that day, each at the village where the branch sits, or at the branch.
SERVING = """
place AS MATERIALIZED (
  SELECT b.id AS branch_id, r.path, CASE WHEN $3 = 'branch' THEN b.id ELSE v.id END AS id,
         CASE WHEN $3 = 'branch' THEN NULL ELSE v.code END AS code, CASE WHEN $3 = 'branch' THEN b.name ELSE v.name END AS name
  FROM branch b JOIN region r ON r.id = b.region_id LEFT JOIN region v ON v.id = ANY (r.path) AND v.level = 'village'
  WHERE b.id = ANY ($1::uuid[])
), serving AS MATERIALIZED (
  SELECT m.person_id, m.kind, place.id, place.path FROM membership m JOIN place USING (branch_id) WHERE m.during @> $2::date
)"""
PARTICIPATION = f"""
WITH {SERVING}, member AS (
  SELECT s.id, (SELECT e.reason FROM exemption e WHERE e.person_id = s.person_id AND e.during @> $2 ORDER BY e.valid_from, e.id LIMIT 1) AS exempt,
         EXISTS (SELECT FROM assignment a WHERE a.person_id = s.person_id AND a.during @> $2) AS linked
  FROM serving s WHERE s.kind IN ('full', 'probationary')
)
SELECT id, GROUPING(id) = 1 AS is_total, count(*) FILTER (WHERE exempt IS NULL) AS eligible,
       count(*) FILTER (WHERE exempt IS NULL AND linked) AS linked,
       count(*) FILTER (WHERE exempt = 'age') AS age, count(*) FILTER (WHERE exempt = 'illness') AS illness,
       count(*) FILTER (WHERE exempt = 'away') AS away, count(*) FILTER (WHERE exempt = 'other') AS other
FROM member GROUP BY GROUPING SETS ((id), ())"""
# The bounds of a person are those of the township where the branch sits, else the general ones (O1).
LOAD = f"""
WITH {SERVING}, held AS MATERIALIZED (
  SELECT s.person_id, s.id, s.path, a.household_id FROM serving s
  JOIN assignment a ON a.person_id = s.person_id AND a.role = 'primary' AND a.during @> $2
), ours AS (      -- of the set on the day, wherever they lie
  SELECT d.household_id
  FROM (SELECT array_agg(micro_grid_id) AS grids
        FROM (SELECT DISTINCT r.micro_grid_id FROM held JOIN residence r USING (household_id) WHERE r.during @> $2) x) g
  CROSS JOIN LATERAL stock_on($2, g.grids) d
), load AS MATERIALIZED (
  SELECT held.person_id, held.id, held.path, count(*) AS households FROM held JOIN ours USING (household_id) GROUP BY 1, 2, 3
), bound AS MATERIALIZED (
  SELECT p.path, (SELECT q.number FROM region_rule q WHERE q.name = 'load_soft_min' AND q.during @> $2 AND (q.region_id IS NULL OR q.region_id = ANY (p.path))
                  ORDER BY q.region_id IS NULL, q.valid_from DESC LIMIT 1) AS soft_min,
         (SELECT q.number FROM region_rule q WHERE q.name = 'load_soft_max' AND q.during @> $2 AND (q.region_id IS NULL OR q.region_id = ANY (p.path))
          ORDER BY q.region_id IS NULL, q.valid_from DESC LIMIT 1) AS soft_max
  FROM (SELECT DISTINCT path FROM load) p
)
SELECT load.id, GROUPING(load.id) = 1 AS is_total, count(*) AS people, sum(households)::int AS households,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY households) AS median, percentile_cont(0.9) WITHIN GROUP (ORDER BY households) AS p90,
       count(*) FILTER (WHERE households > soft_max) AS above, count(*) FILTER (WHERE households < soft_min) AS below,
       min(soft_min) AS least_min, max(soft_min) AS most_min, min(soft_max) AS least_max, max(soft_max) AS most_max
FROM load JOIN bound USING (path) GROUP BY GROUPING SETS ((load.id), ())"""


async def places(branches: Sequence[UUID], level: str) -> list[Record]:
    """`id, code, name` of the villages where these branches sit, or of the branches, in order of code and name; a null
    id stands for the branches that sit in no village."""
    return await database.fetch(
        """SELECT DISTINCT CASE WHEN $2 = 'branch' THEN b.id ELSE v.id END AS id, CASE WHEN $2 = 'branch' THEN NULL ELSE v.code END AS code,
                  CASE WHEN $2 = 'branch' THEN b.name ELSE v.name END AS name
           FROM branch b JOIN region r ON r.id = b.region_id LEFT JOIN region v ON v.id = ANY (r.path) AND v.level = 'village'
           WHERE b.id = ANY ($1::uuid[]) ORDER BY 2 NULLS LAST, 3 NULLS LAST, 1""",
        list(branches),
        level,
    )


async def participation(branches: Sequence[UUID], day: date, level: str) -> list[Record]:
    """For each place, and once for all (`is_total`): eligible members, those of them linked, exempt ones by reason."""
    return await database.fetch(PARTICIPATION, list(branches), day, level)


async def load(branches: Sequence[UUID], day: date, level: str) -> list[Record]:
    """For each place, and once for all: how many households of the set the people of these branches are primary of."""
    return await database.fetch(LOAD, list(branches), day, level)


async def branches_in(region_id: UUID) -> list[UUID]:
    """The branches that sit in a region, those that have ended, too: their members' days are not forgotten."""
    found = await database.fetch(
        "SELECT b.id FROM branch b JOIN region r ON r.id = b.region_id WHERE r.path @> ARRAY[$1::uuid]", region_id
    )
    return [row["id"] for row in found]
