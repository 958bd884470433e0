"""URL -> one service call -> schema. This list is all there is to be called."""

from __future__ import annotations

from sanic import Blueprint

from handlers import (
    accounts,
    assignments,
    audit,
    coverage,
    feedback,
    households,
    messages,
    meta,
    obligations,
    pages,
    people,
    regions,
    sync,
    visits,
)

api = Blueprint.group(
    accounts.blueprint,
    assignments.blueprint,
    audit.blueprint,
    coverage.blueprint,
    feedback.blueprint,
    households.blueprint,
    messages.blueprint,
    meta.blueprint,
    obligations.blueprint,
    people.blueprint,
    regions.blueprint,
    sync.blueprint,
    visits.blueprint,
    version=1,
    version_prefix="/api/v",
)
outside = pages.outside
