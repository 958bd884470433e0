"""Links between people and households."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import assignments
from schemas.assignments import AssignmentEndIn, AssignmentIn, AssignmentOut, ConfirmIn, CountOut, PublishIn

blueprint = Blueprint("assignments")


@blueprint.post("/assignments")
@endpoint(
    may=Verb.ASSIGNMENT_CREATE,
    body=AssignmentIn,
    answer=AssignmentOut,
    tx="write",
    statuses=(201, 200),
    raises=(
        problems.HouseholdNotFound, problems.HouseholdReadOnly, problems.HouseholdClosed, problems.BeforeOpening,
        problems.PersonNotFound, problems.PersonNotInService, problems.PersonExempt, problems.AlreadyLinked,
        problems.PrimaryTaken, problems.LinkPlanned, problems.LoadTooHigh, problems.ClientIdReused,
    ),
)  # fmt: skip
async def create_assignment(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Answer:
    """Link a person to a household from a day on; 200 for a `client_id` that was sent before."""
    made, is_new = await assignments.create_assignment(viewer, body)
    return Answer(made, 201 if is_new else 200)


@blueprint.post("/assignments/<assignment_id>/end")
@endpoint(
    may=Verb.ASSIGNMENT_END,
    body=AssignmentEndIn,
    answer=AssignmentOut,
    tx="write",
    raises=(
        problems.AssignmentNotFound, problems.HouseholdReadOnly, problems.AlreadyEnded, problems.EndBeforeStart,
        problems.HouseholdClosed,
    ),
)  # fmt: skip
async def end_assignment(viewer: Viewer, request: Request, *, assignment_id: UUID, body: dict[str, Any]) -> Any:
    """End a link on a day, with the reason; that day is no longer covered."""
    return await assignments.end_assignment(viewer, assignment_id, body["on"], body["reason"])


@blueprint.post("/assignments/publish")
@endpoint(may=Verb.ASSIGNMENT_PUBLISH, body=PublishIn, answer=CountOut, tx="write", raises=(problems.RegionNotFound,))
async def publish(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Any:
    """Write down that the links of a place of one's own hang out for everybody to see (公示) from a day on."""
    return {"count": await assignments.publish(viewer, body["region_id"], body["on"])}


@blueprint.post("/assignments/confirm")
@endpoint(
    may=Verb.ASSIGNMENT_CONFIRM,
    body=ConfirmIn,
    answer=CountOut,
    tx="write",
    raises=(problems.BranchNotFound, problems.ConfirmedAhead),
)
async def confirm(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Any:
    """The annual re-confirmation of a branch, as one action: all links that its people hold on a day go on."""
    return {"count": await assignments.confirm(viewer, body["branch_id"], body["on"])}
