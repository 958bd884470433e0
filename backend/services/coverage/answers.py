"""Answers of this process, ready as bytes until a fact changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from backend.http.viewer import Grant

Stamp = tuple[int, int, int]
Key = tuple[tuple[Grant, ...], date, tuple[Any, ...]]


class ReadyAnswers:
    """Answers of this process, ready as bytes until a fact changes.

    An answer is a pure function of the roles, the question, the day and the facts; the stamp tells whether any fact of
    figures or of the tree has changed since. Memory only: a lost one is made again. Whoever asks while an answer is
    being made for the same stamp waits for it instead of making it once more.
    """

    def __init__(self, most: int = 256) -> None:
        self._kept: OrderedDict[Key, tuple[Stamp, asyncio.Future[bytes]]] = OrderedDict()
        self._most = most

    async def get(self, key: Key, stamp: Stamp, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer for a stamp, made if need be. An error is the answer of nobody but its own request."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] == stamp:
            self._kept.move_to_end(key)
            with contextlib.suppress(_Failed):
                return await asyncio.shield(kept[1])
            return await make()
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._kept[key] = stamp, answer
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        try:
            made = await make()
        except BaseException:
            if self._kept.get(key, (None, None))[1] is answer:
                del self._kept[key]
            answer.set_exception(_Failed())
            answer.exception()  # looked at here, so that nobody has to
            raise
        answer.set_result(made)
        return made


class _Failed(Exception):
    """The one who made the answer failed; those who waited try for themselves."""
