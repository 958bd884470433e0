"""The accounts: members on their phones, a secretary for every branch, staff at the console, and who enters what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

from backend.demo.links import Link
from backend.demo.people import People, Person
from backend.demo.places import Places
from backend.demo.seed import at, day_between, new_id
from backend.permissions import Role
from backend.rules.assignments import AssignmentRole

DEMO_MEMBERS, DEMO_BOUND = 12, 6
#: Members who write on paper, so that the secretary enters their visits; and how often others leave it to him.
ON_PAPER, LEFT_TO_SECRETARY = 0.125, 0.03


@dataclass(slots=True)
class Grant:
    id: UUID
    account: Account
    role: Role
    region_id: UUID | None = None
    branch_id: UUID | None = None


@dataclass(slots=True)
class Account:
    """An account; with a `login` also one for the console."""

    id: UUID
    person: Person | None
    created_at: datetime
    login: str | None = None
    role: Role | None = None
    place_id: UUID | None = None
    place_name: str = ""
    disabled_at: datetime | None = None


@dataclass(slots=True)
class Identity:
    id: UUID
    openid: str
    account: Account
    bound_at: datetime


@dataclass(slots=True)
class DemoMember:
    """A member for whoever tries the demo: bound already, or with an invitation."""

    openid: str
    person: Person
    bound: bool
    invitation_id: UUID


@dataclass(slots=True)
class Accounts:
    everyone: list[Account] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    demo_members: list[DemoMember] = field(default_factory=list)
    #: The account of a person, and the secretary's account of a branch.
    of_person: dict[int, Account] = field(default_factory=dict)
    of_branch: dict[UUID, Account] = field(default_factory=dict)

    @property
    def console(self) -> list[Account]:
        """Accounts with a password, the secretary of the first village first."""
        return [one for one in self.everyone if one.login]

    def enters(self, rng: Random, visitor: Person) -> tuple[UUID, bool]:
        """Who enters a visit: (account id, whether on behalf of the visitor)."""
        own, secretary = self.of_person.get(visitor.index), self.of_branch[visitor.branch.id]
        if own is None or (own is not secretary and rng.random() < LEFT_TO_SECRETARY):
            return secretary.id, True
        return own.id, False


def make_accounts(places: Places, people: People, links: list[Link], until: date) -> Accounts:
    """Accounts of all who write visits down; in the first township the twelve members and eight console accounts to try."""
    rng = places.stream("accounts")
    found = Accounts()
    ever = {link.person.index for link in links if link.role is AssignmentRole.PRIMARY}
    linked = [one for one in people.members if one.index in ever]
    secretaries = _secretaries(rng, places, linked)
    taken = {person.index for person in secretaries.values()}
    first = places.villages[0]
    cells = {cell.index for cell in first.cells}
    now = {link.person.index for link in links if link.valid_to is None}
    to_try = [
        one for one in linked if one.cell in cells and one.is_stable and not one.town and one.index not in taken
        and one.index in now
    ][: 0 if places.number else DEMO_MEMBERS]  # fmt: skip
    openids = {one.index: f"demo-member-{n + 1:02}" for n, one in enumerate(to_try)}
    bound = {one.index for one in to_try[:DEMO_BOUND]}
    for one in (*linked, *people.grid_workers):
        on_paper = rng.random() < ON_PAPER and one.index not in taken
        if one.index not in bound if one.index in openids else on_paper:
            continue
        created = at(day_between(rng, one.joined, max(one.joined, places.first_year[0] - timedelta(days=1))), 6)
        account = Account(new_id(rng), one, created, disabled_at=at(one.left) if one.left else None)
        found.everyone.append(account)
        found.of_person[one.index] = account
        openid = openids.get(one.index) or f"demo-phone-{places.number}-{one.index:04}"
        found.identities.append(Identity(new_id(rng), openid, account, created))
    for branch_id, person in secretaries.items():
        account = found.of_branch[branch_id] = found.of_person[person.index]
        found.grants.append(Grant(new_id(rng), account, Role.BRANCH_SECRETARY, branch_id=branch_id))
    found.demo_members = [DemoMember(openids[one.index], one, one.index in bound, new_id(rng)) for one in to_try]
    if not places.number:
        _console(rng, found, places, people, until)
    return found


def _secretaries(rng: Random, places: Places, linked: list[Person]) -> dict[UUID, Person]:
    """A member of each branch is its secretary; that of a 党总支 is the secretary of its first branch."""
    found: dict[UUID, Person] = {}
    for branch in (*(cell.branch for cell in places.cells), *places.town_branches):
        found[branch.id] = rng.choice([one for one in linked if one.branch is branch and one.is_stable])
    for village in places.villages:
        found.setdefault(village.head.id, found[village.cells[0].branch.id])
    return found


def _console(rng: Random, found: Accounts, places: Places, people: People, until: date) -> None:
    """Passwords are made when loading; here is who has one, and for which place."""
    created = at(until - timedelta(days=300), 9)
    for n, village in enumerate(places.villages[:3]):
        account = found.of_branch[village.head.id]
        account.login, account.role = f"secretary{n + 1}", Role.BRANCH_SECRETARY
        account.place_id, account.place_name = village.head.id, village.head.name
    # The first village's secretary stands first in the list of accounts to try.
    found.everyone.sort(key=lambda one: one.login or "~")
    cadre, regions = people.cadres[0]
    staff = (
        ("cadre", Role.AREA_CADRE, regions, cadre),
        ("office", Role.ORGANIZATION_OFFICE, [places.township], None),
        ("committee", Role.TOWNSHIP_COMMITTEE, [places.township], None),
        ("department", Role.DEPARTMENT, [places.township], None),
        ("admin", Role.ADMINISTRATOR, [places.county], None),
    )
    for login, role, at_places, person in staff:
        account = Account(new_id(rng), person, created, login, role, at_places[0].id)
        account.place_name = "、".join(region.name for region in at_places)
        found.everyone.append(account)
        found.grants += [Grant(new_id(rng), account, role, region_id=region.id) for region in at_places]
