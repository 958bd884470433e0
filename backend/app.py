"""create_app(): the only place that wires everything together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

import aiohttp
import orjson
from sanic import HTTPResponse, Request, Sanic
from tortoise import Tortoise

import handlers
from backend import consequences, crypto, tellings
from backend.gateways.cache import Cache
from backend.gateways.wechat import WeChat
from backend.http import openapi
from backend.http.endpoint import problem_response, request_id_of, translated
from backend.http.workers import replace_killed
from backend.services import audit, files, messages, papers, visits
from backend.services.coverage.answers import ReadyAnswers
from backend.services.group_commit import GroupCommit
from backend.services.wechat_tokens import DatabaseTokens
from backend.settings import CHINA, Settings
from models.database import tortoise_config

MOST_BYTES = 1_000_000


def china_now() -> datetime:
    """The moment, in China time."""
    return datetime.now(CHINA)


def create_app(
    settings: Settings, *, name: str = "lianhu", own_database: bool = True, clock: Callable[[], datetime] = china_now
) -> Sanic[Any, Any]:
    """The application. Nothing is opened before the server starts; tests bring their own database."""
    crypto.configure(settings.secret_keys)
    audit.install(consequences.CONSEQUENCES)
    messages.install(tellings.TELLINGS)
    files.configure(settings.storage_url)
    papers.configure(settings.public_url, settings.sponsor)
    app: Sanic[Any, Any] = Sanic(name, dumps=orjson.dumps, loads=orjson.loads, configure_logging=False)
    app.config.update(
        {
            "AUTO_EXTEND": False,
            "ACCESS_LOG": False,
            "MOTD": False,
            "REQUEST_MAX_SIZE": MOST_BYTES,
            "REQUEST_TIMEOUT": 30,
            "RESPONSE_TIMEOUT": 30,
            "GRACEFUL_SHUTDOWN_TIMEOUT": 10.0,
            "PROXIES_COUNT": settings.proxies or None,
        }
    )
    app.ctx.settings = settings
    app.ctx.clock = clock
    app.ctx.stopping = False
    app.ctx.ready = ReadyAnswers()
    app.ctx.visit_group = GroupCommit(visits.write_own)
    app.ctx.openapi = functools.cache(functools.partial(openapi.document, app))
    app.blueprint(handlers.api)
    app.blueprint(handlers.outside)
    app.error_handler.add(Exception, _on_error)
    app.main_process_ready(replace_killed)

    @app.before_server_start
    async def open_all(app: Sanic[Any, Any]) -> None:
        app.ctx.cache = Cache(settings.redis_url)
        app.ctx.http = aiohttp.ClientSession()
        app.ctx.wechat = WeChat(
            settings.wechat_appid,
            settings.wechat_secret,
            settings.wechat_api_base,
            app.ctx.http,
            app.ctx.cache,
            DatabaseTokens(),
        )
        if own_database:
            # Request tasks do not inherit what a listener sets in its context: hence the fallback.
            await Tortoise.init(config=tortoise_config(settings), _enable_global_fallback=True)

    @app.before_server_stop
    async def send_away(app: Sanic[Any, Any]) -> None:
        app.ctx.stopping = True  # each connection is closed with its next answer, or busy ones would hold the stop up

    @app.after_server_stop
    async def close_all(app: Sanic[Any, Any]) -> None:
        await app.ctx.visit_group.drain()
        await app.ctx.http.close()
        await app.ctx.cache.close()
        if own_database:
            await Tortoise.close_connections()

    return app


async def _on_error(request: Request, error: Exception) -> HTTPResponse:
    """Whatever happens outside of an endpoint: unknown address, wrong method, a body that is too large."""
    request_id = request_id_of(request) if request is not None else "-"
    return problem_response(translated(error, request_id), request_id)
