"""Asking for the households behind figures in tests: all pages of a list, and what its rows add up to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from models import database
from tests.models.cases import (  # noqa: F401  they fill CASES
    CASES,
    contacts,
    merged,
    must_visits,
    obligations,
    places,
    sets,
)
from tests.models.facts import Facts
from tests.world import World

EAST, WEST, TOWN = "999902101200", "999902101201", "999902101000"
FACTS = Facts(database)


async def recount(*numbers: int) -> None:
    """Count periods as the worker does, and forget the marks that this has seen."""
    for number in numbers:
        await database.execute("SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", number)
        await database.execute("SELECT coverage_settle($1)", number)
    await database.execute("DELETE FROM coverage_dirty")


async def township(*periods: int) -> None:
    """The township that is worked out by hand, one household for each reading of the rules; half of them have a code."""
    periods = periods or (202610, 202611, 202612, 20264)
    await FACTS.keep(*periods)
    for known in CASES.values():
        await known.make(FACTS)
    await recount(*periods)
    await database.execute(
        "UPDATE household SET code = 'x' || substr(id::text, 1, 6) || right(id::text, 6) WHERE code IS NULL AND id::text < '8'"
    )


async def ask(client: httpx.AsyncClient, path: str, by: str = "office", **query: Any) -> httpx.Response:
    return await client.get(f"/coverage/{path}", params=query, headers=World.headers(by))


async def pages(client: httpx.AsyncClient, path: str, by: str = "office", **query: Any) -> list[dict[str, Any]]:
    """The answers of all pages."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await ask(client, path, by, **query)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        assert len(found) < 500, "the pages have no end"
        if found[-1]["next"] is None:
            return found
        query["cursor"] = found[-1]["next"]


async def listed(client: httpx.AsyncClient, path: str, by: str = "office", **query: Any) -> list[dict[str, Any]]:
    """The items of all pages."""
    return [item for page in await pages(client, path, by, **query) for item in page["items"]]


def added(rows: list[dict[str, Any]]) -> tuple[int, int]:
    """What rows add to a numerator and to a denominator."""
    return sum(row["numerator"] for row in rows), sum(row["denominator"] for row in rows)


async def figures(client: httpx.AsyncClient, by: str = "office", **query: Any) -> Mapping[str, dict[str, Any]]:
    """The figures of a place."""
    answer = await client.get("/coverage", params={"level": "branch"} | query, headers=World.headers(by))
    assert answer.status_code == 200, answer.text
    metrics: Mapping[str, dict[str, Any]] = answer.json()["total"]["metrics"]
    return metrics
