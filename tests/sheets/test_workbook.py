"""Would catch a file that is read wrongly because of its format, or one that harms whoever reads it."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import date

import msoffcrypto.format.ooxml
import pytest
import xlwt

from backend.sheets.columns import Refused
from backend.sheets.grid import Grid, Limits
from backend.sheets.headers import fit
from backend.sheets.identity import is_identity_header, is_identity_number
from backend.sheets.parsing import parse
from backend.sheets.workbook import read_grid
from tests.sheets import files
from tests.sheets.files import HEADER, LINE
from tests.sheets.kinds import ROSTER

WANTED = {
    "village": "河东村", "group": "3组", "head_name": "张三", "phone": "13812345678", "tier": "ordinary", "members": 4,
    "moved_on": date(2026, 11, 8),
}  # fmt: skip
#: Made up: a right check digit, a day of birth in the future.
IDENTITY = "110101210001011231"


def grid_of(content: bytes, limits: Limits | None = None) -> Grid:
    return read_grid(content, "花名册.xlsx", lambda grid: fit(grid, ROSTER), limits)


def refusal(content: bytes, limits: Limits | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        parse(grid_of(content, limits), ROSTER, limits)
    return caught.value


def xls(date1904: bool = False) -> bytes:
    book = xlwt.Workbook()
    book.dates_1904 = date1904
    hidden = book.add_sheet("隐藏")
    hidden.visibility = 1
    page = book.add_sheet("花名册")
    for number, line in enumerate([HEADER, LINE], 1):
        for place, value in enumerate(line):
            page.write(number, place, value)
    page.write(1, 8, "算")
    page.row(2).set_cell_error(8, "#DIV/0!")
    file = io.BytesIO()
    book.active_sheet = 1
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        files.xlsx([HEADER, LINE]), xls(), files.csv([HEADER, LINE]), files.csv([HEADER, LINE], ";", "gb18030"),
        files.csv([HEADER, LINE], "\t", "utf-16"), b"\xef\xbb\xbf" + files.csv([HEADER, LINE]), files.html([HEADER, LINE]),
        files.html([HEADER, LINE], "gbk"), files.raw_xlsx(files.cells(HEADER, [str(value) for value in LINE])),
        b"\xfe\xff" + files.csv([HEADER, LINE], ",", "utf-16-be"),
    ],
    ids=["xlsx", "xls", "csv", "csv ; gb18030", "csv tab utf-16", "csv bom", "html", "html gbk", "by hand", "utf-16-be"],
)  # fmt: skip
def test_one_roster_says_the_same_in_every_format(content: bytes) -> None:
    parsed = parse(grid_of(content), ROSTER)
    assert [row.values for row in parsed.rows] == [WANTED]
    assert not parsed.faults


def test_rows_keep_their_numbers_when_the_sheet_begins_further_down_and_right() -> None:
    rows = [[], [], ["", "", *HEADER], ["", "", *LINE]]
    assert [row.number for row in parse(grid_of(files.xlsx(rows)), ROSTER).rows] == [4]


def test_an_empty_formula_and_an_error_are_faults_and_a_computed_one_is_read() -> None:
    line = [
        "河东村",
        "<c @><f>1+1</f></c>",
        '<c @ t="e"><f>NA()</f><v>#N/A</v></c>',
        '<c @ t="str"><f>A2</f><v>13812345678</v></c>',
        '<c @ t="str"><f>A2</f><v></v></c>',
        "<c @><f>1+1</f><v/></c>",
    ]
    parsed = parse(grid_of(files.raw_xlsx(files.cells(HEADER, line))), ROSTER)
    assert [(fault.row, fault.field, fault.code) for fault in parsed.faults] == [
        (2, "group", "cell.broken"), (2, "head_name", "cell.broken"), (2, "members", "cell.broken"),
    ]  # fmt: skip
    assert parsed.rows[0].values == {"village": "河东村", "phone": "13812345678"}


def test_an_error_in_an_xls_is_broken_and_a_hidden_sheet_is_not_read() -> None:
    grid = grid_of(xls())
    assert grid.name == "花名册"
    assert grid.broken == {(3, 8)}


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_days_counted_from_1904(kind: str) -> None:
    if kind == "xls":
        assert grid_of(xls(date1904=True)).date1904
    line = ["河东村", "3组", "张三", "13812345678", "普通户", "4", f"<c @><v>{46334 - 1462}</v></c>"]
    content = files.raw_xlsx(files.cells(HEADER, line), workbook='<workbookPr date1904="1"/>')
    assert parse(grid_of(content), ROSTER).rows[0].values == WANTED


def test_cells_without_references_and_with_prefixes_are_found_where_they_are() -> None:
    rows = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{value}</t></is></c>' for value in line) + "</row>"
        for line in (HEADER, LINE)
    )
    assert parse(grid_of(files.raw_xlsx(rows.replace("<t></t>", "<t/>"))), ROSTER).rows[0].values == WANTED
    broken = rows.replace("<is><t>3组</t></is>", "<f>A1</f>")
    assert grid_of(files.raw_xlsx(broken)).broken == {(2, 1)}


def test_of_several_sheets_the_fitting_one_is_read_and_two_alike_are_named() -> None:
    other = [["甲", "乙"], ["1", "2"]]
    assert parse(grid_of(files.xlsx([HEADER, LINE], name="名册", 说明=other)), ROSTER).sheet == "名册"
    assert parse(grid_of(files.xlsx([HEADER, LINE], name="名册", 空表=[HEADER])), ROSTER).sheet == "名册"
    refused = refusal(files.xlsx([HEADER, LINE], name="名册", 去年=[HEADER, LINE]))
    assert refused.code == "file.sheets"
    assert "“名册”、“去年”" in refused.sentence


def test_a_hidden_sheet_of_an_xlsx_is_skipped() -> None:
    row = files.cells(HEADER, [str(value) for value in LINE])
    sheets = '<sheet name="旧" sheetId="1" state="hidden" r:id="rId1"/><sheet name="新" sheetId="2" r:id="rId2"/>'
    assert parse(grid_of(files.raw_xlsx(row, sheets=sheets, second=row)), ROSTER).sheet == "新"


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for name, part in parts.items():
            out.writestr(name, part)
    return file.getvalue()


def encrypted() -> bytes:
    file = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(files.xlsx([HEADER, LINE]))).encrypt("密码", file)
    return file.getvalue()


def locked_xls() -> bytes:
    """An .xls in which a record says that all after it is encrypted."""
    content = xls()
    beginning = content.index(struct.pack("<HH", 0x0809, 16))
    # The record after the first is replaced by one that tells of a password; what follows does not matter any more.
    after = beginning + 20
    length = struct.unpack_from("<H", content, after + 2)[0]
    return content[:after] + struct.pack("<HH", 0x002F, length) + content[after + 4 :]


FAR = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "file.empty", "空文件"), (b" \r\n", "file.empty", "空文件"),
        (files.xlsx([]), "file.empty", "没有内容"),
        (encrypted(), "file.encrypted", "取消密码"), (locked_xls(), "file.encrypted", "取消密码"),
        (files.raw_xlsx("", extra={"xl/vbaProject.bin": b"x"}), "file.macros", "不带宏"),
        (files.xlsx([HEADER, LINE])[:-40], "file.damaged", "损坏"),
        (xls()[:600], "file.damaged", "损坏"),
        (b"%PDF-1.7 ...", "file.not_a_sheet", "PDF"), (b"\xff\xd8\xff\xe0", "file.not_a_sheet", "图片"),
        (zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), "file.not_a_sheet", "Word"),
        (zipped({"a.xlsx": b"", "b.xlsx": b""}), "file.not_a_sheet", "压缩包"),
        (zipped({"xl/workbook.bin": b""}), "file.format", "另存为 .xlsx"),
        (b"\0\1\2\3" * 40, "file.not_a_sheet", "另存为 .xlsx"),
        (b"<html><body>hello</body></html>", "file.not_a_sheet", "没有表格"),
        (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', "file.format", "另存为 .xlsx"),
        (files.raw_xlsx(FAR), "file.columns", "XFD"),
        (files.raw_xlsx('<row r="1048576"><c r="A1048576"><v>1</v></c></row>'), "file.rows", "第 1048576 行"),
        (files.raw_xlsx("", head='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'), "file.entities", "外部引用"),
        (files.xlsx([HEADER]), "file.no_rows", "没有数据"),
        (files.xlsx([["甲", "乙"], ["1", "2"]]), "file.header", "村、户主姓名"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_taken_is_refused_with_the_reason_and_the_way_out(
    content: bytes, code: str, says: str
) -> None:
    refused = refusal(content)
    assert (refused.code, says in refused.sentence) == (code, True), refused.sentence


def test_what_only_looks_far_out_is_read() -> None:
    """A style in the last corner and a dimension that lies are in thousands of honest files."""
    styled = files.cells(HEADER, [str(value) for value in LINE]) + '<row r="1048576"><c r="XFD1048576" s="0"/></row>'
    content = files.raw_xlsx(
        styled,
        before='<dimension ref="A1:XFD1048576"/>',
        after='<mergeCells><mergeCell ref="A9:XFD1048576"/></mergeCells>',
    )
    assert [row.values for row in parse(grid_of(content), ROSTER).rows] == [WANTED]


def test_the_limits_are_named_in_the_sentence() -> None:
    content = files.xlsx([HEADER, *[[*LINE[:2], f"张{chr(0x4E00 + n)}", *LINE[3:]] for n in range(5)]])
    assert "最多 4 行" in refusal(content, Limits(rows=4)).sentence
    assert len(parse(grid_of(content, Limits(rows=5)), ROSTER, Limits(rows=5)).rows) == 5
    assert "最多 7 列，现在第 8 列（H 列）" in refusal(content, Limits(columns=7)).sentence
    assert "1 MB" in refusal(b"x" * 2**20 + b"x", Limits(bytes=2**20)).sentence


def test_a_bomb_is_counted_while_it_unpacks_whatever_it_says_of_itself() -> None:
    content = files.raw_xlsx("", extra={"xl/sharedStrings.xml": b"<sst>" + b" " * 30_000_000})
    assert len(content) < 100_000
    limits = Limits(unpacked=10 * 2**20)
    assert refusal(content, limits).code == "file.bomb"
    # The directory claims ten bytes; whoever believed it would unpack the whole to find out.
    lying = bytearray(content)
    at = lying.rindex(b"xl/sharedStrings.xml") - 46
    struct.pack_into("<I", lying, at + 24, 10)
    assert refusal(bytes(lying), limits).code == "file.bomb"
    assert refusal(bytes(lying)).code == "file.damaged"


def test_two_parts_of_one_name_are_refused_because_two_readers_may_differ() -> None:
    file = io.BytesIO(files.xlsx([HEADER, LINE]))
    with zipfile.ZipFile(file, "a") as out, pytest.warns(UserWarning, match="Duplicate"):
        out.writestr("xl/workbook.xml", b"<workbook/>")
    assert refusal(file.getvalue()).code == "file.damaged"


class TestIdentityNumbers:
    """Would catch a number of an identity card that gets past the door."""

    def test_a_valid_number_refuses_the_whole_file_and_names_the_column(self) -> None:
        assert is_identity_number(IDENTITY)
        refused = refusal(files.xlsx([[*HEADER, "号"], [*LINE, IDENTITY]]))
        assert refused.code == "file.identity"
        assert "“号”一列（I 列）" in refused.sentence
        assert IDENTITY not in refused.sentence

    @pytest.mark.parametrize(
        "value",
        [
            float(IDENTITY),
            f"证 {IDENTITY}",
            f"{IDENTITY[:6]} {IDENTITY[6:14]} {IDENTITY[14:]}",
            f"13812345678 {IDENTITY}",
        ],
    )
    def test_also_as_a_figure_in_groups_and_within_a_text(self, value: str | float) -> None:
        assert refusal(files.xlsx([[*HEADER, "号"], [*LINE, value]])).code == "file.identity"

    def test_a_wrong_check_digit_is_no_identity_number(self) -> None:
        assert not is_identity_number(IDENTITY[:-1] + "5")
        assert len(parse(grid_of(files.xlsx([[*HEADER, "号"], [*LINE, IDENTITY[:-1] + "5"]])), ROSTER).rows) == 1

    @pytest.mark.parametrize(
        "header",
        ["身份证", "户主身份证号码", "公民身份号码", "证件号码", "身份证号（18位）", "身 份 证 号*", "居民身份证"],
    )
    def test_a_column_of_that_name_is_refused_even_with_old_numbers(self, header: str) -> None:
        refused = refusal(files.xlsx([[*HEADER, header], [*LINE, "110101600101123"]]))
        assert refused.code == "file.identity"
        assert "I 列" in refused.sentence

    @pytest.mark.parametrize("header", ["身份证是否过期", "证件类型", "身份", "户号", "电话号码", "身份证住址"])
    def test_other_columns_are_not(self, header: str) -> None:
        assert not is_identity_header(header)


def test_cells_of_a_page_that_reach_over_rows_and_columns_are_where_a_browser_shows_them() -> None:
    page = (
        "<html><table><tr><th colspan=4>河东村花名册<tr><th rowspan=2>村</th><th colspan=2>户主</th><th rowspan=2>人口</th></tr>"
        "<tr><th>姓名</th><th>电话</th></tr><tr><td rowspan='2'>河东村</td><td>张&nbsp;三</td><td>138<br>12345678</td><td>4</td></tr>"
        "<tr><td>李四<script>x()</script></td><td></td><td>2</td></tr></table></html>"
    )
    parsed = parse(grid_of(page.encode()), ROSTER)
    assert [(row.number, row.values) for row in parsed.rows] == [
        (4, {"village": "河东村", "head_name": "张三", "phone": "13812345678", "members": 4}),
        (5, {"village": "河东村", "head_name": "李四", "members": 2}),
    ]  # fmt: skip
    assert not parsed.faults


def test_a_part_without_a_name_is_damage_and_no_crash() -> None:
    content = bytearray(zipped({"x": b""}))
    # The length of the name in the directory; its byte becomes a comment, so that the directory keeps its size.
    at = content.index(b"PK\1\2")
    struct.pack_into("<HHH", content, at + 28, 0, 0, 1)
    assert refusal(bytes(content)).code == "file.damaged"
