"""Would catch a file that takes the program down with it, and a secret that a reader of strangers' files could see."""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backend.gateways import sheets
from backend.sheets.columns import Fault, Parsed, Refused
from backend.sheets.grid import Limits
from backend.sheets.headers import fit
from backend.sheets.parsing import parse
from backend.sheets.workbook import read_grid
from tests.sheets import files, kinds
from tests.sheets.files import HEADER, LINE

REGISTRY = "tests.sheets.kinds"
ROWS: list[list[Any]] = [["河东村花名册"], HEADER, LINE, ["河东村", "", "", "12"], ["合计"]]


async def read(content: bytes | Path, kind: str = "roster", **more: Any) -> Parsed:
    return await sheets.read(content, "花名册.xlsx", kind, registry=REGISTRY, **more)


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run on this machine has temporary files as well, which are no business of ours."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def left_behind() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("lianhu-sheet-*")}


def children() -> set[str]:
    """The processes that this one started."""
    own = str(os.getpid())
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if path.read_text().rpartition(")")[2].split()[1] == own:
                found.add(path.parent.name)
        except OSError:
            continue
    return found


async def test_what_comes_back_is_what_the_engine_says(tmp_path: Path) -> None:
    content = files.xlsx(ROWS, ["A1:H1"])
    wanted = parse(read_grid(content, "花名册.xlsx", lambda grid: fit(grid, kinds.ROSTER)), kinds.ROSTER)
    path = tmp_path / "花名册.xlsx"
    path.write_bytes(content)
    for source in (content, path):
        found = await read(source)
        assert found == wanted
    assert found.rows[0].values["moved_on"] == date(2026, 11, 8)
    assert found.faults and found.ignored


async def test_progress_is_told_while_it_reads() -> None:
    told: list[tuple[int, int]] = []

    async def progress(done: int, of: int) -> None:
        told.append((done, of))

    rows = [HEADER, *([*LINE[:2], f"张{chr(0x4E00 + n)}", *LINE[3:]] for n in range(4_500))]
    assert len((await read(files.xlsx(rows), progress=progress)).rows) == 4_500
    assert told == [(2000, 4501), (4000, 4501), (4501, 4501)]


async def test_a_refusal_comes_through_with_its_sentence() -> None:
    with pytest.raises(Refused, match="PDF") as caught:
        await read(b"%PDF-1.7")
    assert caught.value.code == "file.not_a_sheet"
    with pytest.raises(Refused, match="最大 1 MB"):
        await read(b"x" * (5 * 2**20), limits=Limits(bytes=2**20))


async def test_a_report_shows_the_faults_it_is_given() -> None:
    content = files.xlsx(ROWS, ["A1:H1"])
    own = read_grid(await sheets.report(content, "花名册.xlsx", "roster", registry=REGISTRY), "x")
    assert own.row(2)[8].text == "问题（共 2 处，涉及 1 行）"
    faults = [Fault(3, "head_name", "户主姓名", "张三", "row.known", "系统里已有这一户。")]
    given = read_grid(await sheets.report(content, "花名册.xlsx", "roster", faults, registry=REGISTRY), "x")
    assert (given.row(2)[8].text, given.row(3)[8].text) == (
        "问题（共 1 处，涉及 1 行）",
        "户主姓名：系统里已有这一户。",
    )
    none = read_grid(await sheets.report(content, "花名册.xlsx", "roster", [], registry=REGISTRY), "x")
    assert none.row(2)[8].text == "问题（没有问题）"


async def test_the_child_knows_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEYS", "1:geheim")
    found = await read(files.xlsx([["变量"], ["SECRET_KEYS"], ["PATH"], ["PYTHONPATH"]]), kind="environment")
    assert [row.values["variable"] for row in found.rows] == ["unset", "set", "set"]


@pytest.mark.parametrize(
    ("what", "code"),
    [("memory", "file.memory"), ("spin", "file.slow"), ("sleep", "file.slow"), ("abort", "file.memory"), ("exit", "file.unreadable"),
     ("bug", "file.unreadable"), ("babble", None)],
)  # fmt: skip
async def test_whatever_happens_to_the_child_is_a_refusal_and_nothing_is_left(what: str, code: str | None) -> None:
    before, running = left_behind(), children()
    bounds = sheets.Bounds(memory=512 * 2**20, seconds=3)
    if code is None:
        assert len((await read(files.xlsx([["做"], [what]]), kind="trouble", bounds=bounds)).rows) == 1
    else:
        with pytest.raises(Refused) as caught:
            await read(files.xlsx([["做"], [what]]), kind="trouble", bounds=bounds)
        assert caught.value.code == code
    assert left_behind() == before
    assert children() == running


async def test_who_cancels_leaves_no_process_and_no_file() -> None:
    before, running = left_behind(), children()
    task = asyncio.ensure_future(read(files.xlsx([["做"], ["sleep"]]), kind="trouble"))
    async with asyncio.timeout(30):
        while children() == running:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_behind() == before
    assert children() == running
