"""No empty box is ever printed: what the fonts have, and what is said of what they have not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import typst

from backend.papers import typesetting
from backend.papers.fonts import FAMILIES, FILES, CannotPrintError, known, must_print
from backend.papers.typesetting import typeset
from tests.papers.reading import glyphs, words

RARE = "𠮷㛃䶮堃喆·〇𬭎𫍯䴖"
#: Han letters of extension B that neither font has, and a picture.
LACKING = ("𠀀", "𪛖", "😀")
SHOWN = "#let data = json(bytes(sys.inputs.data))\n#set text(font: data.fonts, fallback: false)\n#data.title"


def test_rare_letters_of_names_are_known() -> None:
    must_print([RARE, "ABCxyz0123456789—（）：，。"])


def test_all_of_the_common_table_is_known() -> None:
    """GB 2312, the letters of nearly every name, and the whole first block of Unicode's Han letters."""
    table = [bytes([high, low]).decode("gb2312", "ignore") for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF)]
    must_print(table)
    assert sum(map(bool, table)) == 6763
    assert not set(range(0x4E00, 0x9FA6)) - known()


def test_what_no_font_has_is_named() -> None:
    with pytest.raises(CannotPrintError, match=r"𠀀（U\+20000）、𪛖（U\+2A6D6）") as caught:
        must_print(["张𪛖", "李𠀀𪛖"])
    assert caught.value.characters == ("𠀀", "𪛖")


@pytest.mark.parametrize("letter", LACKING)
def test_without_the_check_it_would_be_an_empty_box(
    letter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counting of glyphs that the other tests lean on does see an empty box."""
    data = {"title": f"张{letter}", "notes": [], "unit": "", "issued": "", "sheets": []}
    with pytest.raises(CannotPrintError):
        typeset("card.typ", data)
    (tmp_path / "press.py").write_bytes((typesetting.HERE / "press.py").read_bytes())
    (tmp_path / "card.typ").write_text(SHOWN)
    monkeypatch.setattr(typesetting, "HERE", tmp_path)
    monkeypatch.setattr(typesetting, "must_print", lambda _: None)
    assert 0 in glyphs(typeset("card.typ", data))
    pdf = typeset("card.typ", {**data, "title": RARE})
    assert 0 not in glyphs(pdf)
    # Each has a shape of its own, and can be copied and searched for.
    assert len(set(glyphs(pdf))) >= len(RARE) - 1
    assert words(pdf) == [RARE]


def test_the_fonts_are_those_of_the_noto_project() -> None:
    """The packages only carry them: the bytes are those of notofonts/noto-cjk at f8d15753."""
    found = typst.Fonts(False, False, sorted({str(path.parent) for path in FILES}))
    assert set(found.families()) == set(FAMILIES)
    assert hashlib.sha256(FILES[0].read_bytes()).hexdigest() == (
        "e8f396decc1f0963a016a989c3d8852e863d1350996f573860a80767c83a1cd3"
    )
