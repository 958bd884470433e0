"""Figures of coverage."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.quick import quick_dump, to_json
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services.coverage import reading
from schemas.coverage.figures import CoverageOut, CoverageQuery

blueprint = Blueprint("coverage_figures")
_dump = quick_dump(CoverageOut())


def dump(figures: dict[str, Any]) -> bytes:
    """Figures as JSON bytes."""
    return to_json(_dump(figures))


@blueprint.get("/coverage")
@endpoint(
    may=Verb.COVERAGE_READ,
    query=CoverageQuery,
    answer=CoverageOut,
    raises=(
        problems.AreaNotFound, problems.AreaOrBranch, problems.PeriodInvalid, problems.PeriodNotKept, problems.PeriodNotCounted,
        problems.LevelUnfit,
    ),
)  # fmt: skip
async def read_coverage(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Answer:
    """Coverage of an area (region id or current code) or a branch in a month, quarter or year, by the places of a level.

    `assignment_coverage` is the stock on the day `on` (today, or the last day of a period that is over); the other
    figures are those of the period. Each is value, numerator and denominator, exact at `as_of`; a frozen one has beside
    it what the facts say today, if that differs.
    """
    return Answer(await reading.read(viewer, request.app.ctx.ready, dump, query))
