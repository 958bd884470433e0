"""Operator commands: `python -m backend --help`."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from backend.settings import CHINA, Settings, SettingsError

T = TypeVar("T")
#: Stands for a database and a Redis where a command needs none.
NO_SERVERS = {"DATABASE_URL": "postgresql://none", "REDIS_URL": "redis://none"}


def main() -> None:
    """Run a command; a failure that an operator can mend is one sentence and exit 1."""
    try:
        commands(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except click.Abort:
        sys.exit(130)
    except SettingsError as error:
        fail(str(error))


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


async def _ready_database(chosen: Settings) -> None:
    from models import migrate

    missing = await migrate.pending(chosen)
    if missing:
        fail(f"DATABASE_URL: {len(missing)} migrations are pending ({missing[0]} …); run `python -m backend migrate`")


@commands.command()
def serve() -> None:
    """Serve the API on HOST:PORT with WORKERS processes."""
    chosen = settings()
    run_async(_ready_database(chosen))
    from sanic import Sanic
    from sanic.worker.loader import AppLoader

    from backend import log

    log.configure()
    _check_address(chosen)
    loader = AppLoader(factory=_Factory(chosen))
    app = loader.load()
    single = chosen.workers == 1
    app.prepare(
        host=chosen.host, port=chosen.port, workers=chosen.workers, single_process=single, access_log=False, motd=False
    )
    if single:
        Sanic.serve_single(primary=app)
    else:
        Sanic.serve(primary=app, app_loader=loader)


def _check_address(chosen: Settings) -> None:
    """Say in a sentence what the server would say with a traceback."""
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    try:
        with socket.create_server((chosen.host, chosen.port), family=family):
            pass
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]
        fail(f"HOST, PORT: cannot listen on {chosen.host}:{chosen.port} ({why}); free it or choose another")


class _Factory:
    """Makes the application in each worker process."""

    def __init__(self, chosen: Settings) -> None:
        self.chosen = chosen

    def __call__(self) -> Any:
        from backend.app import create_app

        return create_app(self.chosen)


@commands.command()
def worker() -> None:
    """Do what happens later: fold figures, seal the audit, keep months."""
    chosen = settings()
    run_async(_ready_database(chosen))
    from backend import log
    from backend.worker import schedule

    log.configure()
    run_async(schedule.run(chosen))


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
    run_async(_ready_database(chosen))
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
        await _ready_database(chosen)
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
        await _ready_database(chosen)
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
    path = Path(__file__).parents[1] / "openapi.json"
    if not check:
        path.write_bytes(written)
    elif not path.exists() or path.read_bytes() != written:
        fail("openapi.json is not what the schemas say; run `make openapi` and commit it")


@commands.command()
@click.option("--port", type=int, required=True)
def standin(port: int) -> None:
    """Serve the WeChat stand-in on loopback: for the demo and for tests, never for production."""
    from backend.gateways import wechat_standin

    if os.environ.get("APP_ENV") == "production":
        fail("APP_ENV: production talks to WeChat itself; the stand-in does not start")
    appid = os.environ.get("WECHAT_APPID") or wechat_standin.APPID
    wechat_standin.serve(port, appid, os.environ.get("WECHAT_SECRET") or wechat_standin.SECRET)


@commands.command("run")
def run_local() -> None:
    """Everything on one development machine: private servers, demo, API, worker, stand-in (`make run`)."""
    from backend.local.run import run

    sys.exit(run(os.environ))


@commands.command("new-key")
def new_key() -> None:
    """A fresh 32-byte key for SECRET_KEYS, in base64."""
    click.echo(base64.b64encode(secrets.token_bytes(32)).decode())


@commands.group()
def regions() -> None:
    """The tree of regions."""


@regions.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--level", required=True, help="province, city, county, township, village, group, grid or micro_grid.")
@click.option("--parent", help="Code of the region above; none for the root.")
def add_region(code: str, name: str, level: str, parent: str | None) -> None:
    """Add a region, for example the township before its first administrator is made."""
    from backend import problems
    from backend.rules.regions import Level
    from backend.services import regions as service
    from models.database import transaction

    if level not in set(Level):
        fail(f"--level: {level!r} is not one of {', '.join(Level)}")
    chosen = settings()

    async def work() -> str:
        await _ready_database(chosen)
        async with database(chosen), transaction():
            try:
                await service.add_region(Level(level), code, name, parent, datetime.now(CHINA).date())
            except problems.RegionNotFound:
                return f"--parent: there is no region {parent!r}; add it first"
            except problems.Conflict:
                return f"{code!r} exists already"
            return ""

    sentence = run_async(work())
    if sentence:
        fail(sentence)
    click.echo(f"added {level} {code} {name}")


@commands.group()
def accounts() -> None:
    """Console accounts."""


@accounts.command("create")
@click.argument("login")
@click.option("--role", required=True, help="administrator, organization_office, township_committee …")
@click.option("--place", required=True, help="Code of a region, or the id of a branch for branch_secretary.")
def create_account(login: str, role: str, place: str) -> None:
    """Make a console account with a role at a place; prints its password and TOTP secret once."""
    _create_account(login, role, place)


@accounts.command("create-admin")
@click.argument("login")
@click.option("--place", required=True, help="Code of the county or township.")
def create_admin(login: str, place: str) -> None:
    """Make the first administrator; prints the password and TOTP secret once."""
    _create_account(login, "administrator", place)


def _create_account(login: str, role: str, place: str) -> None:
    from backend import permissions, problems
    from backend.services import accounts as service
    from models import regions
    from models.database import transaction

    if role not in set(permissions.Role) - {permissions.Role.MEMBER}:
        fail(f"--role: {role!r} is not one of {', '.join(permissions.Role)}")
    chosen = settings()
    held = permissions.Role(role)
    at_branch = held in permissions.HELD_AT_BRANCH

    async def work() -> tuple[str, str] | str:
        await _ready_database(chosen)
        async with database(chosen), transaction():
            today = datetime.now(CHINA).date()
            found = await (regions.find_branch_by_id(place) if at_branch else regions.find_region(place, today))
            if found is None:
                return f"--place: there is no {'branch' if at_branch else 'region'} {place!r}; see `python -m backend regions add --help`"
            try:
                _, password, totp = await service.create_console_account(login, held, found["id"], at_branch, today)
            except problems.Conflict:
                return f"{login!r} exists already; choose another name"
            return password, totp

    made = run_async(work())
    if isinstance(made, str):
        fail(made)
    else:
        click.echo(
            f"account:     {login}\npassword:    {made[0]}\nTOTP secret: {made[1]}\nShown once; hand it over in person."
        )
