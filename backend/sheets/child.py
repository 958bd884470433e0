"""The process that reads what strangers send: `python -m backend.sheets.child REGISTRY MEMORY SECONDS`.

It limits itself before it looks at anything, knows no secret, and speaks only over its standard input and output.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import sys
import traceback
from typing import BinaryIO

import orjson

from backend.sheets import wire
from backend.sheets.columns import Fault, Refused, Row, Sheet
from backend.sheets.grid import Grid, Limits
from backend.sheets.headers import fit
from backend.sheets.parsing import parse
from backend.sheets.workbook import read_grid
from backend.sheets.writing import report

#: What a report may take on disk while it is made.
_FILE = 1 << 30
_OPEN_FILES = 64


def main() -> None:
    registry, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # The first limit ends the process with a signal of its own, which tells the program why.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE, _FILE))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    # A million cells hold no cycles, and the search for them took longer than the reading.
    gc.disable()
    out = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not stand between our lines.
    os.dup2(2, 1)
    try:
        _serve(sys.stdin.buffer, out, registry)
    except Refused as refused:
        out.write(wire.message(refused=[refused.code, refused.sentence]))
    except MemoryError:
        out.write(
            wire.message(
                refused=[
                    "file.memory",
                    "文件太大或已损坏，系统处理不了。请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传；数据多的，请分成几个文件。",
                ]
            )
        )
    except Exception as fault:
        # The place only: the text of an exception may repeat what stands in the file.
        last = traceback.extract_tb(fault.__traceback__)[-1]
        out.write(wire.message(failed=f"{type(fault).__name__} at {os.path.basename(last.filename)}:{last.lineno}"))  # noqa: PTH119
    out.flush()
    # Giving a million objects back one by one takes a second that nobody needs.
    os._exit(0)


def _serve(source: BinaryIO, out: BinaryIO, registry: str) -> None:
    request = orjson.loads(source.readline())
    sheet: Sheet = importlib.import_module(registry).SHEETS[request["kind"]]
    content = source.read(request["bytes"])
    limits = Limits(**request["limits"])

    # Rows go out while the next are read: two processes have their hands full then, not one after the other.
    reads = request["do"] == "read"

    def progress(done: int, of: int, rows: list[Row]) -> None:
        if reads:
            out.writelines(wire.row_lines(rows))
        out.write(wire.message(progress=[done, of]))
        out.flush()

    def fits(grid: Grid) -> int:
        return fit(grid, sheet)

    grid = read_grid(content, request["filename"], fits, limits)
    del content
    parsed = parse(grid, sheet, limits, progress)
    if reads:
        out.writelines(wire.rest_lines(parsed))
        return
    faults: list[Fault] | None = None
    if request["faults"]:
        faults = [fault for line in source for fault in wire.faults_of(orjson.loads(line)["faults"])]
    file = report(grid, parsed, faults)
    out.write(wire.message(file=len(file)))
    out.write(file)


if __name__ == "__main__":
    main()
