"""From runs to ratios: medians over rounds with the least and the most, as text and as docs/performance.md."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import BATCH, Run

#: Drawn by `python -m bench.growth`.
GROWTH = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "growth.svg"
#: (work, connections, contender) -> a run for each round.
Key = tuple[str, int, str]


@dataclass
class Results:
    """All runs, and what was run."""

    command: str
    rounds: int
    seconds: float
    titles: dict[str, str]
    township: str
    postgres: str
    runs: dict[Key, list[Run]] = field(default_factory=dict)

    def add(self, key: Key, run: Run) -> None:
        self.runs.setdefault(key, []).append(run)


@dataclass(frozen=True)
class Ratio:
    """A ratio with its target: by rate, and by processor time (server, PostgreSQL and worker together)."""

    title: str
    must: float | None
    rates: Sequence[float]
    cpus: Sequence[float]

    @property
    def is_met(self) -> bool | None:
        return None if self.must is None else statistics.median(self.rates) >= self.must


def ratios(results: Results) -> list[Ratio]:
    """What is compared with what, for everything that was run."""
    found = []

    def compare(title: str, must: float | None, one: Key, other: Key) -> None:
        runs, base = results.runs.get(one), results.runs.get(other)
        if runs and base:
            pairs = list(zip(runs, base, strict=True))
            found.append(Ratio(title, must, [a.rate / b.rate for a, b in pairs], [b.cpu / a.cpu for a, b in pairs]))

    counts = sorted({connections for work, connections, _ in results.runs if work == "post"})
    for connections in counts:
        ours: Key = ("post", connections, "ours")
        must = {16: 0.95, 64: 1.3}.get(connections)
        at = f"at {connections} connections"
        compare(f"`POST /visits` ÷ limit, {at}", must, ours, ("post", connections, "limit"))
        compare(f"`POST /visits` ÷ FastAPI + SQLAlchemy, {at}", 5, ours, ("post", connections, "fastapi"))
        compare(f"`POST /visits` ÷ Django + DRF, {at}", 10, ours, ("post", connections, "django"))
    for work, connections, name in results.runs:
        if work == "batch":
            one = (work, connections, name)
            at = "one phone" if connections == 1 else f"both at {connections} connections"
            compare(
                f"a visit in a batch of {BATCH} ÷ a single `POST /visits`, {at}", 10, one, ("post", connections, name)
            )
            compare(
                f"a visit in a batch of {BATCH} ÷ a single one at the limit, {at}",
                None,
                one,
                ("post", connections, "limit"),
            )
        if work == "coverage" and name == "ours":
            at = f"at {connections} connections"
            compare(f"`GET /coverage` ÷ limit, {at}", 0.9, (work, connections, name), (work, connections, "limit"))
            for peer in ("fastapi", "django"):
                title = f"`GET /coverage` ÷ {results.titles[peer]}, {at}"
                compare(title, None, (work, connections, name), (work, connections, peer))
    return found


def _spread(values: Sequence[float], digits: int) -> str:
    least, most = min(values), max(values)
    return f"{statistics.median(values):,.{digits}f} [{least:,.{digits}f}–{most:,.{digits}f}]"


def ratio_rows(results: Results) -> list[list[str]]:
    """The table of ratios, with a heading."""
    rows = [["work", "ratio of rates", "must", "", "ratio of processor time"]]
    for one in ratios(results):
        must = "" if one.must is None else f"≥ {one.must:g}"
        met = {None: "", True: "met", False: "**missed**"}[one.is_met]
        rows.append([one.title, _spread(one.rates, 2), must, met, _spread(one.cpus, 2)])
    return rows


def run_rows(results: Results) -> list[list[str]]:
    """The table of what each contender did, with a heading."""
    rows = [
        [
            "work",
            "connections",
            "who",
            "rate /s",
            "CPU µs",
            "server",
            "PostgreSQL",
            "worker",
            "p50 ms",
            "p99 ms",
            "errors",
        ]
    ]
    for (work, connections, name), runs in sorted(results.runs.items(), key=lambda item: _order(item[0], results)):
        middle = {
            part: statistics.median(getattr(run, part) for run in runs)
            for part in ("cpu", "server", "postgres", "worker", "p50", "p99")
        }
        rows.append(
            [
                work, str(connections), results.titles[name], _spread([run.rate for run in runs], 0),
                *(f"{middle[part]:,.0f}" for part in ("cpu", "server", "postgres", "worker")),
                f"{middle['p50']:.1f}", f"{middle['p99']:.1f}", str(sum(run.errors for run in runs)),
            ]
        )  # fmt: skip
    return rows


def _order(key: Key, results: Results) -> tuple[int, int, int]:
    work, connections, name = key
    return ["post", "batch", "coverage"].index(work), connections, list(results.titles).index(name)


def plain(rows: list[list[str]]) -> str:
    """A table for the terminal."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def markdown(rows: list[list[str]]) -> str:
    """A table for a page."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def page(results: Results) -> str:
    """docs/performance.md."""
    return f"""# Performance

Made by `{results.command}`: {results.rounds} interleaved rounds of {results.seconds:g} s each, medians with [least–most].
Use the ratios: each is taken within a round, minutes apart the absolute numbers of a machine shared with others move.
The processor time of an answer (server, all of PostgreSQL, and the worker that keeps the figures) is the steadiest.

- Machine: {machine()}.
- PostgreSQL {results.postgres}, private, on the same disk for all, durable (fsync and synchronous commit on), {disk()}.
- Data: {results.township}.
- Other work on the machine took {others(results)} of its processors meanwhile: the less, the closer the ratios.
- One server process each, a pool of 10 connections, the load generator (wrk, one thread) on the same machine.

## Ratios

{markdown(ratio_rows(results))}

{growth()}## Who did what

Rates are visits (for coverage: answers) in a second; processor time is for one visit or answer. A batch's latency is
that of the whole batch.

{markdown(run_rows(results))}

## What is compared

- **Limit**: a bare Sanic handler, asyncpg and orjson (`bench/limit.py`). It validates nothing, seals nothing and keeps
  no figures; one statement checks session and link, inserts once and writes the audit row. For coverage it checks the
  session and reads the kept sums in one statement. It is what this machine can do when almost nothing is asked of it.
- **FastAPI + SQLAlchemy** and **Django + DRF** (`bench/peers/`) do our work as their developers would write it: session
  and roles from the database, the link, the same validation, sealing and keyed hash (both import our pure rules),
  idempotency, the visit and its audit row in one transaction, the same marks for the same figures, and a worker of ours
  to fold them. Before measuring, `bench/same_work.py` checks that all give the same answers and leave the same rows.
- **A run** ends when the figures have followed; what folding them took is on the bill of whoever wrote the visits.
  Every answer is counted against the rows in the database afterwards.
"""


def growth() -> str:
    """The section with the curves, once they were drawn."""
    if not GROWTH.exists():
        return ""
    return """## Growth

What it costs with more and more visits stored; `× n` is the last against the first. Made by `python -m bench.growth`.

![Curves of cost against visits stored](pictures/growth.svg)

"""


def others(results: Results) -> str:
    """The share of the machine that was not ours."""
    return _spread([run.others * 100 for runs in results.runs.values() for run in runs], 0) + " %"


def machine() -> str:
    """The processors, memory and versions in a line."""
    model = "unknown processor"
    memory = ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
        memory = f", {int(Path('/proc/meminfo').read_text().split()[1]) / 1024**2:.0f} GiB"
    except OSError:
        pass
    return f"{os.cpu_count()} × {model}{memory}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def disk(folder: Path | None = None) -> str:
    """How long the disk takes to keep 8 kB: it decides what a commit costs."""
    taken = []
    with tempfile.TemporaryFile(dir=folder or Path.cwd(), buffering=0) as file:
        for _ in range(100):
            began = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 8192, 0)
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return f"fdatasync of 8 kB takes {statistics.median(taken):.2f} ms"
