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
from pathlib import Path

import asyncpg
import pyotp
import pytest
from argon2 import PasswordHasher

from backend.crypto import token_hash, vault
from backend.demo import load as loading
from backend.demo.guide import guide
from backend.demo.load import load
from backend.demo.township import make_township
from backend.permissions import Role
from backend.rules.accounts import normalised_code
from backend.settings import AppEnv, SettingsError
from models.database import credentials
from tests.demo.loaded import UNTIL, Demo, empty_database, quiet

#: What a load makes anew each time, or what depends on the day it runs: nonces, passwords, invitations, the audit.
NOT_REPEATED = {
    "account": ("password_hash", "totp_sealed"),
    "household": ("head_sealed", "phone_sealed", "address_sealed"),
    "household_tag": ("kind_sealed",),
    "person": ("name_sealed", "phone_sealed"),
    "visit": ("note_sealed",),
    "wechat_identity": ("openid_sealed",),
}
NOT_COMPARED = {"invitation", "audit_entry", "coverage_state", "tortoise_migrations"}
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
    demo: Demo, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await empty_database(postgres_url, "demo_again")
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
