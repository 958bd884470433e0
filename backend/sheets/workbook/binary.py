"""The compound file of an .xls: what must not be read is seen before calamine reads it."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field

import olefile

from backend.sheets.columns import Refused
from backend.sheets.grid import Limits, check_extent
from backend.sheets.workbook.package import damaged, encrypted, macros

_BOF, _EOF, _FILEPASS, _DATEMODE, _BOUNDSHEET = 0x0809, 0x000A, 0x002F, 0x0022, 0x0085
_FORMULA, _BOOLERR, _MULRK = 0x0006, 0x0205, 0x00BD
#: Records of one cell with a value: a number, a packed number, texts.
_CELLS = frozenset({0x0203, 0x027E, 0x00FD, 0x0204, 0x00D6, _FORMULA, _BOOLERR})


@dataclass
class Workbook:
    """What was seen in an .xls; sheets as (place, name), broken cells by place."""

    sheets: list[tuple[int, str]] = field(default_factory=list)
    broken: dict[int, set[tuple[int, int]]] = field(default_factory=dict)
    date1904: bool = False


def look_through(content: bytes, limits: Limits) -> Workbook:
    """Look through a compound file that should be an .xls. Raises Refused."""
    try:
        with olefile.OleFileIO(io.BytesIO(content)) as compound:
            names = ["/".join(path).lower() for path in compound.listdir(streams=True, storages=True)]
            _check_kind(names)
            stream = next((name for name in ("workbook", "book") if name in names), None)
            if stream is None:
                raise Refused(
                    "file.not_a_sheet", "系统不认识这个文件。如果是 WPS 表格（.et），请打开它，另存为 .xlsx 后再上传。"
                )
            with compound.openstream(stream) as opened:
                records = opened.read()
    except (OSError, ValueError, IndexError, KeyError, struct.error, RecursionError, AttributeError, TypeError):
        # olefile says everything it meets in a broken file with one of these.
        raise damaged() from None
    return _Records(records, limits).workbook


def _check_kind(names: list[str]) -> None:
    if "encryptedpackage" in names or "encryptioninfo" in names:
        raise encrypted()
    if any("vba" in name.split("/")[-1] or name in {"macros", "_vba_project_cur"} for name in names):
        raise macros()
    if "worddocument" in names:
        raise Refused("file.not_a_sheet", "这是 Word 文档，不是表格。请把表格复制到 Excel 里，另存为 .xlsx 后再上传。")
    if "powerpoint document" in names:
        raise Refused("file.not_a_sheet", "这是幻灯片，不是表格。请把表格复制到 Excel 里，另存为 .xlsx 后再上传。")


class _Records:
    """Walks the records once: the list of sheets first, then the cells of each."""

    def __init__(self, stream: bytes, limits: Limits) -> None:
        self.workbook = Workbook()
        self._limits = limits
        #: By the offset at which a sheet begins, its place, name and whether it is a visible sheet of cells.
        self._begins: dict[int, tuple[int, str, bool]] = {}
        self._stream = stream
        if len(stream) < 8 or struct.unpack_from("<H", stream)[0] != _BOF:
            raise damaged()
        self._globals(struct.unpack_from("<H", stream, 4)[0] >= 0x0600)
        for offset, (place, name, shown) in self._begins.items():
            if shown:
                self.workbook.sheets.append((place, name))
                self.workbook.broken[place] = self._sheet(offset, name)
        self.workbook.sheets.sort()

    def _globals(self, eighth: bool) -> None:
        stream, offset, size = self._stream, 0, len(self._stream)
        while offset + 4 <= size:
            kind, length = struct.unpack_from("<HH", stream, offset)
            data = stream[offset + 4 : offset + 4 + length]
            if kind == _FILEPASS:
                raise encrypted()
            if kind == _DATEMODE and length >= 2:
                self.workbook.date1904 = data[0] == 1
            elif kind == _BOUNDSHEET and length >= 8:
                begins, state, holds = struct.unpack_from("<IBB", data)
                self._begins[begins] = (len(self._begins), _name(data, eighth), not state & 3 and holds == 0)
            elif kind == _EOF:
                return
            offset += 4 + length
        raise damaged()

    def _sheet(self, offset: int, name: str) -> set[tuple[int, int]]:
        stream, size = self._stream, len(self._stream)
        if offset + 8 > size or struct.unpack_from("<H", stream, offset)[0] != _BOF:
            raise damaged()
        broken: set[tuple[int, int]] = set()
        last_row = last_column = depth = 0
        unpack = struct.Struct("<HH").unpack_from
        while offset + 4 <= size:
            kind, length = unpack(stream, offset)
            if depth == 1 and (kind in _CELLS or kind == _MULRK) and 6 <= length <= size - offset - 4:
                row, column = unpack(stream, offset + 4)
                if kind == _MULRK:
                    column = unpack(stream, offset + 2 + length)[0]
                elif self._is_broken(kind, offset + 4, length):
                    broken.add((row + 1, column))
                last_row, last_column = max(last_row, row + 1), max(last_column, column + 1)
            elif kind == _BOF:
                # A chart within a sheet has cells of its own, which are none of the sheet's.
                depth += 1
            elif kind == _EOF:
                depth -= 1
                if depth == 0:
                    check_extent(last_row, last_column, name, self._limits)
                    return broken
            offset += 4 + length
        raise damaged()

    def _is_broken(self, kind: int, offset: int, length: int) -> bool:
        """Whether a formula came to an error, or a cell is one."""
        if kind == _FORMULA and length >= 14:
            result = self._stream[offset + 6 : offset + 14]
            return result[6:] == b"\xff\xff" and result[0] == 2
        return kind == _BOOLERR and length >= 8 and self._stream[offset + 7] == 1


def _name(data: bytes, eighth: bool) -> str:
    length = data[6]
    if not eighth:
        return data[7 : 7 + length].decode("gb18030", "replace")
    wide = data[7] & 1
    return data[8 : 8 + length * (2 if wide else 1)].decode("utf-16-le" if wide else "latin-1", "replace")
