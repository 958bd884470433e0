"""Redis as a helper that may vanish at any moment: rate limits, short copies and locks, never the truth."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import structlog
from redis import asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

T = TypeVar("T")

log = structlog.get_logger(__name__)

#: Seconds without Redis after a failure before one caller tries it again.
REST = 1.0

#: Deletes a lock only for the one who took it: it may have expired and belong to somebody else by now.
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class Cache:
    """A Redis that fails open: no method raises for an outage, and none waits much longer than `timeout` seconds.

    After a failure Redis is left alone for REST seconds, then a single caller tries it again, so an outage costs
    one short wait a second and not one a request. Make it inside the running event loop.
    """

    def __init__(self, url: str, *, max_connections: int = 50, timeout: float = 0.5) -> None:
        self._down = False
        self._rest_until = 0.0
        # The pool that blocks, because the plain one raises as soon as all its connections are busy. The one retry
        # is for a kept connection that died with a restarted server; a time-out is never tried again. The limits are
        # the library's, half for a connection and half for the answer: an asyncio.timeout around a call was seen
        # to be swallowed while waiting for the pool.
        pool = aioredis.BlockingConnectionPool.from_url(
            url,
            max_connections=max_connections,
            timeout=timeout / 2,
            socket_timeout=timeout / 2,
            socket_connect_timeout=timeout / 2,
            decode_responses=True,
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
        self._redis = aioredis.Redis.from_pool(pool)

    @property
    def degraded(self) -> bool:
        """Whether the last attempt to use Redis failed."""
        return self._down

    async def allow(self, name: str, key: str, limit: int, per: int) -> int:
        """Count one use of `name` by `key`, at most `limit` in a window of `per` seconds that opens with the first use.

        Returns 0 when it is allowed, else the seconds until the window ends; 0 too when Redis is gone. The caller
        passes keys of people hashed.
        """
        counter = f"rate:{name}:{key}"

        async def count() -> int:
            async with self._redis.pipeline(transaction=True) as commands:
                commands.set(counter, 0, ex=per, nx=True)
                commands.incr(counter)
                commands.ttl(counter)
                _, used, seconds_left = await commands.execute()
            return 0 if used <= limit else max(1, int(seconds_left))

        return await self._attempt(count, 0)

    async def get(self, key: str) -> str | None:
        """The value, or None when there is none or Redis is gone."""

        async def read() -> str | None:
            return cast("str | None", await self._redis.get(key))  # text, by decode_responses

        return await self._attempt(read, None)

    async def set(self, key: str, value: str, seconds: int) -> None:
        """Keep a value for so many seconds, if Redis is there."""

        async def write() -> None:
            await self._redis.set(key, value, ex=seconds)

        await self._attempt(write, None)

    async def ping(self) -> bool:
        """Whether Redis answers."""

        async def ask() -> bool:
            return bool(await self._redis.ping())

        return await self._attempt(ask, False)

    @asynccontextmanager
    async def lock(self, key: str, seconds: int) -> AsyncIterator[bool | None]:
        """Try once to hold a lock for the block, at most `seconds` long.

        Yields True when it is ours, False when another holds it, None when Redis is gone and nobody can know.
        """
        owner = secrets.token_hex(16)
        held: bool | None = None

        async def take() -> bool | None:
            return bool(await self._redis.set(key, owner, nx=True, ex=seconds))

        async def give_back() -> None:
            await self._redis.eval(_RELEASE, 1, key, owner)

        try:
            held = await self._attempt(take, None)
            yield held
        finally:
            # A try that was cancelled or whose answer was lost may have taken it all the same.
            if held is not False:
                await self._attempt(give_back, None)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def _attempt(self, work: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """The result of `work`, or `otherwise` when Redis is gone or was found gone less than REST seconds ago."""
        if self._down:
            if time.monotonic() < self._rest_until:
                return otherwise
            # Everybody else rests on while this caller finds out.
            self._rest_until = time.monotonic() + REST
        try:
            result = await work()
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._rest_until = time.monotonic() + REST
            if not self._down:
                self._down = True
                log.warning("cache.down", error=type(error).__name__)
            return otherwise
        if self._down:
            self._down = False
            log.info("cache.back")
        return result
