"""Imports: rosters from sheets, checked row by row and applied wholly or not at all (docs/rules.md I1 to I6)."""

from backend.services.imports.running import APPLY, ask, list_faults, perform, template

__all__ = ["APPLY", "ask", "list_faults", "perform", "template"]
