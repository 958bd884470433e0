"""Who is asking: the session, the person behind it, and the roles of today with their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from uuid import UUID

import orjson

from backend.permissions import VERBS, Role, Verb
from models.database import Record


@dataclass(frozen=True)
class Grant:
    """A role held today at a place: a region or a branch."""

    role: Role
    region_id: UUID | None
    branch_id: UUID | None


@dataclass(frozen=True)
class Places:
    """Where a verb reaches: regions and branches (with all below them), and a person's own links."""

    regions: tuple[UUID, ...]
    branches: tuple[UUID, ...]
    person_id: UUID | None


@dataclass(frozen=True)
class Viewer:
    """The one who asks. Without an account the session can do one thing: bind."""

    session_id: UUID
    identity_id: UUID | None
    account_id: UUID | None
    person_id: UUID | None
    branch_id: UUID | None
    kind: str | None
    grants: tuple[Grant, ...]
    expires_at: datetime
    now: datetime
    today: date
    request_id: str = field(compare=False)

    @cached_property
    def verbs(self) -> frozenset[Verb]:
        return frozenset(verb for role in self.roles for verb in VERBS[role])

    @cached_property
    def roles(self) -> frozenset[Role]:
        """Roles of today. A bound person is a member for as long as the account stands: an ended one keeps the
        right to send what is still on the phone, and has no household to see (docs/rules.md L3)."""
        own = {Role.MEMBER} if self.person_id else set()
        return frozenset({grant.role for grant in self.grants} | own)

    def places(self, verb: Verb) -> Places:
        """Where this verb reaches. Empty when no role holds it: a viewer without a place sees nothing, and neither
        does a person who is no longer in service."""
        held = [grant for grant in self.grants if verb in VERBS[grant.role]]
        return Places(
            tuple(grant.region_id for grant in held if grant.region_id),
            tuple(grant.branch_id for grant in held if grant.branch_id),
            self.person_id if self.branch_id and verb in VERBS[Role.MEMBER] else None,
        )


def viewer_of(row: Record, now: datetime, today: date, request_id: str) -> Viewer:
    """The viewer from the row that `models.accounts.find_viewer` gives."""
    grants = tuple(
        Grant(Role(role), region and UUID(region), branch and UUID(branch))
        for role, region, branch in orjson.loads(row["grants"] or b"[]")
    )
    return Viewer(
        row["session_id"],
        row["identity_id"],
        row["account_id"],
        row["person_id"],
        row["branch_id"],
        row["kind"],
        grants,
        row["expires_at"],
        now,
        today,
        request_id,
    )


@dataclass(frozen=True)
class Caller:
    """Who asks in a `tx="statement"` handler: the token has not been looked up, the statement itself does it."""

    token_hash: bytes
    now: datetime
    request_id: str
