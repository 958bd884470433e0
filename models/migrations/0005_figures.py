"""All figures: key tier, obligations, must-visits, merged households, quarters and years, freezing, what to synchronise.

The kernel of 0003 stays as it was in shape (define, mark, fold, read, prove); the definition grows and stays the only
one (docs/rules.md C, O, F, decision 0014). Rows kept under the definition before are counted anew by the worker, or by
`python -m backend recount`: `period.definition_version` says which.
"""

import importlib

from tortoise import migrations
from tortoise.migrations import operations as ops

before = importlib.import_module("models.migrations.0003_coverage")

#: Filled in the rows of months alone; quarters and years add up their months (docs/rules.md C16, C18 to C20).
MONTHLY = ("key", "key_visited", "due", "on_time", "waived", "must_due", "must_met", "must_declined")
ADDED = ("declined", "unreached", *MONTHLY)
COLUMNS = (*before.COLUMNS, *ADDED)
#: What freezes together, and when: `stock` and `contact` after 7 days, `on_time` after 14 (docs/rules.md F1).
ON_TIME = ("due", "on_time", "waived")
NOBODY = before.NOBODY
VERSION = 2


def each(pattern: str, columns: tuple[str, ...] = COLUMNS) -> str:
    """The pattern for every column, comma separated."""
    return ", ".join(pattern.format(c=column) for column in columns)


TABLES = f"""
ALTER TABLE household_period {each("ADD COLUMN {c} smallint NOT NULL DEFAULT 0", ADDED)},
  ADD COLUMN unmet date[],                              -- due dates in the month that nothing has met or cancelled
  ADD COLUMN must_unmet date[];                         -- deadlines of must-visits, the same
CREATE INDEX household_period_unmet ON household_period (period_id, micro_grid_id) WHERE unmet IS NOT NULL OR must_unmet IS NOT NULL;
ALTER TABLE coverage_sum {each("ADD COLUMN {c} int NOT NULL DEFAULT 0", ADDED)};
ALTER TABLE period ADD COLUMN definition_version int NOT NULL DEFAULT 1;
ALTER TABLE coverage_dirty ADD COLUMN marked_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE coverage_state ADD COLUMN epoch uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN checked_at timestamptz, ADD COLUMN differences int;

-- Which transaction last folded a change of a household: what a phone has to learn of (docs/rules.md Y1).
CREATE TABLE household_touch (household_id uuid PRIMARY KEY, xid xid8 NOT NULL) WITH (fillfactor = 70);

CREATE TABLE frozen_part (
  period_id int NOT NULL REFERENCES period, part text NOT NULL CHECK (part IN ('stock', 'contact', 'on_time')),
  frozen_at timestamptz NOT NULL DEFAULT now(), definition_version int NOT NULL, PRIMARY KEY (period_id, part));
CREATE TABLE household_frozen (
  period_id int NOT NULL, part text NOT NULL, household_id uuid NOT NULL, micro_grid_id uuid NOT NULL, branch_id uuid NOT NULL,
  {each("{c} smallint NOT NULL")}, stock smallint NOT NULL, stock_covered smallint NOT NULL,
  contacts int, last_contact_on date, gap_days int, gap_since date, gap_reason text,      -- what the reasons say (F5)
  PRIMARY KEY (period_id, part, household_id), FOREIGN KEY (period_id, part) REFERENCES frozen_part);
CREATE INDEX household_frozen_place ON household_frozen (period_id, part, micro_grid_id);
CREATE TABLE obligation_frozen (
  period_id int NOT NULL, part text NOT NULL, household_id uuid NOT NULL, n int NOT NULL, kind text NOT NULL, since date NOT NULL,
  due_on date NOT NULL, in_person boolean NOT NULL, met_on date, later_on date,
  PRIMARY KEY (period_id, part, household_id, n), FOREIGN KEY (period_id, part, household_id) REFERENCES household_frozen);
CREATE TABLE coverage_frozen (
  period_id int NOT NULL, part text NOT NULL, micro_grid_id uuid NOT NULL, branch_id uuid NOT NULL,
  {each("{c} int NOT NULL")}, stock int NOT NULL, stock_covered int NOT NULL,
  PRIMARY KEY (period_id, part, micro_grid_id, branch_id), FOREIGN KEY (period_id, part) REFERENCES frozen_part);
CREATE FUNCTION frozen_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'frozen figures never change' USING ERRCODE = 'restrict_violation'; END $$;
"""

# The households for which h answers in a period that ends before {until}; NULL when another one answers for h (C25).
FAMILY = """CASE WHEN NOT EXISTS (SELECT FROM succession s WHERE s.household_id = u.h AND s.annulled_at IS NULL AND s.on_day < {until})
  THEN u.h || ARRAY(
    SELECT s.household_id FROM succession s WHERE s.successor_id = u.h AND s.annulled_at IS NULL AND s.on_day < {until}
      AND NOT EXISTS (SELECT FROM succession z WHERE z.household_id = s.household_id AND z.annulled_at IS NULL AND z.on_day < {until}
                      AND (z.on_day, z.successor_id) > (s.on_day, s.successor_id))) END"""
PARTY = """
    SELECT range_agg(o.during * m.during * a.during) AS party
    FROM home o JOIN membership m ON m.person_id = o.person_id AND m.kind IN ('full', 'probationary')
    JOIN assignment a ON a.person_id = o.person_id
    WHERE o.household_id = ANY (fam)"""

OBLIGATIONS = f"""
-- What a visit is to its household: a contact that counts (V3, C5), one in person, one that stands for it (O2).
CREATE VIEW counted_visit AS
SELECT v.id, v.household_id, v.occurred_on, v.mode, v.outcome, c.contact, c.contact AND v.mode = 'in_person' AS in_person,
       c.contact AND (v.mode = 'in_person' OR (
         SELECT count(DISTINCT a.occurred_on) FROM visit a WHERE a.household_id = v.household_id AND a.voided_at IS NULL
           AND a.mode = 'in_person' AND a.outcome = 'not_home' AND a.occurred_on BETWEEN v.occurred_on - 30 AND v.occurred_on) >= 2) AS as_in_person
FROM visit v CROSS JOIN LATERAL (
  SELECT v.contact AND NOT (v.visitor_id || v.companion_ids) <@ (
    SELECT coalesce(array_agg(o.person_id), '{{}}') FROM home o WHERE o.household_id = v.household_id AND o.during @> v.occurred_on) AS contact
  OFFSET 0) c      -- asked once for each visit, not once for each column that needs it
WHERE v.voided_at IS NULL;

-- Where regular obligations start (O3): an anchor has a first due date, a step to the next ones, the day from which a
-- visit counts, the first contact that did (O4), and the next change, which supersedes it (O5). `n` is the place of the
-- question among those asked. An anchor matters while its first due date may fall into the span, that is for the longest
-- interval there is, and after that while nothing has met it. Hence of the contacts before, only the latest of each kind.
CREATE FUNCTION anchors_of(households uuid[], spans daterange[]) RETURNS TABLE (n bigint, household_id uuid, span daterange,
  kind text, since date, first_due date, step int, in_person boolean, contact_on date, changed_on date, why text, declines date[], last_contact_on date, anchor_on date)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH rule AS MATERIALIZED (SELECT substr(q.name, 10) AS kind, q.region_id, q.during, q.valid_from, q.number FROM region_rule q WHERE q.name LIKE 'interval_%'),
pair AS MATERIALIZED (
  SELECT u.h, u.span, u.n, lower(u.span) - (SELECT max(number) FROM rule) AS recent, {FAMILY.format(until="upper(u.span)")} AS fam
  FROM unnest(households, spans) WITH ORDINALITY AS u(h, span, n)
), stay AS MATERIALIZED (
  SELECT pair.*, ours - coalesce(party, '{{}}') AS here, coalesce(home, '{{}}') AS home, coalesce(keyed, '{{}}') AS keyed, ours, primaries,
         g.path, c.days, c.strong, c.refused
  FROM pair
  CROSS JOIN LATERAL (
    SELECT range_agg(r.during) FILTER (WHERE r.status <> 'nominal') AS ours, range_agg(r.during) FILTER (WHERE r.status = 'resident') AS home,
           (array_agg(r.micro_grid_id ORDER BY r.valid_from DESC, r.household_id = h DESC, r.household_id) FILTER (WHERE r.valid_from < upper(span)))[1] AS grid
    FROM residence r WHERE r.household_id = ANY (fam) AND NOT isempty(r.during)) s
  CROSS JOIN LATERAL ({PARTY}) w
  CROSS JOIN LATERAL (SELECT range_agg(t.during) AS keyed FROM tier t WHERE t.household_id = ANY (fam)) k
  CROSS JOIN LATERAL (
    SELECT array_agg(x.valid_from) AS primaries FROM (
      SELECT a.valid_from, a.person_id IS DISTINCT FROM lag(a.person_id) OVER (ORDER BY a.valid_from, a.seq) AS another
      FROM assignment a WHERE a.household_id = ANY (fam) AND a.role = 'primary' AND NOT isempty(a.during)) x WHERE x.another) p
  LEFT JOIN region g ON g.id = s.grid
  CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT v.occurred_on) FILTER (WHERE v.contact) AS days,
           array_agg(DISTINCT v.occurred_on) FILTER (WHERE v.as_in_person) AS strong,
           array_agg(DISTINCT v.occurred_on) FILTER (WHERE v.outcome = 'declined') AS refused
    FROM (
      SELECT x.occurred_on, x.contact, x.as_in_person, x.outcome FROM counted_visit x
      WHERE x.household_id = ANY (fam) AND x.occurred_on >= recent AND x.occurred_on < upper(span) + 8
      UNION ALL
      SELECT e.* FROM unnest(fam) AS one(id) CROSS JOIN LATERAL (
        SELECT x.occurred_on, x.contact, x.as_in_person, x.outcome FROM counted_visit x
        WHERE x.household_id = one.id AND x.occurred_on < recent AND x.contact ORDER BY x.occurred_on DESC LIMIT 1) e
      UNION ALL
      SELECT e.* FROM unnest(fam) AS one(id) CROSS JOIN LATERAL (
        SELECT x.occurred_on, x.contact, x.as_in_person, x.outcome FROM counted_visit x
        WHERE x.household_id = one.id AND x.occurred_on < recent AND x.as_in_person ORDER BY x.occurred_on DESC LIMIT 1) e) v) c
  WHERE fam IS NOT NULL AND ours && span
), need AS MATERIALIZED (
  SELECT stay.*, here - home AS away, here * home * keyed AS keys, here * home - keyed AS ordinary FROM stay
), change AS MATERIALIZED (      -- the first day of each requirement, of each primary, and the day after each stay in the set
  SELECT need.*, (
    SELECT array_agg(DISTINCT x.day) FROM (
      SELECT lower(r) AS day FROM unnest(ARRAY[away, keys, ordinary]) m, unnest(m) r
      UNION ALL SELECT upper(r) FROM unnest(here) r WHERE NOT upper_inf(r)
      UNION ALL SELECT d FROM unnest(primaries) d WHERE here @> d) x) AS changes
  FROM need
), anchor AS MATERIALIZED (
  SELECT change.*, a.day, a.changed, q.kind, q.kind = 'key' AS in_person,
         CASE WHEN q.kind = 'key' THEN strong ELSE change.days END AS good
  FROM change
  CROSS JOIN LATERAL (SELECT d AS day, true AS changed FROM unnest(changes) d WHERE d < upper(span)
                      UNION ALL SELECT d, false FROM unnest(change.days) d WHERE d < upper(span)) a
  CROSS JOIN LATERAL (SELECT CASE WHEN away @> a.day THEN 'away' WHEN keys @> a.day THEN 'key' WHEN ordinary @> a.day THEN 'ordinary' END AS kind) q
  WHERE q.kind IS NOT NULL AND (a.changed OR q.kind <> 'key' OR a.day = ANY (strong))
    AND (a.day >= recent OR NOT EXISTS (SELECT FROM unnest(CASE WHEN q.kind = 'key' THEN strong ELSE change.days END) d
                                        WHERE d >= a.day + (NOT a.changed)::int AND d <= lower(span) + 7))
), timed AS MATERIALIZED (
  SELECT anchor.*, i.step, day + (NOT changed)::int AS since,
         CASE WHEN changed THEN greatest(i.step + coalesce((SELECT max(d) FROM unnest(good) d WHERE d < day),
                                                           (SELECT lower(r) FROM unnest(here) r WHERE r @> day)), day + least(30, i.step))
              ELSE day + i.step END AS first_due,
         (SELECT min(d) FROM unnest(changes) d WHERE d > day) AS changed_on
  FROM anchor CROSS JOIN LATERAL (
    SELECT q.number AS step FROM rule q WHERE q.kind = anchor.kind AND q.during @> day AND (q.region_id IS NULL OR q.region_id = ANY (path))
    ORDER BY q.region_id IS NULL, q.valid_from DESC LIMIT 1) i
)
SELECT n, h, span, kind, since, first_due, step, in_person, (SELECT min(d) FROM unnest(good) d WHERE d >= since), changed_on,
       CASE WHEN changed_on IS NULL THEN NULL WHEN NOT here @> changed_on THEN 'left' WHEN NOT here @> (changed_on - 1) THEN 'entered'
            WHEN home @> changed_on <> home @> (changed_on - 1) THEN 'residence'
            WHEN home @> changed_on AND keyed @> changed_on <> keyed @> (changed_on - 1) THEN 'tier' ELSE 'primary' END,
       (SELECT array_agg(d) FROM unnest(refused) d WHERE NOT d = ANY (coalesce(timed.days, '{{}}'))),
       (SELECT max(d) FROM unnest(timed.days) d), day
FROM timed $$;

-- The regular obligations with their due date in a month (O3 to O6). `cancelled` says why one does not count.
CREATE FUNCTION obligations_of(households uuid[], periods int[]) RETURNS TABLE (household_id uuid, period_id int, kind text,
  since date, due_on date, in_person boolean, met_on date, cancelled text, anchor_on date, step int)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH month AS MATERIALIZED (
  SELECT u.h, p.id, p.span, row_number() OVER () AS n FROM unnest(households, periods) AS u(h, p) JOIN period p ON p.id = u.p AND p.kind = 'month'
)
SELECT a.household_id, m.id, a.kind, a.since, due_on, a.in_person, CASE WHEN contact_on <= due_on + 7 THEN contact_on END,
       CASE WHEN superseded THEN why
            WHEN (contact_on <= due_on + 7) IS NOT TRUE AND EXISTS (SELECT FROM unnest(declines) x WHERE due_on - x BETWEEN 0 AND 29) THEN 'declined' END,
       a.anchor_on, a.step
FROM anchors_of((SELECT array_agg(h ORDER BY n) FROM month), (SELECT array_agg(span ORDER BY n) FROM month)) a JOIN month m USING (n)
CROSS JOIN LATERAL generate_series(greatest(0, (lower(m.span) - first_due + step - 1) / step), (upper(m.span) - 1 - first_due) / step) k
CROSS JOIN LATERAL (SELECT first_due + step * k AS due_on) d
CROSS JOIN LATERAL (SELECT changed_on <= due_on AND (contact_on < changed_on) IS NOT TRUE AS superseded) s
WHERE due_on <@ m.span AND (k = 0 OR contact_on IS NULL OR due_on + 7 < contact_on)      -- a late contact starts anew (O3)
  AND (superseded IS NOT TRUE OR k = 0 OR due_on - step < changed_on) $$;

-- What each household owes on a day: the first due date of the anchor that nothing has met or superseded (O9, C22).
CREATE FUNCTION due_of(households uuid[], today date) RETURNS TABLE (household_id uuid, kind text, due_on date, in_person boolean, last_contact_on date)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT DISTINCT ON (a.household_id) a.household_id, a.kind, CASE WHEN a.declines IS NULL THEN a.first_due ELSE d.due_on END, a.in_person, a.last_contact_on
FROM anchors_of(households, array_fill(daterange(today, today + 1), ARRAY[cardinality(households)])) a
CROSS JOIN LATERAL (
  SELECT min(first_due + step * k) AS due_on FROM generate_series(0, 60) k
  WHERE declines IS NOT NULL AND NOT EXISTS (SELECT FROM unnest(declines) x WHERE first_due + step * k - x BETWEEN 0 AND 29)) d
WHERE a.contact_on IS NULL AND (a.changed_on IS NULL OR a.changed_on > today)
ORDER BY a.household_id, a.since DESC $$;

-- Must-visits with their deadline in a month, and what became of them (O7).
CREATE FUNCTION must_visits_of(households uuid[], periods int[]) RETURNS TABLE (household_id uuid, period_id int, id uuid, kind text,
  since date, due_on date, met_on date, declined boolean)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH pair AS MATERIALIZED (
  SELECT u.h, p.id AS period_id, p.span, {FAMILY.format(until="upper(p.span)")} AS fam
  FROM unnest(households, periods) AS u(h, p) JOIN period p ON p.id = u.p AND p.kind = 'month'
)
SELECT h, period_id, m.id, m.kind, m.since, m.due_on, x.met_on, x.met_on IS NULL AND x.declined
FROM pair CROSS JOIN LATERAL unnest(fam) AS part(id)
CROSS JOIN LATERAL (
  SELECT * FROM must_visit x WHERE x.household_id = part.id AND x.due_on >= lower(span) AND x.due_on < upper(span) AND x.withdrawn_at IS NULL OFFSET 0) m
CROSS JOIN LATERAL (
  SELECT min(v.occurred_on) FILTER (WHERE v.as_in_person OR (v.contact AND EXISTS (
           SELECT FROM residence r WHERE r.household_id = v.household_id AND r.status = 'away' AND r.during @> v.occurred_on))) AS met_on,
         coalesce(bool_or(v.outcome = 'declined' AND NOT EXISTS (
           SELECT FROM counted_visit c WHERE c.household_id = ANY (fam) AND c.occurred_on = v.occurred_on AND c.contact)), false) AS declined
  FROM counted_visit v WHERE v.household_id = ANY (fam) AND v.occurred_on BETWEEN m.since AND m.due_on) x $$;
"""

FACTS = """
-- What a reason says beside a figure (F5): the contacts of a household in a period, and the first satisfying contact after
-- an obligation that nothing has met in time, each with those of the households it answers for (C25).
CREATE FUNCTION contacts_of(h uuid, p int, OUT contacts int, OUT last_contact_on date) LANGUAGE sql STABLE AS $$
SELECT count(*), max(v.occurred_on) FROM period d JOIN counted_visit v ON v.household_id = ANY (h || ARRAY(
    SELECT s.household_id FROM succession s WHERE s.successor_id = h AND s.annulled_at IS NULL AND s.on_day < upper(d.span)))
  AND v.occurred_on >= lower(d.span) AND v.occurred_on < upper(d.span) AND v.contact WHERE d.id = p $$;
CREATE FUNCTION late_contact_of(h uuid, p int, due_on date, in_person boolean) RETURNS date LANGUAGE sql STABLE AS $$
SELECT min(v.occurred_on) FROM period d JOIN counted_visit v ON v.household_id = ANY (h || ARRAY(
    SELECT s.household_id FROM succession s WHERE s.successor_id = h AND s.annulled_at IS NULL AND s.on_day < upper(d.span)))
  AND v.occurred_on > late_contact_of.due_on AND v.contact AND (v.as_in_person OR NOT late_contact_of.in_person) WHERE d.id = p $$;
"""

DEFINITION = f"""
-- The number of days of a set. Most sets are one range, and a function in SQL over unnest() costs ten times as much.
CREATE OR REPLACE FUNCTION days(m datemultirange) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF datemultirange(range_merge(m)) = m THEN RETURN coalesce(upper(m) - lower(m), 0); END IF;
  RETURN (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(m) r);
END $$;

-- The only definition of the figures: pairs (household, period) -> one row each, a pure function of the facts.
-- A household not ours on any day of the period, or for which another one answers, gives no row.
CREATE OR REPLACE FUNCTION coverage_of(households uuid[], periods int[]) RETURNS SETOF household_period
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH regular AS MATERIALIZED (
  SELECT o.household_id, o.period_id, count(*) FILTER (WHERE cancelled IS NULL) AS due, count(met_on) FILTER (WHERE cancelled IS NULL) AS on_time,
         count(*) FILTER (WHERE cancelled = 'declined') AS waived,
         array_agg(due_on ORDER BY due_on) FILTER (WHERE cancelled IS NULL AND met_on IS NULL) AS unmet
  FROM obligations_of(households, periods) o GROUP BY 1, 2
), must AS MATERIALIZED (
  SELECT o.household_id, o.period_id, count(*) FILTER (WHERE NOT declined) AS due, count(met_on) AS met,
         count(*) FILTER (WHERE declined) AS declined, array_agg(due_on ORDER BY due_on) FILTER (WHERE met_on IS NULL AND NOT declined) AS unmet
  FROM must_visits_of(households, periods) o GROUP BY 1, 2
), pair AS MATERIALIZED (
  SELECT u.h, p.id AS period_id, p.kind = 'month' AS monthly, p.span, datemultirange(p.span) AS whole, p.days, {FAMILY.format(until="upper(p.span)")} AS fam
  FROM unnest(households, periods) AS u(h, p) JOIN period p ON p.id = u.p
), fact AS MATERIALIZED (
  SELECT pair.*, ours, registered, home, party, place, linked, keyed, v.*
  FROM pair
  CROSS JOIN LATERAL (
    SELECT range_agg(r.during) FILTER (WHERE r.status <> 'nominal') * whole AS ours, range_agg(r.during) * whole AS registered,
           range_agg(r.during) FILTER (WHERE r.status = 'resident') * whole AS home
    FROM residence r WHERE r.household_id = ANY (fam) AND NOT isempty(r.during * span)) s
  CROSS JOIN LATERAL ({PARTY} AND NOT isempty(o.during * span)) w      -- a line of its own (C2, L4)
  CROSS JOIN LATERAL (      -- primary links, on the days when their person is in service
    SELECT range_agg(a.during * m.during) AS linked
    FROM assignment a JOIN membership m ON m.person_id = a.person_id
    WHERE a.household_id = ANY (fam) AND a.role = 'primary' AND NOT isempty(a.during * span)) l
  CROSS JOIN LATERAL (SELECT range_agg(t.during) AS keyed FROM tier t WHERE t.household_id = ANY (fam) AND NOT isempty(t.during * span)) k
  CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE v.contact) AS contacts, count(*) FILTER (WHERE v.in_person) AS in_person,
           count(*) FILTER (WHERE v.outcome = 'declined') AS refusals, count(*) FILTER (WHERE v.outcome = 'not_home') AS attempts
    FROM counted_visit v WHERE v.household_id = ANY (fam) AND v.occurred_on >= lower(span) AND v.occurred_on < upper(span)) v
  CROSS JOIN LATERAL (      -- micro-grid and branch of most of its days, the later of two equals (C7)
    SELECT ARRAY[micro_grid_id, branch_id] AS place FROM (
      SELECT r.household_id, r.micro_grid_id, p.branch_id, r.during * p.during * span AS d
      FROM residence r JOIN responsibility p ON p.region_id = r.micro_grid_id AND p.kind = 'branch_micro_grid'
      WHERE r.household_id = ANY (fam) AND r.status <> 'nominal' AND NOT isempty(r.during * span)
      UNION ALL
      SELECT r.household_id, r.micro_grid_id, '{NOBODY}', unnest(datemultirange(r.during * span) - coalesce((
        SELECT range_agg(p.during) FROM responsibility p WHERE p.region_id = r.micro_grid_id AND p.kind = 'branch_micro_grid'), '{{}}'))
      FROM residence r WHERE r.household_id = ANY (fam) AND r.status <> 'nominal' AND NOT isempty(r.during * span)) x
    WHERE NOT isempty(d) GROUP BY micro_grid_id, branch_id
    ORDER BY sum(upper(d) - lower(d)) DESC, max(upper(d)) DESC, bool_or(household_id = h) DESC, (array_agg(household_id ORDER BY household_id))[1] LIMIT 1) b
  WHERE fam IS NOT NULL AND ours IS NOT NULL AND NOT isempty(ours)
), here AS MATERIALIZED (
  SELECT fact.*, ours - coalesce(party, '{{}}') AS here, registered @> (upper(span) - 1) AS stays, ours @> (upper(span) - 1) AS still FROM fact
), measured AS MATERIALIZED (
  SELECT here.*, days(here) AS exposure, days(ours) AS with_party, days(here * coalesce(linked, '{{}}')) AS linked_days,
         days(here * coalesce(home, '{{}}')) AS home_days, (monthly AND NOT isempty(here * coalesce(keyed, '{{}}')))::int AS key
  FROM here
), judged AS (              -- half of the days are enough, but one that closed inside the period needs more (C3)
  SELECT measured.*, (CASE WHEN stays THEN exposure * 2 >= days ELSE exposure * 2 > days END)::int AS due,
         (CASE WHEN stays THEN with_party * 2 >= days ELSE with_party * 2 > days END)::int AS due_with_party,
         (home_days * 2 >= exposure)::int AS resident
  FROM measured
)
SELECT j.period_id, h, place[1], place[2],
       j.due::smallint,
       (due_with_party * (1 - j.due))::smallint,
       (CASE WHEN due_with_party = 0 AND still THEN 1 ELSE 0 END)::smallint,
       (j.due * exposure)::smallint,
       (j.due * linked_days)::smallint,
       (j.due * (contacts > 0)::int)::smallint,
       (j.due * resident)::smallint,
       (j.due * resident * (in_person > 0)::int)::smallint,
       (j.due * (contacts = 0 AND refusals > 0)::int)::smallint,
       (j.due * (contacts = 0 AND refusals = 0 AND attempts > 0)::int)::smallint,
       (j.due * resident * key)::smallint,
       (j.due * resident * key * (in_person > 0)::int)::smallint,
       coalesce(r.due, 0)::smallint, coalesce(r.on_time, 0)::smallint, coalesce(r.waived, 0)::smallint,
       coalesce(m.due, 0)::smallint, coalesce(m.met, 0)::smallint, coalesce(m.declined, 0)::smallint,
       r.unmet, m.unmet
FROM judged j LEFT JOIN regular r ON (r.household_id, r.period_id) = (h, j.period_id)
LEFT JOIN must m ON (m.household_id, m.period_id) = (h, j.period_id) $$;

-- The stock on one day: the households of the set, and whether they are linked. It is `coverage_of` for a period of one
-- day, written set-wise because a whole township is asked at once; a test holds the two equal. The plan must know the
-- day: a generic one takes any day for a rare one, nests loops, and needs seconds.
CREATE FUNCTION stock_on(day date, grids uuid[]) RETURNS TABLE (household_id uuid, micro_grid_id uuid, branch_id uuid, covered boolean)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
WITH service AS MATERIALIZED (SELECT m.person_id, m.kind FROM membership m WHERE m.during @> day),
link AS MATERIALIZED (SELECT a.household_id, a.person_id, a.role FROM assignment a WHERE a.during @> day)
SELECT r.household_id, r.micro_grid_id, coalesce(p.branch_id, '{NOBODY}'),
       r.household_id IN (SELECT l.household_id FROM link l JOIN service s USING (person_id) WHERE l.role = 'primary')
FROM residence r
LEFT JOIN responsibility p ON p.region_id = r.micro_grid_id AND p.kind = 'branch_micro_grid' AND p.during @> day
WHERE r.micro_grid_id = ANY (grids) AND r.status <> 'nominal' AND r.during @> day AND r.household_id NOT IN (
  SELECT o.household_id FROM home o JOIN service s ON s.person_id = o.person_id AND s.kind IN ('full', 'probationary')
  WHERE o.during @> day AND o.person_id IN (SELECT l.person_id FROM link l))
AND r.household_id NOT IN (SELECT s.household_id FROM succession s WHERE s.annulled_at IS NULL AND s.on_day <= day);
END $$;

CREATE OR REPLACE FUNCTION coverage_on(day date, grids uuid[]) RETURNS TABLE (micro_grid_id uuid, branch_id uuid, households bigint, covered bigint)
LANGUAGE sql STABLE AS $$
SELECT s.micro_grid_id, s.branch_id, count(*), count(*) FILTER (WHERE s.covered) FROM stock_on(day, grids) s GROUP BY 1, 2 $$;
ALTER FUNCTION coverage_on RESET ALL;

-- Households without an active primary on a day: how many days in the set since the last covered one, and why (C21).
CREATE FUNCTION gaps_on(day date, households uuid[]) RETURNS TABLE (household_id uuid, gap_days int, since date, reason text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT h, days(until_day * datemultirange(daterange(last_day + 1, NULL))), lower(until_day * datemultirange(daterange(last_day + 1, NULL))),
       CASE WHEN a.id IS NULL THEN 'never_linked' WHEN a.during @> day THEN 'member_out_of_service' ELSE coalesce(a.end_reason, 'other') END
FROM unnest(households) AS u(h) CROSS JOIN LATERAL (SELECT ARRAY[h] AS fam) f
CROSS JOIN LATERAL (SELECT range_agg(r.during) AS ours FROM residence r WHERE r.household_id = h AND r.status <> 'nominal') s
CROSS JOIN LATERAL ({PARTY}) w
CROSS JOIN LATERAL (
  SELECT range_agg(l.during * m.during) AS linked FROM assignment l JOIN membership m ON m.person_id = l.person_id
  WHERE l.household_id = h AND l.role = 'primary') l
CROSS JOIN LATERAL (SELECT (ours - coalesce(party, '{{}}')) * datemultirange(daterange(NULL, day + 1)) AS until_day) d
CROSS JOIN LATERAL (SELECT upper(until_day * coalesce(linked, '{{}}')) - 1 AS last_day) c
LEFT JOIN LATERAL (
  SELECT a.id, a.during, a.end_reason FROM assignment a WHERE a.household_id = h AND a.role = 'primary' AND a.valid_from <= day AND NOT isempty(a.during)
  ORDER BY a.valid_from DESC, a.seq DESC LIMIT 1) a ON true $$;
"""

MARK = """
-- Attempts and refusals are figures, too: every visit marks, recorded or voided.
CREATE OR REPLACE FUNCTION coverage_mark_visit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO coverage_dirty (household_id, during) SELECT household_id, during FROM new_rows WHERE voided_at IS NULL;
  ELSE
    INSERT INTO coverage_dirty (household_id, during) SELECT n.household_id, n.during FROM old_rows o JOIN new_rows n USING (id)
    WHERE (o.voided_at IS NULL) <> (n.voided_at IS NULL);
  END IF;
  RETURN NULL;
END $$;

-- A must-visit raised, withdrawn or changed.
CREATE FUNCTION coverage_mark_must_visit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO coverage_dirty (household_id, during) SELECT DISTINCT household_id, during FROM touched; RETURN NULL; END $$;

-- From the day of a succession on, two households have other figures.
CREATE FUNCTION coverage_mark_succession() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO coverage_dirty (household_id, during) SELECT DISTINCT h, daterange(on_day, NULL) FROM touched, unnest(ARRAY[household_id, successor_id]) h;
  RETURN NULL;
END $$;

-- A number of the rules table: every household below the township, from that day on.
CREATE FUNCTION coverage_mark_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO coverage_dirty (micro_grid_id, during)
  SELECT DISTINCT g.id, daterange(t.valid_from, NULL) FROM touched t JOIN region g ON g.level = 'micro_grid' AND (t.region_id IS NULL OR t.region_id = ANY (g.path))
  WHERE t.name LIKE 'interval_%';
  RETURN NULL;
END $$;

-- Name, group or closing of a household: no figure changes, but whoever holds a copy has to learn of it (Y1).
CREATE FUNCTION coverage_mark_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO coverage_dirty (household_id, during) SELECT id, 'empty' FROM touched; RETURN NULL; END $$;

DO $do$
DECLARE t text; f text;
BEGIN
  CREATE TRIGGER coverage_i AFTER INSERT ON tier REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION coverage_mark();
  CREATE TRIGGER coverage_d AFTER DELETE ON tier REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION coverage_mark();
  CREATE TRIGGER coverage_u AFTER UPDATE ON tier REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION coverage_mark();
  FOR t, f IN VALUES ('must_visit', 'coverage_mark_must_visit()'), ('succession', 'coverage_mark_succession()'), ('region_rule', 'coverage_mark_rule()') LOOP
    EXECUTE format('CREATE TRIGGER coverage_i AFTER INSERT ON %I REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION %s', t, f);
    EXECUTE format('CREATE TRIGGER coverage_u AFTER UPDATE ON %I REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION %s', t, f);
    EXECUTE format('CREATE TRIGGER coverage_o AFTER UPDATE ON %I REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION %s', t, f);
    EXECUTE format('CREATE TRIGGER coverage_d AFTER DELETE ON %I REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION %s', t, f);
  END LOOP;
  CREATE TRIGGER coverage_u AFTER UPDATE ON household REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION coverage_mark_identity();
  FOREACH t IN ARRAY '{household_frozen,obligation_frozen,coverage_frozen,frozen_part}'::text[] LOOP
    EXECUTE format('CREATE TRIGGER frozen_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION frozen_stays()', t);
  END LOOP;
END $do$;
"""

FOLD = f"""
-- Whom a set of marks is about, and on which days. A successor answers for its predecessors.
CREATE FUNCTION coverage_touched(marks coverage_dirty[], OUT h uuid, OUT during daterange) RETURNS SETOF record LANGUAGE sql STABLE AS $$
WITH m AS (SELECT DISTINCT household_id, person_id, resident_id, micro_grid_id, during FROM unnest(marks)),
d AS (
  SELECT household_id AS h, during FROM m WHERE household_id IS NOT NULL
  UNION SELECT a.household_id, m.during * a.during FROM m JOIN assignment a USING (person_id) WHERE m.during && a.during
  UNION SELECT o.household_id, m.during * o.during FROM m JOIN home o ON o.person_id IN (m.person_id, m.resident_id) WHERE m.during && o.during
  UNION SELECT r.household_id, m.during * r.during FROM m JOIN residence r USING (micro_grid_id) WHERE m.during && r.during)
SELECT d.h, d.during FROM d UNION SELECT s.successor_id, d.during FROM d JOIN succession s ON s.household_id = d.h AND s.annulled_at IS NULL $$;

-- Which (household, period) pairs a set of marks can reach. A fact of a day moves due dates on all later days, and
-- whether one of the seven days before was met in time.
CREATE OR REPLACE FUNCTION coverage_reach(marks coverage_dirty[], OUT h uuid, OUT p int) RETURNS SETOF record LANGUAGE sql STABLE AS $$
SELECT DISTINCT d.h, period.id FROM coverage_touched(marks) d
JOIN period ON NOT isempty(d.during) AND (period.span && d.during OR (period.kind = 'month' AND upper(period.span) + 7 > lower(d.during))) $$;

-- Make the rows of these pairs, and the sums they belong to, equal to the definition. Nobody else writes figures.
-- Planning this statement costs milliseconds, running it for one household a fraction: hence the generic plan.
CREATE OR REPLACE FUNCTION coverage_set(hs uuid[], ps int[]) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
WITH fresh AS MATERIALIZED (SELECT * FROM coverage_of(hs, ps)),
stored AS MATERIALIZED (SELECT t.* FROM unnest(ps, hs) AS u(period_id, household_id) JOIN household_period t USING (period_id, household_id)),
gone AS (
  DELETE FROM household_period t USING stored s LEFT JOIN fresh f USING (period_id, household_id)
  WHERE t.period_id = s.period_id AND t.household_id = s.household_id AND f.period_id IS NULL),
kept AS (
  INSERT INTO household_period SELECT * FROM (SELECT * FROM fresh EXCEPT SELECT * FROM stored) f
  ON CONFLICT (period_id, household_id) DO UPDATE SET (micro_grid_id, branch_id, {each("{c}")}, unmet, must_unmet)
    = ROW (excluded.micro_grid_id, excluded.branch_id, {each("excluded.{c}")}, excluded.unmet, excluded.must_unmet)),
change AS (
  SELECT period_id, micro_grid_id, branch_id, {each("sum(s * {c}) AS {c}")}
  FROM (SELECT 1 AS s, * FROM fresh UNION ALL SELECT -1, * FROM stored) x GROUP BY 1, 2, 3)
INSERT INTO coverage_sum AS t SELECT * FROM change WHERE ({each("{c}")}) IS DISTINCT FROM ({each("0")}) ORDER BY 1, 2, 3
  ON CONFLICT (period_id, micro_grid_id, branch_id) DO UPDATE SET {each("{c} = t.{c} + excluded.{c}")};
END $$;

-- Take marks and make the figures follow, one folder at a time; returns how many marks were taken.
CREATE OR REPLACE FUNCTION coverage_fold(at_most int) RETURNS int LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE marks coverage_dirty[]; hs uuid[]; ps int[];
BEGIN
  PERFORM pg_advisory_xact_lock({before.LOCK});     -- a statement of its own: the next one sees all that the last folder left
  WITH taken AS (DELETE FROM coverage_dirty WHERE id IN (SELECT id FROM coverage_dirty ORDER BY id LIMIT at_most) RETURNING coverage_dirty AS mark)
  SELECT array_agg(mark) INTO marks FROM taken;
  IF marks IS NULL THEN RETURN 0; END IF;
  SELECT array_agg(h), array_agg(p) INTO hs, ps FROM coverage_reach(marks);
  IF hs IS NOT NULL THEN PERFORM coverage_set(hs, ps); END IF;
  INSERT INTO household_touch SELECT DISTINCT h, pg_current_xact_id() FROM coverage_touched(marks)
    ON CONFLICT (household_id) DO UPDATE SET xid = excluded.xid;
  UPDATE coverage_state SET folds = folds + 1;
  RETURN cardinality(marks);
END $$;

-- A period and, of a quarter or a year, the months inside it, whose obligations it adds up.
CREATE FUNCTION coverage_parts(p int) RETURNS int[] LANGUAGE sql STABLE AS $$
SELECT array_agg(part.id) FROM period whole JOIN period part ON part.id = whole.id OR (part.kind = 'month' AND part.span <@ whole.span) WHERE whole.id = p $$;

-- The sums plus what the waiting marks change, in one snapshot: exact at every instant, and it never waits.
CREATE OR REPLACE FUNCTION coverage_read(p int, grids uuid[]) RETURNS SETOF coverage_sum LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE parts int[] := coverage_parts(p);
BEGIN
  IF NOT EXISTS (SELECT FROM coverage_dirty) THEN
    RETURN QUERY SELECT p, micro_grid_id, branch_id, {each("coalesce(sum({c}) FILTER (WHERE period_id = p), 0)::int", COLUMNS[: -len(MONTHLY)])}, {each("sum({c})::int", MONTHLY)}
    FROM coverage_sum WHERE period_id = ANY (parts) AND micro_grid_id = ANY (grids) GROUP BY 2, 3; RETURN;
  END IF;
  RETURN QUERY
WITH tail AS MATERIALIZED (
  SELECT array_agg(r.h) AS hs, array_agg(r.p) AS ps
  FROM (SELECT array_agg(d) AS marks FROM coverage_dirty d HAVING count(*) > 0) x, coverage_reach(marks) r WHERE r.p = ANY (parts)
), fresh AS (SELECT f.* FROM tail, coverage_of(hs, ps) f WHERE f.micro_grid_id = ANY (grids)),
stored AS (
  SELECT s.* FROM (SELECT unnest(hs) AS household_id, unnest(ps) AS period_id FROM tail) u JOIN household_period s USING (household_id, period_id)
  WHERE s.micro_grid_id = ANY (grids)),
part AS (
  SELECT period_id, micro_grid_id, branch_id, {each("{c}")} FROM coverage_sum WHERE period_id = ANY (parts) AND micro_grid_id = ANY (grids)
  UNION ALL SELECT period_id, micro_grid_id, branch_id, {each("{c}")} FROM fresh
  UNION ALL SELECT period_id, micro_grid_id, branch_id, {each("-{c}")} FROM stored)
SELECT p, micro_grid_id, branch_id, {each("coalesce(sum({c}) FILTER (WHERE period_id = p), 0)::int", COLUMNS[: -len(MONTHLY)])}, {each("sum({c})::int", MONTHLY)}
FROM part GROUP BY 2, 3;
END $$;

-- The rows of a period as they are at this instant: kept ones, and fresh ones where marks wait.
CREATE FUNCTION coverage_rows(p int, grids uuid[]) RETURNS SETOF household_period LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE hs uuid[];
BEGIN
  SELECT array_agg(DISTINCT r.h) INTO hs FROM (SELECT array_agg(d) AS marks FROM coverage_dirty d HAVING count(*) > 0) x, coverage_reach(marks) r WHERE r.p = $1;
  RETURN QUERY SELECT * FROM household_period WHERE period_id = p AND micro_grid_id = ANY (grids) AND (hs IS NULL OR household_id <> ALL (hs));
  IF hs IS NOT NULL THEN
    RETURN QUERY SELECT * FROM coverage_of(hs, array_fill(p, ARRAY[cardinality(hs)])) f WHERE f.micro_grid_id = ANY (grids);
  END IF;
END $$;

-- Of the obligations of a period, those that may still be met on a day: outside of every denominator (C19, C20).
CREATE FUNCTION coverage_pending(p int, grids uuid[], day date) RETURNS TABLE (micro_grid_id uuid, branch_id uuid, regular bigint, must bigint)
LANGUAGE sql STABLE AS $$
WITH month AS MATERIALIZED (SELECT m.id FROM period m WHERE m.kind = 'month' AND m.id = ANY (coverage_parts(p)) AND upper(m.span) + 6 >= $3),
tail AS MATERIALIZED (
  SELECT r.h AS household_id, r.p AS period_id FROM (SELECT array_agg(d) AS marks FROM coverage_dirty d HAVING count(*) > 0) x, coverage_reach(marks) r
  WHERE r.p IN (SELECT id FROM month)),
one AS (
  SELECT k.micro_grid_id, k.branch_id, k.unmet, k.must_unmet FROM household_period k
  WHERE k.period_id IN (SELECT id FROM month) AND k.micro_grid_id = ANY (grids) AND (k.unmet IS NOT NULL OR k.must_unmet IS NOT NULL)
    AND (k.household_id, k.period_id) NOT IN (SELECT household_id, period_id FROM tail)
  UNION ALL
  SELECT f.micro_grid_id, f.branch_id, f.unmet, f.must_unmet
  FROM (SELECT array_agg(household_id) AS hs, array_agg(period_id) AS ps FROM tail HAVING count(*) > 0) t, coverage_of(hs, ps) f WHERE f.micro_grid_id = ANY (grids))
SELECT one.micro_grid_id, one.branch_id, count(*) FILTER (WHERE NOT d.must AND d.day >= $3 - 7), count(*) FILTER (WHERE d.must AND d.day >= $3)
FROM one, LATERAL (SELECT x AS day, false AS must FROM unnest(unmet) x UNION ALL SELECT x, true FROM unnest(must_unmet) x) d GROUP BY 1, 2 $$;
"""

FREEZE = f"""
-- Copy a part of a period's figures for good, with what the reasons say (F1, F5); false when that was done before. Rows and
-- obligations are read in one statement, hence from one snapshot: what is written meanwhile is in both or in neither.
CREATE FUNCTION coverage_freeze(p int, part text, version int) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  last_day date := (SELECT upper(d.span) - 1 FROM period d WHERE d.id = p);
  grids uuid[] := (SELECT array_agg(g.id) FROM region g WHERE g.level = 'micro_grid');
BEGIN
  PERFORM pg_advisory_xact_lock({before.LOCK});
  WHILE coverage_fold(2000) > 0 LOOP END LOOP;
  INSERT INTO frozen_part (period_id, part, definition_version) VALUES (p, part, version) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN RETURN false; END IF;
  IF part = 'stock' THEN
    WITH stock AS MATERIALIZED (SELECT s.* FROM stock_on(last_day, grids) s)
    INSERT INTO household_frozen
    SELECT p, part, s.household_id, s.micro_grid_id, s.branch_id, {each("0")}, 1, s.covered::int, NULL, NULL, g.gap_days, g.since, g.reason
    FROM stock s LEFT JOIN gaps_on(last_day, (SELECT array_agg(z.household_id) FROM stock z WHERE NOT z.covered)) g USING (household_id);
  ELSIF part = 'on_time' THEN
    WITH kept AS MATERIALIZED (SELECT r.* FROM coverage_rows(p, grids) r WHERE r.due + r.waived > 0),
    frozen AS (
      INSERT INTO household_frozen SELECT p, part, r.household_id, r.micro_grid_id, r.branch_id,
        {", ".join(f"r.{column}" if column in ON_TIME else "0" for column in COLUMNS)}, 0, 0 FROM kept r)
    INSERT INTO obligation_frozen
    SELECT p, part, o.household_id, row_number() OVER (PARTITION BY o.household_id ORDER BY o.due_on, o.since, o.kind), o.kind, o.since, o.due_on,
      o.in_person, o.met_on, CASE WHEN o.met_on IS NULL THEN late_contact_of(o.household_id, p, o.due_on, o.in_person) END
    FROM (SELECT array_agg(r.household_id) AS hs, array_agg(p) AS ps FROM kept r WHERE r.due > 0) x, obligations_of(x.hs, x.ps) o WHERE o.cancelled IS NULL;
  ELSE
    WITH kept AS MATERIALIZED (SELECT r.* FROM coverage_rows(p, grids) r),
    frozen AS (
      INSERT INTO household_frozen SELECT p, part, r.household_id, r.micro_grid_id, r.branch_id,
        {", ".join("0" if column in ON_TIME else f"r.{column}" for column in COLUMNS)}, 0, 0, c.contacts, c.last_contact_on
      FROM kept r CROSS JOIN LATERAL contacts_of(r.household_id, p) c)
    INSERT INTO obligation_frozen
    SELECT p, part, o.household_id, row_number() OVER (PARTITION BY o.household_id ORDER BY o.due_on, o.id), o.kind, o.since, o.due_on,
      true, o.met_on, CASE WHEN o.met_on IS NULL THEN late_contact_of(o.household_id, p, o.due_on, true) END
    FROM (SELECT array_agg(r.household_id) AS hs, array_agg(p) AS ps FROM kept r WHERE r.must_due > 0) x, must_visits_of(x.hs, x.ps) o WHERE NOT o.declined;
  END IF;
  INSERT INTO coverage_frozen SELECT p, part, h.micro_grid_id, h.branch_id, {each("sum(h.{c})")}, sum(h.stock), sum(h.stock_covered)
  FROM household_frozen h WHERE h.period_id = p AND h.part = part GROUP BY 3, 4;
  UPDATE coverage_state SET folds = folds + 1;
  RETURN true;
END $$;
"""

PROVE = f"""
-- After all households were recounted: sums are kept as differences, so a sum that was wrong by itself is only mended
-- by adding it up anew; and answers that processes keep ready are no longer good.
CREATE OR REPLACE FUNCTION coverage_settle(p int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM household_period t WHERE period_id = p AND NOT EXISTS (SELECT FROM household WHERE id = t.household_id);
  DELETE FROM coverage_sum WHERE period_id = p;
  INSERT INTO coverage_sum SELECT p, micro_grid_id, branch_id, {each("sum({c})")} FROM household_period WHERE period_id = p GROUP BY 2, 3;
  UPDATE period SET definition_version = {VERSION} WHERE id = p;
  UPDATE coverage_state SET folds = folds + 1;
END $$;

-- Every kept row against the definition and every sum against the definition's rows; no rows = exact. Marks that
-- still wait are differences, too: fold first.
CREATE OR REPLACE FUNCTION coverage_check(p int) RETURNS TABLE (what text, micro_grid_id uuid, household_id uuid, kept text, truth text)
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

UNDO = f"""
DO $do$ DECLARE t record; BEGIN
  FOR t IN SELECT tgname, tgrelid::regclass AS rel FROM pg_trigger WHERE tgname ~ '^(coverage_|frozen_)' AND NOT tgisinternal LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.rel);
  END LOOP;
END $do$;
DROP FUNCTION coverage_check, coverage_settle, coverage_recount, coverage_lock, coverage_freeze, coverage_pending, coverage_rows, coverage_read,
  coverage_parts, coverage_fold, coverage_set, coverage_reach, coverage_touched, coverage_mark_identity, coverage_mark_rule, coverage_mark_succession,
  coverage_mark_must_visit, coverage_tree_changed, coverage_mark_other, coverage_mark_visit, coverage_mark, gaps_on, coverage_on, stock_on, coverage_of,
  late_contact_of, contacts_of, must_visits_of, due_of, obligations_of, anchors_of, days;
DROP VIEW counted_visit;
DROP TABLE coverage_frozen, obligation_frozen, household_frozen, frozen_part, household_touch;
DROP FUNCTION frozen_stays;
ALTER TABLE coverage_state DROP COLUMN epoch, DROP COLUMN checked_at, DROP COLUMN differences;
ALTER TABLE coverage_dirty DROP COLUMN marked_at;
ALTER TABLE period DROP COLUMN definition_version;
DELETE FROM household_period USING period WHERE period.id = period_id AND kind <> 'month';
DELETE FROM coverage_sum USING period WHERE period.id = period_id AND kind <> 'month';
DELETE FROM period WHERE kind <> 'month';
ALTER TABLE coverage_sum {each("DROP COLUMN {c}", ADDED)};
ALTER TABLE household_period {each("DROP COLUMN {c}", ADDED)}, DROP COLUMN unmet, DROP COLUMN must_unmet;
"""


class Migration(migrations.Migration):
    dependencies = [("lianhu", "0004_obligations")]
    operations = [
        ops.RunSQL(
            [TABLES + OBLIGATIONS + FACTS + DEFINITION + MARK + FOLD + FREEZE + PROVE],
            [UNDO + before.DEFINITION + before.MARK + before.FOLD + before.PROVE],
        )
    ]
