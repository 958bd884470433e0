"""The roster of people."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import people
from schemas.people import PeopleQuery, PersonPage

blueprint = Blueprint("people")


@blueprint.get("/people")
@endpoint(may=Verb.PERSON_READ, query=PeopleQuery, answer=PersonPage, raises=(problems.BranchNotFound,))
async def list_people(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """People in service of one's branches, with exemption class and number of households; never sorted by a figure."""
    return await people.list_people(viewer, query["branch"], query["cursor"], query["limit"])
