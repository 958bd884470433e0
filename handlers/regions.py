"""The tree of regions and the branches."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import regions
from schemas.fields import PageQuery
from schemas.regions import BranchPage, RegionOut, RegionPage, RegionsQuery

blueprint = Blueprint("regions")


@blueprint.get("/regions")
@endpoint(may=Verb.REGION_READ, query=RegionsQuery, answer=RegionPage)
async def list_regions(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """The children of a region (without `parent`: the roots) in order of code, as far as they touch one's places."""
    return await regions.list_regions(viewer, query["parent"], query["cursor"], query["limit"])


@blueprint.get("/regions/<region_id>")
@endpoint(may=Verb.REGION_READ, answer=RegionOut, raises=(problems.RegionNotFound,))
async def get_region(viewer: Viewer, request: Request, *, region_id: UUID) -> Any:
    """A region and who answers for it today: 支部包村, 干部包片, the branch of a micro-grid."""
    return await regions.get_region(viewer, region_id)


@blueprint.get("/branches")
@endpoint(may=Verb.BRANCH_READ, query=PageQuery, answer=BranchPage)
async def list_branches(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """The branches in one's places."""
    return await regions.list_branches(viewer, query["cursor"], query["limit"])
