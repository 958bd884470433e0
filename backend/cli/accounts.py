"""Commands that an empty database needs first: regions, and console accounts."""

from __future__ import annotations

from datetime import datetime

import click

from backend.cli.base import commands, database, fail, ready_database, run_async, settings
from backend.settings import CHINA


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
        await ready_database(chosen)
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


@accounts.command("reset")
@click.argument("login")
def reset_account(login: str) -> None:
    """Give an account a new password and TOTP secret, printed once; its sessions end."""
    from backend.services import accounts as service
    from models.database import transaction

    chosen = settings()

    async def work() -> tuple[str, str] | None:
        await ready_database(chosen)
        async with database(chosen), transaction():
            return await service.reset_console_account(login)

    _print_secrets(login, run_async(work()) or f"there is no account {login!r}")


def _print_secrets(login: str, made: tuple[str, str] | str) -> None:
    if isinstance(made, str):
        fail(made)
    else:
        click.echo(
            f"account:     {login}\npassword:    {made[0]}\nTOTP secret: {made[1]}\nShown once; hand it over in person."
        )


def _create_account(login: str, role: str, place: str) -> None:
    from backend import permissions, problems
    from backend.services import accounts as service
    from models import regions
    from models.database import transaction

    if role not in set(permissions.Role) - {permissions.Role.MEMBER}:
        fail(
            f"--role: {role!r} is not one of {', '.join(role for role in permissions.Role if role != permissions.Role.MEMBER)}"
        )
    chosen = settings()
    held = permissions.Role(role)
    at_branch = held in permissions.HELD_AT_BRANCH

    async def work() -> tuple[str, str] | str:
        await ready_database(chosen)
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

    _print_secrets(login, run_async(work()))
