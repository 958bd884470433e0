"""Proposals of links."""

from __future__ import annotations

from schemas.fields import Choice, Day, Flag, Id, PageQuery, Wire, fields, page_of


class ProposalIn(Wire):
    """`place` is a branch or a region. Links that exist stay unless `redo`; then they may change where that helps."""

    client_id = Id(required=True)
    place = Id(required=True)
    from_ = Day(data_key="from", required=True)
    redo = Flag(load_default=False)


class ProposalOut(Wire):
    id = fields.UUID(required=True)
    place = fields.UUID(required=True)
    place_name = fields.String(required=True)
    from_ = fields.Date(data_key="from", required=True)
    redo = fields.Boolean(required=True)
    filled = fields.Integer(required=True)
    unfilled = fields.Integer(required=True)
    version = fields.Integer(required=True)
    made_at = fields.AwareDateTime(required=True)
    applied_at = fields.AwareDateTime(required=True, allow_none=True)


ProposalPage = page_of(ProposalOut)


class ItemsQuery(PageQuery):
    unfilled = Choice(["true", "false"], load_default="false")


class ItemRow(Wire):
    """`person_id` is null where nobody could be found, and `sentence` says why; `current_id` is who is primary on
    the first day, as it stands now."""

    household_id = fields.UUID(required=True)
    code = fields.String(required=True, allow_none=True)
    village = fields.String(required=True, allow_none=True)
    group_name = fields.String(required=True)
    micro_grid_name = fields.String(required=True, allow_none=True)
    head_name = fields.String(required=True)
    person_id = fields.UUID(required=True, allow_none=True)
    person_name = fields.String(required=True, allow_none=True)
    current_id = fields.UUID(required=True, allow_none=True)
    current_name = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    sentence = fields.String(required=True)
    edited = fields.Boolean(required=True)


ItemPage = page_of(ItemRow)


class ItemIn(Wire):
    """Null leaves the household out for now."""

    person_id = Id(required=True, allow_none=True)
