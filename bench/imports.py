"""How long an import of households takes, checked and applied: `python -m bench.imports [rows]`.

It runs on a PostgreSQL of its own with an empty township, and calls what the worker calls: reading in the child, deciding,
writing, all of it in one transaction. The first import opens all households, the second finds nothing to change.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import xlsxwriter
from tortoise import Tortoise

from backend import consequences, crypto
from backend.http.viewer import Viewer, viewer_of
from backend.local.servers import private_postgres
from backend.permissions import Role
from backend.rules.audit import Action
from backend.rules.regions import Level
from backend.rules.runs import Work
from backend.services import accounts, audit, files, imports, regions, runs
from backend.settings import CHINA, Settings
from models import accounts as account_rows
from models import database, migrate

VILLAGES, GRIDS = 61, 6
HEADS = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许"
HEADERS = ("户号", "村", "微网格", "村民组", "户主姓名", "联系电话", "住址", "居住情况", "重点户", "列入日期")


def write(path: Path, headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    page = book.add_worksheet()
    for number, row in enumerate([headers, *rows]):
        page.write_row(number, 0, row)
    book.close()
    return path.read_bytes()


def households(count: int) -> list[tuple[Any, ...]]:
    rng = random.Random(1)
    return [
        (
            f"H{i:07d}", f"测{i % VILLAGES}村", f"测{i % VILLAGES}-{i // VILLAGES % GRIDS}", f"{i % 9 + 1}组",
            "".join(rng.choices(HEADS, k=3)), f"139{i:08d}", f"测试路 {i} 号", rng.choice(("常住", "常住", "整户外出")),
            rng.choice(("否", "否", "否", "困难")), "2026-01-01",
        )
        for i in range(count)
    ]  # fmt: skip


async def bring_in(viewer: Viewer, kind: str, content: bytes, name: str) -> tuple[float, dict[str, Any]]:
    """Seconds, and the run as its owner sees it."""
    file_id, run_id = uuid4(), uuid4()
    async with database.transaction():
        await files.send(viewer, file_id, name, content)
        asked = {"mode": imports.APPLY}
        await runs.ask(viewer, run_id, Work.IMPORT, kind, asked, file_id, Action.IMPORT_RUN)
    begun = time.perf_counter()
    await runs.perform(run_id, {Work.IMPORT: imports.perform}, viewer.now)
    return time.perf_counter() - begun, runs.shown(await runs.get_run(viewer, run_id))


async def township(now: datetime) -> UUID:
    """The account of the organization office of an empty township."""
    async with database.transaction():
        await regions.add_region(Level.COUNTY, "999909000000", "测试县", None, now.date())
        place = await regions.add_region(Level.TOWNSHIP, "999909101000", "测试镇", "999909000000", now.date())
        account_id, _, _ = await accounts.create_console_account(
            "office", Role.ORGANIZATION_OFFICE, place, False, now.date()
        )
    return account_id


async def measure(url: str, folder: Path, count: int) -> None:
    settings = Settings.from_env(
        {
            "APP_ENV": "test",
            "DATABASE_URL": url,
            "REDIS_URL": "unix:///nowhere",
            "STORAGE_URL": f"file://{folder}/files",
        }
    )
    await migrate.migrate(settings)
    crypto.configure(settings.secret_keys)
    files.configure(settings.storage_url)
    audit.install(consequences.CONSEQUENCES)
    await Tortoise.init(config=database.tortoise_config(settings, patient=True), _enable_global_fallback=True)
    now = datetime.now(CHINA)
    row = await account_rows.find_viewer_of_account(await township(now), now.date())
    assert row is not None
    viewer = viewer_of(row, now, now.date(), "bench")
    places = [(f"测{v}村", f"测{v}-{g}", f"测{v}村党支部") for v in range(VILLAGES) for g in range(GRIDS)]
    seconds, run = await bring_in(
        viewer, "places", write(folder / "p.xlsx", ("村", "微网格", "党支部"), places), "p.xlsx"
    )
    print(f"places      {len(places):>7} rows  {seconds:6.2f} s  {run['counts'] or run['sentence']}")
    content = write(folder / "h.xlsx", HEADERS, households(count))
    for _ in range(2):
        seconds, run = await bring_in(viewer, "households", content, "h.xlsx")
        print(f"households  {count:>7} rows  {seconds:6.2f} s  {run['counts'] or run['sentence']}")
    own, child = (resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"largest memory: worker {own} MB, reading child {child} MB; file {len(content) / 1e6:.1f} MB")
    await Tortoise.close_connections()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="lhb-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        with private_postgres(Path(folder) / "pg", durable=True) as url:
            asyncio.run(measure(url, Path(folder), count))


if __name__ == "__main__":
    main()
