"""The chain of seals finds every hand that touched the audit (docs/rules.md A1)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from tortoise.context import TortoiseContext

from backend import consequences, crypto
from backend.rules.audit import Action
from backend.services import audit
from models import database
from tests.api.probes import snapshot
from tests.world import settings_for

#: How a hand with access to the tables may bend them, and each must be found. {n} is a sealed row, of three.
TAMPERING = {
    "id": "UPDATE audit_entry SET id = id + 100000 WHERE id = {n}",
    "at": "UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE id = {n}",
    "account": "UPDATE audit_entry SET account_id = gen_random_uuid() WHERE id = {n}",
    "no account": "UPDATE audit_entry SET account_id = NULL WHERE id = {n}",
    "action": "UPDATE audit_entry SET action = 'visit.void' WHERE id = {n}",
    "subject": "UPDATE audit_entry SET subject_id = gen_random_uuid() WHERE id = {n}",
    "no subject": "UPDATE audit_entry SET subject_id = NULL WHERE id = {n}",
    "changed": "UPDATE audit_entry SET changed = '{{phone}}' WHERE id = {n}",
    "one name for two": "UPDATE audit_entry SET changed = '{{\"address,phone\"}}' WHERE id = {n}",
    "a null among the names": "UPDATE audit_entry SET changed = changed || NULL::text WHERE id = {n}",
    "reason": "UPDATE audit_entry SET reason = 'emergency' WHERE id = {n}",
    "empty for none": "UPDATE audit_entry SET request_id = '' WHERE id = {n}",
    "request": "UPDATE audit_entry SET request_id = 'another-request' WHERE id = {n}",
    "other seal": "UPDATE audit_entry SET seal_no = 2 WHERE id = {n}",
    "no seal": "UPDATE audit_entry SET seal_no = NULL WHERE id = {n}",
    "a seal that is not there": "UPDATE audit_entry SET seal_no = 99 WHERE id = {n}",
    "deleted": "DELETE FROM audit_entry WHERE id = {n}",
    "inserted": "INSERT INTO audit_entry (action, changed, seal_no) VALUES ('visit.record', '{{}}', 1)",
    "inserted for a deleted one": "DELETE FROM audit_entry WHERE id = {n};"
    "INSERT INTO audit_entry (id, action, changed, seal_no) VALUES ({n}, 'visit.record', '{{}}', 1)",
    "two swapped": "UPDATE audit_entry a SET subject_id = b.subject_id FROM audit_entry b"
    " WHERE a.seal_no = 1 AND b.seal_no = 1 AND a.id <> b.id AND a.id IN ({n}, {n} + 1) AND b.id IN ({n}, {n} + 1)",
    "first seal deleted": "DELETE FROM audit_seal WHERE seal_no = 1",
    "middle seal deleted": "DELETE FROM audit_seal WHERE seal_no = 2",
    "last seal deleted": "DELETE FROM audit_seal WHERE seal_no = 3",
    "a seal and its rows deleted": "DELETE FROM audit_seal WHERE seal_no = 2; DELETE FROM audit_entry WHERE seal_no = 2",
    "count": "UPDATE audit_seal SET entry_count = entry_count + 1 WHERE seal_no = 2",
    "mac": "UPDATE audit_seal SET mac = sha256(mac) WHERE seal_no = 2",
    "last mac": "UPDATE audit_seal SET mac = sha256(mac) WHERE seal_no = 3",
    "seals swapped": "UPDATE audit_seal SET mac = o.mac, entry_count = o.entry_count FROM audit_seal o"
    " WHERE audit_seal.seal_no IN (1, 2) AND o.seal_no = 3 - audit_seal.seal_no",
    "a made-up seal": "INSERT INTO audit_entry (action, changed, seal_no) VALUES ('visit.record', '{{}}', 4);"
    "INSERT INTO audit_seal (seal_no, entry_count, mac) VALUES (4, 1, sha256('guess'))",
    "renumbered": "UPDATE audit_seal SET seal_no = 7 WHERE seal_no = 3; UPDATE audit_entry SET seal_no = 7 WHERE seal_no = 3",
}  # fmt: skip


class TestChain:
    @staticmethod
    async def rows(number: int) -> None:
        for _ in range(number):
            await audit.record(None, Action.HOUSEHOLD_EDIT, uuid4(), ["address", "phone"], account_id=uuid4())

    async def sealed(self) -> int:
        """Three seals over five, two and one rows; returns the id of a row in the first."""
        await database.execute("DELETE FROM audit_entry")
        for number in (5, 2, 1):
            await self.rows(number)
            assert await audit.seal() is not None
        assert await audit.check() == []
        return int(await database.fetch_value("SELECT min(id) + 1 FROM audit_entry"))

    @pytest.mark.parametrize("name", TAMPERING)
    async def test_a_hand_in_the_tables_is_found(self, db: Any, name: str) -> None:
        number = await self.sealed()
        for statement in TAMPERING[name].format(n=number).split(";"):
            assert await database.execute(statement) > 0, "nothing was tampered with"
        if name == "no seal":  # an unsealed row is looked at after ten minutes, and again at the next seal
            assert await audit.check() != []
        found = await audit.check()
        assert found and all("seal" in sentence for sentence in found), found

    def test_every_column_is_tampered_with(self) -> None:
        """A column that is added to the audit must be sealed, too."""
        assert set(AUDIT_COLUMNS) == {
            "id",
            "at",
            "account_id",
            "action",
            "subject_id",
            "changed",
            "reason",
            "request_id",
            "seal_no",
        }
        text = " ".join(TAMPERING.values())
        assert all(f"SET {column} =" in text for column in AUDIT_COLUMNS)

    async def test_the_seal_cannot_be_made_without_the_key(self, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who has the tables and not the key cannot write a chain of their own."""
        await self.sealed()
        await database.execute("DELETE FROM audit_seal")
        await database.execute("UPDATE audit_entry SET seal_no = NULL, reason = 'forged'")
        with monkeypatch.context() as patch:
            patch.setattr(crypto, "_vault", crypto.Vault(((1, b"x" * 32),)))
            assert await audit.seal() is not None
            assert await audit.check() == []
        assert await audit.check() != []

    async def test_a_new_key_does_not_break_the_chain(self, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        await self.sealed()
        (version, key), *_ = db.secret_keys
        monkeypatch.setattr(crypto, "_vault", crypto.Vault(((version + 1, b"y" * 32), (version, key))))
        await self.rows(1)
        assert await audit.seal() is not None
        assert await audit.check() == []

    async def test_sealing_with_nothing_new_does_nothing(self, db: Any) -> None:
        await self.sealed()
        before = await snapshot()
        assert await audit.seal() is None
        assert await snapshot() == before

    async def test_the_head_is_given_for_the_log(self, db: Any) -> None:
        await database.execute("DELETE FROM audit_entry")
        await self.rows(2)
        sealed = await audit.seal()
        head = await database.fetch_value("SELECT encode(mac, 'hex') FROM audit_seal WHERE seal_no = 1")
        assert sealed == (1, 2, head)

    async def test_old_rows_without_a_seal_are_an_alarm(self, db: Any) -> None:
        await self.sealed()
        await self.rows(3)
        assert await audit.check() == []
        await database.execute("UPDATE audit_entry SET at = now() - interval '11 minutes' WHERE seal_no IS NULL")
        (sentence,) = await audit.check()
        assert sentence.startswith("3 audit rows are under no seal")

    async def test_a_long_backlog_is_sealed_piece_by_piece(self, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        await database.execute("DELETE FROM audit_entry")
        monkeypatch.setattr("backend.rules.audit.SEAL_AT_MOST", 3)
        await self.rows(7)
        sizes = []
        while sealed := await audit.seal():
            sizes.append(sealed[1])
        assert sizes == [3, 3, 1]
        assert await audit.check() == []

    async def test_two_sealers_at_once_and_late_commits(self, own_database: str) -> None:
        """Each row under exactly one seal, in a chain without a gap, while others go on writing and commit late."""
        crypto.configure(settings_for(own_database).secret_keys)
        audit.install(consequences.CONSEQUENCES)
        late = await asyncpg.connect(**database.credentials(own_database))
        async with TortoiseContext() as context:
            await context.init(config=database.tortoise_config(settings_for(own_database)))
            held = late.transaction()
            await held.start()
            await late.execute("INSERT INTO audit_entry (action, changed) VALUES ('visit.record', '{}')")

            async def write() -> None:
                for _ in range(30):
                    async with database.transaction():
                        await self.rows(1)

            async def seal() -> None:
                for _ in range(15):
                    await audit.seal()
                    await asyncio.sleep(0)

            await asyncio.gather(write(), write(), seal(), seal(), seal())
            await held.commit()
            await asyncio.gather(seal(), seal())
            assert await audit.check() == []
            assert await database.fetch_value("SELECT count(*) FROM audit_entry WHERE seal_no IS NULL") == 0
            assert await database.fetch_value("SELECT count(*) FROM audit_entry") == 61
            assert await database.fetch_value("SELECT sum(entry_count) FROM audit_seal") == 61
            assert await database.fetch_value("SELECT max(seal_no) - count(*) FROM audit_seal") == 0
        await late.close()


AUDIT_COLUMNS = ("id", "at", "account_id", "action", "subject_id", "changed", "reason", "request_id", "seal_no")
