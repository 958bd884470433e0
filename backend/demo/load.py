"""Loading the demo: one transaction, township by township, COPY in batches, progress for each kind, figures at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from rich.console import Console

from backend import crypto
from backend.demo import credentials, rows
from backend.demo.bars import Bars
from backend.demo.figures import count_figures
from backend.demo.people import MEMBERS
from backend.demo.places import COUNTY_CODE, HOUSEHOLDS, VILLAGES
from backend.demo.township import A_YEAR, Extent, Township, make_township
from backend.rules.audit import Action
from backend.settings import CHINA, Settings, SettingsError
from models import audit
from models.database import credentials as connection_arguments

BATCH = 5_000
#: One load at a time; the lock ends with the transaction.
LOCK = 7209


@dataclass(frozen=True, slots=True)
class DemoTownship:
    """What was loaded; `fresh` is False when it was there already. `facts` is what demo.json holds, with passwords."""

    until: date
    fresh: bool
    visits: int
    links: int
    seconds: float
    facts: dict[str, Any] | None = field(default=None, repr=False)


async def load(
    settings: Settings,
    until: date,
    console: Console,
    run_dir: Path | None,
    scale: int = 1,
    extent: Extent = A_YEAR,
    every: bool = False,
) -> DemoTownship:
    """Load the demo township, or a county of `scale` townships, unless it is there; then only renew passwords that
    `run_dir` does not know. Periods before the last month are counted by the worker, or here (`every`).

    Raises SettingsError in production. Stopping it leaves nothing behind.
    """
    if settings.is_production:
        raise SettingsError("APP_ENV", "production never holds the demo township; load it where APP_ENV is demo")
    crypto.configure(settings.secret_keys)
    connection = await asyncpg.connect(**connection_arguments(settings.database_url))
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            loaded = await _loaded_until(connection)
            if loaded is not None:
                return await _renew(connection, loaded, console, run_dir, extent)
            return await _load(connection, until, console, run_dir, scale, extent, every)
    finally:
        await connection.close()


async def _loaded_until(connection: asyncpg.Connection) -> date | None:
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM region WHERE code = $1)", COUNTY_CODE):
        return None
    reason = await connection.fetchval(
        "SELECT reason FROM audit_entry WHERE action = $1 ORDER BY id DESC LIMIT 1", Action.DEMO_LOAD
    )
    return date.fromisoformat(reason)


async def _renew(
    connection: asyncpg.Connection, until: date, console: Console, run_dir: Path | None, extent: Extent
) -> DemoTownship:
    """The township is there: say so, and write demo.json with fresh passwords where its own do not work."""
    began = time.monotonic()
    facts = None
    if run_dir is not None and not await credentials.opens_still(connection, run_dir):
        township = make_township(until, 0, extent)
        facts = await _let_in(connection, township, run_dir)
        await _audit(connection, township.places.township.id, ["password_hash", "totp_sealed", "code_hash"], until)
    renewed = "" if facts is None else f"; new passwords are in {run_dir}/{credentials.FILE}"
    console.print(f"The demo township is already loaded (until {until}){renewed}.", soft_wrap=True)
    visits, links = await _count(connection)
    return DemoTownship(until, False, visits, links, time.monotonic() - began, facts=facts)


async def _load(
    connection: asyncpg.Connection,
    until: date,
    console: Console,
    run_dir: Path | None,
    scale: int,
    extent: Extent,
    every: bool,
) -> DemoTownship:
    began = time.monotonic()
    with Bars(console) as bars:
        bars.expect("inventing", scale)
        first = make_township(until, 0, extent)
        for number in range(scale):
            township = make_township(until, number, extent) if number else first
            bars.advance("inventing", 1)
            for name, kinds in rows.all_rows(township, crypto.vault()):
                await _copy(connection, bars, name, kinds, scale)
        await count_figures(connection, until, bars, every)
        facts = await _let_in(connection, first, run_dir)
        changed = ["region", "household", "person", "assignment", "must_visit", "visit"]
        await _audit(connection, first.places.township.id, changed, until)
    took = time.monotonic() - began
    visits, links = await _count(connection)
    townships = "The demo township is" if scale == 1 else f"A demo county of {scale} townships is"
    of_all = [scale * first.places.part_of(number) for number in (VILLAGES, HOUSEHOLDS, MEMBERS)]
    console.print(
        "{} loaded until {}: {:,} villages, {:,} households, {:,} party members,".format(townships, until, *of_all)
        + f" {links:,} links, {visits:,} visits, in {took:.0f} s.",
        soft_wrap=True,
    )
    return DemoTownship(until, True, visits, links, took, facts=facts)


async def _count(connection: asyncpg.Connection) -> tuple[int, int]:
    """How many visits and links there are."""
    visits, links = await connection.fetchrow("SELECT (SELECT count(*) FROM visit), (SELECT count(*) FROM assignment)")
    return visits, links


async def _copy(connection: asyncpg.Connection, bars: Bars, name: str, kinds: list[rows.Rows], scale: int) -> None:
    """Write the rows of some tables by COPY, a batch at a time so that it can be stopped in between."""
    bars.expect(name, scale * sum(kind.count for kind in kinds))
    for kind in kinds:
        columns = kind.columns.replace(",", " ").split()
        for batch in _batches(iter(kind.rows)):
            await connection.copy_records_to_table(kind.table, records=batch, columns=columns)
            bars.advance(name, len(batch))


def _batches(every: Iterator[rows.Row]) -> Iterator[list[rows.Row]]:
    while batch := list(islice(every, BATCH)):
        yield batch


async def _let_in(connection: asyncpg.Connection, township: Township, run_dir: Path | None) -> dict[str, Any]:
    """Make passwords and invitations, and write demo.json before the commit.

    A file without its township is renewed by the next load; a township whose passwords nobody knows would not be.
    """
    made = credentials.make_credentials(township)
    await credentials.write_credentials(connection, township, made, crypto.vault(), datetime.now(CHINA))
    facts = credentials.demo_facts(township, made, await credentials.met_this_month(connection, township.until))
    if run_dir is not None:
        await asyncio.to_thread(credentials.write_facts, run_dir, facts)
    return facts


async def _audit(connection: asyncpg.Connection, subject: UUID, changed: list[str], until: date) -> None:
    await connection.execute(audit.INSERT, None, Action.DEMO_LOAD, subject, changed, until.isoformat(), None)
