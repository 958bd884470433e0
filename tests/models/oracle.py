"""The figures worked out day by day in plain Python from the words of docs/rules.md (C2 to C8, L4, L6), not from the SQL.

It reads only the dates that people enter, never a column that the database derives from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from tests.models.facts import COLUMNS, NOBODY

Row = tuple[UUID, UUID, tuple[int, ...]]
_DATED = ("residence", "membership", "home", "assignment", "responsibility")
MEMBERS = ("full", "probationary")


def days_of(start: date, until: date) -> list[date]:
    """The days of `[start, until)`."""
    return [start + timedelta(days=n) for n in range((until - start).days)]


def holds(row: Any, day: date) -> bool:
    """T2: the first day counts, the last does not."""
    return bool(row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"]))


class Oracle:
    """All facts of a database, asked by day."""

    def __init__(self, facts: dict[str, list[Any]]) -> None:
        def by(table: str, owner: str) -> dict[UUID, list[Any]]:
            found = defaultdict(list)
            for row in facts[table]:
                found[row[owner]].append(row)
            return found

        self.households = [row["id"] for row in facts["household"]]
        self.residences, self.homes = by("residence", "household_id"), by("home", "household_id")
        self.links, self.links_of = by("assignment", "household_id"), by("assignment", "person_id")
        self.services, self.visits = by("membership", "person_id"), by("visit", "household_id")
        self.answers_for = by("responsibility", "region_id")

    @classmethod
    async def read(cls, connection: Any) -> Oracle:
        """Take all facts in one snapshot of the caller's."""
        return cls(
            {table: await connection.fetch(f"SELECT * FROM {table}") for table in ("household", "visit", *_DATED)}
        )

    def in_service(self, person: UUID, day: date, kinds: Sequence[str] | None = None) -> bool:
        return any(holds(row, day) and (kinds is None or row["kind"] in kinds) for row in self.services[person])

    def registered(self, household: UUID, day: date) -> Any:
        """The residence row of a day, or None: not ours (C9)."""
        return next((row for row in self.residences[household] if holds(row, day)), None)

    def ours(self, household: UUID, day: date) -> bool:
        row = self.registered(household, day)
        return row is not None and row["status"] in ("resident", "away")

    def lives_there(self, person: UUID, household: UUID, day: date) -> bool:
        return any(row["person_id"] == person and holds(row, day) for row in self.homes[household])

    def party(self, household: UUID, day: date) -> bool:
        """L4: somebody living there is a member in service with an active link to any household, in any role."""
        return any(
            holds(home, day) and self.in_service(home["person_id"], day, MEMBERS)
            and any(holds(link, day) for link in self.links_of[home["person_id"]])
            for home in self.homes[household]
        )  # fmt: skip

    def in_set(self, household: UUID, day: date) -> bool:
        """C2."""
        return self.ours(household, day) and not self.party(household, day)

    def covered(self, household: UUID, day: date) -> bool:
        """C8: in the set, and an active primary: the link holds and its person is in service (L6)."""
        return self.in_set(household, day) and any(
            link["role"] == "primary" and holds(link, day) and self.in_service(link["person_id"], day)
            for link in self.links[household]
        )

    def place(self, household: UUID, day: date) -> tuple[UUID, UUID]:
        """C7: the micro-grid of the residence row, and the branch that answers for it."""
        grid = self.registered(household, day)["micro_grid_id"]
        branch = next(
            (
                row["branch_id"]
                for row in self.answers_for[grid]
                if row["kind"] == "branch_micro_grid" and holds(row, day)
            ),
            NOBODY,
        )
        return grid, branch

    def contacts(self, household: UUID, days: Iterable[date]) -> list[str]:
        """The modes of the contacts (V3) that count (C5) on these days."""
        asked = set(days)
        return [
            visit["mode"]
            for visit in self.visits[household]
            if visit["voided_at"] is None and visit["outcome"] == "met" and visit["occurred_on"] in asked
            and any(
                not self.lives_there(one, household, visit["occurred_on"])
                for one in (visit["visitor_id"], *visit["companion_ids"])
            )
        ]  # fmt: skip

    def row(self, household: UUID, start: date, until: date) -> Row | None:
        """A household in a period: micro-grid, branch, and its figures in the order of COLUMNS; None = not ours (C3, C7)."""
        period = days_of(start, until)
        ours = [day for day in period if self.ours(household, day)]
        if not ours:
            return None
        inside = [day for day in ours if not self.party(household, day)]
        last = period[-1]

        def is_due(exposure: int) -> bool:
            enough = 2 * exposure >= len(period) and self.registered(household, last) is not None
            return enough or 2 * exposure > len(period)

        due = is_due(len(inside))
        party = not due and is_due(len(ours))
        not_yet = not due and not party and self.ours(household, last)
        places: dict[tuple[UUID, UUID], list[date]] = defaultdict(list)
        for day in ours:
            places[self.place(household, day)].append(day)
        grid, branch = max(places, key=lambda place: (len(places[place]), places[place][-1]))
        contacts = self.contacts(household, period)
        at_home = [day for day in inside if self.registered(household, day)["status"] == "resident"]
        resident = 2 * len(at_home) >= len(inside)
        values = {
            "households": due,
            "party": party,
            "not_yet": not_yet,
            "exposed": due * len(inside),
            "covered": due * sum(self.covered(household, day) for day in inside),
            "contacted": due and bool(contacts),
            "resident": due and resident,
            "visited": due and resident and "in_person" in contacts,
        }
        return grid, branch, tuple(int(values[column]) for column in COLUMNS)

    def rows(self, start: date, until: date) -> dict[UUID, Row]:
        """All households of a period."""
        found = {household: self.row(household, start, until) for household in self.households}
        return {household: row for household, row in found.items() if row is not None}


def summed(rows: Iterable[Row]) -> dict[tuple[UUID, UUID], tuple[int, ...]]:
    """Rows added up by micro-grid and branch, without those that are zero throughout."""
    sums: dict[tuple[UUID, UUID], tuple[int, ...]] = {}
    for grid, branch, values in rows:
        before = sums.get((grid, branch), (0,) * len(COLUMNS))
        sums[grid, branch] = tuple(a + b for a, b in zip(before, values, strict=True))
    return {place: values for place, values in sums.items() if any(values)}
