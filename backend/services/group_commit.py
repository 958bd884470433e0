"""Group commit: requests that arrive while a statement runs share the next one (decision 0009)."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from tortoise.exceptions import BaseORMException

from models import database

if TYPE_CHECKING:
    from backend.services.visits import Item, Recorded

Write = Callable[[Sequence["Item"]], Awaitable[list["Recorded | None"]]]


class GroupCommit:
    """Two lanes that take whatever waits. No timer: an idle server answers at once.

    A batch that fails is tried again item by item, so one bad item never fails its neighbours; all writes are
    idempotent by id, so a lost answer is safe to ask for again.
    """

    def __init__(self, write: Write, lanes: int = 2, most: int = 128) -> None:
        self._write, self._lanes, self._most = write, lanes, most
        self._waiting: collections.deque[tuple[Item, asyncio.Future[Recorded | None]]] = collections.deque()
        self._running: set[asyncio.Task[None]] = set()
        self._batches = asyncio.Semaphore(lanes)

    async def record(self, item: Item) -> Recorded | None:
        """Write one visit together with whatever else waits; None when it is not one for the fast path."""
        answer: asyncio.Future[Recorded | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if len(self._running) < self._lanes:
            self._running.add(asyncio.create_task(self._lane()))
        return await answer

    async def record_many(self, items: Sequence[Item]) -> list[Recorded | None]:
        """Write a batch that came as one: it is a group already, and waits for a lane like any other.

        Many large statements at once would only fight for the same pages of the same indexes.
        """
        try:
            async with self._batches:
                return await self._write(items)
        except Exception as error:
            if is_unreachable(error):
                raise
            alone = await self._singly(items)
            # Whoever fails alone, too, is for the slow path, which says why; the neighbours keep what they have.
            return [None if isinstance(one, Exception) else one for one in alone]

    async def drain(self) -> None:
        """Wait for what is under way; call when the server stops taking requests."""
        while self._running:
            await asyncio.wait(self._running)

    async def _lane(self) -> None:
        await asyncio.sleep(0)  # let the requests that are ready now come along
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            results: list[Recorded | Exception | None]
            try:
                results = list(await self._write([item for item, _ in batch]))
            except Exception as error:
                failed = len(batch) == 1 or is_unreachable(error)
                results = [error] if failed else await self._singly([item for item, _ in batch])
            if len(results) < len(batch):  # the server is gone: all of them hear so, once, and may ask again
                results = results * len(batch)
            for (_, answer), result in zip(batch, results, strict=True):
                if answer.done():  # its request was cancelled
                    continue
                if isinstance(result, Exception):
                    answer.set_exception(result)
                else:
                    answer.set_result(result)
        # Here and not in a callback: who comes between the two would be left waiting for a lane that is over.
        lane = asyncio.current_task()
        assert lane is not None
        self._running.discard(lane)

    async def _singly(self, items: Sequence[Item]) -> list[Recorded | Exception | None]:
        results: list[Recorded | Exception | None] = []
        for item in items:
            try:
                results += await self._write([item])
            except Exception as error:
                results.append(error)
        return results


def is_unreachable(error: Exception) -> bool:
    """Whether an error means that the database is away, so that trying item by item would only take longer."""
    cause = error.__cause__ if isinstance(error, BaseORMException) and error.__cause__ else error
    return isinstance(cause, database.UNREACHABLE)
