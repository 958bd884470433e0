"""One grid read as one kind of sheet: every row, and every fault of every row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from backend.sheets.cleaning import compact
from backend.sheets.columns import Cell, Column, Fault, Parsed, Refused, Row, Sheet, Unreadable
from backend.sheets.grid import Grid, Limits
from backend.sheets.headers import Header, find_header, fit, header_faults, is_problem, is_serial
from backend.sheets.identity import refuse_identity_headers

#: Signs that people draw through a cell to say that nothing belongs there.
BLANK = frozenset({"", "-", "--", "—", "——", "–", "/", "／", "\\", "－"})
_TOTAL = re.compile(
    r"(?:本页|本组|本村|全组|全村|全镇|全乡)?(?:合计|小计|总计|共计|累计)(?:[:(（].*|\d.*)?|.{1,12}(?:合计|小计|总计)"
)
_NOTE = re.compile(
    r"(?:填表|制表|填报|审核|复核|审批|负责|经办|统计|联系|签字|签名|盖章|单位|村主任|支部书记|村书记|书记|备注|说明|注意|注|附|填写|日期|时间)"
    r"[^:]{0,8}:.*"
    r"|(?:备注|说明|填表说明|填写说明|注意事项|以下空白|(?:填表|制表|审核|填报)人?)|第\d+页.*|共\d+页.*|注\d.*|[※★].*"
)
#: Texts that are looked at twice, found in one search.
_SUSPECT = re.compile("[计表核批责办签盖单书备说注附填日时联统页空※★]")
#: How many readings of one column are kept: words of lists and names of villages come back, telephone numbers do not.
_KEPT = 5_000
_STEP = 2_000
#: Longest value that a fault repeats.
_SHOWN = 200


def parse(
    grid: Grid,
    sheet: Sheet,
    limits: Limits | None = None,
    progress: Callable[[int, int, list[Row]], None] | None = None,
) -> Parsed:
    """Read every row below the header. Raises Refused when no header or no row is found, or there are too many.

    `progress` is told how far it is, of how many rows, and which rows have been read since it was told last.
    """
    header = find_header(grid, sheet)
    if header is None:
        raise _no_header(grid, sheet)
    refuse_identity_headers(grid, header.names)
    return _Reading(grid, sheet, header).parsed((limits or Limits()).rows, progress or (lambda done, total, rows: None))


def _no_header(grid: Grid, sheet: Sheet) -> Refused:
    wanted = "、".join(column.header for column in sheet.columns if column.required) or sheet.columns[0].header
    fullest = max(range(1, min(10, len(grid.raws)) + 1), key=lambda number: sum(1 for c in grid.row(number) if c.text))
    found = "、".join(cell.text.replace("\n", "")[:20] for cell in grid.row(fullest) if cell.text)[:120]
    return Refused(
        "file.header",
        f"工作表“{grid.name}”里没有找到“{sheet.title}”的表头。表头应有：{wanted}。第 {fullest} 行现在是：{found}。"
        "请下载模板，把数据粘贴到模板里再上传。",
    )


class _Reading:
    """One pass over the rows."""

    def __init__(self, grid: Grid, sheet: Sheet, header: Header) -> None:
        self._grid, self._sheet, self._header = grid, sheet, header
        self._faults, self._unknown = header_faults(header, sheet)
        self._rows: list[Row] = []
        self._ignored: list[tuple[int, str]] = []
        places = header.places
        self._columns: list[tuple[int, Column, dict[str, Any]]] = [
            (places[column.name], column, {}) for column in sheet.columns if column.name in places
        ]
        mapped = {place for place, _, _ in self._columns}
        self._first_mapped = min(mapped)
        #: Columns that say nothing of a row by themselves.
        self._silent = {c for c, name in enumerate(header.names) if is_serial(name) or is_problem(name)} - mapped
        self._problem = {c for c, name in enumerate(header.names) if is_problem(name)}
        self._required = {place for place, column, _ in self._columns if column.required}
        self._titles = {
            compact(cell.text) for number in range(1, header.first) for cell in grid.row(number) if cell.text
        }
        self._header_texts = [
            [compact(cell.text) for cell in grid.row(number)] for number in range(header.first, header.last + 1)
        ]
        self._header_words = {text for texts in self._header_texts for text in texts if text}
        self._example = {place: compact(column.example) for place, column, _ in self._columns if column.example}
        self._carried, self._wide = self._merges(mapped)
        self._seen: dict[tuple[Any, ...], int] = {}

    def _merges(self, mapped: set[int]) -> tuple[dict[tuple[int, int], Cell], dict[int, int]]:
        """What vertical merges carry down, by cell; and by row, how wide its widest merge is."""
        carried: dict[tuple[int, int], Cell] = {}
        wide: dict[int, int] = {}
        steps = 0
        for r1, c1, r2, c2 in self._grid.merges:
            if r1 <= self._header.last:
                continue
            steps += r2 - r1
            if steps > 5_000_000:
                raise Refused("file.merges", "合并的单元格太多，读不完。请取消合并单元格，补上每一行，再上传。")
            wide[r1] = max(wide.get(r1, 0), c2 - c1 + 1)
            if c1 in mapped and r2 > r1:
                line = self._grid.row(r1)
                cell = line[c1] if c1 < len(line) else Cell("")
                for row in range(r1 + 1, r2 + 1):
                    carried[row, c1] = cell
        return carried, wide

    def parsed(self, most: int, progress: Callable[[int, int, list[Row]], None]) -> Parsed:
        grid, last, told = self._grid, len(self._grid.raws), 0
        while last > self._header.last and grid.is_blank(last):
            last -= 1
        for number in range(self._header.last + 1, last + 1):
            if number % _STEP == 0:
                progress(number, last, self._rows[told:])
                told = len(self._rows)
            cells = grid.row(number)
            reason = self._left_out(number, cells)
            if reason:
                self._ignored.append((number, reason))
                continue
            if len(self._rows) >= most:
                raise Refused("file.rows", f"最多 {most} 行数据，这个文件超过了。请分成几个文件上传。")
            self._read(number, cells)
        if not self._rows:
            raise Refused(
                "file.no_rows",
                f"工作表“{grid.name}”只有表头，没有数据。请从表头下面一行开始填写（示例行不算），再上传。",
            )
        progress(last, last, self._rows[told:])
        headers = {column.name: self._header.names[place] for place, column, _ in self._columns}
        return Parsed(
            grid.name, headers, self._rows, self._faults, self._ignored, self._unknown, self._header.places,
            (self._header.first, self._header.last),
        )  # fmt: skip

    def _left_out(self, number: int, cells: list[Cell]) -> str:
        """Why the row is no data, or an empty string."""
        filled = [
            (place, cell.text)
            for place, cell in enumerate(cells)
            if (cell.text or cell.broken) and place not in self._problem
        ]
        telling = [(place, text) for place, text in filled if place not in self._silent]
        if not telling:
            return self._without_words(filled)
        first_place, first = telling[0][0], _tight(telling[0][1])
        if len(telling) == 1 and (
            first in self._titles or self._wide.get(number, 0) >= max(3, len(self._columns) // 2)
        ):
            return "标题或说明行"
        if first in self._header_words:
            for texts in self._header_texts:
                if all(place < len(texts) and _tight(text) == texts[place] for place, text in telling):
                    return "重复的表头"
        if self._example.get(first_place) == first and self._is_example(telling):
            return "模板里的示例行"
        return self._by_words(filled, telling)

    def _without_words(self, filled: list[tuple[int, str]]) -> str:
        if not filled:
            return "空行"
        words = _plain(filled[0][1])
        if _TOTAL.fullmatch(words):
            return "合计行"
        return "说明或签名行" if _NOTE.fullmatch(words) else "只有序号"

    def _is_example(self, telling: list[tuple[int, str]]) -> bool:
        same = sum(1 for place, text in telling if self._example.get(place) == _tight(text))
        return same == len(telling) and 2 * same >= len(self._example)

    def _by_words(self, filled: list[tuple[int, str]], telling: list[tuple[int, str]]) -> str:
        """Totals and signatures, which stand at the beginning of a row in which nothing required is said."""
        # Nearly every row ends here.
        if not _SUSPECT.search(telling[0][1]) and not _SUSPECT.search(filled[0][1]):
            return ""
        suspects = [(place, _plain(text)) for place, text in filled if _SUSPECT.search(text)]
        place, words = suspects[0]
        begins = place == filled[0][0] or place == telling[0][0]
        others = {other for other, _ in telling} - {other for other, _ in suspects}
        # A name in a required column makes it a row of data, unless the word stands before all columns that are read.
        leads = place <= self._first_mapped
        if begins and _TOTAL.fullmatch(words) and (leads or not others & self._required):
            return "合计行"
        if begins and _NOTE.fullmatch(words) and (leads or not others & self._required):
            return "说明或签名行"
        return ""

    def _read(self, number: int, cells: list[Cell]) -> None:
        values: dict[str, Any] = {}
        faults = len(self._faults)
        for place, column, kept in self._columns:
            cell = cells[place] if place < len(cells) else _NOTHING
            if not cell.text and not cell.broken:
                cell = self._carried.get((number, place), cell)
            if cell.text not in BLANK:
                # What a text says is looked at once; 1 and True and a day may look alike, so it is kept of texts only.
                is_text = type(cell.value) is str
                found = kept.get(cell.text, _NOT_KEPT) if is_text else _NOT_KEPT
                if found is _NOT_KEPT:
                    found = _outcome(column, cell)
                    if is_text and len(kept) < _KEPT:
                        kept[cell.text] = found
            elif cell.broken:
                found = _BROKEN
            elif column.required:
                found = Unreadable(f"请填写{column.header}。", "cell.required")
            else:
                continue
            if type(found) is Unreadable:
                header = self._header.names[place]
                self._faults.append(Fault(number, column.name, header, cell.text[:_SHOWN], found.code, found.sentence))
            else:
                values[column.name] = found
        if self._sheet.key and len(self._faults) == faults:
            self._find_double(number, values)
        self._rows.append(Row(number, values))

    def _find_double(self, number: int, values: dict[str, Any]) -> None:
        said = tuple(values.get(name) for name in self._sheet.key)
        if None in said:
            return
        first = self._seen.setdefault(said, number)
        if first != number:
            names = "、".join(
                self._header.names[place] for place, column, _ in self._columns if column.name in self._sheet.key
            )
            sentence = f"和第 {first} 行重复（{names}都相同），请删去其中一行。"
            self._faults.append(Fault(number, None, "", "", "row.duplicate", sentence))


_NOTHING = Cell("")
_NOT_KEPT = object()
_BROKEN = Unreadable(
    "这一格是公式，但没有算出结果，或者结果是错误（如 #N/A）。请在 Excel 里改好，或直接填写内容。", "cell.broken"
)


def _outcome(column: Column, cell: Cell) -> Any:
    """The value, or the Unreadable that says why there is none."""
    try:
        return column.read(cell)
    except Unreadable as fault:
        return fault


def _tight(text: str) -> str:
    """A text of a cell, which is clean already, without its spaces."""
    return "".join(text.split()) if " " in text or "\n" in text else text


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", compact(text))


__all__ = ["fit", "parse"]
