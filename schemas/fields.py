"""The kinds of values on the wire, strict, with sentences a villager understands.

Every field knows a quick way: `sure(value)` gives the loaded value when it is certainly right and raises Unsure
otherwise, and then marshmallow decides. So marshmallow stays the only source of what is right and of the words, and
the common body costs a tenth (decision 0008; `tests/http/test_quick.py` holds the two ways equal).
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, missing, validate

from backend.rules.texts import holds_card_number, telephone
from backend.settings import CHINA

REQUIRED: dict[str, str | list[Any] | dict[Any, Any]] = {
    "required": "请填写这一项",
    "null": "这一项不能为空",
    "validator_failed": "这一项不对",
}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})\Z", re.ASCII)


class Unsure(Exception):
    """The quick way cannot tell; marshmallow decides."""


class _Field(fields.Field[Any]):
    """A field with our sentences; subclasses implement `read`, which raises ValueError with a sentence."""

    default_error_messages = REQUIRED

    @abstractmethod
    def read(self, value: Any) -> Any:
        """The loaded value. Raises ValueError with a sentence."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            return self.read(value)
        except ValueError as fault:
            raise ValidationError(str(fault)) from None

    def sure(self, value: Any) -> Any:
        if value is None:
            if self.allow_none:
                return None
            raise Unsure
        try:
            return self.read(value)
        except ValueError:
            raise Unsure from None


class Text(_Field):
    """A text of 1 to `most` characters, trimmed. OpenAPI: string with minLength and maxLength."""

    def __init__(self, most: int, *, least: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most
        self.metadata = {**self.metadata, "type": "string", "minLength": least, "maxLength": most}

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("请填写文字")
        if _UNPRINTABLE.search(value):
            raise ValueError("含有无法显示的字符，请删去后再试")
        text: str = value.strip()
        if len(text) < self.least:
            raise ValueError("请填写这一项" if self.least == 1 else f"至少 {self.least} 个字")
        if len(text) > self.most:
            raise ValueError(f"最多 {self.most} 个字，现在有 {len(text)} 个")
        return text


class TextWithoutCard(Text):
    """A free text in which no number of an identity card or a bank card may stand (docs/rules.md V6, S10)."""

    def read(self, value: Any) -> str:
        text = super().read(value)
        if holds_card_number(text):
            raise ValueError("像是身份证号或银行卡号，请删去；这里不能写。")
        return text


class Telephone(Text):
    """A telephone number as it is dialled: 11 digits of a mobile, or a fixed line with or without area code. Full-width
    digits, spaces and lines between are taken; loaded as digits alone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(20, **kwargs)

    def read(self, value: Any) -> str:
        digits = telephone(super().read(value))
        if digits is None:
            raise ValueError("应为 11 位手机号，或区号加座机号")
        return digits


class Id(_Field):
    """A lower-case UUID string, loaded as UUID."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {**self.metadata, "type": "string", "format": "uuid"}

    def read(self, value: Any) -> UUID:
        if not isinstance(value, str) or not _UUID.match(value):
            raise ValueError("编号格式不对，应为小写的 UUID")
        return UUID(value)


class Day(_Field):
    """A date `YYYY-MM-DD`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {**self.metadata, "type": "string", "format": "date"}

    def read(self, value: Any) -> date:
        try:
            if isinstance(value, str) and _DAY.match(value) and 1900 <= int(value[:4]) <= 2200:
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise ValueError("日期格式应为 2026-11-08")


class Instant(_Field):
    """A moment, RFC 3339 with offset, loaded aware in China time."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {**self.metadata, "type": "string", "format": "date-time"}

    def read(self, value: Any) -> datetime:
        try:
            if isinstance(value, str) and _INSTANT.match(value) and 1900 <= int(value[:4]) <= 2200:
                return datetime.fromisoformat(value).astimezone(CHINA)
        except ValueError:
            pass
        raise ValueError("时间格式应为 2026-11-08T09:30:00+08:00，须带时区")


class Choice(_Field):
    """One of a fixed list of codes."""

    def __init__(self, choices: Iterable[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = tuple(choices)
        self._set = frozenset(self.choices)
        self.metadata = {**self.metadata, "type": "string", "enum": list(self.choices)}

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self._set:
            raise ValueError("只能是 " + "、".join(self.choices) + " 之一")
        return value


class Flag(_Field):
    """true or false, nothing that merely looks like it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {**self.metadata, "type": "boolean"}

    def read(self, value: Any) -> bool:
        if value is not True and value is not False:
            raise ValueError("只能是 true 或 false")
        return bool(value)


class Whole(_Field):
    """A whole number within bounds; in a query string its digits."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most
        self.metadata = {**self.metadata, "type": "integer", "minimum": least, "maximum": most}

    def read(self, value: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            value = int(value)
        if type(value) is not int or not self.least <= value <= self.most:
            raise ValueError(f"应为 {self.least} 到 {self.most} 的整数")
        return value


class Fraction(fields.Float):
    """A share from 0 to 1; only ever dumped."""


class Many(fields.List[Any]):
    """A list of one kind of value, without repetition."""

    default_error_messages = {**REQUIRED, "invalid": "应为列表"}

    def __init__(self, inner: fields.Field[Any], most: int, *, least: int = 0, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        self.least, self.most = least, most
        self.validate = _sized(least, most)
        self.validators = [self.validate]
        self.metadata = {**self.metadata, "minItems": least, "maxItems": most}

    def sure(self, value: Any) -> Any:
        if type(value) is not list or not self.least <= len(value) <= self.most:
            raise Unsure
        sure = getattr(self.inner, "sure", None)
        if sure is None:
            raise Unsure
        loaded = [sure(one) for one in value]
        if len(loaded) > 1 and len(set(loaded)) < len(loaded):
            raise Unsure
        return loaded


def _sized(least: int, most: int) -> Callable[[list[Any]], None]:
    def check(value: list[Any]) -> None:
        if not least <= len(value) <= most:
            raise ValidationError(f"应有 {least} 到 {most} 项，现在有 {len(value)} 项")
        if value and not isinstance(value[0], dict) and len(set(value)) < len(value):
            raise ValidationError("有重复的项")

    return check


class Nest(fields.Nested):
    """An object within an object."""

    default_error_messages = {**REQUIRED, "type": "应为一个对象"}


class Wire(Schema):
    """The base of all schemas: unknown fields are refused, in words."""

    error_messages = {"unknown": "不认识这一项，请检查名称", "type": "应为一个 JSON 对象"}


class PageQuery(Wire):
    """`?cursor=&limit=`, the query of every list."""

    cursor = Text(400, load_default=None)
    limit = Whole(1, 200, load_default=50)


def page_of(row: type[Wire]) -> type[Wire]:
    """The schema of a page: `{items: […], next: cursor or null}`."""
    members: dict[str, Any] = {
        "items": fields.List(fields.Nested(row), required=True),
        "next": fields.String(required=True, allow_none=True),
    }
    return type(row.__name__.removesuffix("Row").removesuffix("Out") + "Page", (Wire,), members)


def path_messages(messages: Any, path: str = "") -> dict[str, list[str]]:
    """marshmallow's nested messages as `{path: [sentence]}`, for example `visits.3.mode`."""
    if isinstance(messages, str):
        messages = [messages]
    if isinstance(messages, list):
        return {path or "body": [str(message) for message in messages]}
    flat: dict[str, list[str]] = {}
    for name, inner in messages.items():
        at = str(name) if name != "_schema" else (path or "body")
        flat |= path_messages(inner, at if name == "_schema" or not path else f"{path}.{name}")
    return flat


__all__ = [
    "Choice", "Day", "Flag", "Fraction", "Id", "Instant", "Many", "Nest", "PageQuery", "Text", "Unsure", "Whole", "Wire",
    "fields", "missing", "page_of", "path_messages", "validate",
]  # fmt: skip
