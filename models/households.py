"""Households: who they are (sealed), where and how they live, their tier, sensitive tags, and whose home they are."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models.dated import Dated
from models.people import Person
from models.regions import Region


class ResidenceStatus(StrEnum):
    """How a household lives here: it does, it is away as a whole (整户外出), or only its register is here (空挂户)."""

    RESIDENT = "resident"
    AWAY = "away"
    NOMINAL = "nominal"


class TierReason(StrEnum):
    """Class of the reason for being a key household (重点户); the person's facts stay in the sealed tags."""

    HARDSHIP = "hardship"
    HEALTH = "health"
    CARE = "care"
    RELAPSE_RISK = "relapse_risk"
    OTHER = "other"


class Household(Model):
    """A household. Head, phone and address are sealed; lists show the masked head (docs/rules.md S3)."""

    id = fields.UUIDField(primary_key=True)
    code = fields.TextField(null=True)
    group_name = fields.TextField()
    head_sealed = fields.BinaryField()
    head_masked = fields.TextField()
    phone_sealed = fields.BinaryField(null=True)
    phone_index = fields.BinaryField(null=True)
    phone_index_version = fields.SmallIntField(null=True)
    address_sealed = fields.BinaryField(null=True)
    opened_on = fields.DateField()
    closed_on = fields.DateField(null=True)
    version = fields.IntField(db_default=1)
    recorded_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "household"
        indexes = [Index(fields=["phone_index"])]


class Residence(Dated):
    """Where a household is registered and how it lives there; a day without a row is a day not ours."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="residences"
    )
    micro_grid: fields.ForeignKeyRelation[Region] = fields.ForeignKeyField(
        "lianhu.Region", on_delete=fields.RESTRICT, related_name="residences"
    )
    status = fields.TextField()

    class Meta:
        table = "residence"
        indexes = [Index(fields=["household_id"]), Index(fields=["micro_grid_id"])]


class Tier(Dated):
    """Days as a key household. All other days are ordinary; overlaps do no harm, days are united."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="tiers"
    )
    reason = fields.TextField()

    class Meta:
        table = "tier"
        indexes = [Index(fields=["household_id"])]


class HouseholdTag(Model):
    """A sensitive tag (低保, 残疾, 独居老人 …): sealed, with a purpose and an end (docs/rules.md S3)."""

    id = fields.UUIDField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="tags"
    )
    kind_sealed = fields.BinaryField()
    kind_index = fields.BinaryField()
    kind_index_version = fields.SmallIntField()
    purpose = fields.TextField()
    expires_on = fields.DateField()
    recorded_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "household_tag"
        indexes = [Index(fields=["household_id"]), Index(fields=["kind_index"])]


class Home(Dated):
    """The person lives in this household on these days: it makes a party household (党员户) of it."""

    id = fields.UUIDField(primary_key=True)
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", on_delete=fields.RESTRICT, related_name="homes"
    )
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="homes"
    )

    class Meta:
        table = "home"
        indexes = [Index(fields=["person_id"]), Index(fields=["household_id"])]
