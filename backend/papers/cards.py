"""民情联系卡: one card for each household, two on a sheet, to be cut once and handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import segno

from backend.papers.typesetting import typeset
from backend.rules.texts import written

TITLE = "民情联系卡"
#: So many letters of the code stand together, as people read out a number.
GROUP, GROUPS_A_LINE = 4, 3
#: Every reader reads every mask; trying all eight for the handsomest takes six times as long (segno is Python).
MASK = 2
#: The white edge, in modules, without which readers do not find it.
QUIET = 4


@dataclass(frozen=True)
class Person:
    """Whom the household can call."""

    name: str
    phone: str
    branch: str


@dataclass(frozen=True)
class Card:
    """One household; its head is printed as given, in full or masked."""

    village: str
    group: str
    head: str
    linked: Person
    #: Opens the household's own page; holds the code.
    url: str
    code: str
    backup: Person | None = None


@dataclass(frozen=True)
class Issue:
    """What all cards of a printing have in common."""

    township: str
    #: The township's telephone for complaints, corrections and another person.
    phone: str
    feedback_page: str
    unit: str
    issued_on: date


def cards_pdf(cards: Sequence[Card], issue: Issue) -> bytes:
    """The cards of a village as one PDF.

    The first half of the cards lies on the upper halves of the sheets, the rest on the lower: cut once, the upper pile
    on the lower, and they are in order again. Raises CannotPrintError and TooLongError (with the number of the
    card, or 0 when it is what all cards say).
    """
    if not cards:
        raise ValueError("there is no card to print")
    for card in cards:
        if card.code not in card.url:
            raise ValueError("the address on a card does not hold the code beside it")
    half = (len(cards) + 1) // 2
    told = [_told(card, number, issue) for number, card in enumerate(cards, 1)]
    return typeset(
        "card.typ",
        {
            "title": TITLE,
            "notes": _notes(issue),
            "unit": issue.unit,
            "issued": f"发卡日期：{written(issue.issued_on)}",
            "sheets": [[told[index], *told[half + index : half + index + 1]] for index in range(half)],
        },
    )


def _notes(issue: Issue) -> list[tuple[str, str]]:
    """What a household should know, in the words of somebody who explains it at the door."""
    ways = f"打电话 {issue.phone}，或扫码、上网页 {issue.feedback_page} 留言"
    return [
        ("这张卡做什么用", "让您知道家里有事可以找谁。党员来听您说、帮您办，不检查，不监督。"),
        (
            "会记下什么",
            "只记哪天来的、怎么联系的、谈了哪方面的事。不记位置，不拍照，不记身份证号，不记您对人对事的看法。",
        ),
        ("投诉、更正、删除", f"{ways}，可以不留姓名。记错了给您改，要求删除的依规定给您删。"),
        ("想换联系人", "用同样的办法说一声就行，不用讲理由，不影响您家办任何事。"),
    ]


def _told(card: Card, number: int, issue: Issue) -> dict[str, object]:
    facts = [
        ("住　　址", f"{issue.township}{card.village}{card.group}"),
        ("户　　主", card.head),
        ("联系党员", card.linked.name),
        ("电　　话", card.linked.phone),
        ("所在支部", card.linked.branch),
    ]
    if card.backup:
        facts.append(("副　　联", f"{card.backup.name}　{card.backup.phone}"))
    return {"number": str(number), "facts": facts, "qr": _qr(card.url), "code": _grouped(card.code)}


def _grouped(code: str) -> list[str]:
    """The code in groups of four, four groups a line, for whoever has no telephone that scans."""
    groups = [code[at : at + GROUP] for at in range(0, len(code), GROUP)]
    return [" ".join(groups[at : at + GROUPS_A_LINE]) for at in range(0, len(groups), GROUPS_A_LINE)]


def _qr(url: str) -> str:
    """As an SVG, a stroke for each run of dark modules; a quarter of it may be dirty or creased and it still reads."""
    modules = segno.make_qr(url, error="q", boost_error=False, mask=MASK).matrix
    strokes = []
    for y, row in enumerate(modules):
        x = 0
        for dark, run in groupby(row):
            width = len(list(run))
            if dark:
                strokes.append(f"M{x + QUIET} {y + QUIET}.5h{width}")
            x += width
    side = len(modules) + 2 * QUIET
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">'
        f'<path stroke="#000" d="{"".join(strokes)}"/></svg>'
    )
