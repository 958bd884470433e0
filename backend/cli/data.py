"""Commands about the data and the documents: migrations, the demo, openapi.json, keys."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import sys
from datetime import datetime
from pathlib import Path

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
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The facts end before this day; default today.")
@click.option(
    "--scale", type=click.IntRange(1, 100), default=1, help="So many townships, all in one county; default 1."
)
@click.option(
    "--visits",
    type=click.IntRange(1),
    help="About so many visits in all. They reach as many months back as that takes, five years at most; where these do"
    " not suffice, households are visited more often than in reality. Default: fifteen months of visits.",
)
@click.option(
    "--count-all", is_flag=True, help="Count all periods now; else the worker counts all but the last two months."
)
def demo(until: datetime | None, scale: int, visits: int | None, count_all: bool) -> None:
    """Load the fictional demo township once, or a county of them.

    The first township is the same whatever the scale; figures are kept for the last thirteen months.
    """
    chosen = settings()
    run_async(ready_database(chosen))
    from rich.console import Console

    from backend.demo.load import load
    from backend.demo.township import A_YEAR, Extent

    extent = Extent.of(visits, scale) if visits else A_YEAR
    run_dir = os.environ.get("RUN_DIR")
    day = until.date() if until else datetime.now(CHINA).date()
    run_async(load(chosen, day, Console(), Path(run_dir) if run_dir else None, scale, extent, count_all))


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


@commands.command("new-epoch")
def new_epoch() -> None:
    """After a restore: have every phone fetch its households anew."""
    from backend.services import sync

    chosen = settings()

    async def work() -> None:
        await ready_database(chosen)
        async with database(chosen):
            await sync.new_epoch()

    run_async(work())
    click.echo("a new epoch has begun; every phone starts anew")
