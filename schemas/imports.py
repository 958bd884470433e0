"""Imports."""

from __future__ import annotations

from backend.sheets.kinds import SHEETS
from schemas.fields import Choice, Id, Wire, fields
from schemas.runs import RunOut


class ImportIn(Wire):
    """`check` only reports; `apply` writes all rows, or none when one has a fault."""

    client_id = Id(required=True)
    kind = Choice(SHEETS, required=True)
    file_id = Id(required=True)
    mode = Choice(["check", "apply"], required=True)


class TemplateQuery(Wire):
    kind = Choice(SHEETS, required=True)


class FaultRow(Wire):
    """`row` is the row of the sheet as its owner sees it, `header` the owner's own; both empty for the whole row."""

    row = fields.Integer(required=True)
    header = fields.String(required=True)
    value = fields.String(required=True)
    code = fields.String(required=True)
    sentence = fields.String(required=True)


class IgnoredRow(Wire):
    row = fields.Integer(required=True)
    why = fields.String(required=True)


class ImportOut(Wire):
    """The first 500 faults; the report of the run holds all. `unknown_headers` are headers whose columns were not read."""

    run = fields.Nested(RunOut, required=True)
    sheet = fields.String(required=True, allow_none=True)
    unknown_headers = fields.List(fields.String(), required=True)
    ignored = fields.List(fields.Nested(IgnoredRow), required=True)
    faults = fields.List(fields.Nested(FaultRow), required=True)
