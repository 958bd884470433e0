"""Questions whose answer must be empty, asked by table scan: an index may have lost what it should guard (docs/rules.md T4)."""

from __future__ import annotations

from typing import NamedTuple

from backend.rules.regions import RuleName
from models import database
from models.coverage import COLUMNS, DAILY
from models.database import Record

#: So many rows of an answer are given; all are counted.
FIRST = 10
_FOREVER = "daterange(DATE '2000-01-01', NULL)"


class Finding(NamedTuple):
    """A question with what should not be there: how many, and the first ones (ids and days, nothing of a person)."""

    question: str
    number: int
    rows: list[Record]


def _overlap(table: str, owner: str, condition: str = "true") -> str:
    """Pairs of rows of one owner that hold on the same day. The ranges are rebuilt from the dates: the generated column
    is not believed either."""
    left, right = (f"daterange({side}.valid_from, {side}.valid_to)" for side in "ab")
    return f"""SELECT a.{owner}, a.id, b.id AS other FROM {table} a JOIN {table} b ON b.{owner} = a.{owner} AND a.id < b.id
               WHERE NOT isempty({left} * {right}) AND {condition}"""


def _outlives(table: str, owner: str, column: str) -> str:
    """Rows that go on after what they belong to has ended."""
    return f"""SELECT d.id, d.{column}, o.valid_to AS ended FROM {table} d JOIN {owner} o ON o.id = d.{column}
               WHERE NOT isempty(d.during) AND o.valid_to IS NOT NULL AND (d.valid_to IS NULL OR d.valid_to > o.valid_to)"""


def _outside_household(table: str) -> str:
    """Rows on days before a household was opened or after it was closed."""
    return f"""SELECT d.id, d.household_id FROM {table} d JOIN household h ON h.id = d.household_id
               WHERE NOT isempty(d.during) AND NOT d.during <@ daterange(h.opened_on, h.closed_on)"""


def _unexplained(table: str, owner: str, condition: str = "true") -> str:
    """Empty rows of a table in which one row follows another, on a day on which no other row of the owner holds. A
    change closes and opens on one day (T3), so it leaves an empty row only where another one stands."""
    return f"""SELECT e.id, e.{owner}, e.valid_from FROM {table} e WHERE e.valid_from = e.valid_to AND {condition}
               AND e.id NOT IN (SELECT x.id FROM {table} x JOIN {table} y ON y.{owner} = x.{owner} AND y.during @> x.valid_from
                                WHERE x.valid_from = x.valid_to)"""


def _later_than_now(table: str, column: str = "recorded_at") -> str:
    return f"SELECT '{table}' AS what, id::text, {column} AS at FROM {table} WHERE {column} > now() + interval '10 minutes'"


def _wrong_path(table: str) -> str:
    return f"""SELECT c.id FROM {table} c LEFT JOIN {table} p ON p.id = c.parent_id
               WHERE c.path <> coalesce(p.path, '{{}}') || c.id"""


_DATED = (
    "region", "branch", "responsibility", "membership", "exemption", "role_grant", "residence", "tier", "home", "assignment",
    "region_rule",
)  # fmt: skip
_RECORDED = (*_DATED, "household", "person", "visit", "must_visit", "succession", "household_tag")
_SUMS = (*COLUMNS, *(column for column in DAILY if column.startswith("stock")))

OVERLAPS = {
    "two primary links on one day": _overlap("assignment", "household_id", "a.role = 'primary' AND b.role = 'primary'"),
    "two residences on one day": _overlap("residence", "household_id"),
    "two branches for a micro-grid on one day": _overlap(
        "responsibility", "region_id", "a.kind = 'branch_micro_grid' AND b.kind = 'branch_micro_grid'"
    ),
    "two homes on one day": _overlap("home", "person_id"),
    "two branches of a person on one day": _overlap("membership", "person_id"),
    "two numbers of one rule on one day": _overlap(
        "region_rule", "name", "a.region_id IS NOT DISTINCT FROM b.region_id"
    ),
}
ORPHANS = {
    "a role held at a region that has ended": _outlives("role_grant", "region", "region_id"),
    "a role held at a branch that has ended": _outlives("role_grant", "branch", "branch_id"),
    "a responsibility for a region that has ended": _outlives("responsibility", "region", "region_id"),
    "a responsibility of a branch that has ended": _outlives("responsibility", "branch", "branch_id"),
    "a membership of a branch that has ended": _outlives("membership", "branch", "branch_id"),
    "a residence in a micro-grid that has ended": _outlives("residence", "region", "micro_grid_id"),
    "a link outside of the days of its household": _outside_household("assignment"),
    "a residence outside of the days of its household": _outside_household("residence"),
    "a tier outside of the days of its household": _outside_household("tier"),
    "a home outside of the days of its household": _outside_household("home"),
    "a must-visit outside of the days of its household": """
        SELECT m.id, m.household_id FROM must_visit m JOIN household h ON h.id = m.household_id
        WHERE m.withdrawn_at IS NULL AND NOT m.since <@ daterange(h.opened_on, h.closed_on)""",
    "a visit before its household was opened": """
        SELECT v.id, v.household_id FROM visit v JOIN household h ON h.id = v.household_id
        WHERE v.voided_at IS NULL AND v.occurred_on < h.opened_on""",
    "a residence that is not in a micro-grid": """
        SELECT r.id, r.household_id FROM residence r JOIN region g ON g.id = r.micro_grid_id WHERE g.level <> 'micro_grid'""",
    "a region whose path is not that of its parent": _wrong_path("region"),
    "a branch whose path is not that of its parent": _wrong_path("branch"),
    "a day without a residence row": """
        SELECT h.id FROM household h LEFT JOIN residence r ON r.household_id = h.id GROUP BY h.id, h.opened_on, h.closed_on
        HAVING NOT datemultirange(daterange(h.opened_on, h.closed_on)) <@ coalesce(range_agg(r.during), '{}')""",
    "a day without a general number of a rule": f"""
        SELECT n.name FROM unnest(ARRAY[{", ".join(f"'{name}'" for name in RuleName)}]) AS n(name)
        LEFT JOIN region_rule q ON q.name = n.name AND q.region_id IS NULL GROUP BY n.name
        HAVING NOT {_FOREVER} <@ coalesce(range_agg(q.during), '{{}}')""",
    "an open primary link of an exempt member": """
        SELECT a.id, a.household_id, a.person_id FROM assignment a JOIN exemption e ON e.person_id = a.person_id
        WHERE a.role = 'primary' AND a.valid_to IS NULL AND e.during && daterange(current_date, NULL)
          AND e.recorded_at < now() - interval '15 days'""",
}
_HELD = "SELECT household_id AS h, successor_id AS s, on_day FROM succession WHERE annulled_at IS NULL"
SUCCESSIONS = {
    "households that succeed one another in a circle": f"""
        WITH RECURSIVE held AS ({_HELD}), later AS (
          SELECT h, s FROM held UNION SELECT later.h, held.s FROM later JOIN held ON held.h = later.s)
        SELECT h AS household_id FROM later WHERE h = s""",
    "a successor's successor without a row of its own": f"""
        WITH held AS ({_HELD})
        SELECT a.h AS household_id, b.s AS successor_id, greatest(a.on_day, b.on_day) AS on_day
        FROM held a JOIN held b ON b.h = a.s
        LEFT JOIN held c ON c.h = a.h AND c.s = b.s AND c.on_day = greatest(a.on_day, b.on_day) WHERE c.h IS NULL AND a.h <> b.s""",
}
EMPTY = {
    "an empty residence that no change explains": _unexplained("residence", "household_id"),
    "an empty home that no change explains": _unexplained("home", "person_id"),
    "an empty responsibility that no change explains": _unexplained(
        "responsibility", "region_id", "kind = 'branch_micro_grid'"
    ),
    "an empty membership that no change explains": _unexplained("membership", "person_id", "end_reason IS NULL"),
    "an empty link that nobody ended": """
        SELECT id, household_id, valid_from FROM assignment WHERE valid_from = valid_to AND end_reason IS NULL""",
}
FUTURE = {
    "a row recorded in the future": "\nUNION ALL ".join(
        [*map(_later_than_now, _RECORDED), _later_than_now("audit_entry", "at")]
    ),
    "a visit on a day to come": """
        SELECT id, household_id, occurred_on FROM visit WHERE occurred_on > (now() + interval '10 minutes')::date""",
    "a visit written down in the future": """
        SELECT id, household_id, noted_at FROM visit WHERE noted_at > recorded_at + interval '10 minutes'""",
}
KEPT = {
    "a period is missing between those kept": """
        SELECT kind, until AS missing_from, next AS kept_again_from FROM (
          SELECT kind, upper(span) AS until, lead(lower(span)) OVER (PARTITION BY kind ORDER BY lower(span)) AS next FROM period) p
        WHERE next <> until""",
    "a quarter or year without one of its months": """
        SELECT w.id AS period, m.day::date AS month FROM period w
        CROSS JOIN LATERAL generate_series(lower(w.span), least(upper(w.span), current_date) - 1, interval '1 month') m(day)
        LEFT JOIN period p ON p.kind = 'month' AND lower(p.span) = m.day::date WHERE w.kind <> 'month' AND p.id IS NULL""",
    "frozen sums that are not the sums of the frozen households": f"""
        SELECT period_id AS period, part, micro_grid_id, branch_id FROM (
          SELECT period_id, part, micro_grid_id, branch_id, {", ".join(_SUMS)} FROM coverage_frozen
          UNION ALL SELECT period_id, part, micro_grid_id, branch_id, {", ".join(f"-{column}" for column in _SUMS)} FROM household_frozen) x
        GROUP BY 1, 2, 3, 4 HAVING {" OR ".join(f"sum({column}) <> 0" for column in _SUMS)}""",
    "frozen obligations that are not those of the frozen households": """
        SELECT period_id AS period, part, household_id, f.due + f.must_due AS counted, count(o.n) AS obligations
        FROM household_frozen f LEFT JOIN obligation_frozen o USING (period_id, part, household_id)
        GROUP BY 1, 2, 3, 4 HAVING count(o.n) <> f.due + f.must_due OR count(o.met_on) <> max(f.on_time + f.must_met)""",
    "a touch by a transaction that has not been": """
        SELECT household_id, xid::text FROM household_touch WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())""",
    "a touch of no household": """
        SELECT t.household_id FROM household_touch t LEFT JOIN household h ON h.id = t.household_id WHERE h.id IS NULL""",
}
QUESTIONS = OVERLAPS | ORPHANS | SUCCESSIONS | EMPTY | FUTURE | KEPT
#: No index is looked into: each question is a scan with hash joins.
SCAN = (
    "SET LOCAL enable_indexscan = off",
    "SET LOCAL enable_indexonlyscan = off",
    "SET LOCAL enable_bitmapscan = off",
)


async def all_findings() -> list[Finding]:
    """Each question with an answer that should not be there."""
    found = []
    async with database.transaction():
        for setting in SCAN:
            await database.execute(setting)
        for question, sql in QUESTIONS.items():
            rows = await database.fetch(f"SELECT *, count(*) OVER () AS in_all FROM ({sql}) found LIMIT {FIRST}")
            if rows:
                shown: list[Record] = [{name: row[name] for name in row.keys() if name != "in_all"} for row in rows]  # noqa: SIM118
                found.append(Finding(question, rows[0]["in_all"], shown))
    return found
