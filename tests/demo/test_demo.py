"""The demo township as a load leaves it: exact sizes, no contradiction, exact figures, nothing in plain text."""

from __future__ import annotations

import asyncio
import io
import json
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pyotp
import pytest
from argon2 import PasswordHasher
from rich.console import Console

from backend import crypto
from backend.crypto import token_hash, vault
from backend.demo import load as loading
from backend.demo.guide import guide
from backend.demo.load import DemoTownship, load
from backend.demo.township import make_township
from backend.local.servers import private_postgres
from backend.permissions import Role
from backend.rules.accounts import normalised_code
from backend.rules.households import masked
from backend.rules.visits import canonical_body
from backend.settings import AppEnv, Settings, SettingsError
from models.database import credentials
from models.migrate import migrate

UNTIL = date(2026, 11, 15)
#: What a load makes anew each time, or what depends on the day it runs: nonces, passwords, invitations, the audit.
NOT_REPEATED = {
    "account": ("password_hash", "totp_sealed"),
    "household": ("head_sealed", "phone_sealed", "address_sealed"),
    "household_tag": ("kind_sealed",),
    "person": ("name_sealed", "phone_sealed"),
    "visit": ("note_sealed",),
    "wechat_identity": ("openid_sealed",),
}
AS_SENT = (
    "occurred_on", "noted_at", "mode", "outcome", "topics", "companion_ids", "backfill_reason", "needs_follow_up",
)  # fmt: skip
NOT_COMPARED = {"invitation", "audit_entry", "coverage_state", "tortoise_migrations"}
DATED = (
    "region", "branch", "responsibility", "membership", "exemption", "role_grant", "residence", "tier", "home",
    "assignment",
)  # fmt: skip
#: Prints a hash of all rows without their sealed bytes; run under different hash seeds, so no order of a set leaks in.
DIGEST = f"""
import hashlib
from datetime import date
from backend.crypto import Vault
from backend.demo import rows
from backend.demo.township import make_township
township, vault = make_township(date({UNTIL.year}, {UNTIL.month}, {UNTIL.day})), Vault(((1, bytes(32)),))
digest = hashlib.sha256()
for kinds in (rows.place_rows(township), rows.household_rows(township, vault), rows.person_rows(township, vault),
              rows.link_rows(township), rows.account_rows(township, vault), rows.visit_rows(township, vault)):
    for kind in kinds:
        for row in kind.rows:
            digest.update(repr([one for one in row if not isinstance(one, bytes)]).encode())
print(digest.hexdigest())
"""


@dataclass(frozen=True)
class Demo:
    """A loaded database: a connection, what the load said, and where it left demo.json."""

    settings: Settings
    connection: asyncpg.Connection
    summary: DemoTownship
    run_dir: Path

    async def value(self, sql: str, *arguments: object) -> Any:
        return await self.connection.fetchval(sql, *arguments)


def quiet() -> Console:
    return Console(file=io.StringIO())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with private_postgres(tmp_path_factory.mktemp("demo"), durable=False) as url:
        yield url


async def empty_database(server: str, name: str) -> Settings:
    connection = await asyncpg.connect(**credentials(server))
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    settings = Settings.from_env({"APP_ENV": "test", "DATABASE_URL": url, "REDIS_URL": "unix:///nowhere"})
    await migrate(settings)
    return settings


@pytest.fixture(scope="module")
async def demo(server: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    settings = await empty_database(server, "demo")
    run_dir = tmp_path_factory.mktemp("run")
    summary = await load(settings, UNTIL, quiet(), run_dir)
    connection = await asyncpg.connect(**credentials(settings.database_url))
    yield Demo(settings, connection, summary, run_dir)
    await connection.close()


async def test_totals_are_exactly_as_sized(demo: Demo) -> None:
    on = "during @> '2026-11-15'::date"
    counts = {
        "villages": "SELECT count(*) FROM region WHERE level = 'village'",
        "grids": "SELECT count(*) FROM region WHERE level = 'grid'",
        "micro_grids": "SELECT count(*) FROM region WHERE level = 'micro_grid'",
        "households": "SELECT count(*) FROM household WHERE closed_on IS NULL",
        "branches": "SELECT count(*) FROM branch",
        "town_branches": "SELECT count(*) FROM branch b JOIN region r ON r.id = b.region_id WHERE r.level = 'township'",
        "members": f"SELECT count(*) FROM membership WHERE kind IN ('full', 'probationary') AND {on}",
        "probationary": f"SELECT count(*) FROM membership WHERE kind = 'probationary' AND {on}",
        "cadres": f"SELECT count(*) FROM membership WHERE kind = 'cadre' AND {on}",
        "areas": "SELECT count(DISTINCT person_id) FROM responsibility WHERE kind = 'cadre_area'",
        "party_households": f"SELECT count(DISTINCT household_id) FROM home WHERE {on}",
        "resident": f"SELECT count(*) FROM residence WHERE status = 'resident' AND {on}",
        "away": f"SELECT count(*) FROM residence WHERE status = 'away' AND {on}",
        "nominal": f"SELECT count(*) FROM residence WHERE status = 'nominal' AND {on}",
        "key": f"SELECT count(DISTINCT household_id) FROM tier WHERE {on}",
        "exempt": f"SELECT count(*) FROM exemption WHERE {on}",
        "tags": "SELECT count(*) FROM household_tag WHERE expires_on BETWEEN '2026-11-16' AND '2027-11-15'",
    }
    assert {name: await demo.value(sql) for name, sql in counts.items()} == {
        "villages": 61,
        "grids": 61,
        "micro_grids": 357,
        "households": 23_000,
        "branches": 118,
        "town_branches": 4,
        "members": 3_300,
        "probationary": 66,
        "cadres": 30,
        "areas": 30,
        "party_households": 2_760,
        "resident": 18_170,
        "away": 4_140,
        "nominal": 690,
        "key": 4_600,
        "exempt": 1_023,
        "tags": 805 + 138 + 1_380 + 1_610 + 575 + 920,
    }
    assert demo.summary.fresh
    assert demo.summary.seconds < 60


async def test_places_nest_and_each_micro_grid_has_one_branch(demo: Demo) -> None:
    rows = await demo.connection.fetch(
        "SELECT r.*, p.path AS above, p.code AS parent FROM region r LEFT JOIN region p ON p.id = r.parent_id"
    )
    lengths = {"county": 12, "township": 12, "village": 12, "grid": 14, "micro_grid": 17}
    for row in rows:
        assert row["path"] == [*(row["above"] or []), row["id"]]
        assert row["code"].startswith("999901")
        assert len(row["code"]) == lengths[row["level"]]
        assert row["level"] not in ("grid", "micro_grid") or row["code"].startswith(row["parent"])
    assert await demo.value(
        """SELECT bool_and(n = 1) FROM (SELECT count(p.id) AS n FROM region r LEFT JOIN responsibility p
           ON p.region_id = r.id AND p.kind = 'branch_micro_grid' WHERE r.level = 'micro_grid' GROUP BY r.id) x"""
    )
    sizes = await demo.connection.fetchrow(
        """SELECT min(n), sum(n) FROM (
             SELECT count(*) AS n FROM region WHERE level = 'micro_grid' GROUP BY path[3]) x"""
    )
    assert sizes[0] >= 2
    assert sizes[1] == 357


async def test_dated_rows_do_not_overlap_and_residence_has_no_hole(demo: Demo) -> None:
    alone = {
        "residence": "household_id",
        "home": "person_id",
        "membership": "person_id",
        "assignment": "household_id, CASE role WHEN 'primary' THEN '' ELSE id::text END",
    }
    for table, whose in alone.items():
        overlaps = await demo.value(
            f"""SELECT count(*) FROM (SELECT valid_from, lag(coalesce(valid_to, 'infinity')) OVER (
                  PARTITION BY {whose} ORDER BY valid_from, valid_to) AS before FROM {table} WHERE NOT isempty(during)) x
                WHERE before > valid_from"""
        )
        assert overlaps == 0, table
    assert await demo.value(
        """SELECT bool_and(days = datemultirange(daterange(h.opened_on, NULL))) FROM household h JOIN (
             SELECT household_id, range_agg(during) AS days FROM residence GROUP BY 1) r ON r.household_id = h.id"""
    )
    for table in DATED:
        assert await demo.value(f"SELECT count(*) FROM {table} WHERE valid_to > $1", UNTIL) == 0, table
        assert await demo.value(f"SELECT max(valid_from) < $1 FROM {table}", UNTIL), table
    assert await demo.value(
        """SELECT bool_and(before <= valid_from) FROM (
             SELECT valid_from, lag(valid_from) OVER (ORDER BY seq) AS before FROM assignment) x"""
    )


async def test_every_due_household_is_linked_or_an_honest_gap(demo: Demo) -> None:
    due, linked = await demo.connection.fetchrow(
        """SELECT sum(households)::int, sum(covered)::int FROM coverage_on($1,
             (SELECT array_agg(id) FROM region WHERE level = 'micro_grid'))""",
        UNTIL,
    )
    assert (
        await demo.value("SELECT count(*) FROM assignment WHERE role = 'primary' AND during @> $1::date", UNTIL)
        == linked
    )
    assert 0.02 <= (due - linked) / due <= 0.03
    worst = await demo.value(
        """SELECT sum(n) FROM (SELECT households - covered AS n FROM coverage_on($1, (SELECT array_agg(id) FROM region
             WHERE level = 'micro_grid')) ORDER BY 1 DESC LIMIT 10) x""",
        UNTIL,
    )
    assert worst > (due - linked) * 0.4  # clustered: ten of 357 micro-grids hold nearly half
    loads = await demo.connection.fetch(
        "SELECT count(*) AS n FROM assignment WHERE role = 'primary' AND during @> $1::date GROUP BY person_id", UNTIL
    )
    assert 2_240 <= len(loads) <= 2_260
    assert all(1 <= row["n"] <= 20 for row in loads)
    assert sum(5 <= row["n"] <= 15 for row in loads) > 0.98 * len(loads)


async def test_links_respect_homes_exemptions_and_service(demo: Demo) -> None:
    at_home = "FROM assignment a JOIN home o USING (household_id, person_id) WHERE o.during && a.during"
    assert await demo.value(f"SELECT count(*) {at_home}") == 0
    exempt = "FROM assignment a JOIN exemption e ON e.person_id = a.person_id AND e.during && a.during"
    assert await demo.value(f"SELECT count(*) {exempt}") == 0
    assert await demo.value(
        """SELECT bool_and(EXISTS (SELECT FROM membership m WHERE m.person_id = a.person_id AND m.during @> a.during))
           FROM assignment a"""
    )
    changed = await demo.value(
        "SELECT count(*) FROM assignment WHERE role = 'primary' AND valid_to >= $1::date - 365", UNTIL
    )
    assert 0.05 <= changed / 20_000 <= 0.07
    assert await demo.value("SELECT bool_and(num_nulls(valid_to, end_reason, ended_at) IN (0, 3)) FROM assignment")
    same_day = await demo.value(
        """SELECT count(*) FROM assignment a JOIN assignment b ON b.household_id = a.household_id
           AND b.valid_from = a.valid_to AND b.role = 'primary' AND b.person_id <> a.person_id WHERE a.role = 'primary'"""
    )
    assert same_day > 0.7 * changed


async def test_no_visit_outside_duty(demo: Demo) -> None:
    outside = await demo.value(
        """SELECT count(*) FROM visit v WHERE NOT EXISTS (
             SELECT FROM membership m WHERE m.person_id = v.visitor_id AND m.during @> v.occurred_on AND (
               EXISTS (SELECT FROM assignment a WHERE a.household_id = v.household_id AND a.person_id = v.visitor_id
                       AND a.during @> v.occurred_on)
               OR EXISTS (SELECT FROM residence r JOIN responsibility p ON p.region_id = r.micro_grid_id
                          WHERE p.kind = 'branch_micro_grid' AND p.branch_id = m.branch_id
                            AND r.household_id = v.household_id AND r.during @> v.occurred_on)))"""
    )
    assert outside == 0
    assert (
        await demo.value(
            """SELECT count(*) FROM visit v, unnest(v.visitor_id || v.companion_ids) who
           JOIN home o ON o.person_id = who WHERE o.household_id = v.household_id AND o.during @> v.occurred_on"""
        )
        == 0
    )
    # A companion is of the same branch (docs/rules.md V6), and whoever enters has an account.
    assert (
        await demo.value(
            """SELECT count(*) FROM visit v, unnest(companion_ids) who, membership m, membership n
           WHERE m.person_id = v.visitor_id AND n.person_id = who AND m.branch_id <> n.branch_id"""
        )
        == 0
    )
    assert (
        await demo.value("SELECT count(*) FROM visit v LEFT JOIN account a ON a.id = v.entered_by WHERE a.id IS NULL")
        == 0
    )


async def test_visits_keep_the_rules_of_dates(demo: Demo) -> None:
    wrong = await demo.value(
        """SELECT count(*) FROM visit v JOIN household h ON h.id = v.household_id, LATERAL (
             SELECT (noted_at AT TIME ZONE 'Asia/Shanghai')::date AS noted) x
           WHERE occurred_on < opened_on OR noted < occurred_on OR noted_at > v.recorded_at
              OR v.recorded_at >= $1::timestamp AT TIME ZONE 'Asia/Shanghai' OR voided_at < v.recorded_at
              OR (noted - occurred_on > 7 AND backfill_reason IS NULL)""",
        datetime(2026, 11, 15),
    )
    assert wrong == 0
    assert await demo.value("SELECT min(occurred_on) >= '2026-08-15' AND max(occurred_on) = '2026-11-14' FROM visit")


async def test_visits_look_like_three_months_of_work(demo: Demo) -> None:
    row = await demo.connection.fetchrow(
        """SELECT count(*) AS n, avg((outcome = 'not_home')::int) AS not_home, avg((outcome = 'declined')::int) AS declined,
             avg(needs_follow_up::int) AS follow_up, avg((note_sealed IS NOT NULL)::int) AS notes,
             avg(((recorded_at AT TIME ZONE 'Asia/Shanghai')::date > occurred_on)::int) AS late,
             avg((a.person_id IS DISTINCT FROM v.visitor_id)::int) AS proxy, count(voided_at) AS voided
           FROM visit v JOIN account a ON a.id = v.entered_by"""
    )
    assert 26_000 <= row["n"] <= 30_000
    shares = {"not_home": 0.07, "declined": 0.006, "follow_up": 0.05, "notes": 0.05, "late": 0.12, "proxy": 0.15}
    for name, share in shares.items():
        assert float(row[name]) == pytest.approx(share, rel=0.25), name
    assert row["voided"] > 50
    busy = await demo.value(
        "SELECT avg((extract(day FROM occurred_on) BETWEEN 10 AND 12)::int) FROM visit WHERE date_trunc('month', occurred_on) = '2026-10-01'"
    )
    assert float(busy) == pytest.approx(0.25, abs=0.03)
    crowded = "SELECT max(n) FROM (SELECT count(*) AS n FROM visit WHERE mode = 'in_person' GROUP BY visitor_id, occurred_on) x"
    assert await demo.value(crowded) <= 12


async def test_figures_are_exact_and_nothing_waits(demo: Demo) -> None:
    periods = [row["id"] for row in await demo.connection.fetch("SELECT id FROM period ORDER BY id")]
    assert periods == [202608, 202609, 202610, 202611]
    assert await demo.value("SELECT count(*) FROM coverage_dirty") == 0
    for period in periods:
        assert await demo.connection.fetch("SELECT * FROM coverage_check($1)", period) == []
    assert await demo.value("SELECT sum(party) > 1500 FROM coverage_sum WHERE period_id = 202611")


async def test_coverage_of_three_months_is_plausible_and_differs_by_village(demo: Demo) -> None:
    async with demo.connection.transaction():
        await demo.connection.execute("INSERT INTO period VALUES (1, 'quarter', '[2026-08-15,2026-11-15)')")
        rows = await demo.connection.fetch(
            """SELECT sum(households) AS due, sum(contacted) AS contacted, sum(resident) AS resident, sum(visited) AS visited
               FROM coverage_of((SELECT array_agg(id) FROM household), (SELECT array_agg(1) FROM household)) c
               JOIN region r ON r.id = c.micro_grid_id GROUP BY r.path[3]"""
        )
        await demo.connection.execute("DELETE FROM period WHERE id = 1")
    assert 0.76 <= sum(row["contacted"] for row in rows) / sum(row["due"] for row in rows) <= 0.86
    assert 0.74 <= sum(row["visited"] for row in rows) / sum(row["resident"] for row in rows) <= 0.86
    by_village = sorted(row["contacted"] / row["due"] for row in rows)
    assert by_village[4] < 0.65
    assert by_village[-5] > 0.87


async def test_no_personal_value_stands_in_plain_text(demo: Demo) -> None:
    personal = set()
    for table, columns in {"person": ("name", "phone"), "household": ("head", "phone", "address")}.items():
        for row in await demo.connection.fetch(f"SELECT * FROM {table}"):
            for column in columns:
                if (sealed := row[f"{column}_sealed"]) is not None:
                    personal.add(vault().open(sealed, table, column, row["id"]))
    assert len(personal) > 40_000
    lengths = {len(value) for value in personal}
    columns = await demo.connection.fetch(
        """SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema = 'public'
           AND (data_type IN ('text', 'character varying') OR udt_name IN ('_text', '_varchar', 'json', 'jsonb'))"""
    )
    for row in columns:
        for found in await demo.connection.fetch(f'SELECT DISTINCT "{row["c"]}"::text AS text FROM "{row["t"]}"'):
            text = found["text"] or ""
            parts = {text[i : i + n] for n in lengths for i in range(len(text) - n + 1)}
            assert not parts & personal, f"{row['t']}.{row['c']}"


async def test_sealed_fields_open_again_and_are_found(demo: Demo) -> None:
    for row in await demo.connection.fetch("SELECT * FROM person"):
        assert masked(vault().open(row["name_sealed"], "person", "name", row["id"])) == row["name_masked"]
        phone = vault().open(row["phone_sealed"], "person", "phone", row["id"])
        assert (row["phone_index"], row["phone_index_version"]) == vault().index("phone", phone)
    for row in await demo.connection.fetch("SELECT * FROM household LIMIT 2000"):
        assert masked(vault().open(row["head_sealed"], "household", "head", row["id"])) == row["head_masked"]
        assert vault().open(row["address_sealed"], "household", "address", row["id"]).startswith("汀禾镇")
        assert (row["phone_sealed"] is None) == (row["phone_index"] is None)
    kinds = set()
    for row in await demo.connection.fetch("SELECT * FROM household_tag"):
        kinds.add(kind := vault().open(row["kind_sealed"], "household_tag", "kind", row["id"]))
        assert (row["kind_index"], row["kind_index_version"]) == vault().index("tag", kind)
    assert len(kinds) == 6


async def test_a_visit_sent_again_by_the_phone_would_be_the_same(demo: Demo) -> None:
    rows = await demo.connection.fetch(
        "SELECT v.*, a.person_id FROM visit v JOIN account a ON a.id = v.entered_by ORDER BY v.id LIMIT 3000"
    )
    assert any(row["note_sealed"] for row in rows)
    for row in rows:
        note = row["note_sealed"] and vault().open(row["note_sealed"], "visit", "note", row["id"])
        visitor, entered_for_another = str(row["visitor_id"]), row["person_id"] != row["visitor_id"]
        body = {name: row[name] for name in AS_SENT} | {
            "client_id": str(row["id"]),
            "household_id": str(row["household_id"]),
            "note": note,
            "on_behalf_of": visitor if entered_for_another else None,
        }
        assert row["body_mac"] == vault().mac("visit", canonical_body(body))
        assert row["note_index"] == (note and vault().mac("note", note.encode()))


async def test_demo_json_lets_everybody_in_and_nobody_else_read_it(demo: Demo) -> None:
    path = demo.run_dir / "demo.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert {one["role"] for one in facts["accounts"]} | {one["role"] for one in facts["members"]} == set(Role)
    for one in facts["accounts"]:
        row = await demo.connection.fetchrow(
            """SELECT a.*, g.role, coalesce(g.region_id, g.branch_id)::text AS place FROM account a
               JOIN role_grant g ON g.account_id = a.id WHERE login = $1 AND coalesce(g.region_id, g.branch_id)::text = $2""",
            one["account"],
            one["place"],
        )
        assert row["role"] == one["role"]
        assert PasswordHasher().verify(row["password_hash"], one["password"])
        secret = vault().open(row["totp_sealed"], "account", "totp", row["id"])
        assert pyotp.TOTP(secret).now() == pyotp.TOTP(one["totp_secret"]).now()
        assert (row["person_id"] is not None) == (one["role"] in (Role.BRANCH_SECRETARY, Role.AREA_CADRE))
    assert [one["bound"] for one in facts["members"]] == [True] * 6 + [False] * 6
    for one in facts["members"]:
        identity = await demo.connection.fetchrow(
            "SELECT a.person_id::text FROM wechat_identity w JOIN account a ON a.id = w.account_id WHERE openid_index = $1",
            vault().mac("openid", one["openid"].encode()),
        )
        assert (identity and identity["person_id"]) == (one["person_id"] if one["bound"] else None)
        invited = await demo.value(
            "SELECT person_id::text FROM invitation WHERE code_hash = $1 AND ended_at IS NULL AND expires_at > now()",
            token_hash(normalised_code(one["invite_code"] or "")),
        )
        assert invited == (None if one["bound"] else one["person_id"])
        assert (
            await demo.value(
                "SELECT count(*) FROM assignment WHERE household_id::text = $1 AND person_id::text = $2 AND valid_to IS NULL",
                one["household_id"],
                one["person_id"],
            )
            == 1
        )
    gap = facts["gap"]["household_id"]
    assert (
        await demo.value("SELECT count(*) FROM assignment WHERE household_id::text = $1 AND valid_to IS NULL", gap) == 0
    )
    assert await demo.value("SELECT count(*) FROM audit_entry WHERE action = 'demo.load'") == 1


async def test_a_second_load_changes_nothing_and_says_so(demo: Demo, tmp_path: Path) -> None:
    before = (demo.run_dir / "demo.json").read_bytes()
    console = quiet()
    again = await load(demo.settings, date(2026, 12, 24), console, demo.run_dir)
    assert not again.fresh
    assert again.until == UNTIL
    assert "already loaded" in console.file.getvalue()  # type: ignore[attr-defined]
    assert (demo.run_dir / "demo.json").read_bytes() == before
    assert await demo.value("SELECT count(*) FROM audit_entry") == 1


async def test_stopped_leaves_nothing_then_a_second_load_gives_the_same_facts(
    demo: Demo, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await empty_database(server, "again")
    connection = await asyncpg.connect(**credentials(settings.database_url))
    batches = loading._batches

    def stopping(rows: Iterator[tuple[object, ...]]) -> Iterator[list[tuple[object, ...]]]:
        for n, batch in enumerate(batches(rows)):
            if n == 2:
                stopped.cancel()  # as Ctrl-C does
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(loading, "_batches", stopping)
        stopped = asyncio.ensure_future(load(settings, UNTIL, quiet(), tmp_path))
        with pytest.raises(asyncio.CancelledError):
            await stopped
    assert await connection.fetchval("SELECT (SELECT count(*) FROM region) + (SELECT count(*) FROM household)") == 0

    assert (await load(settings, UNTIL, quiet(), tmp_path)).fresh
    assert await plain_facts(connection) == await plain_facts(demo.connection)
    # A run directory that does not know the passwords gets new ones; those of the first stop working.
    old = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))["accounts"][0]
    (tmp_path / "demo.json").unlink()
    renewed = await load(settings, UNTIL, quiet(), tmp_path)
    assert not renewed.fresh
    new = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))["accounts"][0]
    stored = await connection.fetchval("SELECT password_hash FROM account WHERE login = $1", new["account"])
    assert old["password"] != new["password"]
    assert PasswordHasher().verify(stored, new["password"])
    await connection.close()


async def plain_facts(connection: asyncpg.Connection) -> dict[str, str]:
    """A hash of each table without what a load makes anew."""
    tables = await connection.fetch("SELECT relname AS t FROM pg_stat_user_tables ORDER BY 1")
    found = {}
    for name in (row["t"] for row in tables if row["t"] not in NOT_COMPARED):
        left_out = list(NOT_REPEATED.get(name, ()))
        found[name] = await connection.fetchval(
            f"SELECT md5(string_agg(r, ',' ORDER BY r)) FROM (SELECT (to_jsonb(t) - $1::text[])::text AS r FROM {name} t) x",
            left_out,
        )
    return found


def test_invention_does_not_depend_on_the_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
        ).stdout
        for seed in ("1", "7")
    }
    assert len(digests) == 1
    assert len(digests.pop()) == 65


@pytest.mark.parametrize("until", [date(2024, 2, 29), date(2025, 1, 1), date(2026, 5, 31)])
def test_any_day_will_do(until: date) -> None:
    crypto.configure(((1, b"0" * 32),))
    township = make_township(until)
    assert len(township.months()) in (4, 5)
    assert township.visits
    assert all(township.start <= visit.occurred_on < until for visit in township.visits)
    assert all(visit.recorded_at.date() < until for visit in township.visits)
    assert len(township.accounts.demo_members) == 12


async def test_production_refuses_it(demo: Demo, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="APP_ENV: production never holds the demo township"):
        await load(replace(demo.settings, env=AppEnv.PRODUCTION), UNTIL, quiet(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_guide_is_shell_that_a_shell_understands(demo: Demo, tmp_path: Path) -> None:
    facts = json.loads((demo.run_dir / "demo.json").read_text(encoding="utf-8")) | {"base_url": "http://127.0.0.1:8000"}
    text = guide(facts)
    walk = text[text.index("API=") :]
    assert subprocess.run(["sh", "-n"], input=walk, text=True, check=False).returncode == 0
    secret = facts["accounts"][0]["totp_secret"]
    totp = next(line for line in walk.splitlines() if line.startswith("totp()"))
    run = subprocess.run(["sh", "-c", f"{totp}\ntotp {secret}"], capture_output=True, text=True, check=True)
    assert pyotp.TOTP(secret).verify(run.stdout.strip(), valid_window=1)
    for one in (*facts["accounts"], *facts["members"]):
        assert (one.get("account") or one["openid"]) in text
