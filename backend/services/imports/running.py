"""Asking for an import, doing it, and showing its faults (docs/rules.md I1 to I4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from backend import problems
from backend.gateways import sheets
from backend.http.viewer import Viewer
from backend.rules.audit import Action
from backend.rules.runs import Work
from backend.services import audit, files, runs
from backend.services.imports.accounts import HEADERS, AccountsRoster
from backend.services.imports.households import HouseholdsRoster, ResidencesRoster, TagsRoster
from backend.services.imports.links import HomesRoster, LinksRoster
from backend.services.imports.people import PeopleRoster
from backend.services.imports.places import PlacesRoster
from backend.services.imports.roster import Roster
from backend.services.runs import Outcome, Progress
from backend.sheets import writing
from backend.sheets.columns import Fault, Parsed, Refused
from backend.sheets.kinds import SHEETS
from models import imports
from models.database import Record

_ALL: tuple[type[Roster], ...] = (
    PlacesRoster, PeopleRoster, AccountsRoster, HouseholdsRoster, HomesRoster, LinksRoster, ResidencesRoster, TagsRoster,
)  # fmt: skip
ROSTERS: Mapping[str, type[Roster]] = {roster.kind: roster for roster in _ALL}
#: So many faults are shown on the screen; the report holds all of them.
SHOWN = 500
CHECK, APPLY = "check", "apply"


async def ask(viewer: Viewer, body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Have a file checked, or checked and applied, by the worker; (run, whether it is new)."""
    kind: str = body["kind"]
    if ROSTERS[kind].verb not in viewer.verbs:
        raise problems.Denied()
    assert viewer.account_id is not None
    await files.get(body["file_id"], viewer.account_id)
    return await runs.ask(
        viewer, body["client_id"], Work.IMPORT, kind, {"mode": body["mode"]}, body["file_id"], Action.IMPORT_RUN
    )


def template(kind: str) -> tuple[str, bytes]:
    """An empty sheet of a kind with headers, drop-downs and instructions."""
    return f"{SHEETS[kind].title}（模板）.xlsx", writing.template(SHEETS[kind])


async def list_faults(viewer: Viewer, run_id: UUID) -> dict[str, Any]:
    """What an import found: the first faults, the headers that nobody knows, the rows left out."""
    run = await runs.get_run(viewer, run_id, Work.IMPORT)
    shown = runs.shown_rows(run)
    return {
        "run": runs.shown(run),
        "sheet": shown.get("sheet"),
        "unknown_headers": shown.get("unknown_headers", []),
        "ignored": shown.get("ignored", []),
        "faults": shown.get("faults", []),
    }


async def perform(viewer: Viewer, run: Record, progress: Progress) -> Outcome:
    """Read, decide every row, and write all of them if nothing is wrong and that was asked for."""
    kind, shown = run["kind"], runs.shown(run)
    roster_class = ROSTERS[kind]
    if roster_class.verb not in viewer.verbs:
        raise problems.Denied()
    name, content = await files.read(run["file_id"], run["account_id"])
    parsed = await _read(content, name, kind, progress)
    roster = roster_class(viewer, parsed, lock=shown["asked"]["mode"] == APPLY)
    await progress.begin("looking")
    if roster.lock:
        await imports.wait_for_turn()
    await roster.load()
    await roster.decide_all(progress)
    faults = sorted([*parsed.faults, *roster.faults], key=lambda fault: (fault.row, fault.header))
    counts = {"rows": len(parsed.rows), **roster.counts, "faults": len(faults), "applied": 0}
    if faults:
        counts["faulty_rows"] = len({fault.row for fault in faults})
        await progress.begin("reporting")
        report = await _report(content, name, kind, faults)
        return Outcome(counts, _shown(parsed, faults), (f"{_stem(name)}（问题）.xlsx", report))
    if shown["asked"]["mode"] == CHECK:
        return Outcome(counts, _shown(parsed, faults))
    await roster.write(progress)
    await audit.record(viewer, Action.IMPORT_APPLY, run["id"], [kind])
    counts["applied"] = 1
    given = None
    if isinstance(roster, AccountsRoster) and roster.given:
        given = ("账号和邀请码（当面交给本人后删除）.xlsx", writing.table("账号和邀请码", HEADERS, roster.given))
    return Outcome(counts, _shown(parsed, faults), given)


async def _read(content: bytes, name: str, kind: str, progress: Progress) -> Parsed:
    await progress.begin("reading")

    async def tell(done: int, of: int) -> None:
        progress.total = of
        await progress.advance(done - progress.done)

    try:
        return await sheets.read(content, name, kind, tell)
    except Refused as refused:
        raise problems.ImportRefused(sentence=refused.sentence) from None


async def _report(content: bytes, name: str, kind: str, faults: list[Fault]) -> bytes:
    try:
        return await sheets.report(content, name, kind, faults)
    except Refused as refused:
        raise problems.ImportRefused(sentence=refused.sentence) from None


def _shown(parsed: Parsed, faults: list[Fault]) -> dict[str, Any]:
    return {
        "sheet": parsed.sheet,
        "unknown_headers": parsed.unknown,
        "ignored": [{"row": row, "why": why} for row, why in parsed.ignored[:SHOWN]],
        "faults": [
            {"row": one.row, "header": one.header, "value": one.value, "code": one.code, "sentence": one.sentence}
            for one in faults[:SHOWN]
        ],
    }


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0][:80]
