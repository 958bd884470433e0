"""Before anything is measured: do all contenders answer alike and leave the same rows?"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from backend.rules.definitions import in_force
from bench.contenders import Contender

#: A number of what a contender's database holds.
_COUNTS = {
    "visits": "SELECT count(*) FROM visit",
    "audit rows": "SELECT count(*) FROM audit_entry WHERE action = 'visit.record'",
    "contacts": "SELECT count(*) FROM visit WHERE contact",
}


def check(contenders: Sequence[Contender]) -> None:
    """Exit with what differs."""
    totals = {}
    for contender in contenders:
        faults = _recording(contender)
        status, answer = _call(contender, f"/coverage?{contender.town.coverage_query}", contender.town.committee)
        rows = (answer or {}).get("rows", [])
        totals[contender.name] = _figures(rows, contender.kind.has_figures)
        if status != 200 or len(rows) != 61:
            faults.append(f"coverage is answered {status} with {len(rows)} villages")
        if faults:
            sys.exit(f"{contender.title} does not do the same work: {'; '.join(faults)}.")
    # The same figures everywhere; the limit keeps none of the visit that was just recorded.
    if len({totals[one.name] for one in contenders if one.kind.has_figures}) > 1:
        sys.exit(f"The contenders give different figures: {totals}.")


def counts(contender: Contender) -> dict[str, int]:
    """How many rows of each kind a contender has."""
    return {name: contender.town.ask(contender.name, sql) for name, sql in _COUNTS.items()}


def _figures(rows: list[dict[str, Any]], has_metrics: bool) -> tuple[int, ...]:
    if not has_metrics:
        return (sum(row["households"] for row in rows), sum(row["contacted"] for row in rows))
    names = sorted(in_force(1)) if rows else []  # those that the peers give, too
    return tuple(
        sum(row["metrics"][name][part] for row in rows) for name in names for part in ("numerator", "denominator")
    )


def _recording(contender: Contender) -> list[str]:
    lines = contender.town.senders.read_text().splitlines()
    token, household = lines[0].split()[:2]
    strange = lines[-1].split()[1]
    day = contender.town.days[0]
    visit = {
        "client_id": str(uuid4()), "household_id": household, "occurred_on": day, "noted_at": f"{day}T18:30:00+08:00",
        "mode": "in_person", "outcome": "met", "topics": ["policy", "needs"], "note": "家中一切都好",
        "needs_follow_up": False,
    }  # fmt: skip
    before = counts(contender)
    cases: list[tuple[str, dict[str, Any], str | None, tuple[int, ...]]] = [
        ("a visit", visit, token, (201,)),
        ("the same again", visit, token, (200,)),
        ("another's household", visit | {"client_id": str(uuid4()), "household_id": strange}, token, (404,)),
    ]
    if contender.kind.has_figures:  # the limit checks nothing else
        cases += [
            ("other content under the id", visit | {"topics": ["care"]}, token, (409,)),
            ("an unknown mode", visit | {"client_id": str(uuid4()), "mode": "by_air"}, token, (400, 422)),
            ("an unknown field", visit | {"client_id": str(uuid4()), "position": "30,114"}, token, (400, 422)),
            ("a note too long", visit | {"client_id": str(uuid4()), "note": "字" * 201}, token, (400, 422)),
            ("a future day", visit | {"client_id": str(uuid4()), "occurred_on": "2199-01-01"}, token, (400, 422)),
            ("no token", visit | {"client_id": str(uuid4())}, None, (401, 403)),
            ("a wrong token", visit | {"client_id": str(uuid4())}, "x" * 43, (401,)),
        ]
    faults = []
    for name, body, sender, expected in cases:
        status, answer = _call(contender, "/visits", sender, body)
        if status not in expected:
            faults.append(f"{name} is answered {status}")
        elif status in (200, 201) and (answer or {}).get("note") != body["note"]:
            faults.append(f"{name} is answered with another note")
    made = {name: number - before[name] for name, number in counts(contender).items()}
    if set(made.values()) != {1}:
        faults.append(f"one visit left {made}")
    return faults


def _call(contender: Contender, path: str, token: str | None, body: Any = None) -> tuple[int, dict[str, Any] | None]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(contender.base + path, data, headers), timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as problem:
        return problem.code, None
