"""Facts for tests of figures, written straight into the tables: households, people, links, visits on dated days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from backend.settings import CHINA
from tests.world import of

OPENED = date(2026, 1, 1)
NOBODY = UUID(int=0)
COLUMNS = (
    "households", "party", "not_yet", "exposed", "covered", "contacted", "resident", "visited", "declined", "unreached",
    "key", "key_visited", "due", "on_time", "waived", "must_due", "must_met", "must_declined",
)  # fmt: skip
#: Those that only rows of months have; quarters and years add them up (docs/rules.md C18 to C20).
MONTHLY = COLUMNS[COLUMNS.index("key") :]


class Period(NamedTuple):
    """A kept period: its number, its kind, and its days `[start, until)`."""

    id: int
    kind: str
    start: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.start).days


def period(number: int) -> Period:
    """202611 is November, 20264 the last quarter of the year, 2026 the year."""
    text = str(number)
    year, part = int(text[:4]), int(text[4:] or 1)
    kind, months = {4: ("year", 12), 5: ("quarter", 3), 6: ("month", 1)}[len(text)]
    first = 12 * year + (part - 1) * months
    start, until = (date(month // 12, month % 12 + 1, 1) for month in (first, first + months))
    return Period(number, kind, start, until)


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

    async def tier(self, household: UUID, start: date = OPENED, end: date | None = None) -> UUID:
        """Days as a key household."""
        return await self.insert("tier", household_id=household, reason="elderly", valid_from=start, valid_to=end)

    async def must_visit(self, household: UUID, since: date, due_on: date, kind: str = "illness") -> UUID:
        return await self.insert(
            "must_visit", household_id=household, kind=kind, since=since, due_on=due_on, source="staff"
        )

    async def succession(self, household: UUID, successor: UUID, day: date) -> UUID:
        """One row: predecessors of predecessors need rows of their own."""
        return await self.insert("succession", household_id=household, successor_id=successor, on_day=day)

    async def merged(self, household: UUID, successor: UUID, day: date) -> UUID:
        """A succession, and what the household had ends that day (docs/rules.md C25)."""
        for table in ("residence", "assignment", "home"):
            await self.connection.execute(
                f"""UPDATE {table} SET valid_to = greatest(valid_from, $2)
                    WHERE household_id = $1 AND (valid_to IS NULL OR valid_to > $2)""",
                household,
                day,
            )
        await self.connection.execute("UPDATE household SET closed_on = $2 WHERE id = $1", household, day)
        return await self.succession(household, successor, day)

    async def rule(
        self, name: str, number: int, start: date, end: date | None = None, township: UUID | None = None
    ) -> UUID:
        return await self.insert(
            "region_rule", region_id=township, name=name, number=number, valid_from=start, valid_to=end
        )

    async def keep(self, *numbers: int) -> None:
        """Have periods kept that are not yet; their rows come with marks or a recount."""
        for one in map(period, numbers):
            await self.connection.execute(
                "INSERT INTO period (id, kind, span) VALUES ($1, $2, daterange($3, $4)) ON CONFLICT DO NOTHING", *one
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
        **more: object,
    ) -> UUID:
        values: dict[str, object] = {
            "household_id": household, "visitor_id": visitor, "companion_ids": list(companions), "entered_by": uuid4(),
            "occurred_on": day, "noted_at": datetime(day.year, day.month, day.day, 12, tzinfo=CHINA), "mode": mode,
            "outcome": outcome, "topics": [], "needs_follow_up": False, "body_mac": b"-",
        }  # fmt: skip
        return await self.insert("visit", **values | more)

    async def region(self, level: str, parent: UUID) -> UUID:
        """A new place under another."""
        place = uuid4()
        (above,) = await self.connection.fetch("SELECT path FROM region WHERE id = $1", parent)
        return await self.insert(
            "region", id=place, parent_id=parent, level=level, name="新地", path=[*above["path"], place],
            code=f"9999021019{place.int % 10**7:07}", predecessors=[], valid_from=OPENED,
        )  # fmt: skip

    async def micro_grid(self, parent: str = "g_east", branch: str | None = None) -> UUID:
        """A new micro-grid; with a branch, that one has answered for it from the beginning."""
        grid = await self.region("micro_grid", of("region", parent))
        if branch:
            await self.responsibility(grid, of("branch", branch))
        return grid
