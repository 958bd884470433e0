"""`python -m backend check`: each question finds the fault it is about, without an index, and says nothing of a person."""

from __future__ import annotations

import re
from datetime import date

import asyncpg
import pytest

from backend.services import checks
from backend.settings import Settings
from models import checks as questions
from models import database
from tests.models.facts import Facts
from tests.worker.operating import backend
from tests.world import HOUSEHOLDS, PEOPLE, of, phone_of

H1, H3, H9 = (f"'{of('household', name)}'" for name in ("h1", "h3", "h9"))
M1, E1, WEST = f"'{of('person', 'm1')}'", f"'{of('region', 'e1')}'", f"'{of('branch', 'west')}'"
EAST, GRID = f"'{of('branch', 'east')}'", f"'{of('region', 'g_east')}'"
NOW_EMPTY = "SET valid_to = valid_from WHERE"
VISIT = "INSERT INTO visit (id, household_id, visitor_id, companion_ids, entered_by, occurred_on, noted_at, recorded_at, mode, outcome, topics, needs_follow_up, body_mac)"


def again(table: str, condition: str) -> str:
    """A second row on the same days, as a database whose constraint failed would have let in."""
    columns = {
        "assignment": "household_id, person_id, role, source, valid_from",
        "residence": "household_id, micro_grid_id, status, valid_from",
        "responsibility": "kind, region_id, branch_id, valid_from",
        "home": "person_id, household_id, valid_from",
        "membership": "person_id, branch_id, kind, valid_from",
        "region_rule": "region_id, name, number, valid_from",
    }[table]
    return f"INSERT INTO {table} (id, {columns}) SELECT gen_random_uuid(), {columns} FROM {table} WHERE {condition} LIMIT 1"


def without(table: str, constraint: str, condition: str = "true") -> str:
    return f"ALTER TABLE {table} DROP CONSTRAINT {constraint}; {again(table, condition)}"


def succeed(*rows: tuple[str, str, str]) -> str:
    values = ", ".join(
        f"(gen_random_uuid(), '{of('household', h)}', '{of('household', s)}', '{on}')" for h, s, on in rows
    )
    return f"INSERT INTO succession (id, household_id, successor_id, on_day) VALUES {values}"


def visit(occurred: str, noted: str) -> str:
    return f"{VISIT} VALUES (gen_random_uuid(), {H1}, {M1}, '{{}}', gen_random_uuid(), {occurred}, {noted}, now(), 'remote', 'met', '{{}}', false, '-')"


#: For each question a fault that only a broken program or a broken index could have left.
PLANTED = {
    "two primary links on one day": without("assignment", "assignment_one_primary", "role = 'primary'"),
    "two residences on one day": without("residence", "residence_one_place"),
    "two branches for a micro-grid on one day": without(
        "responsibility", "responsibility_one_branch", "kind = 'branch_micro_grid'"
    ),
    "two homes on one day": without("home", "home_one_household"),
    "two branches of a person on one day": without("membership", "membership_one_branch"),
    "two numbers of one rule on one day": again("region_rule", "name = 'interval_key'"),
    "a role held at a region that has ended": f"UPDATE region SET valid_to = '2026-11-10' WHERE id = '{of('region', 'town')}'",
    "a role held at a branch that has ended": f"UPDATE branch SET valid_to = '2026-11-10' WHERE id = {WEST};"
    f" DELETE FROM responsibility WHERE branch_id = {WEST}; DELETE FROM membership WHERE branch_id = {WEST}",
    "a responsibility for a region that has ended": "UPDATE region SET valid_to = '2026-11-10' WHERE name = '西村';"
    " DELETE FROM role_grant",
    "a responsibility of a branch that has ended": f"UPDATE branch SET valid_to = '2026-11-10' WHERE id = {WEST};"
    f" DELETE FROM role_grant; DELETE FROM membership WHERE branch_id = {WEST}",
    "a membership of a branch that has ended": f"UPDATE branch SET valid_to = '2026-11-10' WHERE id = {WEST};"
    f" DELETE FROM role_grant; DELETE FROM responsibility WHERE branch_id = {WEST}",
    "a residence in a micro-grid that has ended": "UPDATE region SET valid_to = '2026-11-10' WHERE name = '东二';"
    " DELETE FROM responsibility",
    "a link outside of the days of its household": f"UPDATE household SET closed_on = '2026-11-10' WHERE id = {H3};"
    f" UPDATE residence SET valid_to = '2026-11-10' WHERE household_id = {H3}",
    "a residence outside of the days of its household": f"UPDATE household SET closed_on = '2026-11-10' WHERE id = {H9}",
    "a tier outside of the days of its household": "INSERT INTO tier (id, household_id, reason, valid_from, valid_to)"
    f" VALUES (gen_random_uuid(), {H9}, 'elderly', '2025-12-31', '2026-02-01')",
    "a home outside of the days of its household": "UPDATE home SET valid_from = '2025-12-31'",
    "a must-visit outside of the days of its household": "INSERT INTO must_visit (id, household_id, kind, since, due_on, source)"
    f" VALUES (gen_random_uuid(), {H1}, 'illness', '2025-12-31', '2026-01-03', 'staff')",
    "a visit before its household was opened": visit("'2025-12-31'", "'2025-12-31 12:00+08'"),
    "a residence that is not in a micro-grid": f"UPDATE residence SET micro_grid_id = {GRID} WHERE household_id = {H9}",
    "a region whose path is not that of its parent": f"UPDATE region SET path = ARRAY[id] WHERE id = {E1}",
    "a branch whose path is not that of its parent": f"UPDATE branch SET parent_id = {EAST} WHERE id = {WEST}",
    "a day without a residence row": f"UPDATE residence SET valid_from = '2026-01-02' WHERE household_id = {H9}",
    "a day without a general number of a rule": "UPDATE region_rule SET valid_to = '2027-01-01' WHERE name = 'interval_away'",
    "an open primary link of an exempt member": "INSERT INTO exemption (id, person_id, reason, valid_from, recorded_at)"
    f" VALUES (gen_random_uuid(), {M1}, 'age', '2026-06-01', now() - interval '16 days')",
    "households that succeed one another in a circle": succeed(("h1", "h2", "2026-11-01"), ("h2", "h1", "2026-11-01")),
    "a successor's successor without a row of its own": succeed(("h1", "h2", "2026-11-01"), ("h2", "h3", "2026-11-10")),
    "an empty residence that no change explains": "INSERT INTO residence (id, household_id, micro_grid_id, status, valid_from, valid_to)"
    f" VALUES (gen_random_uuid(), {H9}, {E1}, 'away', '2025-06-01', '2025-06-01')",
    "an empty home that no change explains": f"UPDATE home {NOW_EMPTY} person_id = {M1}",
    "an empty responsibility that no change explains": f"UPDATE responsibility {NOW_EMPTY} region_id = {E1}",
    "an empty membership that no change explains": f"UPDATE membership {NOW_EMPTY} person_id = '{of('person', 'm4')}'",
    "an empty link that nobody ended": f"UPDATE assignment {NOW_EMPTY} role = 'backup'",
    "a row recorded in the future": "UPDATE household SET recorded_at = now() + interval '1 hour'",
    "a visit on a day to come": visit("current_date + 2", "now()"),
    "a visit written down in the future": visit("'2026-01-05'", "now() + interval '11 minutes'"),
    "a period is missing between those kept": "INSERT INTO period (id, kind, span) VALUES (202701, 'month', '[2027-01-01,2027-02-01)')",
    "a quarter or year without one of its months": "INSERT INTO period (id, kind, span) VALUES (20253, 'quarter', '[2025-07-01,2025-10-01)')",
    "frozen sums that are not the sums of the frozen households": "SELECT coverage_freeze(202610, 'contact', 2);"
    " INSERT INTO household_frozen SELECT (jsonb_populate_record(f, jsonb_build_object('household_id', gen_random_uuid()))).*"
    " FROM household_frozen f LIMIT 1",
    "frozen obligations that are not those of the frozen households": "SELECT coverage_freeze(202610, 'contact', 2);"
    " INSERT INTO obligation_frozen SELECT period_id, part, household_id, 1, 'illness', '2026-10-01', '2026-10-04', true FROM household_frozen LIMIT 1",
    "a touch by a transaction that has not been": f"INSERT INTO household_touch VALUES ({H1}, '9999999999')",
    "a touch of no household": "INSERT INTO household_touch VALUES (gen_random_uuid(), '3')",
}
#: What is fine although it looks alike.
FINE = {
    "a closed household": f"UPDATE household SET closed_on = '2026-11-10' WHERE id = {H3};"
    f" UPDATE residence SET valid_to = '2026-11-10' WHERE household_id = {H3};"
    f" UPDATE assignment SET valid_to = '2026-11-10' WHERE household_id = {H3}",
    "an empty residence that was replaced": "INSERT INTO residence (id, household_id, micro_grid_id, status, valid_from, valid_to)"
    f" VALUES (gen_random_uuid(), {H9}, {E1}, 'away', '2026-11-10', '2026-11-10')",
    "an empty link that somebody ended": "UPDATE assignment SET valid_to = valid_from, end_reason = 'mistake' WHERE role = 'backup'",
    "a township's own number beside the general one": "INSERT INTO region_rule (id, region_id, name, number, valid_from)"
    f" VALUES (gen_random_uuid(), '{of('region', 'town')}', 'interval_key', 20, '2026-05-01')",
    "two merged one after the other": succeed(
        ("h1", "h2", "2026-11-01"), ("h2", "h3", "2026-11-10"), ("h1", "h3", "2026-11-10")
    ),
    "a circle that was annulled": succeed(("h1", "h2", "2026-11-01"), ("h2", "h1", "2026-11-01"))
    + "; UPDATE succession SET annulled_at = now()",
    "a backup beside the primary": again("assignment", "role = 'backup'"),
    "frozen figures": "SELECT coverage_freeze(202610, 'contact', 2), coverage_freeze(202610, 'stock', 2)",
    "the year so far": "INSERT INTO period (id, kind, span) VALUES (20264, 'quarter', '[2026-10-01,2027-01-01)')",
}


async def found() -> set[str]:
    return {finding.question for finding in await checks.rules()}


def test_every_question_has_its_fault() -> None:
    assert PLANTED.keys() == questions.QUESTIONS.keys()


@pytest.mark.parametrize("question", PLANTED)
async def test_finds_each_fault_and_no_other(db: Settings, question: str) -> None:
    assert await found() == set()
    await plant(PLANTED[question])
    assert await found() == {question}


@pytest.mark.parametrize("what", FINE)
async def test_does_not_cry_wolf(db: Settings, what: str) -> None:
    await plant(FINE[what])
    assert await found() == set()


async def plant(statements: str) -> None:
    for statement in statements.split("; "):
        await database.execute(statement)


@pytest.mark.parametrize("question", questions.QUESTIONS)
async def test_no_index_is_believed(db: Settings, question: str) -> None:
    """An exclusion index that lost an entry hides the overlap from whoever asks through it (docs/rules.md T4)."""
    await checks.rules()  # its settings last as long as the transaction, which here is the test
    await database.execute("SET LOCAL seq_page_cost = 1000000")  # an index would be taken wherever one may be
    plan = "\n".join(row[0] for row in await database.fetch(f"EXPLAIN {questions.QUESTIONS[question]}"))  # type: ignore[index]
    assert "Index" not in plan and "Bitmap" not in plan
    assert "Scan" in plan


async def test_a_lost_index_entry_hides_nothing(own_database: str) -> None:
    """A row that the exclusion index does not know: written while the index was not looked at, as after a crash."""
    connection = await asyncpg.connect(**database.credentials(own_database))
    await connection.execute(
        "UPDATE pg_index SET indisready = false, indislive = true WHERE indexrelid = 'residence_one_place'::regclass"
    )
    await connection.execute(again("residence", f"household_id = {H9}"))
    await connection.execute("UPDATE pg_index SET indisready = true WHERE indexrelid = 'residence_one_place'::regclass")
    await connection.close()
    code, said = await backend(own_database, "check")
    assert code == 1
    assert "two residences on one day: 1\n" in said and str(of("household", "h9")) in said


class TestCommand:
    async def test_says_so_when_all_holds(self, own_database: str) -> None:
        assert await backend(own_database, "check") == (
            0, f"{len(PLANTED) + 2} questions asked: figures, audit and rules hold\n",
        )  # fmt: skip

    async def test_a_heading_for_each_question_its_count_and_the_first_rows(self, own_database: str) -> None:
        connection = await asyncpg.connect(**database.credentials(own_database))
        facts = Facts(connection)
        for day in range(1, 13):
            await facts.visit(of("person", "m1"), of("household", "h1"), date(2025, 11, day))
        await connection.execute(
            "UPDATE household_period SET contacted = 1 WHERE household_id = $1 AND period_id = 202611",
            of("household", "h3"),
        )
        await connection.execute("INSERT INTO audit_entry (action, changed, seal_no) VALUES ('visit.void', '{}', 4)")
        await connection.execute(PLANTED["a tier outside of the days of its household"])
        await connection.close()
        code, said = await backend(own_database, "check")
        assert code == 1
        lines = said.splitlines()
        at = lines.index("a visit before its household was opened: 12")
        assert [line[:5] for line in lines[at + 1 : at + 11]] == ["  id "] * 10
        assert lines[at + 11] == "  and 2 more"
        assert f"household_id {of('household', 'h1')}" in lines[at + 1]
        assert lines[lines.index("figures that differ from the facts: 2") + 1].startswith(
            f"  2026-11 household {of('household', 'h3')} in {of('region', 'e1')}: contacted is 1, should be 0"
        )
        assert (
            lines[lines.index("the audit chain does not hold: 1") + 1]
            == "  1 audit rows are under no seal although older than 10 minutes"
        )
        assert f"4 of {len(PLANTED) + 2} questions have an answer that should not be there" == lines[-1]

    async def test_nothing_of_a_person_is_in_the_report(self, own_database: str) -> None:
        """All faults that stand side by side, at once."""
        connection = await asyncpg.connect(**database.credentials(own_database))
        for question, statements in PLANTED.items():
            if "DELETE" not in statements and "frozen" not in question:
                for statement in statements.split("; "):
                    await connection.execute(statement)
        await connection.close()
        code, said = await backend(own_database, "check")
        assert code == 1
        assert said.count("\n") > 2 * len(PLANTED) * 0.7
        secrets = {phone_of(name) for name in HOUSEHOLDS} | {words for _, words in HOUSEHOLDS.values()}
        secrets |= {words for _, _, words in PEOPLE.values()} | {words[0] + "*" for _, words in HOUSEHOLDS.values()}
        assert [secret for secret in secrets if secret in said] == []
        assert re.search(r"[一-鿿]", said) is None
