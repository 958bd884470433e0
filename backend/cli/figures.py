"""Commands that prove or mend what is kept: figures against facts, the audit chain, facts against one another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

import click

from backend.cli.base import commands, database, fail, ready_database, run_async, settings
from backend.settings import CHINA

if TYPE_CHECKING:
    from backend.rules.periods import Period
    from backend.services.checks import Finding
    from backend.services.coverage.keeping import Progress

Way = Literal["check", "repair", "recount"]


@commands.command()
@click.option("--check", is_flag=True, help="Only compare; print differences and exit 1 on any.")
@click.option("--repair", is_flag=True, help="Compare, recount the households that differ, print what was mended.")
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="First do what the calendar had brought about by that day: returns, periods, freezing.",
)
@click.option("--period", "periods", multiple=True, help="2026-11, 2026Q4 or 2026; all kept periods if not given.")
def recount(check: bool, repair: bool, as_of: datetime | None, periods: tuple[str, ...]) -> None:
    """Recount the figures from the raw facts, or prove that they agree. Stopped, it goes on when run again."""
    from backend.rules.periods import Period

    parsed = [Period.parse(period) for period in periods]
    if None in parsed:
        fail("--period: write 2026-11, 2026Q4 or 2026")
    if check and repair:
        fail("--check, --repair: choose one of them")
    if as_of and as_of.date() > datetime.now(CHINA).date():
        fail(f"--as-of: {as_of.date()} has not come yet; what is frozen too early could never be changed")
    wanted = [period for period in parsed if period is not None]
    run_async(_work("check" if check else "repair" if repair else "recount", wanted, as_of.date() if as_of else None))


async def _work(way: Way, wanted: Sequence[Period], as_of: date | None) -> None:
    from backend.services.coverage import keeping

    chosen = settings()
    await ready_database(chosen)
    try:
        async with database(chosen):
            if as_of:
                with _bars() as progress:
                    said = await keeping.catch_up(as_of, progress)
                click.echo("\n".join(said or [f"nothing was left to do as of {as_of}"]))
            kept = await keeping.kept_periods()
            if missing := [str(period) for period in wanted if period not in kept]:
                reach = f"; kept are {kept[0]} to {kept[-1]}" if kept else ""
                fail(f"--period: {', '.join(missing)} is not kept{reach}")
            with _bars() as progress:
                said = await _done(way, wanted or kept, progress)
    except asyncio.CancelledError:
        click.echo("stopped; what is done stays done, run it again to go on", err=True)
        raise
    click.echo("\n".join(said))
    if way == "check" and len(said) > 1:
        fail("the figures differ from the facts")


async def _done(way: Way, periods: Sequence[Period], progress: Progress) -> list[str]:
    """Do it; what to say of it, a line each and how many at the end."""
    from backend.services.coverage import keeping

    if way == "check":
        found = await keeping.check(periods, progress)
        return [*map(str, found), f"{len(found)} differences" if found else "figures agree with the facts"]
    if way == "repair":
        mended = await keeping.repair(periods, progress)
        return [
            *(f"mended: {one}" for one in mended),
            f"{len(mended)} differences mended" if mended else "nothing to mend",
        ]
    done = await keeping.recount(periods, progress)
    before = len(periods) - len(done)
    return [f"{len(done)} periods recounted" + (f", {before} had been when it was stopped" if before else "")]


@commands.command("check")
def check_all() -> None:
    """Prove what can be proved: figures against facts, the audit chain, and rules that a crash might have bent."""
    from backend.services import checks

    chosen = settings()

    async def work() -> list[Finding]:
        await ready_database(chosen)
        async with database(chosen):
            with _bars() as progress:
                return await checks.run(progress)

    found = run_async(work())
    for finding in found:
        click.echo(f"{finding.question}: {finding.count}")
        for line in finding.lines:
            click.echo(f"  {line}")
        if finding.count > len(finding.lines):
            click.echo(f"  and {finding.count - len(finding.lines)} more")
    if found:
        fail(f"{len(found)} of {checks.ASKED} questions have an answer that should not be there")
    click.echo(f"{checks.ASKED} questions asked: figures, audit and rules hold")


@contextlib.contextmanager
def _bars() -> Iterator[Progress]:
    """A progress function that draws one bar a name, beside what is said; only for whoever looks on."""
    from rich.console import Console
    from rich.progress import Progress, TaskID

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        yield progress
