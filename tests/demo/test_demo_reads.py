"""Reading a whole township's figures, again and again on one connection, as a committee's pooled connection does."""

from __future__ import annotations

import asyncpg

from models.database import credentials
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
