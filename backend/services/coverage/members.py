"""Figures of members on a day: participation and load, by village or branch; no person is named (C23, C24)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from backend.http.viewer import Viewer
from backend.rules import coverage as rules
from backend.rules.people import ExemptionReason
from backend.rules.periods import Period
from backend.services.coverage.reading import place_of
from backend.settings import CHINA
from models.coverage import members
from models.database import Record

NO_VILLAGE = "（不在村的支部）"


async def read(viewer: Viewer, query: dict[str, Any]) -> dict[str, Any]:
    """Participation and load of the members of the branches that sit in an area, or of a branch and those below it.
    Raises what `place_of` raises. Made anew each time: exemptions move no figure of households, so no stamp tells."""
    day, level = query["on"] or viewer.today, query["level"]
    place = await place_of(viewer, query["area"], query["branch"], Period.containing(day), level)
    branches = await members.branches_in(place.shown["id"]) if place.branches is None else place.branches
    part = _by_place(await members.participation(branches, day, level))
    load = _by_place(await members.load(branches, day, level))

    def shown(at: UUID | None, is_total: bool) -> dict[str, Any]:
        return {
            "member_participation": _participation(part.get((at, is_total))),
            "load": _load(load.get((at, is_total))),
        }

    return {
        "area": place.shown,
        "on": day,
        "level": level,
        "as_of": viewer.now.astimezone(CHINA),
        "total": shown(None, True),
        "rows": [
            {"area": row["id"], "code": row["code"], "name": row["name"] or NO_VILLAGE, **shown(row["id"], False)}
            for row in await members.places(branches, level)
        ],
    }


def _by_place(rows: list[Record]) -> dict[tuple[UUID | None, bool], Record]:
    return {(row["id"], row["is_total"]): row for row in rows}


def _participation(row: Record | None) -> dict[str, Any]:
    exempt = {reason.value: row[reason] if row else 0 for reason in ExemptionReason}
    return rules.rate(row["linked"] if row else 0, row["eligible"] if row else 0) | {"exempt": exempt}


def _load(row: Record | None) -> dict[str, Any]:
    """Below ten persons the number of persons alone: of one person alone, the sum would be that person's load."""
    people = row["people"] if row else 0
    state = rules.state_of(people)
    if row is None or state is not rules.State.MEASURED:
        return NO_LOAD | {"people": people, "state": state, "note": rules.NOTES[state]}
    return {
        "people": people,
        "households": row["households"],
        "median": row["median"],
        "p90": row["p90"],
        "above": row["above"],
        "above_share": round(row["above"] / people, 4),
        "below": row["below"],
        "below_share": round(row["below"] / people, 4),
        # Of several townships each person is held against the bounds of their own; then there are no common ones.
        "soft_max": row["most_max"] if row["least_max"] == row["most_max"] else None,
        "soft_min": row["most_min"] if row["least_min"] == row["most_min"] else None,
        "state": state,
        "note": rules.NOTES[state],
    }


NO_LOAD: dict[str, Any] = dict.fromkeys(
    ("households", "median", "p90", "above", "above_share", "below", "below_share", "soft_max", "soft_min")
)
