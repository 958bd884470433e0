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


class FigureOut(Wire):
    """`value` is null where there is nothing, or too little, to take a share of; `note` says which."""

    value = fields.Float(required=True, allow_none=True)
    numerator = fields.Integer(required=True)
    denominator = fields.Integer(required=True)
    pending = fields.Integer(required=True)
    note = fields.String(required=True, allow_none=True)


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
