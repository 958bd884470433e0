"""Visits: five taps in, one row out."""

from __future__ import annotations

from typing import Any

from backend.rules.visits import BACKFILL_REASONS, MODES, OUTCOMES, TOPICS, VOID_REASONS
from schemas.fields import (
    REQUIRED,
    Choice,
    Day,
    Flag,
    Id,
    Instant,
    Many,
    PageQuery,
    TextWithoutCard,
    Wire,
    fields,
    page_of,
)

MOST_IN_BATCH = 500


class VisitIn(Wire):
    client_id = Id(required=True)
    household_id = Id(required=True)
    occurred_on = Day(required=True)
    noted_at = Instant(required=True)
    mode = Choice(MODES, required=True)
    outcome = Choice(OUTCOMES, required=True)
    topics = Many(Choice(TOPICS), 12, load_default=list)
    note = TextWithoutCard(200, load_default=None, allow_none=True)
    companion_ids = Many(Id(), 10, load_default=list)
    on_behalf_of = Id(load_default=None, allow_none=True)
    backfill_reason = Choice(BACKFILL_REASONS, load_default=None, allow_none=True)
    needs_follow_up = Flag(load_default=False)


class VisitOut(Wire):
    """A visit carries no field of its household but the id: also those who may only send get this answer."""

    id = fields.UUID(required=True)
    client_id = fields.UUID(required=True)
    household_id = fields.UUID(required=True)
    visitor_id = fields.UUID(required=True)
    entered_by = fields.UUID(required=True)
    occurred_on = fields.Date(required=True)
    noted_at = fields.AwareDateTime(required=True)
    recorded_at = fields.AwareDateTime(required=True)
    mode = fields.String(required=True)
    outcome = fields.String(required=True)
    topics = fields.List(fields.String(), required=True)
    companion_ids = fields.List(fields.UUID(), required=True)
    note = fields.String(required=True, allow_none=True)
    backfill_reason = fields.String(required=True, allow_none=True)
    needs_follow_up = fields.Boolean(required=True)
    late = fields.Boolean(required=True)
    state = fields.String(required=True)
    void_reason = fields.String(required=True, allow_none=True)


VisitPage = page_of(VisitOut)


class _Anything(fields.Raw):
    """Whatever was sent, also null."""

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        return value


class BatchIn(Wire):
    """Each visit is judged by itself; `visits` is read loosely here so that a bad one blocks no other."""

    visits = fields.List(
        _Anything(metadata={"$ref": "#/components/schemas/VisitIn"}),
        required=True,
        validate=lambda visits: None,
        metadata={"maxItems": MOST_IN_BATCH},
        error_messages={**REQUIRED, "invalid": "应为列表"},
    )


class BatchRow(Wire):
    index = fields.Integer(required=True)
    client_id = fields.String(required=True, allow_none=True)
    status = fields.Integer(required=True)
    visit = fields.Nested(VisitOut, required=True, allow_none=True)
    problem = fields.Dict(required=True, allow_none=True)


class BatchOut(Wire):
    results = fields.List(fields.Nested(BatchRow), required=True)


class VoidIn(Wire):
    reason = Choice(VOID_REASONS, required=True)


class VisitsQuery(PageQuery):
    household_id = Id(load_default=None)
    visitor = Id(load_default=None)
    from_ = Day(data_key="from", load_default=None)
    to = Day(load_default=None)
