"""Reading a whole township's figures, again and again on one connection, as a committee's pooled connection does."""

from __future__ import annotations

from datetime import date

import asyncpg
from tortoise.context import TortoiseContext

from models import database
from models.coverage.overdue import overdue
from models.database import credentials, tortoise_config
from tests.demo.loaded import Demo

GRIDS = "(SELECT array_agg(id) FROM region WHERE level = 'micro_grid')"


async def test_the_tenth_read_is_as_good_as_the_first(demo: Demo) -> None:
    """PostgreSQL may choose another plan from the sixth call on; one took minutes where the first took a tenth of a second.

    The limit is no measure of speed: it lies far above a good plan and far below the wrong one.
    """
    connection = await asyncpg.connect(
        **credentials(demo.settings.database_url), server_settings={"statement_timeout": "10000"}
    )
    try:
        stocks, sums = set(), set()
        for _ in range(10):
            stocks.add(
                await connection.fetchrow(
                    f"SELECT sum(households), sum(covered) FROM coverage_on('2026-11-15', {GRIDS})"
                )
            )
            await connection.execute(
                "INSERT INTO coverage_dirty (household_id, during) SELECT id, '[2026-11-01,2026-11-02)' FROM household LIMIT 1"
            )
            sums.add(
                await connection.fetchrow(f"SELECT sum(households), sum(covered) FROM coverage_read(202611, {GRIDS})")
            )
        assert len(stocks) == len(sums) == 1
        await connection.execute("SELECT coverage_fold(1000)")
    finally:
        await connection.close()


async def test_so_is_the_tenth_list_of_what_is_overdue(demo: Demo) -> None:
    """What the office asks for in the morning, and then for each look of the day."""
    config = tortoise_config(demo.settings)
    pool = config["connections"]["default"]["credentials"]
    pool |= {"maxsize": 1, "server_settings": pool["server_settings"] | {"statement_timeout": "10000"}}
    async with TortoiseContext() as context:
        await context.init(config=config)
        grids = [row["id"] for row in await database.fetch("SELECT id FROM region WHERE level = 'micro_grid'")]
        lists = {len(await overdue(grids, None, date(2026, 11, 15))) for _ in range(10)}
    assert len(lists) == 1
    assert lists.pop() > 1000
