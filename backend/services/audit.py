"""Writing the audit beside the write, sealing it into a chain, and proving the chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from backend import problems
from backend.crypto import vault
from backend.http import paging
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules import audit as rules
from backend.rules.audit import Action
from models import audit as entries
from models import database, scope

#: What follows: called with who acts, the subject, and the day from which the change holds.
Follow = Callable[[Viewer | None, UUID | None, date | None], Awaitable[None]]
_consequences: Mapping[Action, Sequence[Follow]] = {}


def install(consequences: Mapping[Action, Sequence[Follow]]) -> None:
    """Give the table of what follows from an action; the application does it once, so nothing imports rightwards."""
    global _consequences
    _consequences = consequences


async def record(
    viewer: Viewer | None,
    action: Action,
    subject_id: UUID | None,
    changed: Sequence[str] = (),
    *,
    reason: str | None = None,
    account_id: UUID | None = None,
    request_id: str | None = None,
    on: date | None = None,
) -> None:
    """Write the audit row and run what follows, both in the current transaction; `on` is the day of a dated change.

    `changed` holds names of fields and `reason` a code: never a value of a person.
    """
    who = account_id or (viewer.account_id if viewer else None)
    await entries.insert(
        who, action, subject_id, changed, reason, request_id or (viewer.request_id if viewer else None)
    )
    for follow in _consequences.get(action, ()):
        await follow(viewer, subject_id, on)


async def record_many(viewer: Viewer, action: Action, changes: Sequence[tuple[UUID, Sequence[str]]]) -> None:
    """Write a row for each of many subjects at once. Only for actions of which nothing follows."""
    assert action not in _consequences
    await entries.insert_many(viewer.account_id, action, changes, viewer.request_id)


async def seal() -> tuple[int, int, str] | None:
    """Seal what is unsealed: (seal number, rows, head of the chain in hex), or None when there is nothing."""
    async with database.transaction():
        head = await entries.last_seal()
        number = head["seal_no"] + 1 if head else 1
        texts = await entries.claim_unsealed(number, rules.SEAL_AT_MOST)
        if not texts:
            return None
        mac = rules.seal_mac(_key(), bytes(head["mac"]) if head else b"", number, texts)
        await entries.insert_seal(number, len(texts), mac)
        return number, len(texts), mac.hex()


async def check() -> list[str]:
    """Walk the chain; returns a sentence for every row that was changed, taken out or put in."""
    found, previous, expected = [], b"", 1
    for link in await entries.list_seals():
        if link["seal_no"] != expected:
            found.append(f"seal {expected} is missing")
        texts = await entries.sealed_texts(link["seal_no"])
        if len(texts) != link["entry_count"]:
            found.append(f"seal {link['seal_no']} covers {link['entry_count']} rows, {len(texts)} are there")
        elif rules.seal_mac(_key(), previous, link["seal_no"], texts) != bytes(link["mac"]):
            found.append(f"seal {link['seal_no']} does not fit its {len(texts)} rows: at least one was changed")
        previous, expected = bytes(link["mac"]), link["seal_no"] + 1
    outside = await entries.count_outside_seals(rules.SEAL_ALARM_MINUTES)
    if outside:
        found.append(f"{outside} audit rows are under no seal although older than {rules.SEAL_ALARM_MINUTES} minutes")
    return found


def _key() -> bytes:
    return vault().mac("audit-key", b"seal")


async def history(viewer: Viewer, household_id: UUID, cursor: str | None, limit: int) -> dict[str, Any]:
    """The audit of a household in scope, of its links, visits and must-visits, newest first."""
    if await scope.access(viewer.places(Verb.AUDIT_READ), household_id, viewer.today) is None:
        raise problems.HouseholdNotFound()
    key = paging.after(cursor, paging.serial)
    rows = await entries.list_about(household_id, key[0] if key else None, limit + 1)
    return paging.page(database.dicts(rows), limit, lambda row: (row["id"],))
