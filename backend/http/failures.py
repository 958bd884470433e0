"""Unexpected errors as problems: what the database says in terms of the caller, all else as 500."""

from __future__ import annotations

import asyncpg
import structlog
from tortoise.exceptions import IntegrityError, OperationalError

from backend import problems
from models import database

log = structlog.get_logger("http")


def problem_of(error: Exception, request_id: str) -> problems.Problem:
    """The problem that an error is to the caller.

    Only the kind of an error is logged, because its text may hold a value of a person.
    """
    cause = error.__cause__ if isinstance(error, (IntegrityError, OperationalError)) and error.__cause__ else error
    if isinstance(cause, asyncpg.DeadlockDetectedError | asyncpg.SerializationError | asyncpg.QueryCanceledError):
        return problems.Unavailable(retry_after=1)
    if isinstance(cause, database.UNREACHABLE):
        log.warning("database_unreachable", kind=type(cause).__name__, request_id=request_id)
        return problems.Unavailable(retry_after=2)
    if isinstance(cause, asyncpg.IntegrityConstraintViolationError):
        log.warning("constraint", constraint=cause.constraint_name, request_id=request_id)
        return problems.Conflict()
    if isinstance(cause, asyncpg.DataError):
        log.warning("data_error", kind=type(cause).__name__, request_id=request_id)
        return problems.Conflict()
    log.error("unexpected", kind=type(error).__name__, where=_where(error), request_id=request_id)
    return problems.ServerError()


def _where(error: BaseException) -> list[str]:
    """File and line of each frame: enough to find the fault, without any value."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-8:]
