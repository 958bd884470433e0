"""The XML of one sheet of an .xlsx: how far its cells reach, and which of them hold a formula or an error but no value.

A roster of 100,000 rows has a million cells, so the usual sheet is judged by a few searches over its bytes, and of an
unusual one only the unusual rows are looked at cell by cell. Byte searches, because a pattern costs ten times as much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend.sheets.grid import Limits, check_extent

#: A cell written in any other way than the usual one, or one that lies beyond column Z or row 100,199.
_UNUSUAL = re.compile(rb'<c(?! r="[A-Z](?:[0-9]{1,5}|100[01][0-9]{2})")[\s/>]')
_WITHIN = Limits(columns=26, rows=100_000, title_rows=199)
#: What stands in every row with a formula or an error; a word too many costs time only.
_TELLING = (b"<f", b'"e"', b"'e'")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_PREFIX = re.compile(rb"<(/?)[A-Za-z_][\w.-]*:")
_ROW = re.compile(rb"<row(?=[\s>/])")
_PLACE = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{0,4})([0-9]{1,9})[\"']")
_TYPE = re.compile(rb"\bt\s*=\s*[\"'](\w+)[\"']")
_FORMULA = re.compile(rb"<f[\s/>]")
_VALUE = re.compile(rb"<v(?:\s[^>]*)?>[^<]")
_ANY_VALUE = re.compile(rb"<(?:v|is)[\s/>]")


def scan(xml: bytes, sheet: str, limits: Limits) -> set[tuple[int, int]]:
    """(row from 1, column from 0) of the cells without the value they should have. Raises Refused when cells lie too
    far out."""
    if b"<!--" in xml:
        xml = _COMMENT.sub(b"", xml)
    if b":row" in xml or b":c" in xml:
        xml = _PREFIX.sub(rb"<\1", xml)
    within = (
        limits.columns >= _WITHIN.columns
        and limits.last_row >= _WITHIN.last_row
        and limits.cells >= _WITHIN.columns * _WITHIN.last_row
    )
    if within and not _UNUSUAL.search(xml) and not any(word in xml for word in _TELLING):
        return set()
    broken: set[tuple[int, int]] = set()
    last_row = last_column = 0
    for number, line in _rows(xml):
        if within and not _UNUSUAL.search(line) and not any(word in line for word in _TELLING):
            continue
        for row, column, says, content in _cells(line, number):
            if _ANY_VALUE.search(content) or _FORMULA.search(content):
                last_row, last_column = max(last_row, row), max(last_column, column)
                if _is_broken(says, content):
                    broken.add((row, column - 1))
    check_extent(last_row, last_column, sheet, limits)
    return broken


def _rows(xml: bytes) -> Iterator[tuple[int, bytes]]:
    """Each row with its number; one that does not say it follows the one before."""
    number = 0
    starts = [found.end() for found in _ROW.finditer(xml)]
    for start, end in zip(starts, [*starts[1:], len(xml)], strict=True):
        place = _PLACE.search(xml, start, xml.find(b">", start) + 1)
        number = int(place[2]) if place else number + 1
        yield number, xml[start:end]


def _cells(line: bytes, number: int) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Row, column from 1, attributes and content of each cell; one that does not say its place follows the one before."""
    column = 0
    for piece in line.split(b"<c")[1:]:
        if piece[:1] not in b" \t\r\n/>":
            # Another element, such as the colour of a text.
            continue
        says, _, content = piece.partition(b">")
        place = _PLACE.search(says)
        column = _column(place[1]) if place and place[1] else column + 1
        yield (int(place[2]) if place else number), column, says, content if not says.endswith(b"/") else b""


def _is_broken(says: bytes, content: bytes) -> bool:
    kind = _TYPE.search(says)
    if kind and kind[1] == b"e":
        return True
    if not _FORMULA.search(content) or _VALUE.search(content):
        return False
    # A formula whose result is the empty text is computed; one that was never computed has no value at all.
    return not (kind and kind[1] == b"str" and _ANY_VALUE.search(content))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
