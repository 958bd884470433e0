"""A small township that every API test knows: two villages, two branches, nine households, and one of each role.

县 county ── 镇 town ─┬─ 东村 east ── grid ─┬─ e1: h1 h2 h3 h4 h5     branch east (secretary s_east)
                      │                     └─ e2: h6 (away)
                      └─ 西村 west ── grid ─── w1: h7 h8 h9            branch west (secretary s_west)
m1 -> h1 h2 (primary)   m2 -> h3 (primary), h1 (backup)   m3 -> h7 h8 (primary), h6 (primary, across the branches)
h4 and h9 are gaps; h5 is where m1 lives, so it is a party household; h6 lies in east and is linked to west's m3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType
from uuid import UUID, uuid5

import argon2
import asyncpg

from backend.crypto import Vault, token_hash
from backend.rules.definitions import CATALOGUE
from backend.rules.households import masked
from backend.settings import CHINA, AppEnv, Settings

NOW = datetime(2026, 11, 15, 10, 0, tzinfo=CHINA)
TODAY = NOW.date()
FAR = datetime(2100, 1, 1, tzinfo=UTC)
OPENED = date(2026, 1, 1)
_SPACE = UUID("6f1d3c52-8a6e-4f0e-9a55-0d8f6a1c2b3d")
PASSWORD = "a password for tests"
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOBODY = UUID(int=0)

HOUSEHOLDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "h1": ("e1", "赵标记一"), "h2": ("e1", "钱标记二"), "h3": ("e1", "孙标记三"), "h4": ("e1", "李标记四"),
        "h5": ("e1", "周标记五"), "h6": ("e2", "吴标记六"), "h7": ("w1", "郑标记七"), "h8": ("w1", "王标记八"),
        "h9": ("w1", "冯标记九"),
    }
)  # fmt: skip
PEOPLE: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "m1": ("east", "full", "陈人名一"), "m2": ("east", "full", "褚人名二"), "m3": ("west", "full", "卫人名三"),
        "m4": ("west", "probationary", "蒋人名四"), "s_east": ("east", "full", "沈人名五"),
        "s_west": ("west", "full", "韩人名六"), "cadre": ("town", "cadre", "杨人名七"),
    }
)  # fmt: skip
LINKS = (
    ("m1", "h1", "primary"), ("m1", "h2", "primary"), ("m2", "h3", "primary"), ("m2", "h1", "backup"),
    ("m3", "h7", "primary"), ("m3", "h8", "primary"), ("m3", "h6", "primary"),
)  # fmt: skip
#: Who may sign in, and the role granted: name -> (role, place). Members and secretaries are people, too.
STAFF: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "s_east": ("branch_secretary", "east"), "s_west": ("branch_secretary", "west"), "cadre": ("area_cadre", "v_east"),
        "office": ("organization_office", "town"), "committee": ("township_committee", "town"),
        "department": ("department", "town"), "admin": ("administrator", "county"),
    }
)  # fmt: skip
MEMBERS = ("m1", "m2", "m3", "m4")


def settings_for(database_url: str, redis_url: str = "unix:///nowhere", **environ: str) -> Settings:
    """Settings of a test."""
    return Settings.from_env({"APP_ENV": AppEnv.TEST, "DATABASE_URL": database_url, "REDIS_URL": redis_url, **environ})


VAULT = Vault(settings_for("postgresql://x").secret_keys)


def of(kind: str, name: str) -> UUID:
    """The id of something of the world: `of("household", "h1")`."""
    return uuid5(_SPACE, f"{kind}:{name}")


def phone_of(household: str) -> str:
    """The phone of a household; no other text of the tests looks like it."""
    return "139" + household[1:].rjust(8, "7")


def token_of(name: str) -> str:
    """The bearer token of somebody of the world."""
    return f"token-of-{name}-" + of("token", name).hex


@dataclass
class World:
    """Ids by name, and headers by name."""

    households: dict[str, UUID] = field(default_factory=lambda: {name: of("household", name) for name in HOUSEHOLDS})
    people: dict[str, UUID] = field(default_factory=lambda: {name: of("person", name) for name in PEOPLE})
    accounts: dict[str, UUID] = field(
        default_factory=lambda: {name: of("account", name) for name in (*MEMBERS, *STAFF)}
    )
    branches: dict[str, UUID] = field(
        default_factory=lambda: {name: of("branch", name) for name in ("town", "east", "west")}
    )
    regions: dict[str, UUID] = field(
        default_factory=lambda: {
            name: of("region", name)
            for name in ("county", "town", "v_east", "v_west", "g_east", "g_west", "e1", "e2", "w1")
        }
    )

    @staticmethod
    def headers(name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_of(name)}"}

    @staticmethod
    def link(person: str, household: str) -> UUID:
        return of("link", f"{person}-{household}")


_REGIONS = (
    ("county", None, "county", "999902000000", "测试县"), ("town", "county", "township", "999902101000", "测试镇"),
    ("v_east", "town", "village", "999902101200", "东村"), ("v_west", "town", "village", "999902101201", "西村"),
    ("g_east", "v_east", "grid", "99990210120001", "东村网格"), ("g_west", "v_west", "grid", "99990210120101", "西村网格"),
    ("e1", "g_east", "micro_grid", "99990210120001001", "东一"), ("e2", "g_east", "micro_grid", "99990210120001002", "东二"),
    ("w1", "g_west", "micro_grid", "99990210120101001", "西一"),
)  # fmt: skip


async def build(connection: asyncpg.Connection) -> None:
    """Write the world into a migrated database, with the figures of October and November 2026."""
    await _places(connection)
    await _people(connection)
    await _households(connection)
    await _accounts(connection)
    for month, start, end in (
        (202610, date(2026, 10, 1), date(2026, 11, 1)),
        (202611, date(2026, 11, 1), date(2026, 12, 1)),
    ):
        await connection.execute(
            "INSERT INTO period (id, kind, span, definition_version) VALUES ($1, 'month', daterange($2, $3), $4)",
            month, start, end, CATALOGUE,
        )  # fmt: skip
        await connection.execute("SELECT coverage_recount($1, (SELECT array_agg(id) FROM household))", month)
    await connection.execute("DELETE FROM coverage_dirty")  # the recount saw all that these marks speak of


async def _places(connection: asyncpg.Connection) -> None:
    paths: dict[str | None, list[UUID]] = {None: []}
    for name, parent, level, code, words in _REGIONS:
        paths[name] = [*paths[parent], of("region", name)]
        await connection.execute(
            """INSERT INTO region (id, parent_id, level, code, name, path, predecessors, valid_from)
               VALUES ($1, $2, $3, $4, $5, $6, '{}', $7)""",
            of("region", name), parent and of("region", parent), level, code, words, paths[name], OPENED,
        )  # fmt: skip
    for name, region in (("town", "town"), ("east", "v_east"), ("west", "v_west")):
        await connection.execute(
            "INSERT INTO branch (id, region_id, kind, name, path, valid_from) VALUES ($1, $2, 'branch', $3, $4, $5)",
            of("branch", name), of("region", region), f"{name} 支部", [of("branch", name)], OPENED,
        )  # fmt: skip
    for kind, region, branch in (
        ("branch_micro_grid", "e1", "east"), ("branch_micro_grid", "e2", "east"), ("branch_micro_grid", "w1", "west"),
        ("branch_village", "v_east", "east"), ("branch_village", "v_west", "west"),
    ):  # fmt: skip
        await connection.execute(
            "INSERT INTO responsibility (id, kind, region_id, branch_id, valid_from) VALUES ($1, $2, $3, $4, $5)",
            of("responsibility", f"{kind}-{region}"), kind, of("region", region), of("branch", branch), OPENED,
        )  # fmt: skip


async def _people(connection: asyncpg.Connection) -> None:
    for name, (branch, kind, words) in PEOPLE.items():
        person = of("person", name)
        await connection.execute(
            "INSERT INTO person (id, name_sealed, name_masked) VALUES ($1, $2, $3)",
            person, VAULT.seal(words, "person", "name", person), masked(words),
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO membership (id, person_id, branch_id, kind, valid_from) VALUES ($1, $2, $3, $4, $5)",
            of("membership", name), person, of("branch", branch), kind, OPENED,
        )  # fmt: skip


async def _households(connection: asyncpg.Connection) -> None:
    for name, (grid, head) in HOUSEHOLDS.items():
        household, phone = of("household", name), phone_of(name)
        index, version = VAULT.index("phone", phone)
        await connection.execute(
            """INSERT INTO household (id, code, group_name, head_sealed, head_masked, phone_sealed, phone_index,
                 phone_index_version, address_sealed, opened_on) VALUES ($1, $2, '一组', $3, $4, $5, $6, $7, $8, $9)""",
            household, name, VAULT.seal(head, "household", "head", household), masked(head),
            VAULT.seal(phone, "household", "phone", household), index, version,
            VAULT.seal(f"标记地址{name}号", "household", "address", household), OPENED,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO residence (id, household_id, micro_grid_id, status, valid_from) VALUES ($1, $2, $3, $4, $5)",
            of("residence", name), household, of("region", grid), "away" if name == "h6" else "resident", OPENED,
        )  # fmt: skip
    for person, name, role in LINKS:
        await connection.execute(
            """INSERT INTO assignment (id, household_id, person_id, role, source, valid_from)
               VALUES ($1, $2, $3, $4, 'appointed', $5)""",
            World.link(person, name), of("household", name), of("person", person), role, OPENED,
        )  # fmt: skip
    await connection.execute(
        "INSERT INTO home (id, person_id, household_id, valid_from) VALUES ($1, $2, $3, $4)",
        of("home", "m1"), of("person", "m1"), of("household", "h5"), OPENED,
    )  # fmt: skip


async def _accounts(connection: asyncpg.Connection) -> None:
    password_hash = argon2.PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)
    for name in (*MEMBERS, *STAFF):
        account = of("account", name)
        staff = name in STAFF
        await connection.execute(
            "INSERT INTO account (id, person_id, login, password_hash, totp_sealed) VALUES ($1, $2, $3, $4, $5)",
            account, of("person", name) if name in PEOPLE else None, name if staff else None,
            password_hash if staff else None, VAULT.seal(TOTP, "account", "totp", account) if staff else None,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO session (id, token_hash, kind, account_id, expires_at) VALUES ($1, $2, $3, $4, $5)",
            of("session", name), token_hash(token_of(name)), "console" if staff else "phone", account, FAR,
        )  # fmt: skip
        if staff:
            role, place = STAFF[name]
            at_branch = role == "branch_secretary"
            await connection.execute(
                "INSERT INTO role_grant (id, account_id, role, region_id, branch_id, valid_from) VALUES ($1, $2, $3, $4, $5, $6)",
                of("grant", name), account, role, None if at_branch else of("region", place),
                of("branch", place) if at_branch else None, OPENED,
            )  # fmt: skip
    identity = of("identity", "stranger")
    await connection.execute(
        "INSERT INTO wechat_identity (id, openid_index, openid_sealed) VALUES ($1, $2, $3)",
        identity, VAULT.mac("openid", b"stranger"), VAULT.seal("stranger", "wechat_identity", "openid", identity),
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO session (id, token_hash, kind, identity_id, expires_at) VALUES ($1, $2, 'phone', $3, $4)",
        of("session", "stranger"), token_hash(token_of("stranger")), identity, FAR,
    )  # fmt: skip
