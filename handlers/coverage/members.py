"""Figures of members."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services.coverage import members
from schemas.coverage.members import MembersOut, MembersQuery

blueprint = Blueprint("coverage_members")


@blueprint.get("/coverage/members")
@endpoint(
    may=Verb.COVERAGE_READ,
    query=MembersQuery,
    answer=MembersOut,
    raises=(problems.AreaNotFound, problems.AreaOrBranch, problems.LevelUnfit),
)
async def read_members(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> dict[str, Any]:
    """How many members take part, and how many households they answer for, on a day (default: today).

    An area means the branches that sit in it. Participation counts members who are not exempt; the load counts everybody
    with a primary link. No person is named; below ten persons there are no rates, and of the load only their number.
    """
    return await members.read(viewer, query)
