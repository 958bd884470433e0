"""Would catch a row that is lost, a note that is taken for a household, or a fault that is not told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from backend.sheets.columns import Parsed, Refused
from backend.sheets.headers import fit
from backend.sheets.parsing import parse
from backend.sheets.workbook import read_grid
from tests.sheets import files
from tests.sheets.files import HEADER, LINE
from tests.sheets.kinds import ROSTER


def parsed(rows: Sequence[Sequence[Any]], *merges: str) -> Parsed:
    return parse(read_grid(files.xlsx(rows, merges), "x.xlsx", lambda grid: fit(grid, ROSTER)), ROSTER)


def line(name: str, **other: Any) -> list[Any]:
    """A row of the roster; other cells by their header."""
    return [
        other.get(header, name if header == "户主姓名" else value) for header, value in zip(HEADER, LINE, strict=True)
    ]


def names(found: Parsed) -> list[tuple[int, str]]:
    return [(row.number, row.values["head_name"]) for row in found.rows]


class TestHeaders:
    @pytest.mark.parametrize(
        ("rows", "merges", "wanted"),
        [
            ([HEADER, LINE], (), {"head_name": "户主姓名", "phone": "户主电话"}),
            ([["河东村农户花名册"], ["2026年11月 单位：户"], HEADER, LINE], ("A1:H1", "A2:H2"), {"head_name": "户主姓名"}),
            ([["  ", "\u3000"], HEADER, LINE], (), {"head_name": "户主姓名"}),
            ([["村*", "户 主\n姓 名", "联系电话（手机）："], ["河东村", "张三", "13812345678"]], (), {"village": "村*", "head_name": "户主姓名", "phone": "联系电话（手机）："}),
            ([["村", "户主", "", "人口"], ["", "姓名", "电话", ""], ["河东村", "张三", "13812345678", 4]], ("A1:A2", "B1:C1", "D1:D2"),
             {"village": "村", "head_name": "户主/姓名", "phone": "户主/电话", "members": "人口"}),
            ([["村", "户主", "", "人口"], ["", "姓名", "电话", ""], ["河东村", "张三", "13812345678", 4]], (),
             {"head_name": "户主/姓名", "phone": "户主/电话", "members": "人口"}),
            ([["村", "户主/姓名", "户主-电话"], ["河东村", "张三", "13812345678"]], (), {"head_name": "户主/姓名", "phone": "户主-电话"}),
            ([["花名册"], ["序号", "村", "户主姓名"], [1, "河东村", "张三"]], ("A1:C1",), {"village": "村"}),
        ],
        ids=["plain", "titles", "spaces", "signs", "two rows", "two rows unmerged", "one row with a stroke", "serial"],
    )  # fmt: skip
    def test_it_is_found_in_all_its_forms(
        self, rows: list[list[Any]], merges: tuple[str, ...], wanted: dict[str, str]
    ) -> None:
        found = parsed(rows, *merges)
        assert {field: found.headers.get(field) for field in wanted} == wanted
        assert not found.faults and not found.unknown
        assert names(found) == [(len(rows), "张三")]

    def test_two_persons_under_one_lower_word_are_told_apart_by_the_upper(self) -> None:
        rows = [
            ["村", "户主", "", "联系人", ""],
            ["", "姓名", "电话", "姓名", "电话"],
            ["河东村", "张三", "13812345678", "李四", ""],
        ]
        found = parsed(rows, "A1:A2", "B1:C1", "D1:E1")
        assert found.rows[0].values["head_name"] == "张三"
        assert not found.faults
        assert found.unknown == ["联系人/姓名", "联系人/电话"]

    def test_doubled_missing_misspelt_and_unknown_ones_are_each_named(self) -> None:
        rows = [["姓名", "户主姓名", "联系电活", "组", "低保"], ["张三", "张三", "13812345678", "3组", "是"]]
        found = parsed(rows)
        assert [(fault.code, fault.field) for fault in found.faults] == [
            ("header.duplicate", "head_name"), ("header.misspelt", "phone"), ("header.missing", "village"),
        ]  # fmt: skip
        duplicate, misspelt, missing = (fault.sentence for fault in found.faults)
        assert "A 列“姓名”、B 列“户主姓名”" in duplicate
        assert "是不是“户主电话”？" in misspelt
        assert "缺少“村”" in missing and "低保" in missing
        assert found.unknown == ["低保"]
        assert len(found.rows) == 1

    def test_without_a_header_the_sentence_says_what_was_looked_for_and_what_was_found(self) -> None:
        with pytest.raises(Refused, match="村、户主姓名.*甲、乙"):
            parsed([["甲", "乙"], ["1", "2"]])


class TestRows:
    def test_what_is_no_data_is_left_out_and_said(self) -> None:
        rows = [
            ["河东村花名册"], HEADER, line("张三"), [], line("李四"), ["小计", "", "2户"], ["河东村花名册"], HEADER, line("王五"),
            [" ", "\u3000"], ["填表人：赵六", "", "审核：钱七", "", "", "", "2026年11月8日"], ["备注：以上为常住户"], ["合　计", "", "", "", "", 3],
            ["第1页 共3页"], line("孙八"), ["说明", "本表一户一行"],
        ]  # fmt: skip
        found = parsed(rows, "A1:H1")
        assert names(found) == [(3, "张三"), (5, "李四"), (9, "王五"), (15, "孙八")]
        assert not found.faults
        assert found.ignored == [
            (4, "空行"), (6, "合计行"), (7, "标题或说明行"), (8, "重复的表头"), (10, "空行"), (11, "说明或签名行"), (12, "说明或签名行"),
            (13, "合计行"), (14, "说明或签名行"), (16, "说明或签名行"),
        ]  # fmt: skip

    def test_a_household_is_not_taken_for_a_note_because_of_its_words(self) -> None:
        rows = [
            HEADER,
            line("计划", 备注="备注：老伴住院"),
            line("单位", 村="合计村"),
            line("张共", 备注="合计三口人"),
            line("", 备注="说明：外出"),
        ]
        found = parsed(rows)
        assert [row.number for row in found.rows] == [2, 3, 4, 5]
        assert [(fault.row, fault.code) for fault in found.faults] == [(5, "cell.required")]

    def test_a_row_with_one_cell_is_incomplete_and_not_a_note(self) -> None:
        assert [(fault.row, fault.code) for fault in parsed([HEADER, LINE, ["", "", "李四"]]).faults] == [
            (3, "cell.required")
        ]

    def test_numbered_rows_that_nobody_filled_are_blank(self) -> None:
        found = parsed([["序号", *HEADER], [1, *LINE], [2], [3], [4, *line("李四")]])
        assert names(found) == [(2, "张三"), (5, "李四")]
        assert found.ignored == [(3, "只有序号"), (4, "只有序号")]

    def test_a_two_row_header_repeated_on_the_next_page_is_left_out(self) -> None:
        top, bottom = ["村", "户主", ""], ["", "姓名", "电话"]
        found = parsed(
            [top, bottom, ["河东村", "张三", ""], top, bottom, ["河东村", "李四", ""]],
            "A1:A2",
            "B1:C1",
            "A4:A5",
            "B4:C4",
        )
        assert names(found) == [(3, "张三"), (6, "李四")]

    def test_a_village_merged_over_its_rows_is_the_village_of_each(self) -> None:
        rows = [
            HEADER,
            line("张三"),
            line("李四", 村="", 组=""),
            line("王五", 村="", 组="4组"),
            line("赵六", 村="河西村"),
            ["", ""],
        ]
        found = parsed(rows, "A2:A4", "B2:B3", "A5:A6")
        assert [(row.values["village"], row.values["group"]) for row in found.rows] == [
            ("河东村", "3组"), ("河东村", "3组"), ("河东村", "4组"), ("河西村", "3组")
        ]  # fmt: skip
        assert not found.faults

    def test_every_fault_of_every_row_is_told_with_the_users_own_words(self) -> None:
        rows = [
            ["村", "姓名", "联系电话", "户类型", "入户日期"],
            ["河东村", "", "123", "?", "26.1.1"],
            ["", "张三", "x", "", "2026-02-30"],
        ]
        faults = [(f.row, f.field, f.header, f.value, f.code) for f in parsed(rows).faults]
        assert faults == [
            (2, "head_name", "姓名", "", "cell.required"), (2, "phone", "联系电话", "123", "cell.telephone"),
            (2, "tier", "户类型", "?", "cell.choice"), (2, "moved_on", "入户日期", "26.1.1", "cell.date"),
            (3, "village", "村", "", "cell.required"), (3, "phone", "联系电话", "x", "cell.telephone"),
            (3, "moved_on", "入户日期", "2026-02-30", "cell.date"),
        ]  # fmt: skip

    def test_a_blank_cell_and_a_stroke_say_nothing(self) -> None:
        found = parsed([HEADER, line("张三", 户主电话="/", 组="—", 人口="", 备注=" ", 入户日期=date(2026, 11, 8))])
        assert found.rows[0].values == {
            "village": "河东村",
            "head_name": "张三",
            "tier": "ordinary",
            "moved_on": date(2026, 11, 8),
        }

    def test_a_row_that_says_the_same_again_is_told_with_the_first(self) -> None:
        found = parsed([HEADER, line("张三"), line("李四"), line("张 三", 人口=9)])
        assert [(f.row, f.field, f.code) for f in found.faults] == [(4, None, "row.duplicate")]
        assert "和第 2 行重复" in found.faults[0].sentence
