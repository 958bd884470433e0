"""The sheet of places: villages with their grids and micro-grids, and the branch that answers for each."""

from __future__ import annotations

from backend.sheets.columns import Column, Sheet
from backend.sheets.values import text

PLACES = Sheet(
    "places",
    "网格和支部",
    (
        Column("village", "村", text(40), required=True, aliases=("村名", "行政村", "所属村", "村别"), example="河东村",
               help="行政村的名称。"),
        Column("code", "村代码", text(20), aliases=("行政区划代码", "村编码"), example="",
               help="12 位统计用区划代码；没有可以不填。"),
        Column("grid", "网格", text(40), aliases=("网格名称",), example="河东村网格",
               help="不填时一村一网格，以村名命名。"),
        Column("micro_grid", "微网格", text(40), required=True, aliases=("微网格名称",), example="河东一",
               help="每个微网格一行，同一个村里不能重名。"),
        Column("branch", "党支部", text(60), required=True, aliases=("支部", "负责支部", "负责党支部", "所属支部"), example="河东村党支部",
               help="由哪个支部负责这个微网格；还没有的支部会新建。"),
        Column("general_branch", "上级党组织", text(60), aliases=("党总支", "所属党总支"), example="",
               help="支部的上级党总支；没有不填。"),
    ),
    notes=(
        "每个微网格一行。先导入这张表，再导入党员、农户和结对。",
        "再次导入时：已有的村、网格、支部不会重复；换了负责支部的，从导入那天起换。",
    ),
    key=("village", "micro_grid"),
)  # fmt: skip
