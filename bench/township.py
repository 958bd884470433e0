"""The data of a run: a private durable PostgreSQL with the demo township, a database a contender, tokens to send with."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from rich.console import Console

from backend.crypto import token_hash
from backend.demo.load import load
from backend.demo.places import TOWNSHIP_CODE
from backend.local.servers import DATABASE, PostgresServer, RedisServer, remove_data
from backend.rules.definitions import CATALOGUE, Part
from backend.rules.periods import Kind, Period
from backend.settings import CHINA, Settings
from models import migrate

#: What a server of this size would be given. Checkpoints come by time alone, so that none falls upon one contender.
POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}
#: Visits are dated to one of so many days before today.
DAYS = 6

_SENDERS = """
SELECT a.id, array_agg(l.household_id::text) AS households
FROM account a JOIN membership m ON m.person_id = a.person_id AND m.during @> $1::date
JOIN assignment l ON l.person_id = a.person_id AND l.during @> daterange($2, $1, '[]')
JOIN household h ON h.id = l.household_id AND h.opened_on <= $2::date
WHERE a.disabled_at IS NULL GROUP BY a.id ORDER BY a.id"""
_SESSION = "INSERT INTO session (id, token_hash, kind, account_id, expires_at) VALUES ($1, $2, $3, $4, now() + interval '1 day')"


@dataclass(frozen=True)
class Town:
    """What the load generator needs: who may write what, who may read, and which days."""

    postgres: PostgresServer
    redis_url: str
    #: A file with a line "token household household …" a member.
    senders: Path
    members: int
    households: int
    committee: str
    today: date

    @property
    def days(self) -> list[str]:
        return [(self.today - timedelta(days=n)).isoformat() for n in range(1, DAYS + 1)]

    @property
    def coverage_query(self) -> str:
        return f"area={TOWNSHIP_CODE}&period={Period.containing(self.today)}&level=village"

    def url(self, database: str) -> str:
        """The address of a contender's database."""
        return self.postgres.url.replace(f"/{DATABASE}?", f"/{database}?")

    def ask(self, database: str, sql: str, *arguments: object) -> Any:
        """One value from a contender's database."""
        return asyncio.run(_ask(self.url(database), sql, arguments))


async def _ask(url: str, sql: str, arguments: tuple[object, ...]) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()


@contextlib.contextmanager
def township(folder: Path, databases: dict[str, bool]) -> Iterator[Town]:
    """The township in one database a name; `False` leaves out what marks figures. Everything goes when it ends."""
    postgres, redis = PostgresServer(folder, durable=True), RedisServer(folder)
    today = datetime.now(CHINA).date()
    try:
        remove_data(postgres)
        postgres.start()
        asyncio.run(_configure(postgres.url))
        postgres.stop()
        postgres.start()
        redis.start()
        settings = Settings.from_env({"DATABASE_URL": postgres.url, "REDIS_URL": redis.url})
        asyncio.run(_load(settings, today))
        senders = folder / "senders"
        counted = asyncio.run(_sign_in(postgres.url, senders, today))
        town = Town(postgres, redis.url, senders, *counted, today)
        asyncio.run(_copy(town, databases))
        yield town
    finally:
        redis.stop()
        postgres.stop()
        remove_data(redis)
        remove_data(postgres)


async def _configure(url: str) -> None:
    connection = await asyncpg.connect(url)
    for name, value in POSTGRES.items():
        await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await connection.close()


async def _load(settings: Settings, today: date) -> None:
    """The township with the figures of today's month, quarter and year.

    The past is taken as counted and frozen: it is not what is measured, and the worker would do it meanwhile.
    """
    await migrate.migrate(settings)
    await load(settings, today, Console(stderr=True), None)
    connection = await asyncpg.connect(settings.database_url)
    for kind in (Kind.QUARTER, Kind.YEAR):
        period = Period.containing(today, kind).id
        await connection.execute("SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", period)
        await connection.execute("SELECT coverage_settle($1)", period)
    await connection.execute("UPDATE period SET definition_version = $1", CATALOGUE)
    await connection.execute(
        """INSERT INTO frozen_part (period_id, part, definition_version)
           SELECT id, part, $1 FROM period, unnest($2::text[]) part WHERE upper(span) <= $3""",
        CATALOGUE,
        [*Part],
        today,
    )
    await connection.close()


async def _sign_in(url: str, senders: Path, today: date) -> tuple[int, int, str]:
    """A session for every member with links and for the township committee.

    Returns how many members and households there are, and the committee's token.
    """
    connection = await asyncpg.connect(url)
    first = today - timedelta(days=DAYS)
    found = [
        (row["id"], row["households"], secrets.token_urlsafe(32))
        for row in await connection.fetch(_SENDERS, today, first)
    ]
    await connection.executemany(_SESSION, [(uuid4(), token_hash(token), "phone", one) for one, _, token in found])
    senders.write_text("".join(f"{token} {' '.join(households)}\n" for _, households, token in found))
    committee = secrets.token_urlsafe(32)
    held = await connection.fetchval("SELECT account_id FROM role_grant WHERE role = 'township_committee' LIMIT 1")
    await connection.execute(_SESSION, uuid4(), token_hash(committee), "console", held)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return len(found), sum(len(households) for _, households, _ in found), committee


async def _copy(town: Town, databases: dict[str, bool]) -> None:
    connection = await asyncpg.connect(town.url("postgres"))
    for name in databases:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {DATABASE}')
    await connection.close()
    for name, has_figures in databases.items():
        if not has_figures:
            connection = await asyncpg.connect(town.url(name))
            marks = await connection.fetch(
                "SELECT tgname, tgrelid::regclass::text AS rel FROM pg_trigger WHERE tgname ~ '^coverage_' AND NOT tgisinternal"
            )
            for mark in marks:
                await connection.execute(f"DROP TRIGGER {mark['tgname']} ON {mark['rel']}")
            await connection.close()
