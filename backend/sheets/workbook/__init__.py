"""Files as people send them, read into grids: .xlsx, .xls, texts with separators, tables of HTML; decided by content."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import python_calamine

from backend.sheets.cleaning import clean
from backend.sheets.columns import Refused
from backend.sheets.grid import Grid, Limits, check_extent, letters
from backend.sheets.identity import refuse_identity_numbers
from backend.sheets.workbook import binary, page, plain
from backend.sheets.workbook.package import damaged, open_package

_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE_AS = "请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。"
#: How other files begin, and what they are called.
_OTHERS = (
    (b"%PDF", "PDF 文件"), (b"\xff\xd8\xff", "图片"), (b"\x89PNG", "图片"), (b"GIF8", "图片"), (b"BM", "图片"),
    (b"{\\rtf", "文字文档"), (b"Rar!", "压缩包"), (b"7z\xbc\xaf", "压缩包"), (b"\x1f\x8b", "压缩包"), (b"ID3", "录音"),
    (b"MZ", "程序"), (b"\x7fELF", "程序"),
)  # fmt: skip
_OLD_SHEET = (b"\x09\x00", b"\x09\x02", b"\x09\x04")
_HTML = re.compile(rb"<(?:!doctype\s+html|html|table|head|body|meta)\b", re.IGNORECASE)
_OFFICE_XML = re.compile(
    rb"<\?mso-application|urn:schemas-microsoft-com:office:spreadsheet|^MIME-Version:", re.IGNORECASE
)


def read_grid(
    content: bytes, filename: str, fit: Callable[[Grid], int] = lambda grid: 1, limits: Limits | None = None
) -> Grid:
    """The visible sheet that fits best. Raises Refused, also when two fit equally well and both hold rows."""
    grids = [(fit(grid), grid) for grid in read_grids(content, filename, limits or Limits()) if grid.raws]
    if not grids:
        raise Refused("file.empty", "表格里没有内容。请填写后保存，再上传。")
    best = max(score for score, _ in grids)
    fitting = [grid for score, grid in grids if score == best]
    if len(fitting) > 1 and best > 0:
        names = "、".join(f"“{grid.name}”" for grid in fitting)
        raise Refused(
            "file.sheets",
            f"有 {len(fitting)} 个工作表看起来都是要上传的：{names}。请只留一个，删去其余的，保存后再上传。",
        )
    return fitting[0]


def read_grids(content: bytes, filename: str, limits: Limits) -> list[Grid]:
    """All visible sheets of a file in their order, those without any value left out. Raises Refused."""
    if len(content) > limits.bytes:
        raise Refused(
            "file.bytes",
            f"文件最大 {limits.bytes // 2**20} MB，现在有 {len(content) / 2**20:.1f} MB。请删去图片和不用的工作表，或分成几个文件。",
        )
    if not content.strip():
        raise Refused("file.empty", "这是空文件。请填写后保存，再上传。")
    grids = [grid for grid in _grids(content, clean(PurePath(filename).stem) or "表格", limits) if grid.raws]
    for grid in grids:
        refuse_identity_numbers(grid)
    return grids


def _grids(content: bytes, name: str, limits: Limits) -> list[Grid]:
    if content.startswith(b"PK"):
        package = open_package(content, limits)
        return _calamine(package.content, package.sheets, package.broken, package.date1904, limits)
    if content.startswith(_COMPOUND):
        seen = binary.look_through(content, limits)
        return _calamine(io.BytesIO(content), seen.sheets, seen.broken, seen.date1904, limits)
    for beginning, what in _OTHERS:
        if content.startswith(beginning) and (what != "程序" or b"\0" in content[:512]):
            raise Refused("file.not_a_sheet", f"这是{what}，不是表格。请上传 .xlsx 文件。")
    head = content[:4096]
    if head.startswith(_OLD_SHEET) or _OFFICE_XML.search(head):
        raise Refused("file.format", "系统不认识这种旧格式。" + _SAVE_AS)
    if _HTML.search(head) or _HTML.search(head.replace(b"\0", b"")):
        return page.refuse_without_tables(page.read(content, name, limits))
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<?xml"):
        raise Refused("file.format", "系统不认识这种格式。" + _SAVE_AS)
    return [plain.read(content, name, limits)]


def _calamine(
    file: io.BytesIO,
    sheets: list[tuple[int, str]],
    broken: dict[int, set[tuple[int, int]]],
    date1904: bool,
    limits: Limits,
) -> list[Grid]:
    grids = []
    try:
        with python_calamine.CalamineWorkbook.from_filelike(file) as workbook:
            names = [sheet.name for sheet in workbook.sheets_metadata]
            for place, name in sheets:
                if place >= len(names):
                    raise damaged()
                sheet = workbook.get_sheet_by_index(place)
                start, end = sheet.start, sheet.end
                raws: list[list[Any]] = []
                if start is not None and end is not None:
                    check_extent(end[0] + 1, end[1] + 1, name, limits)
                    raws = [[] for _ in range(start[0])]
                    left: list[Any] = [""] * start[1]
                    raws += ([*left, *line] for line in sheet.to_python()) if left else sheet.to_python()
                merges = [(r1 + 1, c1, r2 + 1, c2) for (r1, c1), (r2, c2) in sheet.merged_cell_ranges or []]
                grids.append(Grid(name, raws, merges, date1904, broken.get(place, set())))
    except (python_calamine.CalamineError, OSError, ValueError):
        raise damaged() from None
    except BaseException as fault:
        # A panic of the reader does not derive from Exception.
        if type(fault).__name__ == "PanicException":
            raise damaged() from None
        raise
    return grids


__all__ = ["Grid", "Limits", "letters", "read_grid", "read_grids"]
