"""Verbs, which role holds which, and who may grant which role (docs/rules.md S1, S2)."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    MEMBER = "member"
    BRANCH_SECRETARY = "branch_secretary"
    AREA_CADRE = "area_cadre"
    ORGANIZATION_OFFICE = "organization_office"
    TOWNSHIP_COMMITTEE = "township_committee"
    DEPARTMENT = "department"
    ADMINISTRATOR = "administrator"


ROLES: dict[str, str] = {
    Role.MEMBER: "党员",
    Role.BRANCH_SECRETARY: "支部书记",
    Role.AREA_CADRE: "包片干部",
    Role.ORGANIZATION_OFFICE: "组织办",
    Role.TOWNSHIP_COMMITTEE: "镇党委",
    Role.DEPARTMENT: "部门",
    Role.ADMINISTRATOR: "管理员",
}


class Verb(StrEnum):
    """What a caller may be allowed to do, in alphabetical order. The audit uses the same words."""

    ASSIGNMENT_CONFIRM = "assignment.confirm"
    ASSIGNMENT_CREATE = "assignment.create"
    ASSIGNMENT_END = "assignment.end"
    ASSIGNMENT_PROPOSE = "assignment.propose"
    ASSIGNMENT_PUBLISH = "assignment.publish"
    AUDIT_READ = "audit.read"
    BRANCH_READ = "branch.read"
    CARD_PRINT = "card.print"
    COVERAGE_DRILL = "coverage.drill"
    COVERAGE_READ = "coverage.read"
    EXPORT_RUN = "export.run"
    FEEDBACK_ANSWER = "feedback.answer"
    FEEDBACK_READ = "feedback.read"
    HOUSEHOLD_CREATE = "household.create"
    HOUSEHOLD_EDIT = "household.edit"
    HOUSEHOLD_READ = "household.read"
    HOUSEHOLD_REVEAL = "household.reveal"
    IMPORT_RUN = "import.run"
    MUST_VISIT_RAISE = "must_visit.raise"
    MUST_VISIT_READ = "must_visit.read"
    MUST_VISIT_WITHDRAW = "must_visit.withdraw"
    PERSON_EDIT = "person.edit"
    PERSON_INVITE = "person.invite"
    PERSON_READ = "person.read"
    REGION_EDIT = "region.edit"
    REGION_READ = "region.read"
    ROLE_GRANT = "role.grant"
    RULE_SET = "rule.set"
    VISIT_READ = "visit.read"
    VISIT_RECORD = "visit.record"
    VISIT_RECORD_FOR = "visit.record_for"
    VISIT_VOID = "visit.void"


V = Verb
_FEEDBACK = frozenset({V.FEEDBACK_ANSWER, V.FEEDBACK_READ})
#: Arranging who is linked to whom: the work of a secretary, and of the organization office where it is done for a whole township.
_LINKS = frozenset(
    {
        V.ASSIGNMENT_CONFIRM,
        V.ASSIGNMENT_CREATE,
        V.ASSIGNMENT_END,
        V.ASSIGNMENT_PROPOSE,
        V.ASSIGNMENT_PUBLISH,
        V.CARD_PRINT,
    }
)
_MUST_VISITS = frozenset({V.MUST_VISIT_RAISE, V.MUST_VISIT_READ, V.MUST_VISIT_WITHDRAW})
#: `member` is held by everybody bound to a person, through the person; it is never granted.
VERBS: dict[Role, frozenset[Verb]] = {
    Role.MEMBER: frozenset(
        {V.BRANCH_READ, V.HOUSEHOLD_READ, V.HOUSEHOLD_REVEAL, V.REGION_READ, V.VISIT_READ, V.VISIT_RECORD, V.VISIT_VOID}
    )
    | _MUST_VISITS,
    Role.BRANCH_SECRETARY: frozenset(V) - _FEEDBACK - {V.REGION_EDIT, V.ROLE_GRANT, V.RULE_SET},
    Role.AREA_CADRE: frozenset(
        {
            V.BRANCH_READ,
            V.COVERAGE_DRILL,
            V.COVERAGE_READ,
            V.EXPORT_RUN,
            V.HOUSEHOLD_READ,
            V.REGION_READ,
            V.VISIT_READ,
            V.VISIT_RECORD,
            V.VISIT_VOID,
        }
    )
    | _MUST_VISITS,
    Role.ORGANIZATION_OFFICE: frozenset(
        {
            V.AUDIT_READ,
            V.BRANCH_READ,
            V.COVERAGE_DRILL,
            V.COVERAGE_READ,
            V.EXPORT_RUN,
            V.HOUSEHOLD_CREATE,
            V.HOUSEHOLD_EDIT,
            V.HOUSEHOLD_READ,
            V.IMPORT_RUN,
            V.PERSON_EDIT,
            V.PERSON_INVITE,
            V.PERSON_READ,
            V.REGION_EDIT,
            V.REGION_READ,
            V.ROLE_GRANT,
            V.RULE_SET,
        }
    )
    | _FEEDBACK
    | _LINKS
    | _MUST_VISITS,
    Role.TOWNSHIP_COMMITTEE: frozenset({V.BRANCH_READ, V.COVERAGE_DRILL, V.COVERAGE_READ, V.EXPORT_RUN, V.REGION_READ})
    | _FEEDBACK,
    Role.DEPARTMENT: frozenset({V.REGION_READ}),
    Role.ADMINISTRATOR: frozenset({V.BRANCH_READ, V.REGION_READ, V.ROLE_GRANT}),
}

#: Who grants which. Nobody grants a role at or above their own; administrators are made on the server only.
GRANTS: dict[Role, frozenset[Role]] = {
    Role.ADMINISTRATOR: frozenset({Role.ORGANIZATION_OFFICE, Role.TOWNSHIP_COMMITTEE}),
    Role.ORGANIZATION_OFFICE: frozenset({Role.AREA_CADRE, Role.BRANCH_SECRETARY, Role.DEPARTMENT}),
}

#: Where a role is held: at a branch or at a region.
HELD_AT_BRANCH = frozenset({Role.BRANCH_SECRETARY})


def roles_with(verb: Verb) -> frozenset[Role]:
    """The roles that hold a verb."""
    return frozenset(role for role, verbs in VERBS.items() if verb in verbs)
