"""Sheets as files: the template, the report on a sheet that was sent, and exports.

No text is ever written as a formula, and none can become one later. A text that begins with = + - @, a tab or a line
break is written with an apostrophe before it: as a text of an .xlsx it is harmless anyway, but saved as .csv and opened
again a bare =1+1 would be computed, while '=1+1 stays what it is. A cell style (quotePrefix) would be invisible, but is
lost in .csv. Whoever reads a sheet back loses nothing, because `cleaning.clean` takes leading apostrophes away.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from backend.sheets import values
from backend.sheets.columns import Column, Fault, Parsed, Sheet
from backend.sheets.grid import Grid
from backend.sheets.headers import is_problem

#: Excel takes these for the beginning of a formula, in full width too where an input method makes it so.
_FORMULA_BEGINS = frozenset("=+-@\t\r\n＝＋－＠")
#: What a cell, a list of a drop-down in place, a hint and a name of a sheet may hold at most.
_CELL, _LIST, _HINT, _NAME = 32_767, 255, 255, 31
_SHEET_ROWS = 1_048_576
_PROBLEM = "问题"
_ILLEGAL_IN_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_EXACT = 10**15
#: Excel's own number of the format of texts; written as "@" it would become a custom one.
_TEXT = 49


def safe(text: str) -> str:
    """The text as it may stand in a cell."""
    text = _SURROGATES.sub("\ufffd", text)
    if text[:1] in _FORMULA_BEGINS or text.lstrip()[:1] in _FORMULA_BEGINS:
        text = "'" + text
    if len(text) > _CELL:
        # XlsxWriter would leave such a cell out without a word.
        text = text[: _CELL - 1] + "…"
    return text


def sheet_name(title: str, number: int = 1) -> str:
    """A name that Excel takes: no signs of its own language, 31 units of UTF-16 at most."""
    name = _ILLEGAL_IN_NAME.sub(" ", title).strip(" '") or "表格"
    name = "表格" if name.lower() == "history" else name
    ending = f" {number}" if number > 1 else ""
    while len((name + ending).encode("utf-16-le")) // 2 > _NAME:
        name = name[:-1]
    return name + ending


# ---------------------------------------------------------------------------------------------------------- template


def template(sheet: Sheet, rows: int = 5_000) -> bytes:
    """An empty sheet of this kind, and a second one that says how to fill it. Drop-downs reach over `rows` rows.

    All cells are texts, so that Excel neither shortens a telephone number nor turns 2026-11 into something else; a day
    typed as text is read all the same.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        head = book.add_format(
            {"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "vcenter"}
        )
        must = book.add_format(
            {
                "bold": True,
                "bg_color": "#DDEBF7",
                "border": 1,
                "text_wrap": True,
                "valign": "vcenter",
                "font_color": "#C00000",
            }
        )
        text = book.add_format({"num_format": _TEXT})
        grey = book.add_format({"num_format": _TEXT, "font_color": "#808080", "italic": True})
        page = book.add_worksheet(sheet_name(sheet.title))
        guide = book.add_worksheet("填写说明")
        lists = _guide(
            guide, sheet, book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        )
        for place, column in enumerate(sheet.columns):
            page.set_column(place, place, max(12.0, 2.2 * len(column.header) + 4), text)
            page.write_string(
                0, place, safe(column.header + ("*" if column.required else "")), must if column.required else head
            )
            if column.example:
                page.write_string(1, place, safe(column.example), grey)
            page.data_validation(1, place, rows, place, _validation(column, lists.get(column.name)))
        page.set_row(0, 30)
        page.freeze_panes(1, 0)
        page.ignore_errors(
            {"number_stored_as_text": f"A1:{xlsxwriter.utility.xl_rowcol_to_cell(rows, len(sheet.columns))}"}
        )
        page.activate()
    return file.getvalue()


def _hint(column: Column) -> str:
    parts = [column.help, values.DAY_HELP if column.read is values.day and column.help != values.DAY_HELP else ""]
    return "".join(part for part in parts if part)


def _validation(column: Column, listed: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {"validate": "any"}
    if column.choices:
        in_place = ",".join(column.choices)
        fits = len(in_place) <= _LIST and not any("," in word for word in column.choices)
        options = {
            "validate": "list",
            "source": list(column.choices) if fits else listed,
            "error_title": "请从下拉列表里选",
            "error_message": f"“{column.header}”只能填下拉列表里的词。"[:_HINT],
        }
    hint = _hint(column)
    if hint:
        options |= {"input_title": column.header[:32], "input_message": hint[:_HINT]}
    return options


def _guide(page: Worksheet, sheet: Sheet, bold: Format, wrapped: Format) -> dict[str, str]:
    """Write the second sheet. Returns, by field, the range in which its words stand, for lists that are too long."""
    page.set_column(0, 0, 18)
    page.set_column(1, 1, 8)
    page.set_column(2, 2, 80)
    lines = [
        *sheet.notes,
        "表头带 * 的必须填写；别的可以空着，空着表示没有说明，不会删去系统里已有的内容。",
        "第 2 行灰色的是示例，系统不会收；可以删去，也可以留着。",
        "不要改表头，不要加合计行。一行写一条，一格写一项。",
        "不要写身份证号、银行卡号和密码，写了系统不收。",
    ]
    page.write_string(0, 0, safe(f"{sheet.title}：填写说明"), bold)
    row = 1
    for number, line in enumerate(lines, 1):
        page.write_string(row, 0, safe(f"{number}. {line}"))
        row += 1
    row += 1
    for place, word in enumerate(("列名", "必填", "说明")):
        page.write_string(row, place, word, bold)
    lists = {}
    for order, column in enumerate(sheet.columns):
        row += 1
        words = "可填：" + "、".join(column.choices) + "。" if column.choices else ""
        example = f"例如：{column.example}。" if column.example else ""
        page.write_string(row, 0, safe(column.header))
        page.write_string(row, 1, "是" if column.required else "")
        page.write_string(row, 2, safe(_hint(column) + words + example), wrapped)
        if column.choices:
            # Far to the right, where nobody looks; a list in place may have 255 characters only.
            place = 20 + order
            for down, word in enumerate(column.choices):
                page.write_string(down, place, safe(word))
            page.set_column(place, place, None, None, {"hidden": True})
            first, last = (
                xlsxwriter.utility.xl_rowcol_to_cell(r, place, True, True) for r in (0, len(column.choices) - 1)
            )
            lists[column.name] = f"=填写说明!{first}:{last}"
    return lists


# ------------------------------------------------------------------------------------------------------------ report


def report(grid: Grid, parsed: Parsed, faults: Sequence[Fault] | None = None) -> bytes:
    """The sheet as it was sent, every row in its place, with a column 问题 at its end and the faulty cells in colour.

    `faults` replace those of `parsed`, for a caller who has found more. A column 问题 of an earlier report is replaced.
    """
    faults = parsed.faults if faults is None else faults
    by_row: dict[int, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_row[fault.row].append(fault)
    header = parsed.header_rows[0]
    if any(row < 1 for row in by_row):
        # What belongs to no row stands where everybody looks first.
        by_row[header] = [fault for row in sorted(by_row) if row <= header for fault in by_row[row]]
    problem = (
        next((place for place, cell in enumerate(grid.row(header)) if is_problem(cell.text)), max(grid.width, 1))
        if len(grid.raws) >= header
        else grid.width
    )
    file = io.BytesIO()
    # A bare number that is a day must keep counting from the same year.
    with xlsxwriter.Workbook(file, {"constant_memory": True, "date_1904": grid.date1904}) as book:
        page = book.add_worksheet(sheet_name(grid.name))
        _Report(book, page, parsed, problem).write(grid, by_row, _count(faults))
    return file.getvalue()


def _count(faults: Sequence[Fault]) -> str:
    if not faults:
        return f"{_PROBLEM}（没有问题）"
    return f"{_PROBLEM}（共 {len(faults)} 处，涉及 {len({fault.row for fault in faults})} 行）"


class _Report:
    def __init__(self, book: xlsxwriter.Workbook, page: Worksheet, parsed: Parsed, problem: int) -> None:
        self._page, self._parsed, self._problem = page, parsed, problem
        bold = {"bold": True, "bg_color": "#DDEBF7", "text_wrap": True, "valign": "vcenter"}
        self._plain = book.add_format({"num_format": _TEXT})
        self._head = book.add_format(bold)
        self._day, self._bad_day = (book.add_format({"num_format": "yyyy-mm-dd", **more}) for more in ({}, _BAD))
        self._bad = book.add_format({"num_format": _TEXT, **_BAD})
        self._said = book.add_format({"font_color": "#C00000", "text_wrap": True, "valign": "top"})
        self._said_above = book.add_format({**bold, "font_color": "#C00000"})

    def write(self, grid: Grid, by_row: dict[int, list[Fault]], count: str) -> None:
        page, header = self._page, self._parsed.header_rows
        for place in range(grid.width):
            page.set_column(place, place, 14)
        page.set_column(self._problem, self._problem, 60)
        page.freeze_panes(header[1], 0)
        last = max([len(grid.raws), *by_row])
        for number in range(1, last + 1):
            faults = by_row.get(number, [])
            within = header[0] <= number <= header[1]
            bad = (
                {self._parsed.places[f.field] for f in faults if f.field in self._parsed.places}
                if not within
                else set()
            )
            cells = grid.row(number) if number <= len(grid.raws) else []
            for place in range(max(len(cells), max(bad, default=-1) + 1)):
                if place != self._problem:
                    cell = cells[place] if place < len(cells) else grid.cell("")
                    self._cell(number - 1, place, cell.value if not cell.broken else "#无法计算", place in bad, within)
            sentences = "\n".join(
                f"{f.header}：{f.sentence}" if f.header and not within else f.sentence for f in faults
            )
            if number == header[0]:
                page.write_string(
                    number - 1, self._problem, safe("\n".join(filter(None, (count, sentences)))), self._said_above
                )
            elif sentences:
                page.write_string(number - 1, self._problem, safe(sentences), self._said)
        self._merge(grid)

    def _cell(self, row: int, place: int, value: Any, bad: bool, within: bool) -> None:
        page = self._page
        if value is None or value == "":
            if bad:
                page.write_blank(row, place, None, self._bad)
        elif isinstance(value, bool):
            page.write_boolean(row, place, value, self._bad if bad else self._plain)
        elif isinstance(value, date) and value.year >= 1900:
            page.write_datetime(row, place, value, self._bad_day if bad else self._day)
        elif isinstance(value, int | float) and abs(value) < _EXACT:
            # A number keeps being one; the format of texts would show it as a text.
            page.write_number(row, place, value, self._bad if bad else None)
        else:
            page.write_string(row, place, safe(str(value)), self._bad if bad else self._head if within else self._plain)

    def _merge(self, grid: Grid) -> None:
        """The merges of the sheet, those that overlap left out: Excel would call the file damaged.

        `merge_range` writes all cells of a merge at once, which a sheet written row by row cannot take any more.
        """
        taken: set[tuple[int, int]] = set()
        for r1, c1, r2, c2 in grid.merges:
            covered = {(row, column) for row in range(r1, r2 + 1) for column in range(c1, c2 + 1)}
            if len(taken) + len(covered) > 2_000_000:
                return
            if c1 <= self._problem <= c2 or not taken.isdisjoint(covered):
                continue
            taken |= covered
            self._page.merge.append([r1 - 1, c1, r2 - 1, c2])


_BAD = {"bg_color": "#FFC7CE", "font_color": "#9C0006"}


# ------------------------------------------------------------------------------------------------------------- table


def table(title: str, headers: Sequence[str], rows: Iterable[Sequence[Any]], to: Path | None = None) -> bytes:
    """An export: the headers, then the rows, taken one by one. With `to` it is written there and nothing is returned but
    an empty bytes. More rows than one sheet of Excel holds go on in the next."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(str(to) if to else file, {"constant_memory": True}) as book:
        head = book.add_format({"bold": True, "bg_color": "#DDEBF7", "text_wrap": True})
        text = book.add_format({"num_format": _TEXT})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        number, row = 0, _SHEET_ROWS
        page: Worksheet | None = None
        rest = iter(rows)
        line = next(rest, None)
        while page is None or line is not None:
            if row >= _SHEET_ROWS:
                number, row = number + 1, 1
                page = book.add_worksheet(sheet_name(title, number))
                page.freeze_panes(1, 0)
                for place, header in enumerate(headers):
                    page.set_column(place, place, max(12.0, 2.2 * len(header) + 2))
                    page.write_string(0, place, safe(header), head)
            if line is None:
                break
            for place, value in enumerate(line):
                _value(page, row, place, value, text, day, moment)
            row += 1
            line = next(rest, None)
    return file.getvalue()


def _value(page: Worksheet, row: int, place: int, value: Any, text: Format, day: Format, moment: Format) -> None:
    match value:
        case None | "":
            return
        case bool():
            page.write_string(row, place, "是" if value else "否", text)
        case int() | float() if abs(value) < _EXACT:
            page.write_number(row, place, value)
        case datetime() if value.year >= 1900:
            page.write_datetime(row, place, value.replace(tzinfo=None), moment)
        case date() if value.year >= 1900:
            page.write_datetime(row, place, value, day)
        case _:
            page.write_string(row, place, safe(str(value)), text)
