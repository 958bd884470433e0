"""What an operator and a load balancer want to know of a running server."""

from __future__ import annotations

from typing import Any

from backend.gateways.cache import Cache
from backend.rules.audit import SEAL_ALARM_MINUTES
from backend.rules.definitions import CATALOGUE
from models import audit, database, migrate
from models.coverage import keeping

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
        if await keeping.waiting() > MANY_MARKS or await audit.sealing_lags(SEAL_ALARM_MINUTES):
            degraded.append("worker")
    except database.UNREACHABLE:
        return {"ready": False, "database": "unreachable", "degraded": degraded}
    return {"ready": True, "database": "ok", "degraded": degraded}


async def gauges() -> list[tuple[str, str, float]]:
    """(name, what it says, value) of all that an alarm is set on. What has no value yet is left out, never zero."""
    row = await keeping.gauges(CATALOGUE)
    found = [
        ("coverage_marks_waiting", "Changes of facts that are not folded into the kept figures yet", row["marks"]),
        ("coverage_oldest_mark_seconds", "Age of the oldest of them; 0 when none waits", row["oldest_mark"] or 0),
        ("coverage_stale_periods", "Periods not counted under the present definitions yet", row["stale_periods"]),
        ("coverage_check_differences", "Differences found by the last nightly check", row["differences"]),
        ("coverage_check_age_seconds", "Time since the last nightly check", row["check_age"]),
        ("audit_unsealed", "Audit rows that wait for a seal", row["unsealed"]),
        ("audit_oldest_unsealed_seconds", "Age of the oldest of them; 0 when none waits", row["oldest_unsealed"] or 0),
    ]
    return [(f"lianhu_{name}", words, float(value)) for name, words, value in found if value is not None]
