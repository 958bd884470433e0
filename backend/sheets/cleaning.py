"""What a text of a cell looks like once everything nobody can see is gone.

Only what people type by accident is changed: full-width digits and letters, spaces of every width, characters without
a shape, and the radicals that a PDF gives in the place of characters (⽂ for 文). Chinese punctuation stays, because
NFKC as a whole would turn “河东村，三组（新）” into half of another language. Two places in which `clean` is asked more
than a million times for one roster decide its form: a text that is clean costs one search.
"""

from __future__ import annotations

import re
import unicodedata

#: Characters without width: zero-width spaces and joiners, marks of direction, soft hyphens, byte order marks.
_INVISIBLE = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_WIDE = "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
_RADICALS = "\u2e9f\u2ef3\u2f00-\u2fd5"
_CONTROLS = "\x00-\x1f\x7f-\x9f\ud800-\udfff"

#: A text in which none of these stands is clean but for its ends: the usual case, decided in one pass.
_SOILED = re.compile(f"[{_INVISIBLE}{_SPACES}{_WIDE}{_RADICALS}{_CONTROLS}\u2028\u2029]|  |^\\s*'|_x[0-9A-Fa-f]{{4}}_")
_TO_DROP = re.compile(f"[{_INVISIBLE}]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_TO_FOLD = re.compile(f"[{_WIDE}{_RADICALS}{_SPACES}]+")
_LINES = re.compile(r"[ \t]*(?:\r\n|[\r\n\x85\u2028\u2029])[ \t]*")
_RUNS = re.compile(r"[ \t]+")
#: How a workbook writes a control character into XML, and the mark itself when somebody really typed it.
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")
_REPLACED = re.compile("[\ufffd]|锟斤拷")


def clean(text: str) -> str:
    """The text as the user sees it: one line stays one line, and nothing invisible is left.

    A leading apostrophe is how Excel is told that a text is a text; it is no part of it.
    """
    if text.isascii() and text.isalnum():
        return text
    if _SOILED.search(text):
        text = _ESCAPED.sub(_unescaped, text)
        text = _TO_DROP.sub("", text)
        text = _TO_FOLD.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
        text = _LINES.sub("\n", text)
        text = _RUNS.sub(" ", text)
        text = text.lstrip("' \n\t")
    return unicodedata.normalize("NFC", text.strip())


def _unescaped(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    # Only what cannot stand in XML, and the line breaks, are written this way; _x4E00_ is somebody's own text.
    return character if character < " " or character == "_" else found[0]


def compact(text: str) -> str:
    """The text without any space or line break: how headers and the words of lists are compared."""
    return "".join(clean(text).split())


def private_character(text: str) -> str | None:
    """The first character that only one computer can show (造字), or None."""
    found = _PRIVATE.search(text)
    return found[0] if found else None


def is_garbled(text: str) -> bool:
    """Whether characters were lost before the text came here (乱码)."""
    return _REPLACED.search(text) is not None
