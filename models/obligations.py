"""What is due to a household: must-visits, and the obligations that follow from the facts (docs/rules.md O)."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database, scope
from models.database import Record
from models.households import Household


class MustVisit(Model):
    """A visit that somebody asked for or an event calls for, with its deadline (docs/rules.md O7)."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="must_visits"
    )
    kind = fields.TextField()
    since = fields.DateField()
    due_on = fields.DateField()
    source = fields.TextField()
    raised_by = fields.UUIDField(null=True)
    recorded_at = fields.DatetimeField(db_default=Now())
    withdrawn_at = fields.DatetimeField(null=True)
    withdrawn_by = fields.UUIDField(null=True)
    withdraw_reason = fields.TextField(null=True)

    class Meta:
        table = "must_visit"
        indexes = [Index(fields=["household_id", "due_on"]), Index(fields=["due_on"])]


# What has become of the must-visits {rows} on the day {today} (docs/rules.md O7). A visit counts here as in the figures: both read
# `counted_visit`. After a merger the successor's visits count, too, from the month of the merger on (C25): `until` is
# the first day after the month of the deadline, `answers` the household that answers for this one in that month.
_STATED = """
SELECT m.id, m.household_id, m.kind, m.since, m.due_on, m.source, m.raised_by, x.met_on,
  CASE WHEN m.withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN x.met_on IS NOT NULL THEN 'met' WHEN x.declined THEN 'declined'
       WHEN m.due_on < {today}::date THEN 'missed' ELSE 'open' END AS state
FROM {rows} m
CROSS JOIN LATERAL (SELECT (date_trunc('month', m.due_on::timestamp) + interval '1 month')::date AS until) e
CROSS JOIN LATERAL (
  SELECT coalesce((SELECT s.successor_id FROM succession s
                   WHERE s.household_id = m.household_id AND s.annulled_at IS NULL AND s.on_day < until
                   ORDER BY s.on_day DESC, s.successor_id DESC LIMIT 1), m.household_id) AS answers) a
CROSS JOIN LATERAL (
  SELECT answers || ARRAY(
    SELECT s.household_id FROM succession s WHERE s.successor_id = answers AND s.annulled_at IS NULL AND s.on_day < until
      AND NOT EXISTS (SELECT FROM succession z WHERE z.household_id = s.household_id AND z.annulled_at IS NULL
                      AND z.on_day < until AND (z.on_day, z.successor_id) > (s.on_day, s.successor_id))) AS family) f
CROSS JOIN LATERAL (
  SELECT min(v.occurred_on) FILTER (WHERE v.as_in_person OR (v.contact AND EXISTS (
           SELECT FROM residence r WHERE r.household_id = v.household_id AND r.status = 'away' AND r.during @> v.occurred_on))) AS met_on,
         bool_or(v.outcome = 'declined' AND NOT EXISTS (
           SELECT FROM counted_visit c WHERE c.household_id = ANY (family) AND c.occurred_on = v.occurred_on AND c.contact)) AS declined
  FROM counted_visit v WHERE v.household_id = ANY (family) AND v.occurred_on BETWEEN m.since AND m.due_on) x"""


#: Whether a must-visit `m` is owed still: nobody of its `{family}` was met since, and none declined. One whose deadline
#: has passed stays until somebody comes (docs/rules.md O7, C22, C25).
OWED = """NOT EXISTS (
  SELECT FROM counted_visit v WHERE v.household_id = ANY ({family}) AND v.occurred_on >= m.since
    AND (v.as_in_person OR v.outcome = 'declined' OR (v.contact AND EXISTS (
      SELECT FROM residence r WHERE r.household_id = v.household_id AND r.status = 'away' AND r.during @> v.occurred_on))))"""


async def find(must_visit_id: UUID, today: date) -> Record | None:
    """A must-visit with its state today."""
    rows = _STATED.format(rows="(SELECT * FROM must_visit WHERE id = $1)", today="$2")
    return await database.fetch_row(rows, must_visit_id, today)


async def find_open(household_id: UUID, kind: str, since: date, due_on: date, today: date) -> Record | None:
    """A must-visit of this kind that is open today and whose days overlap those from `since` to `due_on`."""
    rows = "(SELECT * FROM must_visit WHERE household_id = $1 AND kind = $2 AND during && daterange($3, $4, '[]'))"
    return await database.fetch_row(
        f"SELECT * FROM ({_STATED.format(rows=rows, today='$5')}) s WHERE state = 'open' ORDER BY due_on, id LIMIT 1",
        household_id,
        kind,
        since,
        due_on,
        today,
    )


#: The household of a must-visit `m`, and the one that goes on instead of it on the day $4.
_ANSWERING = """m.household_id || ARRAY(SELECT s.successor_id FROM succession s
  WHERE s.household_id = m.household_id AND s.annulled_at IS NULL AND s.on_day <= $4::date)"""


async def list_visible(
    places: scope.Places,
    today: date,
    *,
    region_id: UUID | None,
    household_id: UUID | None,
    state: str,
    after: tuple[date, UUID] | None,
    limit: int,
) -> list[Record]:
    """Must-visits of households in scope in order of deadline; in a region, of a household; the open, the owed, or all.

    The state is worked out for few: for those that may still be open, or for one page.
    """
    return await database.fetch(
        f"""WITH {scope.seen()}, chosen AS (
              SELECT m.* FROM must_visit m JOIN household h ON h.id = m.household_id
              WHERE m.household_id IN (SELECT household_id FROM seen)
                AND ($5::uuid IS NULL OR EXISTS (SELECT FROM residence r JOIN region g ON g.id = r.micro_grid_id
                     WHERE r.household_id = h.id AND g.path @> ARRAY[$5::uuid]
                       AND r.during @> least(greatest($4::date, h.opened_on), coalesce(h.closed_on - 1, 'infinity'::date))))
                AND ($6::uuid IS NULL OR m.household_id = $6)
                AND ($7::text <> 'open' OR (m.withdrawn_at IS NULL AND m.due_on >= $4::date))
                AND ($7 <> 'owed' OR (m.withdrawn_at IS NULL AND {OWED.format(family=_ANSWERING)}))
                AND ($8::date IS NULL OR (m.due_on, m.id) > ($8, $9::uuid))
              ORDER BY m.due_on, m.id LIMIT CASE WHEN $7 = 'open' THEN NULL ELSE $10::int END)
            SELECT * FROM ({_STATED.format(rows="chosen", today="$4")}) s WHERE $7 <> 'open' OR state = 'open' ORDER BY due_on, id LIMIT $10""",
        *scope.arguments(places, today),
        region_id,
        household_id,
        state,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )


async def withdraw(must_visit_id: UUID, account_id: UUID, reason: str) -> bool:
    """Withdraw a must-visit; False when it was withdrawn before."""
    return (
        await database.execute(
            """UPDATE must_visit SET withdrawn_at = now(), withdrawn_by = $2, withdraw_reason = $3
               WHERE id = $1 AND withdrawn_at IS NULL""",
            must_visit_id,
            account_id,
            reason,
        )
        == 1
    )


async def raise_returns(today: date, after_days: int, oldest_days: int) -> int:
    """Raise a must-visit for every household that came home and has stayed for `after_days`; once for each return.

    A return is a resident stay that adjoins an away row; moving to another micro-grid does not interrupt the stay. It
    is a matter of the facts and of the day alone, so running it again, or for a day gone by, raises nothing twice
    (docs/rules.md O8, T7). Those that came home more than `oldest_days` before are left alone.
    """
    return await database.execute(
        """WITH stay AS (
             SELECT r.household_id, unnest(range_agg(r.during)) AS during FROM residence r
             WHERE r.status = 'resident' AND r.household_id IN (
               SELECT a.household_id FROM residence a WHERE a.status = 'away' AND a.valid_to BETWEEN $1::date - $3::int AND $1::date - $2::int)
             GROUP BY r.household_id
           ), back AS (
             SELECT stay.household_id, a.valid_to AS since FROM stay
             JOIN residence a ON a.household_id = stay.household_id AND a.status = 'away' AND NOT isempty(a.during)
              AND a.valid_to = lower(stay.during)
             WHERE a.valid_to BETWEEN $1::date - $3::int AND $1::date - $2::int
               AND stay.during @> daterange(a.valid_to, a.valid_to + $2::int))
           INSERT INTO must_visit (id, household_id, kind, since, due_on, source)
           SELECT gen_random_uuid(), back.household_id, 'return', back.since, back.since + $2::int + (
                    SELECT q.number FROM region_rule q
                    WHERE q.name = 'must_return' AND q.during @> back.since AND (q.region_id IS NULL OR q.region_id = ANY (g.path))
                    ORDER BY q.region_id IS NULL, q.valid_from DESC LIMIT 1), 'event'
           FROM back JOIN residence r ON r.household_id = back.household_id AND r.during @> back.since
           JOIN region g ON g.id = r.micro_grid_id
           ORDER BY back.household_id, back.since
           ON CONFLICT (household_id, kind, since) WHERE source = 'event' DO NOTHING""",
        today,
        after_days,
        oldest_days,
    )
