"""Personal values of the demo township: in no column as plain text, and each sealed one opens where it belongs."""

from __future__ import annotations

from backend.crypto import vault
from backend.rules.feedback import canonical_body as canonical_feedback
from backend.rules.households import masked
from backend.rules.visits import canonical_body
from schemas.feedback import FeedbackIn
from tests.demo.loaded import Demo

AS_SENT = (
    "occurred_on", "noted_at", "mode", "outcome", "topics", "companion_ids", "backfill_reason", "needs_follow_up",
)  # fmt: skip


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


async def test_feedback_opens_and_one_is_answered(demo: Demo) -> None:
    rows = await demo.connection.fetch("SELECT * FROM feedback ORDER BY sent_at")
    assert [(row["kind"], row["answered_at"] is not None) for row in rows] == [
        ("complaint", True), ("suggestion", False), ("fault", False),
    ]  # fmt: skip
    assert [row["number"] for row in rows] == [1, 2, 3]
    for row in rows:
        text = vault().open(row["text_sealed"], "feedback", "text", row["id"])
        contact = row["contact_sealed"] and vault().open(row["contact_sealed"], "feedback", "contact", row["id"])
        body = {"client_id": str(row["id"]), "kind": row["kind"], "text": text, "contact": contact, "signed": False}
        loaded = FeedbackIn().load(body)
        assert loaded == body | {"client_id": row["id"]}
        assert vault().mac("feedback", canonical_feedback(loaded)) == row["body_mac"]
        assert row["person_id"] is None
    answered = rows[0]
    assert vault().open(answered["answer_sealed"], "feedback", "answer", answered["id"])
    assert answered["sent_at"] < answered["answered_at"]


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
