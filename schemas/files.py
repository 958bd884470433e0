"""Files as they are sent in."""

from __future__ import annotations

from schemas.fields import Id, Wire, fields


class FileQuery(Wire):
    """`client_id` makes sending again safe."""

    client_id = Id(required=True)


class FileOut(Wire):
    id = fields.UUID(required=True)
    byte_count = fields.Integer(required=True)
    expires_at = fields.AwareDateTime(required=True)
