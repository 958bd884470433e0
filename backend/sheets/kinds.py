"""The kinds of sheets that may be sent in, by name; an area adds its Sheet in a file of its own and one line here."""

from __future__ import annotations

from backend.sheets.columns import Sheet

SHEETS: dict[str, Sheet] = {}
