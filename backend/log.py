"""Logging: one JSON line an event, to standard output; no personal value, no URL, no body."""

from __future__ import annotations

import logging
import sys

import structlog


def configure() -> None:
    """Set up structlog and the library loggers of this process.

    The loggers of Tortoise and asyncio print statements with their values at DEBUG: they stay above it.
    """
    logging.basicConfig(
        stream=sys.stdout, level=logging.WARNING, format='{"event": "%(name)s", "level": "%(levelname)s"}'
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
