"""The phone's copy: what it holds, what it is told, and that nothing which changed is ever left out."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from tortoise.context import TortoiseContext

from backend.settings import Settings
from models import database, sync
from tests import world as worlds
from tests.api.counting import statements
from tests.api.probes import EAST, WEST, a_visit, headers
from tests.conftest import ROOT
from tests.models.facts import Facts
from tests.world import HOUSEHOLDS, LINKS, NOW, OPENED, PEOPLE, TODAY, VAULT, World, of


def day(offset: int) -> date:
    return TODAY + timedelta(days=offset)


@dataclass
class Phone:
    """What a phone does with the answers, as the endpoint says it."""

    client: httpx.AsyncClient
    owner: str
    cursor: str | None = None
    households: dict[str, Any] = field(default_factory=dict)
    obligations: dict[str, Any] = field(default_factory=dict)
    colleagues: list[Any] | None = None
    #: What the last synchronising said was revoked, and whether it began anew.
    revoked: list[Any] = field(default_factory=list)
    full: bool = False
    #: An answer was begun and has more pages.
    more: bool = False

    async def page(self, limit: int = 500) -> dict[str, Any]:
        """Ask once, and put the answer into the copy."""
        query = {"limit": str(limit)} | ({"cursor": self.cursor} if self.cursor else {})
        answer = await self.client.get("/sync", params=query, headers=headers(self.owner))
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        if told["full"]:
            self.households, self.obligations, self.colleagues = {}, {}, None
        gone = {one["household_id"] for one in told["revoked"]}
        anew = {one["id"] for one in told["households"]}
        self.households = {key: one for key, one in self.households.items() if key not in gone}
        self.obligations = {k: one for k, one in self.obligations.items() if one["household_id"] not in gone | anew}
        self.households |= {one["id"]: one for one in told["households"]}
        self.obligations |= {one["id"]: one for one in told["obligations"]}
        if told["colleagues"] is not None:
            self.colleagues = told["colleagues"]
        self.cursor, self.more = told["cursor"], told["more"]
        assert len(told["households"]) == limit or not self.more
        return told

    async def sync(self, limit: int = 500) -> dict[str, Any]:
        """Ask until there is no more, after the rest of an answer that was begun; returns the first page."""
        while self.more:
            await self.page(limit)
        first = told = await self.page(limit)
        while told["more"]:
            told = await self.page(limit)
        self.revoked, self.full = first["revoked"], first["full"]
        return first

    def content(self) -> tuple[Any, ...]:
        return self.households, self.obligations, self.colleagues

    def names(self) -> set[str]:
        """The households by their names in the world."""
        return {name for name in HOUSEHOLDS if str(of("household", name)) in self.households}


@dataclass
class Township:
    """The small township in a database of its own, where writers commit when they like."""

    client: httpx.AsyncClient
    url: str
    writer: asyncpg.Connection
    facts: Facts

    async def phone(self, owner: str) -> Phone:
        phone = Phone(self.client, owner)
        await phone.sync()
        return phone

    async def fold(self) -> None:
        while await self.writer.fetchval("SELECT coverage_fold(2000)"):
            pass

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(**database.credentials(self.url))

    async def run(self, sql: str, *arguments: object) -> None:
        await self.writer.execute(sql, *arguments)

    async def end(self, person: str, household: str, on: date = TODAY, reason: str = "handed_over") -> None:
        sql = (
            "UPDATE assignment SET valid_to = greatest(valid_from, $2), end_reason = $3, ended_at = now() WHERE id = $1"
        )
        await self.run(sql, World.link(person, household), on, reason)


@pytest.fixture
async def township(own_database: str, app: Any, _session_database: Settings) -> AsyncIterator[Township]:
    """Nothing waits to be folded at the beginning."""
    clock = app.ctx.clock
    async with TortoiseContext() as context:
        await context.init(config=database.tortoise_config(worlds.settings_for(own_database)))
        writer = await asyncpg.connect(**database.credentials(own_database))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test/api/v1") as client:
            made = Township(client, own_database, writer, Facts(writer))
            await made.fold()
            yield made
        await writer.close()
    app.ctx.clock = clock


@pytest.fixture
def at(app: Any) -> Iterator[Callable[[int], None]]:
    """Turn the clock to a day from the world's."""
    clock = app.ctx.clock

    def turn(offset: int) -> None:
        app.ctx.clock = lambda: NOW + timedelta(days=offset)

    yield turn
    app.ctx.clock = clock


async def ask(client: httpx.AsyncClient, who: str, **query: str) -> dict[str, Any]:
    answer = await client.get("/sync", params=query, headers=headers(who))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def row(told: dict[str, Any], household: str) -> dict[str, Any]:
    """A household of an answer."""
    found: dict[str, Any] = next(one for one in told["households"] if one["id"] == str(of("household", household)))
    return found


class TestContent:
    async def test_the_first_answer(self, client: httpx.AsyncClient, world: World) -> None:
        visit = a_visit(EAST, occurred_on=day(-2).isoformat())
        assert (await client.post("/visits", json=visit, headers=headers("m1"))).status_code == 201
        told = await ask(client, "m1")
        assert row(told, "h1") == {
            "id": str(world.households["h1"]), "version": 1, "head_name": "赵标记一", "group": "一组",
            "micro_grid": {"id": str(world.regions["e1"]), "name": told["households"][0]["micro_grid"]["name"]},
            "role": "primary", "tier": "ordinary", "residence": "resident", "state": "ok",
            "due_on": day(88).isoformat(), "due_kind": "ordinary", "last_contact_on": day(-2).isoformat(),
        }  # fmt: skip
        assert [one["id"] for one in told["households"]] == sorted(str(of("household", name)) for name in ("h1", "h2"))
        colleagues = sorted((str(of("person", name)), PEOPLE[name][2]) for name in ("m2", "s_east"))
        assert [(one["id"], one["name"]) for one in told["colleagues"]] == colleagues
        assert told["server_time"] == NOW.isoformat()
        assert (told["full"], told["more"], told["revoked"], told["obligations"]) == (True, False, [], [])

    async def test_what_is_due_follows_the_facts(self, client: httpx.AsyncClient, world: World) -> None:
        """Never seen since January: overdue. Key: a month. Away: half a year."""
        facts = Facts(database)
        assert (row(await ask(client, "m1"), "h2")["due_on"], row(await ask(client, "m1"), "h2")["state"]) == (
            "2026-04-01", "overdue",
        )  # fmt: skip
        await facts.tier(world.households["h2"], OPENED)
        for ago, state in ((0, "ok"), (15, "ok"), (16, "due_soon"), (30, "due")):
            await database.execute("DELETE FROM visit")
            await facts.visit(world.people["m1"], world.households["h2"], day(-ago))
            found = row(await ask(client, "m1"), "h2")
            assert (found["tier"], found["due_kind"], found["due_on"], found["state"]) == (
                "key", "key", day(30 - ago).isoformat(), state,
            )  # fmt: skip
        away = row(await ask(client, "m3"), "h6")
        assert (away["residence"], away["due_kind"]) == ("away", "away")

    async def test_an_obligation_is_the_primarys_and_a_backups_while_there_is_none(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        await Facts(database).must_visit(world.households["h1"], day(-1), day(2))
        first, second = await ask(client, "m1"), await ask(client, "m2")
        assert (row(first, "h1")["due_kind"], len(first["obligations"])) == ("ordinary", 1)
        backup = row(second, "h1")
        assert (backup["role"], backup["state"], backup["due_on"], backup["due_kind"]) == ("backup", "ok", None, None)
        assert second["obligations"] == [] and row(second, "h3")["state"] == "overdue"
        await database.execute("UPDATE membership SET valid_to = $1 WHERE person_id = $2", TODAY, world.people["m1"])
        alone = await ask(client, "m2")
        assert row(alone, "h1")["state"] == "overdue" and len(alone["obligations"]) == 1

    async def test_the_nearest_of_all_that_is_due_is_shown(self, client: httpx.AsyncClient, world: World) -> None:
        facts = Facts(database)
        await facts.visit(world.people["m1"], world.households["h1"], day(-80))
        late = await facts.must_visit(world.households["h1"], day(-1), day(12))
        assert (row(await ask(client, "m1"), "h1")["due_on"]) == day(10).isoformat()
        soon = await facts.must_visit(world.households["h1"], day(0), day(3), "funeral")
        told = await ask(client, "m1")
        found = row(told, "h1")
        assert (found["due_on"], found["due_kind"], found["state"]) == (day(3).isoformat(), "funeral", "due_soon")
        assert told["obligations"] == [
            {
                "id": str(one), "household_id": str(world.households["h1"]), "kind": kind, "since": day(since).isoformat(),
                "due_on": day(due).isoformat(), "state": "due_soon",
            }
            for one, kind, since, due in ((soon, "funeral", 0, 3), (late, "illness", -1, 12))
        ]  # fmt: skip

    async def test_must_visits_are_the_open_ones_and_those_that_were_missed(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """The open ones are those that GET /must-visits lists as open."""
        facts, h1, h2, m1 = Facts(database), world.households["h1"], world.households["h2"], world.people["m1"]
        missed = await facts.must_visit(h1, day(-9), day(-6))
        opened = await facts.must_visit(h1, day(0), day(3))
        withdrawn = await facts.must_visit(h1, day(-1), day(2), "disaster")
        await database.execute("UPDATE must_visit SET withdrawn_at = now() WHERE id = $1", withdrawn)
        declined = await facts.must_visit(h2, day(-9), day(-6))
        met = await facts.must_visit(h2, day(-3), day(0))
        await facts.visit(m1, h2, day(-7), outcome="declined")
        await facts.visit(m1, h2, day(-2))
        await facts.visit(m1, h1, day(-2), mode="remote")  # by telephone: met for nobody who is at home

        async def shown() -> dict[str, str]:
            return {one["id"]: one["state"] for one in (await ask(client, "m1"))["obligations"]}

        assert await shown() == {str(missed): "overdue", str(opened): "due_soon"}
        listed = (await client.get("/must-visits", headers=headers("m1"))).json()["items"]
        assert [one["id"] for one in listed] == [str(opened)] and declined != met
        await facts.visit(m1, h1, day(-1))
        assert await shown() == {str(opened): "due_soon"}, "late, but somebody came"
        await facts.visit(m1, h1, day(0))
        assert await shown() == {}

    async def test_a_household_that_goes_on_takes_over_what_is_open(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        facts = Facts(database)
        must_visit = await facts.must_visit(world.households["h3"], day(-1), day(2))
        await facts.merged(world.households["h3"], world.households["h1"], day(0))
        (found,) = (await ask(client, "m1"))["obligations"]
        assert (found["id"], found["household_id"]) == (str(must_visit), str(world.households["h1"]))

    async def test_neither_number_nor_address(self, client: httpx.AsyncClient) -> None:
        for who in ("m1", "m2", "m3"):
            text = (await client.get("/sync", headers=headers(who))).text
            assert "标记地址" not in text and "1397777" not in text and "phone" not in text

    async def test_nothing_of_the_households_of_others(self, client: httpx.AsyncClient, world: World) -> None:
        """Each sees heads and ids of their own links, and no more; also while the others' households change."""
        facts = Facts(database)
        for household in world.households.values():
            await facts.must_visit(household, day(-1), day(2))
        cursors: dict[str, str] = {}
        for _ in range(2):
            for who in ("m1", "m2", "m3", "m4", "s_east", "cadre"):
                own = {household for person, household, _ in LINKS if person == who}
                query = {"cursor": cursors[who]} if who in cursors else {}
                answer = await client.get("/sync", params=query, headers=headers(who))
                cursors[who] = answer.json()["cursor"]
                for name, household in world.households.items():
                    assert (str(household) in answer.text) == (name in own), (who, name)
                    assert (HOUSEHOLDS[name][1] in answer.text) == (name in own), (who, name)
                for side in (EAST, WEST):
                    branch = PEOPLE[who][0] if who in PEOPLE else ""
                    assert branch == side.name or not any(str(of("person", one)) in answer.text for one in side.people)
            await database.execute("UPDATE household SET group_name = '二组', version = 2")

    @pytest.mark.parametrize("who", ["s_east", "office", "committee", "department", "admin", "cadre", "m4"])
    async def test_who_has_no_links_gets_none(self, client: httpx.AsyncClient, who: str) -> None:
        told = await ask(client, who)
        assert (told["households"], told["obligations"], told["revoked"]) == ([], [], [])
        again = await ask(client, who, cursor=told["cursor"])
        assert again["households"] == []

    async def test_who_is_not_bound_may_not(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/sync", headers=headers("stranger"))).status_code == 403
        assert (await client.get("/sync")).status_code == 401

    @pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "501"}, {"cursor": "x" * 1001}, {"since": "0"}])
    async def test_a_query_that_is_none(self, client: httpx.AsyncClient, query: dict[str, str]) -> None:
        assert (await client.get("/sync", params=query, headers=headers("m1"))).status_code == 422

    async def test_forty_households_cost_no_more_statements_than_two(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        async with statements() as few:
            await ask(client, "m1")
        facts = Facts(database)
        for _ in range(40):
            household = uuid4()
            await facts.insert(
                "household", id=household, group_name="一组", head_masked="某*", opened_on=OPENED,
                head_sealed=VAULT.seal("新标记户", "household", "head", household),
            )  # fmt: skip
            await facts.link(world.people["m1"], household)
        async with statements() as many:
            assert len((await ask(client, "m1"))["households"]) == 42
        await asyncio.sleep(0)  # a statement is noted after it ran
        assert len(many) == len(few) <= 6


class TestCursor:
    async def test_nothing_changed(self, township: Township) -> None:
        phone = await township.phone("m1")
        told = await phone.sync()
        assert (told["households"], told["revoked"], told["obligations"], told["colleagues"]) == ([], [], [], None)
        assert (told["full"], told["more"]) == (False, False)

    async def test_only_what_changed_waiting_and_folded(self, township: Township, world: World) -> None:
        phone = await township.phone("m1")
        await township.facts.visit(world.people["m1"], world.households["h1"], TODAY)
        await township.facts.visit(world.people["m2"], world.households["h3"], TODAY)
        for _ in range(2):
            cursor = phone.cursor
            told = await phone.sync()
            assert [one["id"] for one in told["households"]] == [str(world.households["h1"])]
            assert not told["full"]
            await township.fold()
            phone.cursor = cursor
        await phone.sync()
        assert (await phone.sync())["households"] == []

    async def test_the_same_cursor_twice_gives_the_same(self, township: Township, world: World) -> None:
        phone = await township.phone("m1")
        await township.facts.visit(world.people["m1"], world.households["h1"], TODAY)
        await township.facts.must_visit(world.households["h2"], TODAY, day(3))
        await township.end("m1", "h2")
        assert phone.cursor
        answers = []
        for _ in range(3):
            told = await ask(township.client, "m1", cursor=phone.cursor)
            answers.append({key: value for key, value in told.items() if key != "cursor"})
            await township.fold()
        assert answers[0] == answers[1] == answers[2]
        assert answers[0]["households"] and answers[0]["revoked"]

    async def test_of_another_person_forged_or_cut(self, client: httpx.AsyncClient) -> None:
        mine = (await ask(client, "m1"))["cursor"]
        assert not (await ask(client, "m1", cursor=mine))["full"]
        assert (await ask(client, "m2", cursor=mine))["full"]
        raw = bytearray(base64.urlsafe_b64decode(mine + "=" * (-len(mine) % 4)))
        forged = [mine[:-2], mine + "A", mine[:8], "x", "🏠", "a b", "AAAA", "%00", "=" * 9]
        for place in (0, 5, 20, len(raw) - 1):
            changed = bytearray(raw)
            changed[place] ^= 1
            forged.append(base64.urlsafe_b64encode(changed).decode().rstrip("="))
        for one in forged:
            assert (await ask(client, "m1", cursor=one))["full"], one
        seen = base64.urlsafe_b64decode(mine + "=" * (-len(mine) % 4))
        assert str(TODAY).encode() not in seen and (await sync.ground(None, TODAY))["epoch"].hex.encode() not in seen

    async def test_a_new_day_an_old_cursor_and_a_clock_that_went_back(
        self, township: Township, at: Callable[[int], None]
    ) -> None:
        phone = await township.phone("m1")
        await township.end("m1", "h2", day(1))
        for offset, told_of in ((0, 0), (1, 1), (30, 1), (31, 0), (-1, 0)):
            at(offset)
            assert phone.cursor
            told = await ask(township.client, "m1", cursor=phone.cursor)
            assert (told["full"], len(told["revoked"])) == (offset != 0, told_of), offset

    async def test_after_a_restore(self, township: Township) -> None:
        phone = await township.phone("m1")
        command = [sys.executable, "-m", "backend", "new-epoch"]
        environ = {**os.environ, "APP_ENV": "test", "DATABASE_URL": township.url, "REDIS_URL": "unix:///nowhere"}
        await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environ, check=True, capture_output=True)
        assert (await phone.sync())["full"] and not (await phone.sync())["full"]
        assert not await township.writer.fetchval("SELECT count(*) FROM household_touch")

    async def test_names_of_places_and_ones_branch(self, township: Township, world: World) -> None:
        """What no household is marked for makes the answer full."""
        phone = await township.phone("m1")
        await township.run("UPDATE region SET name = '新名' WHERE id = $1", world.regions["e1"])
        told = await phone.sync()
        assert told["full"] and {one["micro_grid"]["name"] for one in told["households"]} == {"新名"}
        await township.fold()
        await phone.sync()
        await township.run(
            "UPDATE membership SET branch_id = $1 WHERE person_id = $2", world.branches["west"], world.people["m1"]
        )
        told = await phone.sync()
        assert told["full"] and str(world.people["m4"]) in {one["id"] for one in told["colleagues"]}

    async def test_colleagues_come_when_they_change(self, township: Township, world: World) -> None:
        phone = await township.phone("m1")
        await township.run("UPDATE membership SET valid_to = $1 WHERE person_id = $2", TODAY, world.people["m2"])
        told = await phone.sync()
        assert [one["id"] for one in told["colleagues"]] == [str(world.people["s_east"])]
        assert not told["full"] and (await phone.sync())["colleagues"] is None
        sealed = VAULT.seal("改标记名", "person", "name", world.people["s_east"])
        await township.run("UPDATE person SET name_sealed = $2 WHERE id = $1", world.people["s_east"], sealed)
        assert [one["name"] for one in (await phone.sync())["colleagues"]] == ["改标记名"]

    async def test_when_too_many_marks_wait_all_is_sent(
        self, township: Township, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sync, "MARKS", 5)
        phone = await township.phone("m1")
        for count, sent in ((5, 0), (1, 2)):
            for _ in range(count):
                await township.facts.visit(world.people["m3"], world.households["h7"], TODAY)
            assert len((await phone.sync())["households"]) == sent
        await township.fold()
        assert len((await phone.sync())["households"]) == 0

    async def test_a_rule_of_the_township(self, township: Township, world: World) -> None:
        phone = await township.phone("m3")
        await township.facts.visit(world.people["m3"], world.households["h7"], TODAY)
        await phone.sync()
        await township.facts.rule("interval_ordinary", 40, OPENED, None, world.regions["town"])
        told = await phone.sync()
        assert row(told, "h7")["due_on"] == day(40).isoformat() and len(told["households"]) == 3


class TestPages:
    async def test_all_pages_are_one_answer(self, township: Township) -> None:
        whole, by_one = await township.phone("m3"), Phone(township.client, "m3")
        first = await by_one.page(1)
        assert (first["full"], first["more"], len(first["colleagues"])) == (True, True, 2)
        second = await by_one.page(1)
        assert (second["full"], second["more"], second["colleagues"]) == (False, True, None)
        last = await by_one.page(1)
        assert (last["full"], last["more"]) == (False, False)
        assert by_one.content() == whole.content()
        assert (await by_one.page(1))["households"] == []

    async def test_changes_between_pages(self, township: Township, world: World) -> None:
        """Of households given already and still to come, links that begin and end."""
        ids = {household: name for name, household in world.households.items()}
        ordered = [ids[one] for one in sorted(ids) if ids[one] in ("h6", "h7", "h8")]
        phone = Phone(township.client, "m3")
        await phone.page(1)
        await township.run("UPDATE household SET group_name = '二组'")
        await township.end("m3", ordered[0])
        await township.end("m3", ordered[2])
        await township.facts.link(world.people["m3"], world.households["h4"], TODAY)
        await township.fold()
        while (await phone.page(1))["more"]:
            pass
        first = await phone.sync()
        fresh = await township.phone("m3")
        assert phone.content() == fresh.content() and phone.names() == {ordered[1], "h4"}
        assert [one["household_id"] for one in first["revoked"]] == sorted(
            str(of("household", name)) for name in (ordered[0], ordered[2])
        )

    async def test_a_day_that_ends_between_pages(self, township: Township, at: Callable[[int], None]) -> None:
        phone = Phone(township.client, "m3")
        await phone.page(1)
        at(1)
        assert (await phone.page(1))["full"], "what was given is of yesterday"
        await phone.sync(1)
        assert phone.content() == (await township.phone("m3")).content()

    async def test_pages_of_what_changed(self, township: Township) -> None:
        phone = await township.phone("m3")
        await township.run("UPDATE household SET group_name = '二组', version = version + 1")
        first = await phone.page(2)
        assert (first["full"], first["more"], len(first["households"])) == (False, True, 2)
        await township.fold()
        last = await phone.page(2)
        assert (last["full"], last["more"], len(last["households"])) == (False, False, 1)
        assert phone.content() == (await township.phone("m3")).content()


class TestRevoked:
    @pytest.mark.parametrize(
        ("on", "reason"), [(0, "handed_over"), (-3, "member_exempt"), (-400, "mistake"), (0, None)]
    )
    async def test_a_link_that_ended(self, township: Township, world: World, on: int, reason: str | None) -> None:
        phone = await township.phone("m1")
        await township.end("m1", "h2", day(on), reason)  # type: ignore[arg-type]
        told = await phone.sync()
        expected = {
            "household_id": str(world.households["h2"]), "on": max(day(on), OPENED).isoformat(), "reason": reason or "other",
            "successor_id": None,
        }  # fmt: skip
        assert told["revoked"] == [expected] and not told["full"]
        assert phone.names() == {"h1"}
        assert (await phone.sync())["revoked"] == []

    async def test_what_happens_there_later_is_not_told(self, township: Township, world: World) -> None:
        await township.end("m1", "h2")
        phone = await township.phone("m1")
        await township.facts.link(world.people["m2"], world.households["h2"], TODAY)
        await township.facts.visit(world.people["m2"], world.households["h2"], TODAY)
        await township.run("UPDATE household SET version = 2 WHERE id = $1", world.households["h2"])
        for _ in range(2):
            told = await phone.sync()
            assert (told["revoked"], told["households"]) == ([], [])
            await township.fold()

    async def test_a_link_that_was_never_there_today(self, township: Township, world: World) -> None:
        """Booked for tomorrow, and taken back."""
        phone = await township.phone("m1")
        link = await township.facts.link(world.people["m1"], world.households["h4"], day(1))
        assert (await phone.sync())["revoked"] == []
        await township.run("UPDATE assignment SET valid_to = valid_from WHERE id = $1", link)
        told = await phone.sync()
        assert (told["revoked"], told["households"], phone.names()) == ([], [], {"h1", "h2"})

    async def test_primary_becomes_backup(self, township: Township, world: World) -> None:
        phone = await township.phone("m1")
        await township.end("m1", "h2")
        await township.facts.link(world.people["m1"], world.households["h2"], TODAY, role="backup")
        told = await phone.sync()
        assert told["revoked"] == [] and row(told, "h2")["role"] == "backup"

    async def test_a_household_that_closed_and_one_that_goes_on(self, township: Township, world: World) -> None:
        phone = await township.phone("m1")
        await township.run("UPDATE household SET closed_on = $2 WHERE id = $1", world.households["h1"], TODAY)
        await township.end("m1", "h2", reason="household_closed")
        await township.run("UPDATE household SET closed_on = $2 WHERE id = $1", world.households["h2"], TODAY)
        await township.facts.merged(world.households["h2"], world.households["h3"], TODAY)
        told = await phone.sync()
        found = {one["household_id"]: (one["reason"], one["successor_id"]) for one in told["revoked"]}
        assert found == {
            str(world.households["h1"]): ("household_closed", None),
            str(world.households["h2"]): ("household_closed", str(world.households["h3"])),
        }
        assert phone.names() == set() == (await township.phone("m1")).names()

    async def test_who_left_is_told_so_and_nothing_else(
        self, township: Township, world: World, at: Callable[[int], None]
    ) -> None:
        phone = await township.phone("m1")
        await township.facts.link(world.people["m1"], world.households["h4"], day(5))
        await township.end("m1", "h2", day(-1), "household_wish")
        await phone.sync()
        await township.run(
            "UPDATE membership SET valid_to = $1, end_reason = 'other' WHERE person_id = $2", TODAY, world.people["m1"]
        )
        for offset in (0, 0, 30):
            at(offset)
            told = await phone.sync()
            assert (told["full"], told["households"], told["obligations"], told["colleagues"]) == (True, [], [], [])
            assert told["revoked"] == [
                {
                    "household_id": str(world.households["h1"]), "on": TODAY.isoformat(), "reason": "member_left",
                    "successor_id": None,
                }
            ]  # fmt: skip
        at(31)
        assert (await phone.sync())["revoked"] == []
        at(0)
        await township.run("UPDATE membership SET valid_to = NULL WHERE person_id = $1", world.people["m1"])
        told = await phone.sync()
        assert told["full"] and phone.names() == {"h1"}


Change = Callable[[Facts, World], Awaitable[object]]
LATE: dict[str, tuple[Change, Callable[[Phone], bool]]] = {
    "a visit": (
        lambda facts, world: facts.visit(world.people["m1"], world.households["h1"], TODAY),
        lambda phone: phone.households[str(of("household", "h1"))]["last_contact_on"] == TODAY.isoformat(),
    ),
    "a link": (
        lambda facts, world: facts.link(world.people["m1"], world.households["h4"], TODAY),
        lambda phone: phone.names() == {"h1", "h2", "h4"},
    ),
    "the end of a link": (
        lambda facts, world: facts.connection.execute(
            "UPDATE assignment SET valid_to = $2, end_reason = 'other' WHERE id = $1", world.link("m1", "h1"), TODAY
        ),
        lambda phone: phone.names() == {"h2"} and len(phone.revoked) == 1,
    ),
    "a closing": (
        lambda facts, world: facts.connection.execute(
            "UPDATE household SET closed_on = $2 WHERE id = $1", world.households["h1"], TODAY
        ),
        lambda phone: phone.names() == {"h2"} and len(phone.revoked) == 1,
    ),
    "a must-visit": (
        lambda facts, world: facts.must_visit(world.households["h1"], TODAY, day(3)),
        lambda phone: len(phone.obligations) == 1,
    ),
    "a name": (
        lambda facts, world: facts.connection.execute("UPDATE household SET group_name = '二组'"),
        lambda phone: {one["group"] for one in phone.households.values()} == {"二组"},
    ),
    "a colleague": (
        lambda facts, world: facts.connection.execute(
            "UPDATE membership SET valid_to = $2 WHERE person_id = $1", world.people["m2"], TODAY
        ),
        lambda phone: len(phone.colleagues or []) == 1,
    ),
    "a place": (
        lambda facts, world: facts.connection.execute("UPDATE region SET name = '新名'"),
        lambda phone: {one["micro_grid"]["name"] for one in phone.households.values()} == {"新名"},
    ),
}


class TestLateCommits:
    """A transaction that began before the cursor was made and ended after it."""

    @pytest.mark.parametrize("folded", ["not folded", "folded", "folding is late, too"])
    @pytest.mark.parametrize("what", LATE)
    async def test_is_told_of_next_time(self, township: Township, world: World, what: str, folded: str) -> None:
        change, arrived = LATE[what]
        late = await township.connect()
        folder = await township.connect()
        other = late.transaction()
        await other.start()
        await change(Facts(late), world)
        await township.writer.fetchval("SELECT pg_current_xact_id()")  # transactions go on meanwhile
        phone = await township.phone("m1")
        assert not arrived(phone)
        assert (await phone.sync())["households"] == []
        await other.commit()
        if folded == "folded":
            await township.fold()
        elif folded != "not folded":
            folding = folder.transaction()
            await folding.start()
            await folder.fetchval("SELECT coverage_fold(2000)")
            early = Phone(township.client, "m1", phone.cursor, dict(phone.households), colleagues=phone.colleagues)
            await early.sync()
            assert arrived(early), "while the fold is under way"
            assert early.content() == (await township.phone("m1")).content()
            await folding.commit()
        await phone.sync()
        assert arrived(phone)
        assert phone.content() == (await township.phone("m1")).content()
        await late.close()
        await folder.close()

    async def test_a_fold_that_began_before_the_cursor(self, township: Township, world: World) -> None:
        """What it takes away while it is under way is told of, and what it took is told of again rather than not."""
        await township.facts.visit(world.people["m1"], world.households["h1"], TODAY)
        folder = await township.connect()
        async with folder.transaction():
            await folder.fetchval("SELECT coverage_fold(2000)")
            phone = await township.phone("m1")
            await township.run("UPDATE household SET group_name = '二组' WHERE id = $1", world.households["h2"])
        await township.fold()
        await phone.sync()
        assert phone.households[str(world.households["h2"])]["group"] == "二组"
        await folder.close()


@dataclass
class History:
    """Random changes as the services make them, by writers who commit when they like."""

    township: Township
    chance: random.Random
    households: list[UUID]
    people: list[UUID]
    today: date = TODAY

    def household(self) -> UUID:
        return self.chance.choice(self.households)

    def person(self) -> UUID:
        return self.chance.choice(self.people)

    def some_day(self) -> date:
        return self.today + timedelta(days=self.chance.choice([-90, -40, -20, -3, -1, 0, 0, 0]))

    async def visit(self, facts: Facts) -> None:
        mode, outcome = self.chance.choice(["in_person", "remote"]), self.chance.choice(["met", "not_home", "declined"])
        await facts.visit(self.person(), self.household(), self.some_day(), mode, outcome)

    async def void(self, facts: Facts) -> None:
        sql = "UPDATE visit SET voided_at = now() WHERE id = (SELECT id FROM visit WHERE household_id = $1 LIMIT 1)"
        await facts.connection.execute(sql, self.household())

    async def link(self, facts: Facts) -> None:
        start = self.today + timedelta(days=self.chance.choice([0, 0, -5, 1]))
        await facts.link(self.person(), self.household(), start, None, self.chance.choice(["primary", "backup"]))

    async def end(self, facts: Facts) -> None:
        await facts.connection.execute(
            """UPDATE assignment SET valid_to = greatest(valid_from, $2), end_reason = 'handed_over', ended_at = now()
               WHERE id = (SELECT id FROM assignment WHERE household_id = $1 AND valid_to IS NULL LIMIT 1)""",
            self.household(), self.today + timedelta(days=self.chance.choice([-400, -3, 0, 0, 0, 1])),
        )  # fmt: skip

    async def reopen(self, facts: Facts) -> None:
        await facts.connection.execute(
            """UPDATE assignment SET valid_to = NULL, end_reason = NULL, ended_at = NULL
               WHERE id = (SELECT id FROM assignment WHERE household_id = $1 AND valid_to > valid_from LIMIT 1)""",
            self.household(),
        )  # fmt: skip

    async def identity(self, facts: Facts) -> None:
        sql = "UPDATE household SET group_name = $2, version = version + 1 WHERE id = $1"
        await facts.connection.execute(sql, self.household(), self.chance.choice(["一组", "二组", "三组"]))

    async def close(self, facts: Facts) -> None:
        closed = self.chance.choice([None, self.today, self.today + timedelta(days=1)])
        await facts.connection.execute("UPDATE household SET closed_on = $2 WHERE id = $1", self.household(), closed)

    async def merge(self, facts: Facts) -> None:
        absorbed, successor = self.chance.sample(self.households, 2)
        await facts.merged(absorbed, successor, self.some_day())

    async def residence(self, facts: Facts) -> None:
        await facts.connection.execute(
            "UPDATE residence SET status = $2 WHERE household_id = $1", self.household(),
            self.chance.choice(["resident", "away", "nominal"]),
        )  # fmt: skip

    async def tier(self, facts: Facts) -> None:
        if self.chance.random() < 0.5:
            await facts.tier(self.household(), self.some_day())
        else:
            sql = "UPDATE tier SET valid_to = greatest(valid_from, $2) WHERE household_id = $1"
            await facts.connection.execute(sql, self.household(), self.today)

    async def must_visit(self, facts: Facts) -> None:
        since = self.today - timedelta(days=self.chance.choice([0, 1, 9]))
        await facts.must_visit(self.household(), since, since + timedelta(days=3))

    async def withdraw(self, facts: Facts) -> None:
        sql = "UPDATE must_visit SET withdrawn_at = now() WHERE household_id = $1"
        await facts.connection.execute(sql, self.household())

    async def membership(self, facts: Facts) -> None:
        until = self.chance.choice([None, None, self.today, self.today + timedelta(days=1)])
        await facts.connection.execute("UPDATE membership SET valid_to = $2 WHERE person_id = $1", self.person(), until)

    async def home(self, facts: Facts) -> None:
        if self.chance.random() < 0.5:
            await facts.home(self.person(), self.household(), self.some_day())
        else:
            sql = "UPDATE home SET valid_to = greatest(valid_from, $2) WHERE person_id = $1"
            await facts.connection.execute(sql, self.person(), self.today)

    async def rule(self, facts: Facts) -> None:
        name = self.chance.choice(["interval_ordinary", "interval_key"])
        await facts.rule(name, self.chance.randint(20, 100), self.some_day(), None, of("region", "town"))

    async def place(self, facts: Facts) -> None:
        sql = "UPDATE region SET name = $2 WHERE id = $1"
        await facts.connection.execute(sql, of("region", "e1"), self.chance.choice(["甲", "乙"]))

    def change(self) -> Callable[[Facts], Awaitable[None]]:
        often = [self.visit] * 5 + [self.link] * 5 + [self.end] * 5 + [self.identity, self.must_visit, self.tier] * 2
        seldom = [self.void, self.reopen, self.close, self.merge, self.residence, self.withdraw]
        seldom += [self.membership, self.home, self.rule, self.place]
        return self.chance.choice([*often, *seldom])


REFUSED = (asyncpg.IntegrityConstraintViolationError, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


@dataclass
class Writers:
    """Transactions under way, each on a connection of its own."""

    chance: random.Random
    under_way: dict[asyncpg.Connection, Any] = field(default_factory=dict)

    async def write(self, connection: asyncpg.Connection, what: Callable[[], Awaitable[object]]) -> None:
        """One more statement in the connection's transaction, which begins, goes on, commits, or is given up."""
        if connection not in self.under_way:
            self.under_way[connection] = connection.transaction()
            await self.under_way[connection].start()
        try:
            await what()
        except REFUSED:
            await self.under_way.pop(connection).rollback()
            return
        if self.chance.random() < 0.5:
            transaction = self.under_way.pop(connection)
            await (transaction.commit() if self.chance.random() < 0.9 else transaction.rollback())


@pytest.mark.parametrize("seed", [random.randrange(10**6)], ids=["seed"])
async def test_a_phone_that_follows_equals_a_fresh_one(
    township: Township, world: World, at: Callable[[int], None], seed: int
) -> None:
    """Whatever changes, in whichever order writers and folds commit, and however an answer is cut into pages."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    history = History(township, chance, list(world.households.values()), [of("person", name) for name in PEOPLE])
    phones = [await township.phone(name) for name in ("m1", "m2", "m3")]
    writers = [await township.connect() for _ in range(3)]
    folder = await township.connect()
    transactions = Writers(chance)
    for connection in (*writers, folder):
        await connection.execute("SET lock_timeout = '20ms'")

    turned = equal = deltas = 0
    # Some histories leave the phones without a household for long: those go on until enough was compared.
    for step in range(1600):
        if step >= 160 and equal > 15 and deltas > 15:
            break
        writer = chance.choice(writers)
        change = history.change()
        await transactions.write(writer, lambda change=change, writer=writer: change(Facts(writer)))  # type: ignore[misc]
        if chance.random() < 0.2:
            await transactions.write(
                folder, lambda: folder.fetchval("SELECT coverage_fold($1)", chance.choice([1, 5, 2000]))
            )
        if chance.random() < 0.02:
            turned += 1
            history.today = day(turned)
            at(turned)
        phone = chance.choice(phones)
        if chance.random() < 0.1:
            await phone.page(chance.choice([1, 2]))  # the phone loses the network in the middle of an answer
        if chance.random() < 0.5:
            limit = chance.choice([1, 2, 500])
            deltas += not (await phone.sync(limit))["full"]
            fresh = await township.phone(phone.owner)
            assert phone.content() == fresh.content(), (seed, step, phone.owner)
            equal += bool(phone.households)
    else:
        pytest.fail(f"too little was compared to say something: {equal} with households, {deltas} deltas")
    for connection in (*writers, folder):
        await connection.close()
