"""Visits: one, many, void, list."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marshmallow import ValidationError
from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.quick import quick_load
from backend.http.viewer import Caller, Viewer
from backend.permissions import Verb
from backend.services import visits
from schemas.fields import path_messages
from schemas.visits import MOST_IN_BATCH, BatchIn, BatchOut, VisitIn, VisitOut, VisitPage, VisitsQuery, VoidIn

blueprint = Blueprint("visits")
DATES = (
    problems.VisitInFuture,
    problems.VisitTooOld,
    problems.VisitNotedBefore,
    problems.BackfillReasonMissing,
)
RECORD = (
    *DATES,
    problems.VisitIdReused,
    problems.HouseholdNotFound,
    problems.PersonNotFound,
    problems.VisitorUnfit,
    problems.CompanionUnfit,
    problems.OnBehalfDenied,
)
load_visit = quick_load(VisitIn())


@blueprint.post("/visits")
@endpoint(may=Verb.VISIT_RECORD, body=VisitIn, answer=VisitOut, tx="statement", statuses=(201, 200), raises=RECORD)
async def record_visit(caller: Caller, request: Request, *, body: dict[str, Any]) -> Answer:
    """Record a visit (走访登记); sending it again, also at once, gives the same visit and 200."""
    recorded = await visits.record_visit(request.app.ctx.visit_group, caller, body)
    return Answer(recorded.visit, 201 if recorded.is_new else 200)


@blueprint.post("/visits/batch")
@endpoint(may=Verb.VISIT_RECORD, body=BatchIn, answer=BatchOut, tx="statement")
async def record_visits(caller: Caller, request: Request, *, body: dict[str, Any]) -> dict[str, Any]:
    """Record up to 500 visits; each is answered by itself, and one that is wrong blocks no other."""
    sent = body["visits"]
    if len(sent) > MOST_IN_BATCH:
        raise problems.Invalid(errors={"visits": [f"一次最多 {MOST_IN_BATCH} 条，请分几次发送"]})
    results = await visits.record_visits(request.app.ctx.visit_group, caller, [_loaded(visit) for visit in sent])
    return {"results": [_row(index, sent[index], result, caller) for index, result in enumerate(results)]}


def _loaded(visit: Any) -> dict[str, Any] | problems.Problem:
    try:
        loaded: dict[str, Any] = load_visit(visit)
        return loaded
    except ValidationError as invalid:
        return problems.Invalid(errors=path_messages(invalid.messages))


def _row(index: int, sent: Any, result: visits.Recorded | problems.Problem, caller: Caller) -> dict[str, Any]:
    client_id = sent.get("client_id") if isinstance(sent, dict) else None
    row: dict[str, Any] = {"index": index, "client_id": client_id if isinstance(client_id, str) else None}
    if isinstance(result, problems.Problem):
        return row | {"status": result.status, "visit": None, "problem": result.body(caller.request_id)}
    return row | {"status": 201 if result.is_new else 200, "visit": result.visit, "problem": None}


@blueprint.post("/visits/<visit_id>/void")
@endpoint(
    may=Verb.VISIT_VOID,
    body=VoidIn,
    answer=VisitOut,
    tx="write",
    raises=(problems.VisitNotFound, problems.VoidDenied),
)
async def void_visit(viewer: Viewer, request: Request, *, visit_id: UUID, body: dict[str, Any]) -> Any:
    """Void a visit with a reason; nothing is deleted. To correct one, void it and record it again."""
    return await visits.void_visit(viewer, visit_id, body["reason"])


@blueprint.get("/visits")
@endpoint(may=Verb.VISIT_READ, query=VisitsQuery, answer=VisitPage)
async def list_visits(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """Visits to the households in one's scope, newest first."""
    return await visits.list_visits(viewer, query)
