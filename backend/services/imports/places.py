"""Places on their way in: villages, grids, micro-grids, and the branches that answer for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from backend.permissions import Verb
from backend.rules.regions import BranchKind, Level, ResponsibilityKind
from backend.services.imports.ground import branch_key
from backend.services.imports.roster import Roster, Wrong
from backend.services.runs import Progress
from backend.sheets.columns import Row
from backend.sheets.values import place_key, village_key
from models import imports, regions

_CODE = re.compile(r"\d{12}")


@dataclass(slots=True)
class Place:
    """A region that is there, or will be."""

    id: UUID
    name: str
    path: list[UUID]


@dataclass(slots=True)
class Party:
    """A branch that is there, or will be."""

    id: UUID
    path: list[UUID]


class PlacesRoster(Roster):
    """The tree below one township. What is there stays; a micro-grid may get another branch from today on."""

    kind, verb = "places", Verb.REGION_EDIT

    async def load(self) -> None:
        self.regions: list[tuple[Any, ...]] = []
        self.branches: list[tuple[Any, ...]] = []
        self.duties: list[tuple[Any, ...]] = []
        self.ends: list[tuple[UUID, date]] = []
        townships = [
            row
            for place in self.viewer.places(self.verb).regions
            if (row := await regions.find_region_by_id(place)) is not None and row["level"] == Level.TOWNSHIP
        ]
        self.township = townships[0] if len(townships) == 1 else None
        self.places: dict[tuple[UUID, str, str], Place] = {}
        self.parties: dict[str, Party] = {}
        self.answering: dict[UUID, tuple[UUID, UUID | None, date]] = {}
        self.villages: set[tuple[UUID, UUID]] = set()
        self.codes: dict[str, UUID] = {}
        if self.township is None:
            return
        tree = await imports.tree(self.township["id"], self.today)
        for row in tree:
            kind = village_key if row["level"] == Level.VILLAGE else place_key
            self.places[row["parent_id"], row["level"], kind(row["name"])] = Place(
                row["id"], row["name"], list(row["path"])
            )
            if row["code"]:
                self.codes[row["code"]] = row["id"]
        for row in await imports.branches_in(self.township["id"], self.today):
            self.parties[branch_key(row["name"])] = Party(row["id"], list(row["path"]))
        for row in await imports.duties(self.township["id"], self.today):
            if row["kind"] == ResponsibilityKind.BRANCH_MICRO_GRID:
                self.answering[row["region_id"]] = row["id"], row["branch_id"], row["valid_from"]
            elif row["kind"] == ResponsibilityKind.BRANCH_VILLAGE:
                self.villages.add((row["region_id"], row["branch_id"]))

    def decide(self, row: Row) -> str:
        if self.township is None:
            raise Wrong(None, "请用一个乡镇的组织办账号导入这张表。", "place.township")
        values, before = row.values, len(self.regions) + len(self.branches) + len(self.duties)
        village = self._village(values)
        grid = self._place(village, Level.GRID, values.get("grid", f"{village.name}网格"))
        micro = self._place(grid, Level.MICRO_GRID, values["micro_grid"])
        branch = self._branch(values, village)
        handed = self._answer(micro, branch)
        if (village.id, branch.id) not in self.villages:
            self.villages.add((village.id, branch.id))
            self._duty(ResponsibilityKind.BRANCH_VILLAGE, village.id, branch.id)
        if handed:
            return "changed"
        return "new" if len(self.regions) + len(self.branches) + len(self.duties) > before else "same"

    def _village(self, values: Mapping[str, Any]) -> Place:
        assert self.township is not None
        key = self.township["id"], Level.VILLAGE, village_key(values["village"])
        code = values.get("code")
        if code is not None and not _CODE.fullmatch(code):
            raise Wrong("code", "村代码应为 12 位数字；没有可以不填。", "cell.code")
        found = self.places.get(key)
        if code is not None and self.codes.get(code, found and found.id) != (found and found.id):
            raise Wrong("code", "这个村代码已是另一个村的，请核对。", "place.code")
        if found is None:
            found = self._region(
                self.township["id"], list(self.township["path"]), Level.VILLAGE, values["village"], code
            )
            self.places[key] = found
            if code is not None:
                self.codes[code] = found.id
        return found

    def _place(self, parent: Place, level: Level, name: str) -> Place:
        key = parent.id, level, place_key(name)
        if key not in self.places:
            self.places[key] = self._region(parent.id, parent.path, level, name, None)
        return self.places[key]

    def _region(self, parent_id: UUID, path: list[UUID], level: Level, name: str, code: str | None) -> Place:
        place = Place(uuid4(), name, path)
        place.path = [*path, place.id]
        self.regions.append((place.id, parent_id, level, code, name, place.path, [], self.today))
        return place

    def _branch(self, values: Mapping[str, Any], village: Place) -> Party:
        above = self._party(values["general_branch"], village, None) if "general_branch" in values else None
        return self._party(values["branch"], village, above)

    def _party(self, name: str, village: Place, above: Party | None) -> Party:
        key = branch_key(name)
        if key not in self.parties:
            party = Party(uuid4(), [])
            party.path = [*(above.path if above else []), party.id]
            kind = (
                BranchKind.GENERAL_BRANCH
                if "总支" in name
                else BranchKind.PARTY_GROUP
                if "小组" in name
                else BranchKind.BRANCH
            )
            self.branches.append((party.id, above and above.id, village.id, kind, name, party.path, self.today))
            self.parties[key] = party
        return self.parties[key]

    def _answer(self, micro: Place, branch: Party) -> bool:
        """From today on the branch answers for the micro-grid; whether another one did before."""
        before = self.answering.get(micro.id)
        if before is not None and before[1] == branch.id:
            return False
        if before is not None:
            if before[2] == self.today:
                raise Wrong(
                    "branch", "这个微网格今天已经定了负责支部，一天只能定一次；请核对，或明天再换。", "place.duty"
                )
            self.ends.append((before[0], self.today))
        self._duty(ResponsibilityKind.BRANCH_MICRO_GRID, micro.id, branch.id)
        self.answering[micro.id] = uuid4(), branch.id, self.today
        return before is not None

    def _duty(self, kind: ResponsibilityKind, region_id: UUID, branch_id: UUID) -> None:
        self.duties.append((uuid4(), kind, region_id, branch_id, self.today))

    async def write(self, progress: Progress) -> None:
        await progress.begin("writing", len(self.regions) + len(self.branches) + len(self.duties))
        columns = ("id", "parent_id", "level", "code", "name", "path", "predecessors", "valid_from")
        await imports.copy("region", columns, self.regions)
        await imports.copy(
            "branch", ("id", "parent_id", "region_id", "kind", "name", "path", "valid_from"), self.branches
        )
        await imports.update_many("UPDATE responsibility SET valid_to = $2 WHERE id = $1", self.ends)
        await imports.copy("responsibility", ("id", "kind", "region_id", "branch_id", "valid_from"), self.duties)
        await progress.advance(len(self.regions) + len(self.branches) + len(self.duties))
