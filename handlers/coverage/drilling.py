"""The households behind figures: drilling down, explaining one, gaps, what is overdue, revisions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import endpoint
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services.coverage import drilling, explaining
from schemas.coverage.drilling import (
    BehindOut,
    BehindQuery,
    ExplainedOut,
    ExplainQuery,
    GapsOut,
    GapsQuery,
    OverdueOut,
    OverdueQuery,
    RevisionsOut,
    RevisionsQuery,
)

blueprint = Blueprint("coverage_drilling")
_PLACE = (problems.AreaNotFound, problems.AreaOrBranch, problems.PurposeMissing)
_PERIOD = (problems.PeriodInvalid, problems.PeriodNotKept, problems.PeriodNotCounted)


@blueprint.get("/coverage/households")
@endpoint(may=Verb.COVERAGE_DRILL, query=BehindQuery, answer=BehindOut, tx="write", raises=(*_PLACE, *_PERIOD))
async def list_households(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """The households behind a figure of an area or a branch, in order of code, each with the reason why it is in or out.

    `state` is `numerator`, `denominator`, `difference` (in the denominator and not, or not wholly, in the numerator) or
    `pending`; the numbers of the rows add up to the figure's. A frozen figure lists frozen households, `revised=true` those of
    today. The township committee says a `purpose`, and each of its looks is written down.
    """
    return await drilling.list_households(viewer, query)


@blueprint.get("/coverage/households/<household_id>")
@endpoint(
    may=Verb.COVERAGE_DRILL,
    query=ExplainQuery,
    answer=ExplainedOut,
    tx="write",
    raises=(problems.HouseholdNotFound, problems.PurposeMissing, *_PERIOD),
)
async def explain_household(viewer: Viewer, request: Request, *, household_id: UUID, query: dict[str, Any]) -> Any:
    """All that a household's figures of a period follow from, to be redone with pen and paper: its days, its visits and
    why each counts, what was due; without notes and names."""
    return await explaining.explain(viewer, household_id, query)


@blueprint.get("/coverage/gaps")
@endpoint(may=Verb.COVERAGE_DRILL, query=GapsQuery, answer=GapsOut, tx="write", raises=_PLACE)
async def list_gaps(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """The households that nobody in service is the primary of on a day (today if none is named), in order of code: for how
    many days, and why."""
    return await drilling.list_gaps(viewer, query)


@blueprint.get("/coverage/overdue")
@endpoint(may=Verb.COVERAGE_DRILL, query=OverdueQuery, answer=OverdueOut, tx="write", raises=_PLACE)
async def list_overdue(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """The households that should have been contacted or visited before today, in order of code, and how many by how long;
    `over` lists those of more than so many days."""
    return await drilling.list_overdue(viewer, query)


@blueprint.get("/coverage/revisions")
@endpoint(may=Verb.COVERAGE_DRILL, query=RevisionsQuery, answer=RevisionsOut, tx="write", raises=(*_PLACE, *_PERIOD))
async def list_revisions(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Any:
    """The households whose frozen figures the facts of today no longer give, in order of code: which figures, before and
    now, and what was done since the freezing: when, by whom, which action."""
    return await explaining.list_revisions(viewer, query)
