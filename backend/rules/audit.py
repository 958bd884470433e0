"""Rules of the audit: what may be done and is written down, and how rows are chained (docs/rules.md A1)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from enum import StrEnum


class Action(StrEnum):
    """Everything that leaves an audit row, in alphabetical order; the word of the verb where there is one."""

    ACCOUNT_BIND = "account.bind"
    ACCOUNT_CREATE = "account.create"
    ACCOUNT_RESET = "account.reset"
    ASSIGNMENT_CONFIRM = "assignment.confirm"
    ASSIGNMENT_CREATE = "assignment.create"
    ASSIGNMENT_END = "assignment.end"
    ASSIGNMENT_PUBLISH = "assignment.publish"
    CARD_PRINT = "card.print"
    COVERAGE_DRILL = "coverage.drill"
    COVERAGE_FREEZE = "coverage.freeze"
    COVERAGE_RECOUNT = "coverage.recount"
    DEMO_LOAD = "demo.load"
    EXPORT_RUN = "export.run"
    FEEDBACK_ANSWER = "feedback.answer"
    FEEDBACK_SEND = "feedback.send"
    FILE_READ = "file.read"
    FILE_SEND = "file.send"
    HOUSEHOLD_CREATE = "household.create"
    HOUSEHOLD_EDIT = "household.edit"
    HOUSEHOLD_RESIDENCE = "household.residence"
    HOUSEHOLD_REVEAL = "household.reveal"
    HOUSEHOLD_TIER = "household.tier"
    IMPORT_APPLY = "import.apply"
    IMPORT_RUN = "import.run"
    MUST_VISIT_RAISE = "must_visit.raise"
    MUST_VISIT_WITHDRAW = "must_visit.withdraw"
    PERSON_CREATE = "person.create"
    PERSON_EDIT = "person.edit"
    PERSON_EXEMPT = "person.exempt"
    PERSON_INVITE = "person.invite"
    PERSON_LEAVE = "person.leave"
    PERSON_RETURN = "person.return"
    PERSON_TRANSFER = "person.transfer"
    PROPOSAL_APPLY = "proposal.apply"
    PROPOSAL_EDIT = "proposal.edit"
    PROPOSAL_MAKE = "proposal.make"
    REGION_CREATE = "region.create"
    ROLE_GRANT = "role.grant"
    RULE_SET = "rule.set"
    RUN_STOP = "run.stop"
    SESSION_CLOSE = "session.close"
    SESSION_OPEN = "session.open"
    SESSION_REFUSE = "session.refuse"
    VISIT_RECORD = "visit.record"
    VISIT_VOID = "visit.void"


#: Rows unsealed for longer than this are an alarm: the worker seals each minute.
SEAL_ALARM_MINUTES = 10
SEAL_AT_MOST = 5000


def seal_mac(key: bytes, previous: bytes, seal_no: int, texts: Iterable[str]) -> bytes:
    """The link of a chain: HMAC-SHA256 over the link before, the number, and every row's text with its length."""
    mac = hmac.new(key, previous + seal_no.to_bytes(8, "big"), "sha256")
    for text in texts:
        row = text.encode()
        mac.update(len(row).to_bytes(4, "big") + row)
    return mac.digest()
