"""Commands that serve until they are ended: the API, the worker, the stand-in, and everything at once."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import click

from backend.cli.base import commands, fail, ready_database, run_async, settings
from backend.settings import Settings


@commands.command()
def serve() -> None:
    """Serve the API on HOST:PORT with WORKERS processes."""
    chosen = settings()
    run_async(ready_database(chosen))
    from sanic import Sanic
    from sanic.worker.loader import AppLoader

    from backend import log

    log.configure()
    _check_address(chosen)
    loader = AppLoader(factory=_Factory(chosen))
    app = loader.load()
    single = chosen.workers == 1
    app.prepare(
        host=chosen.host, port=chosen.port, workers=chosen.workers, single_process=single, access_log=False, motd=False
    )
    if single:
        Sanic.serve_single(primary=app)
    else:
        Sanic.serve(primary=app, app_loader=loader)


def _check_address(chosen: Settings) -> None:
    """Say in a sentence what the server would say with a traceback."""
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    try:
        with socket.create_server((chosen.host, chosen.port), family=family):
            pass
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]
        fail(f"HOST, PORT: cannot listen on {chosen.host}:{chosen.port} ({why}); free it or choose another")


class _Factory:
    """Makes the application in each worker process."""

    def __init__(self, chosen: Settings) -> None:
        self.chosen = chosen

    def __call__(self) -> Any:
        from backend.app import create_app

        return create_app(self.chosen)


@commands.command()
def worker() -> None:
    """Do what happens later: fold and check figures, seal the audit, keep and freeze periods."""
    chosen = settings()
    run_async(ready_database(chosen))
    from backend import log
    from backend.worker import schedule

    log.configure()
    run_async(schedule.run(chosen))


@commands.command()
@click.option("--port", type=int, required=True)
def standin(port: int) -> None:
    """Serve the WeChat stand-in on loopback: for the demo and for tests, never for production."""
    from backend.gateways import wechat_standin

    if os.environ.get("APP_ENV") == "production":
        fail("APP_ENV: production talks to WeChat itself; the stand-in does not start")
    appid = os.environ.get("WECHAT_APPID") or wechat_standin.APPID
    wechat_standin.serve(port, appid, os.environ.get("WECHAT_SECRET") or wechat_standin.SECRET)


@commands.command("run")
def run_local() -> None:
    """Everything on one development machine: private servers, demo, API, worker, stand-in (`make run`)."""
    from backend.local.run import run

    sys.exit(run(os.environ))
