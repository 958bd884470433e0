"""The tree of regions, the branches, and the numbers that a township sets for itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import regions
from schemas.fields import PageQuery
from schemas.regions import BranchPage, RegionOut, RegionPage, RegionsQuery, RuleIn, RuleRow, RulesOut, RulesQuery

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


@blueprint.get("/rules")
@endpoint(
    may=Verb.REGION_READ, query=RulesQuery, answer=RulesOut, raises=(problems.RegionNotFound, problems.NotTownship)
)
async def list_rules(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """The numbers in force in a township (id or code) on a day: intervals, deadlines of must-visits, bounds of the load."""
    return await regions.list_rules(viewer, query["area"], query["on"])


@blueprint.post("/rules")
@endpoint(
    may=Verb.RULE_SET,
    body=RuleIn,
    answer=RuleRow,
    tx="write",
    statuses=(201, 200),
    raises=(
        problems.RegionNotFound, problems.NotTownship, problems.RuleNumberUnfit, problems.RuleInPast,
        problems.RulePlanned, problems.RuleOrder,
    ),
)  # fmt: skip
async def set_rule(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Answer:
    """From a day on, today or later, another number holds in one's township; 200 when it is set so already."""
    made, is_new = await regions.set_rule(viewer, body)
    return Answer(made, 201 if is_new else 200)
