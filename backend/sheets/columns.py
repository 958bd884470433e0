"""The vocabulary of sheets: what an area says of its columns, and what reading one file gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

#: What a cell holds before anybody has read it.
Raw = str | int | float | bool | date | datetime | None


class Cell(NamedTuple):
    """One cell. A tuple, because a roster has a million of them and a frozen dataclass takes three times as long."""

    #: What the user sees, cleaned.
    text: str
    value: Raw = None
    #: A formula without a value, or an error such as #N/A.
    broken: bool = False
    #: Whether the workbook counts its days from 1904, which only whoever reads a bare number as a day needs.
    date1904: bool = False


class Unreadable(ValueError):
    """One cell cannot be read. Carries the sentence for the user and the code of the fault."""

    def __init__(self, sentence: str, code: str = "cell.value") -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code


class Refused(Exception):
    """The whole file is refused. Carries the code and the sentence with the way out."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


@dataclass(frozen=True)
class Column:
    """One column: the field it fills, the header it stands under, and how a cell of it is read.

    `read` raises Unreadable, and gives what JSON can hold, a date or a datetime, because it runs in another process.
    """

    name: str
    header: str
    read: Callable[[Cell], Any]
    required: bool = False
    #: Other headers under which people send the same thing.
    aliases: tuple[str, ...] = ()
    help: str = ""
    #: The words of the drop-down list.
    choices: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True)
class Sheet:
    """One kind of sheet. `key` names the fields that together may stand in one row only."""

    kind: str
    title: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell, or with one row when `field` is None."""

    #: Counted from 1, as the user sees it.
    row: int
    field: str | None
    #: The user's own header; empty for the whole row.
    header: str
    value: str
    code: str
    sentence: str


class Row(NamedTuple):
    """One row of data. A field whose cell is blank is not in `values`: a blank cell says nothing."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Parsed:
    """What one file says."""

    #: The name of the sheet that was read, as the user sees it on its tab.
    sheet: str
    #: By field, the user's own header.
    headers: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    #: Rows left out, with the reason in words.
    ignored: list[tuple[int, str]] = field(default_factory=list)
    #: Headers that nobody knows; their columns were not read.
    unknown: list[str] = field(default_factory=list)
    #: By field, the column's place, counted from 0; the report colours cells by it.
    places: dict[str, int] = field(default_factory=dict)
    #: The first and the last row of the header, counted from 1.
    header_rows: tuple[int, int] = (1, 1)
