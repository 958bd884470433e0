"""Would catch a template that does not come back as it was filled, and a text that a sheet program would compute."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.sheets import writing
from backend.sheets.cleaning import clean
from backend.sheets.columns import Column, Fault, Refused, Sheet
from backend.sheets.grid import Grid, Limits
from backend.sheets.headers import fit
from backend.sheets.parsing import parse
from backend.sheets.values import text
from backend.sheets.workbook import read_grid, read_grids
from tests.sheets import files
from tests.sheets.files import HEADER, LINE
from tests.sheets.kinds import ROSTER


def grid_of(content: bytes) -> Grid:
    return read_grid(content, "x.xlsx", lambda grid: fit(grid, ROSTER))


def xml(content: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name).decode()


class TestTemplate:
    def test_an_unfilled_one_has_a_right_header_and_no_data(self) -> None:
        with pytest.raises(Refused) as caught:
            parse(grid_of(writing.template(ROSTER)), ROSTER)
        assert caught.value.code == "file.no_rows"
        grid = grid_of(writing.template(ROSTER))
        assert grid.name == "农户花名册"
        assert [cell.text for cell in grid.row(1)] == ["村*", "组", "户主姓名*", *HEADER[3:]]

    def test_the_example_may_stay_and_what_is_filled_in_is_read(self) -> None:
        example = [column.example for column in ROSTER.columns]
        found = parse(grid_of(files.xlsx([HEADER, example, LINE, [*example[:2], "李四", *example[3:]]])), ROSTER)
        assert found.ignored == [(2, "模板里的示例行")]
        assert [row.number for row in found.rows] == [3, 4]
        assert not found.faults

    def test_excel_is_told_to_keep_digits_to_offer_the_words_and_to_show_the_header(self) -> None:
        page = xml(writing.template(ROSTER), "xl/worksheets/sheet1.xml")
        assert '<formula1>"普通户,重点户,外出户"</formula1>' in page
        assert 'state="frozen"' in page and "2026-11-08" in page
        assert 'numFmtId="49"' in xml(writing.template(ROSTER), "xl/styles.xml")

    def test_a_list_too_long_for_a_cell_stands_on_the_second_sheet(self) -> None:
        words = tuple(f"第{number}号选项的名称" for number in range(60))
        content = writing.template(Sheet("k", "表", (Column("a", "甲", text(20), choices=words),)))
        assert "<formula1>填写说明!$U$1:$U$60</formula1>" in xml(content, "xl/worksheets/sheet1.xml")

    def test_the_second_sheet_says_what_must_not_be_written_and_explains_every_column(self) -> None:
        guide = read_grids(writing.template(ROSTER), "x", Limits())[1]
        words = "\n".join(cell.text for _, row in guide for cell in row)
        assert guide.name == "填写说明"
        assert all(word in words for word in ("身份证号", "一户一行", "不填按普通户算", *HEADER))


class TestReport:
    ROWS: list[list[Any]] = [
        ["河东村花名册"],
        HEADER,
        LINE,
        ["", "4组", "李四", 123, "", 2.5, date(2026, 11, 8), "=1+1"],
        ["合计", "", "2户"],
    ]

    def test_it_is_the_same_sheet_with_a_column_of_sentences_and_may_be_sent_again(self) -> None:
        grid = grid_of(files.xlsx(self.ROWS, ["A1:H1", "A3:A4"]))
        first = parse(grid, ROSTER)
        again = grid_of(writing.report(grid, first))
        assert [[cell.text for cell in again.row(n)[:8]] for n in (1, 3, 4, 5)] == [
            ["河东村花名册", *[""] * 7], *([cell.text for cell in grid.row(n)] for n in (3, 4, 5))
        ]  # fmt: skip
        assert again.row(2)[8].text == "问题（共 2 处，涉及 1 行）"
        assert again.row(4)[8].text.startswith("户主电话：手机号应为 11 位")
        second = parse(again, ROSTER)
        assert (second.rows, second.faults, second.ignored, second.unknown) == (
            first.rows,
            first.faults,
            first.ignored,
            first.unknown,
        )
        third = grid_of(writing.report(again, second))
        assert third.width == again.width

    def test_faulty_cells_are_coloured_and_others_are_not(self) -> None:
        grid = grid_of(files.xlsx([HEADER, ["", "", "张三", "12"]]))
        content = writing.report(grid, parse(grid, ROSTER))
        page, styles = xml(content, "xl/worksheets/sheet1.xml"), xml(content, "xl/styles.xml")
        assert "FFFFC7CE" in styles
        style = {cell: page.partition(f'r="{cell}" s="')[2].partition('"')[0] for cell in ("A2", "C2", "D2")}
        assert style["A2"] == style["D2"] != style["C2"]

    def test_faults_found_later_and_those_of_the_whole_file_are_shown_too(self) -> None:
        grid = grid_of(files.xlsx([HEADER, LINE]))
        faults = [
            Fault(0, None, "", "", "file.x", "整个文件的问题。"),
            Fault(2, None, "", "", "row.x", "系统里已有这一户。"),
        ]
        again = grid_of(writing.report(grid, parse(grid, ROSTER), faults))
        assert "整个文件的问题。" in again.row(1)[8].text
        assert again.row(2)[8].text == "系统里已有这一户。"
        assert len(parse(again, ROSTER).rows) == 1

    def test_a_workbook_that_counts_from_1904_keeps_counting(self) -> None:
        line = ["河东村", "3组", "张三", "13812345678", "普通户", "4", f"<c @><v>{46334 - 1462}</v></c>"]
        grid = grid_of(files.raw_xlsx(files.cells(HEADER, line), workbook='<workbookPr date1904="1"/>'))
        first = parse(grid, ROSTER)
        assert parse(grid_of(writing.report(grid, first)), ROSTER).rows == first.rows


class TestTable:
    def test_values_of_all_kinds_come_back(self, tmp_path: Path) -> None:
        rows = [["张三", 3, 2.5, True, None, date(2026, 11, 8), datetime(2026, 11, 8, 9, 30), 10**18]]
        content = writing.table("导出：一/二", list("甲乙丙丁戊己庚辛"), iter(rows))
        grid = read_grid(content, "x")
        assert grid.name == "导出：一 二"
        assert [cell.text for cell in grid.row(2)] == [
            "张三",
            "3",
            "2.5",
            "是",
            "",
            "2026-11-08",
            "2026-11-08 09:30:00",
            str(10**18),
        ]
        assert writing.table("导出", ["甲"], [["一"]], tmp_path / "导出.xlsx") == b""
        assert [cell.text for _, row in read_grid((tmp_path / "导出.xlsx").read_bytes(), "x") for cell in row] == [
            "甲",
            "一",
        ]

    def test_more_rows_than_a_sheet_holds_go_on_in_the_next(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writing, "_SHEET_ROWS", 3)
        grids = read_grids(writing.table("导出", ["甲"], [["一"], ["二"], ["三"]]), "x", Limits())
        assert [(grid.name, [row[0].text for _, row in grid]) for grid in grids] == [
            ("导出", ["甲", "一", "二"]),
            ("导出 2", ["甲", "三"]),
        ]

    def test_an_export_without_rows_still_has_its_header(self) -> None:
        assert [cell.text for cell in read_grid(writing.table("空", ["甲", "乙"], []), "x").row(1)] == ["甲", "乙"]

    @pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " =", "'"])
    def test_no_text_is_computed_now_or_after_being_saved_as_csv(self, begin: str) -> None:
        content = writing.table("表", ["甲"], [[f"{begin}1+1"]])
        page = xml(content, "xl/worksheets/sheet1.xml")
        assert "<f>" not in page
        written = str(read_grid(content, "x").row(2)[0].value)
        assert written.lstrip()[0] not in "=+-@＝"

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=8))
    def test_whatever_is_written_is_read_again(self, texts: list[str]) -> None:
        wanted = [clean(each) for each in texts]
        grid = read_grid(writing.table("表", ["甲", "乙"], [["头", each] for each in wanted]), "x")
        assert [row[1].text for number, row in grid if number > 1] == wanted


@settings(max_examples=300)
@given(st.text(max_size=30))
def test_what_is_clean_stays_as_it_is(written: str) -> None:
    once = clean(written)
    if "_x" not in once:
        assert clean(once) == once


@given(st.text(max_size=60), st.integers(1, 12))
def test_any_title_gives_a_name_that_excel_takes(title: str, number: int) -> None:
    name = writing.sheet_name(title, number)
    assert 0 < len(name.encode("utf-16-le")) // 2 <= 31
    assert not set(name) & set("[]:*?/\\")
