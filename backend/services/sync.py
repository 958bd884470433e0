"""The phone's copy of one's own households: everything, or what changed since the cursor (docs/rules.md Y1, Y2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from backend.crypto import Unreadable, vault
from backend.http.viewer import Viewer
from backend.rules import sync as rules
from backend.rules.obligations import Due, state_of
from backend.rules.sync import Cursor, Owed
from backend.rules.visits import SEND_ONLY_DAYS
from backend.settings import CHINA
from models import database, people, sync


async def synchronise(viewer: Viewer, sent: str | None, limit: int) -> dict[str, Any]:
    """One page of what a phone has to put into its copy.

    The horizon is read before everything else: what is committed in between may be told twice, never not at all.
    """
    today, branch = viewer.today, viewer.branch_id
    ground = await sync.ground(branch, today)
    before = _opened(viewer, sent)
    if before is not None and not before.is_remembered(ground["epoch"], today):
        before = None
    # Who is in no branch has no household; each answer then says so again, and nothing else.
    goes_on = (
        before is not None and branch is not None and before.goes_on(ground["epoch"], today, ground["trees"], branch)
    )
    known = before if goes_on else None
    next_page = known is not None and known.after is not None
    since = known.known if known else None
    after = known.after if known else None
    horizon: int = known.horizon if known and next_page else ground["horizon"]

    chosen = []
    if viewer.person_id and branch:
        chosen = await sync.changed(viewer.person_id, today, since, after, limit + 1)
    more = len(chosen) > limit
    shown, owed = await _households(viewer, chosen[:limit])
    colleagues = None
    if known is None or known.colleagues != ground["colleagues"]:
        colleagues = await _colleagues(viewer)
    cursor = Cursor(
        ground["epoch"],
        horizon,
        today,
        ground["trees"],
        branch,
        ground["colleagues"],
        since if more else None,
        chosen[limit - 1]["id"] if more else None,
    )
    return {
        "households": shown,
        "revoked": [] if next_page else await _revoked(viewer, before),
        "obligations": owed,
        "colleagues": colleagues,
        "server_time": viewer.now.astimezone(CHINA),
        "cursor": _sealed(viewer, cursor),
        "full": known is None,
        "more": more,
    }


def _whose(viewer: Viewer) -> UUID:
    """To whom a cursor belongs: sealed for them, it opens for nobody else."""
    owner = viewer.person_id or viewer.account_id
    assert owner is not None
    return owner


def _sealed(viewer: Viewer, cursor: Cursor) -> str:
    sealed = vault().seal(cursor.text(), "sync", "cursor", _whose(viewer))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _opened(viewer: Viewer, sent: str | None) -> Cursor | None:
    """The cursor that we gave to this person; None for anything else, which is answered in full."""
    if sent is None:
        return None
    try:
        sealed = base64.b64decode(sent + "=" * (-len(sent) % 4), altchars=b"-_", validate=True)
        return Cursor.parse(vault().open(sealed, "sync", "cursor", _whose(viewer))) if sealed else None
    except (binascii.Error, ValueError, Unreadable):
        return None


async def _households(
    viewer: Viewer, chosen: Sequence[database.Record]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Households as their member sees them, and the must-visits that are this member's task."""
    if not chosen:
        return [], []
    today = viewer.today
    roles = {row["id"]: row["role"] for row in chosen}
    rows = await sync.households(list(roles), today)
    mine = {row["id"]: rules.is_mine(roles[row["id"]], row["led"]) for row in rows}
    must_visits = await sync.must_visits([one for one, is_mine in mine.items() if is_mine], today)
    owed: dict[UUID, list[Owed]] = {}
    for row in must_visits:
        owed.setdefault(row["household_id"], []).append(Owed(row["due_on"], row["kind"]))
    shown = []
    for row in rows:
        regular = Owed(row["due_on"], row["due_kind"]) if row["due_on"] and mine[row["id"]] else None
        first = rules.first_of(owed.get(row["id"], ()), regular)
        shown.append(
            {
                **row,
                "head_name": vault().open(bytes(row["head_sealed"]), "household", "head", row["id"]),
                "group": row["group_name"],
                "micro_grid": row["micro_grid_id"] and {"id": row["micro_grid_id"], "name": row["micro_grid_name"]},
                "role": roles[row["id"]],
                "state": state_of(first.due_on, today).due if first else Due.OK,
                "due_on": first.due_on if first else None,
                "due_kind": first.kind if first else None,
            }
        )
    return shown, [{**row, "state": state_of(row["due_on"], today).due} for row in must_visits]


async def _revoked(viewer: Viewer, before: Cursor | None) -> list[dict[str, Any]]:
    """What is no longer this person's: since the cursor; after leaving, everything, for as long as visits may come."""
    if viewer.person_id is None:
        return []
    rows: list[database.Record] = []
    if viewer.branch_id is None:
        left_on = await people.left_on(viewer.person_id, viewer.today)
        if left_on is not None and (viewer.today - left_on).days <= SEND_ONLY_DAYS:
            rows = await sync.revoked_by_leaving(viewer.person_id, left_on)
    elif before is not None and before.known is not None:
        rows = await sync.revoked(viewer.person_id, viewer.today, before.known, before.day)
    return [{**row, "on": row["ended_on"], "reason": row["reason"] or "other"} for row in rows]


async def _colleagues(viewer: Viewer) -> list[dict[str, Any]]:
    """Who may be named as a companion: the others in service of one's branch (docs/rules.md V9)."""
    if viewer.branch_id is None:
        return []
    rows = await sync.colleagues(viewer.branch_id, viewer.today)
    return [
        {"id": row["id"], "name": vault().open(bytes(row["name_sealed"]), "person", "name", row["id"])}
        for row in rows
        if row["id"] != viewer.person_id
    ]


async def new_epoch() -> None:
    """After a restore: what phones know may never have been, so each of them starts anew."""
    async with database.transaction():
        await sync.new_epoch()
