"""Reading the tree of regions and the branches."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from backend import problems
from backend.http import paging
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules.audit import Action
from backend.rules.regions import Level
from backend.services import audit
from models import database, regions, scope
from models.regions import Region


async def add_region(level: Level, code: str, name: str, parent_code: str | None, today: date) -> UUID:
    """Add a region below another, by the operator. Raises RegionNotFound (no such parent) or Conflict (code taken)."""
    parent = await regions.find_region(parent_code, today) if parent_code else None
    if parent_code and parent is None:
        raise problems.RegionNotFound()
    if await regions.find_region(code, today):
        raise problems.Conflict()
    region_id = uuid4()
    await Region.create(
        id=region_id,
        parent_id=parent["id"] if parent else None,
        level=level,
        code=code,
        name=name,
        path=[*(parent["path"] if parent else []), region_id],
        predecessors=[],
        valid_from=today,
    )
    await audit.record(None, Action.REGION_CREATE, region_id)
    return region_id


async def list_regions(viewer: Viewer, parent: UUID | None, cursor: str | None, limit: int) -> dict[str, Any]:
    """The children of a region in code order, as far as they lie in, or lead to, the viewer's places."""
    roots = await scope.region_roots(viewer.places(Verb.REGION_READ), viewer.today)
    after = paging.after(cursor, str, UUID)
    rows = await regions.list_children(parent, roots, viewer.today, after, limit + 1)
    return paging.page(database.dicts(rows), limit, lambda row: (row["code"] or "", row["id"]))


async def get_region(viewer: Viewer, region_id: UUID) -> dict[str, Any]:
    """A region that lies in, or leads to, the viewer's places, with who answers for it today."""
    roots = await scope.region_roots(viewer.places(Verb.REGION_READ), viewer.today)
    row = await regions.find_region_by_id(region_id)
    if row is None or not await regions.touches(region_id, roots):
        raise problems.RegionNotFound()
    found = dict(row)
    found["responsibilities"] = database.dicts(await regions.list_responsibilities(region_id, viewer.today))
    return found


async def list_branches(viewer: Viewer, cursor: str | None, limit: int) -> dict[str, Any]:
    """Branches in the viewer's places; a member sees their own."""
    places = viewer.places(Verb.BRANCH_READ)
    own = (viewer.branch_id,) if viewer.branch_id and places.person_id else ()
    after = paging.after(cursor, UUID)
    rows = await regions.list_branches(
        [*places.branches, *own], places.regions, viewer.today, after[0] if after else None, limit + 1
    )
    return paging.page(database.dicts(rows), limit, lambda row: (row["id"],))
