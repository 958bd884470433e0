"""Accounts: who signs in and how, sessions, dated roles, invitations, and what slows guessing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database
from models.database import Record
from models.dated import Dated
from models.people import Person
from models.regions import Branch, Region


class SessionKind(StrEnum):
    PHONE = "phone"
    CONSOLE = "console"


class Account(Model):
    """One who may sign in: bound to a person, or a console account of staff, or both."""

    id = fields.UUIDField(primary_key=True)
    person: fields.OneToOneNullableRelation[Person] = fields.OneToOneField(
        "lianhu.Person", null=True, on_delete=fields.RESTRICT, related_name="account"
    )
    login = fields.CharField(max_length=64, null=True, unique=True)
    password_hash = fields.TextField(null=True)
    totp_sealed = fields.BinaryField(null=True)
    totp_last_step = fields.BigIntField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    disabled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "account"


class WechatIdentity(Model):
    """A WeChat user as the platform names them. Without an account it can do one thing: bind."""

    id = fields.UUIDField(primary_key=True)
    openid_index = fields.BinaryField()  # unique, see migration 0002: Tortoise cannot index bytes
    openid_sealed = fields.BinaryField()
    unionid_sealed = fields.BinaryField(null=True)
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "lianhu.Account", null=True, on_delete=fields.RESTRICT, related_name="identities"
    )
    bound_at = fields.DatetimeField(null=True)

    class Meta:
        table = "wechat_identity"
        indexes = [Index(fields=["account_id"])]


class Session(Model):
    """A token that was given out, by its hash. Revoking is a write that the next request reads."""

    id = fields.UUIDField(primary_key=True)
    token_hash = fields.BinaryField()  # unique, see migration 0002: Tortoise cannot index bytes
    kind = fields.TextField()
    identity: fields.ForeignKeyNullableRelation[WechatIdentity] = fields.ForeignKeyField(
        "lianhu.WechatIdentity", null=True, on_delete=fields.RESTRICT, related_name="sessions"
    )
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "lianhu.Account", null=True, on_delete=fields.RESTRICT, related_name="sessions"
    )
    created_at = fields.DatetimeField(db_default=Now())
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "session"
        indexes = [Index(fields=["identity_id"]), Index(fields=["account_id"])]


class RoleGrant(Dated):
    """A role held at a place (a region or a branch) on dated days."""

    id = fields.UUIDField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "lianhu.Account", on_delete=fields.RESTRICT, related_name="grants"
    )
    role = fields.TextField()
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "lianhu.Region", null=True, on_delete=fields.RESTRICT, related_name="grants"
    )
    branch: fields.ForeignKeyNullableRelation[Branch] = fields.ForeignKeyField(
        "lianhu.Branch", null=True, on_delete=fields.RESTRICT, related_name="grants"
    )
    granted_by = fields.UUIDField(null=True)

    class Meta:
        table = "role_grant"
        indexes = [Index(fields=["account_id"]), Index(fields=["region_id"]), Index(fields=["branch_id"])]


class Invitation(Model):
    """A code by which a person binds their WeChat: at least 60 bits, seven days, one use (docs/rules.md S6)."""

    id = fields.UUIDField(primary_key=True)
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", on_delete=fields.RESTRICT, related_name="invitations"
    )
    code_hash = fields.BinaryField()  # unique, see migration 0002: Tortoise cannot index bytes
    created_by = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "invitation"
        indexes = [Index(fields=["person_id"])]


class SignInFailure(Model):
    """A failed attempt, under the keyed hash of account + network; counted to slow guessing."""

    id = fields.BigIntField(primary_key=True)
    key = fields.BinaryField()
    at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "sign_in_failure"
        indexes = [Index(fields=["key", "at"])]


class WechatToken(Model):
    """The access token of an app, kept here for the time when Redis is gone."""

    id = fields.BigIntField(primary_key=True)
    appid = fields.CharField(max_length=64, unique=True)
    token_sealed = fields.BinaryField(null=True)
    expires_at = fields.DatetimeField(null=True)
    forced_at = fields.DatetimeField(null=True)

    class Meta:
        table = "wechat_token"


# One statement answers who is asking: session, account, person in service, and the roles of today as JSON.
VIEWER = """
SELECT s.id AS session_id, s.identity_id, s.account_id, s.expires_at, a.person_id, m.branch_id, m.kind,
       (SELECT json_agg(json_build_array(g.role, g.region_id, g.branch_id)) FROM role_grant g
        WHERE g.account_id = a.id AND g.during @> $2::date)::text AS grants
FROM session s LEFT JOIN account a ON a.id = s.account_id
LEFT JOIN membership m ON m.person_id = a.person_id AND m.during @> $2::date
WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL"""


# The same for an account whose work goes on without a session: a run that somebody asked for.
VIEWER_OF_ACCOUNT = (
    VIEWER.replace(
        "SELECT s.id AS session_id, s.identity_id, s.account_id, s.expires_at",
        "SELECT a.id AS session_id, NULL::uuid AS identity_id, a.id AS account_id, 'infinity'::timestamptz AS expires_at",
    )
    .replace("FROM session s LEFT JOIN account a ON a.id = s.account_id", "FROM account a")
    .replace("s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > now()", "a.id = $1")
)


async def find_viewer_of_account(account_id: UUID, today: date) -> Record | None:
    """An account that is not disabled, with its person and the roles of today."""
    return await database.fetch_row(VIEWER_OF_ACCOUNT, account_id, today)


async def find_viewer(token_hash: bytes, today: date) -> Record | None:
    """The session of a token, if it is in force, with its account, person and roles."""
    return await database.fetch_row(VIEWER, token_hash, today)


async def insert_session(
    session_id: UUID,
    token_hash: bytes,
    kind: SessionKind,
    identity_id: UUID | None,
    account_id: UUID | None,
    expires_at: datetime,
) -> None:
    """Store a session by the hash of its token."""
    await database.execute(
        """INSERT INTO session (id, token_hash, kind, identity_id, account_id, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        session_id,
        token_hash,
        kind,
        identity_id,
        account_id,
        expires_at,
    )


async def revoke_session(session_id: UUID) -> None:
    """End one session."""
    await database.execute("UPDATE session SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL", session_id)


async def revoke_sessions_of(account_id: UUID | None, identity_id: UUID | None) -> int:
    """End all sessions of an account or of a WeChat identity; returns how many there were."""
    return await database.execute(
        "UPDATE session SET revoked_at = now() WHERE revoked_at IS NULL AND (account_id = $1 OR identity_id = $2)",
        account_id,
        identity_id,
    )


async def upsert_identity(identity_id: UUID, index: bytes, sealed: bytes, unionid_sealed: bytes | None) -> Record:
    """The identity of an openid, made when it is new. Returns id and account_id."""
    row = await database.fetch_row(
        """WITH made AS (
             INSERT INTO wechat_identity (id, openid_index, openid_sealed, unionid_sealed) VALUES ($1, $2, $3, $4)
             ON CONFLICT (openid_index) DO NOTHING RETURNING id, account_id)
           SELECT id, account_id FROM made UNION ALL SELECT id, account_id FROM wechat_identity WHERE openid_index = $2""",
        identity_id,
        index,
        sealed,
        unionid_sealed,
    )
    if row is None:  # another request inserted it after this statement's snapshot: it is visible to the next one
        row = await database.fetch_row("SELECT id, account_id FROM wechat_identity WHERE openid_index = $1", index)
    assert row is not None
    return row


async def find_account_by_login(login: str) -> Record | None:
    """The sign-in data of a console account."""
    return await database.fetch_row(
        "SELECT id, password_hash, totp_sealed, totp_last_step, disabled_at FROM account WHERE login = $1", login
    )


async def use_totp_step(account_id: UUID, step: int) -> bool:
    """Mark a TOTP time step as used; False when it, or a later one, was used before: a code works once."""
    touched = await database.execute(
        "UPDATE account SET totp_last_step = $2 WHERE id = $1 AND coalesce(totp_last_step, 0) < $2", account_id, step
    )
    return touched == 1


async def set_password_hash(account_id: UUID, password_hash: str) -> None:
    """Replace the hash of a password, for example when its parameters were raised."""
    await database.execute("UPDATE account SET password_hash = $2 WHERE id = $1", account_id, password_hash)


async def set_totp(account_id: UUID, totp_sealed: bytes) -> None:
    """Replace the secret of the one-time codes."""
    await database.execute(
        "UPDATE account SET totp_sealed = $2, totp_last_step = NULL WHERE id = $1", account_id, totp_sealed
    )


async def insert_account(
    account_id: UUID, person_id: UUID | None, login: str | None, password_hash: str | None, totp_sealed: bytes | None
) -> bool:
    """Make an account; False when the login or the person has one already."""
    return (
        await database.execute(
            """INSERT INTO account (id, person_id, login, password_hash, totp_sealed) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT DO NOTHING""",
            account_id,
            person_id,
            login,
            password_hash,
            totp_sealed,
        )
        == 1
    )


async def account_of_person(person_id: UUID, fresh_id: UUID) -> UUID:
    """The account of a person, made when there is none; the row is locked until the transaction ends."""
    await insert_account(fresh_id, person_id, None, None, None)
    return UUID(
        str(await database.fetch_value("SELECT id FROM account WHERE person_id = $1 FOR NO KEY UPDATE", person_id))
    )


async def bind_identity(identity_id: UUID, account_id: UUID) -> None:
    """Bind a WeChat identity to an account; other identities of the account are released."""
    await database.execute(
        "UPDATE wechat_identity SET account_id = NULL, bound_at = NULL WHERE account_id = $1 AND id <> $2",
        account_id,
        identity_id,
    )
    await database.execute(
        "UPDATE wechat_identity SET account_id = $2, bound_at = now() WHERE id = $1", identity_id, account_id
    )


async def insert_invitation(
    invitation_id: UUID, person_id: UUID, code_hash: bytes, created_by: UUID | None, expires_at: datetime
) -> None:
    """Store an invitation; earlier ones of the person end with it."""
    await database.execute(
        "UPDATE invitation SET ended_at = now() WHERE person_id = $1 AND ended_at IS NULL", person_id
    )
    await database.execute(
        "INSERT INTO invitation (id, person_id, code_hash, created_by, expires_at) VALUES ($1, $2, $3, $4, $5)",
        invitation_id,
        person_id,
        code_hash,
        created_by,
        expires_at,
    )


async def use_invitation(code_hash: bytes) -> Record | None:
    """End an invitation in force and return whom it is for; a code works once, also when sent twice at once."""
    return await database.fetch_row(
        """UPDATE invitation SET ended_at = now()
           WHERE code_hash = $1 AND ended_at IS NULL AND expires_at > now() RETURNING id, person_id""",
        code_hash,
    )


async def find_account(account_id: UUID) -> Record | None:
    """Whether an account exists, and whose it is."""
    return await database.fetch_row("SELECT id, person_id, login FROM account WHERE id = $1", account_id)


async def insert_grant(
    grant_id: UUID,
    account_id: UUID,
    role: str,
    region_id: UUID | None,
    branch_id: UUID | None,
    valid_from: date,
    valid_to: date | None,
    granted_by: UUID | None,
) -> None:
    """Grant a role at a place."""
    await database.execute(
        """INSERT INTO role_grant (id, account_id, role, region_id, branch_id, valid_from, valid_to, granted_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        grant_id,
        account_id,
        role,
        region_id,
        branch_id,
        valid_from,
        valid_to,
        granted_by,
    )


async def secretaries_of(branch_ids: Sequence[UUID], today: date) -> dict[UUID, list[UUID]]:
    """The accounts that are secretary of each of these branches today, or of one above it."""
    rows = await database.fetch(
        """SELECT b.id AS branch_id, g.account_id FROM branch b
           JOIN role_grant g ON g.role = 'branch_secretary' AND g.branch_id = ANY (b.path) AND g.during @> $2::date
           JOIN account a ON a.id = g.account_id AND a.disabled_at IS NULL
           WHERE b.id = ANY ($1::uuid[]) ORDER BY b.id, g.account_id""",
        list(branch_ids),
        today,
    )
    found: dict[UUID, list[UUID]] = {}
    for row in rows:
        found.setdefault(row["branch_id"], []).append(row["account_id"])
    return found


async def count_failures(keys: list[bytes], since: datetime) -> tuple[int, datetime | None]:
    """How often signing in failed under any of these keys since a moment, and when it last did.

    Attempts under one key queue until the transaction ends, or a hundred guesses at once would all be the first.
    """
    for key in sorted(keys):
        await database.execute("SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), 0))", key)
    row = await database.fetch_row(
        """SELECT coalesce(max(n), 0) AS n, max(last) AS last FROM (
             SELECT count(*) AS n, max(at) AS last FROM sign_in_failure WHERE key = ANY ($1::bytea[]) AND at > $2
             GROUP BY key) counted""",
        keys,
        since,
    )
    assert row is not None
    return row["n"], row["last"]


async def insert_failures(keys: list[bytes]) -> None:
    """Count a failed attempt under each key."""
    await database.execute("INSERT INTO sign_in_failure (key) SELECT unnest($1::bytea[])", keys)


async def delete_failures(keys: list[bytes] | None, before: datetime | None) -> None:
    """Forget failures of these keys (after a success), or those older than a moment (nightly)."""
    await database.execute("DELETE FROM sign_in_failure WHERE key = ANY ($1::bytea[]) OR at < $2", keys or [], before)


@asynccontextmanager
async def wechat_token_row(appid: str) -> AsyncIterator[Record]:
    """The token row of an app, locked until the block ends: one refresher for the whole cluster."""
    async with database.transaction():
        await database.execute("INSERT INTO wechat_token (appid) VALUES ($1) ON CONFLICT (appid) DO NOTHING", appid)
        row = await database.fetch_row(
            "SELECT token_sealed, expires_at, forced_at FROM wechat_token WHERE appid = $1 FOR UPDATE", appid
        )
        assert row is not None
        yield row


async def set_wechat_token(appid: str, token_sealed: bytes, expires_at: datetime, forced_at: datetime | None) -> None:
    """Store a fresh token; call inside the block of `wechat_token_row`."""
    await database.execute(
        "UPDATE wechat_token SET token_sealed = $2, expires_at = $3, forced_at = $4 WHERE appid = $1",
        appid,
        token_sealed,
        expires_at,
        forced_at,
    )
