"""What every kind of roster does: read what is there, decide each row, and write all of it at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Any, ClassVar

from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services.runs import Progress
from backend.sheets.columns import Fault, Parsed, Row
from backend.sheets.kinds import SHEETS

#: So many rows are decided before others have their turn.
CHUNK = 500


class Wrong(Exception):
    """A row that cannot be taken: the field it is about (None for the whole row), and a sentence with the way out."""

    def __init__(self, field: str | None, sentence: str, code: str = "row.unfit") -> None:
        super().__init__(sentence)
        self.field, self.sentence, self.code = field, sentence, code


class Roster(ABC):
    """One kind of sheet on its way in. `decide` only looks; nothing is written before every row has been decided."""

    kind: ClassVar[str]
    #: Who may send this kind in must hold this verb, and it says which places are reached.
    verb: ClassVar[Verb]

    def __init__(self, viewer: Viewer, parsed: Parsed, *, lock: bool) -> None:
        self.viewer, self.parsed, self.lock = viewer, parsed, lock
        self.today: date = viewer.today
        self.faults: list[Fault] = []
        #: Fields without a column that rows turned out to need.
        self.lacking: set[str] = set()
        self.counts: Counter[str] = Counter({"new": 0, "changed": 0, "same": 0})

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields without which a row cannot be decided."""
        return tuple(column.name for column in SHEETS[self.kind].columns if column.required)

    @abstractmethod
    async def load(self) -> None:
        """Read what is there; with `lock`, so that it stays as it is until the transaction ends."""

    @abstractmethod
    def decide(self, row: Row) -> str:
        """What a row does: `new`, `changed` or `same`. Raises Wrong."""

    @abstractmethod
    async def write(self, progress: Progress) -> None:
        """Write what was decided, in the current transaction."""

    def settle(self) -> None:  # noqa: B027  most rosters have nothing to say about all rows together
        """Look at all rows together, once each of them has been decided; adds faults."""

    async def decide_all(self, progress: Progress) -> None:
        """Decide every row; what is wrong becomes a fault, and the next row has its turn."""
        await progress.begin("deciding", len(self.parsed.rows))
        broken: dict[int, set[str | None]] = {}
        for fault in self.parsed.faults:
            broken.setdefault(fault.row, set()).add(fault.field)
        for start in range(0, len(self.parsed.rows), CHUNK):
            chunk = self.parsed.rows[start : start + CHUNK]
            for row in chunk:
                self._decide_one(row, broken.get(row.number, set()))
            await progress.advance(len(chunk))
        self.settle()

    def _decide_one(self, row: Row, broken: set[str | None]) -> None:
        """Decide a row. What its cells that could not be read (`broken`) bring about is no second fault."""
        if None in broken or any(name not in row.values for name in self.required):
            return
        try:
            decided = self.decide(row)
        except Wrong as wrong:
            if wrong.field and wrong.field not in self.parsed.headers:
                self._lacks(row, wrong)
            elif wrong.field not in broken:
                self.fault(row, wrong.field, wrong.sentence, wrong.code)
        else:
            self.counts[decided] += not broken

    def _lacks(self, row: Row, wrong: Wrong) -> None:
        """Say once that a column is missing, at the first row that needs it: a thousand rows would say the same."""
        assert wrong.field is not None
        if wrong.field in self.lacking:
            return
        self.lacking.add(wrong.field)
        column = next(one for one in SHEETS[self.kind].columns if one.name == wrong.field)
        self.fault(row, None, f"{wrong.sentence}表里没有“{column.header}”这一列，请加上，别的行也一样。", wrong.code)

    def fault(self, row: Row, field: str | None, sentence: str, code: str) -> None:
        """Write down what is wrong with a row, under the user's own header."""
        header = self.parsed.headers.get(field, "") if field else ""
        self.faults.append(Fault(row.number, field, header, _written(row.values, field), code, sentence))


def _written(values: Mapping[str, Any], field: str | None) -> str:
    value = values.get(field) if field else None
    return "" if value is None else str(value)


def named(names: list[str], most: int = 6) -> str:
    """Some of these names, as a sentence lists them."""
    some = "、".join(names[:most])
    return f"{some}等 {len(names)} 个" if len(names) > most else some
