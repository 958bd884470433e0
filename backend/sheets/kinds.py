"""The kinds of sheets that may be sent in, by name; an area adds its Sheet in a file of its own and one line here."""

from __future__ import annotations

from backend.sheets.accounts import ACCOUNTS
from backend.sheets.assignments import LINKS
from backend.sheets.columns import Sheet
from backend.sheets.households import HOMES, HOUSEHOLDS, RESIDENCES_SHEET, TAGS
from backend.sheets.people import PEOPLE
from backend.sheets.regions import PLACES

#: In the order in which an empty township sends them in.
SHEETS: dict[str, Sheet] = {
    sheet.kind: sheet for sheet in (PLACES, PEOPLE, ACCOUNTS, HOUSEHOLDS, HOMES, LINKS, RESIDENCES_SHEET, TAGS)
}
