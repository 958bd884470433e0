"""Signing in, binding, roles."""

from __future__ import annotations

from backend.permissions import Role
from schemas.fields import Choice, Day, Id, Text, Wire, fields


class WechatIn(Wire):
    code = Text(200, required=True)


class BindIn(Wire):
    invite_code = Text(40, required=True)


class PasswordIn(Wire):
    account = Text(64, required=True)
    password = Text(200, required=True)
    totp = Text(10, load_default=None, allow_none=True)


class TokenOut(Wire):
    token = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)
    bound = fields.Boolean(required=True)


class PlaceOut(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)


class RoleRow(Wire):
    role = fields.String(required=True)
    place = fields.UUID(required=True, allow_none=True)
    place_name = fields.String(required=True, allow_none=True)


class MeOut(Wire):
    account_id = fields.UUID(required=True)
    person_id = fields.UUID(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
    branch = fields.Nested(PlaceOut, required=True, allow_none=True)
    roles = fields.List(fields.Nested(RoleRow), required=True)
    verbs = fields.List(fields.String(), required=True)
    expires_at = fields.AwareDateTime(required=True)


class InvitationOut(Wire):
    id = fields.UUID(required=True)
    code = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class GrantIn(Wire):
    role = Choice([role for role in Role if role is not Role.MEMBER], required=True)
    place = Id(required=True)
    from_ = Day(data_key="from", required=True)
    to = Day(load_default=None, allow_none=True)


class GrantOut(Wire):
    id = fields.UUID(required=True)
    account_id = fields.UUID(required=True)
    role = fields.String(required=True)
    place = fields.UUID(required=True)
    from_ = fields.Date(data_key="from", required=True)
    to = fields.Date(required=True, allow_none=True)
