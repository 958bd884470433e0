"""Where the built clients lie, and under which address each of them is served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

SOURCES = Path(__file__).resolve().parents[1] / "clients"
#: First part of the address -> the folder that the build leaves.
BUILT: Mapping[str, Path] = MappingProxyType(
    {"console": SOURCES / "console" / "dist", "m": SOURCES / "miniapp" / "dist" / "build" / "h5"}
)


def is_built(name: str) -> bool:
    """Whether there is something to serve under `/{name}/`."""
    return (BUILT[name] / "index.html").is_file()
