"""Figures of members; nothing here names a person."""

from __future__ import annotations

from backend.rules.people import ExemptionReason
from schemas.coverage.figures import AreaOut
from schemas.fields import Choice, Day, Id, Text, Wire, fields


class MembersQuery(Wire):
    area = Text(36, load_default=None)
    branch = Id(load_default=None)
    level = Choice(("village", "branch"), load_default="village")
    on = Day(load_default=None)


#: How many members are exempt, by the class of the reason.
ExemptOut = Wire.from_dict(
    {reason.value: fields.Integer(required=True) for reason in ExemptionReason}, name="ExemptOut"
)


class ParticipationOut(Wire):
    """Linked members of the eligible ones; the exempt beside them by the class of the reason."""

    value = fields.Float(required=True, allow_none=True)
    numerator = fields.Integer(required=True)
    denominator = fields.Integer(required=True)
    state = fields.String(required=True)
    note = fields.String(required=True, allow_none=True)
    exempt = fields.Nested(ExemptOut, required=True)


class LoadOut(Wire):
    """Households of which a person is primary, over all persons with at least one. Below ten persons their number alone."""

    people = fields.Integer(required=True)
    households = fields.Integer(required=True, allow_none=True)
    median = fields.Float(required=True, allow_none=True)
    p90 = fields.Float(required=True, allow_none=True)
    above = fields.Integer(required=True, allow_none=True)
    above_share = fields.Float(required=True, allow_none=True)
    below = fields.Integer(required=True, allow_none=True)
    below_share = fields.Float(required=True, allow_none=True)
    soft_max = fields.Integer(required=True, allow_none=True)
    soft_min = fields.Integer(required=True, allow_none=True)
    state = fields.String(required=True)
    note = fields.String(required=True, allow_none=True)


class MembersTotal(Wire):
    member_participation = fields.Nested(ParticipationOut, required=True)
    load_ = fields.Nested(LoadOut, required=True, data_key="load", attribute="load")


class MembersRow(MembersTotal):
    area = fields.UUID(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)


class MembersOut(Wire):
    area = fields.Nested(AreaOut, required=True)
    on = fields.Date(required=True)
    level = fields.String(required=True)
    as_of = fields.AwareDateTime(required=True)
    total = fields.Nested(MembersTotal, required=True)
    rows = fields.List(fields.Nested(MembersRow), required=True)
