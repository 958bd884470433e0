"""Imports: rosters from sheets, checked row by row and applied wholly or not at all (docs/rules.md I1 to I6)."""

from backend.services.imports.running import ask, list_faults, perform, template

__all__ = ["ask", "list_faults", "perform", "template"]
