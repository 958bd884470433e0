"""Where the header of a sheet is, and which of its columns is which field."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from backend.sheets.cleaning import compact
from backend.sheets.columns import Column, Fault, Sheet
from backend.sheets.grid import Grid, letters

#: The header is looked for in this many rows; above it stand titles and notes.
ROWS = 40
#: What a column that only counts its rows is called.
_SERIAL = frozenset({"序号", "序", "编号", "行号", "顺序号", "no", "no."})
_PROBLEM = re.compile(r"问题(?:\(|$)")
_BRACKETS = re.compile(r"\(.*?\)|\[.*?\]|【.*?】")
_MARKS = re.compile(r"[*:;,.、/\\|_\"'“”#]|-(?![0-9])")
#: How alike a misspelt header must be to the right one.
_ALIKE = 0.6


def key(text: str) -> str:
    """What two headers have in common that a reader takes for the same: no spaces, stars, colons and widths."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", compact(text))).lower()


def short_key(text: str) -> str:
    """The same without what stands in brackets: 联系电话（手机） is 联系电话."""
    return key(_BRACKETS.sub("", unicodedata.normalize("NFKC", compact(text))))


def is_serial(text: str) -> bool:
    return key(text) in _SERIAL


def is_problem(text: str) -> bool:
    """Whether this is the column that our own report added."""
    return _PROBLEM.match(key(text)) is not None


@dataclass
class Header:
    """The header as found. `names` are the user's own words by column, for two rows 户主/姓名."""

    first: int
    last: int
    names: list[str]
    #: By field, all columns that claim it, counted from 0.
    claims: dict[str, list[int]] = field(default_factory=dict)

    @property
    def places(self) -> dict[str, int]:
        return {name: columns[0] for name, columns in self.claims.items()}

    @property
    def doubled(self) -> int:
        return sum(len(columns) - 1 for columns in self.claims.values())

    def unclaimed(self) -> list[int]:
        """Columns with a header that no field claims; those that count rows, and our own, are no question."""
        claimed = {column for columns in self.claims.values() for column in columns}
        return [
            column
            for column, name in enumerate(self.names)
            if name and column not in claimed and not is_serial(name) and not is_problem(name)
        ]


def find_header(grid: Grid, sheet: Sheet) -> Header | None:
    """The one or two rows under which most columns are known, or None when no row looks like a header."""
    known = _known(sheet.columns)
    above = _spread(grid)
    best: Header | None = None
    best_score = (min(2, len(sheet.columns)) - 1, 0, 0, 0)
    for row in range(1, min(ROWS, len(grid.raws)) + 1):
        if grid.is_blank(row):
            continue
        for header in (_one_row(grid, row, known), _two_rows(grid, row, above, known)):
            if header is None:
                continue
            # Of two that know as much the one with fewer columns in doubt, then the shorter, then the upper one.
            score = (len(header.claims), -header.doubled, -(header.last - header.first), -row)
            if len(header.claims) > best_score[0] or (best is not None and score > best_score):
                best, best_score = header, score
    return best


def fit(grid: Grid, sheet: Sheet) -> int:
    """How well a sheet of a file fits this kind: the columns known, and whether anything stands below them."""
    header = find_header(grid, sheet)
    if header is None:
        return 0
    filled = any(not grid.is_blank(number) for number in range(header.last + 1, len(grid.raws) + 1))
    return 2 * len(header.claims) + filled


def header_faults(header: Header, sheet: Sheet) -> tuple[list[Fault], list[str]]:
    """What is wrong with the header as a whole, and the headers that nobody knows."""
    faults = []
    by_name = {column.name: column for column in sheet.columns}
    for name, columns in header.claims.items():
        if len(columns) > 1:
            which = "、".join(f"{letters(place)} 列“{header.names[place]}”" for place in columns)
            sentence = f"“{by_name[name].header}”有 {len(columns)} 列：{which}。请只留一列，删去其余的。"
            faults.append(_fault(header, name, header.names[columns[1]], "header.duplicate", sentence))
    missing = {column.name: column for column in sheet.columns if column.name not in header.claims}
    unknown = []
    for place in header.unclaimed():
        written = header.names[place]
        column = _nearest(written, missing.values())
        if column is None:
            unknown.append(written)
            continue
        del missing[column.name]
        sentence = (
            f"{letters(place)} 列“{written}”系统不认识，是不是“{column.header}”？是的话请把表头改成“{column.header}”。"
        )
        faults.append(_fault(header, column.name, written, "header.misspelt", sentence))
    found = "、".join(name for name in header.names if name)
    for column in missing.values():
        if column.required:
            sentence = f"缺少“{column.header}”一列，请补上。现在有的列是：{found}。"
            faults.append(_fault(header, column.name, "", "header.missing", sentence))
    return faults, unknown


def _fault(header: Header, name: str, written: str, code: str, sentence: str) -> Fault:
    return Fault(header.first, name, written, written, code, sentence)


def _nearest(written: str, columns: Iterable[Column]) -> Column | None:
    by_key = {each: column for column in columns for each in map(key, (column.header, *column.aliases))}
    found = difflib.get_close_matches(short_key(written), by_key, 1, _ALIKE)
    return by_key[found[0]] if found else None


def _known(columns: Iterable[Column]) -> dict[str, str]:
    """By key, the field. What one column is really called comes before what another is also called."""
    known: dict[str, str] = {}
    columns = tuple(columns)
    for column in columns:
        known.setdefault(key(column.header), column.name)
    for column in columns:
        for alias in column.aliases:
            known.setdefault(key(alias), column.name)
    for column in columns:
        known.setdefault(short_key(column.header), column.name)
    return known


def _spread(grid: Grid) -> dict[tuple[int, int], tuple[int, int]]:
    """By cell of a merged range among the first rows, the cell that holds its text."""
    above: dict[tuple[int, int], tuple[int, int]] = {}
    for r1, c1, r2, c2 in grid.merges[:5_000]:
        for row in range(r1, min(r2, ROWS + 1) + 1):
            for column in range(c1, c2 + 1):
                above.setdefault((row, column), (r1, c1))
    return above


def _field(text: str, known: dict[str, str]) -> str | None:
    return (known.get(key(text)) or known.get(short_key(text))) if text else None


def _texts(grid: Grid, row: int) -> list[str]:
    cells = [compact(cell.text) for cell in grid.row(row)]
    return cells + [""] * (grid.width - len(cells))


def _one_row(grid: Grid, row: int, known: dict[str, str]) -> Header:
    names = _texts(grid, row)
    claims = defaultdict(list)
    for column, name in enumerate(names):
        claimed = _field(name, known)
        if claimed:
            claims[claimed].append(column)
    return Header(row, row, names, dict(claims))


def _two_rows(
    grid: Grid, row: int, above: dict[tuple[int, int], tuple[int, int]], known: dict[str, str]
) -> Header | None:
    if row >= len(grid.raws) or grid.is_blank(row + 1):
        return None
    tops, bottoms = _texts(grid, row), _texts(grid, row + 1)
    for column, top in enumerate(tops):
        source = above.get((row, column))
        if not top and source is not None:
            tops[column] = _texts(grid, source[0])[source[1]]
        elif not top and column and bottoms[column] and bottoms[column - 1]:
            # A file without merged cells, such as .csv, leaves the cells right of 户主 blank.
            tops[column] = tops[column - 1]
    names, claims = [], defaultdict(list)
    later: dict[str, list[int]] = defaultdict(list)
    for column, (top, bottom) in enumerate(zip(tops, bottoms, strict=True)):
        names.append(f"{top}/{bottom}" if top and bottom and top != bottom else top or bottom)
        claimed = _field(f"{top}{bottom}" if top != bottom else top, known)
        if claimed:
            claims[claimed].append(column)
        elif bottom and (below := _field(bottom, known)):
            later[below].append(column)
    for name, columns in later.items():
        # The lower words alone count where nobody claims the field with both.
        claims.setdefault(name, columns)
    return Header(row, row + 1, names, dict(claims))
