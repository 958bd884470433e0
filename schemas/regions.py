"""Regions and branches."""

from __future__ import annotations

from schemas.fields import Id, PageQuery, Wire, fields, page_of


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


RegionPage = page_of(RegionRow)
BranchPage = page_of(BranchRow)
