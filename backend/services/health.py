"""What an operator and a load balancer want to know of a running server."""

from __future__ import annotations

from typing import Any

from backend.gateways.cache import Cache
from backend.rules.audit import SEAL_ALARM_MINUTES
from models import audit, coverage, database, migrate

#: So many waiting marks mean that no worker folds; reads stay exact and get slower.
MANY_MARKS = 5000


async def state(cache: Cache) -> dict[str, Any]:
    """`ready` is false only when PostgreSQL does not answer or its schema is older than this release; what is merely
    degraded is named in `degraded`."""
    degraded = [] if await cache.ping() else ["redis"]
    try:
        pending = await migrate.pending_here()
        if pending:
            return {"ready": False, "database": "migrations pending", "degraded": degraded}
        if await coverage.waiting() > MANY_MARKS or await audit.sealing_lags(SEAL_ALARM_MINUTES):
            degraded.append("worker")
    except database.UNREACHABLE:
        return {"ready": False, "database": "unreachable", "degraded": degraded}
    return {"ready": True, "database": "ok", "degraded": degraded}
