"""Rosters in and out: files, runs, messages, proposals, cards; steps of a link, abilities, exemptions that keep links."""

from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

CHOICES = {
    "message": "state IN ('pending', 'sending', 'sent', 'refused', 'unsure', 'dropped', 'dead')",
    "run": "state IN ('waiting', 'running', 'done', 'failed', 'stopped') AND work IN ('import', 'export', 'print')"
    " AND (finished_at IS NULL) = (state IN ('waiting', 'running')) AND (state = 'failed') = (problem IS NOT NULL)",
    "person": "abilities <@ ARRAY['livelihood', 'care', 'labour']",
}


def _marking(before: str, after: str) -> str:
    """The functions that mark what a changed row moves, with another list of columns that move nothing."""
    return f"""DO $do$ DECLARE f regprocedure; BEGIN
      FOREACH f IN ARRAY '{{coverage_mark,coverage_mark_other}}'::regproc[] LOOP
        EXECUTE replace(pg_get_functiondef(f), $${before}$$, $${after}$$);
      END LOOP;
    END $do$"""


MOVES_NOTHING = "'end_reason', 'ended_at']"
#: No figure asks when a link hung out or was confirmed; a village's notice must not have all its years counted again.
NEITHER_DO_THESE = "'end_reason', 'ended_at', 'published_on', 'confirmed_on']"

FORWARD = [
    *(f"ALTER TABLE {table} ADD CONSTRAINT {table}_choices CHECK ({check})" for table, check in CHOICES.items()),
    # Tortoise forgets unique_together on a new table (its issue 2272), and cannot index bytes.
    "CREATE UNIQUE INDEX message_once ON message (recipient_id, kind, occasion)",
    "CREATE UNIQUE INDEX proposal_item_once ON proposal_item (proposal_id, household_id)",
    "CREATE UNIQUE INDEX card_code ON card (code_hash)",
    "CREATE UNIQUE INDEX card_one ON card (household_id) WHERE revoked_at IS NULL",
    "CREATE INDEX run_open ON run (deadline_at) WHERE state IN ('waiting', 'running')",
    _marking(MOVES_NOTHING, NEITHER_DO_THESE),
]
BACKWARD = [
    _marking(NEITHER_DO_THESE, MOVES_NOTHING),
    "DROP INDEX run_open",
    "DROP INDEX card_one",
    "DROP INDEX card_code",
    "DROP INDEX proposal_item_once",
    "DROP INDEX message_once",
    *(f"ALTER TABLE {table} DROP CONSTRAINT {table}_choices" for table in CHOICES),
]


class Migration(migrations.Migration):
    dependencies = [("lianhu", "0006_feedback")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Card",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "household",
                    fields.ForeignKeyField(
                        "lianhu.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="cards",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code_hash", fields.BinaryField()),
                ("printed_at", fields.DatetimeField(db_default=Now(), auto_now=False, auto_now_add=False)),
                ("printed_by", fields.UUIDField()),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "card",
                "app": "lianhu",
                "indexes": [Index(fields=["household_id"])],
                "pk_attr": "id",
                "table_description": "A card as it was printed, by the hash of its code. The next print of a household revokes it (docs/rules.md S11).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Message",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("kind", fields.TextField(unique=False)),
                (
                    "recipient_id",
                    fields.UUIDField(
                        description="An account; without a foreign key, because accounts stand to the right of messages."
                    ),
                ),
                ("occasion", fields.TextField(unique=False)),
                ("facts", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("state", fields.TextField(db_default="pending", unique=False)),
                ("made_at", fields.DatetimeField(db_default=Now(), auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "message",
                "app": "lianhu",
                "unique_together": (("recipient_id", "kind", "occasion"),),
                "indexes": [Index(fields=["recipient_id", "made_at"])],
                "pk_attr": "id",
                "table_description": "Something that an account should hear of: written by the transaction that causes it, never twice for one occasion.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Proposal",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "lianhu.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="proposals",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("place_id", fields.UUIDField(description="A region or a branch.")),
                ("starts_on", fields.DateField()),
                ("keeps", fields.BooleanField()),
                ("version", fields.IntField(db_default=1)),
                ("made_at", fields.DatetimeField(db_default=Now(), auto_now=False, auto_now_add=False)),
                ("applied_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "proposal",
                "app": "lianhu",
                "indexes": [Index(fields=["account_id"])],
                "pk_attr": "id",
                "table_description": "A proposal for a place from a day on. It changes nothing until it is applied, once and as a whole.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ProposalItem",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "proposal",
                    fields.ForeignKeyField(
                        "lianhu.Proposal",
                        source_field="proposal_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="items",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "household",
                    fields.ForeignKeyField(
                        "lianhu.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="proposed",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "person",
                    fields.ForeignKeyField(
                        "lianhu.Person",
                        source_field="person_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="proposed",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("reason", fields.TextField(unique=False)),
                ("sentence", fields.TextField(unique=False)),
                ("edited", fields.BooleanField(db_default=False)),
            ],
            options={
                "table": "proposal_item",
                "app": "lianhu",
                "unique_together": (("proposal_id", "household_id"),),
                "indexes": [Index(fields=["household_id"]), Index(fields=["person_id"])],
                "pk_attr": "id",
                "table_description": "One household of a proposal: the person proposed, or none with the reason why.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StoredFile",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "account_id",
                    fields.UUIDField(
                        description="Whose it is; without a foreign key, because accounts stand to the right of files."
                    ),
                ),
                ("name_sealed", fields.BinaryField()),
                ("byte_count", fields.IntField()),
                ("made_at", fields.DatetimeField(db_default=Now(), auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("removed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "stored_file",
                "app": "lianhu",
                "indexes": [Index(fields=["account_id"]), Index(fields=["expires_at"])],
                "pk_attr": "id",
                "table_description": "A file by its id; the sealed content lies in the storage under the same id until it is removed (docs/rules.md I5).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Run",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "lianhu.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="runs",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("work", fields.TextField(unique=False)),
                ("kind", fields.TextField(unique=False)),
                ("asked", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                (
                    "file",
                    fields.ForeignKeyField(
                        "lianhu.StoredFile",
                        source_field="file_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="read_by",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "result",
                    fields.ForeignKeyField(
                        "lianhu.StoredFile",
                        source_field="result_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="made_by",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("state", fields.TextField(db_default="waiting", unique=False)),
                ("step", fields.TextField(null=True, unique=False)),
                ("done_count", fields.IntField(db_default=0)),
                ("total_count", fields.IntField(null=True)),
                ("counts", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "shown_sealed",
                    fields.BinaryField(
                        null=True,
                        description="What the importer should see of the rows: headers, faults with their values. Sealed, because it holds values.",
                    ),
                ),
                (
                    "problem",
                    fields.TextField(
                        null=True,
                        description="Why it failed: a code and a sentence for the one who asked.",
                        unique=False,
                    ),
                ),
                ("sentence", fields.TextField(null=True, unique=False)),
                ("asked_at", fields.DatetimeField(db_default=Now(), auto_now=False, auto_now_add=False)),
                ("started_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("finished_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("deadline_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("stop_asked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "run",
                "app": "lianhu",
                "indexes": [
                    Index(fields=["account_id", "asked_at"]),
                    Index(fields=["file_id"]),
                    Index(fields=["result_id"]),
                ],
                "pk_attr": "id",
                "table_description": "Long work of one account. `asked` and `counts` hold ids, codes and numbers, never a value of a person.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Assignment",
            name="confirmed_on",
            field=fields.DateField(null=True),
        ),
        ops.AddField(
            model_name="Assignment",
            name="published_on",
            field=fields.DateField(
                null=True,
                description="The day on which the link was put up for everybody to see (公示), and the last annual re-confirmation (L8).",
            ),
        ),
        ops.AddField(
            model_name="Exemption",
            name="keeps_links",
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name="Person",
            name="abilities",
            field=ArrayField(
                description="What the person is good at (docs/rules.md L7), for households that need it.",
                db_default=SqlDefault("'{}'"),
                element_type="TEXT",
            ),
        ),
        ops.AddField(
            model_name="Person",
            name="version",
            field=fields.IntField(db_default=1),
        ),
        ops.RunSQL(FORWARD, BACKWARD),
    ]
