"""A loaded demo township for tests: its database, what the load said, and where it left demo.json."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console

from backend.demo.load import DemoTownship
from backend.settings import Settings
from models.migrate import migrate
from tests.conftest import administer, named
from tests.world import settings_for

UNTIL = date(2026, 11, 15)
#: Counted after the load, as the worker would: a month of the past, and a quarter.
COUNTED_BESIDES = (202602, 20263)


@dataclass(frozen=True)
class Demo:
    """A loaded database with a connection to it."""

    settings: Settings
    connection: asyncpg.Connection
    summary: DemoTownship
    run_dir: Path

    async def value(self, sql: str, *arguments: object) -> Any:
        """The first column of the first row."""
        return await self.connection.fetchval(sql, *arguments)


def quiet() -> Console:
    """A console that keeps what is printed in `file`."""
    return Console(file=io.StringIO())


async def empty_database(postgres_url: str, name: str) -> Settings:
    """Settings of a new, migrated database."""
    await administer(postgres_url, f"CREATE DATABASE {name}")
    settings = settings_for(named(postgres_url, name))
    await migrate(settings)
    return settings
