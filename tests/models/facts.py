"""Facts for tests of figures, written straight into the tables: households, people, links, visits on dated days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from backend.settings import CHINA
from tests.world import of

OPENED = date(2026, 1, 1)
NOBODY = UUID(int=0)
COLUMNS = ("households", "party", "not_yet", "exposed", "covered", "contacted", "resident", "visited")


def november(day: int) -> date:
    """A day of November 2026; 31 is the first of December, where an interval over the whole month ends."""
    return date(2026, 11, 1) + timedelta(days=day - 1)


@dataclass(frozen=True)
class Facts:
    """Writes facts over an asyncpg connection, or in the current transaction when given `models.database`."""

    connection: Any

    async def insert(self, table: str, **values: object) -> UUID:
        """One row with an id of its own."""
        values = {"id": uuid4()} | values
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        await self.connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", *values.values())
        made: UUID = values["id"]  # type: ignore[assignment]
        return made

    async def household(self, opened: date = OPENED, closed: date | None = None) -> UUID:
        """A household without a residence."""
        return await self.insert(
            "household", group_name="一组", head_sealed=b"-", head_masked="某*", opened_on=opened, closed_on=closed
        )

    async def residence(
        self, household: UUID, grid: UUID, start: date = OPENED, end: date | None = None, status: str = "resident"
    ) -> UUID:
        return await self.insert(
            "residence", household_id=household, micro_grid_id=grid, status=status, valid_from=start, valid_to=end
        )

    async def person(self) -> UUID:
        return await self.insert("person", name_sealed=b"-", name_masked="某*")

    async def membership(
        self, person: UUID, start: date = OPENED, end: date | None = None, kind: str = "full", branch: str = "east"
    ) -> UUID:
        return await self.insert(
            "membership", person_id=person, branch_id=of("branch", branch), kind=kind, valid_from=start, valid_to=end
        )

    async def member(self, kind: str = "full") -> UUID:
        """A person in service since the beginning."""
        person = await self.person()
        await self.membership(person, kind=kind)
        return person

    async def home(self, person: UUID, household: UUID, start: date = OPENED, end: date | None = None) -> UUID:
        return await self.insert("home", person_id=person, household_id=household, valid_from=start, valid_to=end)

    async def link(
        self, person: UUID, household: UUID, start: date = OPENED, end: date | None = None, role: str = "primary"
    ) -> UUID:
        return await self.insert(
            "assignment",
            household_id=household,
            person_id=person,
            role=role,
            source="appointed",
            valid_from=start,
            valid_to=end,
        )

    async def responsibility(self, grid: UUID, branch: UUID, start: date = OPENED, end: date | None = None) -> UUID:
        return await self.insert(
            "responsibility", kind="branch_micro_grid", region_id=grid, branch_id=branch, valid_from=start, valid_to=end
        )

    async def visit(
        self,
        visitor: UUID,
        household: UUID,
        day: date,
        mode: str = "in_person",
        outcome: str = "met",
        *companions: UUID,
    ) -> UUID:
        return await self.insert(
            "visit", household_id=household, visitor_id=visitor, entered_by=uuid4(), occurred_on=day, mode=mode,
            noted_at=datetime(day.year, day.month, day.day, 12, tzinfo=CHINA), outcome=outcome, topics=[], companion_ids=list(companions), needs_follow_up=False, body_mac=b"-",
        )  # fmt: skip

    async def micro_grid(self, parent: str = "g_east", branch: str | None = None) -> UUID:
        """A new micro-grid; with a branch, that one has answered for it from the beginning."""
        grid = uuid4()
        (above,) = await self.connection.fetch("SELECT path FROM region WHERE id = $1", of("region", parent))
        await self.insert(
            "region", id=grid, parent_id=of("region", parent), level="micro_grid", name="新格", path=[*above["path"], grid],
            code=f"9999021019{grid.int % 10**7:07}", predecessors=[], valid_from=OPENED,
        )  # fmt: skip
        if branch:
            await self.responsibility(grid, of("branch", branch))
        return grid
