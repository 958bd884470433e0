"""Proposals of links: making one, looking at it, changing it, applying it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import proposals
from schemas.fields import PageQuery
from schemas.proposals import ItemIn, ItemPage, ItemRow, ItemsQuery, ProposalIn, ProposalOut, ProposalPage

blueprint = Blueprint("proposals")


@blueprint.post("/assignments/proposals")
@endpoint(
    may=Verb.ASSIGNMENT_PROPOSE,
    body=ProposalIn,
    answer=ProposalOut,
    tx="write",
    statuses=(201, 200),
    raises=(problems.RegionNotFound, problems.ProposalStart, problems.ProposalTooLarge, problems.ClientIdReused),
)
async def make(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Answer:
    """Propose who is linked to whom in a village or branch of one's own from a day on; nothing changes yet.

    Every household has a person with a sentence why, or the reason why nobody could be found.
    """
    made, is_new = await proposals.make(viewer, body)
    return Answer(made, 201 if is_new else 200)


@blueprint.get("/assignments/proposals")
@endpoint(may=Verb.ASSIGNMENT_PROPOSE, query=PageQuery, answer=ProposalPage)
async def list_proposals(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """One's own proposals, newest first."""
    return await proposals.list_proposals(viewer, query["cursor"], query["limit"])


@blueprint.get("/assignments/proposals/<proposal_id>")
@endpoint(may=Verb.ASSIGNMENT_PROPOSE, answer=ProposalOut, raises=(problems.ProposalNotFound,))
async def get_proposal(viewer: Viewer, request: Request, *, proposal_id: UUID) -> Any:
    """One's own proposal."""
    return await proposals.get_proposal(viewer, proposal_id)


@blueprint.get("/assignments/proposals/<proposal_id>/items")
@endpoint(may=Verb.ASSIGNMENT_PROPOSE, query=ItemsQuery, answer=ItemPage, raises=(problems.ProposalNotFound,))
async def list_items(viewer: Viewer, request: Request, *, proposal_id: UUID, query: dict[str, Any]) -> Any:
    """What is proposed for each household, in order of code; or only those for which nobody could be found."""
    return await proposals.list_items(viewer, proposal_id, query["unfilled"] == "true", query["cursor"], query["limit"])


@blueprint.post("/assignments/proposals/<proposal_id>/items/<household_id>")
@endpoint(
    may=Verb.ASSIGNMENT_PROPOSE,
    body=ItemIn,
    answer=ItemRow,
    tx="write",
    raises=(
        problems.ProposalNotFound, problems.ProposalApplied, problems.HouseholdNotFound, problems.PersonNotFound,
    ),
)  # fmt: skip
async def edit_item(
    viewer: Viewer, request: Request, *, proposal_id: UUID, household_id: UUID, body: dict[str, Any]
) -> Any:
    """Somebody else for a household, or nobody for now; the version of the proposal goes on by one."""
    return await proposals.edit_item(viewer, proposal_id, household_id, body["person_id"])


@blueprint.post("/assignments/proposals/<proposal_id>/apply")
@endpoint(
    may=Verb.ASSIGNMENT_PROPOSE,
    answer=ProposalOut,
    tx="write",
    versioned=True,
    raises=(problems.ProposalNotFound, problems.ProposalApplied, problems.ProposalStale),
)
async def apply(viewer: Viewer, request: Request, *, proposal_id: UUID, version: int) -> Any:
    """Make links of a proposal, all or none. What has changed meanwhile is named in `errors`, by household."""
    return await proposals.apply(viewer, proposal_id, version)
