"""Signing in and out, binding, inviting, granting roles."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.gateways.wechat import WeChatLogin
from backend.http.endpoint import Answer, endpoint, request_id_of
from backend.http.viewer import Viewer
from backend.permissions import Role, Verb
from backend.services import accounts
from backend.services.accounts import Asking
from schemas.accounts import BindIn, GrantIn, GrantOut, InvitationOut, MeOut, PasswordIn, TokenOut, WechatIn

blueprint = Blueprint("accounts")
#: Attempts a minute from one network, whatever they are; the count of failures in PostgreSQL comes on top.
ATTEMPTS, MINUTE = 120, 60


def asking_of(request: Request) -> Asking:
    """Who asks without a session: when, and from which network."""
    address = request.remote_addr or request.ip or ""
    return Asking(request.app.ctx.clock(), accounts.network_of(address), request_id_of(request))


async def slow_down(request: Request, name: str) -> None:
    """A first net in Redis against floods of one kind; with Redis gone it lets everybody pass to the count in PostgreSQL."""
    wait = await request.app.ctx.cache.allow(name, accounts.limit_key(asking_of(request)), ATTEMPTS, MINUTE)
    if wait:
        raise problems.TooMany(retry_after=wait, seconds=wait)


async def _ask_wechat(request: Request, body: dict[str, Any]) -> WeChatLogin:
    await slow_down(request, "sign-in")
    return await accounts.ask_wechat(request.app.ctx.wechat, body["code"])


async def _only_slow_down(request: Request, body: dict[str, Any]) -> None:
    await slow_down(request, "sign-in")


@blueprint.post("/auth/wechat")
@endpoint(
    may="anybody",
    body=WechatIn,
    answer=TokenOut,
    tx="write",
    prepare=_ask_wechat,
    raises=(problems.WechatCodeInvalid, problems.WechatBlocked, problems.WechatUnavailable, problems.TooMany),
)
async def sign_in_with_wechat(_: None, request: Request, *, body: dict[str, Any], prepared: WeChatLogin) -> Any:
    """Sign in with the code of wx.login.

    `bound: false` means that this WeChat is nobody yet: its token can do one thing, POST /auth/wechat/bind.
    """
    return await accounts.sign_in_with_wechat(asking_of(request), prepared)


@blueprint.post("/auth/wechat/bind")
@endpoint(
    may="identity",
    body=BindIn,
    answer=TokenOut,
    tx="write",
    prepare=_only_slow_down,
    raises=(problems.InvitationInvalid, problems.IdentityBound, problems.SignInWait, problems.TooMany),
)
async def bind(viewer: Viewer, request: Request, *, body: dict[str, Any], prepared: None) -> Any:
    """Bind this WeChat to the person who was invited; old sessions end, the answer holds a new token."""
    return await accounts.bind(viewer, asking_of(request), body["invite_code"])


@blueprint.post("/auth/password")
@endpoint(
    may="anybody",
    body=PasswordIn,
    answer=TokenOut,
    tx="write",
    prepare=_only_slow_down,
    raises=(problems.SignInFailed, problems.SignInWait, problems.TooMany),
)
async def sign_in_with_password(_: None, request: Request, *, body: dict[str, Any], prepared: None) -> Any:
    """Sign in to the console with password and one-time code."""
    return await accounts.sign_in_with_password(asking_of(request), body["account"], body["password"], body["totp"])


@blueprint.delete("/auth/session")
@endpoint(may="identity", tx="write", statuses=(204,))
async def sign_out(viewer: Viewer, request: Request) -> Answer:
    """Sign out; the token is worthless from now on."""
    await accounts.sign_out(viewer)
    return Answer(None, 204)


@blueprint.get("/me")
@endpoint(may="signed_in", answer=MeOut)
async def me(viewer: Viewer, request: Request) -> Any:
    """Who is signed in, with which roles, and what they may do."""
    return await accounts.me(viewer)


@blueprint.post("/people/<person_id>/invitations")
@endpoint(may=Verb.PERSON_INVITE, answer=InvitationOut, tx="write", statuses=(201,), raises=(problems.PersonNotFound,))
async def invite(viewer: Viewer, request: Request, *, person_id: UUID) -> Answer:
    """A new invitation code for a person of one's own branches, shown once; an earlier one ends."""
    return Answer(await accounts.invite(viewer, person_id), 201)


@blueprint.post("/accounts/<account_id>/roles")
@endpoint(
    may=Verb.ROLE_GRANT,
    body=GrantIn,
    answer=GrantOut,
    tx="write",
    statuses=(201,),
    raises=(problems.AccountNotFound, problems.GrantRefused, problems.PlaceUnfit),
)
async def grant_role(viewer: Viewer, request: Request, *, account_id: UUID, body: dict[str, Any]) -> Answer:
    """Grant a role at a place: lower than one's own, inside one's own place, never to oneself."""
    made = await accounts.grant_role(viewer, account_id, Role(body["role"]), body["place"], body["from_"], body["to"])
    return Answer(made, 201)
