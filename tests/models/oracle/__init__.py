"""The figures worked out day by day in plain Python from the words of docs/rules.md, not from the SQL.

`days` asks the facts about one household and one day, `obligations` follows what is due; here households answer for
those merged into them (C25) and their days become the rows, sums and stock of a period.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from tests.models.facts import COLUMNS, MONTHLY, Period
from tests.models.oracle.days import TABLES, Days, days_of
from tests.models.oracle.obligations import Course, Obligation

__all__ = ["Oracle", "Row", "Sums", "days_of", "summed"]
Sums = dict[tuple[UUID, UUID], tuple[int, ...]]


class Row(NamedTuple):
    """A household in a period: where it belongs, its figures in the order of COLUMNS, and the dates left open."""

    grid: UUID
    branch: UUID
    figures: tuple[int, ...]
    unmet: tuple[date, ...] = ()
    must_unmet: tuple[date, ...] = ()


class Oracle:
    """All facts of a database, asked by period."""

    def __init__(self, facts: dict[str, list[Any]]) -> None:
        self.days = Days(facts)
        self._families: dict[date, dict[UUID, list[UUID]]] = {}
        self._regular: dict[tuple[tuple[UUID, ...], UUID | None, date], list[Obligation]] = {}

    @classmethod
    async def read(cls, connection: Any) -> Oracle:
        """Take all facts in one snapshot of the caller's."""
        return cls({table: await connection.fetch(f"SELECT * FROM {table}") for table in TABLES})

    # Merged households (C25) --------------------------------------------------------------------------------------
    def answers(self, household: UUID, until: date) -> UUID:
        """Who answers for a household in a period that ends before `until`: itself, or whom it was merged into."""
        rows = [row for row in self.days.successions[household] if row["annulled_at"] is None and row["on_day"] < until]
        if not rows:
            return household
        return self.answers(max(rows, key=lambda row: (row["on_day"], row["successor_id"]))["successor_id"], until)

    def families(self, until: date) -> dict[UUID, list[UUID]]:
        """For each household that answers: itself, then those it answers for."""
        if until not in self._families:
            found: dict[UUID, list[UUID]] = defaultdict(list)
            for household in sorted(self.days.households):
                found[self.answers(household, until)].append(household)
            self._families[until] = {
                one: [one, *(other for other in all_ if other != one)] for one, all_ in found.items()
            }
        return self._families[until]

    # Of a family on a day -----------------------------------------------------------------------------------------
    def ours(self, family: list[UUID], day: date) -> bool:
        return any(self.days.on(one, day).ours for one in family)

    def inside(self, family: list[UUID], day: date) -> bool:
        """C2: no linked member lives in any of them."""
        return self.ours(family, day) and not any(self.days.on(one, day).party for one in family)

    def covered(self, family: list[UUID], day: date) -> bool:
        """C8."""
        return self.inside(family, day) and any(self.days.on(one, day).primary for one in family)

    def at_home(self, family: list[UUID], day: date) -> bool:
        """Resident if one of them was."""
        return any(self.days.on(one, day).status == "resident" for one in family)

    def key(self, family: list[UUID], day: date) -> bool:
        return any(self.days.on(one, day).key for one in family)

    def required(self, family: list[UUID], day: date) -> str | None:
        """O2."""
        if not self.inside(family, day):
            return None
        if not self.at_home(family, day):
            return "away"
        return "key" if self.key(family, day) else "ordinary"

    def places(self, family: list[UUID], days: list[date]) -> tuple[UUID, UUID]:
        """C7, C25: each counts its own days; of equals where one of them was later, then the place of the first."""
        found: dict[tuple[UUID, UUID], list[date]] = defaultdict(list)
        for one in family:
            for day in days:
                if self.days.on(one, day).ours:
                    found[self.days.place(one, day)].append(day)
        return max(found, key=lambda place: (len(found[place]), max(found[place])))  # the first of equals

    def township(self, family: list[UUID], until: date) -> UUID | None:
        """O1: where it was last registered before the end."""
        last: tuple[date, UUID] | None = None
        for one in family:
            for row in self.days.residences[one]:
                counts = row["valid_from"] < until and row["valid_from"] != row["valid_to"]
                if counts and (last is None or row["valid_from"] > last[0]):
                    last = row["valid_from"], row["micro_grid_id"]
        return last and self.days.township(last[1])

    # Of a family in a period --------------------------------------------------------------------------------------
    def course(self, family: list[UUID], until: date) -> Course:
        """All that obligations follow from."""
        contacts: dict[date, set[str]] = defaultdict(set)
        for one in family:
            for day, modes in self.days.contacts(one).items():
                contacts[day] |= modes
        declined = set().union(*(self.days.attempts(one, "declined") for one in family))
        starts = [row["valid_from"] for one in family for row in self.days.residences[one]]
        township = self.township(family, until)
        required: dict[date, str | None] = {}

        def required_on(day: date) -> str | None:
            if day not in required:
                required[day] = self.required(family, day)
            return required[day]

        primaries = sorted(
            (link["valid_from"], link["seq"], link["person_id"])
            for one in family
            for link in self.days.links[one]
            if link["role"] == "primary" and link["valid_from"] != link["valid_to"]
        )
        return Course(
            first=min(starts, default=until),
            required=required_on,
            called_away={
                day for one in family for day in self.days.contacts(one) if self.days.on(one, day).status == "away"
            },
            interval=lambda kind, day: self.days.rule(f"interval_{kind}", township, day),
            contacts=dict(contacts),
            declined=declined - contacts.keys(),
            tried_twice=set().union(*(self.days.contacts_after_two_attempts(one) for one in family)),
            primaries=[(start, person) for start, _, person in primaries],
        )

    def obligations(self, household: UUID, period: Period) -> list[Obligation]:
        """The regular obligations of a household with their due date in a month, also those that do not count."""
        family = self.families(period.until).get(household)
        if family is None:
            return []
        last = period.until - timedelta(days=1)
        known = tuple(family), self.township(family, period.until), date(last.year + 1, 1, 1)
        if known not in self._regular:
            self._regular[known] = self.course(family, period.until).regular(known[2])
        return [one for one in self._regular[known] if period.start <= one.due_on < period.until]

    def row(self, family: list[UUID], period: Period) -> Row | None:
        """The family as one household in a period; None = not ours on any day (C3, C7)."""
        length = days_of(period.start, period.until)
        ours = [day for day in length if self.ours(family, day)]
        if not ours:
            return None
        inside = [day for day in ours if self.inside(family, day)]
        last = length[-1]
        still_registered = any(self.days.on(one, last).status is not None for one in family)

        def is_due(exposure: int) -> bool:
            enough = 2 * exposure >= len(length) and still_registered
            return enough or 2 * exposure > len(length)

        due = is_due(len(inside))
        party = not due and is_due(len(ours))
        resident = due and 2 * len([day for day in inside if self.at_home(family, day)]) >= len(inside)
        key = resident and any(self.key(family, day) for day in inside)
        modes: set[str] = set()
        declined, not_home = False, False
        for one in family:
            modes |= set().union(*(found for day, found in self.days.contacts(one).items() if day in length))
            declined |= not self.days.attempts(one, "declined").isdisjoint(length)
            not_home |= not self.days.attempts(one, "not_home").isdisjoint(length)
        values = {
            "households": due,
            "party": party,
            "not_yet": not due and not party and self.ours(family, last),
            "exposed": due * len(inside),
            "covered": due * sum(self.covered(family, day) for day in inside),
            "contacted": due and bool(modes),
            "resident": resident,
            "visited": resident and "in_person" in modes,
            "declined": due and not modes and declined,
            "unreached": due and not modes and not declined and not_home,
        }
        unmet: list[date] = []
        must_unmet: list[date] = []
        if period.kind == "month":
            regular = self.obligations(family[0], period)
            counted = [one for one in regular if one.counts]
            unmet = [one.due_on for one in counted if one.met_on is None]
            waived = [one for one in regular if one.cancelled == {"declined"}]
            course = self.course(family, period.until)
            asked = [
                (row["due_on"], *course.must(row["since"], row["due_on"]))
                for one in family
                for row in self.days.must_visits[one]
                if row["withdrawn_at"] is None and period.start <= row["due_on"] < period.until
            ]
            must_unmet = [due_on for due_on, met_on, refused in asked if met_on is None and not refused]
            values |= {
                "key": key,
                "key_visited": key and "in_person" in modes,
                "due": len(counted),
                "on_time": len(counted) - len(unmet),
                "waived": len(waived),
                "must_due": sum(not refused for _, _, refused in asked),
                "must_met": sum(met_on is not None for _, met_on, _ in asked),
                "must_declined": sum(refused for _, _, refused in asked),
            }
        grid, branch = self.places(family, length)
        figures = tuple(int(values.get(column, 0)) for column in COLUMNS)
        return Row(grid, branch, figures, tuple(sorted(unmet)), tuple(sorted(must_unmet)))

    def rows(self, period: Period) -> dict[UUID, Row]:
        """All households that have a row in a period."""
        found = {one: self.row(family, period) for one, family in self.families(period.until).items()}
        return {household: row for household, row in found.items() if row is not None}

    def stock(self, day: date) -> dict[UUID, tuple[UUID, UUID, bool]]:
        """C12: the households of H(d), where they belong, and whether they are covered."""
        tomorrow = day + timedelta(days=1)
        return {
            one: (*self.places(family, [day]), self.covered(family, day))
            for one, family in self.families(tomorrow).items()
            if self.inside(family, day)
        }

    def read_out(self, period: Period, months: Iterable[Period]) -> Sums:
        """What a reader is told of a period: what is monthly is added up from the months inside it (C18 to C20)."""
        found = summed(self.rows(period).values())
        for month in months if period.kind != "month" else ():
            if period.start <= month.start and month.until <= period.until:
                for place, values in summed(self.rows(month).values()).items():
                    before = found.get(place, (0,) * len(COLUMNS))
                    found[place] = tuple(
                        b + v * (c in MONTHLY) for b, v, c in zip(before, values, COLUMNS, strict=True)
                    )
        return {place: values for place, values in found.items() if any(values)}


def summed(rows: Iterable[Row]) -> Sums:
    """Rows added up by micro-grid and branch, without those that are zero throughout."""
    sums: Sums = {}
    for row in rows:
        before = sums.get((row.grid, row.branch), (0,) * len(COLUMNS))
        sums[row.grid, row.branch] = tuple(a + b for a, b in zip(before, row.figures, strict=True))
    return {place: values for place, values in sums.items() if any(values)}
