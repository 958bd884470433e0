"""Exports."""

from __future__ import annotations

from backend.sheets.exports import EXPORTS
from schemas.coverage.drilling import GapsQuery, OverdueQuery
from schemas.fields import REQUIRED, Choice, Id, Text, Wire, fields
from schemas.households import HouseholdsQuery
from schemas.people import PeopleQuery

#: What each list may be asked for on the screen, and so here.
QUERIES: dict[str, type[Wire]] = {
    "households": HouseholdsQuery,
    "people": PeopleQuery,
    "gaps": GapsQuery,
    "overdue": OverdueQuery,
}


class ExportIn(Wire):
    """`query` holds what the list of this name takes in its own address; cursor and limit are of no use."""

    client_id = Id(required=True)
    list_ = Choice(EXPORTS, required=True, data_key="list")
    query = fields.Dict(
        keys=Text(20), values=Text(60), load_default=dict, error_messages={**REQUIRED, "invalid": "应为一个对象"}
    )
