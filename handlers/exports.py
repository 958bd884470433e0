"""Exports: a list as it is on the screen, as a sheet."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError
from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import exports
from schemas.exports import QUERIES, ExportIn
from schemas.fields import path_messages
from schemas.runs import RunOut

blueprint = Blueprint("exports")
_LOADED = {name: query() for name, query in QUERIES.items()}


@blueprint.post("/exports")
@endpoint(
    may=Verb.EXPORT_RUN,
    body=ExportIn,
    answer=RunOut,
    tx="write",
    statuses=(201, 200),
    raises=(problems.ClientIdReused,),
)
async def ask(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Answer:
    """Have a list written into a sheet: the rows and the columns that the screen shows to whoever asks.

    The run holds the file for seven days; a place that is not one's own makes it fail, as it does on the screen.
    """
    try:
        query = _LOADED[body["list_"]].load(body["query"])
    except ValidationError as invalid:
        raise problems.Invalid(errors=path_messages(invalid.messages, "query")) from None
    made, is_new = await exports.ask(viewer, body["client_id"], body["list_"], query)
    return Answer(made, 201 if is_new else 200)
