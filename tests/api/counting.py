"""Counting what a request asks the database, to catch a list that asks once for every row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from models import database


@asynccontextmanager
async def statements() -> AsyncIterator[list[str]]:
    """The statements that run in the transaction of the test while the block lasts."""
    seen: list[str] = []

    def note(record: Any) -> None:
        seen.append(record.query)

    async with database.pg() as connection:
        pass  # it stays that of the test's transaction, and only one may hold it at a time
    connection.add_query_logger(note)
    try:
        yield seen
    finally:
        connection.remove_query_logger(note)
