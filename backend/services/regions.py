"""Reading the tree of regions and the branches; the numbers that a township sets for itself."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from backend import problems
from backend.http import paging
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules.audit import Action
from backend.rules.dated import Span, change_from
from backend.rules.regions import RULES, Level, RuleName, loads_in_order
from backend.services import audit
from models import database, regions, scope
from models.regions import Region, RegionRule


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


async def list_rules(viewer: Viewer, area: str, on: date | None) -> dict[str, Any]:
    """The numbers in force in a township on a day (today), each with its words and whether the township set it (O1)."""
    day = on or viewer.today
    region = await regions.find_region(area, viewer.today)
    roots = await scope.region_roots(viewer.places(Verb.REGION_READ), viewer.today)
    if region is None or not await regions.touches(region["id"], roots):
        raise problems.RegionNotFound()
    if region["level"] != Level.TOWNSHIP:
        raise problems.NotTownship()
    found = {row["name"]: dict(row) for row in await regions.rules_on(region["id"], day)}
    rules = [found[name] | {"words": rule.words} for name, rule in RULES.items() if name in found]
    return {"region_id": region["id"], "on": day, "rules": rules}


async def set_rule(viewer: Viewer, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """From a day on another number holds in a township of one's own; (rule, whether anything changed).

    Never for a day gone by, so that no figure of the past moves. A number booked for later is refused unless it may be
    replaced; the bounds of the load stay in order on every day to come (docs/rules.md O1, T3).
    """
    region_id, name, number, start = body["region_id"], RuleName(body["name"]), body["number"], body["from_"]
    await _township_of(viewer, region_id)
    rule = RULES[name]
    if not rule.fits(number):
        bounds = f"应在 {rule.least} 到 {rule.most} 之间"
        raise problems.RuleNumberUnfit(errors={"number": [bounds]}, words=rule.words, bounds=bounds)
    if start < viewer.today:
        raise problems.RuleInPast(errors={"from": [problems.RuleInPast.detail]})
    await regions.lock(region_id)
    changed = await _replace_rule(region_id, name, number, start, body["replace_planned"])
    if changed:
        await _check_loads(region_id, start)
        await audit.record(viewer, Action.RULE_SET, region_id, [name])
    return {"name": name, "words": rule.words, "number": number, "since": start, "own": True}, changed


async def _township_of(viewer: Viewer, region_id: UUID) -> None:
    """The region is a township that lies in a place where the viewer may set rules."""
    region = await regions.find_region_by_id(region_id)
    if region is None or not set(region["path"]) & set(viewer.places(Verb.RULE_SET).regions):
        raise problems.RegionNotFound()
    if region["level"] != Level.TOWNSHIP:
        raise problems.NotTownship()


async def _replace_rule(region_id: UUID, name: RuleName, number: int, start: date, replace_planned: bool) -> bool:
    """Close what holds on the day, then open the new number; False when it is set so already."""
    rows = await regions.rule_spans(region_id, name)
    change = change_from(start, [Span(row["id"], row["valid_from"], row["valid_to"]) for row in rows])
    if change.later and not replace_planned:
        raise problems.RulePlanned(on=change.later[0].start)
    if not change.later and any((row["valid_from"], row["number"]) == (start, number) for row in rows):
        return False
    for span in (change.close, *change.later):
        if span:
            await regions.close_rule(span.id, start)
    await RegionRule.create(id=uuid4(), region_id=region_id, name=name, number=number, valid_from=start)
    return True


async def _check_loads(region_id: UUID, start: date) -> None:
    """The bounds of the load are in order on the day and after every change that is booked for later."""
    for day in await regions.rule_days(region_id, start):
        if not loads_in_order({row["name"]: row["number"] for row in await regions.rules_on(region_id, day)}):
            raise problems.RuleOrder(on=day)
