"""Imports: templates, checking and applying a file, what was wrong with it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, Download, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import imports
from schemas.imports import ImportIn, ImportOut, TemplateQuery
from schemas.runs import RunOut

blueprint = Blueprint("imports")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("/imports/template")
@endpoint(may=Verb.IMPORT_RUN, query=TemplateQuery, download=XLSX)
async def template(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Download:
    """An empty sheet of a kind, with drop-downs and instructions."""
    return Download(*imports.template(query["kind"]))


@blueprint.post("/imports")
@endpoint(
    may=Verb.IMPORT_RUN,
    body=ImportIn,
    answer=RunOut,
    tx="write",
    statuses=(201, 200),
    raises=(problems.FileNotFound, problems.ClientIdReused),
)
async def ask(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Answer:
    """Have a file that was sent before checked, or applied; 200 for a `client_id` that was sent before.

    Both may be asked for as often as one likes: what is there already is the same, and changes nothing.
    """
    made, is_new = await imports.ask(viewer, body)
    return Answer(made, 201 if is_new else 200)


@blueprint.get("/imports/<run_id>")
@endpoint(may=Verb.IMPORT_RUN, answer=ImportOut, raises=(problems.RunNotFound,))
async def list_faults(viewer: Viewer, request: Request, *, run_id: UUID) -> Any:
    """How far an import is, and what was wrong with its rows."""
    return await imports.list_faults(viewer, run_id)
