"""The fonts of printed papers: Noto Serif for China and, for characters it lacks, for Japan; then the same in Sans."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable
from pathlib import Path

import pylopdf_fonts_jp
import pylopdf_fonts_zh_cn

#: In the order in which a character is looked for.
FAMILIES = ("Noto Serif SC", "Noto Serif JP", "Noto Sans SC", "Noto Sans JP")
FILES: tuple[Path, ...] = (
    pylopdf_fonts_zh_cn.serif_path(),
    pylopdf_fonts_jp.serif_path(),
    pylopdf_fonts_zh_cn.sans_path(),
    pylopdf_fonts_jp.sans_path(),
)
#: They have no shape of their own: a place to break a line, and the blanks.
_SHAPELESS = frozenset("\u200b\n")


class CannotPrintError(ValueError):
    """There are characters that no font has; printing them would leave empty boxes."""

    def __init__(self, characters: tuple[str, ...]) -> None:
        self.characters = characters
        super().__init__("、".join(f"{one}（U+{ord(one):04X}）" for one in characters))


@functools.cache
def known() -> frozenset[int]:
    """The code points of which some font has a shape."""
    return frozenset(code for path in FILES for code in _mapped(path.read_bytes()))


def must_print(texts: Iterable[str]) -> None:
    """Raise CannotPrintError with every character that no font has."""
    letters = {letter for text in texts for letter in text} - _SHAPELESS
    if lacking := sorted(letter for letter in letters if ord(letter) not in known()):
        raise CannotPrintError(tuple(lacking))


def _mapped(font: bytes) -> Iterable[int]:
    """The code points of a font: format 12 of its `cmap`, which every font with rare characters has.

    https://learn.microsoft.com/typography/opentype/spec/cmap#format-12-segmented-coverage
    """
    (tables,) = struct.unpack_from(">H", font, 4)
    directory = {font[at : at + 4]: struct.unpack_from(">II", font, at + 8) for at in range(12, 12 + 16 * tables, 16)}
    cmap, _ = directory[b"cmap"]
    (count,) = struct.unpack_from(">H", font, cmap + 2)
    for index in range(count):
        (offset,) = struct.unpack_from(">I", font, cmap + 4 + 8 * index + 4)
        at = cmap + offset
        if struct.unpack_from(">H", font, at) == (12,):
            (groups,) = struct.unpack_from(">I", font, at + 12)
            for group in range(groups):
                first, last, glyph = struct.unpack_from(">III", font, at + 16 + 12 * group)
                # Glyph 0 is the empty box.
                yield from range(first if glyph else first + 1, last + 1)
            return
