"""What the child that reads says to the program, one line of JSON at a time: nothing in it is ever executed.

Upwards: {"progress": [done, of]}, {"rows": [[number, values], …]}, {"faults": […]}, {"ignored": […]}, and at the end
{"parsed": {…}}, {"file": length} with that many bytes after it, {"refused": [code, sentence]} or {"failed": "where"}.
A day is {"day": "2026-11-08"}, because JSON has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

import orjson

from backend.sheets.columns import Fault, Parsed, Row

#: A line is closed when it is this long, so that whoever takes it is never busy for long.
_LINE = 256 * 1024


def _day(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    raise TypeError(f"a reader gave {type(value).__name__}, which JSON cannot hold")


def _revived(value: Any) -> Any:
    if type(value) is dict:
        if "day" in value:
            return date.fromisoformat(value["day"])
        if "moment" in value:
            return datetime.fromisoformat(value["moment"])
    return value


def _lines(name: str, items: Iterable[Any]) -> Iterator[bytes]:
    gathered: list[bytes] = []
    length = 0
    for item in items:
        packed = orjson.dumps(item, _day, orjson.OPT_PASSTHROUGH_DATETIME)
        gathered.append(packed)
        length += len(packed)
        if length > _LINE:
            yield b'{"%s":[%s]}\n' % (name.encode(), b",".join(gathered))
            gathered, length = [], 0
    if gathered:
        yield b'{"%s":[%s]}\n' % (name.encode(), b",".join(gathered))


def fault_items(faults: Iterable[Fault]) -> Iterator[list[Any]]:
    return ([each.row, each.field, each.header, each.value, each.code, each.sentence] for each in faults)


def fault_lines(faults: Iterable[Fault]) -> Iterator[bytes]:
    """Faults as lines, in either direction."""
    return _lines("faults", fault_items(faults))


def faults_of(items: list[Any]) -> list[Fault]:
    return [Fault(*item) for item in items]


def row_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    # orjson takes a tuple, but no tuple with names.
    return _lines("rows", ((row.number, row.values) for row in rows))


def rest_lines(parsed: Parsed) -> Iterator[bytes]:
    """Everything that was read beside the rows, the last line saying that it is all."""
    yield from fault_lines(parsed.faults)
    yield from _lines("ignored", parsed.ignored)
    rest = {
        "sheet": parsed.sheet,
        "headers": parsed.headers,
        "unknown": parsed.unknown,
        "places": parsed.places,
        "header_rows": parsed.header_rows,
    }
    yield message(parsed=rest)


def message(**what: Any) -> bytes:
    return orjson.dumps(what) + b"\n"


class Gathering:
    """Puts the lines together again."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._faults: list[Fault] = []
        self._ignored: list[tuple[int, str]] = []
        self.parsed: Parsed | None = None

    def take(self, line: dict[str, Any]) -> None:
        match line:
            case {"rows": rows}:
                self._rows += [
                    Row(
                        number,
                        {name: _revived(value) if type(value) is dict else value for name, value in values.items()},
                    )
                    for number, values in rows
                ]
            case {"faults": faults}:
                self._faults += faults_of(faults)
            case {"ignored": ignored}:
                self._ignored += [(number, reason) for number, reason in ignored]
            case {"parsed": rest}:
                self.parsed = Parsed(
                    rest["sheet"], rest["headers"], self._rows, self._faults, self._ignored, rest["unknown"],
                    rest["places"], (rest["header_rows"][0], rest["header_rows"][1]),
                )  # fmt: skip
