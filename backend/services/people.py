"""People: the roster, and what happens in their service: exemption, transfer, leaving, return (docs/rules.md L9).

What a change does to a person's links follows from it in the same transaction (`backend/consequences.py`). The roster
is never in order of a figure: the order is that of ids (docs/rules.md P2).
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from backend import problems
from backend.crypto import vault
from backend.http import paging
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.rules import names
from backend.rules.audit import Action
from backend.rules.dated import Span, change_from
from backend.rules.households import masked
from backend.services import audit
from models import database, people, scope
from models.people import Exemption, Membership, Person


async def list_people(
    viewer: Viewer, branch_id: UUID | None, search: str | None, cursor: str | None, limit: int
) -> dict[str, Any]:
    """People in service of the branches in scope, with exemption class and number of households (`load`).

    `search` is a part of the name or the first letters of its pinyin; names are sealed, so all of the scope are opened
    and looked at.
    """
    branches = await _branches(viewer, Verb.PERSON_READ)
    if branch_id is not None:
        if branch_id not in branches:
            raise problems.BranchNotFound()
        branches = [branch_id]
    after = paging.after(cursor, UUID)
    rows = await people.list_people(branches, viewer.today, after[0] if after else None, None if search else limit + 1)
    shown = [_shown(row) for row in rows]
    if search:
        return {"items": [one for one in shown if names.matches(search, one["name"])][:limit], "next": None}
    return paging.page(shown, limit, lambda row: (row["id"],))


async def get_person(viewer: Viewer, person_id: UUID, verb: Verb = Verb.PERSON_READ) -> dict[str, Any]:
    """One person of one's branches, as they are today or, out of service, as they were last."""
    branches = await _branches(viewer, verb)
    row = await people.find_listed(person_id, branches, viewer.today)
    if row is None:
        raise problems.PersonNotFound()
    return _shown(row)


async def _branches(viewer: Viewer, verb: Verb) -> list[UUID]:
    return await scope.branch_ids(viewer.places(verb), viewer.today)


def _shown(row: database.Record) -> dict[str, Any]:
    return {**row, "name": vault().open(bytes(row["name_sealed"]), "person", "name", row["id"])}


def sealed(person_id: UUID, body: dict[str, Any]) -> dict[str, Any]:
    """The columns that hold these personal fields."""
    columns: dict[str, Any] = {}
    if "name" in body:
        columns["name_sealed"] = vault().seal(body["name"], "person", "name", person_id)
        columns["name_masked"] = masked(body["name"])
    if "phone" in body:
        phone = body["phone"]
        columns["phone_sealed"] = phone and vault().seal(phone, "person", "phone", person_id)
        columns["phone_index"], columns["phone_index_version"] = (
            vault().index("phone", phone) if phone else (None, None)
        )
    return columns


async def _check_phone(body: dict[str, Any], person_id: UUID) -> None:
    """A number belongs to one person: it is how a person is known on signing in and on import."""
    phone = body.get("phone")
    if phone and await people.phone_taken(vault().indexes("phone", phone), person_id):
        raise problems.PhoneTaken()


async def create_person(viewer: Viewer, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Take somebody into the roster of a branch of one's own; (person, whether they are new)."""
    person_id: UUID = body["client_id"]
    if body["branch_id"] not in await _branches(viewer, Verb.PERSON_EDIT):
        raise problems.BranchNotFound()
    before = await people.find_person(person_id)
    if before is not None:
        known = await get_person(viewer, person_id, Verb.PERSON_EDIT)
        if any(known[name] != body[name] for name in ("name", "kind", "branch_id")) or known["since"] != body["from_"]:
            raise problems.ClientIdReused()
        return known, False
    await _check_phone(body, person_id)
    await Person.create(id=person_id, abilities=body["abilities"], **sealed(person_id, body))
    await Membership.create(
        id=uuid4(), person_id=person_id, branch_id=body["branch_id"], kind=body["kind"], valid_from=body["from_"]
    )
    await audit.record(viewer, Action.PERSON_CREATE, person_id)
    return await _after(viewer, person_id), True


async def edit_person(viewer: Viewer, person_id: UUID, version: int, body: dict[str, Any]) -> dict[str, Any]:
    """Change what is written about a person, if nobody changed it since `version`."""
    await _lock(viewer, person_id)
    found = await people.find_person(person_id)
    assert found is not None
    if found["version"] != version:
        raise problems.Changed()
    await _check_phone(body, person_id)
    columns = sealed(person_id, body)
    if "abilities" in body:
        columns["abilities"] = body["abilities"]
    if columns:
        await Person.filter(id=person_id).update(version=version + 1, **columns)
        await audit.record(viewer, Action.PERSON_EDIT, person_id, sorted(body))
    return await _after(viewer, person_id)


async def _lock(viewer: Viewer, person_id: UUID) -> None:
    """The person, locked with the households of their links, if their last service is in one of the viewer's branches."""
    branch = await people.last_branch(person_id)
    if branch is None or branch not in await _branches(viewer, Verb.PERSON_EDIT):
        raise problems.PersonNotFound()
    await people.lock_with_households(person_id)


async def _after(viewer: Viewer, person_id: UUID) -> dict[str, Any]:
    """The person as they are after a change: in service, or with their last or coming service."""
    row = await people.find_listed(person_id, await _branches(viewer, Verb.PERSON_EDIT), viewer.today)
    if row is not None:
        return _shown(row)
    found, service = await people.find_person(person_id), (await people.memberships_of(person_id))[-1]
    assert found is not None
    return {
        **_shown(found),
        "has_phone": found["phone_sealed"] is not None,
        "branch_id": service["branch_id"],
        "kind": service["kind"],
        "since": service["valid_from"],
        "until": service["valid_to"],
        "next_branch_id": None,
        "exemption": None,
        "exempt_from": None,
        "exempt_to": None,
        "keeps_links": False,
        "load": 0,
        "backed": 0,
        "account_id": None,
    }


async def exempt(viewer: Viewer, person_id: UUID, body: dict[str, Any]) -> dict[str, Any]:
    """From a day on (or until one) the person need not be linked; the links end unless the person wants to keep them."""
    await _lock(viewer, person_id)
    on, until = body["from_"], body["to"]
    if until is not None and until <= on:
        raise problems.Invalid(errors={"to": ["应晚于开始的日期"]})
    if await people.find_in_service(person_id, on) is None:
        raise problems.PersonNotInService()
    for row in await people.exemptions_of(person_id):
        if (row["valid_to"] is None or row["valid_to"] > on) and (until is None or row["valid_from"] < until):
            raise problems.ExemptAlready(on=row["valid_from"])
    await Exemption.create(
        id=uuid4(),
        person_id=person_id,
        reason=body["reason"],
        keeps_links=body["keeps_links"],
        valid_from=on,
        valid_to=until,
    )
    await audit.record(viewer, Action.PERSON_EXEMPT, person_id, [body["reason"]], on=on)
    return await _after(viewer, person_id)


async def end_exemption(viewer: Viewer, person_id: UUID, on: date) -> dict[str, Any]:
    """From a day on the person is in full duty again; what was handed over meanwhile stays where it is."""
    await _lock(viewer, person_id)
    held = [row for row in await people.exemptions_of(person_id) if row["valid_to"] is None or row["valid_to"] > on]
    if not held:
        raise problems.NotExempt()
    for row in held:
        await people.close_exemption(row["id"], on)
    await audit.record(viewer, Action.PERSON_RETURN, person_id)
    return await _after(viewer, person_id)


async def transfer(viewer: Viewer, person_id: UUID, body: dict[str, Any]) -> dict[str, Any]:
    """From a day on the person serves in another branch of one's own, or as something else, or again."""
    await _lock(viewer, person_id)
    on, branch_id = body["on"], body["branch_id"]
    if branch_id not in await _branches(viewer, Verb.PERSON_EDIT):
        raise problems.BranchNotFound()
    current = await _close_service(person_id, on, None)
    kind = body["kind"] or (current or (await people.memberships_of(person_id))[-1])["kind"]
    if current and (current["branch_id"], current["kind"]) == (branch_id, kind):
        raise problems.SameService()
    await Membership.create(id=uuid4(), person_id=person_id, branch_id=branch_id, kind=kind, valid_from=on)
    await audit.record(viewer, Action.PERSON_TRANSFER, person_id, [kind], on=on)
    return await _after(viewer, person_id)


async def leave(viewer: Viewer, person_id: UUID, on: date, reason: str) -> dict[str, Any]:
    """From a day on the person is out of service: transferred out, dead, or for another reason. That day their links end."""
    await _lock(viewer, person_id)
    if await _close_service(person_id, on, reason) is None:
        raise problems.PersonNotInService()
    await audit.record(viewer, Action.PERSON_LEAVE, person_id, [reason], on=on)
    return await _after(viewer, person_id)


async def _close_service(person_id: UUID, on: date, reason: str | None) -> database.Record | None:
    """End the service that holds on a day, and return it; refuses a day before one that is booked or has begun later."""
    rows = await people.memberships_of(person_id)
    change = change_from(on, [Span(row["id"], row["valid_from"], row["valid_to"]) for row in rows])
    if change.later:
        raise problems.ServiceLater(on=change.later[0].start)
    if change.close is None:
        return None
    await people.close_membership(change.close.id, on, reason)
    return next(row for row in rows if change.close and row["id"] == change.close.id)
