"""The roster of people, and what happens in their service."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import people
from schemas.people import (
    ExemptionIn,
    LeaveIn,
    PeopleQuery,
    PeopleSearchIn,
    PersonIn,
    PersonPage,
    PersonPatch,
    PersonRow,
    ReturnIn,
    TransferIn,
)

blueprint = Blueprint("people")


@blueprint.get("/people")
@endpoint(may=Verb.PERSON_READ, query=PeopleQuery, answer=PersonPage, raises=(problems.BranchNotFound,))
async def list_people(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """People in service of one's branches, with exemption class and number of households; never sorted by a figure."""
    return await people.list_people(viewer, query["branch"], None, query["cursor"], query["limit"])


@blueprint.post("/people/search")
@endpoint(may=Verb.PERSON_READ, body=PeopleSearchIn, answer=PersonPage, raises=(problems.BranchNotFound,))
async def search_people(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Any:
    """The same people by a part of the name, or by the first letters of its pinyin; at most `limit` of them."""
    return await people.list_people(viewer, body["branch"], body["search"], None, body["limit"])


@blueprint.get("/people/<person_id>")
@endpoint(may=Verb.PERSON_READ, answer=PersonRow, raises=(problems.PersonNotFound,))
async def get_person(viewer: Viewer, request: Request, *, person_id: UUID) -> Any:
    """One person in service of one's branches."""
    return await people.get_person(viewer, person_id)


@blueprint.post("/people")
@endpoint(
    may=Verb.PERSON_EDIT,
    body=PersonIn,
    answer=PersonRow,
    tx="write",
    statuses=(201, 200),
    raises=(problems.BranchNotFound, problems.ClientIdReused, problems.PersonNotFound, problems.PhoneTaken),
)
async def create_person(viewer: Viewer, request: Request, *, body: dict[str, Any]) -> Answer:
    """Take somebody into the roster of a branch of one's own; 200 for a `client_id` that was sent before."""
    made, is_new = await people.create_person(viewer, body)
    return Answer(made, 201 if is_new else 200)


@blueprint.patch("/people/<person_id>")
@endpoint(
    may=Verb.PERSON_EDIT,
    body=PersonPatch,
    answer=PersonRow,
    tx="write",
    versioned=True,
    raises=(problems.PersonNotFound, problems.PhoneTaken),
)
async def edit_person(viewer: Viewer, request: Request, *, person_id: UUID, body: dict[str, Any], version: int) -> Any:
    """Change name, telephone or abilities, if nobody changed the person since the version named in If-Match."""
    return await people.edit_person(viewer, person_id, version, body)


@blueprint.post("/people/<person_id>/exemptions")
@endpoint(
    may=Verb.PERSON_EDIT,
    body=ExemptionIn,
    answer=PersonRow,
    tx="write",
    raises=(problems.PersonNotFound, problems.PersonNotInService, problems.ExemptAlready),
)
async def exempt(viewer: Viewer, request: Request, *, person_id: UUID, body: dict[str, Any]) -> Any:
    """From a day on, or until one, the person need not be linked (免联).

    The links end on that day unless the person wants to keep them; a backup takes over, or the household is a gap, and
    the secretary's inbox says so.
    """
    return await people.exempt(viewer, person_id, body)


@blueprint.post("/people/<person_id>/return")
@endpoint(
    may=Verb.PERSON_EDIT,
    body=ReturnIn,
    answer=PersonRow,
    tx="write",
    raises=(problems.PersonNotFound, problems.NotExempt),
)
async def end_exemption(viewer: Viewer, request: Request, *, person_id: UUID, body: dict[str, Any]) -> Any:
    """From a day on the person is in full duty again; households that others took over stay with them."""
    return await people.end_exemption(viewer, person_id, body["on"])


@blueprint.post("/people/<person_id>/transfer")
@endpoint(
    may=Verb.PERSON_EDIT,
    body=TransferIn,
    answer=PersonRow,
    tx="write",
    raises=(problems.PersonNotFound, problems.BranchNotFound, problems.SameService, problems.ServiceLater),
)
async def transfer(viewer: Viewer, request: Request, *, person_id: UUID, body: dict[str, Any]) -> Any:
    """From a day on the person serves in another branch of one's own, as something else, or again after having left.

    Households for which the new branch answers stay; the links to all others end on that day.
    """
    return await people.transfer(viewer, person_id, body)


@blueprint.post("/people/<person_id>/leave")
@endpoint(
    may=Verb.PERSON_EDIT,
    body=LeaveIn,
    answer=PersonRow,
    tx="write",
    raises=(problems.PersonNotFound, problems.PersonNotInService, problems.ServiceLater),
)
async def leave(viewer: Viewer, request: Request, *, person_id: UUID, body: dict[str, Any]) -> Any:
    """From a day on the person is out of service: transferred out, dead, or another reason. The links end that day."""
    return await people.leave(viewer, person_id, body["on"], body["reason"])
