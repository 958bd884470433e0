"""Definitions of the figures, as a page shows them."""

from __future__ import annotations

from backend.rules.definitions import CATALOGUE
from schemas.fields import Whole, Wire, fields


class DefinitionsQuery(Wire):
    catalogue = Whole(1, CATALOGUE, load_default=CATALOGUE)


class BesideOut(Wire):
    """What stands beside the rate under this id, in words."""

    id = fields.String(required=True)
    words = fields.String(required=True)


class VersionOut(Wire):
    """One version of a figure. `frozen_after_days` counts from the end of the period; null: a figure of a day alone."""

    id = fields.String(required=True)
    version = fields.Integer(required=True)
    effective_from = fields.Date(required=True)
    name = fields.String(required=True)
    words = fields.String(required=True)
    formula = fields.String(required=True)
    source = fields.String(required=True)
    settles_days = fields.Integer(required=True)
    frozen_after_days = fields.Integer(required=True, allow_none=True)
    beside = fields.List(fields.Nested(BesideOut), required=True)


class DefinitionOut(VersionOut):
    older = fields.List(fields.Nested(VersionOut), required=True)


class DefinitionsOut(Wire):
    """The figures of a catalogue in the order of their rules; `states` says why a figure has no value."""

    catalogue = fields.Integer(required=True)
    newest = fields.Integer(required=True)
    definitions = fields.List(fields.Nested(DefinitionOut), required=True)
    states = fields.Dict(keys=fields.String(), values=fields.String(allow_none=True), required=True)
