"""A private PostgreSQL and a private Redis from binaries that pip installed, for development, demo and tests."""

from __future__ import annotations

import abc
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from backend.local.binaries import Account, postgres_account, postgres_binaries, redis_binary
from backend.local.places import LocalError, forget, home
from backend.local.processes import all_pids, end, last_lines, proc_file, spawn

DATABASE = "lianhu"
START_SECONDS = 60

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    # A statement and the DETAIL of an error may hold what a person wrote, so neither goes to the log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
#: Without waiting for the disk. synchronous_commit stays on, so a kill -9 of the server still loses nothing.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class _Server(abc.ABC):
    """What both servers share: one child process, the folder it belongs to and its log."""

    kind: str
    _ways_to_stop: tuple[tuple[signal.Signals, float], ...]

    def __init__(self, folder: Path, log: Path | None = None) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.log = log or self.folder / f"{self.kind}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process number. Raises LocalError when it does not run."""
        return self._running().pid

    def start(self) -> None:
        """Start and wait until it takes connections. May be called again after it was stopped or killed."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting, after ending what an earlier, killed run left.

        It ends with the thread that calls this, so let that be the main thread.
        """
        if self._process is not None:
            # Somebody else may just have killed it; then this takes note of its end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
                self._process = None
        if self._process is not None:
            raise LocalError(f"The private {self.kind} of {self.folder} is already running.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process = self._launch(home(self.folder) / self.kind)

    def wait_ready(self) -> None:
        """Wait until it takes connections. Raises LocalError with the end of its log when it ends instead."""
        process = self._running()
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise LocalError(
                    f"The private {self.kind} of {self.folder} does not start; its log {self.log} ends with:\n"
                    f"{last_lines(self.log)}"
                )
            time.sleep(0.005)

    def stop(self) -> None:
        """End it cleanly: open sessions are closed, nothing committed is lost."""
        if self._process is None:
            return
        for signum, patience in (*self._ways_to_stop, (signal.SIGKILL, 10)):
            self._process.send_signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
                break
        self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def exit_status(self) -> int | None:
        """None while it lives; negative for the signal that ended it."""
        return self._running().poll()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LocalError(f"The private {self.kind} of {self.folder} is not running.")
        return self._process

    @abc.abstractmethod
    def _launch(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start the process with its data and socket in `folder`."""

    @abc.abstractmethod
    def _is_ready(self, pid: int) -> bool:
        """Whether process `pid` takes connections."""


class PostgresServer(_Server):
    """A PostgreSQL whose data and socket lie under `folder`, or in its short place (see `places.home`).

    It listens on a Unix socket only, in a folder that no other user can enter, so it trusts who connects.
    """

    kind = "postgres"
    _ways_to_stop = ((signal.SIGINT, 15), (signal.SIGQUIT, 5))

    def __init__(self, folder: Path, *, durable: bool, log: Path | None = None) -> None:
        """`durable=False` is for tests: data survive a killed server but not a power cut."""
        super().__init__(folder, log)
        self.durable = durable
        self._folder = Path()

    @property
    def url(self) -> str:
        """The database as asyncpg takes it. The port stands in it so that the variable PGPORT cannot mislead."""
        return f"postgresql://postgres@/{DATABASE}?host={quote(str(self._folder), safe='/')}&port=5432"

    @property
    def data_id(self) -> str:
        """Tells these data from any made before or after them in the same folder."""
        status = (self._data / "PG_VERSION").stat()
        return f"{status.st_ino:x}-{status.st_mtime_ns:x}"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _name(self) -> str:
        """Stands in the title of each of its processes, which is how a later run knows them."""
        return "lianhu_" + hashlib.sha256(os.fsencode(self._data)).hexdigest()[:16]

    def _launch(self, folder: Path) -> subprocess.Popen[bytes]:
        self._folder = folder
        account = postgres_account()
        binaries = postgres_binaries(folder.parent, account)
        if not folder.exists():
            folder.mkdir(mode=0o700)
            account.admit(folder.parent)
            account.own(folder)
        self._clear()
        if not (self._data / "PG_VERSION").exists():
            self._create(binaries, account)
        settings = {
            **_SETTINGS,
            **({} if self.durable else _NOT_DURABLE),
            "cluster_name": self._name,
            "unix_socket_directories": '"{}"'.format(str(folder).replace('"', '""')),
        }
        return spawn(
            [binaries / "postgres", "-D", self._data, *_flags(settings)],
            folder=folder,
            environ=_environ(folder),
            log=self.log,
            last_signal=signal.SIGINT if self.durable else signal.SIGQUIT,
            **account._asdict(),
        )

    def _is_ready(self, pid: int) -> bool:
        """Line 1 of postmaster.pid is the process, line 8 its state (pg_ctl reads the same)."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _clear(self) -> None:
        """End the processes of an earlier run on these data, then drop its lock files.

        PostgreSQL clears what a dead process left, but not a file whose number now belongs to another program.
        """
        end(lambda: self._processes(f"cluster_name={self._name}"), signal.SIGINT, patience=10)
        # Without their postmaster the others end by themselves. SIGINT would mean something else to some of them.
        end(lambda: self._processes(self._name), None, patience=5)
        for path in (self._data / "postmaster.pid", *self._folder.glob(".s.PGSQL.*")):
            path.unlink(missing_ok=True)

    def _processes(self, mark: str) -> list[int]:
        """Processes named postgres with `mark` in command line or title, which all may read, unlike their folder."""
        sought = mark.encode()
        return [
            pid for pid in all_pids() if proc_file(pid, "comm") == b"postgres\n" and sought in proc_file(pid, "cmdline")
        ]

    def _create(self, binaries: Path, account: Account) -> None:
        """Make data and database under another name first, so that a run killed here leaves nothing half made."""
        fresh = self._folder / "data.new"
        for old in (fresh, self._data):
            if old.exists():
                shutil.rmtree(old)
        initdb: list[str | Path] = [
            binaries / "initdb",
            "-D",
            fresh,
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-instructions",
        ]
        # The built-in locale gives the same order and letters on every system.
        initdb += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._tool(initdb if self.durable else [*initdb, "--no-sync"], account)
        single: list[str | Path] = [
            binaries / "postgres",
            "--single",
            "-D",
            fresh,
            *_flags({} if self.durable else _NOT_DURABLE),
        ]
        self._tool([*single, "postgres"], account, f"CREATE DATABASE {DATABASE}\n")
        fresh.rename(self._data)

    def _tool(self, command: Sequence[str | Path], account: Account, text: str = "") -> None:
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=_environ(self._folder),
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            start_new_session=True,
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
        )
        if done.returncode != 0 or b"ERROR:" in done.stdout:
            raise LocalError(f"{Path(command[0]).name} failed:\n{done.stdout.decode(errors='replace').strip()}")


class RedisServer(_Server):
    """A Redis on a Unix socket under `folder`, or in its short place, which keeps nothing."""

    kind = "redis"
    _ways_to_stop = ()

    def __init__(self, folder: Path, *, log: Path | None = None) -> None:
        super().__init__(folder, log)
        self._socket = Path()

    @property
    def url(self) -> str:
        """The server as redis-py takes it."""
        return f"unix://{quote(str(self._socket), safe='/')}"

    def _launch(self, folder: Path) -> subprocess.Popen[bytes]:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._socket = folder / "redis.sock"
        with contextlib.suppress(OSError):
            self._say(b"SHUTDOWN NOSAVE\r\n")
        self._socket.unlink(missing_ok=True)
        command: list[str | Path] = [
            redis_binary(),
            "--port",
            "0",
            "--unixsocket",
            self._socket,
            "--unixsocketperm",
            "700",
        ]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        return spawn(command, folder=folder, environ=_environ(folder), log=self.log, last_signal=signal.SIGKILL)

    def _is_ready(self, pid: int) -> bool:
        try:
            return self._say(b"PING\r\n").startswith(b"+PONG")
        except OSError:
            return False

    def _say(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(os.fsencode(self._socket))
            connection.sendall(line)
            return connection.recv(64)


def remove_data(server: PostgresServer | RedisServer) -> None:
    """Throw away what a server that was stopped has kept."""
    forget(server.folder, server.kind)


@contextlib.contextmanager
def private_postgres(data_dir: Path, *, durable: bool) -> Iterator[str]:
    """The URL of a private PostgreSQL for the length of a `with`; unless durable, the data end with it."""
    server = PostgresServer(data_dir, durable=durable)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
        if not durable:
            remove_data(server)


@contextlib.contextmanager
def private_redis(folder: Path) -> Iterator[str]:
    """The URL of a private Redis for the length of a `with`."""
    server = RedisServer(folder)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
        remove_data(server)


def _environ(folder: Path) -> Mapping[str, str]:
    """Nothing of our own environment, so that no PG… variable misleads the server."""
    return {"PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C"}


def _flags(settings: Mapping[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
