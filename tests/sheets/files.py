"""Files as people send them, made in the test that needs them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import xlsxwriter

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"

HEADER = ["村", "组", "户主姓名", "户主电话", "户类型", "人口", "入户日期", "备注"]
LINE: list[Any] = ["河东村", "3组", "张三", "13812345678", "普通户", 4, "2026-11-08", ""]


def xlsx(
    rows: Sequence[Sequence[Any]], merges: Sequence[str] = (), name: str = "花名册", **more: Sequence[Sequence[Any]]
) -> bytes:
    """A workbook with one sheet, or more of them by name. A merge keeps the value of its first cell."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd", "strings_to_formulas": False}) as book:
        for title, lines in {name: rows, **more}.items():
            page = book.add_worksheet(title)
            for number, line in enumerate(lines):
                for place, value in enumerate(line):
                    page.write(number, place, value)
            if title == name:
                for merge in merges:
                    page.merge.append(_range(merge))
    return file.getvalue()


def _range(merge: str) -> list[int]:
    first, last = merge.split(":")
    r1, c1 = xlsxwriter.utility.xl_cell_to_rowcol(first)
    r2, c2 = xlsxwriter.utility.xl_cell_to_rowcol(last)
    return [r1, c1, r2, c2]


def cells(*rows: Sequence[str]) -> str:
    """The XML of rows; what begins with < is a cell as it stands."""
    lines = []
    for number, row in enumerate(rows, 1):
        line = ""
        for place, value in enumerate(row):
            at = f"{chr(65 + place)}{number}"
            line += (
                value.replace("@", f'r="{at}"', 1)
                if value.startswith("<")
                else (f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>')
            )
        lines.append(f'<row r="{number}">{line}</row>')
    return "".join(lines)


def raw_xlsx(
    sheet_data: str,
    *,
    before: str = "",
    after: str = "",
    workbook: str = "",
    sheets: str = '<sheet name="花名册" sheetId="1" r:id="rId1"/>',
    head: str = '<?xml version="1.0" encoding="UTF-8"?>',
    extra: dict[str, bytes] | None = None,
    second: str = "",
) -> bytes:
    """A workbook by hand: what no library would write."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types"/>')
        out.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_RELS}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        out.writestr(
            "xl/workbook.xml", f'<workbook {_MAIN} xmlns:r="{_RELS}">{workbook}<sheets>{sheets}</sheets></workbook>'
        )
        out.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_RELS}/worksheet" '
            f'Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{_RELS}/worksheet" '
            'Target="/xl/worksheets/sheet2.xml"/></Relationships>',
        )
        out.writestr(
            "xl/worksheets/sheet1.xml",
            f"{head}<worksheet {_MAIN}>{before}<sheetData>{sheet_data}</sheetData>{after}</worksheet>",
        )
        out.writestr("xl/worksheets/sheet2.xml", f"<worksheet {_MAIN}><sheetData>{second}</sheetData></worksheet>")
        for name, part in (extra or {}).items():
            out.writestr(name, part)
    return file.getvalue()


def csv(rows: Sequence[Sequence[Any]], separator: str = ",", encoding: str = "utf-8") -> bytes:
    return "\r\n".join(separator.join(str(value) for value in row) for row in rows).encode(encoding)


def html(rows: Sequence[Sequence[Any]], encoding: str = "utf-8") -> bytes:
    lines = "".join("<tr>" + "".join(f"<td>{escape(str(v))}</td>" for v in row) + "</tr>" for row in rows)
    page = (
        f'<html><head><meta charset="{encoding}"><title>导出</title></head><body><table>{lines}</table></body></html>'
    )
    return page.encode(encoding)
