"""What happens in a random history: a township, and a writer who changes its facts as services and imports would."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from backend.settings import CHINA
from models.database import credentials
from tests.models.facts import OPENED, Facts, period
from tests.world import of

FIRST, UNTIL = date(2026, 9, 1), date(2027, 1, 1)
#: Kept from the beginning; the others are opened while the writers write.
KEPT = tuple(map(period, (202609, 202610, 202611, 20264, 2026)))
OPENING = tuple(map(period, (202612, 20263)))
PERIODS = tuple(sorted((*KEPT, *OPENING), key=lambda one: one.days))  # months first: the others are added up from them
BRANCHES = [of("branch", name) for name in ("town", "east", "west")]
KINDS = ["full", "full", "probationary", "cadre"]
MUST_VISITS = ["illness", "funeral", "disaster", "hardship", "help_request", "return"]
#: Rows of the rules table are changed one after the other, as a service would by a lock.
RULES_LOCK = 4711


@dataclass
class Township:
    """Who and what the histories are about."""

    url: str
    households: list[UUID] = field(default_factory=list)
    people: list[UUID] = field(default_factory=list)
    grids: list[UUID] = field(default_factory=list)
    townships: list[UUID] = field(default_factory=list)

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(**credentials(self.url))

    async def build(self, chance: random.Random, households: int, people: int) -> None:
        """A year without visits: households, their primaries, some homes of members, some must-visits."""
        connection = await self.connect()
        facts = Facts(connection)
        async with connection.transaction():
            self.grids = [of("region", name) for name in ("e1", "e2", "w1")]
            self.grids += [await facts.micro_grid("g_west", "west"), await facts.micro_grid("g_east")]
            other = await facts.region("township", of("region", "county"))
            self.grids.append(await facts.region("micro_grid", await facts.region("village", other)))
            self.townships = [of("region", "town"), other]
            self.people = [await facts.member(chance.choice(KINDS)) for _ in range(people)]
            for _ in range(households):
                household = await facts.household()
                self.households.append(household)
                await facts.residence(household, chance.choice(self.grids), status=chance.choice(["resident", "away"]))
                if chance.random() < 0.8:
                    await facts.link(chance.choice(self.people), household)
                if chance.random() < 0.3:
                    await facts.tier(household)
            for person in self.people[::3]:
                await facts.home(person, chance.choice(self.households))
            await facts.keep(*(one.id for one in KEPT))
            for one in KEPT:
                await connection.execute("SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", one.id)
            await connection.execute("DELETE FROM coverage_dirty")
        await connection.execute("ANALYZE")
        await connection.close()


@dataclass
class Writer:
    """Makes random changes over one connection."""

    town: Township
    connection: asyncpg.Connection
    chance: random.Random
    born: list[UUID] = field(default_factory=list)  # households of the town as soon as the transaction is committed

    @property
    def facts(self) -> Facts:
        return Facts(self.connection)

    def day(self) -> date:
        """Mostly of the last months; sometimes any day of the year."""
        since = FIRST if self.chance.random() < 0.8 else OPENED
        return since + timedelta(days=self.chance.randrange((UNTIL - since).days))

    def household(self) -> UUID:
        return self.chance.choice(self.town.households)

    def person(self) -> UUID:
        return self.chance.choice(self.town.people)

    async def standing(self) -> UUID | None:
        """A household that was not merged into another one, locked as services do before they change it (L5)."""
        household = self.household()
        await self.lock(household)
        merged = "SELECT EXISTS (SELECT FROM succession WHERE household_id = $1 AND annulled_at IS NULL)"
        return None if await self.connection.fetchval(merged, household) else household

    async def lock(self, *households: UUID) -> int:
        """Hold households until the transaction ends; how many of them there are."""
        locked = "SELECT id FROM household WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"
        return len(await self.connection.fetch(locked, households))

    async def one_of(self, table: str, owner: str, whose: UUID, more: str = "") -> Any:
        """A row of somebody that is not empty, held until the transaction ends."""
        rows = await self.connection.fetch(
            f"SELECT * FROM {table} WHERE {owner} = $1 AND NOT isempty(during) {more} ORDER BY id FOR UPDATE", whose
        )
        return self.chance.choice(rows) if rows else None

    async def end(self, table: str, row: Any, on: date) -> None:
        await self.connection.execute(
            f"UPDATE {table} SET valid_to = $2 WHERE id = $1", row["id"], max(on, row["valid_from"])
        )

    async def visits(self) -> None:
        """One, or many at once in one statement."""
        rows = []
        for _ in range(self.chance.choice([1, 1, 1, 8])):
            companions = self.chance.sample(self.town.people, self.chance.choice([0, 0, 0, 1, 2]))
            mode = self.chance.choice(["in_person", "in_person", "remote", "gathering"])
            outcome = self.chance.choice(["met", "met", "not_home", "not_home", "declined"])
            rows.append((self.household(), self.person(), self.day(), mode, outcome, ",".join(map(str, companions))))
        await self.connection.execute(
            """INSERT INTO visit (id, household_id, visitor_id, entered_by, occurred_on, noted_at, mode, outcome, topics,
                 companion_ids, needs_follow_up, body_mac)
               SELECT gen_random_uuid(), h, p, p, d, $7, mode, outcome, '{}',
                 coalesce(string_to_array(nullif(c, ''), ','), '{}')::uuid[], false, ''
               FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::text[], $5::text[], $6::text[])
               AS t(h, p, d, mode, outcome, c)""",
            *map(list, zip(*rows, strict=True)), datetime.now(CHINA),
        )  # fmt: skip

    async def backfill(self) -> None:
        """A visit of any day of the year, entered now."""
        day = OPENED + timedelta(days=self.chance.randrange((UNTIL - OPENED).days))
        await self.facts.visit(self.person(), self.household(), day, self.chance.choice(["in_person", "remote"]))

    async def void(self) -> None:
        await self.connection.execute(
            """UPDATE visit SET voided_at = now(), voided_by = visitor_id, void_reason = 'other' WHERE voided_at IS NULL AND id IN
                 (SELECT id FROM visit WHERE household_id = $1 ORDER BY id LIMIT 2)""",
            self.household(),
        )

    async def link(self) -> None:
        start, household = self.day(), await self.standing()
        end = None if self.chance.random() < 0.6 else start + timedelta(days=self.chance.randrange(60))
        if household:
            await self.facts.link(
                self.person(), household, start, end, self.chance.choice(["primary", "primary", "backup"])
            )

    async def end_link(self) -> None:
        household = await self.standing()
        row = household and await self.one_of("assignment", "household_id", household)
        if row:
            await self.connection.execute(
                "UPDATE assignment SET valid_to = $2, end_reason = 'other', ended_at = now() WHERE id = $1",
                row["id"], max(self.day(), row["valid_from"]),
            )  # fmt: skip

    async def hand_over(self) -> None:
        """All primaries of a person go to another one on a day."""
        before, after, on = self.person(), self.person(), self.day()
        linked = "SELECT household_id FROM assignment WHERE person_id = $1 AND role = 'primary' AND valid_to IS NULL"
        households = [row["household_id"] for row in await self.connection.fetch(linked, before)]
        await self.lock(*households)
        ended = await self.connection.fetch(
            """UPDATE assignment SET valid_to = $3, end_reason = 'handed_over', ended_at = now()
               WHERE person_id = $1 AND role = 'primary' AND valid_to IS NULL AND valid_from < $3
                 AND household_id = ANY ($2::uuid[]) RETURNING household_id""",
            before, households, on,
        )  # fmt: skip
        for row in ended:
            await self.facts.link(after, row["household_id"], on)

    async def residence(self) -> None:
        """Close, then open: it moves, goes away, comes back, becomes nominal, or is gone."""
        household, on = await self.standing(), self.day()
        if household is None:
            return
        row = await self.one_of("residence", "household_id", household, "AND valid_to IS NULL")
        if row is None:
            await self.facts.residence(household, self.chance.choice(self.town.grids), on)
            return
        await self.end("residence", row, on)
        if self.chance.random() < 0.9:
            grid = self.chance.choice([row["micro_grid_id"], self.chance.choice(self.town.grids)])
            status = self.chance.choice(["resident", "resident", "away", "nominal"])
            await self.facts.residence(household, grid, max(on, row["valid_from"]), status=status)

    async def split(self) -> None:
        """A new household begins beside one that goes on, in its place, with a primary or none."""
        household, on = self.household(), self.day()
        row = await self.one_of("residence", "household_id", household, "AND valid_to IS NULL")
        if row and len(self.town.households) < 400:
            new = await self.facts.household(on)
            await self.facts.residence(new, row["micro_grid_id"], max(on, row["valid_from"]))
            if self.chance.random() < 0.7:
                await self.facts.link(self.person(), new, on)
            self.born.append(new)

    async def tier(self) -> None:
        """A household becomes key, for a while or not, or no longer is."""
        household, on = self.household(), self.day()
        row = await self.one_of("tier", "household_id", household)
        if row and self.chance.random() < 0.5:
            await self.end("tier", row, on)
        else:
            end = None if self.chance.random() < 0.5 else on + timedelta(days=self.chance.randrange(80))
            await self.facts.tier(household, on, end)

    async def merge(self) -> None:
        """One household is merged into another, with all that was merged into it before; both are locked first."""
        old, new = self.household(), self.household()
        if old == new:
            return
        if await self.lock(old, new) < 2:
            return
        known = await self.connection.fetch(
            """SELECT household_id, successor_id, on_day FROM succession
               WHERE annulled_at IS NULL AND (household_id = ANY ($1::uuid[]) OR successor_id = $2)""",
            [old, new], old,
        )  # fmt: skip
        if any(row["household_id"] in (old, new) for row in known):
            return  # one of them is no longer there to be merged
        on = max([self.day(), *(row["on_day"] + timedelta(days=1) for row in known)])
        await self.facts.merged(old, new, on)
        for row in known:
            await self.facts.succession(row["household_id"], new, on)

    async def annul(self) -> None:
        """A merge is annulled, with the rows that were written with it, unless the successor was merged on."""
        household = self.household()
        successor = await self.connection.fetchval(
            "SELECT successor_id FROM succession WHERE household_id = $1 AND annulled_at IS NULL ORDER BY on_day DESC LIMIT 1",
            household,
        )
        if successor is None:
            return
        await self.lock(household, successor)
        await self.connection.execute(
            """UPDATE succession s SET annulled_at = now() FROM succession r
               WHERE r.household_id = $1 AND r.successor_id = $2 AND r.annulled_at IS NULL AND s.annulled_at IS NULL
                 AND s.successor_id = $2 AND s.recorded_at = r.recorded_at
                 AND NOT EXISTS (SELECT FROM succession n WHERE n.household_id = $2 AND n.annulled_at IS NULL)""",
            household, successor,
        )  # fmt: skip

    async def must_visit(self) -> None:
        since = self.day()
        due_on = since + timedelta(days=self.chance.choice([0, 1, 3, 3, 30]))
        await self.facts.must_visit(self.household(), since, due_on, self.chance.choice(MUST_VISITS))

    async def withdraw(self) -> None:
        await self.connection.execute(
            """UPDATE must_visit SET withdrawn_at = now(), withdraw_reason = 'mistake'
               WHERE id IN (SELECT id FROM must_visit WHERE household_id = $1 AND withdrawn_at IS NULL ORDER BY id LIMIT 1)""",
            self.household(),
        )

    async def rule(self) -> None:
        """A township, or all of them, wants another interval from a day on: close, then open."""
        await self.connection.execute("SELECT pg_advisory_xact_lock($1)", RULES_LOCK)
        where = self.chance.choice([None, *self.town.townships])
        name = self.chance.choice(["interval_ordinary", "interval_key", "interval_away"])
        row = await self.connection.fetchrow(
            """SELECT * FROM region_rule WHERE region_id IS NOT DISTINCT FROM $1 AND name = $2 AND NOT isempty(during)
               ORDER BY valid_from DESC LIMIT 1""",
            where, name,
        )  # fmt: skip
        on = max(self.day(), row["valid_from"]) if row else self.day()
        if row and (row["valid_to"] is None or row["valid_to"] > on):
            await self.end("region_rule", row, on)
        elif row:
            on = max(on, row["valid_to"])
        if row is None or where is None or self.chance.random() < 0.8:  # there is always a general one
            if where is None and row and row["valid_to"] is not None:
                on = row["valid_to"]
            await self.facts.rule(name, self.chance.choice([1, 7, 20, 30, 45, 60, 90, 180, 366]), on, None, where)

    async def member(self) -> None:
        """A member leaves, returns, or becomes something else."""
        person, on = self.person(), self.day()
        row = await self.one_of("membership", "person_id", person, "AND valid_to IS NULL")
        if row and self.chance.random() < 0.3:
            await self.connection.execute(
                "UPDATE membership SET kind = $2 WHERE id = $1", row["id"], self.chance.choice(KINDS)
            )
        elif row:
            await self.end("membership", row, on)
        else:
            await self.facts.membership(person, on, kind=self.chance.choice(KINDS))

    async def exemption(self) -> None:
        """No figure of a household looks at it, so nothing may move."""
        await self.facts.insert("exemption", person_id=self.person(), reason="illness", valid_from=self.day())

    async def home(self) -> None:
        person, on, household = self.person(), self.day(), await self.standing()
        if household is None:
            return
        row = await self.one_of("home", "person_id", person, "AND valid_to IS NULL")
        if row and self.chance.random() < 0.2:
            await self.connection.execute("UPDATE home SET household_id = $2 WHERE id = $1", row["id"], household)
            return
        if row:
            await self.end("home", row, on)
            on = max(on, row["valid_from"])
        if row is None or self.chance.random() < 0.5:
            await self.facts.home(person, household, on)

    async def responsibility(self) -> None:
        grid, on = self.chance.choice(self.town.grids), self.day()
        row = await self.one_of(
            "responsibility", "region_id", grid, "AND kind = 'branch_micro_grid' AND valid_to IS NULL"
        )
        if row:
            await self.end("responsibility", row, on)
            on = max(on, row["valid_from"])
        if row is None or self.chance.random() < 0.7:
            await self.facts.responsibility(grid, self.chance.choice(BRANCHES), on)

    def change(self) -> Callable[[], Awaitable[None]]:
        weighed = {
            self.visits: 40, self.backfill: 4, self.void: 8, self.link: 10, self.end_link: 6, self.hand_over: 2,
            self.residence: 10, self.split: 1, self.tier: 6, self.merge: 3, self.annul: 3, self.must_visit: 5,
            self.withdraw: 1, self.rule: 1, self.member: 4, self.exemption: 1, self.home: 4, self.responsibility: 2,
        }  # fmt: skip
        return self.chance.choices(list(weighed), list(weighed.values()))[0]


class RolledBack(Exception):
    """A transaction that was meant to fail."""
