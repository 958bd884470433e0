"""The connection: configuration for Tortoise, lean pool connections, and plain SQL inside the current transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from tortoise import connections
from tortoise.exceptions import DBConnectionError
from tortoise.transactions import in_transaction

from backend.settings import Settings, SettingsError

AREAS = (
    "audit", "files", "messages", "regions", "people", "accounts", "runs", "households", "assignments", "proposals", "cards",
    "visits", "obligations", "feedback",
)  # fmt: skip
#: A row as asyncpg gives it.
Record: TypeAlias = Mapping[str, Any]

#: What asyncpg and Tortoise raise while PostgreSQL is away or restarting. The caller should ask again.
UNREACHABLE: tuple[type[BaseException], ...] = (
    OSError,
    DBConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)


class LeanConnection(asyncpg.Connection):  # type: ignore[misc]
    """A pooled connection without asyncpg's clean-up round trip.

    The default reset runs `UNLISTEN *; RESET ALL; …` after every statement. Nothing in this program uses session
    settings, LISTEN or session locks on pooled connections, so there is nothing to reset; an open transaction is
    still rolled back.
    """

    def get_reset_query(self) -> str:
        return ""


def credentials(url: str) -> dict[str, Any]:
    """A postgresql:// URL as the keyword arguments of asyncpg; `?host=` names a folder of Unix sockets.

    Raises SettingsError for an option that is not known here.
    """
    parts = urlsplit(url)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    found: dict[str, Any] = {
        "host": options.pop("host", None) or parts.hostname,
        "port": parts.port or int(options.pop("port", 5432)),
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password) if parts.password else None,
        "database": unquote(parts.path.lstrip("/")) or "postgres",
    }
    if "sslmode" in options:
        found["ssl"] = options.pop("sslmode")
    if options:
        raise SettingsError("DATABASE_URL", f"has the option {min(options)!r}; host, port and sslmode are known")
    return found


def tortoise_config(settings: Settings, *, patient: bool = False) -> dict[str, Any]:
    """The configuration that Tortoise and its migrations read.

    A statement of a request may take 30 seconds; what the operator and the worker do is `patient` and may take its time.
    """
    return {
        "connections": {
            "default": {
                "engine": "tortoise.backends.asyncpg",
                "credentials": credentials(settings.database_url)
                | {
                    "minsize": 1,
                    "maxsize": settings.pool_size,
                    "connection_class": LeanConnection,
                    "application_name": "lianhu",
                    "server_settings": {"statement_timeout": "0" if patient else "30000", "timezone": "Asia/Shanghai"},
                },
            }
        },
        "apps": {
            "lianhu": {
                "models": [f"models.{area}" for area in AREAS],
                "default_connection": "default",
                "migrations": "models.migrations",
            }
        },
        "use_tz": True,
        "timezone": "Asia/Shanghai",
    }


@asynccontextmanager
async def pg() -> AsyncIterator[Any]:
    """The asyncpg connection of the current transaction, or one of the pool outside of any."""
    async with connections.get("default").acquire_connection() as connection:
        yield connection


async def fetch(sql: str, *arguments: object) -> list[Record]:
    """Run one statement and return its rows."""
    async with pg() as connection:
        return list(await connection.fetch(sql, *arguments))


async def fetch_anew(sql: str, *arguments: object) -> list[Record]:
    """Run one statement, planned for these very arguments, and return its rows.

    A statement that a connection keeps may be planned without its arguments from the sixth use on. Where that makes the
    difference, as over all micro-grids of a township, it is not kept: planning it costs 30 ms, the wrong plan minutes.
    """
    async with pg() as connection:
        statement = await connection.prepare(sql)
        return list(await statement.fetch(*arguments))


async def fetch_row(sql: str, *arguments: object) -> Record | None:
    """Run one statement and return its first row."""
    async with pg() as connection:
        row: Record | None = await connection.fetchrow(sql, *arguments)
        return row


async def fetch_value(sql: str, *arguments: object) -> Any:
    """Run one statement and return the first column of its first row."""
    async with pg() as connection:
        return await connection.fetchval(sql, *arguments)


async def execute(sql: str, *arguments: object) -> int:
    """Run one statement and return the number of rows it touched."""
    async with pg() as connection:
        status: str = await connection.execute(sql, *arguments)
    last = status.rsplit(" ", 1)[-1]
    return int(last) if last.isdigit() else 0


def transaction() -> Any:
    """Open a transaction, or a savepoint inside one. Raising rolls it back."""
    return in_transaction("default")


def dicts(rows: Sequence[Record]) -> list[dict[str, Any]]:
    """Rows as plain dictionaries."""
    return [dict(row) for row in rows]
