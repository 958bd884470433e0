"""Tables of HTML pages that a system saved under the name .xls."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from backend.sheets.columns import Refused
from backend.sheets.grid import Grid, Limits, check_extent
from backend.sheets.workbook.plain import decoded

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]+)", re.IGNORECASE)
_SILENT = frozenset({"script", "style", "title"})
_BREAKS = frozenset({"br", "p", "div", "li"})
_SPACE = re.compile(r"[ \t\r\n\f]+")


def read(content: bytes, name: str, limits: Limits) -> list[Grid]:
    """Each table of the page, the inner ones as text of the outer. Raises Refused."""
    tables = _Tables(limits, name)
    tables.feed(_decoded(content))
    tables.close()
    tables.end_row()
    many = len(tables.found) > 1
    return [
        Grid(f"{name} 第 {number} 个表格" if many else name, raws, merges)
        for number, (raws, merges) in enumerate(tables.found, 1)
    ]


def _decoded(content: bytes) -> str:
    named = _CHARSET.search(content[:4096])
    if named and named[1].lower() in {b"gb2312", b"gbk", b"gb18030"} and not content.startswith(b"\xef\xbb\xbf"):
        return content.decode("gb18030", "replace")
    return decoded(content)


class _Tables(HTMLParser):
    """Puts the cells where a browser shows them, with their spans."""

    def __init__(self, limits: Limits, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.limits, self.name = limits, name
        self.found: list[tuple[list[list[str]], list[tuple[int, int, int, int]]]] = []
        self._depth = self._silent = 0
        self._cells: list[tuple[int, int, list[str]]] | None = None
        self._text: list[str] | None = None
        #: By column, how many further rows a cell from above reaches into.
        self._reaching: dict[int, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.end_row()
                self.found.append(([], []))
                self._reaching = {}
        elif self._depth == 1 and tag == "tr":
            self.end_row()
            self._cells = []
        elif self._depth == 1 and tag in {"td", "th"}:
            if self._cells is None:
                self._cells = []
            given = dict(attrs)
            self._text = []
            self._cells.append((_span(given.get("rowspan")), _span(given.get("colspan")), self._text))
            if len(self._cells) > self.limits.columns:
                check_extent(1, len(self._cells), self.name, self.limits)
        elif tag in _BREAKS and self._text:
            self._text.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _BREAKS:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "table":
            if self._depth == 1:
                self.end_row()
            self._depth = max(0, self._depth - 1)
        elif self._depth == 1 and tag in {"td", "th"}:
            self._text = None
        elif self._depth == 1 and tag == "tr":
            self.end_row()

    def handle_data(self, data: str) -> None:
        if self._text is not None and not self._silent:
            self._text.append(_SPACE.sub(" ", data))

    def end_row(self) -> None:
        """Lay out the cells gathered since the row began; rows and cells may end without a tag."""
        cells, self._cells, self._text = self._cells, None, None
        if cells is None:
            return
        raws, merges = self.found[-1]
        number, column = len(raws) + 1, 0
        line: list[str] = []
        reaching = {place: left - 1 for place, left in self._reaching.items() if left > 1}
        for rows, columns, text in cells:
            while self._reaching.get(column):
                column += 1
            line.extend([""] * (column - len(line)))
            line.append("".join(text).strip())
            rows, columns = min(rows, self.limits.last_row), min(columns, self.limits.columns + 1)
            if rows > 1 or columns > 1:
                merges.append((number, column, number + rows - 1, column + columns - 1))
            if rows > 1:
                reaching |= dict.fromkeys(range(column, column + columns), rows - 1)
            column += columns
        self._reaching = reaching
        raws.append(line)
        last = max((place for place, value in enumerate(line, 1) if value), default=0)
        check_extent(number, min(last, max(1, self.limits.columns + 1)), self.name, self.limits)
        del line[self.limits.columns :]


def _span(value: str | None) -> int:
    return max(1, int(value)) if value and value.isascii() and value.isdigit() and len(value) < 7 else 1


def refuse_without_tables(grids: list[Grid]) -> list[Grid]:
    """A page without a table is no sheet. Raises Refused."""
    if not grids:
        raise Refused("file.not_a_sheet", "这是网页，里面没有表格。请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。")
    return grids
