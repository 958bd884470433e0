"""The history of a household, as the audit has it."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import audit
from schemas.audit import AuditPage, AuditQuery

blueprint = Blueprint("audit")


@blueprint.get("/audit")
@endpoint(may=Verb.AUDIT_READ, query=AuditQuery, answer=AuditPage, raises=(problems.HouseholdNotFound,))
async def list_audit(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """What was done to a household of one's scope, its links and visits, newest first: who, when, which fields; no values."""
    return await audit.history(viewer, query["household_id"], query["cursor"], query["limit"])
