"""Runs: long work that somebody asked for (an import, an export, printing), with its progress and its result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.fields import Now
from tortoise.indexes import Index
from tortoise.models import Model

from models import database
from models.accounts import Account
from models.database import Record
from models.files import StoredFile


class Run(Model):
    """Long work of one account. `asked` and `counts` hold ids, codes and numbers, never a value of a person.

    waiting -> running -> done | failed | stopped. Whatever the state, nothing is half done (docs/rules.md I4).
    """

    id = fields.UUIDField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "lianhu.Account", on_delete=fields.RESTRICT, related_name="runs"
    )
    work = fields.TextField()
    kind = fields.TextField()
    asked: Any = fields.JSONField()
    file: fields.ForeignKeyNullableRelation[StoredFile] = fields.ForeignKeyField(
        "lianhu.StoredFile", null=True, on_delete=fields.RESTRICT, related_name="read_by"
    )
    result: fields.ForeignKeyNullableRelation[StoredFile] = fields.ForeignKeyField(
        "lianhu.StoredFile", null=True, on_delete=fields.RESTRICT, related_name="made_by"
    )
    state = fields.TextField(db_default="waiting")
    step = fields.TextField(null=True)
    done_count = fields.IntField(db_default=0)
    total_count = fields.IntField(null=True)
    counts: Any = fields.JSONField(null=True)
    #: What the importer should see of the rows: headers, faults with their values. Sealed, because it holds values.
    shown_sealed = fields.BinaryField(null=True)
    #: Why it failed: a code and a sentence for the one who asked.
    problem = fields.TextField(null=True)
    sentence = fields.TextField(null=True)
    asked_at = fields.DatetimeField(db_default=Now())
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    deadline_at = fields.DatetimeField()
    stop_asked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "run"
        indexes = [
            Index(fields=["account_id", "asked_at"]),
            Index(fields=["file_id"]),
            Index(fields=["result_id"]),
        ]


RUN = """id, account_id, work, kind, asked, file_id, result_id, state, step, done_count, total_count, counts, shown_sealed,
problem, sentence, asked_at, started_at, finished_at, deadline_at, stop_asked_at,
(SELECT f.name_sealed FROM stored_file f WHERE f.id = coalesce(file_id, result_id)) AS file_name_sealed"""
OPEN = "state IN ('waiting', 'running')"


async def find(run_id: UUID) -> Record | None:
    """One run."""
    return await database.fetch_row(f"SELECT {RUN} FROM run WHERE id = $1", run_id)


async def find_of(run_id: UUID, account_id: UUID) -> Record | None:
    """One run of an account."""
    return await database.fetch_row(f"SELECT {RUN} FROM run WHERE id = $1 AND account_id = $2", run_id, account_id)


async def list_of(account_id: UUID, work: str | None, after: tuple[datetime, UUID] | None, limit: int) -> list[Record]:
    """The runs of an account, of all works or of one, newest first."""
    return await database.fetch(
        f"""SELECT {RUN} FROM run WHERE account_id = $1 AND ($2::text IS NULL OR work = $2)
              AND ($3::timestamptz IS NULL OR (asked_at, id) < ($3, $4::uuid)) ORDER BY asked_at DESC, id DESC LIMIT $5""",
        account_id,
        work,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )


async def insert_once(
    run_id: UUID,
    account_id: UUID,
    work: str,
    kind: str,
    asked: Mapping[str, Any],
    file_id: UUID | None,
    within: timedelta,
) -> bool:
    """Write a run down; False when this id is known already."""
    made = await database.execute(
        """INSERT INTO run (id, account_id, work, kind, asked, file_id, deadline_at)
           VALUES ($1, $2, $3, $4, $5::jsonb, $6, now() + $7::interval) ON CONFLICT (id) DO NOTHING""",
        run_id,
        account_id,
        work,
        kind,
        orjson.dumps(asked).decode(),
        file_id,
        within,
    )
    return made == 1


async def defer(run_id: UUID, work: str, task: str, queue: str) -> None:
    """Put the work in the queue of the worker, in the current transaction: no run without its job, no job without its run."""
    await database.execute(
        """SELECT jobs.procrastinate_defer_jobs_v1(ARRAY[
             ROW($1, $2, 0, $3, NULL, jsonb_build_object('run_id', $4::text), NULL)::jobs.procrastinate_job_to_defer_v1])""",
        queue,
        task,
        f"{work}:{run_id}",
        str(run_id),
    )


async def start(run_id: UUID) -> Record | None:
    """Take a run that waits, or one whose worker died; None when it is over or should not begin."""
    return await database.fetch_row(
        f"""UPDATE run SET state = 'running', started_at = clock_timestamp(), step = NULL, done_count = 0, total_count = NULL
            WHERE id = $1 AND {OPEN} RETURNING {RUN}""",
        run_id,
    )


async def note_progress(run_id: UUID, step: str, done: int, total: int | None) -> Record | None:
    """Write down how far the work has come; the answer says whether it is to go on."""
    return await database.fetch_row(
        """UPDATE run SET step = $2, done_count = $3, total_count = $4 WHERE id = $1 AND state = 'running'
           RETURNING stop_asked_at, deadline_at < now() AS late""",
        run_id,
        step,
        done,
        total,
    )


async def finish(
    run_id: UUID,
    state: str,
    *,
    counts: Mapping[str, Any] | None = None,
    shown_sealed: bytes | None = None,
    result_id: UUID | None = None,
    problem: str | None = None,
    sentence: str | None = None,
) -> bool:
    """End a run, once; False when it was over already."""
    touched = await database.execute(
        f"""UPDATE run SET state = $2, finished_at = clock_timestamp(), counts = $3::jsonb, shown_sealed = $4, result_id = $5,
              problem = $6, sentence = $7 WHERE id = $1 AND {OPEN}""",
        run_id,
        state,
        None if counts is None else orjson.dumps(counts).decode(),
        shown_sealed,
        result_id,
        problem,
        sentence,
    )
    return touched == 1


async def ask_to_stop(run_id: UUID) -> None:
    """Tell whoever does the work to leave it; a run that has not begun is over at once."""
    await database.execute(
        f"""UPDATE run SET stop_asked_at = coalesce(stop_asked_at, now()),
              state = CASE WHEN state = 'waiting' THEN 'stopped' ELSE state END,
              finished_at = CASE WHEN state = 'waiting' THEN now() END WHERE id = $1 AND {OPEN}""",
        run_id,
    )


async def overdue(grace: timedelta) -> list[Record]:
    """Runs that are still open although their deadline has passed: nobody does them any more."""
    return await database.fetch(f"SELECT id, work FROM run WHERE {OPEN} AND deadline_at < now() - $1::interval", grace)


async def without_job() -> list[Record]:
    """Open runs for which no job waits or works: their worker was ended and could not give them back."""
    return await database.fetch(
        f"""SELECT r.id, r.work FROM run r WHERE {OPEN} AND r.deadline_at > now() AND NOT EXISTS (
              SELECT FROM jobs.procrastinate_jobs j
              WHERE j.args ->> 'run_id' = r.id::text AND j.status IN ('todo', 'doing'))"""
    )
