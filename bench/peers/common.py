"""What both peers share so that they do our work and no other: the pure rules, sealing, and the SQL of the figures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from backend.crypto import Vault
from backend.permissions import VERBS, Role, Verb
from backend.rules import coverage, visits
from backend.rules.definitions import in_force
from backend.rules.periods import Kind, Period
from backend.rules.periods import stock_day as stock_day_of
from backend.settings import CHINA, Settings

settings = Settings.from_env(os.environ)
vault = Vault(settings.secret_keys)
POOL_SIZE = settings.pool_size
READERS = sorted(role for role in Role if Verb.COVERAGE_READ in VERBS[role])
COLUMNS = (
    "households",
    "party",
    "not_yet",
    "exposed",
    "covered",
    "contacted",
    "resident",
    "visited",
    "declined",
    "unreached",
)
#: What the peers answer of each figure, and which: those that need no look at single obligations.
SHOWN = ("value", "numerator", "denominator", "pending", "note")
DEFINITIONS = in_force(1)
STOCK = ("stock", "stock_covered")

#: Figures of a month by village, and the stock on a day; needs period, area, today and day.
COVERAGE = f"""
WITH below AS (SELECT id FROM region WHERE level = 'micro_grid' AND path @> ARRAY[CAST(:area AS uuid)]),
figures AS (
  SELECT micro_grid_id, {", ".join(COLUMNS)}, 0 AS stock, 0 AS stock_covered
  FROM coverage_read(CAST(:period AS int), ARRAY(SELECT id FROM below))
  UNION ALL
  SELECT micro_grid_id, {", ".join("0" for _ in COLUMNS)}, households, covered
  FROM coverage_on(CAST(:day AS date), ARRAY(SELECT id FROM below))
), grouped AS (
  SELECT v.id, {", ".join(f"sum({column})::int AS {column}" for column in (*COLUMNS, *STOCK))}
  FROM figures f JOIN region g ON g.id = f.micro_grid_id JOIN region v ON v.id = ANY (g.path) AND v.level = 'village'
  GROUP BY v.id
)
SELECT v.id AS area, v.code, v.name, {", ".join(f"coalesce({column}, 0) AS {column}" for column in (*COLUMNS, *STOCK))}
FROM region v LEFT JOIN grouped USING (id)
WHERE v.level = 'village' AND v.path @> ARRAY[CAST(:area AS uuid)] ORDER BY v.code"""


def today() -> date:
    """The day in China."""
    return datetime.now(CHINA).date()


def seal_note(note: str | None, visit_id: UUID) -> tuple[bytes | None, bytes | None]:
    """The sealed note and its keyed hash."""
    if not note:
        return None, None
    return vault.seal(note, "visit", "note", visit_id), vault.mac("note", note.encode())


def body_mac(body: Mapping[str, Any]) -> bytes:
    """The keyed hash by which the same visit sent again is known."""
    return vault.mac("visit", visits.canonical_body(body))


def date_fault(body: Mapping[str, Any]) -> str | None:
    """What is wrong with the dates of a visit."""
    return visits.date_fault(body["occurred_on"], body["noted_at"], body["backfill_reason"], datetime.now(CHINA))


def note_of(visit: Any) -> str | None:
    """The note of a stored visit."""
    return vault.open(bytes(visit.note_sealed), "visit", "note", visit.id) if visit.note_sealed else None


def stock_day(period: str, on: date | None) -> tuple[int, date] | None:
    """The id of a month and the day whose stock it shows; None when it is no month."""
    month = Period.parse(period)
    return (month.id, on or stock_day_of(month, today())) if month and month.kind is Kind.MONTH else None


def figures_of(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The total and the rows of an answer, each as metrics and counts."""
    total = {name: sum(row[name] for row in rows) for name in (*COLUMNS, *STOCK)}
    return _shown(total), [{"area": r["area"], "code": r["code"], "name": r["name"], **_shown(r)} for r in rows]


def _shown(sums: Mapping[str, Any]) -> dict[str, Any]:
    counts = {"due": sums["households"], "party": sums["party"], "not_yet": sums["not_yet"]}
    figures = {name: coverage.figure(definition, sums) for name, definition in DEFINITIONS.items()}
    return {
        "metrics": {name: {part: figure[part] for part in SHOWN} for name, figure in figures.items()},
        "households": counts,
    }
