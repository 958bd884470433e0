"""No personal value leaves in a log, an error, the audit or a list that may not show it, and none lies plain in a table.

The world plants marks in every personal field: heads, addresses, telephone numbers, names, WeChat identities; the probes
add notes, new values and wrong input that is made of marks.
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
import structlog
from marshmallow import ValidationError
from sanic.exceptions import SanicException
from tortoise.exceptions import IntegrityError, OperationalError

from backend.http.endpoint import Spec
from models import database
from tests.api.probes import (
    NOTE,
    PROBES,
    SAID,
    SIDES,
    VIEWERS,
    Probe,
    a_visit,
    call,
    furnish,
    headers,
    operations,
    undone,
)
from tests.conftest import ROOT, Running
from tests.world import HOUSEHOLDS, LINKS, PASSWORD, TOTP, World, phone_of, token_of

#: By kind, a pattern that finds the planted values and nothing else.
MARKS = {
    "head": re.compile(r"[赵钱孙李周吴郑王冯新改]标记[一二三四五六七八九户名]"),
    "address": re.compile("标记地址"),
    "phone": re.compile(r"139\s?7777"),
    "name": re.compile("人名[一二三四五六七]"),
    "note": re.compile(NOTE),
    "said": re.compile(SAID),
    "openid": re.compile(r"openid-mark|\bstranger\b|somebody-else"),
    "secret": re.compile(f"{PASSWORD}|{TOTP}|token-of-"),
    "wrong": re.compile("错记"),
}
WRONG = "王错记"
#: What an endpoint may show at all; which of it, and to whom, is asserted below.
SHOWS: Mapping[str, set[str]] = {
    "accounts.me": {"name"},
    "people.list_people": {"name"},
    "people.get_person": {"name"},
    "people.search_people": {"name"},
    "people.create_person": {"name"},
    "people.edit_person": {"name"},
    "people.exempt": {"name"},
    "people.end_exemption": {"name"},
    "people.transfer": {"name"},
    "people.leave": {"name"},
    "proposals.list_items": {"name"},
    "proposals.edit_item": {"name"},
    # A sender who signed has a name there; what somebody said goes to those who answer it, and to nobody else.
    "feedback.list_feedback": {"said", "name"},
    "feedback.answer_feedback": {"said", "name"},
    "households.list_households": {"head", "address", "name"},
    "households.search_households": {"head", "address", "name"},
    "households.get_household": {"head", "address", "name"},
    "households.create_household": {"head", "address", "name"},
    "households.edit_household": {"head", "address", "name"},
    "households.change_residence": {"head", "address", "name"},
    "households.change_tier": {"head", "address", "name"},
    "households.reveal": {"head", "address", "phone"},
    "sync.synchronise": {"head", "name"},
    "visits.record_visit": {"note"},
    "visits.record_visits": {"note"},
    "visits.void_visit": {"note"},
    "visits.list_visits": {"note"},
}


def marks_in(text: str) -> set[str]:
    """The kinds of marks that a text holds."""
    return {kind for kind, pattern in MARKS.items() if pattern.search(text)}


class Logged:
    """Everything that was logged, by structlog, by the library loggers, or printed."""

    def __init__(
        self, entries: list[Any], records: pytest.LogCaptureFixture, printed: pytest.CaptureFixture[str]
    ) -> None:
        self.entries, self.records, self.printed = entries, records, printed

    def text(self) -> str:
        lines = [f"{record.getMessage()} {record.exc_text or ''} {record.args}" for record in self.records.records]
        out = self.printed.readouterr()
        return "\n".join([str(entry) for entry in self.entries] + lines + [out.out, out.err])


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    # The loggers of asyncpg, Tortoise and httpx print what they send at DEBUG; the program keeps them above it.
    caplog.set_level(logging.INFO)
    with structlog.testing.capture_logs() as entries:
        yield Logged(entries, caplog, capsys)
    logging.getLogger("httpx").setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def _test_client_says_nothing() -> None:
    """The client of the tests logs the addresses that it calls; it is no part of the program."""
    logging.getLogger("httpx").setLevel(logging.WARNING)


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_every_endpoint_shows_no_more_than_it_may(client: httpx.AsyncClient, viewer: str, logged: Logged) -> None:
    await furnish(client)
    own = {HOUSEHOLDS[household][1] for person, household, _ in LINKS if person == viewer}
    shown: set[str] = set()
    for operation, probes in PROBES.items():
        for side in SIDES:
            for probe in probes(side):
                async with undone():
                    answer = await call(client, probe, viewer)
                found = marks_in(answer.text)
                if answer.status_code >= 400:
                    assert found == set(), (operation, answer.text)
                assert found <= SHOWS.get(operation, set()), (operation, viewer, found)
                shown |= found
                if operation.startswith("households.") and operation != "households.reveal":
                    heads = set(MARKS["head"].findall(answer.text))
                    assert heads <= own, (operation, viewer, heads - own)
    assert marks_in(logged.text()) == set()
    assert marks_in(str(await database.fetch("SELECT * FROM audit_entry"))) == set()
    expected = {
        "m1": {"head", "address", "phone", "name", "note"},
        "m4": {"name"},
        "cadre": {"name", "note"},
        "committee": {"said"},
    }
    for name, kinds in expected.items():
        assert viewer != name or shown == kinds, "the marks were not even where they may be"
    assert viewer not in ("department", "admin", "stranger", "nobody") or shown == set()


@pytest.mark.parametrize(
    ("viewer", "household", "head", "address"),
    [
        ("m1", "h1", "赵标记一", True), ("m2", "h1", "赵标记一", True), ("s_east", "h1", "赵***", False), ("cadre", "h1", "赵***", False),
        ("office", "h7", "郑***", False), ("s_west", "h6", "吴***", False), ("m3", "h6", "吴标记六", True),
    ],
)  # fmt: skip
async def test_a_head_is_plain_to_those_linked_and_masked_to_all_others(
    client: httpx.AsyncClient, world: World, viewer: str, household: str, head: str, address: bool
) -> None:
    as_whom = headers(viewer)
    one = (await client.get(f"/households/{world.households[household]}", headers=as_whom)).json()
    listed = (await client.get("/households", params={"limit": "200"}, headers=as_whom)).json()["items"]
    for row in (one, next(row for row in listed if row["id"] == one["id"])):
        assert (row["head_name"], row["address"] is not None) == (head, address)
        assert "phone" not in row and row["has_phone"] is True


def spoilt(probe: Probe) -> Iterator[Probe]:
    """The probe with each part in turn made of marks."""
    phone = phone_of("h1")
    for name in probe.body or {}:
        for value in (WRONG, phone, WRONG * 100, [WRONG], {"a": WRONG}, f"{WRONG}\x00", token_of("m1"), 13977777777):
            yield replace(probe, body=dict(probe.body or {}) | {name: value})
    for name in (
        "household_id",
        "visitor",
        "region",
        "person",
        "branch",
        "area",
        "cursor",
        "parent",
        "from",
        "period",
        "limit",
    ):
        yield replace(probe, query=dict(probe.query) | {name: WRONG})
        yield replace(probe, query=dict(probe.query) | {name: phone})
    parts = probe.path.split("/")
    for index, part in enumerate(parts):
        if len(part) == 36:
            yield replace(probe, path="/".join([*parts[:index], WRONG, *parts[index + 1 :]]))
    for name, value in (("If-Match", phone), ("Authorization", f"Bearer {phone}"), ("X-Request-ID", f"{phone} {TOTP}")):
        yield replace(probe, headers=dict(probe.headers) | {name: value})


@pytest.mark.parametrize("operation", PROBES)
async def test_wrong_input_is_not_repeated(client: httpx.AsyncClient, operation: str, logged: Logged) -> None:
    """Neither in the problem nor in a log; of a name that is not known, only the name comes back to its sender."""
    await furnish(client)
    probe = PROBES[operation](SIDES[0])[0]
    viewer = min(probe.may, default="nobody")
    refused = 0
    for wrong in spoilt(probe):
        async with undone():
            answer = await call(client, wrong, viewer)
        assert answer.status_code < 500, wrong
        if answer.status_code >= 400:
            assert marks_in(answer.text) == set(), (wrong, answer.text)
            refused += 1
    without_input = ("accounts.me", "accounts.sign_out", "feedback.read_feedback", "meta.about", "meta.codes")
    assert refused >= 2 or operation in without_input
    assert marks_in(logged.text()) == set()


async def test_nothing_of_an_address_that_does_not_exist_is_logged_or_repeated(
    client: httpx.AsyncClient, logged: Logged
) -> None:
    for method, path, body in (
        ("GET", f"/{WRONG}", b""), ("GET", f"/households?region={phone_of('h1')}", b""), ("PUT", "/visits", WRONG.encode()),
        ("POST", "/visits", WRONG.encode()), ("POST", "/visits", b"{" + WRONG.encode()), ("POST", "/visits", b"\xff\xfe"),
        ("POST", "/visits", f'"{WRONG}"'.encode()), ("POST", "/visits/batch", f'{{"visits": "{WRONG}"}}'.encode()),
    ):  # fmt: skip
        answer = await client.request(method, path, content=body, headers=headers("m1"))
        assert 400 <= answer.status_code < 500
        assert marks_in(answer.text) == set()
    assert marks_in(logged.text()) == set()


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def _violation(kind: type[asyncpg.PostgresError], text: str) -> Exception:
    """An error as PostgreSQL words it: with the values of the row."""
    return kind.new(  # type: ignore[no-any-return]
        {"S": "ERROR", "C": kind.sqlstate, "M": text, "D": f"Failing row contains ({text}).", "n": "some_constraint"}
    )


def _errors() -> list[Exception]:
    text = f"{WRONG} {phone_of('h1')} {PASSWORD}"
    made = [
        RuntimeError(text), ValueError(text), KeyError(text), OSError(text), TimeoutError(text), AssertionError(text),
        UnicodeEncodeError("utf-8", text, 0, 1, text), ValidationError({text: [text]}), SanicException(text),
        SanicException(text, status_code=404), SanicException(text, status_code=503), IntegrityError(text), ConnectionError(text),
    ]  # fmt: skip
    for kind in (
        asyncpg.UniqueViolationError, asyncpg.CheckViolationError, asyncpg.ExclusionViolationError, asyncpg.DataError,
        asyncpg.ForeignKeyViolationError, asyncpg.DeadlockDetectedError, asyncpg.QueryCanceledError, asyncpg.RaiseError,
        asyncpg.AdminShutdownError, asyncpg.InvalidTextRepresentationError, asyncpg.InternalServerError,
    ):  # fmt: skip
        made.append(_violation(kind, text))
        made.append(_caused(IntegrityError(text), _violation(kind, text)))
        made.append(_caused(OperationalError(text), _violation(kind, text)))
    return made


@pytest.mark.parametrize("operation", PROBES)
async def test_an_error_with_values_in_its_text_gives_none_away(
    client: httpx.AsyncClient, app: Any, operation: str, logged: Logged
) -> None:
    """Whatever a service raises: the answer is a problem, and the log holds its kind and place, not its words."""
    await furnish(client)
    (spec,) = [spec for name, _, _, spec in operations(app) if name == operation]
    side = SIDES[0]
    probe = PROBES[operation](side)[0]
    viewer = min(probe.may, default="nobody")
    for error in _errors():
        async with undone():
            answer = await _call_failing(client, spec, error, probe, viewer)
        assert answer.status_code >= 400, error
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert marks_in(answer.text) == set(), type(error)
        assert answer.json()["request_id"]
    text = logged.text()
    assert marks_in(text) == set()
    assert text.count("unexpected") > 5, "nothing was logged, so nothing was tried"


async def _call_failing(
    client: httpx.AsyncClient, spec: Spec, error: Exception, probe: Probe, viewer: str
) -> httpx.Response:
    async def fail(*_: Any, **__: Any) -> Any:
        raise error

    handler = spec.handler
    object.__setattr__(spec, "handler", fail)
    try:
        return await call(client, probe, viewer)
    finally:
        object.__setattr__(spec, "handler", handler)


class TestRealServer:
    """The log of a real process, while the database itself complains with the values of rows."""

    @pytest.fixture
    async def connection(self, own_database: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(**database.credentials(own_database))
        yield connection
        await connection.close()

    async def test_its_log_and_its_answers(self, serve: Callable[..., Running], connection: asyncpg.Connection) -> None:
        running = serve(redis="unix:///nowhere")
        async with httpx.AsyncClient(base_url=f"{running.url}/api/v1", timeout=30) as client:
            visit = a_visit(SIDES[0], client_id=str(SIDES[0].visit))
            assert (await client.post("/visits", json=visit, headers=headers("m1"))).status_code == 201
            await connection.execute(f"""
                CREATE TABLE test_fault (code text); INSERT INTO test_fault VALUES (NULL);
                CREATE FUNCTION test_fail() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE fault text := (SELECT code FROM test_fault);
                BEGIN IF fault IS NOT NULL THEN
                  RAISE EXCEPTION '{WRONG} %', NEW::text USING ERRCODE = fault, DETAIL = '{WRONG} {phone_of("h1")}', HINT = '{WRONG}';
                END IF; RETURN NEW; END $$""")
            for table in (
                "household",
                "residence",
                "tier",
                "assignment",
                "visit",
                "audit_entry",
                "session",
                "invitation",
                "role_grant",
            ):
                await connection.execute(
                    f"CREATE TRIGGER test_fail BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION test_fail()"
                )
            statuses = set()
            for fault in ("23505", "23514", "23P01", "22001", "40P01", "P0001", "57014", "XX000"):
                await connection.execute("UPDATE test_fault SET code = $1", fault)
                for operation, probes in PROBES.items():
                    probe = probes(SIDES[0])[0]
                    viewer = "s_east" if "s_east" in probe.may else min(probe.may, default="nobody")
                    if operation == "accounts.bind":
                        continue
                    answer = await call(client, probe, viewer)
                    statuses.add(answer.status_code)
                    if answer.status_code >= 400:
                        assert marks_in(answer.text) == set(), (operation, fault)
                    for wrong in list(spoilt(probe))[::40]:
                        await call(client, wrong, viewer)
            await client.get(f"/{WRONG}?phone={phone_of('h1')}", headers={b"User-Agent": WRONG.encode()})
            await client.post("/visits", content=b"x" * 2_000_000, headers=headers("m1"))
            broken = await client.get("/me", headers={b"Authorization": b"Bearer \xff\xfe " + WRONG.encode()})
            assert broken.status_code == 401, "a token that is no text is no session"
        assert {409, 500, 503} <= statuses
        running.stop()
        log = running.log.read_text()
        assert "unexpected" in log and "constraint" in log
        assert marks_in(log) == set()
        assert "Traceback" not in log

    def test_library_loggers_cannot_print_a_value(self) -> None:
        """A library that logs an exception, or a message with values, shows its name and level alone."""
        code = (
            "import logging, structlog\n"
            "from backend import log\n"
            "log.configure()\n"
            "try:\n"
            f"    raise ValueError('{WRONG}')\n"
            "except ValueError:\n"
            f"    logging.getLogger('asyncio').exception('{WRONG}', extra={{'value': '{WRONG}'}})\n"
            f"    logging.getLogger('sanic.error').error('%s', '{WRONG}', exc_info=True, stack_info=True)\n"
            f"    logging.getLogger('asyncpg').debug('{WRONG}')\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        lines = (done.stdout + done.stderr).splitlines()
        assert len(lines) == 2, lines
        assert marks_in(done.stdout + done.stderr) == set()
