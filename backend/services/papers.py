"""Papers: contact cards and the notice of a village, printed by the worker (docs/rules.md S11)."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Mapping
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from backend import problems
from backend.crypto import token_hash, vault
from backend.http.viewer import Viewer
from backend.papers import cards as card_paper
from backend.papers import notice as notice_paper
from backend.papers.fonts import CannotPrintError
from backend.papers.typesetting import TooLongError
from backend.permissions import Verb
from backend.rules.audit import Action
from backend.rules.runs import Work
from backend.services import audit, runs
from backend.services.runs import Outcome, Progress
from backend.sheets.values import group_key
from models import cards, scope
from models.database import Record

CARDS, NOTICE = "cards", "notice"
CODE_BYTES = 16
#: Base32 without the letters that look like figures.
_PLAIN = str.maketrans("OI", "89")
_public_url, _sponsor = "", ""


def configure(public_url: str, sponsor: str) -> None:
    """Where a card leads, and who issues it; once at start."""
    global _public_url, _sponsor
    _public_url, _sponsor = public_url.rstrip("/"), sponsor


async def ask(viewer: Viewer, body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Have the cards or the notice of a place printed into one file; (run, whether it is new)."""
    if await scope.area_grids(viewer.places(Verb.CARD_PRINT), body["region_id"], viewer.today) is None:
        raise problems.RegionNotFound()
    asked = {name: str(body[name]) for name in ("region_id", "phone", "place", "first_on") if body[name] is not None}
    return await runs.ask(viewer, body["client_id"], Work.PRINT, body["paper"], asked, None, Action.CARD_PRINT)


async def perform(viewer: Viewer, run: Record, progress: Progress) -> Outcome:
    """Read the households of the place and set the paper; new cards make the old ones worthless."""
    asked = runs.shown(run)["asked"]
    asked["phone"] = _dialled(asked["phone"])
    grids = await scope.area_grids(viewer.places(Verb.CARD_PRINT), UUID(asked["region_id"]), viewer.today)
    if grids is None or Verb.CARD_PRINT not in viewer.verbs:
        raise problems.RegionNotFound()
    await progress.begin("reading")
    rows = await cards.gather(grids, viewer.today)
    if not rows:
        raise problems.NothingToPrint()
    await progress.begin("setting")
    try:
        made = await (_cards(viewer, rows, asked) if run["kind"] == CARDS else _notice(viewer, rows, asked))
    except CannotPrintError as fault:
        raise problems.CannotPrint(characters="、".join(fault.characters)) from None
    except TooLongError:
        raise problems.PaperTooLong() from None
    return made


def _dialled(phone: str) -> str:
    """A landline with its area code apart, as people write it: 010-12345678, 0311-85201234."""
    if not phone.startswith("0") or len(phone) < 10:
        return phone
    code = 3 if phone[1] in "12" else 4
    return f"{phone[:code]}-{phone[code:]}"


def _opened(row: Record, column: str, table: str, whose: str) -> str:
    sealed = row[f"{column}_sealed"]
    return vault().open(bytes(sealed), table, column.rsplit("_", 1)[-1], row[whose]) if sealed else ""


async def _cards(viewer: Viewer, rows: list[Record], asked: Mapping[str, str]) -> Outcome:
    """A card for each household that has somebody, with a code of its own; the code itself is written down nowhere."""
    linked = [row for row in rows if row["member_id"]]
    if not linked:
        raise problems.NothingToPrint()
    codes = [new_code() for _ in linked]
    printed = [
        card_paper.Card(
            row["village"] or "",
            row["group_name"],
            _opened(row, "head", "household", "id"),
            _person(row, "member", asked["phone"]),
            f"{_public_url}/h/{code}",
            code,
            _person(row, "backup", asked["phone"]) if row["backup_id"] else None,
        )
        for row, code in zip(linked, codes, strict=True)
    ]
    issue = card_paper.Issue(rows[0]["township"] or "", asked["phone"], f"{_public_url}/m/", _sponsor, viewer.today)
    content = await asyncio.to_thread(card_paper.cards_pdf, printed, issue)
    assert viewer.account_id is not None
    await cards.insert_many([row["id"] for row in linked], [token_hash(code) for code in codes], viewer.account_id)
    await audit.record_many(viewer, Action.CARD_PRINT, [(row["id"], ["head"]) for row in linked])
    counts = {"cards": len(linked), "without": len(rows) - len(linked)}
    return Outcome(counts, file=(f"{_name(rows)}民情联系卡 {viewer.today}.pdf", content))


def _person(row: Record, who: str, instead: str) -> card_paper.Person:
    """Somebody on a card; without a number of their own the township's is printed."""
    name = vault().open(bytes(row[f"{who}_name_sealed"]), "person", "name", row[f"{who}_id"])
    sealed = row[f"{who}_phone_sealed"]
    phone = vault().open(bytes(sealed), "person", "phone", row[f"{who}_id"]) if sealed else instead
    return card_paper.Person(name, phone, row[f"{who}_branch"] or "")


async def _notice(viewer: Viewer, rows: list[Record], asked: Mapping[str, str]) -> Outcome:
    """Every household of the place by group, its head masked; who has nobody yet stands there, too."""
    ordered = sorted(rows, key=lambda row: (*_by_number(row["group_name"]), row["code"] or "", str(row["id"])))
    groups = [
        notice_paper.Group(
            those[0]["group_name"],
            [
                notice_paper.Row(
                    row["head_masked"],
                    _person(row, "member", "").name if row["member_id"] else None,
                    row["member_branch"] or "",
                )
                for row in those
            ],
        )
        for those in (list(same) for _, same in groupby(ordered, key=lambda row: group_key(row["group_name"])))
    ]
    notice = notice_paper.Notice(
        _name(rows),
        groups,
        date.fromisoformat(asked["first_on"]),
        asked["phone"],
        asked["place"],
        _sponsor,
        viewer.today,
    )
    content = await asyncio.to_thread(notice_paper.notice_pdf, notice)
    without = sum(row["member_id"] is None for row in rows)
    counts = {"households": len(rows), "without": without}
    return Outcome(counts, file=(f"{_name(rows)}公示 {viewer.today}.pdf", content))


def _by_number(group: str) -> tuple[int, str]:
    """The order of groups: by number, however it is written, and then those that have a name."""
    key = group_key(group)
    return (int(key), "") if key.isdigit() else (10**6, key)


def _name(rows: list[Record]) -> str:
    villages = {row["village"] for row in rows if row["village"]}
    return villages.pop() if len(villages) == 1 else (rows[0]["township"] or "")


def new_code() -> str:
    """128 random bits in letters and digits that nobody mistakes for others when typing them off a card."""
    return base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=").translate(_PLAIN)


async def read_card(code: str, today: date) -> dict[str, Any] | None:
    """What a household may read of itself by the code on its card; None for a code that is not, or no longer, one."""
    typed = "".join(code.split()).upper().translate(_PLAIN)
    card = await cards.find_by_code(token_hash(typed))
    rows = await cards.gather_one(card["household_id"], today) if card else []
    if not rows:
        return None
    row = rows[0]
    member = _person(row, "member", "") if row["member_id"] else None
    return {
        "village": row["village"],
        "group_name": row["group_name"],
        "head_name": row["head_masked"],
        "member": member,
    }
