"""Long work of one's own: how far it is, stopping it, fetching the file it made."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Download, endpoint
from backend.http.viewer import Viewer
from backend.services import runs
from schemas.runs import RunOut, RunPage, RunsQuery

blueprint = Blueprint("runs")


@blueprint.get("/runs")
@endpoint(may="signed_in", query=RunsQuery, answer=RunPage)
async def list_runs(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """One's own imports, exports and prints, newest first."""
    return await runs.list_runs(viewer, query["work"], query["cursor"], query["limit"])


@blueprint.get("/runs/<run_id>")
@endpoint(may="signed_in", answer=RunOut, raises=(problems.RunNotFound,))
async def get_run(viewer: Viewer, request: Request, *, run_id: UUID) -> Any:
    """How far one's own work is."""
    return runs.shown(await runs.get_run(viewer, run_id))


@blueprint.post("/runs/<run_id>/stop")
@endpoint(may="signed_in", answer=RunOut, tx="write", raises=(problems.RunNotFound, problems.RunOver))
async def stop(viewer: Viewer, request: Request, *, run_id: UUID) -> Any:
    """Stop one's own work; nothing of it stays, and it can be asked for again."""
    return await runs.stop(viewer, run_id)


@blueprint.get("/runs/<run_id>/file")
@endpoint(
    may="signed_in",
    tx="write",
    download="application/octet-stream",
    raises=(problems.RunNotFound, problems.ResultMissing, problems.StorageAway),
)
async def download(viewer: Viewer, request: Request, *, run_id: UUID) -> Download:
    """The file that one's own work made, for seven days; each download is written down."""
    return Download(*await runs.download(viewer, run_id))
