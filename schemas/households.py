"""Households."""

from __future__ import annotations

from uuid import uuid4

from backend.rules.households import ResidenceStatus, TierReason
from schemas.fields import Choice, Day, Flag, Id, Many, PageQuery, Telephone, Text, Whole, Wire, fields, page_of

PURPOSES = ("visit", "contact", "emergency", "correction")
REVEALED = ("head_name", "phone", "address")


class HouseholdsQuery(PageQuery):
    region = Id(load_default=None)
    person = Id(load_default=None)
    gap = Choice(["true", "false"], load_default="false")


class HouseholdsSearchIn(Wire):
    """In a body, because addresses are logged and what is typed is a name."""

    search = Text(30, required=True)
    region = Id(load_default=None, allow_none=True)
    limit = Whole(1, 200, load_default=50)


class GridRow(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)


class PrimaryRow(Wire):
    assignment_id = fields.UUID(required=True)
    person_id = fields.UUID(required=True)
    name = fields.String(required=True)
    from_ = fields.Date(data_key="from", required=True)


class HouseholdOut(Wire):
    """`head_name` and `address` are plain for those linked to the household; for all others masked, and null.

    `last_visit_on` and `last_outcome` are of the newest visit that is not voided, also one that was no contact.
    """

    id = fields.UUID(required=True)
    code = fields.String(required=True, allow_none=True)
    group_name = fields.String(required=True)
    head_name = fields.String(required=True)
    has_phone = fields.Boolean(required=True)
    address = fields.String(required=True, allow_none=True)
    micro_grid = fields.Nested(GridRow, required=True, allow_none=True)
    residence = fields.String(required=True, allow_none=True)
    tier = fields.String(required=True)
    primary = fields.Nested(PrimaryRow, required=True, allow_none=True)
    last_contact_on = fields.Date(required=True, allow_none=True)
    last_visit_on = fields.Date(required=True, allow_none=True)
    last_outcome = fields.String(required=True, allow_none=True)
    opened_on = fields.Date(required=True)
    closed_on = fields.Date(required=True, allow_none=True)
    access = fields.String(required=True)
    version = fields.Integer(required=True)


HouseholdPage = page_of(HouseholdOut)


class HouseholdIn(Wire):
    client_id = Id(load_default=uuid4)
    micro_grid_id = Id(required=True)
    code = Text(40, load_default=None, allow_none=True)
    group_name = Text(30, required=True)
    head_name = Text(30, required=True)
    phone = Telephone(load_default=None, allow_none=True)
    address = Text(100, load_default=None, allow_none=True)
    opened_on = Day(required=True)
    residence = Choice(ResidenceStatus, load_default=ResidenceStatus.RESIDENT)


class HouseholdPatch(Wire):
    group_name = Text(30)
    head_name = Text(30)
    phone = Telephone(allow_none=True)
    address = Text(100, allow_none=True)


class ResidenceIn(Wire):
    status = Choice(ResidenceStatus, required=True)
    micro_grid_id = Id(load_default=None, allow_none=True)
    from_ = Day(data_key="from", required=True)
    replace_planned = Flag(load_default=False)


class TierIn(Wire):
    tier = Choice(["ordinary", "key"], required=True)
    reason = Choice(TierReason, load_default=TierReason.OTHER)
    from_ = Day(data_key="from", required=True)
    to = Day(load_default=None, allow_none=True)
    replace_planned = Flag(load_default=False)


class RevealIn(Wire):
    fields_ = Many(Choice(REVEALED), len(REVEALED), least=1, data_key="fields", required=True)
    purpose = Choice(PURPOSES, required=True)


class RevealOut(Wire):
    household_id = fields.UUID(required=True)
    head_name = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    address = fields.String(required=True, allow_none=True)
