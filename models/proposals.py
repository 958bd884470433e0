"""Proposals: who could be linked to whom, with reasons, until somebody applies or discards them (docs/rules.md L7)."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models.accounts import Account
from models.households import Household
from models.people import Person


class Proposal(Model):
    """A proposal for a place from a day on. It changes nothing until it is applied, once and as a whole."""

    id = fields.UUIDField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "lianhu.Account", on_delete=fields.RESTRICT, related_name="proposals"
    )
    #: A region or a branch.
    place_id = fields.UUIDField()
    starts_on = fields.DateField()
    keeps = fields.BooleanField()
    version = fields.IntField(db_default=1)
    made_at = fields.DatetimeField(db_default=Now())
    applied_at = fields.DatetimeField(null=True)

    class Meta:
        table = "proposal"
        indexes = [Index(fields=["account_id"])]


class ProposalItem(Model):
    """One household of a proposal: the person proposed, or none with the reason why."""

    id = fields.BigIntField(primary_key=True)
    proposal: fields.ForeignKeyRelation[Proposal] = fields.ForeignKeyField(
        "lianhu.Proposal", on_delete=fields.RESTRICT, related_name="items"
    )
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "lianhu.Household", on_delete=fields.RESTRICT, related_name="proposed"
    )
    person: fields.ForeignKeyNullableRelation[Person] = fields.ForeignKeyField(
        "lianhu.Person", null=True, on_delete=fields.RESTRICT, related_name="proposed"
    )
    reason = fields.TextField()
    sentence = fields.TextField()
    edited = fields.BooleanField(db_default=False)

    class Meta:
        table = "proposal_item"
        unique_together = (("proposal_id", "household_id"),)
        indexes = [Index(fields=["household_id"]), Index(fields=["person_id"])]
