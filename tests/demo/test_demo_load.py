"""Loading the demo township: who gets in, loading again, stopping, the same facts every time, and the guide."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise, takewhile
from pathlib import Path
from uuid import UUID

import asyncpg
import pyotp
import pytest
from argon2 import PasswordHasher

from backend import clients
from backend.crypto import token_hash, vault
from backend.demo import figures
from backend.demo import load as loading
from backend.demo.guide import guide
from backend.demo.load import load
from backend.demo.township import Extent, make_township
from backend.permissions import Role
from backend.rules.accounts import normalised_code
from backend.rules.periods import Kind, Period, to_keep
from backend.settings import AppEnv, SettingsError
from models.database import credentials
from tests.demo.loaded import UNTIL, Demo, empty_database, quiet

#: What a load makes anew each time, or what depends on the day it runs: nonces, passwords, invitations, the audit.
NOT_REPEATED = {
    "account": ("password_hash", "totp_sealed"),
    "household": ("head_sealed", "phone_sealed", "address_sealed"),
    "household_tag": ("kind_sealed",),
    "person": ("name_sealed", "phone_sealed"),
    "wechat_identity": ("openid_sealed",),
}
#: What is of a township, whatever its visits.
STANDING = (
    "region", "branch", "responsibility", "household", "residence", "tier", "household_tag", "person", "membership",
    "exemption", "home", "assignment", "account", "wechat_identity", "role_grant",
)  # fmt: skip
#: A sixth of a township: what is asked of it here does not depend on its size.
PART = 1 / 6
#: Prints a hash of all rows without their sealed bytes; run under different hash seeds, so no order of a set leaks in.
DIGEST = f"""
import hashlib
from datetime import date
from backend.crypto import Vault
from backend.demo import rows
from backend.demo.township import Extent, make_township
township, vault = make_township(date({UNTIL.year}, {UNTIL.month}, {UNTIL.day}), extent=Extent(2, part={PART})), Vault(((1, bytes(32)),))
digest = hashlib.sha256()
for _, kinds in rows.all_rows(township, vault):
    for kind in kinds:
        for row in kind.rows:
            digest.update(repr([one for one in row if not isinstance(one, bytes)]).encode())
print(digest.hexdigest())
"""


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


@pytest.mark.parametrize("until", [date(2024, 2, 29), date(2025, 1, 1), date(2026, 2, 20), date(2026, 5, 31)])
def test_any_day_will_do(until: date) -> None:
    township = make_township(until, extent=Extent(months=3, part=PART))
    visits = list(township.visits)
    assert visits
    assert all(township.start <= visit.occurred_on < until for visit in visits)
    assert all(max(visit.recorded_at, visit.voided_at or visit.recorded_at).date() < until for visit in visits)
    assert all(one.recorded_at.date() < until for one in township.must_visits)
    assert all(stay.valid_from < until for one in township.households for stay in one.stays)
    assert all((stay.valid_to or until) <= until for one in township.households for stay in one.stays)
    assert len(township.accounts.demo_members) == 12
    kept = {kind: [one for one in figures.periods_of(until) if one.kind is kind] for kind in Kind}
    for several in kept.values():
        assert all(before.until == after.start for before, after in pairwise(several))
    assert Period.containing(until).shifted(-12) == kept[Kind.MONTH][0]
    assert {Period.containing(until, kind) for kind in (Kind.MONTH, Kind.QUARTER)} < {
        *kept[Kind.MONTH],
        *kept[Kind.QUARTER],
    }
    assert to_keep(figures.periods_of(until), until) == []


def test_more_visits_reach_further_back_and_then_come_more_often() -> None:
    assert Extent.of(10_000_000, 20) == Extent(58, 1.0)
    dense = Extent.of(10_000_000, 1)
    assert dense.months == 60
    assert 15 < dense.density < 25
    ordinary, often = (
        sum(1 for _ in make_township(UNTIL, extent=Extent(1, density, PART)).visits) for density in (1.0, 4.0)
    )
    assert often / ordinary == pytest.approx(4, rel=0.2)
    old = make_township(UNTIL, extent=Extent(60, part=PART))
    first = list(takewhile(lambda visit: visit.occurred_on.year < 2022, old.visits))
    assert old.start == min(visit.occurred_on for visit in first) == date(2021, 11, 1)
    assert len(first) > 12_000 * PART


async def test_stopped_leaves_nothing_then_a_county_holds_the_same_first_township_and_another(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = await empty_database(postgres_url, "demo_alone")
    settings = await empty_database(postgres_url, "demo_county")
    extent = Extent(months=1, part=PART)
    connection = await asyncpg.connect(**credentials(settings.database_url))
    single = await asyncpg.connect(**credentials(alone.database_url))
    batches = loading._batches

    def stopping(rows: Iterator[tuple[object, ...]]) -> Iterator[list[tuple[object, ...]]]:
        for n, batch in enumerate(batches(rows)):
            if n == 2:  # in the middle of a table
                stopped.cancel()  # as Ctrl-C does
            yield batch

    monkeypatch.setattr(figures, "periods_of", lambda until: [])
    with monkeypatch.context() as patch:
        patch.setattr(loading, "_batches", stopping)
        patch.setattr(loading, "BATCH", 500)
        stopped = asyncio.ensure_future(load(settings, UNTIL, quiet(), tmp_path, 2, extent))
        with pytest.raises(asyncio.CancelledError):
            await stopped
    assert await connection.fetchval("SELECT (SELECT count(*) FROM region) + (SELECT count(*) FROM household)") == 0

    await load(alone, UNTIL, quiet(), None, extent=extent)
    summary = await load(settings, UNTIL, quiet(), tmp_path, 2, extent)
    assert summary.fresh
    assert summary.facts is not None
    assert summary.facts["township"]["code"] == "999901101000"
    towns = await connection.fetch("SELECT * FROM region WHERE level = 'township' ORDER BY code")
    assert [row["code"] for row in towns] == ["999901101000", "999901102000"]
    assert len({row["name"] for row in towns}) == 2
    assert {row["parent_id"] for row in towns} == {
        await connection.fetchval("SELECT id FROM region WHERE level = 'county'")
    }
    assert await connection.fetchval("SELECT count(*) FROM household") == 2 * len(
        await single.fetch("SELECT FROM household")
    )
    assert await connection.fetchval("SELECT count(DISTINCT phone_index) = count(phone_index) FROM household")
    visited = """SELECT count(*) FROM visit v JOIN residence r USING (household_id) JOIN region g ON g.id = r.micro_grid_id
                 WHERE r.valid_to IS NULL AND g.path[2] = $1"""
    assert [await connection.fetchval(visited, row["id"]) > 5_000 * PART for row in towns] == [True, True]
    for table in STANDING:
        ids = [row["id"] for row in await single.fetch(f"SELECT id FROM {table}")]
        assert await rows_of(connection, table, ids) == await rows_of(single, table, ids), table
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") > 1.7 * len(ids), table

    # A run directory that does not know the passwords gets new ones; those of the first stop working.
    old = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))["accounts"][0]
    (tmp_path / "demo.json").unlink()
    renewed = await load(settings, UNTIL, quiet(), tmp_path, extent=extent)
    assert not renewed.fresh
    new = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))["accounts"][0]
    stored = await connection.fetchval("SELECT password_hash FROM account WHERE login = $1", new["account"])
    assert old["password"] != new["password"]
    assert PasswordHasher().verify(stored, new["password"])
    await connection.close()
    await single.close()


async def rows_of(connection: asyncpg.Connection, table: str, ids: list[UUID]) -> str | None:
    """A hash of some rows of a table without what a load makes anew."""
    left_out = [*NOT_REPEATED.get(table, ()), "seq"]
    found: str | None = await connection.fetchval(
        f"""SELECT md5(string_agg(r, ',' ORDER BY r)) FROM (
              SELECT (to_jsonb(t) - $1::text[])::text AS r FROM {table} t WHERE id = ANY ($2)) x""",
        left_out,
        ids,
    )
    return found


async def test_production_refuses_it(demo: Demo, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="APP_ENV: production never holds the demo township"):
        await load(replace(demo.settings, env=AppEnv.PRODUCTION), UNTIL, quiet(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_guide_is_shell_that_a_shell_understands(demo: Demo, tmp_path: Path) -> None:
    facts = json.loads((demo.run_dir / "demo.json").read_text(encoding="utf-8")) | {"base_url": "http://127.0.0.1:8000"}
    text = guide(facts, ".run")
    walk = text[text.index("API=") :]
    assert subprocess.run(["sh", "-n"], input=walk, text=True, check=False).returncode == 0
    secret = facts["accounts"][0]["totp_secret"]
    totp = next(line for line in walk.splitlines() if line.startswith("totp()"))
    run = subprocess.run(["sh", "-c", f"{totp}\ntotp {secret}"], capture_output=True, text=True, check=True)
    assert pyotp.TOTP(secret).verify(run.stdout.strip(), valid_window=1)
    for one in (*facts["accounts"], *facts["members"]):
        assert (one.get("account") or one["openid"]) in text


def test_the_guide_names_the_pages_or_says_how_to_get_them(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = json.loads((demo.run_dir / "demo.json").read_text(encoding="utf-8")) | {"base_url": "http://127.0.0.1:8000"}
    monkeypatch.setattr(clients, "BUILT", {name: tmp_path / name for name in clients.BUILT})
    assert "make clients" in guide(facts, ".run") and "/console/" not in guide(facts, ".run")
    for folder in clients.BUILT.values():
        folder.mkdir()
        (folder / "index.html").write_text("")
    text = guide(facts, ".run")
    assert "http://127.0.0.1:8000/console/" in text and "make clients" not in text
    (phone,) = [line for line in text.splitlines() if "http://127.0.0.1:8000/m/" in line]
    assert "替身" in phone, "nobody may take the H5 for the mini-program"
