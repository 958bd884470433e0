"""What a client must know before anything else: codes, and who runs this."""

from __future__ import annotations

from schemas.fields import Wire, fields


class CodeRow(Wire):
    code = fields.String(required=True)
    name = fields.String(required=True)


class CodesOut(Wire):
    modes = fields.List(fields.Nested(CodeRow), required=True)
    outcomes = fields.List(fields.Nested(CodeRow), required=True)
    topics = fields.List(fields.Nested(CodeRow), required=True)
    backfill_reasons = fields.List(fields.Nested(CodeRow), required=True)
    void_reasons = fields.List(fields.Nested(CodeRow), required=True)
    assignment_sources = fields.List(fields.Nested(CodeRow), required=True)
    assignment_steps = fields.List(fields.Nested(CodeRow), required=True)
    end_reasons = fields.List(fields.Nested(CodeRow), required=True)
    person_kinds = fields.List(fields.Nested(CodeRow), required=True)
    abilities = fields.List(fields.Nested(CodeRow), required=True)
    exemption_reasons = fields.List(fields.Nested(CodeRow), required=True)
    leave_reasons = fields.List(fields.Nested(CodeRow), required=True)
    residences = fields.List(fields.Nested(CodeRow), required=True)
    tier_reasons = fields.List(fields.Nested(CodeRow), required=True)
    tag_kinds = fields.List(fields.Nested(CodeRow), required=True)
    run_states = fields.List(fields.Nested(CodeRow), required=True)
    import_kinds = fields.List(fields.Nested(CodeRow), required=True)
    must_visit_kinds = fields.List(fields.Nested(CodeRow), required=True)
    withdraw_reasons = fields.List(fields.Nested(CodeRow), required=True)
    drill_purposes = fields.List(fields.Nested(CodeRow), required=True)
    drill_reasons = fields.List(fields.Nested(CodeRow), required=True)
    gap_reasons = fields.List(fields.Nested(CodeRow), required=True)
    obligation_kinds = fields.List(fields.Nested(CodeRow), required=True)
    must_visit_states = fields.List(fields.Nested(CodeRow), required=True)
    explained_visits = fields.List(fields.Nested(CodeRow), required=True)
    explained_days = fields.List(fields.Nested(CodeRow), required=True)
    explained_columns = fields.List(fields.Nested(CodeRow), required=True)
    visitors = fields.List(fields.Nested(CodeRow), required=True)
    frozen_parts = fields.List(fields.Nested(CodeRow), required=True)
    changes = fields.List(fields.Nested(CodeRow), required=True)
    feedback_kinds = fields.List(fields.Nested(CodeRow), required=True)
    feedback_states = fields.List(fields.Nested(CodeRow), required=True)
    roles = fields.List(fields.Nested(CodeRow), required=True)
    rules = fields.List(fields.Nested(CodeRow), required=True)
    note_hint = fields.String(required=True)


class AboutOut(Wire):
    name = fields.String(required=True)
    sponsor = fields.String(required=True)
    filing_number = fields.String(required=True)
    environment = fields.String(required=True)
    wechat_is_standin = fields.Boolean(required=True)
