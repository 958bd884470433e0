"""The quick way through a schema: the same values as marshmallow for whatever is certainly right (decision 0008)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import orjson
from marshmallow import Schema, fields, missing

from schemas.fields import Unsure

Load = Callable[[Any], Any]
Dump = Callable[[Mapping[str, Any]], dict[str, Any]]


def quick_load(schema: Schema) -> Load:
    """A loader equal to `schema.load`: sure of the common body, and asking marshmallow about every other."""
    plan = []
    for name, field in schema.load_fields.items():
        sure = getattr(field, "sure", None)
        if sure is None:
            return schema.load
        plan.append((field.data_key or name, field.attribute or name, sure, field.required, field.load_default))
    known = frozenset(key for key, *_ in plan)

    def load(body: Any) -> Any:
        if type(body) is not dict or not known.issuperset(body):
            return schema.load(body)
        loaded = {}
        try:
            for key, name, sure, required, default in plan:
                if key in body:
                    loaded[name] = sure(body[key])
                elif required:
                    raise Unsure
                elif default is not missing:
                    loaded[name] = default() if callable(default) else default
        except Unsure:
            return schema.load(body)
        return loaded

    return load


def quick_dump(schema: Schema) -> Dump:
    """A dumper equal to `schema.dump` once orjson has written it: picks the declared names, nothing else leaves.

    A declared name that the service did not give is a fault of ours and raises KeyError.
    """
    plan = [
        (field.data_key or name, field.attribute or name, _inner(field)) for name, field in schema.dump_fields.items()
    ]

    def dump(value: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value[name] if inner is None else inner(value[name]) for key, name, inner in plan}

    return dump


def to_json(value: Any) -> bytes:
    """JSON bytes of dumped values. asyncpg gives UUIDs of its own subclass, which orjson does not take by itself."""
    return orjson.dumps(value, default=_uuid)


def _uuid(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def _inner(field: fields.Field[Any]) -> Callable[[Any], Any] | None:
    if isinstance(field, fields.Nested):
        dump = quick_dump(field.schema)
        if field.many:
            return lambda values: [dump(value) for value in values]
        return lambda value: None if value is None else dump(value)
    if isinstance(field, fields.List):
        inner = _inner(field.inner)
        return None if inner is None else lambda values: None if values is None else [inner(value) for value in values]
    if isinstance(field, fields.Dict) and field.value_field is not None:
        of_value = _inner(field.value_field)
        return None if of_value is None else lambda values: {name: of_value(value) for name, value in values.items()}
    return None
