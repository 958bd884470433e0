"""Data and a template in, the bytes of a PDF out; the same data give the same bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from backend.papers.fonts import FAMILIES, FILES, must_print

HERE = Path(__file__).parent
#: A village of a thousand households takes eight; what takes this long has gone wrong.
MOST_SECONDS = 120


class TooLongError(ValueError):
    """Something does not fit the paper even in the smallest type; `label` says on which piece."""

    def __init__(self, label: str) -> None:
        self.label = label
        super().__init__(label)


def typeset(template: str, data: Mapping[str, Any]) -> bytes:
    """The PDF of a template with data, all of which the fonts can print; waits for a process of its own (press.py)."""
    must_print(_texts(data))
    told = {
        "template": (HERE / template).read_text(encoding="utf-8"),
        "folders": sorted({str(path.parent) for path in FILES}),
        "data": {"fonts": FAMILIES, **data},
    }
    # The program and its arguments are ours; what is given goes in on stdin.
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", HERE / "press.py"],
        input=json.dumps(told, ensure_ascii=False).encode(),
        capture_output=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    if not done.returncode:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip()
    _, found, label = said.partition("too long:")
    if found:
        raise TooLongError(label.strip(' "'))
    # What the template says is never of a person: its data are words to it, not code.
    raise RuntimeError(f"the press ended with {done.returncode}: {said}")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
