"""Starting and ending processes so that none is ever left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

#: Every process of a run carries it, so that the next run finds what a killed one left, grandchildren too.
MARK = "LIANHU_RUN"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with_parent(signum: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` that has the kernel send `signum` when our process ends, however it ends (Linux).

    The kernel watches the thread that starts the child, so start children from a thread that lives on.
    """
    parent = os.getpid()

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
            if os.getppid() != parent:
                # The parent ended between fork and prctl, so the signal will never come.
                os._exit(1)

    return ask


def spawn(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environ: Mapping[str, str],
    log: Path | None,
    last_signal: signal.Signals,
    user: int | None = None,
    group: int | None = None,
    extra_groups: Sequence[int] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in `folder`, in a session of its own, writing to `log` or to our terminal.

    Ctrl-C in the terminal reaches us alone; when we end, however we end, the kernel sends `last_signal`.
    """
    output = None if log is None else _fresh_log(log)
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            # What runs between fork and exec takes no lock and allocates next to nothing.
            preexec_fn=end_with_parent(last_signal),
            user=user,
            group=group,
            extra_groups=extra_groups,
        )
    finally:
        if output is not None:
            os.close(output)


class Child:
    """One part of the program as a process of ours."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path | None) -> None:
        self.name = name
        self.process = process
        self.log = log

    def exit_status(self) -> int | None:
        """None while it lives; negative for the signal that ended it.

        The process is looked at and not reaped, so its number stays taken and `stop_all` can still kill its group.
        """
        if self.process.returncode is not None:
            return self.process.returncode
        ended = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def stop_all(children: Iterable[Child], *, patience: float, hurry: Callable[[], bool] = lambda: False) -> None:
    """Ask all to end, wait `patience` seconds or until `hurry` says so, then kill what is left of their groups."""
    children = [child for child in children if child.process.returncode is None]
    for child in children:
        os.kill(child.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and not hurry() and any(child.exit_status() is None for child in children):
        time.sleep(0.01)
    for child in children:
        # The leader may have ended without its workers, so the group is killed in any case.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()


def _fresh_log(path: Path) -> int:
    """Open a log for writing and keep the one before it as `<name>.1`. Returns the file descriptor."""
    with contextlib.suppress(FileNotFoundError):
        os.replace(path, path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def last_lines(path: Path, count: int = 20) -> str:
    """The end of a log file; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return ""


def end_marked(mark: str) -> None:
    """End every process that carries `mark` in its environment: what a killed run left behind (Linux)."""
    end(lambda: _marked(mark), signal.SIGTERM, patience=3)


def end(find: Callable[[], list[int]], first: signal.Signals | None, *, patience: float) -> None:
    """Send `first` to the processes that `find` names, and SIGKILL to those that stay longer than `patience` seconds.

    For processes that are not our children; `find` is asked again each time, so a reused number is never hit.
    """
    deadline = time.monotonic() + patience
    asked: set[int] = set()
    while pids := find():
        late = time.monotonic() > deadline
        for pid in pids:
            signum = signal.SIGKILL if late else first
            if signum is not None and (late or pid not in asked):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signum)
                asked.add(pid)
        time.sleep(0.01)


def _marked(mark: str) -> list[int]:
    entry = os.fsencode(f"{MARK}={mark}")
    return [pid for pid in all_pids() if pid != os.getpid() and entry in proc_file(pid, "environ").split(b"\0")]


def all_pids() -> list[int]:
    """Every process of the machine that we may see; empty where there is no /proc."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except FileNotFoundError:
        return []


def proc_file(pid: int, name: str) -> bytes:
    """A file of /proc/<pid>; empty when the process has ended or is not ours to look at."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
