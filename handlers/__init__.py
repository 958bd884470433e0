"""URL -> one service call -> schema. This list is all there is to be called."""

from __future__ import annotations

from sanic import Blueprint

from handlers import (
    accounts,
    assignments,
    audit,
    coverage,
    exports,
    feedback,
    files,
    households,
    imports,
    messages,
    meta,
    obligations,
    papers,
    people,
    proposals,
    regions,
    runs,
    sync,
    visits,
)

api = Blueprint.group(
    accounts.blueprint,
    assignments.blueprint,
    audit.blueprint,
    coverage.blueprint,
    exports.blueprint,
    feedback.blueprint,
    files.blueprint,
    households.blueprint,
    imports.blueprint,
    messages.blueprint,
    meta.blueprint,
    obligations.blueprint,
    papers.blueprint,
    people.blueprint,
    proposals.blueprint,
    regions.blueprint,
    runs.blueprint,
    sync.blueprint,
    visits.blueprint,
    version=1,
    version_prefix="/api/v",
)
outside = papers.outside
