"""Migrations up, down, twice and at once, and what must stand in the catalogue afterwards."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.context import TortoiseContext
from tortoise.migrations.api import migrate as tortoise_migrate

from backend.rules import assignments, feedback, households, obligations, people, regions, visits
from backend.settings import Settings
from models import coverage, migrate
from models.database import credentials, tortoise_config
from tests.conftest import administer, named
from tests.world import settings_for

ROOT = Path(__file__).parents[2]
_numbers = itertools.count()
EXTENSIONS = "SELECT e.objid FROM pg_depend e WHERE e.deptype = 'e'"
#: Everything that migrations make, in words that do not depend on the order in which it was made.
CATALOGUE = {
    "columns": "SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, generation_expression"
    " FROM information_schema.columns WHERE table_schema = 'public'",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace AND conrelid <> 0",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    f" AND prokind = 'f' AND oid NOT IN ({EXTENSIONS})",
    "relations": "SELECT relname, relkind::text, reloptions::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    f" AND relkind IN ('r', 'S', 'v') AND oid NOT IN ({EXTENSIONS})",
    "comments": "SELECT objoid::regclass::text, objsubid, description FROM pg_description WHERE classoid = 'pg_class'::regclass"
    f" AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) AND objoid NOT IN ({EXTENSIONS})",
}


@asynccontextmanager
async def empty(postgres_url: str) -> AsyncIterator[Settings]:
    """Settings of a new database with nothing in it."""
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    await administer(postgres_url, f"CREATE DATABASE {name}")
    try:
        yield settings_for(named(postgres_url, name))
    finally:
        await administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


async def fetch(settings: Settings, sql: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(**credentials(settings.database_url))
    try:
        rows: list[Any] = await connection.fetch(sql, *arguments)
        return rows
    finally:
        await connection.close()


async def catalogue(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: sorted((tuple(row) for row in await fetch(settings, sql)), key=repr) for name, sql in CATALOGUE.items()
    }


async def go_to(settings: Settings, target: str) -> None:
    """Migrate up or down through the library itself, in a context of its own (it would take over the test's)."""
    async with TortoiseContext():
        await tortoise_migrate(config=tortoise_config(settings), target=f"lianhu.{target}")


@pytest.fixture
async def migrated(own_database: str) -> Settings:
    return settings_for(own_database)


class TestUpAndDown:
    async def test_from_empty_and_then_nothing(self, postgres_url: str) -> None:
        async with empty(postgres_url) as settings:
            assert await migrate.pending(settings) == migrate.names()
            assert await migrate.migrate(settings) == migrate.names() != []
            before = await catalogue(settings)
            assert await migrate.pending(settings) == []
            assert await migrate.migrate(settings) == []
            assert await catalogue(settings) == before

    async def test_each_step_down_takes_back_what_its_step_up_has_made(self, postgres_url: str) -> None:
        async with empty(postgres_url) as settings:
            await go_to(settings, "__first__")
            stood = {"__first__": await catalogue(settings)}
            left = await fetch(settings, CATALOGUE["relations"])
            assert [row["relname"] for row in left if row["relkind"] == "r"] == ["tortoise_migrations"]
            names = ["__first__", *migrate.names()]
            for name in names[1:]:
                await go_to(settings, name)
                stood[name] = await catalogue(settings)
            for before, name in itertools.pairwise(names):
                assert stood[before] != stood[name], name
            for name in reversed(names[:-1]):
                await go_to(settings, name)
                assert await migrate.pending(settings) == names[names.index(name) + 1 :]
                assert await catalogue(settings) == stood[name], name
            assert await migrate.migrate(settings) == migrate.names()
            assert await catalogue(settings) == stood[names[-1]]

    async def test_replicas_that_migrate_at_once_queue(self, postgres_url: str) -> None:
        """Real processes: the library keeps a context for each of them."""
        async with empty(postgres_url) as settings:
            command = [sys.executable, "-m", "backend", "migrate"]
            environ = {
                **os.environ,
                "APP_ENV": "test",
                "DATABASE_URL": settings.database_url,
                "REDIS_URL": "unix:///nowhere",
            }
            done = await asyncio.gather(
                *(
                    asyncio.to_thread(
                        subprocess.run, command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120
                    )
                    for _ in range(3)
                )
            )
            assert [one.returncode for one in done] == [0, 0, 0], [one.stderr for one in done]
            assert sorted(one.stdout for one in done) == [
                f"migrated: {', '.join(migrate.names())}\n",
                *["nothing to migrate\n"] * 2,
            ]
            names = [row["name"] for row in await fetch(settings, "SELECT name FROM tortoise_migrations")]
            assert sorted(names) == migrate.names()

    async def test_a_server_does_not_start_on_pending_migrations(self, postgres_url: str) -> None:
        async with empty(postgres_url) as settings:
            environ = {
                **os.environ,
                "APP_ENV": "test",
                "DATABASE_URL": settings.database_url,
                "REDIS_URL": "unix:///nowhere",
            }
            for command in ("serve", "worker", "recount", "check"):
                done = await asyncio.to_thread(
                    subprocess.run,
                    [sys.executable, "-m", "backend", command],
                    cwd=ROOT,
                    env=environ,
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
                assert done.returncode == 1
                assert done.stderr == (
                    f"DATABASE_URL: {len(migrate.names())} migrations are pending ({migrate.names()[0]} …);"
                    " run `python -m backend migrate`\n"
                )


async def test_models_and_migrations_say_the_same() -> None:
    assert await asyncio.create_task(migrate.drift(settings_for("postgresql://none"))) == []


def test_a_column_removed_and_added_again_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert migrate.replaced_columns() == []
    monkeypatch.setattr(migrate, "FOLDER", tmp_path)
    text = (
        "ops.RemoveField(model_name='{0}', name='{1}'),\nops.AddField(\n    model_name='{2}',\n    name='{3}', field=x)"
    )
    (tmp_path / "0004_fine.py").write_text(text.format("Visit", "mode", "Visit", "kind"))
    (tmp_path / "0005_lossy.py").write_text(text.format("Visit", "mode", "Visit", "mode"))
    assert migrate.names() == ["0004_fine", "0005_lossy"]
    assert migrate.replaced_columns() == ["0005_lossy.py: Visit.mode"]


class TestCatalogue:
    async def test_each_constraint_index_and_trigger_that_a_migration_names_is_there(self, migrated: Settings) -> None:
        source = "".join(path.read_text() for path in sorted(migrate.FOLDER.glob("000[2-5]*.py")))
        dated = [
            "region",
            "branch",
            "responsibility",
            "membership",
            "exemption",
            "role_grant",
            "residence",
            "tier",
            "home",
            "assignment",
            "region_rule",
        ]
        choices = ["region", "branch", "responsibility", "membership", "exemption", "role_grant", "residence", "assignment",
                   "session", "visit", "household", "region_rule", "must_visit", "succession",
                   "feedback"]  # fmt: skip
        exclusions = ["responsibility_one_branch", "membership_one_branch", "residence_one_place", "home_one_household",
                      "assignment_one_primary"]  # fmt: skip
        indexes = ["wechat_identity_openid", "session_token", "invitation_code", "region_code_level", "household_code",
                   "audit_entry_unsealed", "household_period_place", "household_period_unmet", "household_frozen_place",
                   "must_visit_event"]  # fmt: skip
        assert all(name in source for name in (*exclusions, *indexes))
        kinds = {
            row["conname"]: row["contype"]
            for row in await fetch(migrated, "SELECT conname, contype FROM pg_constraint")
        }
        assert {name: kinds.get(name) for name in exclusions} == dict.fromkeys(exclusions, b"x")
        checks = [f"{table}_dates" for table in dated] + [f"{table}_choices" for table in choices]
        assert {name: kinds.get(name) for name in checks} == dict.fromkeys(checks, b"c")
        found = {row["indexname"] for row in await fetch(migrated, "SELECT indexname FROM pg_indexes")}
        assert set(indexes) <= found
        for unique in indexes[:5]:
            (row,) = await fetch(migrated, "SELECT indexdef FROM pg_indexes WHERE indexname = $1", unique)
            assert row["indexdef"].startswith("CREATE UNIQUE INDEX")

    async def test_every_table_of_facts_marks_each_kind_of_change(self, migrated: Settings) -> None:
        """A fact that leaves no mark would leave a figure wrong until somebody recounts."""
        rows = await fetch(
            migrated,
            """SELECT tgrelid::regclass::text AS rel, p.proname || encode(tgargs, 'escape') AS calls, tgtype & 60 AS on, tgtype & 1 AS each,
                 tgenabled FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT tgisinternal AND tgname ~ '^(coverage|frozen)_'""",
        )
        assert all((row["each"], row["tgenabled"]) == (0, b"O") for row in rows)  # one call a statement, and enabled
        on = {4: "insert", 8: "delete", 16: "update", 28: "all", 56: "change"}
        found = {(row["rel"], re.split(r"\\000", row["calls"])[0], on[row["on"]]) for row in rows}
        always = {"insert", "delete", "update"}
        expected = {
            (table, "coverage_mark", how) for table in ("residence", "home", "assignment", "tier") for how in always
        }
        expected |= {("assignment", "coverage_mark_otherresident_id", how) for how in always}
        expected |= {("membership", "coverage_mark_otherperson_id", how) for how in always}
        expected |= {("responsibility", "coverage_mark_othermicro_grid_id", how) for how in always}
        expected |= {("must_visit", "coverage_mark_must_visit", how) for how in always}
        expected |= {("succession", "coverage_mark_succession", how) for how in always}
        expected |= {("region_rule", "coverage_mark_rule", how) for how in always}
        expected |= {("household", "coverage_mark_identity", "update")}
        expected |= {
            (table, "frozen_stays", "change")
            for table in ("frozen_part", "household_frozen", "obligation_frozen", "coverage_frozen")
        }
        expected |= {("visit", "coverage_mark_visit", how) for how in ("insert", "update")}
        expected |= {(table, "coverage_tree_changed", "all") for table in ("region", "branch", "responsibility")}
        assert found == expected

    async def test_every_foreign_key_has_an_index(self, migrated: Settings) -> None:
        """Without it, each change of the other table scans this one. What is missing is printed ready to paste."""
        missing = await fetch(
            migrated,
            """SELECT format('CREATE INDEX %s_%s ON %s (%s);', c.conrelid::regclass, a.attname, c.conrelid::regclass, a.attname) AS paste
               FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
               WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
                 AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] AND i.indpred IS NULL)
               ORDER BY 1""",
        )
        assert missing == [], "\n".join(row["paste"] for row in missing)

    async def test_the_columns_of_a_figure_are_the_same_in_both_tables_and_in_the_model(
        self, migrated: Settings
    ) -> None:
        sql = """SELECT array_agg(column_name::text ORDER BY ordinal_position) AS names FROM information_schema.columns
                 WHERE table_name = $1"""
        kept, sums = [(await fetch(migrated, sql, table))[0]["names"] for table in ("household_period", "coverage_sum")]
        assert kept == [
            "period_id",
            "household_id",
            "micro_grid_id",
            "branch_id",
            *coverage.COLUMNS,
            "unmet",
            "must_unmet",
        ]
        assert sums == ["period_id", "micro_grid_id", "branch_id", *coverage.COLUMNS]

    async def test_what_holds_for_a_while_is_a_range_made_from_its_dates(self, migrated: Settings) -> None:
        both = await fetch(
            migrated,
            """SELECT table_name::text AS name, max(generation_expression) AS made FROM information_schema.columns
               WHERE table_schema = 'public' AND column_name IN ('valid_from', 'valid_to', 'during') AND table_name <> 'visit'
               GROUP BY 1 HAVING bool_or(column_name = 'valid_from')""",
        )
        assert {row["made"] for row in both} == {"daterange(valid_from, valid_to)"}
        assert len(both) == 11


CHOICES: list[tuple[str, str, type[StrEnum] | dict[str, str]]] = [
    ("region_choices", "level", regions.Level), ("branch_choices", "kind", regions.BranchKind),
    ("responsibility_choices", "kind", regions.ResponsibilityKind), ("membership_choices", "kind", people.PersonKind),
    ("exemption_choices", "reason", people.ExemptionReason), ("residence_choices", "status", households.ResidenceStatus),
    ("assignment_choices", "role", assignments.AssignmentRole), ("assignment_choices", "source", assignments.AssignmentSource),
    ("visit_choices", "mode", visits.MODES), ("visit_choices", "outcome", visits.OUTCOMES),
    ("must_visit_choices", "kind", obligations.MustVisitKind), ("must_visit_choices", "source", obligations.Source),
    ("feedback_choices", "kind", feedback.FeedbackKind),
    ("region_rule_choices", "name", regions.RuleName),
]  # fmt: skip


@pytest.mark.parametrize(
    ("constraint", "column", "codes"), CHOICES, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_the_database_takes_the_codes_of_the_rules_and_no_other(
    migrated: Settings, constraint: str, column: str, codes: type[StrEnum] | dict[str, str]
) -> None:
    (row,) = await fetch(
        migrated, "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = $1", constraint
    )
    match = re.search(rf"\(?{column} = ANY \(ARRAY\[(.*?)\]\)", row["text"])
    assert match, row["text"]
    assert sorted(re.findall(r"'(\w+)'", match[1])) == sorted(str(code) for code in codes)
