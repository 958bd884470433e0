"""What was found in one sheet of a file, cell by cell, before anybody asks what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from backend.sheets.cleaning import clean
from backend.sheets.columns import Cell, Raw, Refused

#: Texts whose cleaned form is kept: a village stands in every row, a telephone number only in one.
_KEPT = 20_000
_EMPTY = Cell("")
_BROKEN = Cell("", None, True)


@dataclass(frozen=True)
class Limits:
    """How much one file may hold. Each refusal names the number it broke."""

    bytes: int = 20 * 1024 * 1024
    #: Rows of data; titles, headers and notes come on top.
    rows: int = 100_000
    columns: int = 200
    title_rows: int = 200
    #: Rows times columns of the rectangle that holds everything: what a reader has to allocate.
    cells: int = 5_000_000
    #: What the parts of an .xlsx may unpack to, all together.
    unpacked: int = 400 * 1024 * 1024
    parts: int = 5_000

    @property
    def last_row(self) -> int:
        return self.rows + self.title_rows


@dataclass
class Grid:
    """One sheet. Rows count from 1, as the user sees them, columns from 0.

    The raw values are kept and a Cell is made when it is asked for: a million cells at once would be half a gigabyte.
    """

    name: str
    raws: list[list[Any]]
    #: (first row, first column, last row, last column), clipped to what holds values.
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    date1904: bool = False
    #: (row, column) of formulas without a value and of errors.
    broken: set[tuple[int, int]] = field(default_factory=set)
    _cleaned: dict[str, Cell] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._cleaned[""] = _EMPTY
        # Broken cells read as blanks, so the last of them may lie outside of what the reader found.
        for row, column in self.broken:
            while len(self.raws) < row:
                self.raws.append([])
            line = self.raws[row - 1]
            line.extend([""] * (column + 1 - len(line)))
        self._broken_rows = {row for row, _ in self.broken}
        height, width = len(self.raws), max(map(len, self.raws), default=0)
        #: The cells of the longest row.
        self.width = width
        clipped = ((r1, c1, min(r2, height), min(c2, width - 1)) for r1, c1, r2, c2 in self.merges)
        self.merges = [(r1, c1, r2, c2) for r1, c1, r2, c2 in clipped if r2 >= r1 and c2 >= c1 and (r1, c1) != (r2, c2)]

    def row(self, number: int) -> list[Cell]:
        """The cells of the row with this number."""
        # Texts seen before need no call; their keys are texts only, so no number is taken for one.
        kept = self._cleaned.get
        cells = [kept(raw) or self.cell(raw) for raw in self.raws[number - 1]]
        if number in self._broken_rows:
            for column in range(len(cells)):
                if (number, column) in self.broken:
                    cells[column] = _BROKEN
        return cells

    def __iter__(self) -> Iterator[tuple[int, list[Cell]]]:
        """Every row with its number."""
        return ((number, self.row(number)) for number in range(1, len(self.raws) + 1))

    def is_blank(self, number: int) -> bool:
        """Whether nothing a user could see stands in the row."""
        return number not in self._broken_rows and not any(
            raw != "" and (type(raw) is not str or self.cell(raw).text) for raw in self.raws[number - 1]
        )

    def cell(self, raw: Any) -> Cell:
        """The cell that holds this value."""
        if type(raw) is str:
            found = self._cleaned.get(raw)
            if found is None:
                found = Cell(clean(raw), raw)
                if len(self._cleaned) < _KEPT:
                    self._cleaned[raw] = found
            return found
        value, text = seen(raw)
        return Cell(text, value, False, self.date1904)


def seen(raw: Any) -> tuple[Raw, str]:
    """A value that is no text, and what the user sees of it."""
    match raw:
        case None:
            return None, ""
        case bool():
            return raw, "TRUE" if raw else "FALSE"
        case int():
            return raw, str(raw)
        case float():
            if raw.is_integer() and abs(raw) < 1e21:
                return raw, str(int(raw))
            return (raw, format(Decimal(repr(raw)), "f")) if abs(raw) < 1e21 else (raw, repr(raw))
        case datetime():
            return raw, raw.date().isoformat() if raw.time() == time() else raw.isoformat(" ", "seconds")
        case date():
            return raw, raw.isoformat()
        case time():
            return raw.isoformat("minutes"), raw.isoformat("minutes")
        case timedelta():
            minutes = int(raw.total_seconds()) // 60
            return f"{minutes // 60}:{minutes % 60:02}", f"{minutes // 60}:{minutes % 60:02}"
        case _:
            return str(raw), clean(str(raw))


def letters(column: int) -> str:
    """The letters over a column, counted from 0, as the user sees them: A, Z, AA."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def check_extent(last_row: int, last_column: int, sheet: str, limits: Limits) -> None:
    """Refuse a sheet whose farthest cells lie too far out. Raises Refused."""
    if last_column > limits.columns:
        raise Refused(
            "file.columns",
            f"工作表“{sheet}”最多 {limits.columns} 列，现在第 {last_column} 列（{letters(last_column - 1)} 列）还有内容。"
            "请删去多余的列，保存后再上传。",
        )
    if last_row > limits.last_row:
        raise Refused(
            "file.rows",
            f"工作表“{sheet}”最多 {limits.rows} 行数据，现在第 {last_row} 行还有内容。"
            "请删去下面多余的行，或分成几个文件上传。",
        )
    if last_row * last_column > limits.cells:
        raise Refused(
            "file.cells",
            f"工作表“{sheet}”有 {last_row} 行、{last_column} 列，超过 {limits.cells} 格。"
            "请删去不用的列，或分成几个文件上传。",
        )
