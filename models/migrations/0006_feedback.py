"""Feedback (意见反馈): from anybody, sealed, with one answer (docs/rules.md S10)."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

FORWARD = [
    "ALTER TABLE feedback ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,"
    " ADD CONSTRAINT feedback_number UNIQUE (number),"
    " ADD CONSTRAINT feedback_choices CHECK (kind IN ('suggestion', 'complaint', 'fault')),"
    # An answer, its moment and who gave it come together or not at all.
    " ADD CONSTRAINT feedback_answer CHECK (num_nulls(answer_sealed, answered_at, answered_by) IN (0, 3))",
]
BACKWARD = [
    "ALTER TABLE feedback DROP CONSTRAINT feedback_answer, DROP CONSTRAINT feedback_choices, DROP COLUMN number",
]


class Migration(migrations.Migration):
    dependencies = [("lianhu", "0005_figures")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Feedback",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "region",
                    fields.ForeignKeyField(
                        "lianhu.Region",
                        source_field="region_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="feedback",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", fields.TextField(unique=False)),
                ("text_sealed", fields.BinaryField()),
                ("contact_sealed", fields.BinaryField(null=True)),
                (
                    "person",
                    fields.ForeignKeyField(
                        "lianhu.Person",
                        source_field="person_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="feedback",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("body_mac", fields.BinaryField()),
                ("sent_at", fields.DatetimeField(db_default=Now(), auto_now=False, auto_now_add=False)),
                ("answer_sealed", fields.BinaryField(null=True)),
                ("answered_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("answered_by", fields.UUIDField(null=True)),
            ],
            options={
                "table": "feedback",
                "app": "lianhu",
                "indexes": [Index(fields=["region_id"]), Index(fields=["person_id"])],
                "pk_attr": "id",
                "table_description": "Feedback under the UUID that the phone gave it. Without a signature nothing says who wrote it (docs/rules.md S10).",
            },
            bases=["Model"],
        ),
        ops.RunSQL(FORWARD, BACKWARD),
    ]
