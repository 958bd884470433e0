"""GET /metrics: gauges for whoever watches the server, in the text format of Prometheus. Sums only, nobody's name or id."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sanic import HTTPResponse, Request
from sanic.response import raw

from backend import problems
from backend.http.endpoint import problem_response, request_id_of, translated
from backend.services import health
from handlers.meta import outside as outside

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class _Gauges(Collector):
    """Values that were read for this one answer."""

    def __init__(self, values: Sequence[tuple[str, str, float]]) -> None:
        self.values = values

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, words, value in self.values:
            yield GaugeMetricFamily(name, words, value)


@outside.get("/metrics")
async def metrics(request: Request) -> HTTPResponse:
    """Gauges of the database, and of the process that answers. 404 without METRICS_TOKEN in production, and for whoever
    does not show it."""
    request_id = request_id_of(request)
    if not _may(request):
        return problem_response(problems.NotFound(), request_id)
    try:
        values = await health.gauges()
    except Exception as error:
        return problem_response(translated(error, request_id), request_id)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Gauges(values))
    return raw(generate_latest(registry), content_type=_TEXT)


def _may(request: Request) -> bool:
    settings = request.app.ctx.settings
    if not settings.metrics_token:
        return not settings.is_production
    shown = request.headers.get("authorization", "").encode(errors="surrogateescape")  # bytes that are no text stay so
    return hmac.compare_digest(shown, f"Bearer {settings.metrics_token}".encode())
