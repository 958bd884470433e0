"""No personal value lies plain in a table: not as text, not as bytes, not as Base64, not as a hash without a key."""

from __future__ import annotations

import base64
import hashlib

import httpx

from models import database
from tests.api.probes import NOTE, PROBES, SAID, SIDES, call, furnish, headers
from tests.api.test_personal_data import marks_in, spoilt
from tests.world import HOUSEHOLDS, PASSWORD, PEOPLE, TOTP, World, phone_of

#: Columns of text in which the world's marks may never be; every other kind of column cannot hold one.
COLUMNS = """
SELECT table_name, column_name, udt_name FROM information_schema.columns WHERE table_schema = 'public'
AND udt_name IN ('text', 'varchar', 'bpchar', 'bytea', 'json', 'jsonb', '_text', '_varchar', '_bytea', 'name', 'xml')"""
OPENIDS = ("openid-mark", "somebody-else", "stranger")
AT_REST = (
    "标记",
    "人名",
    "1397777",
    NOTE,
    SAID,
    "openid-mark",
    "somebody-else",
    "stranger",
    PASSWORD,
    TOTP,
    "错记",
    "7KQM3F9TXW2P",
)


async def _plain(words: tuple[str, ...]) -> list[str]:
    """`table.column: word` for every column that holds one of the words, as text, as bytes, as Base64 or as a plain hash."""
    found = []
    whole = [
        *(HOUSEHOLDS[name][1] for name in HOUSEHOLDS),
        *(phone_of(name) for name in HOUSEHOLDS),
        *(row[2] for row in PEOPLE.values()),
    ]
    hashes = [
        digest(word.encode()).digest()
        for word in [*whole, *OPENIDS]
        for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256)
    ]
    columns = await database.fetch(COLUMNS)
    assert len(columns) > 40
    for row in columns:
        table, column, kind = row["table_name"], row["column_name"], row["udt_name"]
        for word in words:
            encoded = base64.b64encode(word.encode()).decode().rstrip("=")
            if kind == "bytea":
                test = f"position(convert_to($1, 'UTF8') IN {column}) > 0 OR position(convert_to($2, 'UTF8') IN {column}) > 0"
            else:
                test = f"position($1 IN {column}::text) > 0 OR position($2 IN {column}::text) > 0"
            if await database.fetch_value(f'SELECT EXISTS (SELECT FROM "{table}" WHERE {test})', word, encoded):
                found.append(f"{table}.{column}: {word}")
        hashed = f'SELECT EXISTS (SELECT FROM "{table}" WHERE {column} = ANY ($1::bytea[]))'
        if kind == "bytea" and await database.fetch_value(hashed, hashes):
            found.append(f"{table}.{column}: a plain hash")
    return found


class TestAtRest:
    async def test_no_table_holds_a_personal_value_in_plain(self, client: httpx.AsyncClient, world: World) -> None:
        await furnish(client)
        await client.post("/auth/wechat", json={"code": "standin:openid-mark"})
        for operation, probes in PROBES.items():
            if operation in ("accounts.sign_out", "accounts.bind"):
                continue
            for side in SIDES:
                for probe in probes(side):
                    await call(client, probe, min(probe.may, default="nobody"))
        for wrong in spoilt(PROBES["visits.record_visit"](SIDES[0])[0]):
            await call(client, wrong, "m1")
        assert await _plain(AT_REST) == []

    async def test_the_search_does_find(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute("UPDATE household SET group_name = '标记组' WHERE id = $1", world.households["h1"])
        await database.execute(
            "UPDATE household SET address_sealed = convert_to('某标记', 'UTF8') WHERE id = $1", world.households["h2"]
        )
        await database.execute(
            "UPDATE household SET phone_index = sha256($2) WHERE id = $1",
            world.households["h3"],
            phone_of("h3").encode(),
        )
        await database.execute("INSERT INTO audit_entry (action, changed) VALUES ('x', ARRAY['赵标记一'])")
        assert sorted(await _plain(("标记",))) == [
            "audit_entry.changed: 标记", "household.address_sealed: 标记", "household.group_name: 标记", "household.phone_index: a plain hash",
        ]  # fmt: skip

    async def test_a_sealed_value_opens_nowhere_else(self, client: httpx.AsyncClient, world: World) -> None:
        """Who may write the tables cannot have one household's phone shown under another's."""
        await database.execute(
            "UPDATE household SET phone_sealed = (SELECT phone_sealed FROM household WHERE id = $2) WHERE id = $1",
            world.households["h1"], world.households["h7"],
        )  # fmt: skip
        body = {"fields": ["phone"], "purpose": "visit"}
        answer = await client.post(f"/households/{world.households['h1']}/reveal", json=body, headers=headers("m1"))
        assert answer.status_code == 500
        assert marks_in(answer.text) == set()
