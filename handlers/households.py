"""Households: lists, one, opening, editing, residence, tier, reveal."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import households
from schemas.households import (
    HouseholdIn,
    HouseholdOut,
    HouseholdPage,
    HouseholdPatch,
    HouseholdsQuery,
    HouseholdsSearchIn,
    ResidenceIn,
    RevealIn,
    RevealOut,
    TierIn,
)

blueprint = Blueprint("households")
CHANGE = (problems.HouseholdNotFound, problems.HouseholdReadOnly)
DATED = (*CHANGE, problems.BeforeOpening, problems.HouseholdClosed, problems.PlannedChange)


@blueprint.get("/households")
@endpoint(may=Verb.HOUSEHOLD_READ, query=HouseholdsQuery, answer=HouseholdPage)
async def list_households(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """Open households in one's scope in order of code: of a region, linked to a person, or without a primary (`gap`)."""
    return await households.list_households(
        viewer, query["region"], query["person"], query["gap"] == "true", query["cursor"], query["limit"]
    )


@blueprint.post("/households/search")
@endpoint(may=Verb.HOUSEHOLD_READ, body=HouseholdsSearchIn, answer=HouseholdPage)
async def search_households(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Any:
    """The same households by a part of the head's name, or by the first letters of its pinyin; at most `limit` of them.

    Heads stay as masked as they are in the list.
    """
    return await households.list_households(viewer, body["region"], None, False, None, body["limit"], body["search"])


@blueprint.get("/households/<household_id>")
@endpoint(may=Verb.HOUSEHOLD_READ, answer=HouseholdOut, raises=(problems.HouseholdNotFound,))
async def get_household(viewer: Viewer, request: Request, *, household_id: UUID) -> Any:
    """One household in one's scope."""
    return await households.get_household(viewer, household_id)


@blueprint.post("/households")
@endpoint(
    may=Verb.HOUSEHOLD_CREATE,
    body=HouseholdIn,
    answer=HouseholdOut,
    tx="write",
    statuses=(201, 200),
    raises=(
        problems.ClientIdReused,
        problems.HouseholdCodeTaken,
        problems.RegionNotFound,
        problems.NotMicroGrid,
        problems.HouseholdNotFound,
    ),
)
async def create_household(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Answer:
    """Open a household in a micro-grid of one's own; 200 for a `client_id` that was sent before with the same content."""
    made, is_new = await households.create_household(viewer, body)
    return Answer(made, 201 if is_new else 200)


@blueprint.patch("/households/<household_id>")
@endpoint(may=Verb.HOUSEHOLD_EDIT, body=HouseholdPatch, answer=HouseholdOut, tx="write", versioned=True, raises=CHANGE)
async def edit_household(
    viewer: Viewer, request: Request, *, household_id: UUID, body: dict[str, Any], version: int
) -> Any:
    """Change head, phone, address or group, if nobody changed the household since the version named in If-Match."""
    return await households.edit_household(viewer, household_id, version, body)


@blueprint.post("/households/<household_id>/residence")
@endpoint(
    may=Verb.HOUSEHOLD_EDIT,
    body=ResidenceIn,
    answer=HouseholdOut,
    tx="write",
    raises=(*DATED, problems.RegionNotFound, problems.NotMicroGrid),
)
async def change_residence(viewer: Viewer, request: Request, *, household_id: UUID, body: dict[str, Any]) -> Any:
    """From a day on the household is resident, away or nominal, or lives in another micro-grid of one's place."""
    return await households.change_residence(viewer, household_id, body)


@blueprint.post("/households/<household_id>/tier")
@endpoint(may=Verb.HOUSEHOLD_EDIT, body=TierIn, answer=HouseholdOut, tx="write", raises=DATED)
async def change_tier(viewer: Viewer, request: Request, *, household_id: UUID, body: dict[str, Any]) -> Any:
    """From a day on the household is key, or ordinary again."""
    return await households.change_tier(viewer, household_id, body)


@blueprint.post("/households/<household_id>/reveal")
@endpoint(
    may=Verb.HOUSEHOLD_REVEAL,
    body=RevealIn,
    answer=RevealOut,
    tx="write",
    raises=(*CHANGE, problems.RevealLimit),
)
async def reveal(viewer: Viewer, request: Request, *, household_id: UUID, body: dict[str, Any]) -> Any:
    """Sealed fields in the clear, for a purpose; audited, and limited in number a day."""
    return await households.reveal(viewer, household_id, body["fields_"], body["purpose"])
