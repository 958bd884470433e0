"""The demo township, loaded once for the whole run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from backend.demo.load import load
from models.database import credentials
from tests.demo.loaded import COUNTED_BESIDES, UNTIL, Demo, empty_database, quiet


@pytest.fixture(scope="session")
async def demo(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """A database with the demo township until 15 November 2026."""
    settings = await empty_database(postgres_url, "demo")
    run_dir = tmp_path_factory.mktemp("run")
    summary = await load(settings, UNTIL, quiet(), run_dir)
    connection = await asyncpg.connect(**credentials(settings.database_url))
    for period in COUNTED_BESIDES:
        await connection.execute("SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", period)
        await connection.execute("SELECT coverage_settle($1)", period)
    yield Demo(settings, connection, summary, run_dir)
    await connection.close()
