"""How the tests read a paper: its words, where they stand, which glyphs are drawn, and what a camera would scan."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import NamedTuple

import pypdfium2
import zxingcpp
from pypdf import PdfReader
from pypdf.generic import ContentStream

#: Points of a millimetre.
MM = 72 / 25.4


class Letter(NamedTuple):
    """A letter and its ink, in millimetres from the left and from the top."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def reader(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def words(pdf: bytes) -> list[str]:
    """The text of each page without blanks."""
    return ["".join(page.extract_text().split()) for page in reader(pdf).pages]


def letters(pdf: bytes, page_number: int = 0) -> list[Letter]:
    """Where the ink of every letter of a page is."""
    document = pypdfium2.PdfDocument(pdf)
    page = document[page_number]
    height = page.get_height()
    text = page.get_textpage()
    found = []
    for index in range(text.count_chars()):
        left, bottom, right, top = text.get_charbox(index)
        letter = text.get_text_range(index, 1)
        if letter.strip("\u200b\ufffe \u3000\r\n") and right > left:
            found.append(Letter(letter, left / MM, (height - top) / MM, right / MM, (height - bottom) / MM))
    return found


def glyphs(pdf: bytes) -> Iterator[int]:
    """The number of every glyph that is drawn; 0 is the empty box."""
    file = reader(pdf)
    for page in file.pages:
        for operands, operator in ContentStream(page["/Contents"].get_object(), file).operations:
            pieces = operands[0] if operator == b"TJ" else operands if operator == b"Tj" else []
            for piece in pieces:
                if isinstance(piece, str | bytes):
                    raw = piece if isinstance(piece, bytes) else piece.original_bytes  # type: ignore[attr-defined]
                    yield from (int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2))


def font_files(pdf: bytes) -> dict[str, bool]:
    """The fonts of a paper, and whether the file holds their shapes."""
    found = {}
    for page in reader(pdf).pages:
        resources = page["/Resources"].get_object()
        for font in resources.get("/Font", {}).values():  # type: ignore[union-attr]
            below = font.get_object()["/DescendantFonts"].get_object()[0].get_object()
            found[str(below["/BaseFont"])] = bool(
                {"/FontFile2", "/FontFile3"} & set(below["/FontDescriptor"].get_object())
            )
    return found


def scanned(pdf: bytes, page_number: int = 0) -> list[str]:
    """What a camera reads from the codes of a page, from the top down."""
    bitmap = pypdfium2.PdfDocument(pdf)[page_number].render(scale=2, grayscale=True)
    # Rows may be padded to a multiple of four bytes.
    rows = [bytes(bitmap.buffer)[y * bitmap.stride : y * bitmap.stride + bitmap.width] for y in range(bitmap.height)]
    image = memoryview(b"".join(rows)).cast("B", shape=[bitmap.height, bitmap.width])
    found = zxingcpp.read_barcodes(image)
    return [one.text for one in sorted(found, key=lambda one: one.position.top_left.y)]
