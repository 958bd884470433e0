"""The phone's copy of its owner's households."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request

from backend.http.endpoint import endpoint
from backend.http.viewer import Viewer
from backend.services import sync
from schemas.sync import SyncOut, SyncQuery

blueprint = Blueprint("sync")


@blueprint.get("/sync")
@endpoint(may="signed_in", query=SyncQuery, answer=SyncOut)
async def synchronise(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """One's own households of today, for a phone that works without signal: everything, or what changed since the cursor.

    A phone does this with each answer, in this order: when `full`, it drops the copy that it holds; it takes out what is
    `revoked`; it puts each household in place of the one with its id, and the obligations in place of all that it held
    of these households; `colleagues`, unless null, replace the old ones; it keeps the `cursor` for the next time. When
    `more`, it asks again at once with that cursor: only the first page of a full answer says `full`. What did not change
    may be sent again; nothing that changed is left out.

    Any answer may be full: on a new day, after a restore, for a cursor that is not one of ours or of another person.
    Who has no household gets none; who has left the branch is told that all are revoked, and may still send visits for
    thirty days. Obligations are shown to the primary, and to a backup while there is no primary.
    """
    return await sync.synchronise(viewer, query["cursor"], query["limit"])
