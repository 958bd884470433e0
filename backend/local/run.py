"""The supervisor behind `python -m backend run`: everything a developer needs on one machine, and nothing left after."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import itertools
import json
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from backend.local.places import LocalError, locked, make_run_dir, secret_keys, write_lock_note, write_privately
from backend.local.processes import MARK, Child, end_marked, last_lines, spawn, stop_all
from backend.local.servers import PostgresServer, RedisServer
from backend.local.signals import Signals, Stopped, listening

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60
STOP_SECONDS = 12


def run(settings_env: Mapping[str, str]) -> int:
    """Serve until Ctrl-C or SIGTERM. Returns 0 after being asked to end, 1 after a fault told in one sentence."""
    try:
        return _run(settings_env)
    except LocalError as error:
        print(error, file=sys.stderr, flush=True)
        return 1


def _run(environ: Mapping[str, str]) -> int:
    if environ.get("APP_ENV") == "production":
        raise LocalError("APP_ENV: `run` is for one developer's machine; production is started as deploy/ shows.")
    port = port_of(environ)
    folder = make_run_dir(environ.get("RUN_DIR") or ".run")
    with listening() as signals, locked(folder):
        end_marked(str(folder))
        check_port_is_free(environ.get("HOST") or "127.0.0.1", port)
        supervisor = Supervisor(environ, folder, port, signals)
        me = os.getpid()
        write_lock_note(folder, f"{supervisor.base_url}, process {me}; end it with Ctrl-C there or `kill {me}`")
        try:
            supervisor.start()
            supervisor.watch()
        except Stopped:
            return 0
        finally:
            supervisor.stop()


class Supervisor:
    """One run: the private servers, the parts of the program, and their end."""

    def __init__(self, environ: Mapping[str, str], folder: Path, port: int, signals: Signals) -> None:
        self.folder = folder
        self.signals = signals
        host = environ.get("HOST") or "127.0.0.1"
        self.base_url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
        self.environ = {
            **environ,
            MARK: str(folder),
            "APP_ENV": environ.get("APP_ENV") or "demo",
            "PORT": str(port),
            "RUN_DIR": str(folder),
            "SECRET_KEYS": environ.get("SECRET_KEYS") or secret_keys(folder),
            "STORAGE_URL": environ.get("STORAGE_URL") or (folder / "files").as_uri(),
            "PYTHONUNBUFFERED": "1",
        }
        self.standin_url: str | None = None
        if self.is_demo:
            self.standin_url = f"http://127.0.0.1:{free_port(port + 1)}"
            self.environ["WECHAT_API_BASE"] = self.standin_url
        self.postgres: PostgresServer | None = None
        self.redis: RedisServer | None = None
        self.children: list[Child] = []

    @property
    def is_demo(self) -> bool:
        return self.environ["APP_ENV"] == "demo"

    def start(self) -> None:
        """Bring everything up and say so. Raises LocalError naming the part that did not come up."""
        self._start_servers()
        self._prepare_database()
        waits: list[tuple[Child, str, int | None]] = [(self._child("serve"), f"{self.base_url}/readyz", 200)]
        if self.standin_url is not None:
            _, _, port = self.standin_url.rpartition(":")
            waits.append((self._child("standin", "--port", port), self.standin_url, None))
        for child, url, status in waits:
            self._wait_for(child, url, status)
        self._child("worker")  # now that it takes no processor time from those who are waited for
        self._announce()

    def watch(self) -> NoReturn:
        """Wait until somebody asks us to end (Stopped) or a part ends by itself (LocalError)."""
        while True:
            self._check()
            self.signals.pause(60)

    def stop(self) -> None:
        """End everything, those who use the database before the database; a second Ctrl-C skips the waiting."""
        stop_all(self.children, patience=STOP_SECONDS, hurry=lambda: self.signals.impatient)
        for server in (self.postgres, self.redis):
            if server is not None:
                server.stop()

    def _start_servers(self) -> None:
        logs = self.folder / "logs"
        if not self.environ.get("REDIS_URL"):
            self.redis = RedisServer(self.folder, log=logs / "redis.log")
            self.redis.launch()
            self.environ["REDIS_URL"] = self.redis.url
        if not self.environ.get("DATABASE_URL"):
            self.postgres = PostgresServer(self.folder, durable=True, log=logs / "postgres.log")
            self.postgres.launch()
            self.environ["DATABASE_URL"] = self.postgres.url
        for server in (self.redis, self.postgres):
            if server is not None:
                server.wait_ready()

    def _prepare_database(self) -> None:
        """Migrate and load the demo where the last run has not, which is known without importing the program."""
        state = read_state(self.folder)
        wanted = migrations_stamp(ROOT / "models" / "migrations", self._data_id())
        # Somebody else may have changed a database that is not private, so that one is asked every time.
        if self.postgres is None or state.get("migrated") != wanted:
            self._command("migrate")
            state["migrated"] = wanted
            write_state(self.folder, state)
        facts = self.folder / "demo.json"
        if self.is_demo and (state.get("demo") != self._data_id() or not facts.exists()):
            self._command("demo")
            if not facts.exists():
                raise LocalError(f"`python -m backend demo` has not written {facts}.")
            state["demo"] = self._data_id()
            write_state(self.folder, state)

    def _data_id(self) -> str:
        if self.postgres is not None:
            return self.postgres.data_id
        return hashlib.sha256(self.environ["DATABASE_URL"].encode()).hexdigest()

    def _child(self, *arguments: str, log: bool = True) -> Child:
        path = self.folder / "logs" / f"{arguments[0]}.log" if log else None
        process = spawn(
            [sys.executable, "-m", "backend", *arguments],
            folder=ROOT,
            environ=self.environ,
            log=path,
            last_signal=signal.SIGTERM,
        )
        child = Child(arguments[0], process, path)
        self.children.append(child)
        return child

    def _command(self, name: str) -> None:
        """Run a command to its end on our terminal, so that its progress bars show."""
        child = self._child(name, log=False)
        while (status := child.exit_status()) is None:
            self.signals.pause(1)
        stop_all([child], patience=0)
        self.children.remove(child)
        if status != 0:
            raise LocalError(f"`python -m backend {name}` {ending(status)}; what it said stands above.")

    def _check(self) -> None:
        """Raises LocalError with the end of the log of a part that ended by itself."""
        servers = [server for server in (self.postgres, self.redis) if server is not None]
        for name, status, log in (
            *((child.name, child.exit_status(), child.log) for child in self.children),
            *((server.kind, server.exit_status(), server.log) for server in servers),
        ):
            if status is not None and log is not None:
                raise LocalError(f"{name} {ending(status)}; {log} ends with:\n{last_lines(log)}")

    def _wait_for(self, child: Child, url: str, status: int | None) -> None:
        """Wait until `url` answers, with `status` if one is given."""
        deadline = time.monotonic() + READY_SECONDS
        while (seen := answer_of(url)) is None or (status is not None and seen != status):
            self._check()
            if time.monotonic() > deadline:
                log = child.log or Path()
                raise LocalError(
                    f"{child.name} was not ready after {READY_SECONDS} s ({url} gave {seen or 'no answer'}); "
                    f"{log} ends with:\n{last_lines(log)}"
                )
            self.signals.pause(0.05)

    def _announce(self) -> None:
        lines = [f"联户 Lianhu: {self.base_url}  (日志 {self.folder / 'logs'}，Ctrl-C 结束)"]
        names = ("APP_ENV", "DATABASE_URL", "REDIS_URL", "SECRET_KEYS", "STORAGE_URL", "WECHAT_API_BASE", "RUN_DIR")
        chosen = {name: self.environ[name] for name in names if self.environ.get(name)}
        write_privately(
            self.folder / "env", "".join(f"{name}={shlex.quote(value)}\n" for name, value in chosen.items())
        )
        if self.standin_url is not None:
            facts = fill_demo_facts(self.folder / "demo.json", self.base_url, self.standin_url)
            lines.append(guide_text(facts, self.folder))
        with contextlib.suppress(BrokenPipeError):
            print("\n".join(lines), flush=True)


def port_of(environ: Mapping[str, str]) -> int:
    """PORT, 8000 by default. Raises LocalError when it is no port."""
    text = environ.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise LocalError(f"PORT: {text!r} is not a whole number from 1 to 65535.")
    return int(text)


def check_port_is_free(host: str, port: int) -> None:
    """Raises LocalError naming a port that is free when this one is not."""
    try:
        _bind(host, port)
    except PermissionError:
        raise LocalError(f"PORT: this user may not serve on port {port}; try `make run PORT=8000`.") from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise LocalError(f"HOST: {host} is no address of this machine ({error.strerror}); unset it.") from None
        raise LocalError(
            f"PORT: port {port} is taken by another program; try `make run PORT={free_port(port + 1)}`."
        ) from None


def free_port(first: int) -> int:
    """The first port from `first` on that nobody on this machine listens to."""
    for port in itertools.chain(range(first, 65536), range(8000, first)):
        with contextlib.suppress(OSError):
            _bind("127.0.0.1", port)
            return port
    raise LocalError("PORT: every port of this machine is taken.")


def _bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.create_server((host, port), family=family).close()


def migrations_stamp(folder: Path, data_id: str) -> str:
    """Changes with any migration and with the data they were applied to."""
    digest = hashlib.sha256(data_id.encode())
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def read_state(folder: Path) -> dict[str, str]:
    """What earlier runs have done to the database: {migrated: stamp, demo: data id}; empty when unknown."""
    try:
        state = json.loads((folder / "state.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(folder: Path, state: Mapping[str, str]) -> None:
    """Remember it for the next run."""
    write_privately(folder / "state.json", json.dumps(state))


def fill_demo_facts(path: Path, base_url: str, standin_url: str) -> dict[str, Any]:
    """Put this run's addresses into demo.json beside what the demo wrote, and return all of it."""
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    facts |= {"base_url": base_url, "standin_url": standin_url}
    write_privately(path, json.dumps(facts, ensure_ascii=False, indent=1))
    return facts


def guide_text(facts: dict[str, Any], folder: Path) -> str:
    """The walk through; imported late, because serving must not wait for it."""
    from backend.demo.guide import guide

    here = Path.cwd()
    return guide(facts, str(folder.relative_to(here) if folder.is_relative_to(here) else folder))


def answer_of(url: str) -> int | None:
    """The HTTP status of a GET to a port of this machine; None without an answer."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def ending(status: int) -> str:
    """How a process ended, for a sentence: exit status, or the signal for a negative one."""
    if status >= 0:
        return f"ended with exit status {status}"
    return f"was ended by {signal.Signals(-status).name}"
