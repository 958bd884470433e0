"""Loading the demo township: one transaction, COPY in batches, progress for each kind, figures at the end."""

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
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backend import crypto
from backend.demo import credentials, rows
from backend.demo.people import MEMBERS
from backend.demo.places import BRANCHES, COUNTY_CODE, HOUSEHOLDS, MICRO_GRIDS, VILLAGES
from backend.demo.township import Township, make_township
from backend.rules.audit import Action
from backend.rules.coverage import month_span
from backend.settings import CHINA, Settings, SettingsError
from models import audit
from models.database import credentials as connection_arguments

BATCH, CHUNK = 5_000, 2_000
#: One load at a time; the lock ends with the transaction.
LOCK = 7209
#: The planner has to know the new rows before the figures are counted.
COUNTED_FROM = "residence, assignment, membership, home, responsibility, visit, household, region, branch, person, tier"


@dataclass(frozen=True, slots=True)
class DemoTownship:
    """What was loaded; `fresh` is False when it was there already. `facts` is what demo.json holds, with passwords."""

    until: date
    fresh: bool
    visits: int
    links: int
    seconds: float
    villages: int = VILLAGES
    micro_grids: int = MICRO_GRIDS
    households: int = HOUSEHOLDS
    members: int = MEMBERS
    branches: int = BRANCHES
    facts: dict[str, Any] | None = field(default=None, repr=False)


async def load(settings: Settings, until: date, console: Console, run_dir: Path | None) -> DemoTownship:
    """Load the demo township, unless it is there; then only renew passwords that `run_dir` does not know.

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
                return await _renew(connection, loaded, console, run_dir)
            return await _load(connection, until, console, run_dir)
    finally:
        await connection.close()


async def _loaded_until(connection: asyncpg.Connection) -> date | None:
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM region WHERE code = $1)", COUNTY_CODE):
        return None
    reason = await connection.fetchval(
        "SELECT reason FROM audit_entry WHERE action = $1 ORDER BY id DESC LIMIT 1", Action.DEMO_LOAD
    )
    return date.fromisoformat(reason)


async def _renew(connection: asyncpg.Connection, until: date, console: Console, run_dir: Path | None) -> DemoTownship:
    """The township is there: say so, and write demo.json with fresh passwords where its own do not work."""
    began = time.monotonic()
    facts = None
    if run_dir is not None and not await credentials.opens_still(connection, run_dir):
        township = make_township(until)
        facts = await _let_in(connection, township, run_dir)
        await _audit(connection, township.places.township.id, ["password_hash", "totp_sealed", "code_hash"], until)
    renewed = "" if facts is None else f"; new passwords are in {run_dir}/{credentials.FILE}"
    console.print(f"The demo township is already loaded (until {until}){renewed}.", soft_wrap=True)
    visits, links = await connection.fetchrow("SELECT (SELECT count(*) FROM visit), (SELECT count(*) FROM assignment)")
    return DemoTownship(until, False, visits, links, time.monotonic() - began, facts=facts)


async def _load(connection: asyncpg.Connection, until: date, console: Console, run_dir: Path | None) -> DemoTownship:
    began = time.monotonic()
    bars = Progress(
        TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    with bars:
        invent = bars.add_task("inventing", total=6)
        township = make_township(until, lambda _: bars.advance(invent))
        vault = crypto.vault()
        for name, kind in (
            ("places", rows.place_rows(township)),
            ("households", rows.household_rows(township, vault)),
            ("people", rows.person_rows(township, vault)),
            ("links", rows.link_rows(township)),
            ("accounts", rows.account_rows(township, vault)),
            ("visits", rows.visit_rows(township, vault)),
        ):
            await _copy(connection, bars, name, list(kind))
        await _count_figures(connection, township, bars)
        facts = await _let_in(connection, township, run_dir)
        await _audit(
            connection, township.places.township.id, ["region", "household", "person", "assignment", "visit"], until
        )
    took = time.monotonic() - began
    console.print(
        f"The demo township is loaded until {until}: {VILLAGES} villages, {HOUSEHOLDS:,} households, {MEMBERS:,} party"
        f" members, {len(township.links):,} links, {len(township.visits):,} visits, in {took:.0f} s.",
        soft_wrap=True,
    )
    return DemoTownship(until, True, len(township.visits), len(township.links), took, facts=facts)


async def _copy(connection: asyncpg.Connection, bars: Progress, name: str, kinds: list[rows.Rows]) -> None:
    """Write the rows of some tables by COPY, a batch at a time so that it can be stopped in between."""
    task = bars.add_task(name, total=sum(kind.count for kind in kinds))
    for kind in kinds:
        columns = kind.columns.replace(",", " ").split()
        for batch in _batches(iter(kind.rows)):
            await connection.copy_records_to_table(kind.table, records=batch, columns=columns)
            bars.advance(task, len(batch))


def _batches(every: Iterator[rows.Row]) -> Iterator[list[rows.Row]]:
    while batch := list(islice(every, BATCH)):
        yield batch


async def _count_figures(connection: asyncpg.Connection, township: Township, bars: Progress) -> None:
    """Count the figures of all periods, and drop the marks that this load left.

    Dropping them is right because the recount answers every one of them: under the fold lock nobody else changes
    figures or periods, each mark of this transaction names a household, person or micro-grid that only this
    transaction can see, and the recount covers all households in all periods after all facts were written. Marks of
    others carry another transaction's number and stay.
    """
    await connection.execute("SELECT coverage_lock()")
    await connection.executemany(
        "INSERT INTO period (id, kind, span) VALUES ($1, 'month', daterange($2, $3)) ON CONFLICT DO NOTHING",
        [(month, *month_span(month)) for month in township.months()],
    )
    await connection.execute(f"ANALYZE {COUNTED_FROM}")
    periods = [row["id"] for row in await connection.fetch("SELECT id FROM period ORDER BY id")]
    ids = [row["id"] for row in await connection.fetch("SELECT id FROM household ORDER BY id")]
    task = bars.add_task("figures", total=len(ids) * len(periods))
    for period in periods:
        for first_one in range(0, len(ids), CHUNK):
            chunk = ids[first_one : first_one + CHUNK]
            await connection.execute("SELECT coverage_recount($1, $2)", period, chunk)
            bars.advance(task, len(chunk))
    await connection.execute("DELETE FROM coverage_dirty WHERE xmin = pg_current_xact_id()::xid")
    await connection.execute("ANALYZE household_period, coverage_sum")


async def _let_in(connection: asyncpg.Connection, township: Township, run_dir: Path | None) -> dict[str, Any]:
    """Make passwords and invitations, and write demo.json before the commit.

    A file without its township is renewed by the next load; a township whose passwords nobody knows would not be.
    """
    made = credentials.make_credentials(township)
    await credentials.write_credentials(connection, township, made, crypto.vault(), datetime.now(CHINA))
    facts = credentials.demo_facts(township, made)
    if run_dir is not None:
        await asyncio.to_thread(credentials.write_facts, run_dir, facts)
    return facts


async def _audit(connection: asyncpg.Connection, subject: UUID, changed: list[str], until: date) -> None:
    await connection.execute(audit.INSERT, None, Action.DEMO_LOAD, subject, changed, until.isoformat(), None)
