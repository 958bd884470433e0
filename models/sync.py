"""What a phone holds of its owner's households, and what of it has changed since a horizon (docs/rules.md Y1, Y2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from models import database
from models.database import Record
from models.obligations import OWED

#: So many waiting marks are looked through. When more wait, or one of a whole place, every household counts as changed.
MARKS = 500

# Links with their household, looked up one by one: left to itself the planner reads the households of a whole county.
_LINKS = """
assignment a CROSS JOIN LATERAL (SELECT h.closed_on, h.xmin FROM household h WHERE h.id = a.household_id OFFSET 0) h"""

# Whether a version of a row is of a transaction that a horizon does not hold. Rows name transactions by the lower half
# of their number, which is compared as PostgreSQL itself does: by the shorter way round.
_SINCE = "((({row}.xmin)::text::bigint - $3::bigint) & 4294967295) < 2147483648"


async def ground(branch_id: UUID | None, today: date) -> Record:
    """What an answer of this instant rests on.

    `epoch`; `horizon`, the oldest transaction still at work: all before it are known to whoever reads from now on;
    `trees`, which counts changes of the region tree; `colleagues`, a digest of the people in service of a branch.
    """
    row = await database.fetch_row(
        """SELECT epoch, trees, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon, (
             SELECT md5(string_agg(p.id || ':' || p.name_sealed::text, ',' ORDER BY p.id))
             FROM membership m JOIN person p ON p.id = m.person_id
             WHERE m.branch_id = $1 AND m.during @> $2::date) AS colleagues
           FROM coverage_state""",
        branch_id,
        today,
    )
    assert row is not None
    return row


async def changed(person_id: UUID, today: date, since: int | None, after: UUID | None, limit: int) -> list[Record]:
    """A person's households of today with their role, in order of id: all, or those changed since a horizon.

    Changed is what a fold has touched since, and what a mark that still waits is about. Both are read in one snapshot,
    so a mark is seen either waiting or as the touch of the fold that took it.
    """
    return await database.fetch(
        f"""WITH mark AS MATERIALIZED (
              SELECT array_agg(d) AS marks, count(*) > $6::int OR bool_or((d).micro_grid_id IS NOT NULL) AS many
              FROM (SELECT d FROM coverage_dirty d LIMIT $6::int + 1) waiting
            ), mine AS MATERIALIZED (
              SELECT a.household_id AS id, max(a.role) AS role FROM {_LINKS}
              WHERE a.person_id = $1 AND a.during @> $2::date AND (h.closed_on IS NULL OR h.closed_on > $2)
                AND ($4::uuid IS NULL OR a.household_id > $4) GROUP BY a.household_id)
            SELECT id, role FROM mine WHERE $3::bigint IS NULL
              OR EXISTS (SELECT FROM household_touch t WHERE t.household_id = id AND t.xid >= ($3::text)::xid8)
              OR (SELECT many FROM mark)
              OR id IN (SELECT touched.h FROM mark, coverage_touched(marks) touched WHERE NOT many)
            ORDER BY id LIMIT $5""",
        person_id,
        today,
        since,
        after,
        limit,
        MARKS,
    )


async def households(ids: Sequence[UUID], today: date) -> list[Record]:
    """What a phone holds of these households. `led`: there is an active primary (docs/rules.md L6)."""
    return await database.fetch(
        """SELECT h.id, h.version, h.head_sealed, h.group_name, r.micro_grid_id, g.name AS micro_grid_name, r.status AS residence,
             CASE WHEN EXISTS (SELECT FROM tier t WHERE t.household_id = h.id AND t.during @> $2::date) THEN 'key' ELSE 'ordinary' END AS tier,
             EXISTS (SELECT FROM assignment p JOIN membership m ON m.person_id = p.person_id AND m.during @> $2::date
                     WHERE p.household_id = h.id AND p.role = 'primary' AND p.during @> $2::date) AS led,
             d.kind AS due_kind, d.due_on,
             coalesce(d.last_contact_on, (SELECT max(v.occurred_on) FROM visit v WHERE v.household_id = h.id AND v.contact)) AS last_contact_on
           FROM household h
           LEFT JOIN residence r ON r.household_id = h.id AND r.during @> $2::date
           LEFT JOIN region g ON g.id = r.micro_grid_id
           LEFT JOIN due_of($1::uuid[], $2::date) d ON d.household_id = h.id
           WHERE h.id = ANY ($1::uuid[]) ORDER BY h.id""",
        list(ids),
        today,
    )


async def must_visits(ids: Sequence[UUID], today: date) -> list[Record]:
    """Must-visits of these households and of those merged into them that nothing has met and nobody has declined.

    In time or late: one whose deadline has passed stays until somebody comes (docs/rules.md O7, C22, C25).
    """
    return await database.fetch(
        f"""SELECT m.id, u.h AS household_id, m.kind, m.since, m.due_on
           FROM unnest($1::uuid[]) AS u(h)
           CROSS JOIN LATERAL (SELECT u.h || ARRAY(
             SELECT s.household_id FROM succession s
             WHERE s.successor_id = u.h AND s.annulled_at IS NULL AND s.on_day <= $2::date) AS family OFFSET 0) f
           CROSS JOIN LATERAL (SELECT * FROM must_visit x WHERE x.household_id = ANY (family) AND x.withdrawn_at IS NULL OFFSET 0) m
           WHERE {OWED.format(family="family")}
           ORDER BY m.due_on, m.id""",
        list(ids),
        today,
    )


# The household that goes on instead of this one, if there is one.
_SUCCESSOR = """(SELECT s.successor_id FROM succession s WHERE s.household_id = a.household_id AND s.annulled_at IS NULL
  AND s.on_day <= $2::date ORDER BY s.on_day DESC, s.successor_id DESC LIMIT 1) AS successor_id"""


async def revoked(person_id: UUID, today: date, since: int, day: date) -> list[Record]:
    """Households that were a person's and are no longer, by what was written since a horizon or came due after a day.

    It looks at the versions of the link and of the closing itself: whatever else happens to a household that is
    somebody else's by now is nothing to tell.
    """
    return await database.fetch(
        f"""SELECT DISTINCT ON (a.household_id) a.household_id, least(a.valid_to, h.closed_on) AS ended_on,
              CASE WHEN a.valid_to <= coalesce(h.closed_on, 'infinity') THEN a.end_reason ELSE 'household_closed' END AS reason, {_SUCCESSOR}
            FROM {_LINKS}
            WHERE a.person_id = $1 AND a.valid_from <= $2::date AND least(a.valid_to, h.closed_on) <= $2
              AND ({_SINCE.format(row="a")} OR (h.closed_on <= $2 AND {_SINCE.format(row="h")}) OR least(a.valid_to, h.closed_on) > $4::date)
              AND (h.closed_on <= $2 OR NOT EXISTS (
                SELECT FROM assignment b WHERE b.household_id = a.household_id AND b.person_id = $1 AND b.during @> $2))
            ORDER BY a.household_id, least(a.valid_to, h.closed_on) DESC, a.seq DESC""",
        person_id,
        today,
        since,
        day,
    )


async def revoked_by_leaving(person_id: UUID, left_on: date) -> list[Record]:
    """The households of a person who left: those of the last day of service."""
    return await database.fetch(
        f"""SELECT DISTINCT ON (a.household_id) a.household_id, least(a.valid_to, h.closed_on, $2::date) AS ended_on,
              CASE WHEN a.valid_to <= $2 THEN a.end_reason WHEN h.closed_on <= $2 THEN 'household_closed' ELSE 'member_left' END AS reason, {_SUCCESSOR}
            FROM {_LINKS}
            WHERE a.person_id = $1 AND a.during @> ($2::date - 1) AND (h.closed_on IS NULL OR h.closed_on >= $2)
            ORDER BY a.household_id, a.seq DESC""",
        person_id,
        left_on,
    )


async def colleagues(branch_id: UUID, today: date) -> list[Record]:
    """The people in service of a branch, in order of id."""
    return await database.fetch(
        """SELECT p.id, p.name_sealed FROM membership m JOIN person p ON p.id = m.person_id
           WHERE m.branch_id = $1 AND m.during @> $2::date ORDER BY p.id""",
        branch_id,
        today,
    )


async def new_epoch() -> None:
    """Begin a new epoch: no cursor of before is taken for one of this database. What was touched is then known to
    nobody who asks, so it need not be kept."""
    await database.execute("UPDATE coverage_state SET epoch = gen_random_uuid()")
    await database.execute("DELETE FROM household_touch")
