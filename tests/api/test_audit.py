"""Every write leaves its audit rows in its own transaction, a failed one leaves nothing, and the chain finds every hand
that touched it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pyotp
import pytest

from backend import crypto, problems
from backend.http.endpoint import Spec
from backend.rules.audit import Action
from backend.services import audit
from backend.settings import CHINA
from models import database
from tests.api.probes import (
    EAST,
    FEEDBACK,
    INVITE_CODE,
    NOTE,
    PROBES,
    SAID,
    Probe,
    a_feedback,
    a_must_visit,
    a_visit,
    call,
    exempt_of,
    furnish,
    headers,
    long_work,
    operations,
    snapshot,
    state_of,
)  # fmt: skip
from tests.conftest import ROOT, Running
from tests.world import PASSWORD, TOTP, World, of

#: What each write leaves behind. A write route that is not here fails `test_every_write_is_here` by name.
AUDITED: Mapping[str, list[Action]] = {
    "accounts.sign_in_with_wechat": [Action.SESSION_OPEN],
    "accounts.bind": [Action.ACCOUNT_BIND, Action.SESSION_OPEN],
    "accounts.sign_in_with_password": [Action.SESSION_OPEN],
    "accounts.sign_out": [Action.SESSION_CLOSE],
    "accounts.invite": [Action.PERSON_INVITE],
    "accounts.grant_role": [Action.ROLE_GRANT],
    "assignments.create_assignment": [Action.ASSIGNMENT_CREATE],
    "assignments.end_assignment": [Action.ASSIGNMENT_END],
    "assignments.publish": [Action.ASSIGNMENT_PUBLISH],
    "assignments.confirm": [Action.ASSIGNMENT_CONFIRM],
    "exports.ask": [Action.EXPORT_RUN],
    "files.send_file": [Action.FILE_SEND],
    "imports.ask": [Action.IMPORT_RUN],
    "papers.ask": [Action.CARD_PRINT],
    "proposals.make": [Action.PROPOSAL_MAKE],
    "proposals.edit_item": [Action.PROPOSAL_EDIT],
    "proposals.apply": [Action.PROPOSAL_APPLY],
    "runs.stop": [Action.RUN_STOP],
    "runs.download": [Action.FILE_READ],
    # Looks of the township committee; staff, who has these households in scope, leaves no row.
    "drilling.list_households": [Action.COVERAGE_DRILL],
    "drilling.explain_household": [Action.COVERAGE_DRILL],
    "drilling.list_gaps": [Action.COVERAGE_DRILL],
    "drilling.list_overdue": [Action.COVERAGE_DRILL],
    "drilling.list_revisions": [Action.COVERAGE_DRILL],
    "feedback.send_feedback": [Action.FEEDBACK_SEND],
    "feedback.answer_feedback": [Action.FEEDBACK_ANSWER],
    "households.create_household": [Action.HOUSEHOLD_CREATE],
    "households.edit_household": [Action.HOUSEHOLD_EDIT],
    "households.change_residence": [Action.HOUSEHOLD_RESIDENCE],
    "households.change_tier": [Action.HOUSEHOLD_TIER],
    "households.reveal": [Action.HOUSEHOLD_REVEAL],
    "obligations.raise_must_visit": [Action.MUST_VISIT_RAISE],
    "obligations.withdraw_must_visit": [Action.MUST_VISIT_WITHDRAW],
    "people.create_person": [Action.PERSON_CREATE],
    "people.edit_person": [Action.PERSON_EDIT],
    "people.exempt": [Action.PERSON_EXEMPT],
    "people.end_exemption": [Action.PERSON_RETURN],
    "people.transfer": [Action.PERSON_TRANSFER],
    "people.leave": [Action.PERSON_LEAVE],
    "regions.set_rule": [Action.RULE_SET],
    "visits.record_visit": [Action.VISIT_RECORD],
    "visits.record_visits": [Action.VISIT_RECORD, Action.VISIT_RECORD],
    "visits.void_visit": [Action.VISIT_VOID],
}
#: What a write touches although its answer is an error (docs/rules.md S9), by name of the table.
KEPT = {
    "accounts.sign_in_with_password": {"sign_in_failure", "audit_entry"},
    "accounts.bind": {"sign_in_failure", "audit_entry"},
}
#: The member's own words; neither may be found in an audit row.
PERSONAL = ("标记", "人名", "139777", NOTE, SAID, INVITE_CODE, "7KQM3F9TXW2P", PASSWORD, TOTP)


def write_of(operation: str, app: Any = None) -> tuple[Probe, str]:
    """A good call of a write route, and who makes it."""
    if operation == "accounts.sign_in_with_password":
        now = app.ctx.clock() if app else None
        code = pyotp.TOTP(TOTP).at(now) if now else pyotp.TOTP(TOTP).now()
        return Probe(
            "POST", "/auth/password", frozenset(), {"account": "office", "password": PASSWORD, "totp": code}
        ), "nobody"
    if AUDITED[operation] == [Action.COVERAGE_DRILL]:
        return PROBES[operation](EAST)[-1], "committee"
    probe = PROBES[operation](EAST)[0]
    if operation == "obligations.raise_must_visit" and app is None:
        probe = replace(probe, body=a_must_visit(EAST, since=real_today()))
    if operation == "proposals.make" and app is None:
        probe = replace(probe, body={**(probe.body or {}), "from": real_today()})
    viewer = next(name for name in ("s_east", "office", "stranger") if name in probe.may)
    return probe, "nobody" if operation in ("accounts.sign_in_with_wechat", "feedback.send_feedback") else viewer


def real_today() -> str:
    """Today by the clock of a real server; a must-visit cannot lie far behind it."""
    return datetime.now(CHINA).date().isoformat()


def writes(app: Any) -> dict[str, Spec]:
    return {name: spec for name, method, _, spec in operations(app) if spec.tx != "read"}


def test_every_write_is_here(app: Any) -> None:
    assert set(writes(app)) == set(AUDITED)
    reading = {name for name, method, _, spec in operations(app) if method == "GET" and spec.tx != "read"}
    assert reading == {
        name for name, actions in AUDITED.items() if {Action.COVERAGE_DRILL, Action.FILE_READ} & {*actions}
    }, "a GET that may write"


def test_every_action_is_left_by_something() -> None:
    """An action that no route, command or refusal leaves is a word without a meaning."""
    by_routes = {action for actions in AUDITED.values() for action in actions} | {Action.SESSION_REFUSE}
    sources = [path.read_text() for path in (ROOT / "backend").rglob("*.py") if path.name != "audit.py"]
    left = {action for action in Action if any(f"Action.{action.name}" in source for source in sources)}
    assert by_routes <= left == set(Action)


@pytest.mark.parametrize("operation", AUDITED)
async def test_a_write_leaves_exactly_its_rows(client: httpx.AsyncClient, app: Any, operation: str) -> None:
    await furnish(client)
    probe, viewer = write_of(operation, app)
    last = await database.fetch_value("SELECT max(id) FROM audit_entry")
    answer = await call(client, probe, viewer, **{"X-Request-ID": "request-of-the-test"})
    assert answer.status_code < 300, answer.text
    rows = await database.fetch("SELECT * FROM audit_entry WHERE id > $1 ORDER BY id", last)
    assert sorted(row["action"] for row in rows) == sorted(AUDITED[operation])
    for row in rows:
        assert row["request_id"] == "request-of-the-test"
        assert row["subject_id"] is not None
        assert row["seal_no"] is None
        if viewer in World().accounts:
            assert row["account_id"] == of("account", viewer)
        assert not [word for word in PERSONAL if word in str(dict(row))]


#: Writes whose second sending changes nothing. Each of the others is an act of its own, also the second time.
ONCE = (
    "assignments.create_assignment", "assignments.end_assignment", "feedback.send_feedback", "households.create_household",
    "households.edit_household", "obligations.raise_must_visit", "obligations.withdraw_must_visit", "regions.set_rule",
    "visits.record_visit", "visits.record_visits", "visits.void_visit",
)  # fmt: skip


@pytest.mark.parametrize("operation", ONCE)
async def test_sending_the_same_again_adds_no_row(client: httpx.AsyncClient, app: Any, operation: str) -> None:
    """What a phone sends twice is written once, in the audit, too."""
    await furnish(client)
    probe, viewer = write_of(operation, app)
    assert (await call(client, probe, viewer)).status_code < 300
    before = await snapshot()
    assert (await call(client, probe, viewer)).status_code in ((412,) if "edit" in operation else (200, 201))
    assert await snapshot() == before


def slow(operation: str, probe: Probe) -> Probe:
    """The same call by the path that decides everything: a companion takes a visit out of the quick one."""
    if operation == "visits.record_visit":
        return Probe("POST", "/visits", probe.may, a_visit(EAST, companion_ids=[str(of("person", "m1"))]))
    return probe


@pytest.mark.parametrize("operation", AUDITED)
async def test_every_problem_of_a_write_leaves_all_tables_equal(
    client: httpx.AsyncClient, app: Any, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised at the worst moment: after the last thing the service writes, its audit row and what follows from it."""
    await furnish(client)
    spec = writes(app)[operation]
    record = audit.record
    raised: list[type[Exception]] = []
    kinds: list[type[problems.Problem]] = [*spec.problems, problems.Conflict, problems.Unavailable]
    for kind in [*kinds, RuntimeError, TimeoutError, asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError]:

        async def fail(*arguments: Any, kind: type[Exception] = kind, **named: Any) -> None:
            await record(*arguments, **named)
            raised.append(kind)
            raise _made(kind)

        probe, viewer = write_of(operation, app)
        before = await snapshot()
        with monkeypatch.context() as patch:
            patch.setattr(audit, "record", fail)
            answer = await call(client, slow(operation, probe), viewer)
        assert raised[-1] is kind
        assert await snapshot() == before, kind
        if operation == "visits.record_visits":
            assert answer.status_code in (200, 500, 503)
        elif issubclass(kind, problems.Problem):
            assert (answer.status_code, answer.json()["code"]) == (kind.status, kind.code)
        else:
            assert answer.status_code in (409, 500, 503)


def _made(kind: type[Exception]) -> Exception:
    if not issubclass(kind, problems.Problem):
        return kind("injected")
    details: Any = dict.fromkeys(
        (
            "on",
            "seconds",
            "limit",
            "count",
            "since",
            "start",
            "opened_on",
            "kind",
            "due_on",
            "words",
            "bounds",
            "first",
            "last",
            "megabytes",
            "sentence",
            "row",
            "characters",
        ),
        1,
    )
    return kind(**details)


class TestFailureAtEveryWrite:
    """A real server, real commits, and a database that fails at one table after the other, and at the commit itself."""

    @pytest.fixture
    async def database_of_server(self, own_database: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(**database.credentials(own_database))
        yield connection
        await connection.close()

    async def test_no_write_leaves_a_part_of_itself(
        self, serve: Callable[..., Running], database_of_server: asyncpg.Connection
    ) -> None:
        running = serve(redis="unix:///nowhere")  # the flood limit of sign-in is not what is tried here
        async with httpx.AsyncClient(base_url=f"{running.url}/api/v1", timeout=30) as client:
            await furnish_committed(client, database_of_server)
            tables = await arm(database_of_server)
            before = await state(database_of_server, tables)
            # Failed at its commit, each write shows into which tables it goes; those are the places where it may break.
            failed_at: dict[str, set[str]] = {table: set() for table in tables}
            for table in ("", *tables):
                await database_of_server.execute("UPDATE test_fault SET at = $1", table)
                for operation in failed_at[table] if table else AUDITED:
                    probe, viewer = write_of(operation)
                    answer = await call(client, probe, viewer)
                    if operation == "visits.record_visits":
                        assert answer.status_code == 200
                        assert {row["status"] for row in answer.json()["results"]} <= {409, 500}, answer.text
                    else:
                        assert answer.status_code in (409, 500, 503), (operation, table, answer.text)
                    assert await state(database_of_server, tables) == before, (operation, table)
                    touched = await reached(database_of_server, tables)
                    if table:
                        assert table in touched, (operation, table)
                    for one in () if table else touched:
                        failed_at[one].add(operation)
            # The net really was under the writes: the tables that they are known to write.
            assert failed_at["audit_entry"] == set(AUDITED)
            assert {"households.create_household", "households.change_residence"} <= failed_at["residence"]
            assert {"visits.record_visit", "visits.record_visits", "visits.void_visit"} <= failed_at["visit"]
            assert {"assignments.create_assignment", "assignments.end_assignment"} <= failed_at["coverage_dirty"]
            assert {"obligations.raise_must_visit", "obligations.withdraw_must_visit"} <= failed_at["must_visit"]
            assert "regions.set_rule" in failed_at["region_rule"]
            assert {"feedback.send_feedback", "feedback.answer_feedback"} <= failed_at["feedback"]
            await database_of_server.execute("UPDATE test_fault SET at = NULL")
            for operation in AUDITED:  # and without a fault every one of these calls succeeds
                # An edited proposal has another version, and its gap has been filled meanwhile.
                if operation in ("accounts.bind", "accounts.sign_out", "proposals.edit_item", "proposals.apply"):
                    continue
                probe, viewer = write_of(operation)
                answer = await call(client, probe, viewer)
                assert answer.status_code < 300, (operation, answer.text)


async def furnish_committed(client: httpx.AsyncClient, connection: asyncpg.Connection) -> None:
    """What the writes aim at, committed; the days of the probes lie in the past of a real server."""
    visit = a_visit(EAST, client_id=str(EAST.visit))
    answer = await client.post("/visits", json=visit, headers=headers(EAST.member))
    assert answer.status_code == 201, answer.text
    must_visit = a_must_visit(EAST, client_id=str(EAST.must_visit), kind="illness", since=real_today())
    answer = await client.post("/must-visits", json=must_visit, headers=headers(EAST.member))
    assert answer.status_code == 201, answer.text
    answer = await client.post("/feedback", json=a_feedback(client_id=str(FEEDBACK)))
    assert answer.status_code == 201, answer.text
    await long_work(client, EAST, real_today(), connection.execute)
    exempt = {"reason": "other", "from": real_today()}
    answer = await client.post(
        f"/people/{of('person', exempt_of(EAST))}/exemptions", json=exempt, headers=headers("office")
    )
    assert answer.status_code == 200, answer.text
    await connection.execute(
        "INSERT INTO invitation (id, person_id, code_hash, expires_at) VALUES ($1, $2, $3, now() + interval '7 days')",
        uuid4(), of("person", "m4"), crypto.token_hash(INVITE_CODE.replace("-", "")),
    )  # fmt: skip


async def arm(connection: asyncpg.Connection) -> list[str]:
    """Triggers that fail a write to the table named in `test_fault`, and the commit of every other; returns the tables."""
    found = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
    )
    await connection.execute("""
        CREATE TABLE test_fault (at text); INSERT INTO test_fault VALUES ('');
        CREATE FUNCTION test_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          PERFORM nextval('test_reached_' || TG_ARGV[0]);
          IF (SELECT at FROM test_fault) = TG_ARGV[0] THEN RAISE EXCEPTION 'injected' USING ERRCODE = '23514'; END IF;
          RETURN NULL; END $$;
        CREATE FUNCTION test_fail_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF (SELECT at FROM test_fault) IS NOT NULL THEN RAISE EXCEPTION 'injected at the commit'; END IF;
          RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER test_commit AFTER INSERT ON audit_entry DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION test_fail_commit()""")
    tables = [row["relname"] for row in found]
    for table in tables:
        await connection.execute(
            f"""CREATE SEQUENCE test_reached_{table};
                CREATE TRIGGER test_{table} AFTER INSERT OR UPDATE OR DELETE ON "{table}"
                FOR EACH ROW EXECUTE FUNCTION test_fail('{table}')"""
        )
    return tables


async def reached(connection: asyncpg.Connection, tables: list[str]) -> set[str]:
    """The tables that were written since this was asked last, whatever became of it: a sequence is never rolled back."""
    seen = [f"SELECT '{table}' AS name FROM test_reached_{table} WHERE is_called" for table in tables]
    found = {row["name"] for row in await connection.fetch(" UNION ALL ".join(seen))}
    for table in found:
        await connection.execute(f"SELECT setval('test_reached_{table}', 1, false)")
    return found


async def state(connection: asyncpg.Connection, tables: list[str]) -> dict[str, str]:
    rows = await connection.fetch(" UNION ALL ".join(map(state_of, tables)))
    return {row["name"]: row["state"] for row in rows}


async def test_what_a_refused_sign_in_leaves_is_that_and_no_more(client: httpx.AsyncClient) -> None:
    before = await snapshot()
    wrong = {"account": "office", "password": "guess", "totp": "000000"}
    assert (await client.post("/auth/password", json=wrong)).status_code == 401
    after = await snapshot()
    assert {name for name in after if after[name] != before[name]} == KEPT["accounts.sign_in_with_password"]
    before = after
    answer = await client.post("/auth/wechat/bind", json={"invite_code": "GUESS"}, headers=headers("stranger"))
    assert answer.status_code == 404
    after = await snapshot()
    assert {name for name in after if after[name] != before[name]} == KEPT["accounts.bind"]


class TestHistory:
    async def test_newest_first_whole_and_without_values(self, client: httpx.AsyncClient, world: World) -> None:
        household = world.households["h1"]
        for number, (field, value) in enumerate(
            (("phone", "13977779999"), ("head_name", "赵标记改"), ("group_name", "三组"))
        ):
            answer = await client.patch(
                f"/households/{household}",
                json={field: value},
                headers=headers("office") | {"If-Match": f'"{number + 1}"'},
            )
            assert answer.status_code == 200
        seen: list[dict[str, Any]] = []
        page: str | None = ""
        while page is not None:
            query = {"household_id": str(household), "limit": "2"} | ({"cursor": page} if page else {})
            answer = await client.get("/audit", params=query, headers=headers("s_east"))
            assert not [word for word in PERSONAL if word in answer.text]
            seen += answer.json()["items"]
            page = answer.json()["next"]
        assert [row["changed"] for row in seen] == [["group_name"], ["head_name"], ["phone"]]
        assert {UUID(row["account_id"]) for row in seen} == {world.accounts["office"]}

    async def test_a_reveal_names_its_fields_and_purpose(self, client: httpx.AsyncClient, world: World) -> None:
        path = f"/households/{world.households['h1']}"
        await client.post(
            f"{path}/reveal", json={"fields": ["phone", "address"], "purpose": "visit"}, headers=headers("m1")
        )
        query = {"household_id": str(world.households["h1"])}
        (row,) = (await client.get("/audit", params=query, headers=headers("office"))).json()["items"]
        assert (row["action"], row["changed"], row["reason"]) == ("household.reveal", ["address", "phone"], "visit")

    async def test_the_daily_cap_of_reveals(
        self, client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("backend.services.households.REVEALS_A_DAY", 2)
        body = {"fields": ["phone"], "purpose": "visit"}
        answers = [
            await client.post(f"/households/{world.households[name]}/reveal", json=body, headers=headers("s_east"))
            for name in ("h1", "h1", "h2", "h3")
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert "13977" not in answers[-1].text
        await database.execute("UPDATE audit_entry SET at = at - $1::interval", timedelta(days=14))
        again = await client.post(f"/households/{world.households['h3']}/reveal", json=body, headers=headers("s_east"))
        assert again.status_code == 200
