"""Signing in, binding, inviting, and granting roles (docs/rules.md S2, S5, S6)."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import argon2
import pyotp

from backend import permissions, problems
from backend.crypto import token_hash, vault
from backend.gateways import wechat as gateway
from backend.http.viewer import Viewer
from backend.permissions import Role, Verb
from backend.rules import accounts as rules
from backend.rules.audit import Action
from backend.services import audit
from backend.settings import CHINA
from models import accounts, database, people, regions, scope
from models.accounts import SessionKind

_hasher = argon2.PasswordHasher()


@functools.cache
def _nobody() -> str:
    """What is verified when the account is unknown, so that the answer takes as long as for a known one."""
    return _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class Asking:
    """Somebody without a session: when and from which network."""

    now: datetime
    network: str
    request_id: str


def network_of(address: str) -> str:
    """The network of an address as guessing is counted: /24 of IPv4 (also of IPv4 as an IPv6 socket shows it), /64 of IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 64}", strict=False))


async def ask_wechat(wechat: gateway.WeChat, code: str) -> gateway.WeChatLogin:
    """Exchange a login code at the platform; its errors become problems."""
    try:
        return await wechat.code2session(code)
    except gateway.CodeInvalid:
        raise problems.WechatCodeInvalid() from None
    except gateway.UserBlocked:
        raise problems.WechatBlocked() from None
    except gateway.TooFrequent:
        raise problems.TooMany(retry_after=60, seconds=60) from None
    except gateway.WeChatError:
        raise problems.WechatUnavailable(retry_after=10) from None


async def sign_in_with_wechat(asking: Asking, login: gateway.WeChatLogin) -> dict[str, Any]:
    """Open a session for a WeChat user; an unbound one may do nothing but bind."""
    fresh = uuid4()
    union = login.unionid and vault().seal(login.unionid, "wechat_identity", "unionid", fresh)
    identity = await accounts.upsert_identity(
        fresh,
        vault().mac("openid", login.openid.encode()),
        vault().seal(login.openid, "wechat_identity", "openid", fresh),
        union or None,
    )
    return await _open(SessionKind.PHONE, identity["id"], identity["account_id"], asking.now, asking.request_id)


async def _open(
    kind: SessionKind, identity_id: UUID | None, account_id: UUID | None, now: datetime, request_id: str
) -> dict[str, Any]:
    token, session_id = secrets.token_urlsafe(32), uuid4()
    if account_id is None:
        lasts = rules.UNBOUND_SESSION
    else:
        lasts = rules.PHONE_SESSION if kind is SessionKind.PHONE else rules.CONSOLE_SESSION
    expires_at = now + lasts
    await accounts.insert_session(session_id, token_hash(token), kind, identity_id, account_id, expires_at)
    await audit.record(None, Action.SESSION_OPEN, session_id, account_id=account_id, request_id=request_id)
    return {"token": token, "expires_at": expires_at, "bound": account_id is not None}


async def bind(viewer: Viewer, asking: Asking, invite_code: str) -> dict[str, Any] | problems.Problem:
    """Bind the WeChat identity of this session to the invited person; returns a new token.

    A wrong code is counted and answered, not raised, so that the count stays.
    """
    if viewer.account_id is not None or viewer.identity_id is None:
        raise problems.IdentityBound()
    keys = [attempt_key("bind", str(viewer.identity_id), asking.network)]
    refusal = await _must_wait(keys, asking.now)
    if refusal:
        return refusal
    used = await accounts.use_invitation(token_hash(rules.normalised_code(invite_code)))
    if used is None:
        await accounts.insert_failures(keys)
        await audit.record(viewer, Action.SESSION_REFUSE, viewer.identity_id, reason="invitation")
        return problems.InvitationInvalid()
    if await people.find_in_service(used["person_id"], viewer.today) is None:
        raise problems.InvitationInvalid()
    account_id = await accounts.account_of_person(used["person_id"], uuid4())
    await accounts.bind_identity(viewer.identity_id, account_id)
    await accounts.delete_failures(keys, None)
    # The old sessions of the account and of this identity end as a consequence of the binding.
    await audit.record(viewer, Action.ACCOUNT_BIND, account_id, ["identity"], account_id=account_id)
    return await _open(SessionKind.PHONE, viewer.identity_id, account_id, viewer.now, viewer.request_id)


async def end_sessions_after_binding(viewer: Viewer | None, account_id: UUID | None, on: date | None) -> None:
    """A new binding ends the old sessions (consequence of account.bind)."""
    await accounts.revoke_sessions_of(account_id, viewer.identity_id if viewer else None)


async def sign_in_with_password(
    asking: Asking, account: str, password: str, totp: str | None
) -> dict[str, Any] | problems.Problem:
    """Console sign-in. Unknown account, wrong password and wrong code give one answer after one length of time."""
    keys = [attempt_key("password", account.casefold(), asking.network)]
    refusal = await _must_wait(keys, asking.now)
    if refusal:
        return refusal
    found = await accounts.find_account_by_login(account.casefold())
    known_hash = found["password_hash"] if found and not found["disabled_at"] else None
    right = await asyncio.to_thread(_verify, known_hash, password)
    if found is None or not right or not await _totp_right(found["id"], found["totp_sealed"], totp, asking.now):
        await accounts.insert_failures(keys)
        await audit.record(None, Action.SESSION_REFUSE, found["id"] if found else None, request_id=asking.request_id)
        return problems.SignInFailed()
    await accounts.delete_failures(keys, None)
    if _hasher.check_needs_rehash(found["password_hash"]):
        await accounts.set_password_hash(found["id"], await asyncio.to_thread(_hasher.hash, password))
    return await _open(SessionKind.CONSOLE, None, found["id"], asking.now, asking.request_id)


def _verify(password_hash: str | None, password: str) -> bool:
    try:
        return _hasher.verify(password_hash or _nobody(), password) and password_hash is not None
    except argon2.exceptions.VerificationError:
        return False


async def _totp_right(account_id: UUID, sealed: bytes | None, totp: str | None, now: datetime) -> bool:
    """Whether a code is right for one of the three time steps around now, and was not used before."""
    if sealed is None or totp is None:
        return False
    code = pyotp.TOTP(vault().open(bytes(sealed), "account", "totp", account_id))
    step = int(now.timestamp()) // code.interval
    for near in (step, step - 1, step + 1):
        # As bytes, because it raises for text that is not ASCII, such as full-width digits.
        if secrets.compare_digest(code.generate_otp(near).encode(), totp.encode()):
            return await accounts.use_totp_step(account_id, near)
    return False


def attempt_key(*parts: str) -> bytes:
    """Under what attempts are counted: a keyed hash, so that no network stands in a table."""
    return vault().mac("failure", "\n".join(parts).encode())


async def seconds_to_wait(keys: list[bytes], now: datetime) -> int:
    """How long whoever stands behind these keys must wait before the next attempt; 0 for not at all."""
    failures, last = await accounts.count_failures(keys, now - rules.FAILURE_WINDOW)
    wait = rules.wait_before_next(failures, last, now)
    return int(wait.total_seconds()) + 1 if wait else 0


async def _must_wait(keys: list[bytes], now: datetime) -> problems.Problem | None:
    seconds = await seconds_to_wait(keys, now)
    return problems.SignInWait(retry_after=seconds, seconds=seconds) if seconds else None


async def sign_out(viewer: Viewer) -> None:
    """End this session."""
    await accounts.revoke_session(viewer.session_id)
    await audit.record(viewer, Action.SESSION_CLOSE, viewer.session_id)


async def me(viewer: Viewer) -> dict[str, Any]:
    """Who is signed in: the person, the branch, roles with their places, and the verbs they may use."""
    person = await people.find_person(viewer.person_id) if viewer.person_id else None
    branch = await regions.find_branch(viewer.branch_id) if viewer.branch_id else None
    roles: list[dict[str, Any]] = (
        [{"role": str(Role.MEMBER), "place": None, "place_name": None}] if viewer.person_id else []
    )
    for grant in viewer.grants:
        place = grant.region_id or grant.branch_id
        assert place is not None
        roles.append({"role": str(grant.role), "place": place, "place_name": await regions.place_name(place)})
    return {
        "account_id": viewer.account_id,
        "person_id": viewer.person_id,
        "name": person and vault().open(bytes(person["name_sealed"]), "person", "name", person["id"]),
        "branch": branch and {"id": branch["id"], "name": branch["name"]},
        "roles": roles,
        "verbs": sorted(viewer.verbs),
        "expires_at": viewer.expires_at.astimezone(CHINA),
    }


async def invite(viewer: Viewer, person_id: UUID) -> dict[str, Any]:
    """A new invitation for a person in scope; an earlier one ends. The code is shown once and stored as a hash."""
    if not await _person_in_scope(viewer, person_id, Verb.PERSON_INVITE):
        raise problems.PersonNotFound()
    code = "".join(secrets.choice(rules.ALPHABET) for _ in range(rules.CODE_LENGTH))
    expires_at = viewer.now + rules.INVITATION
    invitation_id = uuid4()
    await accounts.insert_invitation(invitation_id, person_id, token_hash(code), viewer.account_id, expires_at)
    await audit.record(viewer, Action.PERSON_INVITE, person_id)
    return {"id": invitation_id, "code": rules.printed_code(code), "expires_at": expires_at}


async def _person_in_scope(viewer: Viewer, person_id: UUID, verb: Verb) -> bool:
    branches = await scope.branch_ids(viewer.places(verb), viewer.today)
    return await scope.people_in_branches(branches, person_id, viewer.today)


async def grant_role(
    viewer: Viewer, account_id: UUID, role: Role, place: UUID, start: date, until: date | None
) -> dict[str, Any]:
    """Grant a role at a place: below one's own role, inside one's own place, never to oneself (docs/rules.md S2)."""
    if until is not None and until < start:
        raise problems.Invalid(errors={"to": ["结束日期不能早于开始日期"]})
    account = await accounts.find_account(account_id)
    if account is None or not await _account_in_scope(viewer, account):
        raise problems.AccountNotFound()
    at_branch = role in permissions.HELD_AT_BRANCH
    target = await (regions.find_branch(place) if at_branch else regions.find_region_by_id(place))
    if target is None:
        raise problems.PlaceUnfit(kind="支部" if at_branch else "地区")
    path = set(target["region_path"] if at_branch else target["path"])
    granted = any(
        role in permissions.GRANTS.get(own.role, ()) and own.region_id in path
        for own in viewer.grants
        if own.region_id is not None
    )
    if not granted or account_id == viewer.account_id:
        raise problems.GrantRefused()
    grant_id = uuid4()
    region_id, branch_id = (None, place) if at_branch else (place, None)
    await accounts.insert_grant(grant_id, account_id, role, region_id, branch_id, start, until, viewer.account_id)
    await audit.record(viewer, Action.ROLE_GRANT, account_id, [str(role)])
    return {"id": grant_id, "account_id": account_id, "role": str(role), "place": place, "from_": start, "to": until}


async def _account_in_scope(viewer: Viewer, account: database.Record) -> bool:
    """An account belongs to where its person serves; one without a person, to whoever may grant at all."""
    if account["person_id"] is None:
        return True
    return await _person_in_scope(viewer, account["person_id"], Verb.ROLE_GRANT)


async def create_console_account(
    login: str,
    role: Role,
    place: UUID,
    at_branch: bool,
    today: date,
    *,
    person_id: UUID | None = None,
    viewer: Viewer | None = None,
) -> tuple[UUID, str, str]:
    """Make a console account with a role, by the operator, or by a viewer who may grant it.

    Returns (account id, password, TOTP secret), shown once. Raises Conflict when the login or the person has one.
    """
    account_id, password, totp = uuid4(), secrets.token_urlsafe(12), pyotp.random_base32()
    sealed = vault().seal(totp, "account", "totp", account_id)
    if not await accounts.insert_account(account_id, person_id, login.casefold(), _hasher.hash(password), sealed):
        raise problems.Conflict()
    await audit.record(viewer, Action.ACCOUNT_CREATE, account_id, [str(role)])
    granted_by = viewer.account_id if viewer else None
    await accounts.insert_grant(
        uuid4(), account_id, role, None if at_branch else place, place if at_branch else None, today, None, granted_by
    )
    await audit.record(viewer, Action.ROLE_GRANT, account_id, [str(role)])
    return account_id, password, totp


async def reset_console_account(login: str) -> tuple[str, str] | None:
    """A new password and TOTP secret for an account, shown once; its sessions end. None when there is no such account."""
    found = await accounts.find_account_by_login(login.casefold())
    if found is None:
        return None
    password, totp = secrets.token_urlsafe(12), pyotp.random_base32()
    await accounts.set_password_hash(found["id"], _hasher.hash(password))
    await accounts.set_totp(found["id"], vault().seal(totp, "account", "totp", found["id"]))
    await accounts.revoke_sessions_of(found["id"], None)
    await audit.record(None, Action.ACCOUNT_RESET, found["id"], ["password", "totp"])
    return password, totp


def limit_key(asking: Asking) -> str:
    """The network of somebody without a session, in a form that may stand in Redis."""
    return hashlib.sha256(asking.network.encode()).hexdigest()[:24]
