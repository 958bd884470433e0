"""The inbox."""

from __future__ import annotations

from schemas.fields import Wire, fields, page_of


class MessageRow(Wire):
    """`text` is told anew at each reading: what has been settled meanwhile is said as settled."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    made_at = fields.AwareDateTime(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    person_id = fields.UUID(required=True, allow_none=True)


MessagePage = page_of(MessageRow)
