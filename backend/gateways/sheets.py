"""Sheets that strangers send, read in a process of their own: what breaks it, breaks nothing else.

A hostile file can make a reader take all memory, run for ever or worse. So the reader gets a limit for each, none of
our secrets, and a folder for its temporary files that is gone afterwards even if it was killed. What comes back is JSON.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from backend.sheets import wire
from backend.sheets.columns import Fault, Parsed, Refused
from backend.sheets.grid import Limits

log = structlog.get_logger(__name__)

Progress = Callable[[int, int], Awaitable[None]]

_ROOT = Path(__file__).parents[2]
#: One line of the child's answer; one row of 200 full cells fits.
_LINE = 32 * 1024 * 1024
#: All of the child's answer. The largest sheet that is taken stays far below.
_ANSWER = 1024 * 1024 * 1024


@dataclass(frozen=True)
class Bounds:
    """What the child may take."""

    memory: int = 1536 * 1024 * 1024
    seconds: int = 120


async def read(
    source: Path | bytes,
    filename: str,
    kind: str,
    progress: Progress | None = None,
    *,
    limits: Limits | None = None,
    bounds: Bounds | None = None,
    registry: str = "backend.sheets.kinds",
) -> Parsed:
    """Everything that the file says as a sheet of this kind. Raises Refused.

    `registry` is the module whose SHEETS holds the kinds; never take it from a request.
    """
    gathering = wire.Gathering()
    child = _Child(gathering.take, progress, bounds or Bounds(), registry)
    await child.run("read", source, filename, kind, limits or Limits(), None)
    if gathering.parsed is None:
        raise _unreadable()
    return gathering.parsed


async def report(
    source: Path | bytes,
    filename: str,
    kind: str,
    faults: Sequence[Fault] | None = None,
    progress: Progress | None = None,
    *,
    limits: Limits | None = None,
    bounds: Bounds | None = None,
    registry: str = "backend.sheets.kinds",
) -> bytes:
    """The same file with a column 问题, as .xlsx. `faults` are all that are known; without them those of reading it.
    Raises Refused."""
    child = _Child(lambda line: None, progress, bounds or Bounds(), registry)
    await child.run("report", source, filename, kind, limits or Limits(), faults)
    if child.file is None:
        raise _unreadable()
    return child.file


def _unreadable() -> Refused:
    return Refused("file.unreadable", "系统读不了这个文件。请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。")


def _slow() -> Refused:
    return Refused("file.slow", "文件太复杂，处理超时。请把数据复制到新的表格，或分成几个文件，再上传。")


class _Child:
    """One process for one file."""

    def __init__(
        self, take: Callable[[dict[str, Any]], None], progress: Progress | None, bounds: Bounds, registry: str
    ) -> None:
        self._take, self._progress, self._bounds, self._registry = take, progress, bounds, registry
        self.file: bytes | None = None

    async def run(
        self,
        what: str,
        source: Path | bytes,
        filename: str,
        kind: str,
        limits: Limits,
        faults: Sequence[Fault] | None,
    ) -> None:
        # One byte more than may be, so that the child sees that it is too much.
        content = source if isinstance(source, bytes) else await asyncio.to_thread(_first, source, limits.bytes + 1)
        content = content[: limits.bytes + 1]
        request = {
            "do": what,
            "kind": kind,
            "filename": filename,
            "bytes": len(content),
            "limits": asdict(limits),
            "faults": faults is not None,
        }
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="lianhu-sheet-")
        try:
            parts = [orjson.dumps(request) + b"\n", content]
            await self._run(folder, parts, wire.fault_lines(faults or ()))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _run(self, folder: str, parts: list[bytes], more: Iterator[bytes]) -> None:
        bounds = self._bounds
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-s", "-m", "backend.sheets.child", self._registry, str(bounds.memory), str(bounds.seconds),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            # Nothing of ours goes along: the environment of the program holds its secrets.
            env={
                "PATH": os.defpath, "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "TMPDIR": folder, "HOME": folder,
                "MALLOC_ARENA_MAX": "2", "TZ": "Asia/Shanghai",
            },
            cwd=folder, limit=_LINE, start_new_session=True,
        )  # fmt: skip
        feeding = asyncio.ensure_future(_feed(process, parts, more))
        try:
            async with asyncio.timeout(bounds.seconds):
                await self._listen(process)
                await process.wait()
        except TimeoutError:
            raise _slow() from None
        except ValueError:
            # A line that is no JSON, or longer than any of ours: the child is not itself any more.
            log.warning("sheet_child_unintelligible")
            raise _unreadable() from None
        finally:
            feeding.cancel()
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            # Cancelled once more or not, the process is gone before its folder is.
            await asyncio.shield(process.wait())
            with suppress(asyncio.CancelledError, ConnectionError):
                await feeding
        _judge(process.returncode)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        total = 0
        while line := await process.stdout.readline():
            total += len(line)
            if total > _ANSWER:
                raise ValueError("more than any sheet says")
            said = orjson.loads(line)
            match said:
                case {"progress": [done, of]}:
                    if self._progress is not None:
                        await self._progress(done, of)
                case {"refused": [code, sentence]}:
                    raise Refused(str(code), str(sentence))
                case {"failed": where}:
                    log.error("sheet_child_failed", where=str(where)[:200])
                    raise _unreadable()
                case {"file": length} if 0 <= length <= _ANSWER:
                    try:
                        self.file = await process.stdout.readexactly(length)
                    except asyncio.IncompleteReadError:
                        raise _unreadable() from None
                case dict():
                    self._take(said)
                case _:
                    raise ValueError("a line of another kind")


def _first(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


async def _feed(process: asyncio.subprocess.Process, parts: list[bytes], more: Iterator[bytes]) -> None:
    """Hand over the file. A child that has seen enough closes its end, which is no fault."""
    assert process.stdin is not None
    with suppress(ConnectionError):
        for part in (*parts, *more):
            process.stdin.write(part)
            await process.stdin.drain()
        process.stdin.close()


def _judge(code: int | None) -> None:
    """What the end of the child means. Raises Refused unless it ended as it should."""
    if code == 0:
        return
    log.warning("sheet_child_died", code=code)
    if code in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise _slow()
    if code == -signal.SIGABRT:
        raise Refused(
            "file.memory",
            "文件太大或已损坏，系统处理不了。请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传；数据多的，请分成几个文件。",
        )
    raise _unreadable()
