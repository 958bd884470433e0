"""The phone's copy."""

from __future__ import annotations

from backend.rules.sync import PAGE
from schemas.fields import Text, Whole, Wire, fields
from schemas.households import GridRow


class SyncQuery(Wire):
    cursor = Text(1000, load_default=None)
    limit = Whole(1, PAGE, load_default=PAGE)


class SyncHouseholdOut(Wire):
    """`state` of what is due first: ok, due_soon, due or overdue. `due_kind` is a kind of must-visit, or of regular
    contact: ordinary, key or away. Both of nobody's task here: `ok`, and null (docs/rules.md O9)."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    head_name = fields.String(required=True)
    group = fields.String(required=True)
    micro_grid = fields.Nested(GridRow, required=True, allow_none=True)
    role = fields.String(required=True)
    tier = fields.String(required=True)
    residence = fields.String(required=True, allow_none=True)
    state = fields.String(required=True)
    due_on = fields.Date(required=True, allow_none=True)
    due_kind = fields.String(required=True, allow_none=True)
    last_contact_on = fields.Date(required=True, allow_none=True)


class RevokedOut(Wire):
    """`successor_id` is the household that goes on instead, where it was merged."""

    household_id = fields.UUID(required=True)
    on = fields.Date(required=True)
    reason = fields.String(required=True)
    successor_id = fields.UUID(required=True, allow_none=True)


class ObligationOut(Wire):
    """A must-visit that is still to be made, in time or late; `state` is due_soon, due or overdue."""

    id = fields.UUID(required=True)
    household_id = fields.UUID(required=True)
    kind = fields.String(required=True)
    since = fields.Date(required=True)
    due_on = fields.Date(required=True)
    state = fields.String(required=True)


class ColleagueOut(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)


class SyncOut(Wire):
    """`colleagues` is null where they are as they were."""

    households = fields.List(fields.Nested(SyncHouseholdOut), required=True)
    revoked = fields.List(fields.Nested(RevokedOut), required=True)
    obligations = fields.List(fields.Nested(ObligationOut), required=True)
    colleagues = fields.List(fields.Nested(ColleagueOut), required=True, allow_none=True)
    server_time = fields.AwareDateTime(required=True)
    cursor = fields.String(required=True)
    full = fields.Boolean(required=True)
    more = fields.Boolean(required=True)
