"""The history of a row: ids and names of fields, no values."""

from __future__ import annotations

from schemas.fields import Id, PageQuery, Wire, fields, page_of


class AuditQuery(PageQuery):
    household_id = Id(required=True)


class AuditRow(Wire):
    id = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    account_id = fields.UUID(required=True, allow_none=True)
    action = fields.String(required=True)
    subject_id = fields.UUID(required=True, allow_none=True)
    changed = fields.List(fields.String(), required=True)
    reason = fields.String(required=True, allow_none=True)


AuditPage = page_of(AuditRow)
