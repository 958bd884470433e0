"""People of a branch."""

from __future__ import annotations

from uuid import uuid4

from backend.rules.people import Ability, ExemptionReason, LeaveReason, PersonKind
from schemas.fields import Choice, Day, Flag, Id, Many, PageQuery, Telephone, Text, Whole, Wire, fields, page_of


class PeopleQuery(PageQuery):
    branch = Id(load_default=None)


class PeopleSearchIn(Wire):
    """In a body, because addresses are logged and what is typed is a name."""

    search = Text(30, required=True)
    branch = Id(load_default=None, allow_none=True)
    limit = Whole(1, 200, load_default=50)


class PersonRow(Wire):
    """`load` counts the households of which the person is primary today, `backed` those of them that have a backup.

    `until` is the first day out of this service, where one is booked, and `next_branch_id` where the next one is.
    """

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    has_phone = fields.Boolean(required=True)
    kind = fields.String(required=True)
    branch_id = fields.UUID(required=True)
    since = fields.Date(required=True)
    until = fields.Date(required=True, allow_none=True)
    next_branch_id = fields.UUID(required=True, allow_none=True)
    abilities = fields.List(fields.String(), required=True)
    exemption = fields.String(required=True, allow_none=True)
    exempt_from = fields.Date(required=True, allow_none=True)
    exempt_to = fields.Date(required=True, allow_none=True)
    keeps_links = fields.Boolean(required=True)
    load_ = fields.Integer(required=True, data_key="load", attribute="load")
    backed = fields.Integer(required=True)
    account_id = fields.UUID(required=True, allow_none=True)
    version = fields.Integer(required=True)


PersonPage = page_of(PersonRow)


class PersonIn(Wire):
    client_id = Id(load_default=uuid4)
    name = Text(30, required=True)
    phone = Telephone(load_default=None, allow_none=True)
    branch_id = Id(required=True)
    kind = Choice(PersonKind, load_default=PersonKind.FULL)
    abilities = Many(Choice(Ability), len(Ability), load_default=list)
    from_ = Day(data_key="from", required=True)


class PersonPatch(Wire):
    name = Text(30)
    phone = Telephone(allow_none=True)
    abilities = Many(Choice(Ability), len(Ability))


class ExemptionIn(Wire):
    """With `keeps_links` the person goes on with the households there are, and gets no new ones."""

    reason = Choice(ExemptionReason, required=True)
    from_ = Day(data_key="from", required=True)
    to = Day(load_default=None, allow_none=True)
    keeps_links = Flag(load_default=False)


class ReturnIn(Wire):
    on = Day(required=True)


class TransferIn(Wire):
    branch_id = Id(required=True)
    kind = Choice(PersonKind, load_default=None, allow_none=True)
    on = Day(required=True)


class LeaveIn(Wire):
    reason = Choice(LeaveReason, required=True)
    on = Day(required=True)
