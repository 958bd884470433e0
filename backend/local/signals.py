"""Signals as something to wait for, so that nothing is torn down in the middle of a step."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import time
from collections.abc import Iterator
from types import FrameType

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked us to end."""


class Signals:
    """Notes the wish to end and wakes up when a child ends."""

    def __init__(self, wakeups: socket.socket) -> None:
        self._wakeups = wakeups
        self._asked_at: float | None = None
        #: Asked again after a while; make and `timeout` send the first wish twice.
        self.impatient = False

    def note(self, signum: int, frame: FrameType | None) -> None:
        """The handler. SIGCHLD needs one too, or it would wake nobody."""
        if signum not in _STOP:
            return
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
        elif now > self._asked_at + 1:
            self.impatient = True

    def pause(self, seconds: float) -> None:
        """Wait until a signal comes, at most `seconds`. Raises Stopped once somebody asked us to end."""
        if self._asked_at is None and select.select([self._wakeups], [], [], seconds)[0]:
            self._wakeups.recv(4096)
        if self._asked_at is not None:
            raise Stopped


@contextlib.contextmanager
def listening() -> Iterator[Signals]:
    """Take over SIGINT, SIGTERM, SIGHUP and SIGCHLD for the length of a `with`; only in the main thread."""
    wakeups, writer = socket.socketpair()
    with wakeups, writer:
        writer.setblocking(False)
        signals = Signals(wakeups)
        before = {signum: signal.signal(signum, signals.note) for signum in (*_STOP, signal.SIGCHLD)}
        descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield signals
        finally:
            signal.set_wakeup_fd(descriptor)
            for signum, handler in before.items():
                signal.signal(signum, handler)
