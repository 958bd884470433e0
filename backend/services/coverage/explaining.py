"""Explaining: one household in one period with all that its figures follow from, and what changed since they were frozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from backend.http import paging
from backend.http.viewer import Viewer
from backend.rules import reasons
from backend.rules.definitions import Definition, Part, in_force
from backend.rules.obligations import GRACE, KINDS, STATES, WITHDRAW_REASONS, MustVisitState
from backend.rules.periods import Period
from backend.rules.visits import SEND_ONLY_DAYS
from backend.services.coverage.drilling import VERB, drilled, household, reached
from backend.services.coverage.reading import NO_BRANCH, counted, parsed
from backend.settings import CHINA
from models.coverage import COLUMNS, MONTHLY, OWN, explaining, reading, revising
from models.coverage.revising import Compared
from models.database import Record

_PART_OF = {column: d.part for d in in_force().values() for column in (d.denominator, d.numerator)} | {
    "waived": Part.ON_TIME
}


async def explain(viewer: Viewer, household_id: UUID, query: dict[str, Any]) -> dict[str, Any]:
    """What a household adds to the figures of a period, and everything that it follows from: days, visits, obligations."""
    period = parsed(query["period"])
    await reached(viewer, household_id, query["purpose"], "household", str(period))
    catalogue = await counted(period)
    rows = await explaining.rows(household_id, period.id)
    frozen = await explaining.frozen_rows(household_id, period.id)
    family, successor_id = await explaining.family(household_id, period.id)
    obligations = await explaining.obligations(household_id, period.id) if successor_id is None else []
    must_visits = await explaining.must_visits(household_id, family, period.id) if successor_id is None else []
    # What was due follows from a day before the period, and may have been met before it or in the days of grace (O3, O4).
    start = min([period.start, *(row["anchor_on"] for row in obligations), *(row["since"] for row in must_visits)])
    visits = await explaining.visits(family, start, period.until + GRACE, SEND_ONLY_DAYS)
    return {
        "household": household(await explaining.named(household_id)),
        "period": {"name": str(period), "from_": period.start, "to": period.until, "days": (period.until - period.start).days},
        "as_of": viewer.now.astimezone(CHINA),
        "definition_version": catalogue,
        "answers_for": [one for one in family if one != household_id],
        "answered_by": successor_id,
        "rows": [_row(row, None) for row in rows] + [_row(row, row["part"]) for row in frozen],
        "days": await explaining.days(family, period.id) if successor_id is None else [],
        "visits": [
            {
                **row,
                "recorded_at": row["recorded_at"].astimezone(CHINA),
                "words": reasons.VISITS[row["counts"]],
                "in_period": period.start <= row["occurred_on"] < period.until,
            }
            for row in visits
        ],
        "obligations": [
            {
                **row,
                "required": reasons.REQUIRED[row["kind"]],
                "origin": reasons.origin(row),
                "words": reasons.of_obligation(row, viewer.today),
            }
            for row in obligations
        ],
        "must_visits": [_must_visit(viewer, row) for row in must_visits],
    }  # fmt: skip


def _row(row: Record, part: str | None) -> dict[str, Any]:
    """A household's row: the columns it has, by the facts of today, or those of a frozen part."""
    period = Period.of_id(row["period_id"])
    names = [name for name in COLUMNS if part is None or _PART_OF.get(name, Part.CONTACT) == part]
    columns = {name: row[name] for name in names if part != Part.STOCK}
    if len(period.months) > 1:
        columns = {name: value for name, value in columns.items() if name not in MONTHLY}
    if part == Part.STOCK:
        columns = {"stock": row["stock"], "stock_covered": row["stock_covered"]}
    return {
        "period": str(period),
        "frozen": part,
        "micro_grid": {"id": row["micro_grid_id"], "name": row["micro_grid_name"]},
        "branch": row["branch_name"] or NO_BRANCH,
        "columns": columns,
    }


def _must_visit(viewer: Viewer, row: Record) -> dict[str, Any]:
    if row["withdrawn"]:
        state = MustVisitState.WITHDRAWN
    elif row["met_on"]:
        state = MustVisitState.MET
    elif row["declined"]:
        state = MustVisitState.DECLINED
    else:
        state = MustVisitState.MISSED if row["due_on"] < viewer.today else MustVisitState.OPEN
    told = STATES[state]
    if state == MustVisitState.WITHDRAWN:
        told += f"（{WITHDRAW_REASONS[row['withdraw_reason']]}）"
    return {**row, "state": state, "state_words": told, "words": KINDS[row["kind"]]}


async def list_revisions(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    """The households that add something else to the figures of a place today than when they were frozen, in order of
    code: which figures, before and now, and what was done since."""
    period = parsed(query["period"])
    place = await drilled(viewer, query, period, "revisions", str(period))
    catalogue = await counted(period)
    parts = await reading.frozen_parts(period.id)
    after: Any = paging.after(query["cursor"], str, UUID)
    rows: list[Record] = []
    if parts:
        rows = await revising.differing(
            viewer.places(VERB), viewer.today, _compared(period, parts), period.last_day, place.grids, place.branches,
            after, query["limit"] + 1,
        )  # fmt: skip
    grouped: dict[UUID, list[Record]] = defaultdict(list)
    for row in rows:
        grouped[row["household_id"]].append(row)
    page = paging.page(
        list(grouped.values()), query["limit"], lambda group: (group[0]["sorted"], group[0]["household_id"])
    )
    done: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    shown = [group[0]["household_id"] for group in page["items"] if group[0]["seen"]]
    if shown:
        since = min(row["frozen_at"] for row in parts.values())
        for change in await revising.changes(shown, since, period.start, period.until):
            done[change["household_id"]].append(
                {
                    **change,
                    "at": change["at"].astimezone(CHINA),
                    "words": reasons.CHANGES[change["action"]],
                    "by": {"role": change["role"], "name": change["name"]},
                }
            )
    return {
        "area": place.shown,
        "period": str(period),
        "as_of": viewer.now.astimezone(CHINA),
        "definition_version": catalogue,
        "parts": [
            {"part": part, "frozen_at": row["frozen_at"].astimezone(CHINA), "definition_version": row["definition_version"]}
            for part, row in sorted(parts.items())
        ],
        "items": [
            household(group[0])
            | {
                "differs": [one for row in group for one in _differs(row)],
                "changes": done[group[0]["household_id"]],
            }
            for group in page["items"]
        ],
        "next": page["next"],
    }  # fmt: skip


def _compared(period: Period, parts: Mapping[str, Record]) -> list[Compared]:
    """What is held against each other: a period's own columns with its own frozen rows, those of months with theirs."""
    months = [month.id for month in period.months]
    monthly = {
        part: [column for column in MONTHLY if _PART_OF.get(column, Part.CONTACT) == part] for part in (Part.CONTACT, Part.ON_TIME)
    }  # fmt: skip
    # Party households stand in no figure of their own.
    whole = [
        Compared(Part.STOCK, months[-1:], ("stock", "stock_covered")),
        Compared(Part.CONTACT, [period.id], [column for column in OWN if column != "party"]),
        *(Compared(part, months, columns) for part, columns in monthly.items()),
    ]
    return [one for one in whole if one.part in parts]


def _differs(row: Record) -> list[dict[str, Any]]:
    """The figures of which a row's columns differ."""
    before, now = orjson.loads(row["before"]), orjson.loads(row["now"])
    found = []
    for definition in in_force().values():
        columns = [name for name in _columns(definition) if name in now]
        if definition.denominator in now and any(before[name] != now[name] for name in columns):
            found.append(
                {
                    "metric": definition.id,
                    "period": str(Period.of_id(row["period_id"])),
                    "before": _sides(definition, before),
                    "now": _sides(definition, now),
                }
            )
    return found


def _columns(definition: Definition) -> list[str]:
    pending = [definition.pending] if definition.pending else []
    return [definition.numerator, definition.denominator, *pending, *(column for column, _ in definition.beside)]


def _sides(definition: Definition, columns: dict[str, int]) -> dict[str, Any]:
    return {
        "numerator": columns[definition.numerator],
        "denominator": columns[definition.denominator],
        "pending": columns.get(definition.pending or "", 0),
        "beside": {column: columns[column] for column, _ in definition.beside if column in columns},
    }
