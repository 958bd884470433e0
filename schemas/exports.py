"""Exports."""

from __future__ import annotations

from backend.sheets.exports import EXPORTS
from schemas.coverage.drilling import GapsQuery, OverdueQuery
from schemas.fields import Choice, Id, Wire, fields
from schemas.households import HouseholdsQuery
from schemas.people import PeopleQuery

#: What each list may be asked for on the screen, and so here; the search for a name alone is not taken along.
QUERIES: dict[str, type[Wire]] = {
    "households": HouseholdsQuery,
    "people": PeopleQuery,
    "gaps": GapsQuery,
    "overdue": OverdueQuery,
}


class ExportIn(Wire):
    """`query` holds what the list of this name takes in its own address, without cursor, limit and search."""

    client_id = Id(required=True)
    list_ = Choice(EXPORTS, required=True, data_key="list")
    query = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
