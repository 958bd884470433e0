"""`python -m backend …`."""

from __future__ import annotations

from backend.cli import main

main()
