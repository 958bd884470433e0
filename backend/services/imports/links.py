"""Links and homes on their way in: who is linked to which household, and who lives where."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from backend.permissions import Verb
from backend.rules.assignments import AssignmentRole, AssignmentSource, EndReason
from backend.rules.audit import Action
from backend.rules.regions import RuleName
from backend.rules.texts import written
from backend.services import audit
from backend.services.imports.ground import Grids, Households, Known, People, Somebody
from backend.services.imports.roster import Roster, Wrong
from backend.services.runs import Progress
from backend.sheets.columns import Row
from models import assignments, imports, people, regions
from models.database import Record


@dataclass(slots=True)
class Spell:
    """Days `[start, end)` of something, as they stand or as this sheet will have them."""

    id: UUID | None
    start: date
    end: date | None
    other: UUID
    role: str = ""
    row: int | None = None

    def holds(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)

    def is_after(self, day: date) -> bool:
        return self.start > day


class LinksRoster(Roster):
    """The roster of links. Another primary than the one who stands is a hand-over from that day on."""

    kind, verb = "links", Verb.ASSIGNMENT_CREATE

    async def load(self) -> None:
        self.grids = await Grids.of(self.viewer, self.verb)
        self.there = await Households.of(self.grids, self.today, lock=self.lock)
        self.people = await People.of(self.viewer, self.verb)
        ids = [known.id for known in self.there.all]
        self.links: dict[UUID, list[Spell]] = defaultdict(list)
        for row in await imports.spans("assignment", "household_id", ids, ", person_id AS other, role"):
            self.links[row["owner"]].append(
                Spell(row["id"], row["valid_from"], row["valid_to"], row["other"], row["role"])
            )
        everybody = [one.id for same in self.people.by_name.values() for one in same]
        if self.lock:  # or somebody else could see room for one more household at the same time
            await people.lock_many(everybody)
        self.services = _by_owner(await imports.spans("membership", "person_id", everybody))
        self.exemptions = _by_owner(await imports.spans("exemption", "person_id", everybody))
        self.homes = _by_owner(await imports.spans("home", "person_id", everybody, ", household_id AS other"))
        self.loads: Counter[UUID] = Counter(await assignments.loads_from(everybody, self.today))
        self.limits: dict[UUID, int] = {}
        for township in {grid.township_id for grid in self.grids.by_id.values() if grid.township_id}:
            numbers = {row["name"]: row["number"] for row in await regions.rules_on(township, self.today)}
            self.limits[township] = numbers[RuleName.LOAD_HARD_MAX]
        self.ends: list[tuple[UUID, date, str]] = []
        self.new: list[tuple[UUID, UUID, UUID, str, str, date, date | None]] = []
        self.taken: list[tuple[Row, Somebody, Known]] = []
        self.handed: set[int] = set()

    def decide(self, row: Row) -> str:
        values = row.values
        known = self.there.get(values, self.grids)
        person = self.people.get(values["member"], "member", values, "member_phone")
        role, since = values.get("role", AssignmentRole.PRIMARY), values.get("since", self.today)
        mine = [link for link in self.links[known.id] if link.other == person.id and link.role == role]
        # Without a day the row says who is linked, and that is so already; with a later one it would say it again.
        if any(link.holds(max(since, self.today)) or link.holds(since) for link in mine):
            return "same"
        self._fits(known, person, since)
        if role == AssignmentRole.BACKUP:
            self._second(known, person, since)
        else:
            self._first(row, known, person, since)
        source = values.get("source", AssignmentSource.APPOINTED)
        self.new.append((uuid4(), known.id, person.id, role, source, since, known.record["closed_on"]))
        self.links[known.id].append(Spell(None, since, None, person.id, role, row.number))
        return "changed" if row.number in self.handed else "new"

    def _fits(self, known: Known, person: Somebody, since: date) -> None:
        """The person may be linked to this household on the day. Raises Wrong."""
        if since < known.record["opened_on"]:
            raise Wrong("since", f"这一户从{written(known.record['opened_on'])}起登记，起始日期不能更早。", "cell.date")
        if not any(service.holds(since) for service in self.services[person.id]):
            raise Wrong("member", f"{person.name}那一天不在支部，请换人或换日期。", "person.service")
        if any(one.holds(since) for one in self.exemptions[person.id]):
            raise Wrong("member", f"{person.name}免联，不安排联系户，请换一名党员。", "person.exempt")
        if any(home.holds(since) and home.other == known.id for home in self.homes[person.id]):
            raise Wrong("member", f"这是{person.name}自己家，请安排别的党员联系。", "person.home")

    def _second(self, known: Known, person: Somebody, since: date) -> None:
        if any(
            link.other == person.id and (link.holds(since) or link.is_after(since)) for link in self.links[known.id]
        ):
            raise Wrong("member", f"{person.name}已经联系着这一户，不能再当副联。", "link.already")

    def _first(self, row: Row, known: Known, person: Somebody, since: date) -> None:
        """Make room for a primary from a day on: whoever stands hands over, whoever comes later is in the way."""
        links = self.links[known.id]
        for link in links:
            if link.role != AssignmentRole.PRIMARY:
                continue
            if link.row is not None:
                raise Wrong("member", f"第 {link.row} 行已给这一户写了主联党员，一户只有一名。", "row.duplicate")
            if link.is_after(since) or (link.holds(since) and link.start == since):
                raise Wrong(
                    "since", f"从{written(link.start)}起已有主联党员，换人的起始日期要在那天以后。", "link.later"
                )
        standing = [link for link in links if link.holds(since) and (
            link.role == AssignmentRole.PRIMARY or link.other == person.id
        )]  # fmt: skip
        for link in standing:
            assert link.id is not None
            self.ends.append((link.id, since, EndReason.HANDED_OVER))
            link.end = since
            if link.role == AssignmentRole.PRIMARY:
                self.loads[link.other] -= 1
                self.handed.add(row.number)
        self.loads[person.id] += 1
        self.taken.append((row, person, known))

    def settle(self) -> None:
        """Nobody has more households than the township allows, all rows together."""
        over: Counter[UUID] = Counter()
        for row, person, known in reversed(self.taken):
            limit = self.limits.get(known.grid.township_id) if known.grid.township_id else None
            if limit is not None and self.loads[person.id] - over[person.id] > limit:
                over[person.id] += 1
                self.fault(
                    row,
                    "member",
                    f"{person.name}将联系 {self.loads[person.id]} 户，最多 {limit} 户，请换人。",
                    "person.load",
                )
        self.faults.sort(key=lambda fault: fault.row)

    async def write(self, progress: Progress) -> None:
        await progress.begin("writing", len(self.ends) + len(self.new))
        await imports.update_many(
            "UPDATE assignment SET valid_to = $2, end_reason = $3, ended_at = now() WHERE id = $1", self.ends
        )
        await audit.record_many(self.viewer, Action.ASSIGNMENT_END, [(link, [reason]) for link, _, reason in self.ends])
        await progress.advance(len(self.ends))
        columns = ("id", "household_id", "person_id", "role", "source", "valid_from", "valid_to")
        await imports.copy("assignment", columns, self.new)
        await progress.advance(len(self.new))


def _by_owner(rows: list[Record]) -> dict[UUID, list[Spell]]:
    found: dict[UUID, list[Spell]] = defaultdict(list)
    for row in rows:
        other = row["other"] if "other" in row else row["owner"]
        found[row["owner"]].append(Spell(row["id"], row["valid_from"], row["valid_to"], other))
    return found


class HomesRoster(Roster):
    """Where party members live themselves."""

    kind, verb = "homes", Verb.HOUSEHOLD_EDIT

    async def load(self) -> None:
        self.grids = await Grids.of(self.viewer, self.verb)
        self.there = await Households.of(self.grids, self.today, lock=self.lock)
        self.people = await People.of(self.viewer, Verb.PERSON_EDIT)
        everybody = [one.id for same in self.people.by_name.values() for one in same]
        self.homes = _by_owner(await imports.spans("home", "person_id", everybody, ", household_id AS other"))
        self.ends: list[tuple[UUID, date]] = []
        self.new: list[tuple[UUID, UUID, UUID, date]] = []

    def decide(self, row: Row) -> str:
        values: dict[str, Any] = row.values
        known = self.there.get(values, self.grids)
        person = self.people.get(values["name"], "name", values, "member_phone")
        if person.row is not None:
            raise Wrong("name", f"第 {person.row} 行已经写了{person.name}住在哪一户。", "row.duplicate")
        person.row = row.number
        since = values.get("since", self.today)
        if since < known.record["opened_on"]:
            since = known.record["opened_on"]
        now = next((home for home in self.homes[person.id] if home.holds(max(since, self.today))), None)
        if now is not None and now.other == known.id:
            return "same"
        if any(home.is_after(since) for home in self.homes[person.id]):
            raise Wrong("since", f"{person.name}在那天以后另有登记，请选更晚的日期。", "home.later")
        before = next((home for home in self.homes[person.id] if home.holds(since)), None)
        if before is not None:
            assert before.id is not None
            self.ends.append((before.id, since))
        self.new.append((uuid4(), person.id, known.id, since))
        return "changed" if before else "new"

    async def write(self, progress: Progress) -> None:
        await progress.begin("writing", len(self.ends) + len(self.new))
        await imports.update_many("UPDATE home SET valid_to = greatest(valid_from, $2) WHERE id = $1", self.ends)
        await imports.copy("home", ("id", "person_id", "household_id", "valid_from"), self.new)
        await progress.advance(len(self.ends) + len(self.new))
