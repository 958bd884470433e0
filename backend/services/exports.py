"""Exports: a list as it is on the screen, as a sheet, made by the worker with the rights of whoever asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from backend import problems
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules.audit import Action
from backend.rules.runs import Work
from backend.services import households, people, runs
from backend.services.coverage import drilling
from backend.services.runs import Outcome, Progress
from backend.sheets import writing
from backend.sheets.exports import EXPORTS
from models.database import Record

#: So many rows are read at once.
PAGE = 5000
Reading = Callable[[Viewer, dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Listing:
    """How a list is read, page by page, by the service that shows it: the same scope, the same fields, the same audit."""

    verb: Verb
    read: Reading


async def _households(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    return await households.list_households(
        viewer, _id(query["region"]), _id(query["person"]), query["gap"] == "true", query["cursor"], PAGE
    )


async def _people(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    return await people.list_people(viewer, _id(query["branch"]), None, query["cursor"], PAGE)


async def _gaps(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    on = query["on"] and date.fromisoformat(query["on"])
    return await drilling.list_gaps(viewer, {**_placed(query), "on": on, "limit": PAGE})


async def _overdue(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    return await drilling.list_overdue(viewer, {**_placed(query), "limit": PAGE})


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _placed(query: dict[str, Any]) -> dict[str, Any]:
    return {**query, "branch": _id(query["branch"])}


LISTS: Mapping[str, Listing] = {
    "households": Listing(Verb.HOUSEHOLD_READ, _households),
    "people": Listing(Verb.PERSON_READ, _people),
    "gaps": Listing(Verb.COVERAGE_DRILL, _gaps),
    "overdue": Listing(Verb.COVERAGE_DRILL, _overdue),
}


async def ask(viewer: Viewer, run_id: UUID, name: str, query: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Have a list written into a sheet by the worker; (run, whether it is new). `query` is the list's own."""
    if LISTS[name].verb not in viewer.verbs:
        raise problems.Denied()
    asked = {
        key: None if value is None else str(value) for key, value in query.items() if key not in ("cursor", "limit")
    }
    return await runs.ask(viewer, run_id, Work.EXPORT, name, asked, None, Action.EXPORT_RUN)


async def perform(viewer: Viewer, run: Record, progress: Progress) -> Outcome:
    """Read all pages of the list and write them down; how many rows there are is told beside the file."""
    name = run["kind"]
    listing, export = LISTS[name], EXPORTS[name]
    if listing.verb not in viewer.verbs:
        raise problems.Denied()
    query: dict[str, Any] = {**runs.shown(run)["asked"], "cursor": None}
    if "over" in query:
        query["over"] = int(query["over"])
    await progress.begin("reading")
    rows: list[tuple[Any, ...]] = []
    while True:
        page = await listing.read(viewer, query)
        rows += [export.row(item) for item in page["items"]]
        await progress.advance(len(page["items"]))
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    await progress.begin("writing", len(rows))
    content = await asyncio.to_thread(writing.table, export.title, export.headers, rows)
    return Outcome({"rows": len(rows)}, file=(f"{export.title} {viewer.today}.xlsx", content))
