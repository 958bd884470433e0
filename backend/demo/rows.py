"""The facts as rows of the tables, personal fields sealed; the columns here are the ones a load fills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from backend.crypto import Vault
from backend.demo.feedback import Feedback
from backend.demo.seed import at
from backend.demo.township import Township
from backend.demo.visits import Visit
from backend.rules.feedback import canonical_body as canonical_feedback
from backend.rules.households import masked
from backend.rules.visits import canonical_body

Row = tuple[object, ...]


@dataclass(slots=True)
class Rows:
    """Rows of one table, in the order in which they must be written; `count` is a guess for visits."""

    table: str
    columns: str
    count: int
    rows: Iterable[Row]


def all_rows(township: Township, vault: Vault) -> Iterator[tuple[str, list[Rows]]]:
    """All rows by kind, in the order in which they must be written."""
    yield "places", list(place_rows(township))
    yield "households", list(household_rows(township, vault))
    yield "people", list(person_rows(township, vault))
    yield "links", list(link_rows(township))
    yield "accounts", list(account_rows(township, vault))
    yield "must-visits", list(must_visit_rows(township))
    yield "feedback", list(feedback_rows(township, vault))
    yield "visits", list(visit_rows(township, vault))


def place_rows(township: Township) -> Iterator[Rows]:
    """Regions and branches with parents first, then who answers for what."""
    places = township.places
    since, known = places.since, at(places.since, 9)
    regions, branches = places.regions(), places.branches()
    yield Rows(
        "region",
        "id, parent_id, level, code, name, path, predecessors, valid_from, recorded_at",
        len(regions),
        (
            (one.id, one.parent and one.parent.id, one.level, one.code, one.name, list(one.path), [], since, known)
            for one in regions
        ),
    )
    yield Rows(
        "branch",
        "id, parent_id, region_id, kind, name, path, valid_from, recorded_at",
        len(branches),
        (
            (one.id, one.parent and one.parent.id, one.region.id, one.kind, one.name, list(one.path), since, known)
            for one in branches
        ),
    )
    answering = [*places.responsibilities, *township.people.responsibilities]
    yield Rows(
        "responsibility",
        "id, kind, region_id, branch_id, person_id, valid_from, recorded_at",
        len(answering),
        (
            (one.id, one.kind, one.region.id, one.branch and one.branch.id, one.person_id, since, known)
            for one in answering
        ),
    )


def household_rows(township: Township, vault: Vault) -> Iterator[Rows]:
    """Households, how they live here, when they are key, and their sealed tags."""
    households = township.households

    def registered() -> Iterator[Row]:
        for one in households:
            phone, (index, version) = None, (None, None) if one.phone is None else vault.index("phone", one.phone)
            if one.phone is not None:
                phone = vault.seal(one.phone, "household", "phone", one.id)
            yield (
                one.id, one.code, one.group_name, vault.seal(one.head, "household", "head", one.id), masked(one.head),
                phone, index, version, vault.seal(one.address, "household", "address", one.id), one.opened_on,
                at(one.opened_on, 9),
            )  # fmt: skip

    def tags() -> Iterator[Row]:
        for one in households:
            for tag in one.tags:
                sealed = vault.seal(tag.kind, "household_tag", "kind", tag.id)
                yield (
                    tag.id,
                    one.id,
                    sealed,
                    *vault.index("tag", tag.kind),
                    tag.purpose,
                    tag.expires_on,
                    at(tag.expires_on - timedelta(days=365), 9),
                )

    yield Rows(
        "household",
        "id, code, group_name, head_sealed, head_masked, phone_sealed, phone_index, phone_index_version, address_sealed,"
        " opened_on, recorded_at",
        len(households),
        registered(),
    )
    yield Rows(
        "residence",
        "id, household_id, micro_grid_id, status, valid_from, valid_to, recorded_at",
        sum(len(one.stays) for one in households),
        (
            (stay.id, one.id, one.micro_grid, stay.status, stay.valid_from, stay.valid_to, at(stay.valid_from))
            for one in households
            for stay in one.stays
        ),
    )
    yield Rows(
        "tier",
        "id, household_id, reason, valid_from, valid_to, recorded_at",
        sum(len(one.key_times) for one in households),
        (
            (time.id, one.id, time.reason, time.valid_from, time.valid_to, at(time.valid_from))
            for one in households
            for time in one.key_times
        ),
    )
    yield Rows(
        "household_tag",
        "id, household_id, kind_sealed, kind_index, kind_index_version, purpose, expires_on, recorded_at",
        sum(len(one.tags) for one in households),
        tags(),
    )


def person_rows(township: Township, vault: Vault) -> Iterator[Rows]:
    """People, their branches, exemptions and homes."""
    people, households = township.people.everybody, township.households
    exempt = [one for one in people if one.exempt_from]
    homes = [one for one in people if one.home is not None]
    yield Rows(
        "person",
        "id, name_sealed, name_masked, phone_sealed, phone_index, phone_index_version, recorded_at",
        len(people),
        (
            (
                one.id, vault.seal(one.name, "person", "name", one.id), masked(one.name),
                vault.seal(one.phone, "person", "phone", one.id), *vault.index("phone", one.phone), at(one.joined, 9),
            )
            for one in people
        ),
    )  # fmt: skip
    yield Rows(
        "membership",
        "id, person_id, branch_id, kind, end_reason, valid_from, valid_to, recorded_at",
        len(people),
        (
            (
                one.membership_id,
                one.id,
                one.branch.id,
                one.kind,
                one.left_reason,
                one.joined,
                one.left,
                at(one.joined, 9),
            )
            for one in people
        ),
    )
    yield Rows(
        "exemption",
        "id, person_id, reason, valid_from, recorded_at",
        len(exempt),
        (
            (one.exemption_id, one.id, one.exempt_reason, one.exempt_from, at(one.exempt_from))
            for one in exempt
            if one.exempt_from
        ),
    )
    yield Rows(
        "home",
        "id, person_id, household_id, valid_from, valid_to, recorded_at",
        len(homes),
        (
            (one.home_id, one.id, household.id, day, one.left, at(day, 9))
            for one in homes
            if one.home is not None
            for household in [households[one.home]]
            for day in [max(one.joined, household.opened_on)]
        ),
    )


def link_rows(township: Township) -> Iterator[Rows]:
    """Links in the order in which they began, so that `seq` grows with it."""
    yield Rows(
        "assignment",
        "id, household_id, person_id, role, source, valid_from, valid_to, end_reason, ended_at, recorded_at",
        len(township.links),
        (
            (
                one.id, township.households[one.household].id, one.person.id, one.role, one.source, one.valid_from,
                one.valid_to, one.end_reason, one.valid_to and at(one.valid_to), at(one.valid_from),
            )
            for one in township.links
        ),
    )  # fmt: skip


def account_rows(township: Township, vault: Vault) -> Iterator[Rows]:
    """Accounts without passwords, WeChat identities, and roles at their places."""
    accounts = township.accounts
    since = at(township.places.since, 9)
    yield Rows(
        "account",
        "id, person_id, login, created_at, disabled_at",
        len(accounts.everyone),
        (
            (one.id, one.person and one.person.id, one.login, one.created_at, one.disabled_at)
            for one in accounts.everyone
        ),
    )
    yield Rows(
        "wechat_identity",
        "id, openid_index, openid_sealed, account_id, bound_at",
        len(accounts.identities),
        (
            (
                one.id, vault.mac("openid", one.openid.encode()),
                vault.seal(one.openid, "wechat_identity", "openid", one.id), one.account.id, one.bound_at,
            )
            for one in accounts.identities
        ),
    )  # fmt: skip
    yield Rows(
        "role_grant",
        "id, account_id, role, region_id, branch_id, valid_from, recorded_at",
        len(accounts.grants),
        (
            (one.id, one.account.id, one.role, one.region_id, one.branch_id, township.places.since, since)
            for one in accounts.grants
        ),
    )


def must_visit_rows(township: Township) -> Iterator[Rows]:
    """Must-visits as raised by members and secretaries, or by a job for those who returned."""
    yield Rows(
        "must_visit",
        "id, household_id, kind, since, due_on, source, raised_by, recorded_at, withdrawn_at, withdrawn_by,"
        " withdraw_reason",
        len(township.must_visits),
        (
            (
                one.id, one.household.id, one.kind, one.since, one.due_on, one.source, one.raised_by, one.recorded_at,
                one.withdrawn_at, one.withdrawn_by, one.withdraw_reason,
            )
            for one in township.must_visits
        ),
    )  # fmt: skip


def feedback_rows(township: Township, vault: Vault) -> Iterator[Rows]:
    """Feedback as if phones had sent it, unsigned."""

    def written(one: Feedback) -> Row:
        body = {"client_id": one.id, "kind": one.kind, "text": one.text, "contact": one.contact, "signed": False}
        return (
            one.id, one.region_id, one.kind, vault.seal(one.text, "feedback", "text", one.id),
            one.contact and vault.seal(one.contact, "feedback", "contact", one.id),
            vault.mac("feedback", canonical_feedback(body)), one.sent_at,
            one.answer and vault.seal(one.answer, "feedback", "answer", one.id), one.answered_at, one.answered_by,
        )  # fmt: skip

    yield Rows(
        "feedback",
        "id, region_id, kind, text_sealed, contact_sealed, body_mac, sent_at, answer_sealed, answered_at, answered_by",
        len(township.feedback),
        (written(one) for one in township.feedback),
    )


def visit_rows(township: Township, vault: Vault) -> Iterator[Rows]:
    """Visits as if each had been sent by a phone or entered by a secretary."""

    def written(one: Visit) -> Row:
        body = {
            "client_id": one.id,
            "household_id": one.household.id,
            "occurred_on": one.occurred_on,
            "noted_at": one.noted_at,
            "mode": one.mode,
            "outcome": one.outcome,
            "topics": one.topics,
            "note": one.note,
            "companion_ids": one.companions,
            "on_behalf_of": one.visitor.id if one.on_behalf else None,
            "backfill_reason": one.backfill_reason,
            "needs_follow_up": one.needs_follow_up,
        }
        return (
            one.id, one.household.id, one.visitor.id, one.entered_by, one.occurred_on, one.noted_at, one.recorded_at,
            one.mode, one.outcome, one.topics, one.companions,
            None if one.note is None else vault.seal(one.note, "visit", "note", one.id),
            None if one.note is None else vault.mac("note", one.note.encode()),
            one.backfill_reason, one.needs_follow_up, vault.mac("visit", canonical_body(body)),
            one.voided_at, one.voided_at and one.entered_by, one.void_reason,
        )  # fmt: skip

    yield Rows(
        "visit",
        "id, household_id, visitor_id, entered_by, occurred_on, noted_at, recorded_at, mode, outcome, topics,"
        " companion_ids, note_sealed, note_index, backfill_reason, needs_follow_up, body_mac, voided_at, voided_by,"
        " void_reason",
        township.about_visits,
        (written(one) for one in township.visits),
    )
