"""Feedback (意见反馈)."""

from __future__ import annotations

from backend.rules.feedback import CONTACT_MOST, KINDS, STATES, TEXT_MOST
from schemas.fields import Choice, Flag, Id, PageQuery, TextWithoutCard, Wire, fields


class FeedbackIn(Wire):
    """`signed`: attach the sender's name; without it nothing says who wrote it."""

    client_id = Id(required=True)
    kind = Choice(KINDS, required=True)
    text = TextWithoutCard(TEXT_MOST, required=True)
    contact = TextWithoutCard(CONTACT_MOST, load_default=None, allow_none=True)
    signed = Flag(load_default=False)


class FeedbackReceiptOut(Wire):
    """What the sender may know: never the text, so that the id in an address gives no word of it away."""

    id = fields.UUID(required=True)
    number = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    sent_at = fields.AwareDateTime(required=True)
    answer = fields.String(required=True, allow_none=True)
    answered_at = fields.AwareDateTime(required=True, allow_none=True)


class FeedbackQuery(PageQuery):
    state = Choice(STATES, load_default=None)


class AnswerIn(Wire):
    text = TextWithoutCard(TEXT_MOST, required=True)


class FeedbackOut(Wire):
    """`signed_by` is the name of a sender who wanted it to be there; null for everybody else."""

    id = fields.UUID(required=True)
    number = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    place_name = fields.String(required=True)
    text = fields.String(required=True)
    contact = fields.String(required=True, allow_none=True)
    signed_by = fields.String(required=True, allow_none=True)
    sent_at = fields.AwareDateTime(required=True)
    answer = fields.String(required=True, allow_none=True)
    answered_at = fields.AwareDateTime(required=True, allow_none=True)


class FeedbackMonthOut(Wire):
    """How much came in a month, and how much of that is answered by now."""

    month = fields.String(required=True)
    received = fields.Integer(required=True)
    answered = fields.Integer(required=True)


class FeedbackPage(Wire):
    items = fields.List(fields.Nested(FeedbackOut), required=True)
    next = fields.String(required=True, allow_none=True)
    months = fields.List(fields.Nested(FeedbackMonthOut), required=True)
