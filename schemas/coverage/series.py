"""A figure over time, and two periods beside each other."""

from __future__ import annotations

from backend.rules.coverage import LEVELS
from backend.rules.definitions import in_force
from backend.rules.periods import Kind
from schemas.coverage.figures import AreaOut, FigureOut, RateOut
from schemas.fields import Choice, Id, Text, Whole, Wire, fields


class SeriesQuery(Wire):
    area = Text(36, load_default=None)
    branch = Id(load_default=None)
    metric = Choice(tuple(in_force()), required=True)
    until = Text(7, load_default=None)
    count = Whole(1, 25, load_default=13)
    kind = Choice([kind.value for kind in Kind], load_default=None)
    level = Choice(LEVELS, load_default=None)


class PeriodFigure(Wire):
    period = fields.String(required=True)
    frozen = fields.Boolean(required=True)
    figure = fields.Nested(FigureOut, required=True)


class SeriesRow(Wire):
    """A place of the level; `figures` in the order of `periods`."""

    area = fields.UUID(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    figures = fields.List(fields.Nested(FigureOut), required=True)


class SeriesOut(Wire):
    area = fields.Nested(AreaOut, required=True)
    metric = fields.String(required=True)
    level = fields.String(required=True, allow_none=True)
    as_of = fields.AwareDateTime(required=True)
    periods = fields.List(fields.Nested(PeriodFigure), required=True)
    rows = fields.List(fields.Nested(SeriesRow), required=True)


class ComparisonQuery(Wire):
    area = Text(36, load_default=None)
    branch = Id(load_default=None)
    period = Text(7, required=True)
    with_ = Text(7, load_default=None, data_key="with", attribute="with")
    level = Choice(LEVELS, load_default=None)


class ComparedOut(Wire):
    """`difference` is in percentage points, `figure` less `other`; null where either has no value. `source` says which
    figures were taken, and `words` say it to a reader."""

    figure = fields.Nested(RateOut, required=True)
    other = fields.Nested(RateOut, required=True)
    difference = fields.Float(required=True, allow_none=True)
    source = fields.String(required=True)
    version = fields.Integer(required=True)
    other_version = fields.Integer(required=True)
    same_version = fields.Boolean(required=True)
    words = fields.String(required=True)


class ComparedRow(Wire):
    area = fields.UUID(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    metrics = fields.Dict(keys=fields.String(), values=fields.Nested(ComparedOut), required=True)


class ComparedTotal(Wire):
    metrics = fields.Dict(keys=fields.String(), values=fields.Nested(ComparedOut), required=True)


class ComparisonOut(Wire):
    area = fields.Nested(AreaOut, required=True)
    period = fields.String(required=True)
    with_ = fields.String(required=True, data_key="with", attribute="with")
    level = fields.String(required=True, allow_none=True)
    as_of = fields.AwareDateTime(required=True)
    total = fields.Nested(ComparedTotal, required=True)
    rows = fields.List(fields.Nested(ComparedRow), required=True)
