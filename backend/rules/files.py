"""Rules of files: how large, and how long they are kept (docs/rules.md I5)."""

from __future__ import annotations

from datetime import timedelta

MOST_BYTES = 20_000_000
KEPT = timedelta(days=7)
#: After so long on top nothing can still be on its way to being committed: what lies there belongs to nothing.
LEFT_OVER = timedelta(days=1)
