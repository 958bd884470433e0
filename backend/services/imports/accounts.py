"""Accounts on their way in: invitations for phones, accounts for the console; the secrets are given out once."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from backend.permissions import GRANTS, HELD_AT_BRANCH, ROLES, Role, Verb
from backend.services import accounts
from backend.services.imports.ground import People, Somebody
from backend.services.imports.roster import Roster, Wrong, named
from backend.services.runs import Progress
from backend.sheets.columns import Row
from backend.sheets.values import village_key
from models import imports

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{2,31}")
HEADERS = ("姓名", "角色", "地点", "登录名", "密码", "动态码密钥", "手机邀请码", "邀请码有效期至", "怎么用")
HOW_PHONE = "在小程序里输入手机邀请码。"
HOW_CONSOLE = "在网页上输入登录名、密码和动态码。动态码：把“动态码密钥”输入手机上的身份验证器（如腾讯身份验证器），它每 30 秒给一个六位数。"


class AccountsRoster(Roster):
    """Accounts and invitations. Whoever has an account already keeps it, and is the same."""

    kind, verb = "accounts", Verb.PERSON_INVITE

    async def load(self) -> None:
        self.people = await People.of(self.viewer, self.verb)
        self.regions: dict[str, list[Any]] = {}
        for place in self.viewer.places(Verb.ROLE_GRANT).regions:
            for row in await imports.region_and_below(place, self.today):
                self.regions.setdefault(village_key(row["name"]), []).append(row)
        self.logins = await imports.logins(
            [row.values["login"].casefold() for row in self.parsed.rows if "login" in row.values]
        )
        self.seen: dict[str, int] = {}
        self.invited: list[tuple[Somebody, str]] = []
        self.made: list[tuple[str, Role, UUID, str, Somebody | None, str]] = []
        self.given: list[tuple[Any, ...]] = []

    def decide(self, row: Row) -> str:
        role = Role(row.values["role"])
        return self._invite(row) if role is Role.MEMBER else self._account(row, role)

    def _invite(self, row: Row) -> str:
        if "name" not in row.values:
            raise Wrong("name", "党员请填姓名。", "cell.required")
        person = self._person(row)
        if person.record["account_id"] is not None:
            return "same"
        self.invited.append((person, row.values["place"]))
        return "new"

    def _person(self, row: Row) -> Somebody:
        values = {**row.values, "branch": row.values["place"]}
        person = self.people.get(row.values["name"], "name", values, "phone")
        if person.row is not None:
            raise Wrong("name", f"第 {person.row} 行已经写了{person.name}。", "row.duplicate")
        person.row = row.number
        return person

    def _account(self, row: Row, role: Role) -> str:
        values = row.values
        if not any(role in GRANTS.get(own.role, ()) for own in self.viewer.grants):
            raise Wrong("role", f"你不能开“{ROLES[role]}”的账号，请联系上级。", "account.role")
        if "login" not in values or not _LOGIN.fullmatch(values["login"].casefold()):
            raise Wrong("login", "登录名用 3 到 32 个小写字母、数字，不用中文。", "cell.login")
        login = values["login"].casefold()
        if login in self.seen:
            raise Wrong("login", f"第 {self.seen[login]} 行已用了这个登录名。", "row.duplicate")
        self.seen[login] = row.number
        place, person = self._place(row, role)
        if login in self.logins:
            if (role, place) in self.logins[login]:
                return "same"
            raise Wrong("login", "这个登录名已有人用，请换一个。", "account.login")
        self.made.append((login, role, place, values["place"], person, values.get("name", "")))
        return "new"

    def _place(self, row: Row, role: Role) -> tuple[UUID, Somebody | None]:
        """Where the role is held, and whose account it is."""
        if role in HELD_AT_BRANCH:
            branch: UUID = self.people.branch(row.values["place"], "place")["id"]
            return branch, self._person(row) if "name" in row.values else None
        found = self.regions.get(village_key(row.values["place"]), [])
        if len(found) != 1:
            names = [
                one["name"] for same in self.regions.values() for one in same if one["level"] in ("township", "village")
            ]
            raise Wrong("place", f"你的范围里没有这个地方，有的是：{named(names)}。", "place.none")
        return found[0]["id"], None

    async def write(self, progress: Progress) -> None:
        await progress.begin("writing", len(self.invited) + len(self.made))
        for person, place in self.invited:
            invitation = await accounts.invite(self.viewer, person.id)
            until = invitation["expires_at"].date()
            self.given.append(
                (person.name, ROLES[Role.MEMBER], place, "", "", "", invitation["code"], until, HOW_PHONE)
            )
            await progress.advance(1)
        for login, role, place_id, place, owner, name in self.made:
            person_id = owner.id if owner and owner.record["account_id"] is None else None
            _, password, totp = await accounts.create_console_account(
                login, role, place_id, role in HELD_AT_BRANCH, self.today, person_id=person_id, viewer=self.viewer
            )
            self.given.append((name, ROLES[role], place, login, password, totp, "", "", HOW_CONSOLE))
            await progress.advance(1)
