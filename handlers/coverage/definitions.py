"""How the figures are counted, in words (怎么算的)."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request

from backend.http.endpoint import endpoint
from backend.http.viewer import Viewer
from backend.rules.coverage import NOTES
from backend.rules.definitions import CATALOGUE, Definition, Described, described
from schemas.coverage.definitions import DefinitionsOut, DefinitionsQuery

blueprint = Blueprint("coverage_definitions")


@blueprint.get("/coverage/definitions")
@endpoint(may="signed_in", query=DefinitionsQuery, answer=DefinitionsOut)
async def list_definitions(viewer: Viewer, request: Request, *, query: dict[str, Any]) -> dict[str, Any]:
    """What each figure counts: the newest version that a catalogue holds, with the older ones beside it.

    Open figures follow the newest catalogue; a frozen one says which it was frozen under.
    """
    return {
        "catalogue": query["catalogue"],
        "newest": CATALOGUE,
        "definitions": [
            _shown(newest) | {"older": [_shown(one) for one in older]}
            for newest, older in described(query["catalogue"])
        ],
        "states": {state.value: words for state, words in NOTES.items()},
    }


def _shown(one: Described) -> dict[str, Any]:
    beside = one.beside if isinstance(one, Definition) else ()
    return {
        "id": one.id,
        "version": one.version,
        "effective_from": one.effective_from,
        "name": one.name,
        "words": one.words,
        "formula": one.formula,
        "source": one.source,
        "settles_days": one.settles_days,
        "frozen_after_days": one.frozen_after_days,
        "beside": [{"id": id_, "words": words} for id_, words in beside],
    }
