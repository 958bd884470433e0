"""The facts of a database, asked for one household and one day (docs/rules.md C2 to C9, L4, L6, V3, O1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from tests.models.facts import NOBODY

TABLES = (
    "household", "residence", "tier", "membership", "home", "assignment", "responsibility", "visit", "must_visit",
    "region", "region_rule", "succession",
)  # fmt: skip
MEMBERS = ("full", "probationary")


def days_of(start: date, until: date) -> list[date]:
    """The days of `[start, until)`."""
    return [start + timedelta(days=n) for n in range((until - start).days)]


def holds(row: Any, day: date) -> bool:
    """T2: the first day counts, the last does not."""
    return bool(row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"]))


class Day(NamedTuple):
    """What one household was on one day, looked at by itself."""

    status: str | None  # of its residence row; None = not registered (C9)
    party: bool  # L4
    primary: bool  # has an active primary (L6)
    key: bool  # has a row of the key tier

    @property
    def ours(self) -> bool:
        return self.status in ("resident", "away")


class Days:
    """All facts. It reads only the dates that people enter, never a column that the database derives from them."""

    def __init__(self, facts: dict[str, list[Any]]) -> None:
        def by(table: str, owner: str) -> dict[UUID, list[Any]]:
            found = defaultdict(list)
            for row in facts[table]:
                found[row[owner]].append(row)
            return found

        self.households: list[UUID] = [row["id"] for row in facts["household"]]
        self.residences, self.homes = by("residence", "household_id"), by("home", "household_id")
        self.links, self.links_of = by("assignment", "household_id"), by("assignment", "person_id")
        self.services, self.visits = by("membership", "person_id"), by("visit", "household_id")
        self.tiers, self.must_visits = by("tier", "household_id"), by("must_visit", "household_id")
        self.answers_for, self.successions = by("responsibility", "region_id"), by("succession", "household_id")
        self.rules: list[Any] = facts["region_rule"]
        self.regions = {row["id"]: row for row in facts["region"]}
        self._seen: dict[tuple[UUID, date], Day] = {}
        self._contacts: dict[UUID, dict[date, set[str]]] = {}

    def on(self, household: UUID, day: date) -> Day:
        """One household on one day."""
        known = self._seen.get((household, day))
        if known is None:
            row = self.registered(household, day)
            primary = any(
                link["role"] == "primary" and holds(link, day) and self.in_service(link["person_id"], day)
                for link in self.links[household]
            )
            key = any(holds(row, day) for row in self.tiers[household])
            known = self._seen[household, day] = Day(row and row["status"], self.party(household, day), primary, key)
        return known

    def in_service(self, person: UUID, day: date, kinds: Sequence[str] | None = None) -> bool:
        return any(holds(row, day) and (kinds is None or row["kind"] in kinds) for row in self.services[person])

    def registered(self, household: UUID, day: date) -> Any:
        """The residence row of a day, or None: not ours (C9)."""
        return next((row for row in self.residences[household] if holds(row, day)), None)

    def lives_there(self, person: UUID, household: UUID, day: date) -> bool:
        return any(row["person_id"] == person and holds(row, day) for row in self.homes[household])

    def party(self, household: UUID, day: date) -> bool:
        """L4: somebody living there is a member in service with an active link to any household, in any role."""
        return any(
            holds(home, day) and self.in_service(home["person_id"], day, MEMBERS)
            and any(holds(link, day) for link in self.links_of[home["person_id"]])
            for home in self.homes[household]
        )  # fmt: skip

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

    def township(self, grid: UUID) -> UUID | None:
        """The township above a micro-grid."""
        region = self.regions.get(grid)
        while region is not None and region["level"] != "township":
            region = self.regions.get(region["parent_id"])
        return region and region["id"]

    def rule(self, name: str, township: UUID | None, day: date) -> int:
        """O1: a row of the township on the day wins over the general row."""
        rows = [row for row in self.rules if row["name"] == name and holds(row, day)]
        own = [row["number"] for row in rows if row["region_id"] == township and township is not None]
        general = [row["number"] for row in rows if row["region_id"] is None]
        return int((own or general)[0])

    def contacts(self, household: UUID) -> dict[date, set[str]]:
        """The modes of the contacts (V3) that count (C5), by day."""
        if household not in self._contacts:
            found: dict[date, set[str]] = defaultdict(set)
            for visit in self.visits[household]:
                day = visit["occurred_on"]
                who = (visit["visitor_id"], *visit["companion_ids"])
                valid = visit["voided_at"] is None and visit["outcome"] == "met"
                if valid and any(not self.lives_there(one, household, day) for one in who):
                    found[day].add(visit["mode"])
            self._contacts[household] = dict(found)
        return self._contacts[household]

    def attempts(self, household: UUID, outcome: str, modes: Sequence[str] | None = None) -> set[date]:
        """The days with a visit of this outcome that is not voided."""
        return {
            visit["occurred_on"]
            for visit in self.visits[household]
            if visit["voided_at"] is None and visit["outcome"] == outcome and (modes is None or visit["mode"] in modes)
        }

    def contacts_after_two_attempts(self, household: UUID) -> set[date]:
        """O2: contacts before which, on two days among the day and the 30 before it, nobody was found at home."""
        nobody = self.attempts(household, "not_home", ("in_person",))
        return {
            day
            for day in self.contacts(household)
            if len([x for x in nobody if day - timedelta(days=30) <= x <= day]) >= 2
        }
