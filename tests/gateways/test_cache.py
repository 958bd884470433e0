"""Redis helps while it is there and costs nothing while it is not."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from backend.gateways.cache import Cache

if TYPE_CHECKING:
    from tests.gateways.conftest import RedisServer


class TestAllow:
    """Would catch a limit that is off by one, shared between keys, without end, or counted apart by each process."""

    async def test_the_limit_is_reached_exactly_and_tells_how_long_to_wait(self, cache: Cache) -> None:
        assert [await cache.allow("login", "a", 3, 60) for _ in range(3)] == [0, 0, 0]
        assert 1 <= await cache.allow("login", "a", 3, 60) <= 60

    async def test_other_keys_and_other_names_are_counted_apart(self, cache: Cache) -> None:
        assert await cache.allow("login", "a", 1, 60) == 0
        assert await cache.allow("login", "a", 1, 60) > 0
        assert await cache.allow("login", "b", 1, 60) == 0
        assert await cache.allow("reveal", "a", 1, 60) == 0

    async def test_many_at_once_over_two_processes_are_allowed_exactly_as_often(
        self, redis_server: RedisServer
    ) -> None:
        # Patient ones: on a busy machine two hundred at once may take longer than a sign-in is made to wait.
        pair = Cache(redis_server.url, timeout=10), Cache(redis_server.url, timeout=10)
        waits = await asyncio.gather(*(each.allow("login", "a", 10, 60) for each in pair * 100))
        for each in pair:
            await each.close()
        assert waits.count(0) == 10

    async def test_the_window_ends_and_trying_on_does_not_prolong_it(self, cache: Cache) -> None:
        deadline = time.monotonic() + 5
        assert await cache.allow("login", "a", 1, 1) == 0
        while await cache.allow("login", "a", 1, 1):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


class TestCopies:
    """Would catch a value that comes back as bytes or stays for ever."""

    async def test_a_value_comes_back_until_its_time_is_over(self, cache: Cache) -> None:
        assert await cache.get("k") is None
        await cache.set("k", "值", 1)
        assert await cache.get("k") == "值"
        await asyncio.sleep(1.1)
        assert await cache.get("k") is None


class TestLock:
    """Would catch two holders at once, a lock nobody gives back, and giving back somebody else's."""

    async def test_one_holds_it_and_the_next_may_when_it_is_given_back(
        self, cache: Cache, redis_server: RedisServer
    ) -> None:
        other = Cache(redis_server.url)
        async with cache.lock("l", 10) as ours:
            async with other.lock("l", 10) as theirs:
                assert (ours, theirs) == (True, False)
            async with other.lock("l", 10) as theirs:
                assert theirs is False, "the one who did not get it gave it back"
        async with other.lock("l", 10) as theirs:
            assert theirs is True
        await other.close()

    async def test_a_lock_that_expired_is_not_taken_from_its_next_holder(
        self, cache: Cache, redis_server: RedisServer
    ) -> None:
        other = Cache(redis_server.url)
        async with AsyncExitStack() as late:
            assert await late.enter_async_context(other.lock("l", 1))
            await asyncio.sleep(1.1)
            async with cache.lock("l", 10) as second:
                assert second is True
                await late.aclose()  # the first one gives back what it no longer has
                async with other.lock("l", 10) as third:
                    assert third is False
        await other.close()

    async def test_it_is_given_back_when_the_block_fails(self, cache: Cache) -> None:
        try:
            async with cache.lock("l", 10):
                raise LookupError
        except LookupError:
            pass
        async with cache.lock("l", 10) as held:
            assert held is True


class TestOutage:
    """Would catch an exception for an outage, a wait at every call, and a log line at every call."""

    async def test_every_method_answers_without_redis(self, cache: Cache, redis_server: RedisServer) -> None:
        await cache.set("k", "v", 60)
        redis_server.kill()
        assert await cache.get("k") is None
        assert await cache.allow("login", "a", 0, 60) == 0
        assert await cache.ping() is False
        await cache.set("k", "v", 60)
        async with cache.lock("l", 10) as held:
            assert held is None
        assert cache.degraded

    async def test_it_is_used_again_after_a_restart_with_one_line_each(
        self, cache: Cache, redis_server: RedisServer
    ) -> None:
        with capture_logs() as lines:
            assert await cache.ping()
            redis_server.kill()
            for _ in range(50):
                assert not await cache.ping()
            redis_server.start()
            deadline = time.monotonic() + 5
            while not await cache.ping():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            assert await cache.ping()
        assert not cache.degraded
        assert [line["event"] for line in lines] == ["cache.down", "cache.back"]

    async def test_a_restart_between_two_calls_is_not_an_outage(self, cache: Cache, redis_server: RedisServer) -> None:
        """The kept connection is dead, but the server is there."""
        assert await cache.ping()
        redis_server.kill()
        redis_server.start()
        with capture_logs() as lines:
            assert await cache.ping()
        assert lines == []

    async def test_a_frozen_server_costs_one_short_wait_a_second_and_not_one_a_call(
        self, cache: Cache, redis_server: RedisServer
    ) -> None:
        assert await cache.ping()
        redis_server.freeze()
        waits = []
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            began = time.monotonic()
            await cache.get("k")
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.01)
        assert max(waits) < 1.0
        assert 1 <= sum(wait > 0.1 for wait in waits) <= 2
        assert len(waits) > 50

    async def test_a_frozen_server_holds_up_a_crowd_no_longer_than_one(
        self, cache: Cache, redis_server: RedisServer
    ) -> None:
        """More callers than connections: those who wait for a connection must not wait twice."""
        assert await cache.ping()
        redis_server.freeze()
        began = time.monotonic()
        await asyncio.gather(*(cache.get("k") for _ in range(300)))
        assert time.monotonic() - began < 1.4

    async def test_after_the_rest_one_caller_finds_out_and_the_others_go_on(
        self, cache: Cache, redis_server: RedisServer
    ) -> None:
        redis_server.freeze()
        await cache.get("k")
        await asyncio.sleep(1.1)

        async def wait() -> float:
            began = time.monotonic()
            await cache.get("k")
            return time.monotonic() - began

        assert sum(seconds > 0.1 for seconds in await asyncio.gather(*(wait() for _ in range(40)))) == 1

    async def test_a_password_in_the_address_is_in_no_line(self, redis_server: RedisServer) -> None:
        redis_server.kill()
        cache = Cache(redis_server.url.replace("unix://", "unix://user:PLANTED@"))
        with capture_logs() as lines:
            assert not await cache.ping()
        await cache.close()
        assert len(lines) == 1
        assert "PLANTED" not in repr(lines) + repr(cache)
