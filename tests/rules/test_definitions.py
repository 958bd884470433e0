"""The definitions of the figures and docs/rules.md say the same, and a definition is never rewritten (F1, F3)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from itertools import groupby, pairwise

import pytest

from backend.rules.definitions import (
    CATALOGUE,
    DEFINITIONS,
    FREEZE_AFTER_DAYS,
    MEMBERS,
    Definition,
    Described,
    Part,
    described,
    in_force,
)
from models.coverage import COLUMNS, DAILY, MONTHLY
from tests.conftest import ROOT

ALL: tuple[Described, ...] = (*DEFINITIONS, *MEMBERS)
DOCUMENT = (ROOT / "docs/rules.md").read_text()
HEADINGS = dict(re.findall(r'<a id="([A-Z]\d+)"></a>\n### (.+)', DOCUMENT))
#: What each version says, as it was when it was added: "id version" -> digest.
WRITTEN = ROOT / "tests/rules/definitions.json"
#: Beside a rate stands one thing that is no column of the sums.
MEDIAN = "median_days"


def digest(one: Described) -> str:
    """What a reader is told, and what is counted."""
    says: list[object] = [one.name, one.words, one.formula]
    if isinstance(one, Definition):
        says += [one.part, one.numerator, one.denominator, one.households, one.pending, one.beside, one.monthly]
    return hashlib.sha256(json.dumps(says, ensure_ascii=False).encode()).hexdigest()[:16]


def faults(definitions: Iterable[Described], written: Mapping[str, str]) -> list[str]:
    """A sentence for each definition that is not what it was when its version was added."""
    now = {f"{one.id} {one.version}": digest(one) for one in definitions}
    found = [
        f"{key} says something else than when it was added. Leave it as it was and add the next version beside it, with"
        " the next CATALOGUE: frozen figures are shown under it (docs/rules.md F3)."
        for key in sorted(now.keys() & written.keys())
        if now[key] != written[key]
    ]
    found += [
        f'{key} is new: add "{key}": "{now[key]}" to tests/rules/definitions.json.'
        for key in sorted(now.keys() - written.keys())
    ]
    return found + [
        f"{key} is gone. A version is never taken away: frozen figures follow it."
        for key in sorted(written.keys() - now.keys())
    ]


def test_a_definition_is_never_changed_without_a_new_version() -> None:
    assert faults(ALL, json.loads(WRITTEN.read_text())) == []


@pytest.mark.parametrize(
    "change",
    [
        {"words": "换一种说法"}, {"formula": "甲 ÷ 乙"}, {"name": "另一个名称"}, {"numerator": "visited"}, {"denominator": "resident"},
        {"households": "resident"}, {"pending": None}, {"beside": ()}, {"part": Part.ON_TIME}, {"monthly": True},
    ],
    ids=str,
)  # fmt: skip
def test_a_change_under_the_same_version_is_caught(change: dict[str, object]) -> None:
    written = {f"{one.id} {one.version}": digest(one) for one in ALL}
    changed = [replace(one, **change) if one.id == "contact_coverage" else one for one in DEFINITIONS]  # type: ignore[arg-type]
    (fault,) = faults([*changed, *MEMBERS], written)
    assert fault.startswith("contact_coverage 1 says something else")


def test_a_version_that_is_new_or_gone_is_named() -> None:
    written = {f"{one.id} {one.version}": digest(one) for one in ALL}
    first, *rest = ALL
    new = replace(first, version=2, words="新口径")
    assert faults([*ALL, new], written) == [
        f'{first.id} 2 is new: add "{first.id} 2": "{digest(new)}" to tests/rules/definitions.json.'
    ]
    (gone,) = faults(rest, written)
    assert gone.startswith(f"{first.id} 1 is gone")


def versions() -> list[list[Described]]:
    """The versions of each figure in the order in which they stand."""
    return [list(some) for _, some in groupby(sorted(ALL, key=lambda one: one.id), key=lambda one: one.id)]


def test_versions_count_from_one_and_take_effect_one_after_the_other() -> None:
    for some in versions():
        assert [one.version for one in some] == list(range(1, len(some) + 1)), some[0].id
        for one, following in pairwise(some):
            assert one.effective_from < following.effective_from, one.id
            assert one.catalogue < following.catalogue, one.id
    assert {one.catalogue for one in ALL} == set(range(1, CATALOGUE + 1)), "every catalogue brought something"


class TestDocument:
    """docs/rules.md explains the same figures."""

    @pytest.mark.parametrize("one", ALL, ids=lambda one: f"{one.id} {one.version}")
    def test_the_heading_of_its_rule_holds_its_id_and_its_name(self, one: Described) -> None:
        assert one.rule in HEADINGS, one.rule
        assert HEADINGS[one.rule] == f"{one.rule} `{one.id}` · {one.name}"
        assert one.source == f"docs/rules.md {one.rule}"

    def test_every_rule_of_a_figure_has_a_definition(self) -> None:
        headed = {
            (rule, match[1])
            for rule, heading in HEADINGS.items()
            if (match := re.match(rf"{rule} `(\w+)` · ", heading)) is not None
        }
        assert headed == {(one.rule, one.id) for one in ALL}
        numbers = [int(one.rule[1:]) for one, _ in described()]
        assert numbers == sorted(numbers), "pages show them in the order of the rules"

    def test_they_settle_and_freeze_as_f1_says(self) -> None:
        rule = re.search(r'<a id="F1"></a>.*?(?=<a id=)', DOCUMENT, re.DOTALL)
        assert rule is not None
        text = " ".join(rule[0].split())
        late = dict(re.findall(r"(\d+) for (C\d+)", text))
        (otherwise,) = re.findall(r"otherwise (\d+)\.", text)
        (after,) = re.findall(r"`settles_days` \+ (\d+) days", text)
        days = {one.rule: one.settles_days for one in ALL}
        assert days == dict.fromkeys(days, int(otherwise)) | {rule: int(number) for number, rule in late.items()}
        assert int(after) == FREEZE_AFTER_DAYS
        for one in DEFINITIONS:
            assert one.frozen_after_days == one.settles_days + FREEZE_AFTER_DAYS
        assert {one.frozen_after_days for one in MEMBERS} == {None}


def test_definitions_are_in_words_a_reader_of_chinese_understands() -> None:
    for one in ALL:
        beside = [words for _, words in one.beside] if isinstance(one, Definition) else []
        for words in (one.name, one.words, one.formula, *beside):
            assert re.search("[一-鿿]", words), one.id
            assert not re.search(r"[a-zA-Z]{2,}", words), (one.id, words)
        assert one.effective_from >= date(2026, 1, 1)


def test_definitions_count_columns_that_are_kept() -> None:
    for one in DEFINITIONS:
        columns = {one.numerator, one.denominator, one.households, one.pending, *(column for column, _ in one.beside)}
        assert columns - {None, MEDIAN} <= {*COLUMNS, *DAILY}, one.id
        assert one.monthly == (one.numerator in MONTHLY), one.id


class TestCatalogues:
    def test_an_older_catalogue_has_what_was_defined_then(self) -> None:
        assert set(in_force(1)) < set(in_force())
        assert set(in_force(0)) == set()
        assert {one.catalogue for one in in_force(1).values()} == {1}

    def test_the_newest_version_is_in_force_and_the_older_ones_are_listed_behind_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = in_force()["contact_coverage"]
        second = replace(first, version=2, catalogue=2, effective_from=date(2027, 1, 1), words="新口径")
        monkeypatch.setattr("backend.rules.definitions.DEFINITIONS", (*DEFINITIONS, second))
        in_force.cache_clear()
        try:
            assert (in_force(1)["contact_coverage"], in_force(2)["contact_coverage"]) == (first, second)
            assert {one.id: older for one, older in described()}["contact_coverage"] == [first]
            assert {one.id: older for one, older in described(1)}["contact_coverage"] == []
            assert [one.id for one, _ in described()] == [one.id for one in ALL]
        finally:
            monkeypatch.undo()
            in_force.cache_clear()
