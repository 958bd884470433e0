"""URL -> one service call -> schema. This list is all there is to be called."""

from __future__ import annotations

from sanic import Blueprint

from handlers import (
    accounts,
    assignments,
    audit,
    coverage,
    feedback,
    files,
    households,
    imports,
    messages,
    meta,
    obligations,
    pages,
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
    feedback.blueprint,
    files.blueprint,
    households.blueprint,
    imports.blueprint,
    messages.blueprint,
    meta.blueprint,
    obligations.blueprint,
    people.blueprint,
    proposals.blueprint,
    regions.blueprint,
    runs.blueprint,
    sync.blueprint,
    visits.blueprint,
    version=1,
    version_prefix="/api/v",
)
outside = pages.outside
