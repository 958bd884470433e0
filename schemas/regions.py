"""Regions, branches, and the numbers that a township sets for itself."""

from __future__ import annotations

from backend.rules.regions import RuleName
from schemas.fields import Choice, Day, Flag, Id, PageQuery, Text, Whole, Wire, fields, page_of


class RegionsQuery(PageQuery):
    parent = Id(load_default=None)


class RegionRow(Wire):
    id = fields.UUID(required=True)
    parent_id = fields.UUID(required=True, allow_none=True)
    level = fields.String(required=True)
    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)


class ResponsibilityRow(Wire):
    kind = fields.String(required=True)
    branch_id = fields.UUID(required=True, allow_none=True)
    person_id = fields.UUID(required=True, allow_none=True)
    valid_from = fields.Date(required=True)
    valid_to = fields.Date(required=True, allow_none=True)


class RegionOut(RegionRow):
    responsibilities = fields.List(fields.Nested(ResponsibilityRow), required=True)


class BranchRow(Wire):
    id = fields.UUID(required=True)
    parent_id = fields.UUID(required=True, allow_none=True)
    kind = fields.String(required=True)
    name = fields.String(required=True)
    region_id = fields.UUID(required=True)


class RulesQuery(Wire):
    area = Text(36, required=True)
    on = Day(load_default=None)


class RuleRow(Wire):
    """`own`: set by the township itself; otherwise the general number."""

    name = fields.String(required=True)
    words = fields.String(required=True)
    number = fields.Integer(required=True)
    since = fields.Date(required=True)
    own = fields.Boolean(required=True)


class RulesOut(Wire):
    region_id = fields.UUID(required=True)
    on = fields.Date(required=True)
    rules = fields.List(fields.Nested(RuleRow), required=True)


class RuleIn(Wire):
    region_id = Id(required=True)
    name = Choice(RuleName, required=True)
    number = Whole(1, 366, required=True)
    from_ = Day(data_key="from", required=True)
    replace_planned = Flag(load_default=False)


RegionPage = page_of(RegionRow)
BranchPage = page_of(BranchRow)
