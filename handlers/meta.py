"""Codes, about, health, and the API's own documents."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import orjson
from sanic import Blueprint, HTTPResponse, Request
from sanic.response import html, json, raw, redirect

from backend import problems
from backend.http.endpoint import endpoint, problem_response, request_id_of
from backend.permissions import ROLES
from backend.rules import assignments, feedback, households, obligations, people, reasons, runs, visits
from backend.rules.regions import RULES
from backend.services import health
from backend.sheets.kinds import SHEETS
from schemas.meta import AboutOut, CodesOut

blueprint = Blueprint("meta")
outside = Blueprint("outside")

CODES = {
    name: [{"code": code, "name": words} for code, words in table.items()]
    for name, table in {
        "modes": visits.MODES,
        "outcomes": visits.OUTCOMES,
        "topics": visits.TOPICS,
        "backfill_reasons": visits.BACKFILL_REASONS,
        "void_reasons": visits.VOID_REASONS,
        "assignment_sources": assignments.SOURCES,
        "assignment_steps": assignments.STEPS,
        "end_reasons": assignments.END_REASONS,
        "person_kinds": people.KINDS,
        "abilities": people.ABILITIES,
        "exemption_reasons": people.EXEMPTIONS,
        "leave_reasons": people.LEAVE_REASONS,
        "residences": households.RESIDENCES,
        "tier_reasons": households.TIER_REASONS,
        "tag_kinds": households.TAG_KINDS,
        "run_states": runs.RUN_STATES,
        "import_kinds": {kind: sheet.title for kind, sheet in SHEETS.items()},
        "must_visit_kinds": obligations.KINDS,
        "withdraw_reasons": obligations.WITHDRAW_REASONS,
        "drill_purposes": reasons.PURPOSES,
        "drill_reasons": reasons.REASONS,
        "gap_reasons": reasons.GAP_REASONS,
        "obligation_kinds": reasons.REQUIRED,
        "must_visit_states": obligations.STATES,
        "explained_visits": reasons.VISITS,
        "explained_days": reasons.DAYS,
        "explained_columns": reasons.COLUMNS,
        "visitors": reasons.VISITORS,
        "frozen_parts": reasons.PARTS,
        "changes": reasons.CHANGES,
        "feedback_kinds": feedback.KINDS,
        "feedback_states": feedback.STATES,
        "roles": ROLES,
        "rules": {str(name): rule.words for name, rule in RULES.items()},
    }.items()
} | {"note_hint": "写需要什么帮助；不写思想、信仰、信访等情况，不写身份证号。"}


@blueprint.get("/codes")
@endpoint(may="anybody", answer=CodesOut)
async def codes(_: None, request: Request) -> Any:
    """All codes with the words to show for them."""
    return CODES


@blueprint.get("/about")
@endpoint(may="anybody", answer=AboutOut)
async def about(_: None, request: Request) -> Any:
    """Who sponsors this service and under which filing number (主办单位、备案编号)."""
    settings = request.app.ctx.settings
    return {
        "name": "联户",
        "sponsor": settings.sponsor,
        "filing_number": settings.filing_number,
        "environment": str(settings.env),
        "wechat_is_standin": settings.wechat_is_standin,
    }


@outside.get("/")
async def root(request: Request) -> HTTPResponse:
    """Whoever opens the address in a browser finds the documents; in production there is nothing here."""
    if request.app.ctx.settings.is_production:
        return problem_response(problems.NotFound(), request_id_of(request))
    return redirect("/docs")


@outside.get("/healthz")
async def healthz(request: Request) -> HTTPResponse:
    """Whether the process answers; does no I/O."""
    return json({"ok": True})


@outside.get("/readyz")
async def readyz(request: Request) -> HTTPResponse:
    """200 while PostgreSQL answers; what is degraded (Redis, the worker) is named and fails nothing."""
    state = await health.state(request.app.ctx.cache)
    return json(state, status=200 if state["ready"] else 503)


@outside.get("/openapi.json")
async def openapi(request: Request) -> HTTPResponse:
    """The OpenAPI document of this release. Not public in production."""
    if request.app.ctx.settings.is_production:
        return problem_response(problems.NotFound(), request_id_of(request))
    return raw(orjson.dumps(request.app.ctx.openapi()), content_type="application/json")


_VIEWER_FILES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
_PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>联户 API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"></head><body><div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>"""
_START = b"SwaggerUIBundle({url: '/openapi.json', dom_id: '#api', deepLinking: true, validatorUrl: null});"
_POLICY = {"Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"}


def _viewer_folder() -> Path | None:
    """The packaged Swagger UI; a development package only, so that production carries no viewer."""
    found = importlib.util.find_spec("drf_spectacular_sidecar")  # located, never imported: it would import Django
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "static/drf_spectacular_sidecar/swagger-ui-dist"


@outside.get("/docs")
async def docs(request: Request) -> HTTPResponse:
    """The API as a page, from files on this server. Not public in production."""
    if request.app.ctx.settings.is_production or _viewer_folder() is None:
        return problem_response(problems.NotFound(), request_id_of(request))
    return html(_PAGE, headers=_POLICY)


@outside.get("/docs/<name:str>")
async def docs_file(request: Request, name: str) -> HTTPResponse:
    """A file of the viewer."""
    folder = _viewer_folder()
    if request.app.ctx.settings.is_production or folder is None:
        return problem_response(problems.NotFound(), request_id_of(request))
    if name == "start.js":
        return raw(_START, content_type="text/javascript")
    if name not in _VIEWER_FILES:
        return problem_response(problems.NotFound(), request_id_of(request))
    return raw((folder / name).read_bytes(), content_type=_VIEWER_FILES[name])
