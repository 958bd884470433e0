"""Must-visits: raising, withdrawing, listing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import obligations
from schemas.obligations import MustVisitIn, MustVisitOut, MustVisitPage, MustVisitsQuery, WithdrawIn

blueprint = Blueprint("obligations")


@blueprint.post("/must-visits")
@endpoint(
    may=Verb.MUST_VISIT_RAISE,
    body=MustVisitIn,
    answer=MustVisitOut,
    tx="write",
    statuses=(201, 200),
    raises=(
        problems.HouseholdNotFound, problems.HouseholdReadOnly, problems.HouseholdClosed, problems.BeforeOpening,
        problems.MustVisitDayUnfit, problems.MustVisitOpen, problems.ClientIdReused,
    ),
)  # fmt: skip
async def raise_must_visit(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Answer:
    """Say that a household needs a visit, and since when; 200 for a `client_id` that was sent before.

    By whoever is linked to the household today, and by staff whose place it lies in. The deadline follows from the
    rules in force in the township on that day and stays as it is.
    """
    made, is_new = await obligations.raise_must_visit(viewer, body)
    return Answer(made, 201 if is_new else 200)


@blueprint.post("/must-visits/<must_visit_id>/withdraw")
@endpoint(
    may=Verb.MUST_VISIT_WITHDRAW,
    body=WithdrawIn,
    answer=MustVisitOut,
    tx="write",
    raises=(problems.MustVisitNotFound, problems.MustVisitOver, problems.HouseholdReadOnly),
)
async def withdraw_must_visit(viewer: Viewer, request: Request, *, must_visit_id: UUID, body: dict[str, Any]) -> Any:
    """Take a must-visit back, with the reason; doing it again changes nothing."""
    return await obligations.withdraw_must_visit(viewer, must_visit_id, body["reason"])


@blueprint.get("/must-visits")
@endpoint(may=Verb.MUST_VISIT_READ, query=MustVisitsQuery, answer=MustVisitPage, raises=(problems.RegionNotFound,))
async def list_must_visits(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """The must-visits of the households in one's scope in order of deadline: of an area (region id or code), of a
    household; the open ones, or all."""
    return await obligations.list_must_visits(viewer, query)
