"""`python -m bench`: ours, the raw limit and the peers in interleaved rounds; prints ratios, writes docs/performance.md."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import click

from backend.local.places import LocalError, locked, make_run_dir
from bench import report, same_work
from bench.contenders import KINDS, ROOT, Contender, running
from bench.load import WORKS, Work, need_wrk, send
from bench.report import Results
from bench.township import Town, township

PAGE = ROOT / "docs" / "performance.md"


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Interleaved rounds; ratios are medians over them.")
@click.option("--seconds", default=5.0, show_default=True, help="Length of each run.")
@click.option(
    "--connections", default="16,64", show_default=True, help="For POST /visits; the first also for the rest."
)
@click.option("--only", default="", help="Some of post,batch,coverage; nothing is written to docs/ then.")
@click.option("--against", default="", help="Some of limit,fastapi,django; nothing is written to docs/ then.")
@click.option(
    "--peers-python",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=ROOT / ".venv-bench" / "bin" / "python",
    show_default=False,
    help="The Python with bench/requirements.txt; default the one that `make bench` makes.",
)
def main(rounds: int, seconds: float, connections: str, only: str, against: str, peers_python: Path) -> None:
    """Measure this program against the raw limit and against peers that do the same work."""
    need_wrk()
    counts = [int(part) for part in connections.split(",")]
    works = [work for work in WORKS if not only or work.name in only.split(",")]
    if {work.name for work in works} & {"post", "batch"} == {"batch"}:
        sys.exit("--only: batch is compared with post; ask for both")
    kinds = [kind for kind in KINDS if not against or kind.name in ("ours", *against.split(","))]
    # The peers' Python is not shown: where it lies is a matter of the machine.
    command = f"python -m bench --rounds {rounds} --seconds {seconds:g} --connections {connections}"
    command += (f" --only {only}" if only else "") + (f" --against {against}" if against else "")
    folder = make_run_dir(os.environ.get("BENCH_DIR") or str(ROOT / ".run" / "bench"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(folder))
        town = stack.enter_context(township(folder, {kind.name: kind.has_figures for kind in kinds}))
        contenders = stack.enter_context(running(kinds, town, peers_python.absolute(), folder / "logs"))
        titles = {kind.name: kind.title for kind in kinds}
        version = town.ask("ours", "SHOW server_version")
        results = Results(command, rounds, seconds, titles, describe(town), version)
        same_work.check(contenders)
        measure(results, contenders, works, counts)
    print(report.plain(report.ratio_rows(results)), report.plain(report.run_rows(results)), sep="\n\n")
    print(f"\nOther work on the machine took {report.others(results)} of its processors.")
    if not only and not against:
        PAGE.write_text(report.page(results))
        print(f"\nWritten to {PAGE.relative_to(ROOT)}.")


def describe(town: Town) -> str:
    """The data in a line."""
    return (
        f"the demo township (61 villages, 23,000 households), visits sent by {town.members:,} members"
        f" to {town.households:,} households of theirs"
    )


def measure(results: Results, contenders: list[Contender], works: list[Work], counts: list[int]) -> None:
    """All runs: in each round every piece of work by every contender, in an order that turns round each time."""
    plan = [
        (work, count, contender)
        for work in works
        for count in connections_of(work, counts)
        for contender in contenders
        if contender.name == "ours" or (work.name != "batch" and count in counts)
    ]
    stored = {contender.name: same_work.counts(contender) for contender in contenders}
    answered = dict.fromkeys(stored, 0)
    seed = 0
    # The round before the first warms up and is not counted.
    for number in range(-1, results.rounds):
        for work, connections, contender in plan if number % 2 == 0 else reversed(plan):
            seed += 1
            run = send(contender, work, connections, results.seconds if number >= 0 else 1, seed)
            if work.name != "coverage":
                answered[contender.name] += run.answers * work.visits
            if number >= 0:
                results.add((work.name, connections, contender.name), run)
            if run.errors:
                print(f"{contender.title}: {run.errors} errors in {work.title}", file=sys.stderr)
        print(f"round {number + 1} of {results.rounds}", file=sys.stderr, flush=True)
    for contender in contenders:
        prove(contender, stored[contender.name], answered[contender.name])


def connections_of(work: Work, counts: list[int]) -> list[int]:
    """Single visits over all of them, the rest over the first; one connection is one phone that sends what it holds."""
    return {"post": [1, *counts], "batch": [1, counts[0]], "coverage": counts[:1]}[work.name]


def prove(contender: Contender, before: dict[str, int], answered: int) -> None:
    """Every answer has its visit, and every visit its audit row; only what wrk cut off at the end has no answer."""
    made = {name: number - before[name] for name, number in same_work.counts(contender).items()}
    print(f"{contender.title}: {answered:,} visits answered, {made} stored", file=sys.stderr)
    if made["visits"] < answered or made["visits"] != made["audit rows"]:
        sys.exit(f"{contender.title} answered {answered} visits and stored {made}.")


if __name__ == "__main__":
    try:
        main()
    except LocalError as error:
        sys.exit(str(error))
