"""Links between people and households."""

from __future__ import annotations

from uuid import uuid4

from backend.rules.assignments import AssignmentRole, AssignmentSource, EndReason
from schemas.fields import Choice, Day, Flag, Id, Wire, fields


class AssignmentIn(Wire):
    client_id = Id(load_default=uuid4)
    household_id = Id(required=True)
    person_id = Id(required=True)
    role = Choice(AssignmentRole, load_default=AssignmentRole.PRIMARY)
    source = Choice(AssignmentSource, load_default=AssignmentSource.APPOINTED)
    from_ = Day(data_key="from", required=True)
    replace_planned = Flag(load_default=False)


class PublishIn(Wire):
    region_id = Id(required=True)
    on = Day(required=True)


class ConfirmIn(Wire):
    branch_id = Id(required=True)
    on = Day(required=True)


class CountOut(Wire):
    """How many links it was about; those that were so already are not counted again."""

    count = fields.Integer(required=True)


class AssignmentEndIn(Wire):
    on = Day(required=True)
    reason = Choice(EndReason, required=True)


class AssignmentOut(Wire):
    id = fields.UUID(required=True)
    household_id = fields.UUID(required=True)
    person_id = fields.UUID(required=True)
    role = fields.String(required=True)
    source = fields.String(required=True)
    from_ = fields.Date(data_key="from", required=True)
    to = fields.Date(required=True, allow_none=True)
    end_reason = fields.String(required=True, allow_none=True)
    step = fields.String(required=True)
    published_on = fields.Date(required=True, allow_none=True)
    confirmed_on = fields.Date(required=True, allow_none=True)
