"""No endpoint sorts persons by a figure, and no answer gives a number about a person (docs/rules.md P2).

Read from the OpenAPI document, which is made from what the endpoints load and dump, so a new endpoint is judged, too.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from backend.http.openapi import document

Document = dict[str, Any]
Schema = Mapping[str, Any]

#: What a query would be called that sorts or cuts a list by a figure.
SORTING = {
    "sort",
    "sorted",
    "order",
    "orderby",
    "ordering",
    "rank",
    "ranked",
    "top",
    "bottom",
    "best",
    "worst",
    "desc",
    "asc",
}
#: What no path, parameter, field or choice is called.
RANKING = {
    "rank",
    "ranks",
    "ranked",
    "ranking",
    "score",
    "scores",
    "scored",
    "points",
    "league",
    "leaderboard",
    "rating",
}
IN_CHINESE = ("排名", "排行", "积分", "得分", "名次", "打分", "评分")
#: Fields whose presence says that an object is about a person.
PERSON = re.compile(r"(person|visitor|member|companion|colleague|account|cadre|secretary)(_ids?|_name)?$")
#: Lists, and first parts of paths, whose items are persons.
PEOPLE = re.compile(r"(people|members|visitors|companions|colleagues|secretaries|persons)$")
#: Numbers that say nothing about what a person did.
HARMLESS = {"id", "version"}
#: operation and field -> why it may stand beside a person.
ALLOWED = {
    # Whoever gives households to a member, or takes them away, has to see how many that member has and for how many of
    # them a backup stands in; only of the own branch, in order of id.
    (f"people.{operation}", number): "for the own secretary and the organization office"
    for operation in (
        "list_people", "search_people", "get_person", "create_person", "edit_person", "exempt", "end_exemption", "transfer",
        "leave",
    )
    for number in ("load", "backed")
}  # fmt: skip


def faults(told: Document) -> list[str]:
    """A sentence for everything in a document that would let somebody rank persons."""
    found = []
    for path, name, operation in operations(told):
        found += [f"{name}: {part} in {path}" for part in words_of(path) & (SORTING | RANKING)]
        for parameter in operation.get("parameters", []):
            if words_of(parameter["name"]) & (SORTING | RANKING):
                found.append(f"{name}: sorted by the parameter {parameter['name']}")
            found += [f"{name}: {word}" for word in ranking_words(told, parameter.get("schema", {}))]
        for schema in schemas_of(operation):
            found += [f"{name}: {word}" for word in ranking_words(told, schema)]
        people = PEOPLE.match(path.removeprefix("/api/v1").strip("/").split("/")[0]) is not None
        for schema in answers_of(operation):
            found += [
                f"{name}: {field} is a number about a person"
                for field in numbers_of_persons(told, schema, people)
                if (name, field) not in ALLOWED
            ]
    return sorted(set(found))


def operations(told: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, operation id, operation) of all."""
    for path, item in told["paths"].items():
        for operation in item.values():
            yield path, operation["operationId"], operation


def schemas_of(operation: Mapping[str, Any]) -> list[Schema]:
    """What is sent and what is answered, but for problems, which are the same everywhere."""
    body = operation.get("requestBody", {}).get("content", {}).values()
    return [*(content["schema"] for content in body), *answers_of(operation)]


def answers_of(operation: Mapping[str, Any]) -> list[Schema]:
    return [
        content["schema"]
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for content in answer.get("content", {}).values()
    ]


def words_of(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", name.lower()))


def resolved(told: Document, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = told["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def inner(told: Document, schema: Schema) -> list[Schema]:
    """The schemas a value may have: itself, its alternatives, its items, the values of a dictionary."""
    schema = resolved(told, schema)
    found = [schema]
    for option in [*schema.get("anyOf", []), *schema.get("allOf", []), *schema.get("oneOf", [])]:
        found += inner(told, option)
    for one in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(one, Mapping):
            found += inner(told, one)
    return found


def walk(told: Document, schema: Schema, name: str = "") -> Iterator[tuple[str, Schema]]:
    """(field, schema) of a schema and of all below it; none refers to itself."""
    for one in inner(told, schema):
        yield name, one
        for field, below in one.get("properties", {}).items():
            yield from walk(told, below, field)


def ranking_words(told: Document, schema: Schema) -> Iterator[str]:
    for field, one in walk(told, schema):
        for word in (field, *map(str, one.get("enum", []))):
            if words_of(word) & RANKING or any(part in word for part in IN_CHINESE):
                yield f"{word} ranks"
        if any(part in one.get("description", "") + one.get("title", "") for part in IN_CHINESE):
            yield f"{field} is described as a ranking"


def numbers_of_persons(told: Document, schema: Schema, people: bool) -> Iterator[str]:
    """Numeric fields of objects that are about a person, and of what lies in them."""
    for one in inner(told, schema):
        fields = one.get("properties", {})
        about = people or any(PERSON.match(field) for field in fields)
        for field, below in fields.items():
            if about and field not in HARMLESS:
                yield from (name for name, lies in walk(told, below, field) if is_number(lies) and name not in HARMLESS)
            yield from numbers_of_persons(told, below, PEOPLE.match(field) is not None)


def is_number(schema: Schema) -> bool:
    kinds = schema.get("type", [])
    return bool({"integer", "number"} & set([kinds] if isinstance(kinds, str) else kinds))


@pytest.fixture
def told(app: Any) -> Document:
    return document(app)


def test_nobody_can_be_ranked(told: Document) -> None:
    assert faults(told) == []


def test_what_is_allowed_is_still_there(told: Document) -> None:
    """An exception that nothing needs any more would hide the next one of that name."""
    needed = {
        (name, field)
        for path, name, operation in operations(told)
        for schema in answers_of(operation)
        for field in numbers_of_persons(told, schema, path.startswith(("/people", "/api/v1/people")))
    }
    assert set(ALLOWED) <= needed


def operation(told: Document, name: str) -> dict[str, Any]:
    (found,) = [one for _, id_, one in operations(told) if id_ == name]
    return found


def answer(told: Document, name: str) -> dict[str, Any]:
    """The properties of what an operation answers."""
    schema = resolved(told, answers_of(operation(told, name))[0])
    return schema["properties"]  # type: ignore[no-any-return]


def _parameter(name: str, **schema: Any) -> Callable[[Document], None]:
    def plant(told: Document) -> None:
        operation(told, "people.list_people")["parameters"].append({"in": "query", "name": name, "schema": schema})

    return plant


def _field(name: str, schema: dict[str, Any]) -> Callable[[Document], None]:
    return lambda told: answer(told, "figures.read_coverage").update({name: schema})


def _path(told: Document) -> None:
    told["paths"]["/people/ranking"] = told["paths"].pop(
        next(path for path in told["paths"] if path.endswith("/people/search"))
    )


NUMBER = {"type": ["integer", "null"]}
PLANTED: dict[str, Callable[[Document], None]] = {
    "sort": _parameter("sort", type="string"),
    "order_by": _parameter("order_by", type="string"),
    "top": _parameter("top", type="integer"),
    "a choice": _parameter("show", type="string", enum=["name", "score"]),
    "a path": _path,
    "a field": _field("score", {"type": "number"}),
    "points": _field("积分", {"type": "number"}),
    "a person with a rate": _field("row", {"properties": {"person_id": {"type": "string"}, "visited": NUMBER}}),
    "visitors with figures": _field(
        "rows",
        {
            "type": "array",
            "items": {
                "properties": {
                    "visitor_id": {"type": "string"},
                    "figure": {"anyOf": [{"properties": {"value": {"type": "number"}}}, {"type": "null"}]},
                }
            },
        },
    ),
    "names with counts": _field(
        "members", {"type": "array", "items": {"properties": {"name": {"type": "string"}, "visits": NUMBER}}}
    ),
    "figures by person": _field(
        "by", {"additionalProperties": {"properties": {"person": {"type": "string"}, "days": NUMBER}}}
    ),
}


@pytest.mark.parametrize("plant", PLANTED)
def test_it_would_be_seen(told: Document, plant: str) -> None:
    planted = copy.deepcopy(told)
    PLANTED[plant](planted)
    assert len(faults(planted)) == 1, plant
