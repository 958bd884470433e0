"""Numbers of identity cards: the system must not hold any, so a sheet in which they stand is refused as a whole."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from backend.sheets.cleaning import compact
from backend.sheets.columns import Refused
from backend.sheets.grid import Grid, letters

#: What the header of such a column ends in, once brackets and stars are gone: 身份证, 户主身份证号码, 证件号 …
_HEADER = re.compile(
    "(?:(?:居民|公民)?身份证(?:件)?(?:号码?|编号)?|(?:公民)?身份证?号码?|证件(?:号码?|编号)|身份代码)$"
)
_BRACKETS = re.compile(r"\(.*?\)|\[.*?\]|【.*?】|[*:：]")
#: The name of a column is looked for among the first rows only.
_HEADER_ROWS = 30
_CANDIDATE = re.compile(r"(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_LONG = re.compile(r"[0-9０-９][0-9０-９Xx\s-]{14}")


def is_identity_number(text: str) -> bool:
    """Whether 18 characters are the number of an identity card: province, day of birth and check digit."""
    if not _CANDIDATE.fullmatch(text) or not _born(text):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == text[17].upper()


def _born(digits: str) -> bool:
    try:
        return (
            11 <= int(digits[:2]) <= 83
            and 1850 <= date.fromisoformat(f"{digits[6:10]}-{digits[10:12]}-{digits[12:14]}").year <= 2200
        )
    except ValueError:
        return False


def is_identity_header(text: str) -> bool:
    """Whether a column with this header holds numbers of identity cards."""
    return bool(_HEADER.search(_BRACKETS.sub("", unicodedata.normalize("NFKC", compact(text)))))


def refuse_identity_headers(grid: Grid, headers: list[str]) -> None:
    """Refuse a sheet with a column for identity numbers, even an empty one: next time it is filled. Raises Refused."""
    for column, header in enumerate(headers):
        if is_identity_header(header):
            raise _refused(grid, 0, column, header)


def refuse_identity_numbers(grid: Grid) -> None:
    """Refuse a sheet with an identity number in any cell. Raises Refused."""
    for number, line in enumerate(grid.raws, 1):
        for column, raw in enumerate(line):
            if type(raw) is str:
                # Nearly all cells are shorter than a number, so their length comes first.
                if len(raw) >= 15 and _LONG.search(raw) and _holds(raw):
                    raise _refused(grid, number, column)
            elif type(raw) in {float, int} and 1e17 <= raw < 1e18 and _born(str(int(raw))):
                # Excel keeps only 15 digits of a figure, so its check digit is lost, and the day of birth tells it.
                raise _refused(grid, number, column)


def _holds(raw: str) -> bool:
    text = unicodedata.normalize("NFKC", raw)
    joined = re.sub(r"[\s-]", "", text)
    return any(is_identity_number(found[0]) for each in (text, joined) for found in _CANDIDATE.finditer(each))


def _refused(grid: Grid, number: int, column: int, header: str = "") -> Refused:
    name = compact(header) or _header_above(grid, number, column)
    named = f"“{name}”一列（{letters(column)} 列）" if name else f"{letters(column)} 列"
    where = f"第 {number} 行写有身份证号。" if number else ""
    return Refused(
        "file.identity",
        f"系统不能保存身份证号，所以整个文件没有收。{where}请把工作表“{grid.name}”的{named}删去，保存后再上传。",
    )


def _header_above(grid: Grid, number: int, column: int) -> str:
    """The nearest text above that is no number: what the user calls the column."""
    for row in range(min(number - 1, _HEADER_ROWS), 0, -1):
        line = grid.row(row)
        text = compact(line[column].text) if column < len(line) else ""
        if text and not any(sign.isdigit() for sign in text) and len(text) < 30:
            return text
    return ""
