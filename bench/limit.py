"""The limit: a bare Sanic handler, asyncpg, orjson. No validation, no figures, the least SQL that keeps the fact."""

from __future__ import annotations

import hashlib
import os
import sys
from datetime import date, datetime
from typing import Any

import asyncpg
import orjson
from sanic import HTTPResponse, Request, Sanic
from sanic.response import raw

JSON = "application/json"
app: Sanic[Any, Any] = Sanic("limit", configure_logging=False)
app.config.AUTO_EXTEND = False

RECORD = """
WITH who AS (
  SELECT s.account_id, a.person_id FROM session s JOIN account a ON a.id = s.account_id
  WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL
), made AS (
  INSERT INTO visit (id, household_id, visitor_id, entered_by, occurred_on, noted_at, mode, outcome, topics,
                     companion_ids, note_sealed, needs_follow_up, body_mac)
  SELECT $2, $3, person_id, account_id, $4, $5, $6, $7, $8, '{}', $9, $10, '' FROM who
  WHERE EXISTS (SELECT FROM assignment l
                WHERE l.household_id = $3 AND l.person_id = who.person_id AND l.during @> $4::date)
  ON CONFLICT (id) DO NOTHING RETURNING id, entered_by, recorded_at
), logged AS (
  INSERT INTO audit_entry (account_id, action, subject_id, changed)
  SELECT entered_by, 'visit.record', id, '{}' FROM made
)
SELECT who.person_id::text, made.recorded_at FROM who LEFT JOIN made ON true"""
KNOWN = "SELECT visitor_id::text, recorded_at FROM visit WHERE id = $1"

# The figures as they are kept, summed by village (a micro-grid's path is county, township, village, …), for whoever holds
# a session and a role at the township.
COVERAGE = """
WITH who AS MATERIALIZED (
  SELECT t.id FROM session s JOIN role_grant r ON r.account_id = s.account_id JOIN region t ON t.id = r.region_id
  WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > now() AND t.code = $2
), kept AS MATERIALIZED (
  SELECT g.path[3] AS id, sum(households) AS households, sum(party) AS party, sum(not_yet) AS not_yet,
         sum(exposed) AS exposed, sum(covered) AS covered, sum(contacted) AS contacted, sum(resident) AS resident,
         sum(visited) AS visited
  FROM coverage_sum c JOIN region g ON g.id = c.micro_grid_id WHERE c.period_id = $3 GROUP BY 1
)
SELECT v.id::text, v.code, v.name, households, party, not_yet, exposed, covered, contacted, resident, visited
FROM who JOIN region v ON v.parent_id = who.id JOIN kept ON kept.id = v.id ORDER BY v.code"""


class Lean(asyncpg.Connection):
    """A pooled connection without the clean-up round trip after each statement."""

    def get_reset_query(self) -> str:
        return ""


@app.before_server_start
async def open_pool(app: Sanic[Any, Any]) -> None:
    app.ctx.pg = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10, connection_class=Lean)


def _token(request: Request) -> bytes:
    return hashlib.sha256(request.headers["authorization"][7:].encode()).digest()


@app.post("/api/v1/visits")
async def record(request: Request) -> HTTPResponse:
    """One statement; a second one only when nothing was written."""
    body = orjson.loads(request.body)
    note = body.get("note")
    row = await app.ctx.pg.fetchrow(
        RECORD, _token(request), body["client_id"], body["household_id"], date.fromisoformat(body["occurred_on"]),
        datetime.fromisoformat(body["noted_at"]), body["mode"], body["outcome"], body["topics"],
        note.encode() if note else None, body.get("needs_follow_up", False),
    )  # fmt: skip
    status = 201
    if row is None:
        return raw(b"{}", status=401, content_type=JSON)
    if row["recorded_at"] is None:
        row = await app.ctx.pg.fetchrow(KNOWN, body["client_id"])
        if row is None:
            return raw(b"{}", status=404, content_type=JSON)
        status = 200
    body["id"], body["visitor_id"], body["recorded_at"] = body["client_id"], row[0], row[1]
    return raw(orjson.dumps(body), status=status, content_type=JSON)


@app.get("/api/v1/coverage")
async def coverage(request: Request) -> HTTPResponse:
    """One statement, rendered as it comes."""
    year, month = request.args.get("period").split("-")
    rows = await app.ctx.pg.fetch(COVERAGE, _token(request), request.args.get("area"), int(year + month))
    if not rows:
        return raw(b"{}", status=404, content_type=JSON)
    return raw(orjson.dumps({"rows": [dict(row) for row in rows]}), content_type=JSON)


if __name__ == "__main__":
    app.prepare(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False)
    Sanic.serve_single(primary=app)
