"""Many links at once: a proposal becomes links, a village's links hang out, a branch confirms its links."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from backend import problems
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules.assignments import AssignmentRole, EndReason
from backend.rules.audit import Action
from backend.rules.regions import RuleName
from backend.services import audit
from models import assignments, households, people, scope
from models.database import Record


async def link_many(
    viewer: Viewer, wanted: Mapping[UUID, UUID], start: date, source: str, *, hand_over: bool
) -> dict[UUID, str]:
    """Make people primary of households (household -> person) from a day on, all of them or none.

    Returns what stands in the way, a sentence by household; then nothing was written. Who is primary already stays;
    with `hand_over` somebody else hands over on that day. The households must lie in the viewer's place.
    """
    linking = _Linking(start, hand_over)
    await linking.load(viewer, wanted)
    for household_id, person_id in wanted.items():
        linking.decide(household_id, person_id)
    await linking.check_loads()
    if linking.new and not linking.wrong:
        await assignments.end_many(linking.ends, start, EndReason.HANDED_OVER)
        await assignments.insert_primaries(linking.new, start, source)
        ended = [(link, [str(EndReason.HANDED_OVER)]) for link in linking.ends]
        await audit.record_many(viewer, Action.ASSIGNMENT_END, ended)
    return linking.wrong


class _Linking:
    """What there is, what will be, and what stands in the way."""

    def __init__(self, start: date, hand_over: bool) -> None:
        self.start, self.hand_over = start, hand_over
        self.wrong: dict[UUID, str] = {}
        self.ends: list[UUID] = []
        self.new: list[tuple[UUID, UUID, date | None]] = []

    async def load(self, viewer: Viewer, wanted: Mapping[UUID, UUID]) -> None:
        """Lock all that is concerned, households before people, and read it."""
        self.households = {row["id"]: row for row in await households.lock_many(sorted(wanted))}
        people_ids = sorted(set(wanted.values()))
        await people.lock_many(people_ids)
        branches = await scope.branch_ids(viewer.places(Verb.ASSIGNMENT_CREATE), viewer.today)
        self.fit = await people.fit_on(people_ids, branches, self.start)
        self.links: dict[UUID, list[Record]] = {}
        for row in await assignments.links_from(list(wanted), self.start):
            self.links.setdefault(row["household_id"], []).append(row)
        self.loads = await assignments.loads_from(people_ids, self.start)

    def decide(self, household_id: UUID, person_id: UUID) -> None:
        """What becomes of one household; what stands in the way is written down."""
        try:
            ended = self._way_is_clear(self.households[household_id], person_id)
        except problems.Problem as problem:
            self.wrong[household_id] = problem.sentence
            return
        if ended is None:
            return
        for link in ended:
            self.ends.append(link["id"])
            if link["role"] == AssignmentRole.PRIMARY and link["person_id"] in self.loads:
                self.loads[link["person_id"]] -= 1
        self.loads[person_id] = self.loads.get(person_id, 0) + 1
        self.new.append((household_id, person_id, self.households[household_id]["closed_on"]))

    def _way_is_clear(self, household: Record, person_id: UUID) -> list[Record] | None:
        """The links that end so that a person can be primary; None when they are already. Raises a problem."""
        if self.start < household["opened_on"]:
            raise problems.BeforeOpening(opened_on=household["opened_on"])
        if household["closed_on"] and self.start >= household["closed_on"]:
            raise problems.HouseholdClosed()
        links = self.links.get(household["id"], [])
        primaries = [link for link in links if link["role"] == AssignmentRole.PRIMARY]
        standing = next((link for link in primaries if link["valid_from"] <= self.start), None)
        if standing is not None and standing["person_id"] == person_id:
            return None
        if person_id not in self.fit:
            raise problems.PersonUnfit()
        later = next((link for link in primaries if link["valid_from"] >= self.start), None)
        if later is not None:
            raise problems.LinkedMeanwhile(since=later["valid_from"])
        if standing is not None and not self.hand_over:
            raise problems.LinkedMeanwhile(since=standing["valid_from"])
        own = [link for link in links if link["role"] == AssignmentRole.BACKUP and link["person_id"] == person_id]
        return [*([standing] if standing else []), *own]

    async def check_loads(self) -> None:
        """Nobody has more households than the township allows, all of them together."""
        if not self.new:
            return
        concerned = [household_id for household_id, _, _ in self.new]
        limits = await households.rule_numbers(concerned, RuleName.LOAD_HARD_MAX, self.start)
        for household_id, person_id, _ in self.new:
            limit = limits[household_id]
            if self.loads[person_id] > limit:
                self.wrong[household_id] = problems.LoadTooHigh(count=self.loads[person_id] - 1, limit=limit).sentence


async def publish(viewer: Viewer, region_id: UUID, on: date) -> int:
    """Write down that the links of a place hang out for everybody to see from a day on; returns how many are new."""
    grids = await scope.area_grids(viewer.places(Verb.ASSIGNMENT_PUBLISH), region_id, viewer.today)
    if grids is None:
        raise problems.RegionNotFound()
    count = await assignments.publish(await assignments.households_in(grids, on), on)
    await audit.record(viewer, Action.ASSIGNMENT_PUBLISH, region_id)
    return count


async def confirm(viewer: Viewer, branch_id: UUID, on: date) -> int:
    """The annual re-confirmation: all links that people of a branch hold on a day go on (docs/rules.md L8)."""
    if branch_id not in await scope.branch_ids(viewer.places(Verb.ASSIGNMENT_CONFIRM), viewer.today):
        raise problems.BranchNotFound()
    if on > viewer.today:
        raise problems.ConfirmedAhead()
    count = await assignments.confirm([branch_id], on)
    await audit.record(viewer, Action.ASSIGNMENT_CONFIRM, branch_id)
    return count
