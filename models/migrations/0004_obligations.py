"""Rules of townships, must-visits, merged households, safer exclusion constraints: what obligations and figures are worked out from (docs/rules.md O, C25)."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

DEFAULTS = {  # docs/rules.md O1
    "interval_ordinary": 90, "interval_key": 30, "interval_away": 180,
    "must_illness": 3, "must_funeral": 3, "must_hardship": 3, "must_help_request": 3, "must_disaster": 1, "must_return": 15,
    "load_soft_min": 5, "load_soft_max": 15, "load_hard_max": 20,
}  # fmt: skip
# A condition of an exclusion constraint is a part of its key (nothing is equal to NULL), not of its index: an index
# with a condition is one that the planner may choose for a look-up, and PostgreSQL loses entries of it that way
# (decision 13).
ONE_AT_A_TIME = {  # table -> (constraint, whose, condition)
    "assignment": ("assignment_one_primary", "household_id", "role = 'primary'"),
    "responsibility": ("responsibility_one_branch", "region_id", "kind = 'branch_micro_grid'"),
}
EXCLUDE = "ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} EXCLUDE USING gist ({key} WITH =, daterange(valid_from, valid_to) WITH &&) {where}"

FORWARD = [
    *(
        EXCLUDE.format(table=table, name=name, key=f"(CASE WHEN {condition} THEN uuid_send({whose}) END)", where="")
        for table, (name, whose, condition) in ONE_AT_A_TIME.items()
    ),
    "ALTER TABLE region_rule ADD CONSTRAINT region_rule_dates CHECK (valid_to >= valid_from),"
    " ADD COLUMN during daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to)) STORED,"
    # An interval is looked for within the contacts of four hundred days.
    f" ADD CONSTRAINT region_rule_choices CHECK (name IN ({', '.join(map(repr, DEFAULTS))}) AND number BETWEEN 1 AND 366)",
    "ALTER TABLE must_visit ADD COLUMN during daterange GENERATED ALWAYS AS (daterange(since, due_on + 1)) STORED,"
    " ADD CONSTRAINT must_visit_choices CHECK (due_on >= since AND source IN ('member', 'staff', 'event')"
    " AND kind IN ('illness', 'funeral', 'disaster', 'hardship', 'help_request', 'return'))",
    "CREATE UNIQUE INDEX must_visit_event ON must_visit (household_id, kind, since) WHERE source = 'event'",
    "ALTER TABLE succession ADD CONSTRAINT succession_choices CHECK (household_id <> successor_id)",
    "INSERT INTO region_rule (id, name, number, valid_from) VALUES "
    + ", ".join(f"(gen_random_uuid(), '{name}', {number}, DATE '2000-01-01')" for name, number in DEFAULTS.items()),
]
BACKWARD = [
    "ALTER TABLE succession DROP CONSTRAINT succession_choices",
    "DROP INDEX must_visit_event",
    "ALTER TABLE must_visit DROP CONSTRAINT must_visit_choices, DROP COLUMN during",
    "DELETE FROM region_rule",
    "ALTER TABLE region_rule DROP CONSTRAINT region_rule_choices, DROP COLUMN during, DROP CONSTRAINT region_rule_dates",
    *(
        EXCLUDE.format(table=table, name=name, key=f"uuid_send({whose})", where=f"WHERE ({condition})")
        for table, (name, whose, condition) in ONE_AT_A_TIME.items()
    ),
]


class Migration(migrations.Migration):
    dependencies = [("lianhu", "0003_coverage")]

    initial = False

    operations = [
        ops.CreateModel(
            name="MustVisit",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "household",
                    fields.ForeignKeyField(
                        "lianhu.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="must_visits",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", fields.TextField(unique=False)),
                ("since", fields.DateField()),
                ("due_on", fields.DateField()),
                ("source", fields.TextField(unique=False)),
                ("raised_by", fields.UUIDField(null=True)),
                ("recorded_at", fields.DatetimeField(db_default=Now(), auto_now=False, auto_now_add=False)),
                ("withdrawn_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("withdrawn_by", fields.UUIDField(null=True)),
                ("withdraw_reason", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "must_visit",
                "app": "lianhu",
                "indexes": [Index(fields=["household_id", "due_on"]), Index(fields=["due_on"])],
                "pk_attr": "id",
                "table_description": "A visit that somebody asked for or an event calls for, with its deadline (docs/rules.md O7).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RegionRule",
            fields=[
                ("valid_from", fields.DateField()),
                ("valid_to", fields.DateField(null=True)),
                ("recorded_at", fields.DatetimeField(db_default=Now(), auto_now=False, auto_now_add=False)),
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "region",
                    fields.ForeignKeyField(
                        "lianhu.Region",
                        source_field="region_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="rules",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.TextField(unique=False)),
                ("number", fields.IntField()),
            ],
            options={
                "table": "region_rule",
                "app": "lianhu",
                "indexes": [Index(fields=["region_id"])],
                "pk_attr": "id",
                "table_description": "A number that a township sets for itself from a day on; without a region it is the general one (docs/rules.md O1).",
            },
            bases=["Dated"],
        ),
        ops.CreateModel(
            name="Succession",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "household",
                    fields.ForeignKeyField(
                        "lianhu.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="successors",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "successor",
                    fields.ForeignKeyField(
                        "lianhu.Household",
                        source_field="successor_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="predecessors",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("on_day", fields.DateField()),
                ("recorded_at", fields.DatetimeField(db_default=Now(), auto_now=False, auto_now_add=False)),
                ("annulled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "succession",
                "app": "lianhu",
                "indexes": [Index(fields=["household_id"]), Index(fields=["successor_id"])],
                "pk_attr": "id",
                "table_description": "From a day on another household answers for this one; predecessors of predecessors have rows of their own (C25).",
            },
            bases=["Model"],
        ),
        ops.RunSQL(FORWARD, BACKWARD),
    ]
