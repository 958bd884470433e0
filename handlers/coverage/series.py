"""A figure over time, and two periods beside each other."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request

from backend import problems
from backend.http.endpoint import Answer, endpoint
from backend.http.quick import quick_dump, to_json
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services.coverage import comparison, series
from schemas.coverage.series import ComparisonOut, ComparisonQuery, SeriesOut, SeriesQuery

blueprint = Blueprint("coverage_series")
_dump_series = quick_dump(SeriesOut())
_dump_comparison = quick_dump(ComparisonOut())


@blueprint.get("/coverage/series")
@endpoint(
    may=Verb.COVERAGE_READ,
    query=SeriesQuery,
    answer=SeriesOut,
    raises=(problems.AreaNotFound, problems.AreaOrBranch, problems.PeriodInvalid, problems.LevelUnfit),
)
async def read_series(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Answer:
    """A figure in the periods up to `until` (default: the current one), thirteen unless `count` says otherwise.

    Thirteen months hold the same month of last year. A period that is not kept is `unknown`, never 0. With `level`
    there are rows, too, in order of code: places × periods. Of `assignment_coverage` a period shows the stock of its
    last day, the current one that of today; a frozen stock is shown as it was frozen, without a look at what the facts
    say today.
    """
    return Answer(await series.read(viewer, request.app.ctx.ready, lambda found: to_json(_dump_series(found)), query))


@blueprint.get("/coverage/comparison")
@endpoint(
    may=Verb.COVERAGE_READ,
    query=ComparisonQuery,
    answer=ComparisonOut,
    raises=(
        problems.AreaNotFound, problems.AreaOrBranch, problems.PeriodInvalid, problems.PeriodNotKept, problems.PeriodNotCounted,
        problems.PeriodsUnlike, problems.LevelUnfit,
    ),
)  # fmt: skip
async def compare(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> Answer:
    """Every figure of a period and of another one of the same kind (default: a year before), and how they differ.

    Frozen figures are compared if both are frozen under the same version; otherwise both as the facts are today, which
    follow the present version. `source` and `words` say which was done, for each figure.
    """
    return Answer(
        await comparison.read(viewer, request.app.ctx.ready, lambda found: to_json(_dump_comparison(found)), query)
    )
