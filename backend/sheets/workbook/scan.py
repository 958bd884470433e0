"""The XML of one sheet of an .xlsx: how far its cells reach, and which of them hold a formula or an error but no value.

A roster of 100,000 rows has a million cells, so the usual sheet is judged by two searches over its bytes. Only when
they meet something unusual is every cell looked at.
"""

from __future__ import annotations

import re

from backend.sheets.grid import Limits, check_extent

#: A cell written in any other way than the usual one, or one that lies beyond column Z or row 99,999.
_UNUSUAL = re.compile(rb'<c(?! r="[A-Z][0-9]{1,5}")[\s/>]|<[A-Za-z_][\w.-]*:c[\s/>]')
#: A formula, or a cell that says of itself that it holds an error.
_NEEDS_LOOK = re.compile(rb"<(?:\w+:)?f[\s/>]|\bt\s*=\s*[\"']e[\"']")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_ROW_OR_CELL = re.compile(
    rb"<(?:[\w.-]+:)?(?:row((?:\s[^>]*)?)>|c((?:\s[^>]*?)?)(?:/>|>(.*?)</(?:[\w.-]+:)?c\s*>))", re.DOTALL
)
_PLACE = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{0,4})([0-9]{1,9})[\"']")
_TYPE = re.compile(rb"\bt\s*=\s*[\"'](\w+)[\"']")
_FORMULA = re.compile(rb"<(?:[\w.-]+:)?f[\s/>]")
_VALUE = re.compile(rb"<(?:[\w.-]+:)?v(?:\s[^>]*)?>[^<]")
_ANY_VALUE = re.compile(rb"<(?:[\w.-]+:)?(?:v|is)[\s/>]")


def scan(xml: bytes, sheet: str, limits: Limits) -> set[tuple[int, int]]:
    """(row from 1, column from 0) of the cells without the value they should have. Raises Refused when cells lie too
    far out."""
    within = limits.columns >= 26 and limits.last_row >= 100_000 and limits.cells >= 26 * 100_000
    if within and not _UNUSUAL.search(xml) and not _NEEDS_LOOK.search(xml):
        return set()
    if b"<!--" in xml:
        xml = _COMMENT.sub(b"", xml)
    broken: set[tuple[int, int]] = set()
    row, column, last_row, last_column = 0, 0, 0, 0
    for found in _ROW_OR_CELL.finditer(xml):
        row_says, cell_says, content = found.groups()
        if row_says is not None:
            place = _PLACE.search(row_says)
            row, column = int(place[2]) if place else row + 1, 0
            continue
        place = _PLACE.search(cell_says or b"")
        # A cell may leave out where it stands: it follows the one before.
        column = _column(place[1]) if place and place[1] else column + 1
        at = int(place[2]) if place else row
        if content is None or not (_ANY_VALUE.search(content) or _FORMULA.search(content)):
            continue
        last_row, last_column = max(last_row, at), max(last_column, column)
        if _is_broken(cell_says or b"", content):
            broken.add((at, column - 1))
            if len(broken) > limits.cells:
                break
    check_extent(last_row, last_column, sheet, limits)
    return broken


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
