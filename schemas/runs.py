"""Long work: how far it is, and what it left."""

from __future__ import annotations

from backend.rules.runs import Work
from schemas.fields import Choice, PageQuery, Wire, fields, page_of


class RunsQuery(PageQuery):
    work = Choice(Work, load_default=None, allow_none=True)


class RunOut(Wire):
    """`counts` are numbers by name, whatever the work counts; `sentence` says why it failed and the way out.

    `file_name` is the name of the file that was sent in, or else of the one that was made.
    """

    id = fields.UUID(required=True)
    work = fields.String(required=True)
    kind = fields.String(required=True)
    asked = fields.Dict(keys=fields.String(), required=True)
    file_id = fields.UUID(required=True, allow_none=True)
    file_name = fields.String(required=True, allow_none=True)
    state = fields.String(required=True)
    step = fields.String(required=True, allow_none=True)
    done_count = fields.Integer(required=True)
    total_count = fields.Integer(required=True, allow_none=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    problem = fields.String(required=True, allow_none=True)
    sentence = fields.String(required=True, allow_none=True)
    has_result = fields.Boolean(required=True)
    asked_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)


RunPage = page_of(RunOut)
