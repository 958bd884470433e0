"""What all commands share: the group, settings, the database for the length of a command, and how a failure is said."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import click

from backend.settings import Settings

T = TypeVar("T")
#: Stands for a database and a Redis where a command needs none.
NO_SERVERS = {"DATABASE_URL": "postgresql://none", "REDIS_URL": "redis://none"}


def fail(sentence: str) -> None:
    """Say in one line what is wrong and what to do, and exit 1."""
    click.echo(sentence, err=True)
    sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Lianhu (联户): the server and its tools. Settings come from the environment, see deploy/env.example."""


def settings() -> Settings:
    return Settings.from_env(os.environ)


@contextlib.asynccontextmanager
async def database(chosen: Settings) -> AsyncIterator[None]:
    """The database and the keys, for the length of a command."""
    from tortoise import Tortoise

    from backend import consequences, crypto
    from backend.services import audit
    from models.database import tortoise_config

    crypto.configure(chosen.secret_keys)
    audit.install(consequences.CONSEQUENCES)
    await Tortoise.init(config=tortoise_config(chosen, patient=True), _enable_global_fallback=True)
    try:
        yield
    finally:
        await Tortoise.close_connections()


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; a database that does not answer is a sentence."""
    import asyncpg

    from models.database import UNREACHABLE

    try:
        return asyncio.run(work)
    except (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        fail(f"DATABASE_URL: PostgreSQL refuses it ({type(error).__name__}); correct user, password or database name")
        raise AssertionError from error
    except UNREACHABLE as error:
        fail(f"DATABASE_URL: PostgreSQL does not answer ({type(error).__name__}); start it or correct the address")
        raise AssertionError from error
    except KeyboardInterrupt:
        sys.exit(130)


async def ready_database(chosen: Settings) -> None:
    from models import migrate

    missing = await migrate.pending(chosen)
    if missing:
        fail(f"DATABASE_URL: {len(missing)} migrations are pending ({missing[0]} …); run `python -m backend migrate`")
