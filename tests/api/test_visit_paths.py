"""The slow path and the quick one write the same rows and give the same answers; and what shares a statement stays apart.

The same seeded histories go down both, each in a database of its own. Compared are all answers and all tables, except
for ids of sequences, instants of the server's clock, and sealed bytes, which are opened.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from tortoise.context import TortoiseContext
from tortoise.exceptions import OperationalError

from backend import crypto, problems
from backend.crypto import token_hash
from backend.http.viewer import Caller
from backend.services.group_commit import GroupCommit
from backend.services.visits import Item, Recorded, prepare, record_slowly, record_visit, record_visits, write_own
from models import database
from schemas.visits import VisitIn
from tests.conftest import cloned
from tests.world import NOW, TODAY, VAULT, World, of, settings_for, token_of

SENDERS = [
    "m1",
    "m1",
    "m1",
    "m2",
    "m2",
    "m3",
    "m3",
    "m4",
    "s_east",
    "s_west",
    "cadre",
    "committee",
    "stranger",
    "nobody",
]
Answered = tuple[Any, ...]

#: What makes some of the visits special: an ended link, a member who left, a household younger than its link.
SETTING = f"""
UPDATE assignment SET valid_to = '2026-11-09' WHERE id = '{World.link("m1", "h2")}';
UPDATE assignment SET valid_to = '2026-10-02' WHERE id = '{World.link("m3", "h8")}';
UPDATE membership SET valid_to = '2026-11-01' WHERE person_id = '{of("person", "m2")}';
UPDATE household SET opened_on = '2026-11-10' WHERE id = '{of("household", "h7")}';
"""


@asynccontextmanager
async def on(url: str) -> AsyncIterator[None]:
    """The services on a database."""
    settings = settings_for(url)
    crypto.configure(settings.secret_keys)
    async with TortoiseContext() as context:
        await context.init(config=database.tortoise_config(settings))
        yield


def caller(name: str, number: int) -> Caller:
    return Caller(token_hash(token_of(name)), NOW, f"request-{number:05}")


def history(seed: int, length: int) -> list[tuple[str, dict[str, Any]]]:
    """Who sends which body: new ones, the same again, other content under a known id, somebody else's id."""
    chance, sent = random.Random(seed), list[tuple[str, dict[str, Any]]]()
    while len(sent) < length:
        fate = chance.random()
        if sent and fate < 0.3:
            name, body = chance.choice(sent)
            if fate < 0.08:
                body = body | {"outcome": chance.choice(["met", "not_home", "declined"]), "note": "另写"}
            elif fate < 0.12:
                name = chance.choice(SENDERS)
            sent.append((name, body))
            continue
        day = TODAY - timedelta(days=chance.choice([0, 0, 0, 1, 3, 7, 8, 12, 40, 200, 366]))
        noted = NOW - timedelta(days=chance.choice([0, 0, 0, 1, 5]), minutes=chance.randrange(500))
        name = chance.choice(SENDERS)
        households = {"m1": ["h1", "h1", "h2"], "m2": ["h3", "h1"], "m3": ["h7", "h8", "h6"]}.get(name, [])
        household = chance.choice(households * 3 + ["h1", "h2", "h4", "h9"])
        body = {
            "client_id": str(UUID(int=chance.getrandbits(128), version=4)),
            "household_id": str(of("household", household)) if chance.random() < 0.97 else str(UUID(int=5)),
            "occurred_on": day.isoformat(), "noted_at": noted.isoformat(),
            "mode": chance.choice(["in_person", "remote", "gathering"]),
            "outcome": chance.choice(["met", "met", "not_home", "declined"]),
            "topics": chance.sample(["nothing_new", "policy", "needs", "errand"], chance.randrange(4)),
            "note": chance.choice([None, "路灯坏了", "a,b{}\"'\\"]),
            "backfill_reason": chance.choice([None, None, "no_signal"]),
            "needs_follow_up": chance.random() < 0.2,
        }  # fmt: skip
        if chance.random() < 0.1:
            body["companion_ids"] = [str(of("person", chance.choice(["m1", "m2", "m3", "m4"])))]
        if chance.random() < 0.1:
            body["on_behalf_of"] = str(of("person", chance.choice(["m1", "m2", "m3", "m4"])))
        sent.append((name, body))
    return sent


def answered(result: Recorded | problems.Problem) -> Answered:
    """An answer without the instant of the server."""
    if isinstance(result, problems.Problem):
        return result.status, type(result).__name__, result.body("-")
    visit = dict(result.visit)
    assert visit.pop("recorded_at") is not None
    return (201 if result.is_new else 200), {name: visit[name] for name in sorted(visit) if name in SHOWN}


SHOWN = {
    "id", "client_id", "household_id", "visitor_id", "entered_by", "occurred_on", "noted_at", "mode", "outcome", "topics",
    "companion_ids", "note", "backfill_reason", "needs_follow_up", "late", "state", "void_reason",
}  # fmt: skip


async def caught(work: Awaitable[Recorded]) -> Answered:
    try:
        return answered(await work)
    except problems.Problem as problem:
        return answered(problem)


async def tables() -> dict[str, Counter[str]]:
    """Every row of every table in words, without what may differ."""
    columns = await database.fetch(
        """SELECT table_name::text AS rel, column_name::text AS name, data_type AS kind, is_identity = 'YES' OR column_default ~ 'nextval' AS counted
           FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'tortoise_migrations' ORDER BY 1, 2"""
    )
    found: dict[str, Counter[str]] = {}
    for rel in {row["rel"] for row in columns}:
        kept = [
            row["name"]
            for row in columns
            if row["rel"] == rel
            and not row["counted"]
            and (row["kind"] != "timestamp with time zone" or row["name"] == "noted_at")
        ]
        rows = [dict(row) for row in await database.fetch(f"SELECT {', '.join(kept)} FROM {rel}")]
        for row in rows:
            if rel == "visit" and row["note_sealed"] is not None:
                row["note_sealed"] = VAULT.open(bytes(row["note_sealed"]), "visit", "note", row["id"])
        found[rel] = Counter(repr(sorted(row.items())) for row in rows)
    return found


def number(body: dict[str, Any]) -> int:
    """The same for all sendings of one visit: at once, any of them may be the one that is written and audited."""
    return UUID(str(body["client_id"])).int % 10**6


async def quickly(sent: Sequence[tuple[str, dict[str, Any]]], how: str) -> list[Answered]:
    """Send a history as phones do: one by one, all at once, or in batches of one sender."""
    group = GroupCommit(write_own, lanes=1)
    loaded = [(name, VisitIn().load(body)) for name, body in sent]
    answers: list[Answered] = []
    if how == "one by one":
        for name, body in loaded:
            answers.append(await caught(record_visit(group, caller(name, number(body)), body)))
    elif how == "at once":
        for start in range(0, len(loaded), 40):
            answers += await asyncio.gather(
                *(
                    caught(record_visit(group, caller(name, number(body)), body))
                    for name, body in loaded[start : start + 40]
                )
            )
    else:
        for name in dict.fromkeys(name for name, _ in loaded):
            try:
                batch = await record_visits(group, caller(name, 0), [body for one, body in loaded if one == name])
                answers += [answered(result) for result in batch]
            except problems.Problem as problem:
                answers += [answered(problem) for one, _ in loaded if one == name]
    await group.drain()
    return answers


async def slowly(sent: Sequence[tuple[str, dict[str, Any]]], how: str) -> list[Answered]:
    """The same visits in the same order, each down the slow path."""
    loaded = [(name, VisitIn().load(body)) for name, body in sent]
    if how == "in batches":  # one batch of each sender after the other; a batch is one request
        loaded = [
            (name, body) for one in dict.fromkeys(name for name, _ in sent) for name, body in loaded if name == one
        ]

    async def record(name: str, body: dict[str, Any]) -> Recorded:
        return await record_slowly(prepare(caller(name, 0 if how == "in batches" else number(body)), body))

    return [await caught(record(*one)) for one in loaded]


def independent(sent: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Without a second content or sender for one id: at once, either may come first, so answers are not compared."""
    first: dict[str, tuple[str, dict[str, Any]]] = {}
    return [one for one in sent if first.setdefault(one[1]["client_id"], one) == one]


@pytest.mark.parametrize("how", ["one by one", "at once", "in batches"])
async def test_both_paths_leave_equal_tables_and_give_equal_answers(postgres_url: str, template: str, how: str) -> None:
    seed, results = random.SystemRandom().randrange(10**6), []
    sent = history(seed, 220)
    if how != "one by one":
        sent = independent(sent)
    if how == "in batches":  # without a session the whole batch is refused, not its items
        sent = [one for one in sent if one[0] != "nobody"]
    for path in (slowly, quickly):
        async with cloned(postgres_url, template) as url, on(url):
            connection = await asyncpg.connect(**database.credentials(url))
            await connection.execute(SETTING)
            await connection.close()
            results.append((await path(sent, how), await tables()))
    (slow, slow_tables), (quick, quick_tables) = results
    if how == "at once":  # which of two equal ones is the first is not given
        slow, quick = sorted(slow, key=repr), sorted(quick, key=repr)
    for item, (one, other) in enumerate(zip(slow, quick, strict=True)):
        assert one == other, f"seed {seed}, item {item}"
    for name, rows in slow_tables.items():
        assert (name, rows - quick_tables[name], quick_tables[name] - rows) == (name, Counter(), Counter()), (
            f"seed {seed}"
        )
    kinds = Counter(one[0] for one in slow)
    assert kinds[201] >= 10 and kinds[200] and kinds[404] and kinds[422], kinds
    assert sum(slow_tables["visit"].values()) == kinds[201]


async def test_the_quick_path_takes_the_common_case(own_database: str) -> None:
    """Otherwise the comparison above would compare the slow path with itself."""
    async with on(own_database):
        bodies = [VisitIn().load(a_body(n)) for n in range(5)]
        assert all(await write_own([prepare(caller("m1", n), body) for n, body in enumerate(bodies)]))
        assert await write_own(
            [prepare(caller("m1", 9), VisitIn().load(a_body(9) | {"household_id": str(of("household", "h9"))}))]
        ) == [None]


def a_body(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(UUID(int=number + 1, version=4)), "household_id": str(of("household", "h1")),
        "occurred_on": TODAY.isoformat(), "noted_at": NOW.isoformat(), "mode": "in_person", "outcome": "met",
    } | changes  # fmt: skip


async def test_of_two_contents_in_one_batch_the_first_is_written(own_database: str) -> None:
    """V8: items are judged in order; which one of many wins may not depend on how PostgreSQL sorts."""
    async with on(own_database):
        numbers = [number % 60 for number in range(180)]
        bodies = [VisitIn().load(a_body(number, note=f"{turn}")) for turn, number in enumerate(numbers)]
        results = await record_visits(GroupCommit(write_own), caller("m1", 0), bodies)
        statuses = [
            result.status if isinstance(result, problems.Problem) else 201 if result.is_new else 200
            for result in results
        ]
        assert statuses == [201] * 60 + [409] * 120


async def test_duplicates_in_one_statement_are_one_row_and_one_new(own_database: str) -> None:
    async with on(own_database):
        group, body = GroupCommit(write_own), VisitIn().load(a_body(1))
        results = await asyncio.gather(*(record_visit(group, caller("m1", n), body) for n in range(40)))
        assert sorted(result.is_new for result in results) == [False] * 39 + [True]
        assert len({repr(sorted(result.visit.items())) for result in results}) == 1
        assert await database.fetch_value("SELECT count(*) FROM visit") == 1
        assert await database.fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'visit.record'") == 1
        assert (
            await database.fetch_value(
                "SELECT count(*) FROM coverage_dirty WHERE household_id = $1", of("household", "h1")
            )
            == 1
        )


# Group commit by itself: the items are plain numbers, the write is a function of the test. -----------------------------
class Store:
    """Stands for the statement: keeps each batch, waits while it is held, and fails as told."""

    def __init__(self, *poisoned: int, gone: Exception | None = None) -> None:
        self.batches: list[list[int]] = []
        self.poisoned, self.gone = poisoned, gone
        self.open, self.under_way, self.most = asyncio.Event(), 0, 0
        self.open.set()

    async def __call__(self, items: Sequence[Any]) -> list[Any]:
        self.batches.append(list(items))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0)
            await self.open.wait()
            if self.gone:
                raise self.gone
            if set(items) & set(self.poisoned):
                raise ValueError("poisoned")
            return [f"wrote {item}" for item in items]
        finally:
            self.under_way -= 1


async def send(group: GroupCommit, *items: int) -> list[Any]:
    return await asyncio.wait_for(
        asyncio.gather(*(group.record(cast(Item, item)) for item in items), return_exceptions=True), 5
    )


class TestGroupCommit:
    async def test_what_is_ready_now_goes_together_and_each_gets_its_own_answer(self) -> None:
        store = Store()
        assert await send(GroupCommit(store), *range(9)) == [f"wrote {n}" for n in range(9)]
        assert store.batches == [list(range(9))]

    async def test_no_more_than_the_lanes_at_once_and_what_arrives_meanwhile_shares_the_next(self) -> None:
        store, waiting = Store(), list[asyncio.Task[Any]]()
        group = GroupCommit(store, lanes=2)
        store.open.clear()
        for n in range(8):
            waiting.append(asyncio.create_task(group.record(cast(Item, n))))
            for _ in range(3):
                await asyncio.sleep(0)
        assert store.batches == [[0], [1]]
        store.open.set()
        assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [f"wrote {n}" for n in range(8)]
        assert store.most == 2
        assert store.batches == [[0], [1], [2, 3, 4, 5, 6, 7]]

    async def test_a_batch_is_never_larger_than_allowed(self) -> None:
        store = Store()
        assert await send(GroupCommit(store, lanes=1, most=4), *range(10)) == [f"wrote {n}" for n in range(10)]
        assert [len(batch) for batch in store.batches] == [4, 4, 2]

    async def test_a_poisoned_one_fails_alone(self) -> None:
        store = Store(3)
        results = await send(GroupCommit(store), *range(5))
        assert [str(result) for result in results] == ["wrote 0", "wrote 1", "wrote 2", "poisoned", "wrote 4"]
        assert store.batches == [[0, 1, 2, 3, 4], [0], [1], [2], [3], [4]]

    async def test_a_poisoned_one_that_comes_alone_is_tried_once(self) -> None:
        store = Store(3)
        assert [str(result) for result in await send(GroupCommit(store), 3)] == ["poisoned"]
        assert store.batches == [[3]]

    @pytest.mark.parametrize(
        "gone", [ConnectionRefusedError(), asyncpg.AdminShutdownError("x"), asyncpg.InterfaceError("x")], ids=repr
    )
    async def test_when_the_server_is_away_all_hear_so_after_one_try(self, gone: Exception) -> None:
        store = Store(gone=gone)
        assert await send(GroupCommit(store), *range(5)) == [gone] * 5
        assert len(store.batches) == 1

    async def test_the_librarys_wrapping_hides_nothing(self) -> None:
        wrapped = OperationalError("x")
        wrapped.__cause__ = ConnectionResetError()
        store = Store(gone=wrapped)
        assert await send(GroupCommit(store), 1, 2) == [wrapped] * 2
        assert len(store.batches) == 1

    async def test_after_a_failure_the_next_are_served(self) -> None:
        store = Store(gone=OSError())
        group = GroupCommit(store)
        await send(group, 1, 2)
        store.gone = None
        assert await send(group, 3) == ["wrote 3"]

    async def test_a_cancelled_request_takes_nobody_along(self) -> None:
        store = Store()
        group = GroupCommit(store)
        store.open.clear()
        tasks = [asyncio.create_task(group.record(cast(Item, n))) for n in range(3)]
        for _ in range(3):
            await asyncio.sleep(0)
        tasks[1].cancel()
        store.open.set()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        assert [type(result) for result in results] == [str, asyncio.CancelledError, str]
        assert await send(group, 4) == ["wrote 4"]

    async def test_drain_waits_for_what_is_under_way_and_for_what_waits(self) -> None:
        store = Store()
        group = GroupCommit(store, lanes=1, most=2)
        store.open.clear()
        tasks: list[Any] = [asyncio.create_task(group.record(cast(Item, n))) for n in range(5)]
        await asyncio.sleep(0.01)
        drained = asyncio.create_task(group.drain())
        await asyncio.sleep(0.01)
        assert not drained.done()
        store.open.set()
        await asyncio.wait_for(drained, 5)
        assert [item for batch in store.batches for item in batch] == [0, 1, 2, 3, 4]
        assert await asyncio.gather(*tasks) == [f"wrote {n}" for n in range(5)]
        await asyncio.wait_for(GroupCommit(store).drain(), 1)

    @pytest.mark.parametrize("lanes", [1, 2])
    async def test_who_comes_in_the_very_moment_a_lane_ends_is_served(self, lanes: int) -> None:
        """A lane that has just seen nothing more waiting must not be counted as one that will look again."""
        group = GroupCommit(Store(), lanes=lanes, most=1)

        async def one_after_the_other(first: int) -> list[Any]:
            return [await group.record(cast(Item, n)) for n in range(first, first + 5)]

        await asyncio.wait_for(asyncio.gather(*(one_after_the_other(n * 10) for n in range(lanes))), 5)

    async def test_a_batch_that_came_as_one_keeps_its_neighbours_when_one_is_poisoned(self) -> None:
        items = [cast(Item, n) for n in range(4)]
        kept: list[Any] = await GroupCommit(Store(2)).record_many(items)
        assert kept == ["wrote 0", "wrote 1", None, "wrote 3"]
        gone = Store(gone=OSError())
        with pytest.raises(OSError):
            await GroupCommit(gone).record_many(items)
        assert len(gone.batches) == 1
