"""Logging: one JSON line an event, to standard output; no personal value, no URL, no body."""

from __future__ import annotations

import json
import logging
import sys

import structlog


class _NameAndLevel(logging.Formatter):
    """What a library logs, without its words and without the exception, whose text may hold a value of a person."""

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        return json.dumps({"event": record.name, "level": record.levelname, "kind": kind})


def configure() -> None:
    """Set up structlog and the library loggers of this process.

    The loggers of Tortoise and asyncio print statements with their values at DEBUG: they stay above it.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_NameAndLevel())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
