"""`python -m bench.growth`: does anything grow with the visits stored? One township, more and more visits of the past.

Each amount of visits is a database of its own, a copy of the one before with older years added at the density of a
real year; all are asked in turn, in interleaved rounds. Writes docs/pictures/growth.svg.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import time
import urllib.request
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import click

from backend.local.places import LocalError, locked, make_run_dir
from backend.local.servers import DATABASE
from bench import report, svg
from bench.contenders import KINDS, ROOT, Contender, running
from bench.load import WORKS, need_wrk, send
from bench.township import Town, township

#: Visits of one township in a year; older visits are laid at this density, year before year.
A_YEAR = 108_000
#: Links of the one who synchronises many households.
MANY = 1_000
OURS = next(kind for kind in KINDS if kind.name == "ours")

_FILL = """
INSERT INTO visit (id, household_id, visitor_id, entered_by, occurred_on, noted_at, recorded_at, mode, outcome, topics,
                   companion_ids, needs_follow_up, body_mac)
SELECT gen_random_uuid(), l.household_id, l.person_id, l.person_id, d.day, d.day + time '18:00', d.day + time '18:01',
       CASE WHEN random() < 0.8 THEN 'in_person' ELSE 'remote' END, CASE WHEN random() < 0.92 THEN 'met' ELSE 'not_home' END,
       '{policy}', '{}', false, '\\x00'
FROM (SELECT array_agg(household_id) AS households, array_agg(person_id) AS people FROM assignment WHERE role = 'primary' AND valid_to IS NULL) a
CROSS JOIN generate_series(1, $2::int) n
CROSS JOIN LATERAL (SELECT 1 + (random() * (cardinality(a.households) - 1))::int AS i, n) p
CROSS JOIN LATERAL (SELECT a.households[p.i] AS household_id, a.people[p.i] AS person_id) l
CROSS JOIN LATERAL (SELECT $1::date - (random() * 365)::int AS day) d"""
_LINK_MANY = """
INSERT INTO assignment (id, household_id, person_id, role, source, valid_from)
SELECT gen_random_uuid(), h.id, $1, 'backup', 'appointed', greatest(h.opened_on, $2::date)
FROM household h WHERE h.closed_on IS NULL ORDER BY h.id LIMIT $3"""


@click.command()
@click.option("--visits", default="500000,2000000,10000000", show_default=True, help="Visits stored, ascending.")
@click.option("--rounds", default=3, show_default=True, help="Interleaved rounds; the picture shows medians.")
@click.option("--seconds", default=3.0, show_default=True, help="Length of each run.")
def main(visits: str, rounds: int, seconds: float) -> None:
    """Measure writing, reading and synchronising with more and more visits stored, and draw the curves."""
    need_wrk()
    amounts = [int(part) for part in visits.split(",")]
    folder = make_run_dir(os.environ.get("BENCH_DIR") or str(ROOT / ".run" / "growth"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(folder))
        town = stack.enter_context(township(folder, {}))
        asyncio.run(_grow(town, amounts))
        kinds = [replace(OURS, name=f"v{amount}", title=f"{amount:,} visits") for amount in amounts]
        contenders = stack.enter_context(running(kinds, town, Path(sys.executable), folder / "logs"))
        found = measure(contenders, rounds, seconds)
    command = f"python -m bench.growth --visits {visits} --rounds {rounds} --seconds {seconds:g}"
    names = {f"v{amount}": amount for amount in amounts}
    curves = {title: [(names[name], statistics.median(runs[name])) for name in names] for title, runs in found.items()}
    for title, points in curves.items():
        base = points[0][1]
        print(f"{title}: " + "  ".join(f"{amount:,}: {value:.3g} (×{value / base:.2f})" for amount, value in points))
    report.GROWTH.write_text(svg.curves("What grows with the visits stored", "visits stored", curves, command))
    print(f"\nWritten to {report.GROWTH.relative_to(ROOT)}.")


def measure(contenders: list[Contender], rounds: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    """What is measured -> database -> a value for each round."""
    found: dict[str, dict[str, list[float]]] = {}
    post, coverage = (next(work for work in WORKS if work.name == name) for name in ("post", "coverage"))
    for number in range(-1, rounds):  # the round before the first warms up and is not counted
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            length = seconds if number >= 0 else 1
            seed = 1000 * (number + 2)
            values = {
                "POST /visits, 16 connections: CPU µs": send(contender, post, 16, length, seed).cpu,
                "POST /visits, 64 connections: CPU µs": send(contender, post, 64, length, seed + 1).cpu,
                "GET /coverage, kept answer: CPU µs": send(contender, coverage, 16, length, seed + 2).cpu,
                "GET /coverage, made anew: ms": _made_anew(contender),
                "GET /sync, 1,000 households: ms": _sync(contender),
            }
            for title, value in values.items():
                if number >= 0:
                    found.setdefault(title, {}).setdefault(contender.name, []).append(value)
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return found


def _made_anew(contender: Contender) -> float:
    """Milliseconds of a township's answer that is not kept: each asks for the stock of another day."""
    town, taken = contender.town, []
    for back in range(2, 22):
        day = (town.today.replace(day=1) - timedelta(days=back)).isoformat()
        taken.append(_ask(contender, f"/coverage?{town.coverage_query}&on={day}", town.committee))
    return statistics.median(taken)


def _sync(contender: Contender) -> float:
    """Milliseconds of a first synchronisation by the one who is linked to a thousand households."""
    token = contender.town.senders.read_text().split(maxsplit=1)[0]
    return statistics.median(_ask(contender, "/sync?limit=500", token) for _ in range(5))


def _ask(contender: Contender, path: str, token: str) -> float:
    request = urllib.request.Request(contender.base + path, headers={"Authorization": f"Bearer {token}"})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        json.load(answer)
    return (time.perf_counter() - began) * 1000


async def _grow(town: Town, amounts: list[int]) -> None:
    """A database for each amount; visits are laid without marks, because no kept period is as old as they are."""
    connection = await asyncpg.connect(town.postgres.url)
    person = await connection.fetchval(
        "SELECT a.person_id FROM session s JOIN account a ON a.id = s.account_id WHERE s.kind = 'phone' ORDER BY a.id LIMIT 1"
    )
    await connection.execute(_LINK_MANY, person, town.today, MANY)
    while await connection.fetchval("SELECT coverage_fold(2000)"):
        pass
    oldest = await connection.fetchval("SELECT min(lower(span)) FROM period")
    stored, until = await connection.fetchval("SELECT count(*) FROM visit"), oldest
    for amount in amounts:
        await connection.execute("SET session_replication_role = replica")
        while stored < amount:
            some = min(A_YEAR, amount - stored)
            await connection.execute(_FILL, until, some)
            stored, until = stored + some, until - timedelta(days=365)
            print(f"\r{stored:,} of {amounts[-1]:,} visits", end="", file=sys.stderr, flush=True)
        await connection.execute("VACUUM (ANALYZE) visit")
        await connection.close()
        other = await asyncpg.connect(town.url("postgres"))
        await other.execute(f"CREATE DATABASE v{amount} TEMPLATE {DATABASE} STRATEGY file_copy")
        await other.close()
        connection = await asyncpg.connect(town.postgres.url)
    await connection.close()
    print(file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except LocalError as error:
        sys.exit(str(error))
