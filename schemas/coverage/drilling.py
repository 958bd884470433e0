"""Households behind figures: lists with masked heads, one household explained, gaps, what is overdue, revisions."""

from __future__ import annotations

from backend.rules.definitions import DEFINITIONS
from backend.rules.reasons import PURPOSES
from schemas.coverage.figures import AreaOut
from schemas.fields import Choice, Day, Id, PageQuery, Text, Whole, Wire, fields
from schemas.households import GridRow

STATES = ("numerator", "denominator", "difference", "pending")


class PurposeQuery(Wire):
    purpose = Choice(PURPOSES, load_default=None)


class PlaceQuery(PageQuery, PurposeQuery):
    area = Text(36, load_default=None)
    branch = Id(load_default=None)


class BehindQuery(PlaceQuery):
    period = Text(7, required=True)
    metric = Choice(sorted({one.id for one in DEFINITIONS}), required=True)
    state = Choice(STATES, required=True)
    on = Day(load_default=None)
    revised = Choice(["true", "false"], load_default="false")


class GapsQuery(PlaceQuery):
    on = Day(load_default=None)


class OverdueQuery(PlaceQuery):
    over = Whole(0, 3650, load_default=0)


class RevisionsQuery(PlaceQuery):
    period = Text(7, required=True)


class ExplainQuery(PurposeQuery):
    period = Text(7, required=True)


class Listed(Wire):
    """A household as lists show it; all but the micro-grid is null where it has left the scope of who asks."""

    id = fields.UUID(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)
    group_name = fields.String(required=True, allow_none=True)
    head_name = fields.String(required=True, allow_none=True)
    micro_grid = fields.Nested(GridRow, required=True)


class BehindRow(Listed):
    """`numerator` and `denominator` are what the row adds to the figure; a row is a household in a period, or one obligation."""

    period = fields.String(required=True)
    in_numerator = fields.Boolean(required=True)
    numerator = fields.Integer(required=True)
    denominator = fields.Integer(required=True)
    reason = fields.String(required=True)
    words = fields.String(required=True)
    contacts = fields.Integer(required=True, allow_none=True)
    last_contact_on = fields.Date(required=True, allow_none=True)
    kind = fields.String(required=True, allow_none=True)
    due_on = fields.Date(required=True, allow_none=True)
    met_on = fields.Date(required=True, allow_none=True)


class BehindOut(Wire):
    area = fields.Nested(AreaOut, required=True)
    metric = fields.String(required=True)
    state = fields.String(required=True)
    period = fields.String(required=True)
    on = fields.Date(required=True)
    as_of = fields.AwareDateTime(required=True)
    frozen = fields.Boolean(required=True)
    definition_version = fields.Integer(required=True)
    items = fields.List(fields.Nested(BehindRow), required=True)
    next = fields.String(required=True, allow_none=True)


class GapRow(Listed):
    gap_days = fields.Integer(required=True)
    since = fields.Date(required=True)
    reason = fields.String(required=True)
    words = fields.String(required=True)


class GapsOut(Wire):
    area = fields.Nested(AreaOut, required=True)
    on = fields.Date(required=True)
    as_of = fields.AwareDateTime(required=True)
    count = fields.Integer(required=True)
    items = fields.List(fields.Nested(GapRow), required=True)
    next = fields.String(required=True, allow_none=True)


class BandRow(Wire):
    """Households by days overdue, both ends included; the last band has no end."""

    from_ = fields.Integer(data_key="from", required=True)
    to = fields.Integer(required=True, allow_none=True)
    count = fields.Integer(required=True)


class OverdueRow(Listed):
    kind = fields.String(required=True)
    words = fields.String(required=True)
    due_on = fields.Date(required=True)
    days_overdue = fields.Integer(required=True)


class OverdueOut(Wire):
    """`count` and `bands` are of the whole place, also where `over` or the page shows fewer."""

    area = fields.Nested(AreaOut, required=True)
    as_of = fields.AwareDateTime(required=True)
    count = fields.Integer(required=True)
    bands = fields.List(fields.Nested(BandRow), required=True)
    items = fields.List(fields.Nested(OverdueRow), required=True)
    next = fields.String(required=True, allow_none=True)


class SpanOut(Wire):
    """Days `[from, to)`: the first counts, `to` does not."""

    from_ = fields.Date(data_key="from", required=True)
    to = fields.Date(required=True)
    days = fields.Integer(required=True)


class PeriodOut(SpanOut):
    name = fields.String(required=True)


class DaysRow(SpanOut):
    what = fields.String(required=True)


class ColumnsRow(Wire):
    """What the household adds to each kept sum of a period; `frozen` names the frozen part, null = by the facts of today."""

    period = fields.String(required=True)
    frozen = fields.String(required=True, allow_none=True)
    micro_grid = fields.Nested(GridRow, required=True)
    branch = fields.String(required=True)
    columns = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class ExplainedVisit(Wire):
    """A visit without note and name: `visitor` is own, substitute or staff. Those outside of the period (`in_period` false)
    are there because what was due in it may have been met by them."""

    id = fields.UUID(required=True)
    occurred_on = fields.Date(required=True)
    mode = fields.String(required=True)
    outcome = fields.String(required=True)
    counts = fields.String(required=True)
    words = fields.String(required=True)
    in_period = fields.Boolean(required=True)
    visitor = fields.String(required=True)
    recorded_at = fields.AwareDateTime(required=True)


class ExplainedObligation(Wire):
    """A regular obligation. It follows from `anchor_on`, the day of a contact (`by_visit`) or of a change, and is due every
    `step` days; a visit counts from `since` on. `later_on` is a contact that came too late; `cancelled` says why it does
    not count."""

    kind = fields.String(required=True)
    required = fields.String(required=True)
    anchor_on = fields.Date(required=True)
    by_visit = fields.Boolean(required=True)
    step = fields.Integer(required=True)
    origin = fields.String(required=True)
    since = fields.Date(required=True)
    due_on = fields.Date(required=True)
    in_person = fields.Boolean(required=True)
    met_on = fields.Date(required=True, allow_none=True)
    later_on = fields.Date(required=True, allow_none=True)
    cancelled = fields.String(required=True, allow_none=True)
    words = fields.String(required=True)


class ExplainedMustVisit(Wire):
    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    words = fields.String(required=True)
    since = fields.Date(required=True)
    due_on = fields.Date(required=True)
    met_on = fields.Date(required=True, allow_none=True)
    state = fields.String(required=True)
    state_words = fields.String(required=True)


class ExplainedOut(Wire):
    """One household in one period, with all that its figures follow from."""

    household = fields.Nested(Listed, required=True)
    period = fields.Nested(PeriodOut, required=True)
    as_of = fields.AwareDateTime(required=True)
    definition_version = fields.Integer(required=True)
    answers_for = fields.List(fields.UUID(), required=True)
    answered_by = fields.UUID(required=True, allow_none=True)
    rows = fields.List(fields.Nested(ColumnsRow), required=True)
    days = fields.List(fields.Nested(DaysRow), required=True)
    visits = fields.List(fields.Nested(ExplainedVisit), required=True)
    obligations = fields.List(fields.Nested(ExplainedObligation), required=True)
    must_visits = fields.List(fields.Nested(ExplainedMustVisit), required=True)


class PartRow(Wire):
    part = fields.String(required=True)
    frozen_at = fields.AwareDateTime(required=True)
    definition_version = fields.Integer(required=True)


class SidesRow(Wire):
    numerator = fields.Integer(required=True)
    denominator = fields.Integer(required=True)
    pending = fields.Integer(required=True)
    beside = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class DiffersRow(Wire):
    metric = fields.String(required=True)
    period = fields.String(required=True)
    before = fields.Nested(SidesRow, required=True)
    now = fields.Nested(SidesRow, required=True)


class ByRow(Wire):
    """Whoever changed something: the role of the account, and its person's masked name; both null for the system itself."""

    role = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class ChangeRow(Wire):
    """What was done since the freezing; `day` is the day that it is about."""

    at = fields.AwareDateTime(required=True)
    action = fields.String(required=True)
    words = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    day = fields.Date(required=True, allow_none=True)
    by = fields.Nested(ByRow, required=True)


class RevisedRow(Listed):
    differs = fields.List(fields.Nested(DiffersRow), required=True)
    changes = fields.List(fields.Nested(ChangeRow), required=True)


class RevisionsOut(Wire):
    """`parts` are those that are frozen; without any there is nothing to compare."""

    area = fields.Nested(AreaOut, required=True)
    period = fields.String(required=True)
    as_of = fields.AwareDateTime(required=True)
    definition_version = fields.Integer(required=True)
    parts = fields.List(fields.Nested(PartRow), required=True)
    items = fields.List(fields.Nested(RevisedRow), required=True)
    next = fields.String(required=True, allow_none=True)
