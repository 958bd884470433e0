"""Feedback (意见反馈): open to everybody, answered by the office."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services import feedback
from handlers.accounts import asking_of, slow_down
from schemas.feedback import AnswerIn, FeedbackIn, FeedbackOut, FeedbackPage, FeedbackQuery, FeedbackReceiptOut

blueprint = Blueprint("feedback")


async def _slow_down(request: Request, body: dict[str, Any]) -> None:
    await slow_down(request, "feedback")


@blueprint.post("/feedback")
@endpoint(
    may="open",
    body=FeedbackIn,
    answer=FeedbackReceiptOut,
    tx="write",
    statuses=(201, 200),
    prepare=_slow_down,
    raises=(problems.ClientIdReused, problems.SessionMissing, problems.NotBound, problems.TooMany),
)
async def send_feedback(viewer: Viewer | None, request: Request, *, body: dict[str, Any], prepared: None) -> Answer:
    """Say what is wrong or could be better, with or without signing in; 200 for a `client_id` that was sent before.

    By default nothing says who wrote it: a session only decides which township it goes to (without one: the only
    township of this service, else the root of its tree). `signed: true` attaches the sender's name, and needs a session.
    Keep the `client_id` and tell nobody: who knows it sees the answer.
    """
    receipt, is_new = await feedback.send_feedback(viewer, asking_of(request), body)
    return Answer(receipt, 201 if is_new else 200)


@blueprint.get("/feedback/<feedback_id>")
@endpoint(may="anybody", answer=FeedbackReceiptOut, raises=(problems.FeedbackNotFound,))
async def read_feedback(_: None, request: Request, *, feedback_id: UUID) -> Any:
    """What became of feedback, by the id that only its phone knows; without its text."""
    return await feedback.read_feedback(feedback_id)


@blueprint.get("/feedback")
@endpoint(may=Verb.FEEDBACK_READ, query=FeedbackQuery, answer=FeedbackPage)
async def list_feedback(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """Feedback of one's place, newest first: all, or that in one state; `months` counts all of it by month of its
    coming."""
    return await feedback.list_feedback(viewer, query["state"], query["cursor"], query["limit"])


@blueprint.post("/feedback/<feedback_id>/answer")
@endpoint(
    may=Verb.FEEDBACK_ANSWER,
    body=AnswerIn,
    answer=FeedbackOut,
    tx="write",
    raises=(problems.FeedbackNotFound, problems.FeedbackAnswered),
)
async def answer_feedback(viewer: Viewer, request: Request, *, feedback_id: UUID, body: dict[str, Any]) -> Any:
    """Answer feedback of one's place. An answer is given once and stands: its sender may have read it."""
    return await feedback.answer_feedback(viewer, feedback_id, body["text"])
