"""Reading the roster of people. Never in order of a figure: the order is that of ids (docs/rules.md P2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from backend import problems
from backend.crypto import vault
from backend.http import paging
from backend.http.viewer import Viewer
from backend.permissions import Verb
from models import people, scope


async def list_people(viewer: Viewer, branch_id: UUID | None, cursor: str | None, limit: int) -> dict[str, Any]:
    """People in service of the branches in scope, with exemption class and number of households (`load`)."""
    branches = await scope.branch_ids(viewer.places(Verb.PERSON_READ), viewer.today)
    if branch_id is not None:
        if branch_id not in branches:
            raise problems.BranchNotFound()
        branches = [branch_id]
    after = paging.after(cursor, UUID)
    rows = await people.list_people(branches, viewer.today, after[0] if after else None, limit + 1)
    shown = [
        {**row, "name": vault().open(bytes(row["name_sealed"]), "person", "name", row["id"])} for row in map(dict, rows)
    ]
    return paging.page(shown, limit, lambda row: (row["id"],))
