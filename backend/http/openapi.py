"""The OpenAPI 3.1 document, made from what the endpoints load, dump and raise."""

from __future__ import annotations

import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields
from sanic import Sanic

from backend import problems
from backend.http.endpoint import Spec
from backend.permissions import Verb, roles_with
from schemas.fields import Wire, _Field
from schemas.fields import fields as wire_fields

TITLE = "联户 Lianhu"
VERSION = "1"


class Problem(Wire):
    """application/problem+json (RFC 9457)."""

    type = wire_fields.String(required=True)
    title = wire_fields.String(required=True)
    status = wire_fields.Integer(required=True)
    code = wire_fields.String(required=True)
    detail = wire_fields.String(required=True)
    errors = wire_fields.Dict(keys=wire_fields.String(), values=wire_fields.List(wire_fields.String()), required=True)
    request_id = wire_fields.String(required=True)


def _own_kind(self: OpenAPIConverter, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Our fields carry their JSON schema in their metadata; null is added where it is allowed."""
    if not isinstance(field, _Field):
        return {}
    kind = dict(field.metadata)
    if field.allow_none and "type" in kind:
        kind["type"] = [kind["type"], "null"]
        if "enum" in kind:
            kind["enum"] = [*kind["enum"], None]
    return kind


def document(app: Sanic[Any, Any]) -> dict[str, Any]:
    """The document of all routes that are endpoints."""
    plugin = MarshmallowPlugin()
    spec = APISpec(TITLE, VERSION, openapi_version="3.1.0", plugins=[plugin], info={"description": _description()})
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(_own_kind)  # type: ignore[no-untyped-call]
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.schema("Problem", schema=Problem)
    for route in sorted(app.router.routes, key=lambda route: route.path):
        endpoint: Spec | None = getattr(route.handler, "spec", None)
        if endpoint is None:
            continue
        path = "/" + re.sub(r"<([^:>]+)(:[^>]*)?>", r"{\1}", route.path).strip("/")
        for method in sorted(set(route.methods) - {"OPTIONS", "HEAD"}):
            spec.path(path=path, operations={method.lower(): _operation(spec, endpoint, path, method)})
    return spec.to_dict()


def _operation(spec: APISpec, endpoint: Spec, path: str, method: str) -> dict[str, Any]:
    raised = _raised(endpoint)
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.handler.__module__.rsplit('.', 1)[-1]}.{endpoint.handler.__name__}",
        "summary": endpoint.summary,
        "description": "\n\n".join(filter(None, [endpoint.description, _may(endpoint), _codes(raised)])),
        "tags": [endpoint.handler.__module__.rsplit(".", 1)[-1]],
        "parameters": [
            {"in": "path", "name": name, "required": True, "schema": {"type": "string", "format": "uuid"}}
            for name in re.findall(r"{(\w+)}", path)
        ],
        "responses": {str(status): _answer(endpoint, status) for status in endpoint.statuses},
    }
    if endpoint.may != "anybody":
        operation["security"] = [{"bearer": []}, *([{}] if endpoint.may == "open" else [])]
    if endpoint.query is not None:
        operation["parameters"].append({"in": "query", "schema": type(endpoint.query)})
    if endpoint.versioned:
        operation["parameters"].append(
            {
                "in": "header",
                "name": "If-Match",
                "required": True,
                "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
            }
        )
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": type(endpoint.body)}}}
    if endpoint.upload is not None:
        operation["parameters"].append(
            {"in": "header", "name": "X-File-Name", "required": True, "schema": {"type": "string"},
             "description": "How the sender calls the file, percent-encoded UTF-8."}
        )  # fmt: skip
        operation["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    for status in sorted({problem.status for problem in raised}):
        operation["responses"][str(status)] = {
            "description": "、".join(dict.fromkeys(problem.title for problem in raised if problem.status == status)),
            "content": {"application/problem+json": {"schema": Problem}},
        }
    return operation


def _answer(endpoint: Spec, status: int) -> dict[str, Any]:
    words = {200: "成功", 201: "已新建", 204: "成功，没有内容"}[status]
    if endpoint.download is not None:
        return {
            "description": words,
            "content": {endpoint.download: {"schema": {"type": "string", "format": "binary"}}},
        }
    if endpoint.answer is None or status == 204:
        return {"description": words}
    return {"description": words, "content": {"application/json": {"schema": type(endpoint.answer)}}}


def _raised(endpoint: Spec) -> list[type[problems.Problem]]:
    """The problems of an endpoint: its own and those of the wrapper."""
    raised = {*endpoint.problems, problems.Unavailable, problems.ServerError}
    if endpoint.may not in ("anybody", "open"):
        raised |= {problems.SessionMissing}
    if endpoint.may not in ("anybody", "open", "identity"):
        raised |= {problems.NotBound}
    if isinstance(endpoint.may, Verb):
        raised |= {problems.Denied}
    if endpoint.body is not None:
        raised |= {problems.Malformed, problems.Invalid, problems.TooLarge}
    if endpoint.upload is not None:
        raised |= {problems.FileEmpty, problems.FileTooLarge, problems.Invalid}
    if endpoint.query is not None:
        raised |= {problems.Invalid}
    if endpoint.versioned:
        raised |= {problems.VersionMissing, problems.Changed}
    return sorted(raised, key=lambda problem: (problem.status, problem.code))


def _may(endpoint: Spec) -> str:
    if isinstance(endpoint.may, Verb):
        return f"May: `{endpoint.may}` ({', '.join(sorted(roles_with(endpoint.may)))})."
    return {
        "anybody": "No session needed.",
        "open": "A session may come along; none is asked for.",
        "identity": "Any session.",
        "signed_in": "Any bound session.",
    }[endpoint.may]


def _codes(raised: list[type[problems.Problem]]) -> str:
    return "Problem codes: " + ", ".join(f"`{problem.code}` ({problem.status})" for problem in raised) + "."


def _description() -> str:
    return (
        "The API of Lianhu. Bearer token; ids are lower-case UUIDs; dates are YYYY-MM-DD, instants RFC 3339 with offset; "
        "lists page by `cursor`; every problem is application/problem+json with a stable `code`."
    )
