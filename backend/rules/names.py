"""Finding people by what somebody types: a part of the name, its pinyin, or the first letters of it."""

from __future__ import annotations

import functools
from itertools import product


def _readings(character: str, *, letters: bool) -> list[str]:
    """All readings of a character without tones, or the first letters of them."""
    # Its dictionary of phrases takes a fifth of the time in which a process starts, and most never look for a name.
    from pypinyin import Style, pinyin

    style = Style.FIRST_LETTER if letters else Style.NORMAL
    return pinyin(character, style=style, heteronym=True, errors=lambda text: text)[0]


@functools.lru_cache(maxsize=16384)
def _letters(character: str) -> frozenset[str]:
    """The first letters of all readings of a character: 单 may be S or D, and as a surname it mostly is S."""
    return frozenset(reading[0].lower() for reading in _readings(character, letters=True) if reading)


def initials(name: str) -> frozenset[str]:
    """All that the first letters of a name may be; a name of more than four characters by its most common readings."""
    letters = [sorted(_letters(character)) for character in name if not character.isspace() and character != "·"]
    if len(letters) > 4:
        letters = [[first] for first, *_ in letters]
    return frozenset("".join(combination) for combination in product(*letters))


@functools.lru_cache(maxsize=16384)
def _syllables(character: str) -> frozenset[str]:
    """All readings of a character, without tones."""
    return frozenset(reading.lower().replace("ü", "v") for reading in _readings(character, letters=False) if reading)


def _sounds_like(typed: str, name: str) -> bool:
    """Whether somebody wrote out the pinyin of a name from its beginning, perhaps not to its end: huangchangs."""
    rests = {typed}
    for character in name:
        if character.isspace() or character == "·":
            continue
        sounds = _syllables(character)
        if any(sound.startswith(rest) for rest in rests for sound in sounds):
            return True
        rests = {rest[len(sound) :] for rest in rests for sound in sounds if rest.startswith(sound)}
    return "" in rests


def matches(typed: str, name: str) -> bool:
    """Whether a name is what somebody may mean: it holds the text, or its pinyin or initials begin with these letters."""
    wanted = typed.strip().lower()
    if not wanted:
        return True
    if wanted in name.lower():
        return True
    if not (wanted.isascii() and wanted.isalpha()):
        return False
    return any(found.startswith(wanted) for found in initials(name)) or _sounds_like(wanted, name)
