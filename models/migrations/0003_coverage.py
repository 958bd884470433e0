"""The coverage kernel: how figures are defined, marked, folded, read, recounted and checked (docs/rules.md C, decision 0005).

A metric is a column with one name and meaning in `household_period` (0/1 or days) and in `coverage_sum`, so a sum is
literally `sum(column)` and the households behind a figure are `WHERE column = 1`.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

COLUMNS = ("households", "party", "not_yet", "exposed", "covered", "contacted", "resident", "visited")
NOBODY = "00000000-0000-0000-0000-000000000000"  # the branch of a place that no branch answers for
LOCK = 7207


def each(pattern: str) -> str:
    """The pattern for every column, comma separated."""
    return ", ".join(pattern.format(c=column) for column in COLUMNS)


TABLES = f"""
CREATE TABLE period (
  id int PRIMARY KEY,                                   -- 202611 is November 2026
  kind text NOT NULL CHECK (kind IN ('month', 'quarter', 'year')),
  span daterange NOT NULL UNIQUE,
  days int NOT NULL GENERATED ALWAYS AS (upper(span) - lower(span)) STORED);

CREATE TABLE household_period (
  period_id int NOT NULL REFERENCES period, household_id uuid NOT NULL, micro_grid_id uuid NOT NULL, branch_id uuid NOT NULL,
  {each("{c} smallint NOT NULL")},
  PRIMARY KEY (period_id, household_id)) WITH (fillfactor = 85);
CREATE INDEX household_period_place ON household_period (period_id, micro_grid_id);

CREATE TABLE coverage_sum (
  period_id int NOT NULL REFERENCES period, micro_grid_id uuid NOT NULL, branch_id uuid NOT NULL,
  {each("{c} int NOT NULL")},
  PRIMARY KEY (period_id, micro_grid_id, branch_id)) WITH (fillfactor = 50);

-- A mark says whose facts changed on which days: a household, a person (in service or not), a person whose links
-- changed (it touches the household where the person lives), or a micro-grid (its branch changed).
CREATE TABLE coverage_dirty (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  household_id uuid, person_id uuid, resident_id uuid, micro_grid_id uuid, during daterange NOT NULL,
  CHECK (num_nonnulls(household_id, person_id, resident_id, micro_grid_id) = 1))
  WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- With the number of waiting marks, these two counters tell whether any answer about figures may have changed.
CREATE TABLE coverage_state (one boolean PRIMARY KEY DEFAULT true CHECK (one), folds bigint NOT NULL, trees bigint NOT NULL)
  WITH (fillfactor = 20);
INSERT INTO coverage_state (folds, trees) VALUES (0, 0);
"""

DEFINITION = f"""
CREATE FUNCTION days(m datemultirange) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT coalesce(sum(upper(r) - lower(r)), 0)::int FROM unnest(m) r $$;

-- The only definition of the figures: pairs (household, period) -> one row each, a pure function of the facts.
-- A household not ours on any day of the period gives no row.
CREATE FUNCTION coverage_of(households uuid[], periods int[]) RETURNS SETOF household_period
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH pair AS (
  SELECT u.h, p.id AS period_id, p.span, datemultirange(p.span) AS whole, p.days
  FROM unnest(households, periods) AS u(h, p) JOIN period p ON p.id = u.p
), fact AS (
  SELECT pair.*, ours, registered, home, party, place, linked, v.contacts, v.in_person
  FROM pair
  CROSS JOIN LATERAL (
    SELECT range_agg(r.during) FILTER (WHERE r.status <> 'nominal') * whole AS ours, range_agg(r.during) * whole AS registered,
           range_agg(r.during) FILTER (WHERE r.status = 'resident') * whole AS home
    FROM residence r WHERE r.household_id = h AND NOT isempty(r.during * span)) s
  CROSS JOIN LATERAL (      -- a household where a linked member in service lives is a line of its own (C2)
    SELECT range_agg(o.during * m.during * a.during) AS party
    FROM home o JOIN membership m ON m.person_id = o.person_id AND m.kind IN ('full', 'probationary')
    JOIN assignment a ON a.person_id = o.person_id
    WHERE o.household_id = h AND NOT isempty(o.during * span)) w
  CROSS JOIN LATERAL (      -- primary links, on the days when their person is in service
    SELECT range_agg(a.during * m.during) AS linked
    FROM assignment a JOIN membership m ON m.person_id = a.person_id
    WHERE a.household_id = h AND a.role = 'primary' AND NOT isempty(a.during * span)) l
  CROSS JOIN LATERAL (      -- contacts by people who do not live there (C5)
    SELECT count(*) AS contacts, count(*) FILTER (WHERE v.mode = 'in_person') AS in_person FROM visit v
    WHERE v.household_id = h AND v.contact AND v.occurred_on >= lower(span) AND v.occurred_on < upper(span)
      AND EXISTS (SELECT FROM unnest(v.visitor_id || v.companion_ids) AS one(who)
                  WHERE NOT EXISTS (SELECT FROM home o WHERE o.household_id = h AND o.person_id = who AND o.during @> v.occurred_on))) v
  CROSS JOIN LATERAL (      -- micro-grid and branch of most of its days, the later of two equals (C7)
    SELECT ARRAY[micro_grid_id, branch_id] AS place FROM (
      SELECT r.micro_grid_id, p.branch_id, r.during * p.during * span AS d
      FROM residence r JOIN responsibility p ON p.region_id = r.micro_grid_id AND p.kind = 'branch_micro_grid'
      WHERE r.household_id = h AND r.status <> 'nominal' AND NOT isempty(r.during * span)
      UNION ALL
      SELECT r.micro_grid_id, '{NOBODY}', unnest(datemultirange(r.during * span) - coalesce((
        SELECT range_agg(p.during) FROM responsibility p WHERE p.region_id = r.micro_grid_id AND p.kind = 'branch_micro_grid'), '{{}}'))
      FROM residence r WHERE r.household_id = h AND r.status <> 'nominal' AND NOT isempty(r.during * span)) x
    WHERE NOT isempty(d) GROUP BY micro_grid_id, branch_id
    ORDER BY sum(upper(d) - lower(d)) DESC, max(upper(d)) DESC, micro_grid_id, branch_id LIMIT 1) b
  WHERE ours IS NOT NULL AND NOT isempty(ours)
), here AS (
  SELECT fact.*, ours - coalesce(party, '{{}}') AS here, registered @> (upper(span) - 1) AS stays, ours @> (upper(span) - 1) AS still FROM fact
), measured AS (
  SELECT here.*, days(here) AS exposure, days(ours) AS with_party, days(here * coalesce(linked, '{{}}')) AS linked_days,
         days(here * coalesce(home, '{{}}')) AS home_days
  FROM here
), judged AS (              -- half of the days are enough, but one that closed inside the period needs more (C3)
  SELECT measured.*, (CASE WHEN stays THEN exposure * 2 >= days ELSE exposure * 2 > days END)::int AS due,
         (CASE WHEN stays THEN with_party * 2 >= days ELSE with_party * 2 > days END)::int AS due_with_party
  FROM measured
)
SELECT period_id, h, place[1], place[2],
       due::smallint,
       (due_with_party * (1 - due))::smallint,
       (CASE WHEN due_with_party = 0 AND still THEN 1 ELSE 0 END)::smallint,
       (due * exposure)::smallint,
       (due * linked_days)::smallint,
       (due * (contacts > 0)::int)::smallint,
       (due * (home_days * 2 >= exposure)::int)::smallint,
       (due * (home_days * 2 >= exposure AND in_person > 0)::int)::smallint
FROM judged $$;

-- The stock on one day: households of the set and, of those, the linked ones, by micro-grid and branch. It is
-- `coverage_of` for a period of one day, written set-wise because a whole township is asked at once; a test holds
-- the two equal. The plan must know the day: a generic one takes any day for a rare one, nests loops, and needs seconds.
CREATE FUNCTION coverage_on(day date, grids uuid[]) RETURNS TABLE (micro_grid_id uuid, branch_id uuid, households bigint, covered bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
WITH service AS MATERIALIZED (SELECT m.person_id, m.kind FROM membership m WHERE m.during @> day),
link AS MATERIALIZED (SELECT a.household_id, a.person_id, a.role FROM assignment a WHERE a.during @> day)
SELECT r.micro_grid_id, coalesce(p.branch_id, '{NOBODY}'), count(*),
       count(*) FILTER (WHERE r.household_id IN (SELECT l.household_id FROM link l JOIN service s USING (person_id) WHERE l.role = 'primary'))
FROM residence r
LEFT JOIN responsibility p ON p.region_id = r.micro_grid_id AND p.kind = 'branch_micro_grid' AND p.during @> day
WHERE r.micro_grid_id = ANY (grids) AND r.status <> 'nominal' AND r.during @> day AND r.household_id NOT IN (
  SELECT o.household_id FROM home o JOIN service s ON s.person_id = o.person_id AND s.kind IN ('full', 'probationary')
  WHERE o.during @> day AND o.person_id IN (SELECT l.person_id FROM link l))
GROUP BY 1, 2;
END $$;
"""

MARK = """
-- One function marks for every table of facts that has household_id and during. When only the end of a row moved,
-- only the days between the two ends are marked: a hand-over in November does not touch last spring.
CREATE FUNCTION coverage_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO coverage_dirty (household_id, during) SELECT household_id, during FROM new_rows WHERE NOT isempty(during);
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO coverage_dirty (household_id, during) SELECT household_id, during FROM old_rows WHERE NOT isempty(during);
  ELSE
    INSERT INTO coverage_dirty (household_id, during)
    SELECT n.household_id, unnest(datemultirange(o.during, n.during) - CASE
             WHEN to_jsonb(o) - ARRAY['during', 'valid_to', 'end_reason', 'ended_at'] = to_jsonb(n) - ARRAY['during', 'valid_to', 'end_reason', 'ended_at']
             THEN datemultirange(o.during * n.during) ELSE '{}' END)
    FROM old_rows o JOIN new_rows n USING (id)
    UNION ALL SELECT o.household_id, o.during FROM old_rows o JOIN new_rows n USING (id)
    WHERE o.household_id <> n.household_id AND NOT isempty(o.during);
  END IF;
  RETURN NULL;
END $$;

-- A visit moves figures only as a contact: recording one, or voiding one.
CREATE FUNCTION coverage_mark_visit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO coverage_dirty (household_id, during) SELECT household_id, during FROM new_rows WHERE contact;
  ELSE
    INSERT INTO coverage_dirty (household_id, during)
    SELECT n.household_id, n.during FROM old_rows o JOIN new_rows n USING (id) WHERE o.contact <> n.contact;
  END IF;
  RETURN NULL;
END $$;

-- A fact about a person or a place: all days before and after, except where only the end moved. The mark names the
-- person or the place; whom it reaches is resolved when folding, because this transaction cannot see a link that
-- another one is just adding.
CREATE FUNCTION coverage_mark_other() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE target text := TG_ARGV[0]; source text := TG_ARGV[1];
BEGIN
  IF TG_OP = 'INSERT' THEN
    EXECUTE format('INSERT INTO coverage_dirty (%I, during) SELECT DISTINCT %I, during FROM new_rows WHERE NOT isempty(during)', target, source);
  ELSIF TG_OP = 'DELETE' THEN
    EXECUTE format('INSERT INTO coverage_dirty (%I, during) SELECT DISTINCT %I, during FROM old_rows WHERE NOT isempty(during)', target, source);
  ELSE
    EXECUTE format($q$INSERT INTO coverage_dirty (%1$I, during)
      SELECT DISTINCT n.%2$I, unnest(datemultirange(o.during, n.during) - CASE
             WHEN to_jsonb(o) - ARRAY['during', 'valid_to', 'end_reason', 'ended_at'] = to_jsonb(n) - ARRAY['during', 'valid_to', 'end_reason', 'ended_at']
             THEN datemultirange(o.during * n.during) ELSE '{}' END)
      FROM old_rows o JOIN new_rows n USING (id)
      UNION SELECT o.%2$I, o.during FROM old_rows o JOIN new_rows n USING (id)
      WHERE o.%2$I <> n.%2$I AND NOT isempty(o.during)$q$, target, source);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION coverage_tree_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE coverage_state SET trees = trees + 1; RETURN NULL; END $$;

DO $do$
DECLARE t text; f text; n int := 0;
BEGIN
  FOR t, f IN VALUES ('residence', 'coverage_mark()'), ('home', 'coverage_mark()'), ('assignment', 'coverage_mark()'),
      ('assignment', $$coverage_mark_other('resident_id', 'person_id')$$),
      ('membership', $$coverage_mark_other('person_id', 'person_id')$$),
      ('responsibility', $$coverage_mark_other('micro_grid_id', 'region_id')$$) LOOP
    n := n + 1;
    EXECUTE format('CREATE TRIGGER coverage_i%s AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION %s', n, t, f);
    EXECUTE format('CREATE TRIGGER coverage_d%s AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION %s', n, t, f);
    EXECUTE format('CREATE TRIGGER coverage_u%s AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION %s', n, t, f);
  END LOOP;
  CREATE TRIGGER coverage_i AFTER INSERT ON visit REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION coverage_mark_visit();
  CREATE TRIGGER coverage_u AFTER UPDATE ON visit REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION coverage_mark_visit();
  FOREACH t IN ARRAY '{region,branch,responsibility}'::text[] LOOP
    EXECUTE format('CREATE TRIGGER coverage_tree AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION coverage_tree_changed()', t);
  END LOOP;
END $do$;
"""

FOLD = f"""
-- Which (household, period) pairs a set of marks can reach.
CREATE FUNCTION coverage_reach(marks coverage_dirty[], OUT h uuid, OUT p int) RETURNS SETOF record LANGUAGE sql STABLE AS $$
WITH m AS (SELECT DISTINCT household_id, person_id, resident_id, micro_grid_id, during FROM unnest(marks)),
d AS (
  SELECT household_id AS h, during FROM m WHERE household_id IS NOT NULL
  UNION SELECT a.household_id, m.during * a.during FROM m JOIN assignment a USING (person_id) WHERE m.during && a.during
  UNION SELECT o.household_id, m.during * o.during FROM m JOIN home o ON o.person_id IN (m.person_id, m.resident_id) WHERE m.during && o.during
  UNION SELECT r.household_id, m.during * r.during FROM m JOIN residence r USING (micro_grid_id) WHERE m.during && r.during)
SELECT DISTINCT d.h, period.id FROM d JOIN period ON period.span && d.during $$;

-- Make the rows of these pairs, and the sums they belong to, equal to the definition. Nobody else writes figures.
-- Planning this statement costs 3 ms, running it for one household 0.1 ms: hence the generic plan.
CREATE FUNCTION coverage_set(hs uuid[], ps int[]) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
WITH fresh AS MATERIALIZED (SELECT * FROM coverage_of(hs, ps)),
stored AS MATERIALIZED (SELECT t.* FROM unnest(ps, hs) AS u(period_id, household_id) JOIN household_period t USING (period_id, household_id)),
gone AS (
  DELETE FROM household_period t USING stored s LEFT JOIN fresh f USING (period_id, household_id)
  WHERE t.period_id = s.period_id AND t.household_id = s.household_id AND f.period_id IS NULL),
kept AS (
  INSERT INTO household_period SELECT * FROM (SELECT * FROM fresh EXCEPT SELECT * FROM stored) f
  ON CONFLICT (period_id, household_id) DO UPDATE SET (micro_grid_id, branch_id, {each("{c}")})
    = ROW (excluded.micro_grid_id, excluded.branch_id, {each("excluded.{c}")})),
change AS (
  SELECT period_id, micro_grid_id, branch_id, {each("sum(s * {c}) AS {c}")}
  FROM (SELECT 1 AS s, * FROM fresh UNION ALL SELECT -1, * FROM stored) x GROUP BY 1, 2, 3)
INSERT INTO coverage_sum AS t SELECT * FROM change WHERE ({each("{c}")}) IS DISTINCT FROM ({each("0")}) ORDER BY 1, 2, 3
  ON CONFLICT (period_id, micro_grid_id, branch_id) DO UPDATE SET {each("{c} = t.{c} + excluded.{c}")};
END $$;

-- Take marks and make the figures follow, one folder at a time; returns how many marks were taken.
CREATE FUNCTION coverage_fold(at_most int) RETURNS int LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE marks coverage_dirty[]; hs uuid[]; ps int[];
BEGIN
  PERFORM pg_advisory_xact_lock({LOCK});     -- a statement of its own: the next one sees all that the last folder left
  WITH taken AS (DELETE FROM coverage_dirty WHERE id IN (SELECT id FROM coverage_dirty ORDER BY id LIMIT at_most) RETURNING coverage_dirty AS mark)
  SELECT array_agg(mark) INTO marks FROM taken;
  IF marks IS NULL THEN RETURN 0; END IF;
  SELECT array_agg(h), array_agg(p) INTO hs, ps FROM coverage_reach(marks);
  IF hs IS NOT NULL THEN PERFORM coverage_set(hs, ps); END IF;
  UPDATE coverage_state SET folds = folds + 1;
  RETURN cardinality(marks);
END $$;

-- The sums plus what the waiting marks change, in one snapshot: exact at every instant, and it never waits.
CREATE FUNCTION coverage_read(p int, grids uuid[]) RETURNS SETOF coverage_sum LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM coverage_dirty) THEN
    RETURN QUERY SELECT * FROM coverage_sum WHERE period_id = p AND micro_grid_id = ANY (grids); RETURN;
  END IF;
  RETURN QUERY
WITH tail AS MATERIALIZED (
  SELECT array_agg(r.h) AS hs, array_agg(r.p) AS ps
  FROM (SELECT array_agg(d) AS marks FROM coverage_dirty d HAVING count(*) > 0) x, coverage_reach(marks) r WHERE r.p = $1
), fresh AS (SELECT f.* FROM tail, coverage_of(hs, ps) f WHERE f.micro_grid_id = ANY (grids)),
stored AS (SELECT s.* FROM tail, household_period s WHERE s.period_id = p AND s.household_id = ANY (hs) AND s.micro_grid_id = ANY (grids)),
part AS (
  SELECT period_id, micro_grid_id, branch_id, {each("{c}")} FROM coverage_sum WHERE period_id = p AND micro_grid_id = ANY (grids)
  UNION ALL SELECT period_id, micro_grid_id, branch_id, {each("{c}")} FROM fresh
  UNION ALL SELECT period_id, micro_grid_id, branch_id, {each("-{c}")} FROM stored)
SELECT period_id, micro_grid_id, branch_id, {each("sum({c})::int")} FROM part GROUP BY 1, 2, 3;
END $$;
"""

PROVE = f"""
-- Recount some households of a period; the caller holds the fold lock (coverage_lock) and goes through all of them.
CREATE FUNCTION coverage_lock() RETURNS void LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock({LOCK}) $$;
CREATE FUNCTION coverage_recount(p int, hs uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM coverage_set(hs, array_fill(p, ARRAY[cardinality(hs)]));
END $$;

-- After all households were recounted: sums are kept as differences, so a sum that was wrong by itself is only mended
-- by adding it up anew; and answers that processes keep ready are no longer good.
CREATE FUNCTION coverage_settle(p int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM household_period t WHERE period_id = p AND NOT EXISTS (SELECT FROM household WHERE id = t.household_id);
  DELETE FROM coverage_sum WHERE period_id = p;
  INSERT INTO coverage_sum SELECT p, micro_grid_id, branch_id, {each("sum({c})")} FROM household_period WHERE period_id = p GROUP BY 2, 3;
  UPDATE coverage_state SET folds = folds + 1;
END $$;

-- Every kept row against the definition and every sum against the definition's rows; no rows = exact. Marks that
-- still wait are differences, too: fold first.
CREATE FUNCTION coverage_check(p int) RETURNS TABLE (what text, micro_grid_id uuid, household_id uuid, kept text, truth text)
LANGUAGE sql STABLE AS $$
WITH truth AS MATERIALIZED (SELECT * FROM coverage_of((SELECT array_agg(id) FROM household), (SELECT array_agg(p) FROM household))),
kept AS (SELECT * FROM household_period WHERE period_id = p),
sums AS (SELECT micro_grid_id, branch_id, ROW({each("sum({c})::int")})::text AS v FROM truth GROUP BY 1, 2),
kept_sums AS (SELECT micro_grid_id, branch_id, ROW({each("{c}")})::text AS v FROM coverage_sum
              WHERE period_id = p AND ({each("{c}")}) IS DISTINCT FROM ({each("0")}))
SELECT 'household', coalesce(t.micro_grid_id, k.micro_grid_id), household_id, k::text, t::text
FROM truth t FULL JOIN kept k USING (household_id) WHERE t IS DISTINCT FROM k
UNION ALL
SELECT 'sum', micro_grid_id, branch_id, k.v, s.v FROM sums s FULL JOIN kept_sums k USING (micro_grid_id, branch_id)
WHERE coalesce(s.v, ROW({each("0")})::text) <> coalesce(k.v, ROW({each("0")})::text) $$;
"""

UNDO = """
DROP FUNCTION coverage_check, coverage_settle, coverage_recount, coverage_lock, coverage_read, coverage_fold, coverage_set, coverage_reach;
DO $do$ DECLARE t record; BEGIN
  FOR t IN SELECT tgname, tgrelid::regclass AS rel FROM pg_trigger WHERE tgname ~ '^coverage_' AND NOT tgisinternal LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.rel);
  END LOOP;
END $do$;
DROP FUNCTION coverage_tree_changed, coverage_mark_other, coverage_mark_visit, coverage_mark, coverage_on, coverage_of, days;
DROP TABLE coverage_state, coverage_dirty, coverage_sum, household_period, period;
"""


class Migration(migrations.Migration):
    dependencies = [("lianhu", "0002_facts")]
    operations = [ops.RunSQL([TABLES + DEFINITION + MARK + FOLD + PROVE], [UNDO])]
