"""Must-visits."""

from __future__ import annotations

from uuid import uuid4

from backend.rules.obligations import RAISED_KINDS, WITHDRAW_REASONS
from schemas.fields import Choice, Day, Id, PageQuery, Text, Wire, fields, page_of


class MustVisitsQuery(PageQuery):
    area = Text(36, load_default=None)
    household_id = Id(load_default=None)
    state = Choice(["open", "owed", "all"], load_default="open")


class MustVisitIn(Wire):
    client_id = Id(load_default=uuid4)
    household_id = Id(required=True)
    kind = Choice(RAISED_KINDS, required=True)
    since = Day(required=True)


class WithdrawIn(Wire):
    reason = Choice(WITHDRAW_REASONS, required=True)


class MustVisitOut(Wire):
    """`state` is open, met, declined, missed or withdrawn: as the facts are today."""

    id = fields.UUID(required=True)
    client_id = fields.UUID(required=True)
    household_id = fields.UUID(required=True)
    kind = fields.String(required=True)
    since = fields.Date(required=True)
    due_on = fields.Date(required=True)
    source = fields.String(required=True)
    state = fields.String(required=True)
    met_on = fields.Date(required=True, allow_none=True)


MustVisitPage = page_of(MustVisitOut)
