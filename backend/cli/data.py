"""Commands about the data and the documents: migrations, the demo, figures, checks, openapi.json, keys."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from backend.cli.base import NO_SERVERS, commands, database, fail, ready_database, run_async, settings
from backend.settings import CHINA, Settings


@commands.command()
@click.option("--check", is_flag=True, help="Only compare models and migrations; exit 1 when they differ.")
def migrate(check: bool) -> None:
    """Bring the database to the schema of this release."""
    from models import migrate as migrations

    if check:
        differences = asyncio.run(migrations.drift(Settings.from_env(os.environ | NO_SERVERS)))
        differences += [
            f"{one}: removed and added again, its data would be lost" for one in migrations.replaced_columns()
        ]
        for difference in differences:
            click.echo(difference)
        sys.exit(1 if differences else 0)
    done = run_async(migrations.migrate(settings()))
    click.echo(f"migrated: {', '.join(done)}" if done else "nothing to migrate")


@commands.command()
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day of the demo's facts; default today.")
def demo(until: datetime | None) -> None:
    """Load the fictional demo township once."""
    chosen = settings()
    run_async(ready_database(chosen))
    from rich.console import Console

    from backend.demo.load import load

    run_dir = os.environ.get("RUN_DIR")
    day = until.date() if until else datetime.now(CHINA).date()
    run_async(load(chosen, day, Console(), Path(run_dir) if run_dir else None))


@commands.command()
@click.option("--check", is_flag=True, help="Only compare; print differences and exit 1 on any.")
@click.option("--month", "months", multiple=True, help="2026-11; all kept months if not given.")
def recount(check: bool, months: tuple[str, ...]) -> None:
    """Recount the figures from the raw facts, or prove that they agree."""
    from backend.rules.coverage import parse_month
    from backend.services import coverage

    parsed = [parse_month(month) for month in months]
    if None in parsed:
        fail("--month: a month looks like 2026-11")
    chosen_months = [month for month in parsed if month is not None] or None
    chosen = settings()

    async def work() -> list[str]:
        await ready_database(chosen)
        async with database(chosen):
            if check:
                return await coverage.check(chosen_months)
            with _bars() as progress:
                await coverage.recount(chosen_months, progress)
            return []

    _report(run_async(work()), "figures agree with the facts")


@commands.command("check")
def check_all() -> None:
    """Prove what can be proved: figures against facts, the audit chain, and rules that a crash might have bent."""
    from backend.services import checks

    chosen = settings()

    async def work() -> list[str]:
        await ready_database(chosen)
        async with database(chosen):
            return await checks.run()

    _report(run_async(work()), "figures, audit and rules hold")


def _report(found: list[str], fine: str) -> None:
    for sentence in found:
        click.echo(sentence)
    if found:
        fail(f"{len(found)} differences")
    click.echo(fine)


@contextlib.contextmanager
def _bars() -> Any:
    """A progress function that draws one bar a name."""
    from rich.progress import Progress, TaskID

    with Progress() as bars:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        yield progress


@commands.command()
@click.option("--check", is_flag=True, help="Compare with the committed openapi.json; exit 1 when it differs.")
def openapi(check: bool) -> None:
    """Write openapi.json, or compare it with the schemas."""
    import orjson
    from sanic import Sanic

    from backend.app import create_app

    Sanic.test_mode = True
    app = create_app(Settings.from_env(os.environ | NO_SERVERS), name="openapi")
    app.router.finalize()
    written = orjson.dumps(app.ctx.openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    path = Path(__file__).parents[2] / "openapi.json"
    if not check:
        path.write_bytes(written)
    elif not path.exists() or path.read_bytes() != written:
        fail("openapi.json is not what the schemas say; run `make openapi` and commit it")


@commands.command("new-key")
def new_key() -> None:
    """A fresh 32-byte key for SECRET_KEYS, in base64."""
    click.echo(base64.b64encode(secrets.token_bytes(32)).decode())
