"""Figures of coverage."""

from __future__ import annotations

from backend.rules.coverage import LEVELS
from schemas.fields import Choice, Day, Id, Text, Wire, fields


class CoverageQuery(Wire):
    area = Text(36, load_default=None)
    branch = Id(load_default=None)
    period = Text(7, required=True)
    level = Choice(LEVELS, load_default="village")
    on = Day(load_default=None)


class RevisedOut(Wire):
    """What the facts say today, beside a frozen figure that they no longer give."""

    value = fields.Float(required=True, allow_none=True)
    numerator = fields.Integer(required=True)
    denominator = fields.Integer(required=True)


class RateOut(Wire):
    """`value` is null where a number would mislead; `state` and `note` say why. Where nothing is kept (`unknown`), there
    are no counts either. `beside` holds what is not in the rate: counts, and a median where the definition has one."""

    value = fields.Float(required=True, allow_none=True)
    numerator = fields.Integer(required=True, allow_none=True)
    denominator = fields.Integer(required=True, allow_none=True)
    pending = fields.Integer(required=True, allow_none=True)
    state = fields.String(required=True)
    note = fields.String(required=True, allow_none=True)
    beside = fields.Dict(keys=fields.String(), values=fields.Float(allow_none=True), required=True)


class FigureOut(RateOut):
    """A figure with what the facts say today beside a frozen one that they no longer give."""

    frozen = fields.Boolean(required=True)
    revised = fields.Nested(RevisedOut, required=True, allow_none=True)


class CountsOut(Wire):
    """Households in the set, party households (a line of their own), and those not yet due."""

    due = fields.Integer(required=True)
    party = fields.Integer(required=True)
    not_yet = fields.Integer(required=True)


class AreaOut(Wire):
    id = fields.UUID(required=True)
    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    level = fields.String(required=True)


class TotalOut(Wire):
    metrics = fields.Dict(keys=fields.String(), values=fields.Nested(FigureOut), required=True)
    households = fields.Nested(CountsOut, required=True)


class CoverageRow(TotalOut):
    area = fields.UUID(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)


class CoverageOut(Wire):
    area = fields.Nested(AreaOut, required=True)
    period = fields.String(required=True)
    on = fields.Date(required=True)
    as_of = fields.AwareDateTime(required=True)
    frozen = fields.Boolean(required=True)
    definition_version = fields.Integer(required=True)
    total = fields.Nested(TotalOut, required=True)
    rows = fields.List(fields.Nested(CoverageRow), required=True)
