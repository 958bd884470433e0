"""Drilling down: the households behind a figure, the gaps of a day, and what is overdue (docs/rules.md F5, C21, C22)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from backend import problems
from backend.http import paging
from backend.http.viewer import Viewer
from backend.permissions import Role, Verb
from backend.rules import coverage as rules
from backend.rules import reasons
from backend.rules.audit import Action
from backend.rules.definitions import Definition, Part, in_force
from backend.rules.obligations import KINDS
from backend.rules.periods import Kind, Period, stock_day
from backend.services import audit
from backend.services.coverage.reading import Place, counted, parsed, place_of
from backend.settings import CHINA
from models import scope
from models.coverage import drilling, keeping, overdue, reading
from models.coverage.drilling import Asked, Unit
from models.database import Record

VERB = Verb.COVERAGE_DRILL
_UNITS = {"stock": Unit.STOCK, "due": Unit.REGULAR, "must_due": Unit.MUST}
#: Days overdue, by the least and the most of each band; the last has no end.
BANDS = ((1, 7), (8, 30), (31, 90), (91, None))


async def drilled(viewer: Viewer, query: dict[str, Any], period: Period, *asked_of: str) -> Place:
    """The place whose households are asked for. Raises AreaOrBranch, AreaNotFound, PurposeMissing.

    Staff sees the households of its scope. What only the township committee reaches is shown for a stated purpose, and
    each time leaves an audit row in this transaction (docs/rules.md F5, S7).
    """
    area, branch = query["area"], query["branch"]
    try:
        return await place_of(_staff(viewer), area, branch, period, "branch", VERB)
    except problems.AreaNotFound:
        place = await place_of(viewer, area, branch, period, "branch", VERB)
    await for_purpose(viewer, query["purpose"], place.shown["id"], *asked_of)
    return place


async def for_purpose(viewer: Viewer, purpose: str | None, subject_id: UUID, *asked_of: str) -> None:
    """Write down for what the committee looks. Raises PurposeMissing."""
    if purpose is None:
        raise problems.PurposeMissing(errors={"purpose": [problems.PurposeMissing.detail]})
    await audit.record(viewer, Action.COVERAGE_DRILL, subject_id, asked_of, reason=purpose)


def _staff(viewer: Viewer) -> Viewer:
    """The viewer without the committee's places: what is left is seen without a purpose."""
    return replace(viewer, grants=tuple(one for one in viewer.grants if one.role is not Role.TOWNSHIP_COMMITTEE))


async def reached(viewer: Viewer, household_id: UUID, purpose: str | None, *asked_of: str) -> None:
    """The same for one household. Raises HouseholdNotFound, PurposeMissing."""
    if await scope.access(_staff(viewer).places(VERB), household_id, viewer.today) is None:
        if await scope.access(viewer.places(VERB), household_id, viewer.today) is None:
            raise problems.HouseholdNotFound()
        await for_purpose(viewer, purpose, household_id, *asked_of)


async def list_households(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    """The households behind a figure in a state, in order of code; `numerator` and `denominator` of the rows add up to
    the figure's. Frozen figures list frozen households unless `revised` is asked for."""
    period = parsed(query["period"])
    definition, state = in_force()[query["metric"]], query["state"]
    place = await drilled(viewer, query, period, definition.id, str(period), state)
    await counted(period)
    if not rules.Counted.of(period, await keeping.kept_periods(), viewer.today).knows(definition):
        raise problems.PeriodNotCounted(retry_after=30)
    on = query["on"] or stock_day(period, viewer.today)
    catalogue = None if query["revised"] == "true" else await _frozen(definition, period, on)
    shown = definition if catalogue is None else in_force(catalogue)[definition.id]
    unit = _UNITS.get(shown.denominator, Unit.HOUSEHOLD)
    rows = await drilling.page(
        viewer.places(VERB),
        viewer.today,
        Asked(
            unit,
            shown.numerator,
            shown.denominator,
            _periods(shown, period, on, frozen=catalogue is not None),
            place.grids,
            place.branches,
            on,
            None if catalogue is None else shown.part,
        ),
        state,
        pending="not_yet" if shown.pending == "not_yet" else None,
        after=paging.after(query["cursor"], str, UUID, _whole, _whole),
        limit=query["limit"] + 1,
    )
    page = paging.page(
        rows, query["limit"], lambda row: (row["sorted"], row["household_id"], row["period_id"], row["n"])
    )
    return {
        "area": place.shown,
        "metric": shown.id,
        "state": state,
        "period": str(period),
        "on": on,
        "as_of": viewer.now.astimezone(CHINA),
        "frozen": catalogue is not None,
        "definition_version": shown.version,
        "items": [_row(shown.id, row, state == "pending", viewer.today) for row in page["items"]],
        "next": page["next"],
    }


async def _frozen(definition: Definition, period: Period, on: date) -> int | None:
    """The catalogue under which a figure is frozen, as the figure itself shows it; None while it is open."""
    part = (await reading.frozen_parts(period.id)).get(definition.part)
    if part is None or (definition.part is Part.STOCK and on != period.last_day):
        return None
    catalogue: int = part["definition_version"]
    return catalogue if definition.id in in_force(catalogue) else None


def _periods(definition: Definition, period: Period, on: date, *, frozen: bool) -> list[int]:
    """Whose rows a figure is made of: the period's own, or those of its months; the stock is of a day."""
    if definition.part is Part.STOCK:
        return [period.months[-1].id if frozen else Period.containing(on).id]
    return [month.id for month in period.months] if definition.monthly else [period.id]


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError
    return int(text)


def _row(metric: str, row: Record, pending: bool, today: date) -> dict[str, Any]:
    reason, words = reasons.of_row(metric, row, pending, today)
    return household(row) | {
        "period": str(Period.of_id(row["period_id"])),
        "in_numerator": row["numerator"] > 0,
        "numerator": 0 if pending else row["numerator"],
        "denominator": 0 if pending else row["denominator"],
        "reason": reason,
        "words": words,
        "contacts": row["contacts"],
        "last_contact_on": row["last_contact_on"],
        "kind": row["kind"],
        "due_on": row["due_on"],
        "met_on": row["met_on"],
    }


def household(row: Record) -> dict[str, Any]:
    """Who a row is about. A household that has left the viewer's scope counts in the figures of before without being named."""
    seen = row["seen"]
    return {
        "id": row["household_id"] if seen else None,
        "code": row["code"] if seen else None,
        "group_name": row["group_name"] if seen else None,
        "head_name": row["head_masked"] if seen else None,
        "micro_grid": {"id": row["micro_grid_id"], "name": row["micro_grid_name"]},
    }


async def list_gaps(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    """The households of the set without an active primary on a day, in order of code, and how many there are."""
    on = query["on"] or viewer.today
    place = await drilled(viewer, query, Period.containing(on), "gaps", on.isoformat())
    after: Any = paging.after(query["cursor"], str, UUID)
    rows, count = await overdue.gaps(
        viewer.places(VERB), viewer.today, on, place.grids, place.branches, after, query["limit"] + 1
    )
    page = paging.page(rows, query["limit"], lambda row: (row["sorted"], row["household_id"]))
    page["items"] = [
        household(row) | {name: row[name] for name in ("gap_days", "since", "reason")} | {"words": reasons.GAP_REASONS[row["reason"]]}
        for row in page["items"]
    ]  # fmt: skip
    return {"area": place.shown, "on": on, "as_of": viewer.now.astimezone(CHINA), "count": count, **page}


async def list_overdue(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    """The households that should have been contacted or visited before today, in order of code, each with what is due
    for longest; and how many there are by how long."""
    month = Period.containing(viewer.today, Kind.MONTH)
    place = await drilled(viewer, query, month, "overdue", viewer.today.isoformat())
    after: Any = paging.after(query["cursor"], str, UUID)
    found = await overdue.overdue(place.grids, place.branches, viewer.today)
    late = [(row, (viewer.today - row["due_on"]).days) for row in found]
    chosen = [
        row for row, days in late if days > query["over"] and (after is None or (row["sorted"], row["household_id"]) > after)
    ][: query["limit"] + 1]  # fmt: skip
    page = paging.page(chosen, query["limit"], lambda row: (row["sorted"], row["household_id"]))
    named = await overdue.named(viewer.places(VERB), viewer.today, [row["household_id"] for row in page["items"]])
    page["items"] = [
        household(named[row["household_id"]])
        | {
            "kind": row["kind"],
            "words": KINDS.get(row["kind"]) or reasons.REQUIRED[row["kind"]],
            "due_on": row["due_on"],
            "days_overdue": (viewer.today - row["due_on"]).days,
        }
        for row in page["items"]
    ]
    return {
        "area": place.shown,
        "as_of": viewer.now.astimezone(CHINA),
        "count": len(late),
        "bands": [
            {"from_": least, "to": most, "count": sum(1 for _, days in late if least <= days <= (most or days))}
            for least, most in BANDS
        ],
        **page,
    }
