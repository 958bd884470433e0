"""What dated facts have in common: half-open dates, `during` kept by PostgreSQL, and when the fact became known."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields import Now
from tortoise.models import Model


class Dated(Model):
    """A fact that holds on the days `[valid_from, valid_to)`; without an end it is open (docs/rules.md T2).

    PostgreSQL generates the column `during` from the two dates (migration 0002), so exclusion constraints,
    figures and queries all read the same range. `recorded_at` is when the fact became known: facts may be entered
    late with an earlier date, and a frozen figure could not be explained without it.
    """

    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    recorded_at = fields.DatetimeField(db_default=Now())

    class Meta:
        abstract = True
