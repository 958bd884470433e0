"""Taking files in; they are given back by the thing they belong to."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules.files import MOST_BYTES
from backend.services import files
from schemas.files import FileOut, FileQuery

blueprint = Blueprint("files")


@blueprint.post("/files", stream=True)
@endpoint(
    may=Verb.IMPORT_RUN,
    query=FileQuery,
    answer=FileOut,
    tx="write",
    statuses=(201, 200),
    upload=MOST_BYTES,
    raises=(problems.ClientIdReused, problems.StorageAway),
)
async def send_file(viewer: Viewer, request: Request, *, query: dict[str, Any], name: str, content: bytes) -> Answer:
    """Send a file for an import, its bytes as the body; 200 for a `client_id` that was sent before.

    It is kept sealed, for its sender alone, and removed after seven days.
    """
    made, is_new = await files.send(viewer, query["client_id"], name, content)
    return Answer(made, 201 if is_new else 200)
