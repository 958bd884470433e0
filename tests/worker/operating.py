"""What an operator does and looks at: commands, and rows of a table."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from models import database

ROOT = Path(__file__).parents[2]


def environ(url: str) -> dict[str, str]:
    return {**os.environ, "APP_ENV": "test", "DATABASE_URL": url, "REDIS_URL": "unix:///nowhere"}


async def backend(url: str, *command: str) -> tuple[int, str]:
    """`python -m backend …` as an operator types it; (exit code, what it said)."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "backend", *command],
        cwd=ROOT,
        env=environ(url),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


async def count(table: str, where: str = "true", *arguments: Any) -> int:
    return int(await database.fetch_value(f"SELECT count(*) FROM {table} WHERE {where}", *arguments))
