"""What is there already: places, households and people of a scope, found by what a sheet says of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from backend.crypto import vault
from backend.http.viewer import Viewer
from backend.permissions import Verb
from backend.services.imports.roster import Wrong, named
from backend.sheets.values import group_key, place_key, village_key
from models import imports, scope
from models.database import Record


@dataclass(frozen=True, slots=True)
class Grid:
    """A micro-grid of the scope."""

    id: UUID
    name: str
    village: str
    village_key: str
    township_id: UUID | None


class Grids:
    """The micro-grids of a scope, found by village and name as people write them."""

    def __init__(self, rows: list[Record]) -> None:
        self.by_id: dict[UUID, Grid] = {}
        self.villages: dict[str, list[Grid]] = defaultdict(list)
        for row in rows:
            village = row["village"] or ""
            grid = Grid(row["id"], row["name"], village, village_key(village), row["township_id"])
            self.by_id[grid.id] = grid
            self.villages[grid.village_key].append(grid)

    @classmethod
    async def of(cls, viewer: Viewer, verb: Verb) -> Grids:
        return cls(await imports.grids(viewer.places(verb), viewer.today))

    def village_of(self, values: Mapping[str, Any]) -> str:
        """The key of the village that a row means; the only one of the scope where the row names none. Raises Wrong."""
        if not self.villages:
            raise Wrong(None, "你的范围里还没有微网格，请先由组织办导入“网格和支部”。", "place.none")
        if "village" not in values:
            if len(self.villages) == 1:
                return next(iter(self.villages))
            raise Wrong("village", "请填写村名。", "cell.required")
        key = village_key(values["village"])
        if key not in self.villages:
            names = [grids[0].village for grids in self.villages.values()]
            raise Wrong("village", f"你的范围里没有这个村，有的是：{named(names)}。", "place.village")
        return key

    def find(self, values: Mapping[str, Any]) -> Grid | None:
        """The micro-grid that a row means; None when it names none and the village has several. Raises Wrong."""
        here = self.villages[self.village_of(values)]
        if "micro_grid" not in values:
            return here[0] if len(here) == 1 else None
        wanted = place_key(values["micro_grid"])
        found = [grid for grid in here if grid.name == values["micro_grid"]] or [
            grid for grid in here if place_key(grid.name) == wanted
        ]
        if len(found) != 1:
            raise Wrong(
                "micro_grid",
                f"{here[0].village}没有这个微网格，有的是：{named([grid.name for grid in here])}。",
                "place.grid",
            )
        return found[0]


@dataclass(slots=True)
class Known:
    """A household that is there. `row` is where this sheet speaks of it first."""

    record: Record
    head: str
    grid: Grid
    row: int | None = None

    @property
    def id(self) -> UUID:
        found: UUID = self.record["id"]
        return found

    def opened(self, column: str) -> str | None:
        """A sealed field, in the clear."""
        sealed = self.record[f"{column}_sealed"]
        return vault().open(bytes(sealed), "household", column, self.id) if sealed else None


class Households:
    """The open households of micro-grids, found by code, by place and head, or by telephone."""

    def __init__(self, rows: list[Record], grids: Grids) -> None:
        self.all: list[Known] = []
        self.by_code: dict[str, Known] = {}
        self.by_head: dict[tuple[str, str, str], list[Known]] = defaultdict(list)
        self.by_phone: dict[tuple[str, str, bytes], list[Known]] = defaultdict(list)
        for row in rows:
            head = vault().open(bytes(row["head_sealed"]), "household", "head", row["id"])
            known = Known(row, head, grids.by_id[row["micro_grid_id"]])
            self.all.append(known)
            if row["code"]:
                self.by_code[row["code"]] = known
            village, group = known.grid.village_key, group_key(row["group_name"])
            self.by_head[village, group, head].append(known)
            if row["phone_index"]:
                self.by_phone[village, group, bytes(row["phone_index"])].append(known)

    @classmethod
    async def of(cls, grids: Grids, today: date, *, lock: bool) -> Households:
        return cls(await imports.households(list(grids.by_id), today, lock=lock), grids)

    def find(self, values: Mapping[str, Any], grids: Grids) -> Known | None:
        """The household that a row means, or None. Raises Wrong when it may be several."""
        if "code" in values and values["code"] in self.by_code:
            return self.by_code[values["code"]]
        if "group" not in values or "head_name" not in values:
            if "code" in values:
                return None
            missing = "group" if "group" not in values else "head_name"
            raise Wrong(missing, "没有户号时，请填写村民组和户主姓名。", "cell.required")
        village, group = grids.village_of(values), group_key(values["group"])
        same = self.by_head.get((village, group, values["head_name"]), [])
        if "code" in values:  # a code that nobody has yet may be given to a household without one
            same = [known for known in same if not known.record["code"]]
        if len(same) > 1 and "phone" in values:
            indexes = vault().indexes("phone", values["phone"])
            same = [
                known for known in same if known.record["phone_index"] and bytes(known.record["phone_index"]) in indexes
            ]
        if len(same) > 1:
            raise Wrong(
                "head_name", f"这个组有 {len(same)} 户同名的户主，请填户号或联系电话来分清。", "household.several"
            )
        return same[0] if same else None

    def by_telephone(self, values: Mapping[str, Any], grids: Grids) -> Known | None:
        """The only household of the same group with this telephone number, which no row has spoken of yet."""
        if "phone" not in values or "group" not in values or not self.by_phone:
            return None
        village, group = grids.village_of(values), group_key(values["group"])
        found = [
            known
            for index in vault().indexes("phone", values["phone"])
            for known in self.by_phone.get((village, group, index), [])
            if known.row is None and not (known.record["code"] and "code" in values)
        ]
        return found[0] if len(found) == 1 else None

    def get(self, values: Mapping[str, Any], grids: Grids) -> Known:
        """The household that a row means. Raises Wrong."""
        found = self.find(values, grids)
        if found is None:
            if "code" in values and "head_name" not in values:
                raise Wrong("code", "你的范围里没有这个户号，请核对，或先导入“农户名册”。", "household.none")
            raise Wrong("head_name", "找不到这一户，请核对村、村民组和户主姓名，或先导入“农户名册”。", "household.none")
        return found


@dataclass(slots=True)
class Somebody:
    """A person who is there."""

    record: Record
    name: str
    branch: str
    row: int | None = None

    @property
    def id(self) -> UUID:
        found: UUID = self.record["id"]
        return found


class People:
    """The people of the scope's branches, found by name, branch and telephone."""

    def __init__(self, branches: list[Record], rows: list[Record]) -> None:
        self.branches = {row["id"]: row for row in branches}
        self.branch_keys: dict[str, list[Record]] = defaultdict(list)
        for branch in branches:
            self.branch_keys[branch_key(branch["name"])].append(branch)
        self.by_name: dict[str, list[Somebody]] = defaultdict(list)
        self.by_phone: dict[bytes, Somebody] = {}
        # Whoever serves today and will serve elsewhere stands there twice, in order of days: today's row counts.
        for row in {row["id"]: row for row in reversed(rows)}.values():
            name = vault().open(bytes(row["name_sealed"]), "person", "name", row["id"])
            one = Somebody(row, name, self.branches[row["branch_id"]]["name"])
            self.by_name[name].append(one)
            if row["phone_index"]:
                self.by_phone[bytes(row["phone_index"])] = one

    @classmethod
    async def of(cls, viewer: Viewer, verb: Verb) -> People:
        ids = await scope.branch_ids(viewer.places(verb), viewer.today)
        return cls(await imports.branches(ids), await imports.people(ids, viewer.today))

    def branch(self, name: str, field: str = "branch") -> Record:
        """The branch of the scope with this name. Raises Wrong."""
        found = self.branch_keys.get(branch_key(name), [])
        if len(found) != 1:
            names = [row["name"] for row in self.branches.values()]
            raise Wrong(field, f"你的范围里没有这个支部，有的是：{named(names)}。", "place.branch")
        return found[0]

    def with_phone(self, phone: str) -> Somebody | None:
        return next((self.by_phone[one] for one in vault().indexes("phone", phone) if one in self.by_phone), None)

    def find(self, name: str, values: Mapping[str, Any], phone_field: str) -> Somebody | None:
        """The person of this name; several are told apart by branch and telephone. Raises Wrong."""
        same = self.by_name.get(name, [])
        if "branch" in values:
            branch = self.branch(values["branch"])
            same = [one for one in same if one.record["branch_id"] == branch["id"]]
        if len(same) > 1 and phone_field in values:
            holder = self.with_phone(values[phone_field])
            same = [one for one in same if one is holder]
        if len(same) > 1:
            raise Wrong(phone_field, f"有 {len(same)} 名同志都叫{name}，请填手机号来分清。", "person.several")
        return same[0] if same else None

    def get(self, name: str, field: str, values: Mapping[str, Any], phone_field: str) -> Somebody:
        """The person of this name. Raises Wrong."""
        found = self.find(name, values, phone_field)
        if found is None:
            raise Wrong(field, f"你的支部里没有{name}，请核对姓名，或先导入“党员和网格员”。", "person.none")
        return found


def branch_key(name: str) -> str:
    """河东村党支部, 河东村支部 and 中共河东村支部委员会 name one branch."""
    key = "".join(name.split()).removeprefix("中共").removeprefix("中国共产党")
    for ending in ("支部委员会", "总支部委员会"):
        if key.endswith(ending):
            key = key.removesuffix("委员会")
    return (
        key.replace("党总支部", "党总支").replace("总支部", "总支").replace("党总支", "总支").replace("党支部", "支部")
    )
