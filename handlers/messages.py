"""The inbox."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request

from backend.http.endpoint import endpoint
from backend.http.viewer import Viewer
from backend.services import messages
from schemas.fields import PageQuery
from schemas.messages import MessagePage

blueprint = Blueprint("messages")


@blueprint.get("/messages")
@endpoint(may="signed_in", query=PageQuery, answer=MessagePage)
async def list_messages(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """What one should know, newest first. Nobody is told who has read what."""
    return await messages.list_messages(viewer, query["cursor"], query["limit"])
