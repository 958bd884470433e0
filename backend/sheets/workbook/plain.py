"""Texts with separators: .csv and what is one under another name."""

from __future__ import annotations

import codecs
import csv
import io

from backend.sheets.columns import Refused
from backend.sheets.grid import Grid, Limits, check_extent

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
#: Lines from which the separator is guessed.
_SAMPLE = 30


def decoded(content: bytes) -> str:
    """The text in whichever encoding it was written. Raises Refused when it is no text."""
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            try:
                return content[len(bom) :].decode(encoding)
            except UnicodeDecodeError:
                raise _no_text() from None
    if b"\0" in content:
        raise _no_text()
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _no_text()


def _no_text() -> Refused:
    return Refused(
        "file.not_a_sheet", "这不是表格文件，或者文件已损坏。请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。"
    )


def read(content: bytes, name: str, limits: Limits) -> Grid:
    """The one sheet of a text with separators. Raises Refused."""
    text = decoded(content)
    raws: list[list[str]] = []
    columns = 0
    try:
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text)):
            raws.append(line)
            if len(line) > limits.columns and any(line[limits.columns :]):
                columns = max(columns, max(place for place, value in enumerate(line, 1) if value))
            if len(raws) > limits.last_row and any(line):
                check_extent(len(raws), 1, name, limits)
    except csv.Error:
        raise Refused(
            "file.damaged", "这个 .csv 文件的引号不成对，读不下去。请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。"
        ) from None
    while raws and not any(raws[-1]):
        raws.pop()
    check_extent(len(raws), columns or min(limits.columns, max(map(len, raws), default=0)), name, limits)
    return Grid(name, [line[: limits.columns] for line in raws])


def _separator(text: str) -> str:
    """The separator under which most lines have the same number of fields, and more than one."""
    sample = text[:20_000]
    best, best_score = ",", (0, 0)
    for separator in ",;\t":
        try:
            lines = [line for line in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if any(line)]
        except csv.Error:
            continue
        # The last line of a sample may be cut.
        widths = [len(line) for line in (lines[:-1] or lines)[:_SAMPLE] if len(line) > 1]
        common = max(set(widths), key=widths.count, default=0)
        score = (widths.count(common), common)
        if score > best_score:
            best, best_score = separator, score
    return best
