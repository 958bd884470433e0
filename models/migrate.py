"""Migrations as the operator runs them: one at a time for the whole cluster, what is pending, and drift from the models."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg

from backend.settings import Settings
from models import database
from models.database import credentials, tortoise_config

LOCK = 7206
FOLDER = Path(__file__).parent / "migrations"


def names() -> list[str]:
    """The migrations of this release in order."""
    return sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))


async def pending(settings: Settings) -> list[str]:
    """Migrations of this release that the database does not have."""
    connection = await asyncpg.connect(**credentials(settings.database_url))
    try:
        if await connection.fetchval("SELECT to_regclass('tortoise_migrations')") is None:
            return names()
        done = {row["name"] for row in await connection.fetch("SELECT name FROM tortoise_migrations")}
    finally:
        await connection.close()
    return [name for name in names() if name not in done]


async def pending_here() -> list[str]:
    """The same, asked over the pool of a running server."""
    done = {row["name"] for row in await database.fetch("SELECT name FROM tortoise_migrations")}
    return [name for name in names() if name not in done]


async def migrate(settings: Settings) -> list[str]:
    """Apply what is pending and return it.

    Tortoise takes no lock, and two replicas that migrate at once crash one another: a session lock on a connection
    of its own makes them queue.
    """
    lock = await asyncpg.connect(**credentials(settings.database_url))
    try:
        await lock.execute("SELECT pg_advisory_lock($1)", LOCK)
        missing = await pending(settings)
        if missing:
            await _apply(settings)
        return missing
    finally:
        await lock.close()


async def _apply(settings: Settings) -> None:
    from tortoise.context import (
        TortoiseContext,  # here, because a server that asks what is pending should start quickly
    )
    from tortoise.migrations.api import migrate as tortoise_migrate

    # A context of its own: the library would take over the caller's, and leave it changed.
    async with TortoiseContext():
        await tortoise_migrate(config=tortoise_config(settings, patient=True))


async def drift(settings: Settings) -> list[str]:
    """What the models say and no migration does yet, in words; needs no database."""
    from tortoise.config import TortoiseConfig
    from tortoise.context import TortoiseContext
    from tortoise.migrations.autodetector import MigrationAutodetector

    config = tortoise_config(settings)
    async with TortoiseContext() as context:
        await context.init(config=config, init_connections=False)
        apps = TortoiseConfig.from_dict(config).to_dict()["apps"]
        assert context.apps is not None
        changes = await MigrationAutodetector(context.apps, apps).changes()
    return [f"{change.name}: {operation.describe()}" for change in changes for operation in change.operations]


def replaced_columns() -> list[str]:
    """Columns that one migration file removes and adds again.

    Tortoise writes that for a change it does not understand, and it would drop the data of the column.
    """
    found = []
    for path in FOLDER.glob("[0-9]*.py"):
        text = path.read_text()
        removed = re.findall(r"RemoveField\(\s*model_name='(\w+)',\s*name='(\w+)'", text)
        added = re.findall(r"AddField\(\s*model_name='(\w+)',\s*name='(\w+)'", text)
        found += [f"{path.name}: {model}.{name}" for model, name in sorted(set(removed) & set(added))]
    return found
