"""Questions whose answer must be empty, asked by table scan: an index may have lost what it should guard."""

from __future__ import annotations

from models import database
from models.database import Record


def _overlap(table: str, owner: str, condition: str = "true") -> str:
    """Pairs of rows of one owner that hold on the same day. The ranges are rebuilt from the dates, so that neither the
    GiST index nor the generated column is believed."""
    left, right = (f"daterange({side}.valid_from, {side}.valid_to)" for side in "ab")
    return f"""SELECT a.{owner} AS owner, a.id, b.id AS other FROM {table} a JOIN {table} b ON b.{owner} = a.{owner} AND a.id < b.id
               WHERE {left} && {right} AND {condition}"""


FINDINGS = {
    "two primary links on one day": _overlap("assignment", "household_id", "a.role = 'primary' AND b.role = 'primary'"),
    "two residences on one day": _overlap("residence", "household_id"),
    "two branches for a micro-grid on one day": _overlap(
        "responsibility", "region_id", "a.kind = 'branch_micro_grid' AND b.kind = 'branch_micro_grid'"
    ),
    "two homes on one day": _overlap("home", "person_id"),
    "two branches of a person on one day": _overlap("membership", "person_id"),
    "a day without a residence row": """
        SELECT h.id FROM household h LEFT JOIN residence r ON r.household_id = h.id GROUP BY h.id, h.opened_on, h.closed_on
        HAVING NOT datemultirange(daterange(h.opened_on, h.closed_on)) <@ coalesce(range_agg(r.during), '{}')""",
    "an open primary link of an exempt member": """
        SELECT a.household_id, a.person_id, a.id FROM assignment a JOIN exemption e ON e.person_id = a.person_id
        WHERE a.role = 'primary' AND a.valid_to IS NULL AND e.during && daterange(current_date, NULL)
          AND e.recorded_at < now() - interval '15 days'""",
    "a link outside of the days of its household": """
        SELECT a.id FROM assignment a JOIN household h ON h.id = a.household_id
        WHERE NOT isempty(a.during) AND NOT a.during <@ daterange(h.opened_on, h.closed_on)""",
}


async def all_findings() -> list[tuple[str, list[Record]]]:
    """Each question with the rows that should not be there."""
    found = []
    for sentence, sql in FINDINGS.items():
        rows = await database.fetch(f"SELECT * FROM ({sql}) found LIMIT 100")
        if rows:
            found.append((sentence, rows))
    return found
