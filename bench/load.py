"""Sending load with wrk, and what came of it: answers a second, latency, errors, processor time for each answer."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.contenders import Contender

HERE = Path(__file__).parent
BATCH = 100
_RESULT = re.compile(r"RESULT rps=(\S+) p50=(\S+) p99=(\S+) n=(\d+) errors=(\d+)")


@dataclass(frozen=True)
class Work:
    """One kind of work, with how many visits a request of it carries (1 for reading)."""

    name: str
    title: str
    visits: int
    arguments: Callable[[Contender, int], list[str]]


@dataclass(frozen=True)
class Run:
    """What one run gave. Rates are of visits (of answers when reading), times in ms, processor time in µs for each."""

    rate: float
    p50: float
    p99: float
    answers: int
    errors: int
    server: float
    postgres: float
    worker: float
    #: The share of the machine's processors that other work took meanwhile.
    others: float

    @property
    def cpu(self) -> float:
        return self.server + self.postgres + self.worker


def need_wrk() -> None:
    """Exit with one sentence when the load generator is missing."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing; install it, on Debian or Ubuntu: apt install wrk")


def _record(size: int) -> Callable[[Contender, int], list[str]]:
    address = "/visits/batch" if size else "/visits"

    def arguments(contender: Contender, seed: int) -> list[str]:
        town = contender.town
        script = str(HERE / "record.lua")
        return [
            "-s",
            script,
            contender.base + address,
            "--",
            str(town.senders),
            ",".join(town.days),
            str(seed),
            str(size),
        ]

    return arguments


def _read(contender: Contender, seed: int) -> list[str]:
    town = contender.town
    return ["-s", str(HERE / "read.lua"), f"{contender.base}/coverage?{town.coverage_query}", "--", town.committee]


WORKS = (
    Work("post", "POST /visits", 1, _record(0)),
    Work("batch", f"POST /visits/batch of {BATCH}", BATCH, _record(BATCH)),
    Work("coverage", "GET /coverage", 1, _read),
)


def send(contender: Contender, work: Work, connections: int, seconds: float, seed: int) -> Run:
    """Send one kind of work over so many connections for a time, and wait until the figures have followed.

    Where fewer answers came than there are connections, nothing was measured: again, for twice as long.
    """
    while (run := _send(contender, work, connections, seconds, seed)).answers < connections:
        if seconds > 60:
            sys.exit(f"{contender.title} gave {run.answers} answers in {seconds:.0f} s of {work.title}.")
        seconds, seed = seconds * 2, seed + 1_000_000
    return run


def _send(contender: Contender, work: Work, connections: int, seconds: float, seed: int) -> Run:
    before, machine = contender.processor_time(), _machine()
    # One thread; wrk takes whole seconds.
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "20s"]
    output = subprocess.run([*command, *work.arguments(contender, seed)], capture_output=True, text=True, check=False)
    used_by_all = [after - then for after, then in zip(_machine(), machine, strict=True)]
    used_by_us = sum(contender.processor_time()) - sum(before)
    found = _RESULT.search(output.stdout)
    if found is None:
        sys.exit(f"wrk failed against {contender.title}:\n{output.stdout}{output.stderr}")
    rps, p50, p99 = (float(value) for value in found.groups()[:3])
    answers, errors = int(found[4]), int(found[5])
    contender.settle()
    used = [
        (after - then) * 1e6 / max(1, answers * work.visits)
        for after, then in zip(contender.processor_time(), before, strict=True)
    ]
    busy, total, ours = used_by_all
    others = max(0.0, busy - ours - used_by_us) / max(total, 0.01)
    return Run(rps * work.visits, p50, p99, answers, errors, *used, others)


def _machine() -> tuple[float, float, float]:
    """Seconds so far: of all processors at work, of all processors, and of the load generator with what we ran before."""
    times = psutil.cpu_times()
    total = sum(times[:8])
    return total - times.idle - times.iowait, total, sum(psutil.Process().cpu_times()[:4])
