"""The OpenAPI document says what the server does, and the page that shows it needs nothing from outside."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openapi_spec_validator
import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from backend import problems
from backend.app import create_app
from backend.http.openapi import document
from backend.settings import Settings
from tests.api.probes import PROBES, SIDES, VIEWERS, Probe, call, furnish, headers, operations, undone
from tests.conftest import ROOT, lifespan

WRITTEN = orjson.loads((ROOT / "openapi.json").read_bytes())
HERE = "urn:openapi"


def test_the_document_is_valid() -> None:
    assert WRITTEN["openapi"].startswith("3.1")
    openapi_spec_validator.validate(WRITTEN)


def test_the_committed_document_is_what_the_schemas_say(app: Any) -> None:
    made = orjson.dumps(document(app), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    assert made == (ROOT / "openapi.json").read_bytes(), "run `make openapi`"


def test_every_route_is_documented_and_nothing_else(app: Any) -> None:
    served = set()
    for route in app.router.routes:
        if not route.path.startswith("api/"):
            assert getattr(route.handler, "spec", None) is None
            continue
        path = "/" + re.sub(r"<(\w+)(:\w+)?>", r"{\1}", route.path)
        served |= {(path, method.lower()) for method in set(route.methods) - {"OPTIONS", "HEAD"}}
    documented = {(path, method) for path, item in WRITTEN["paths"].items() for method in item}
    assert documented == served


def test_every_operation_is_described() -> None:
    ids = [operation["operationId"] for item in WRITTEN["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
    assert set(ids) == set(PROBES)
    for item in WRITTEN["paths"].values():
        for operation in item.values():
            assert operation["summary"] and operation["tags"]
            assert ("security" in operation) != ("No session needed" in operation["description"])
            assert any(status.startswith("2") for status in operation["responses"])


def test_every_problem_has_a_code_and_words_of_its_own() -> None:
    found = problems.catalogue()
    codes = [problem.code for problem in found]
    assert len(codes) == len(set(codes)) > 40
    for problem in found:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", problem.code)
        assert 400 <= problem.status < 600
        assert re.search("[一-鿿]", problem.title) and re.search("[一-鿿]", problem.detail), problem.code
    declared = set(re.findall(r"^(\w+) = _problem\(", (ROOT / "backend/problems.py").read_text(), re.MULTILINE))
    assert declared == {problem.__name__ for problem in found}


def test_no_personal_value_has_a_place_in_a_query_or_a_path() -> None:
    """Addresses end in logs of proxies: they hold ids, days and codes, never a name, a phone or a text."""
    for path, item in WRITTEN["paths"].items():
        for operation in item.values():
            for parameter in operation["parameters"]:
                assert not re.search("name|phone|address|note|openid|token|password", parameter["name"]), (
                    path,
                    parameter["name"],
                )


def validator(schema: dict[str, Any]) -> Any:
    resource = Resource.from_contents(WRITTEN, default_specification=DRAFT202012)
    registry = Registry().with_resource(HERE, resource)
    pointed = orjson.loads(orjson.dumps(schema).replace(b'"#/components', f'"{HERE}#/components'.encode()))
    return Draft202012Validator(pointed, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)


def agrees(operation: dict[str, Any], answer: httpx.Response) -> None:
    """The answer's status is documented, and its body is of the documented schema with no member that is not."""
    documented = operation["responses"].get(str(answer.status_code))
    assert documented is not None, (operation["operationId"], answer.status_code, answer.text)
    if answer.status_code == 204:
        assert answer.content == b""
        return
    kind = answer.headers["Content-Type"]
    content = documented["content"].get(kind)
    assert content is not None, (operation["operationId"], kind)
    if content["schema"] == {"type": "string", "format": "binary"}:
        assert answer.status_code == 200 and answer.content and "attachment" in answer.headers["Content-Disposition"]
        return
    faults = [
        f"{fault.json_path}: {fault.message}" for fault in validator(content["schema"]).iter_errors(answer.json())
    ]
    assert faults == [], operation["operationId"]
    if answer.status_code >= 400:
        codes = set(re.findall(r"`([a-z]+\.[a-z_]+)` \(\d+\)", operation["description"]))
        assert answer.json()["code"] in codes | UNIVERSAL, (operation["operationId"], answer.json()["code"])
    else:
        assert_known(content["schema"], answer.json(), operation["operationId"])


#: An id in a path that is no UUID names nothing, on every route alike.
UNIVERSAL = {"request.not_found"}


def assert_known(schema: dict[str, Any], value: Any, where: str) -> None:
    """No member of an answer is missing from its schema."""
    if "$ref" in schema:
        schema = WRITTEN["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    for option in [*schema.get("anyOf", []), *schema.get("allOf", [])]:
        if option.get("type") != "null" and value is not None:
            assert_known(option, value, where)
    if isinstance(value, list):
        for one in value:
            assert_known(schema.get("items", {}), one, where)
    elif isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), where
        for name, inner in value.items():
            assert_known(schema["properties"][name], inner, f"{where}.{name}")


def operation_of(app: Any, name: str) -> dict[str, Any]:
    (found,) = [one for item in WRITTEN["paths"].values() for one in item.values() if one["operationId"] == name]
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", PROBES)
async def test_answers_are_what_the_document_says(client: httpx.AsyncClient, app: Any, name: str) -> None:
    """To everybody: who may, who may not, who is nobody; with input that is right, wrong or none at all."""
    await furnish(client)
    operation, statuses = operation_of(app, name), set()
    for viewer in VIEWERS:
        for side in SIDES:
            for probe in PROBES[name](side):
                async with undone():
                    answer = await call(client, probe, viewer)
                agrees(operation, answer)
                statuses.add(answer.status_code)
    probe = PROBES[name](SIDES[0])[0]
    viewer = min(probe.may, default="nobody")
    for wrong in wrong_ones(probe):
        async with undone():
            answer = await client.request(
                wrong.method, wrong.path, content=orjson.dumps(wrong.body) if wrong.body is not None else b"{",
                params=dict(wrong.query), headers=headers(viewer) | dict(wrong.headers),
            )  # fmt: skip
        agrees(operation, answer)
        statuses.add(answer.status_code)
    assert len(statuses) > 1 or name.startswith("meta."), statuses


def wrong_ones(probe: Probe) -> list[Probe]:
    body = dict(probe.body or {})
    bodies: list[Any] = [None, {}, {**body, "unknown": 1}, *({**body, name: 7} for name in body)]
    made = [Probe(probe.method, probe.path, probe.may, one, probe.query, probe.headers) for one in bodies]
    if "from" in body:
        made.append(Probe(probe.method, probe.path, probe.may, body | {"to": "2025-01-01"}, probe.query, probe.headers))
        made.append(
            Probe(probe.method, probe.path, probe.may, body | {"from": "2020-01-01"}, probe.query, probe.headers)
        )
    if "visits" in body:
        made.append(Probe(probe.method, probe.path, probe.may, {"visits": [None, *body["visits"], 7]}, probe.query))
    made += [Probe(probe.method, probe.path, probe.may, body, {"limit": "0", "x": "1"}, probe.headers)]
    made += [
        Probe(probe.method, probe.path, probe.may, body, probe.query, {"If-Match": match}) for match in ("", '"9"', "x")
    ]
    if re.search("[0-9a-f-]{36}", probe.path):
        made.append(
            Probe(probe.method, re.sub("[0-9a-f-]{36}", "x", probe.path), probe.may, body, probe.query, probe.headers)
        )
    return made


@pytest.mark.parametrize("name", PROBES)
def test_the_right_bodies_of_the_probes_fit_the_documented_schema(app: Any, name: str) -> None:
    operation = operation_of(app, name)
    for probe in (probe for side in SIDES for probe in PROBES[name](side)):
        if probe.body is not None and "application/json" in operation["requestBody"]["content"]:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert [fault.message for fault in validator(schema).iter_errors(dict(probe.body))] == []
        known = {parameter["name"] for parameter in operation["parameters"]}
        assert set(probe.query) <= known


def test_specs_and_documented_permissions_agree(app: Any) -> None:
    for name, _, _, spec in operations(app):
        statuses = set(operation_of(app, name)["responses"])
        assert {str(status) for status in spec.statuses} <= statuses
        assert ("401" in statuses) or spec.may == "anybody"


def outside(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.fixture
async def production(redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The application as it would be in production."""
    settings = Settings.from_env(
        {
            "APP_ENV": "production", "DATABASE_URL": "postgresql://nowhere", "REDIS_URL": redis_url, "WECHAT_APPID": "wx1",
            "WECHAT_SECRET": "secret", "SPONSOR": "某街道", "FILING_NUMBER": "某备 1 号",
            "SECRET_KEYS": "1:" + base64.b64encode(bytes(32)).decode(), "STORAGE_URL": "file:///tmp/nobody",
            "PUBLIC_URL": "https://lianhu.example.cn",
        }
    )  # fmt: skip
    async with lifespan(create_app(settings, name="production", own_database=False)) as app, outside(app) as client:
        yield client


class TestDocs:
    async def test_the_page_and_its_files_come_from_here(self, app: Any) -> None:
        async with outside(app) as client:
            page = await client.get("/docs")
            assert page.status_code == 200
            policy = page.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy and "http" not in policy and "unsafe-eval" not in policy
            files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
            assert len(files) == 3
            assert all(name.startswith("/docs/") for name in files)
            for name in files:
                answer = await client.get(name)
                assert answer.status_code == 200 and len(answer.content) > 50, name
                assert answer.headers["Content-Type"].split(";")[0] == (
                    "text/css" if name.endswith("css") else "text/javascript"
                )
            start = (await client.get("/docs/start.js")).text
            for text in (page.text, start):
                assert not re.search(r"https?:|//[a-z]", text)
            assert "validatorUrl: null" in start, "the viewer would send the document to a service elsewhere"
            (address,) = re.findall(r"url: '([^']+)'", start)
            assert (await client.get(address)).json() == WRITTEN

    @pytest.mark.parametrize(
        "name", ["../../pyproject.toml", "..%2f..%2fpyproject.toml", "x.js", "swagger-ui.css.map", "%2e%2e", "a/b"]
    )
    async def test_no_other_file_is_served(self, app: Any, name: str) -> None:
        async with outside(app) as client:
            answer = await client.get(f"/docs/{name}")
            assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")

    @pytest.mark.parametrize(
        "path", ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/openapi.json"]
    )
    async def test_production_shows_none_of_it(self, production: httpx.AsyncClient, path: str) -> None:
        answer = await production.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
        assert (await production.get("/healthz")).status_code == 200
