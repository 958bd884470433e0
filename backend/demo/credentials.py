"""What lets people into the demo: passwords, one-time secrets, invitations, made anew at each load; and demo.json."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from backend.crypto import Vault, token_hash
from backend.demo.township import Township
from backend.local.places import write_privately
from backend.permissions import Role
from backend.rules.accounts import ALPHABET, CODE_LENGTH, INVITATION, printed_code
from backend.rules.assignments import AssignmentRole
from backend.rules.households import ResidenceStatus

FILE = "demo.json"


@dataclass(slots=True, repr=False)
class Credentials:
    """Passwords and one-time secrets by account id, invitation codes by invitation id."""

    passwords: dict[UUID, tuple[str, str]]
    codes: dict[UUID, str]


def make_credentials(township: Township) -> Credentials:
    """Fresh secrets for the console accounts and the members with an invitation."""
    return Credentials(
        {one.id: (secrets.token_urlsafe(12), pyotp.random_base32()) for one in township.accounts.console},
        {
            one.invitation_id: "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
            for one in township.accounts.demo_members
            if not one.bound
        },
    )


async def write_credentials(
    connection: asyncpg.Connection, township: Township, made: Credentials, vault: Vault, now: datetime
) -> None:
    """Give the accounts these passwords and the members these invitations; earlier ones stop working."""
    hasher = PasswordHasher()
    await connection.executemany(
        "UPDATE account SET password_hash = $2, totp_sealed = $3, totp_last_step = NULL WHERE id = $1",
        [
            (account_id, hasher.hash(password), vault.seal(secret, "account", "totp", account_id))
            for account_id, (password, secret) in made.passwords.items()
        ],
    )
    invited = [one for one in township.accounts.demo_members if not one.bound]
    await connection.executemany(
        """INSERT INTO invitation (id, person_id, code_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (id) DO UPDATE SET code_hash = $3, created_at = $4, expires_at = $5, ended_at = NULL""",
        [
            (one.invitation_id, one.person.id, token_hash(made.codes[one.invitation_id]), now, now + INVITATION)
            for one in invited
        ],
    )


async def met_this_month(connection: asyncpg.Connection, until: date) -> set[UUID]:
    """The households with a contact in the month of `until`."""
    found = await connection.fetch(
        "SELECT DISTINCT household_id FROM visit WHERE contact AND occurred_on >= $1", until.replace(day=1)
    )
    return {row["household_id"] for row in found}


def demo_facts(township: Township, made: Credentials, met: set[UUID]) -> dict[str, Any]:
    """What demo.json holds, given who was met this month; whoever serves fills in `base_url` and `standin_url`."""
    first = township.places.villages[0]
    accounts = township.accounts
    return {
        "base_url": None,
        "standin_url": None,
        "until": township.until.isoformat(),
        "township": _place(township.places.township),
        "village": _place(first.region),
        "accounts": [
            {
                "role": one.role,
                "place": str(one.place_id),
                "place_name": one.place_name,
                "account": one.login,
                "password": made.passwords[one.id][0],
                "totp_secret": made.passwords[one.id][1],
            }
            for one in accounts.console
        ],
        "members": [
            {
                "openid": one.openid,
                "role": Role.MEMBER,
                "invite_code": None if one.bound else printed_code(made.codes[one.invitation_id]),
                "branch": str(one.person.branch.id),
                "branch_name": one.person.branch.name,
                "bound": one.bound,
                "person_id": str(one.person.id),
                "household_id": _household_to_visit(township, one.person.index, met),
            }
            for one in accounts.demo_members
        ],
        "gap": _gap(township),
    }


def _place(region: Any) -> dict[str, str]:
    return {"id": str(region.id), "code": region.code, "name": region.name}


def _household_to_visit(township: Township, person: int, met: set[UUID]) -> str | None:
    """A household of theirs at home and without a contact this month: a visit to it moves the figures."""
    mine = [
        township.households[link.household]
        for link in township.links
        if link.person.index == person and link.valid_to is None and link.role is AssignmentRole.PRIMARY
    ]
    at_home = [one for one in mine if one.status is ResidenceStatus.RESIDENT]
    able = [one for one in at_home if one.id not in met] or at_home or mine
    return str(able[0].id) if able else None


def _gap(township: Township) -> dict[str, str] | None:
    """A household of the first village that nobody is linked to, and a member who could be."""
    cell = township.places.villages[0].cells[0]
    linked = {link.household for link in township.links if link.valid_to is None}
    dwelt = {one.home for one in township.people.members if one.left is None}
    for one in township.households:
        free = one.cell == cell.index and one.index not in linked and one.index not in dwelt
        if free and one.status is ResidenceStatus.RESIDENT:
            return {"household_id": str(one.id), "person_id": str(township.accounts.demo_members[0].person.id)}
    return None


def write_facts(run_dir: Path, facts: dict[str, Any]) -> None:
    """Write demo.json in one step, for its owner alone."""
    write_privately(run_dir / FILE, json.dumps(facts, ensure_ascii=False, indent=1))


async def opens_still(connection: asyncpg.Connection, run_dir: Path) -> bool:
    """Whether the passwords of this run directory's demo.json are the ones of this database."""
    try:
        one = json.loads((run_dir / FILE).read_text(encoding="utf-8"))["accounts"][0]
        stored = await connection.fetchval("SELECT password_hash FROM account WHERE login = $1", one["account"])
        return bool(stored) and PasswordHasher().verify(stored, one["password"])
    except (OSError, ValueError, LookupError, TypeError, VerificationError):
        return False
