"""The zip of an .xlsx: looked through by ourselves, and handed on as a zip of our own making.

What calamine reads is exactly what was looked at here, so no two readers can see two files in one. It was seen to
allocate the rectangle up to the farthest cell (549 GB for one cell in the last corner) and to unpack whatever it is
given, so every part is unpacked and counted first, and the references of all cells are looked at.
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from xml.parsers import expat

from backend.sheets.columns import Refused
from backend.sheets.grid import Limits
from backend.sheets.workbook.scan import scan

_PIECE = 1 << 20
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
#: Parts that say nothing of the cells.
_UNREAD = re.compile(r"(?:^|/)(?:media|drawings|charts|externalLinks|theme|printerSettings|customXml|pivot\w+)/")
_READ = re.compile(r"\.(?:xml|rels)$", re.IGNORECASE)


def encrypted() -> Refused:
    return Refused(
        "file.encrypted", "文件设了密码，系统打不开。请在 Excel 或 WPS 里打开它，取消密码，另存为 .xlsx 后再上传。"
    )


def macros() -> Refused:
    return Refused("file.macros", "文件里带有宏，系统不收。请打开它，另存为不带宏的 .xlsx 后再上传。")


def damaged() -> Refused:
    return Refused(
        "file.damaged",
        "文件不完整或已损坏，打不开。请用 Excel 或 WPS 打开原文件，另存为 .xlsx 后再上传；若是下载来的，请重新下载。",
    )


def declared() -> Refused:
    return Refused(
        "file.entities", "文件里有系统不收的内容（外部引用）。请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。"
    )


@dataclass
class Package:
    """What of an .xlsx is handed on, and what was seen in it."""

    content: io.BytesIO
    #: (place in the workbook, name) of the visible sheets of cells.
    sheets: list[tuple[int, str]] = field(default_factory=list)
    #: By place, the formulas without a value and the errors.
    broken: dict[int, set[tuple[int, int]]] = field(default_factory=dict)
    date1904: bool = False


def open_package(content: bytes, limits: Limits) -> Package:
    """Look through a zip that should be an .xlsx. Raises Refused."""
    archive = _Archive(content, limits)
    # These name all others, so they are read before it is known which parts are sheets.
    small = {
        name: archive.text(name) for name in archive.parts if name.endswith(".rels") or name == "[Content_Types].xml"
    }
    if b"macroEnabled" in small.get("[Content_Types].xml", b""):
        raise macros()
    workbook = _workbook_name(small)
    small[workbook] = archive.text(workbook)
    package = Package(io.BytesIO())
    listed, package.date1904 = _sheets(workbook, small)
    package.sheets = [(place, name) for place, (name, part, visible) in enumerate(listed) if visible and part]
    by_part = {part: (place, name) for place, (name, part, visible) in enumerate(listed) if visible and part}
    if not by_part.keys() <= archive.parts.keys():
        raise damaged()
    passed_over = {part for _, part, visible in listed if not visible}
    with zipfile.ZipFile(package.content, "w") as out:
        for name, part in small.items():
            out.writestr(name, part)
        for name in archive.parts.keys() - small.keys():
            if name in passed_over or not _READ.search(name) or _UNREAD.search(name):
                # It is counted all the same, because a file is judged as a whole.
                archive.unpack(name)
                continue
            part = archive.text(name)
            if name in by_part:
                place, title = by_part[name]
                package.broken[place] = scan(part, title, limits)
            out.writestr(name, part)
    package.content.seek(0)
    return package


class _Archive:
    """The parts of a zip, each unpacked once, and how much they may still unpack to."""

    def __init__(self, content: bytes, limits: Limits) -> None:
        self.parts = _parts(content, limits)
        _check_kind(self.parts)
        self._content, self._limits, self._budget = content, limits, limits.unpacked

    def unpack(self, name: str) -> bytes:
        if name not in self.parts:
            raise damaged()
        part = _inflate(self._content, self.parts[name], self._budget, self._limits)
        self._budget -= len(part)
        return part

    def text(self, name: str) -> bytes:
        """A part that is XML and can be looked through: in UTF-8 or alike, and without declarations of its own."""
        part = self.unpack(name)
        if part.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in part[:64]:
            raise damaged()
        if _DECLARED.search(part):
            raise declared()
        return part


def _parts(content: bytes, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, IndexError, struct.error):
        raise damaged() from None
    parts = {info.filename.replace("\\", "/").lstrip("/"): info for info in infos}
    if any(info.flag_bits & 1 for info in infos):
        raise encrypted()
    if len(infos) > limits.parts:
        raise Refused(
            "file.bomb", f"文件里有 {len(infos)} 个部分，超过 {limits.parts} 个。请把数据复制到新的表格，另存后再上传。"
        )
    if len(parts) < len(infos) or any(info.compress_type not in (0, 8) for info in infos):
        raise damaged()
    return parts


def _check_kind(parts: dict[str, zipfile.ZipInfo]) -> None:
    names = {name.lower() for name in parts}
    if any(name.endswith("vbaproject.bin") for name in names):
        raise macros()
    if any(name.startswith("word/") for name in names):
        raise Refused("file.not_a_sheet", "这是 Word 文档，不是表格。请把表格复制到 Excel 里，另存为 .xlsx 后再上传。")
    if "xl/workbook.bin" in names or "content.xml" in names or any(name.startswith("ppt/") for name in names):
        raise Refused("file.format", "系统不认识这种格式。请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。")
    if "[content_types].xml" not in names:
        raise Refused("file.not_a_sheet", "这是压缩包，不是表格。请先解压，再上传里面的 .xlsx 文件，一次一个。")


def _inflate(content: bytes, info: zipfile.ZipInfo, budget: int, limits: Limits) -> bytes:
    """Unpack one part and count while unpacking: what the directory says of sizes is only compared afterwards."""
    header = content[info.header_offset : info.header_offset + 30]
    if len(header) < 30 or not header.startswith(b"PK\3\4"):
        raise damaged()
    start = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
    packed = content[start : start + info.compress_size]
    if info.compress_type == 0:
        plain = packed
    else:
        pieces: list[bytes] = []
        total = 0
        machine = zlib.decompressobj(-15)
        try:
            while not machine.eof:
                piece = machine.decompress(packed, _PIECE)
                packed = machine.unconsumed_tail
                if not piece and not packed and not machine.eof:
                    raise damaged()
                pieces.append(piece)
                total += len(piece)
                if total > budget:
                    break
        except zlib.error:
            raise damaged() from None
        plain = b"".join(pieces) if total <= budget else b""
        budget = budget if total <= budget else -1
    if len(plain) > budget:
        most = limits.unpacked // 2**20
        raise Refused(
            "file.bomb", f"文件解压后超过 {most} MB，系统不收。请把数据复制到新的表格里，另存为 .xlsx 后再上传。"
        )
    if len(plain) != info.file_size or zlib.crc32(plain) != info.CRC:
        raise damaged()
    return plain


def _elements(part: bytes) -> list[tuple[str, dict[str, str]]]:
    """All elements of a small part with their attributes, both without namespaces."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, attributes: found.append(
        (name.rpartition(" ")[2], {key.rpartition(" ")[2]: value for key, value in attributes.items()})
    )
    try:
        parser.Parse(part, True)
    except expat.ExpatError:
        raise damaged() from None
    return found


def _relations(part: bytes, base: str) -> dict[str, tuple[str, str]]:
    """By id, the last word of the type and the name of the part it points to."""
    relations = {}
    for name, given in _elements(part):
        if name == "Relationship" and given.get("TargetMode") != "External":
            target = given.get("Target", "").replace("\\", "/")
            path = posixpath.normpath(target.lstrip("/") if target.startswith("/") else posixpath.join(base, target))
            relations[given.get("Id", "")] = (given.get("Type", "").rpartition("/")[2], path)
    return relations


def _workbook_name(small: dict[str, bytes]) -> str:
    for kind, path in _relations(small.get("_rels/.rels", b"<none/>"), "").values():
        if kind == "officeDocument":
            return path
    return "xl/workbook.xml"


def _sheets(workbook_name: str, small: dict[str, bytes]) -> tuple[list[tuple[str, str, bool]], bool]:
    """(name, part, visible) of each sheet in order, the part empty for what holds no cells; and whether days count from
    1904."""
    folder, _, name = workbook_name.rpartition("/")
    rels = small.get(f"{folder}/_rels/{name}.rels".lstrip("/"))
    if rels is None:
        raise damaged()
    relations = _relations(rels, folder)
    sheets, date1904 = [], False
    for element, given in _elements(small[workbook_name]):
        if element == "workbookPr":
            date1904 = given.get("date1904") in {"1", "true", "on"}
        elif element == "sheet":
            kind, path = relations.get(given.get("id", ""), ("", ""))
            visible = given.get("state", "visible") == "visible"
            sheets.append((given.get("name", ""), path if kind == "worksheet" else "", visible))
    return sheets, date1904
