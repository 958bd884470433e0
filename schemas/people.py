"""People of a branch."""

from __future__ import annotations

from schemas.fields import Id, PageQuery, Wire, fields, page_of


class PeopleQuery(PageQuery):
    branch = Id(load_default=None)


class PersonRow(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    branch_id = fields.UUID(required=True)
    exemption = fields.String(required=True, allow_none=True)
    load_ = fields.Integer(required=True, data_key="load", attribute="load")
    account_id = fields.UUID(required=True, allow_none=True)


PersonPage = page_of(PersonRow)
