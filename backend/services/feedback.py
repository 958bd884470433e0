"""Feedback (意见反馈): taking it from anybody, showing the answer to its sender, listing, answering (docs/rules.md S10)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from backend import problems
from backend.crypto import vault
from backend.http import paging
from backend.http.viewer import Places, Viewer
from backend.permissions import Verb
from backend.rules import feedback as rules
from backend.rules.audit import Action
from backend.services import accounts, audit
from backend.services.accounts import Asking
from backend.settings import CHINA
from models import accounts as attempts
from models import database, feedback, scope


async def send_feedback(viewer: Viewer | None, asking: Asking, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Take feedback from anybody; (receipt, whether it is new).

    `viewer` decides the township it goes to, and is written down only where the body says `signed`. The same
    `client_id` and content again give the same receipt, whoever sends it and however often. Raises ClientIdReused for
    another content, SessionMissing and NotBound for a signature of nobody, TooMany for one network's flood.
    """
    feedback_id, mac = body["client_id"], vault().mac("feedback", rules.canonical_body(body))
    known = await feedback.find(feedback_id)
    if known is None:
        signer = _signer(viewer) if body["signed"] else None
        keys = [accounts.attempt_key("feedback", asking.network)]
        seconds = await accounts.seconds_to_wait(keys, asking.now)
        if seconds:
            raise problems.TooMany(retry_after=seconds, seconds=seconds)
        region_id = await feedback.place_of(await _roots(viewer), asking.now.astimezone(CHINA).date())
        if region_id is None:  # nobody has set this service up yet, so nobody would read it
            raise problems.Unavailable(retry_after=60)
        is_new = await feedback.insert_once(
            feedback_id,
            region_id,
            body["kind"],
            vault().seal(body["text"], "feedback", "text", feedback_id),
            vault().seal(body["contact"], "feedback", "contact", feedback_id) if body["contact"] else None,
            signer.person_id if signer else None,
            mac,
        )
        known = await feedback.find(feedback_id)
        assert known is not None
        if is_new:
            await attempts.insert_failures(keys)
            await audit.record(signer, Action.FEEDBACK_SEND, feedback_id, request_id=asking.request_id)
            return _receipt(known), True
    if bytes(known["body_mac"]) != mac:
        raise problems.ClientIdReused()
    return _receipt(known), False


def _signer(viewer: Viewer | None) -> Viewer:
    """The viewer as one who can sign: a person with a session."""
    if viewer is None:
        raise problems.SessionMissing()
    if viewer.person_id is None:
        raise problems.NotBound()
    return viewer


async def _roots(viewer: Viewer | None) -> list[UUID]:
    """The regions in which the sender has a place."""
    if viewer is None:
        return []
    regions = tuple(grant.region_id for grant in viewer.grants if grant.region_id)
    branches = tuple(grant.branch_id for grant in viewer.grants if grant.branch_id)
    return await scope.region_roots(Places(regions, branches, viewer.person_id), viewer.today)


def _receipt(row: database.Record) -> dict[str, Any]:
    return {
        **row,
        "number": rules.printed_number(row["number"]),
        "sent_at": row["sent_at"].astimezone(CHINA),
        "answer": _opened(row, "answer"),
        "answered_at": row["answered_at"] and row["answered_at"].astimezone(CHINA),
    }


def _opened(row: database.Record, column: str) -> str | None:
    sealed = row[f"{column}_sealed"]
    return vault().open(bytes(sealed), "feedback", column, row["id"]) if sealed else None


async def read_feedback(feedback_id: UUID) -> dict[str, Any]:
    """What became of feedback, for whoever knows its id: its phone, and those who may read all of it anyway."""
    found = await feedback.find(feedback_id)
    if found is None:
        raise problems.FeedbackNotFound()
    return _receipt(found)


async def list_feedback(viewer: Viewer, state: str | None, cursor: str | None, limit: int) -> dict[str, Any]:
    """Feedback of one's place, newest first, and how much came and was answered in each month."""
    regions = viewer.places(Verb.FEEDBACK_READ).regions
    after = paging.after(cursor, paging.serial)
    rows = await feedback.list_visible(regions, state, after[0] if after else None, limit + 1)
    page = paging.page(rows, limit, lambda row: (row["number"],))
    months = database.dicts(await feedback.totals(regions, rules.MONTHS_COUNTED, viewer.today))
    return {"items": [_shown(row) for row in page["items"]], "next": page["next"], "months": months}


def _shown(row: database.Record) -> dict[str, Any]:
    signer = row["person_name_sealed"]
    return _receipt(row) | {
        "place_name": row["region_name"],
        "text": _opened(row, "text"),
        "contact": _opened(row, "contact"),
        "signed_by": vault().open(bytes(signer), "person", "name", row["person_id"]) if signer else None,
    }


async def answer_feedback(viewer: Viewer, feedback_id: UUID, text: str) -> dict[str, Any]:
    """Answer feedback of one's place, once. Raises FeedbackNotFound, FeedbackAnswered."""
    regions = viewer.places(Verb.FEEDBACK_ANSWER).regions
    if await feedback.find_visible(feedback_id, regions) is None:
        raise problems.FeedbackNotFound()
    assert viewer.account_id is not None
    sealed = vault().seal(text, "feedback", "answer", feedback_id)
    if not await feedback.answer(feedback_id, sealed, viewer.account_id):
        raise problems.FeedbackAnswered()
    await audit.record(viewer, Action.FEEDBACK_ANSWER, feedback_id, ["answer"])
    answered = await feedback.find_visible(feedback_id, regions)
    assert answered is not None
    return _shown(answered)
