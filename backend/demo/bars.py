"""Progress on the console: one bar for each kind of rows, whatever number of townships."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Bars:
    """Bars by name; shown while it is entered."""

    def __init__(self, console: Console) -> None:
        columns = TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        self._progress = Progress(*columns, console=console)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Totals may have been guesses: what is done, is all.
        for task in self._progress.tasks:
            self._progress.update(task.id, total=task.completed)
        self._progress.stop()

    def expect(self, name: str, total: int) -> None:
        """Show a bar, once."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)

    def advance(self, name: str, done: int) -> None:
        """So many more are done."""
        self._progress.advance(self._tasks[name], done)
