"""Rules of runs: their states, and how long each kind of work may take (docs/rules.md I4)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class RunState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


RUN_STATES: dict[str, str] = {
    RunState.WAITING: "排队中",
    RunState.RUNNING: "进行中",
    RunState.DONE: "已完成",
    RunState.FAILED: "没有成功",
    RunState.STOPPED: "已停止",
}


class Work(StrEnum):
    IMPORT = "import"
    EXPORT = "export"
    PRINT = "print"


#: After so long from asking, a run that is not over has failed, and says so.
DEADLINE: dict[Work, timedelta] = {
    Work.IMPORT: timedelta(minutes=30),
    Work.EXPORT: timedelta(minutes=15),
    Work.PRINT: timedelta(minutes=15),
}
