"""Who grants which role where (docs/rules.md S2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from models import database
from tests.api.probes import headers, snapshot
from tests.world import TODAY, of

#: (granter, role, place, granted?) for a member of the east. Nobody grants at or above their own rank, or elsewhere.
GRANTS = [
    ("admin", "organization_office", "town", 201), ("admin", "township_committee", "town", 201),
    ("admin", "organization_office", "county", 201), ("admin", "administrator", "county", 403),
    ("admin", "administrator", "town", 403), ("admin", "branch_secretary", "east", 403), ("admin", "area_cadre", "v_east", 403),
    ("admin", "department", "town", 403), ("admin", "organization_office", "outside", 403),
    ("office", "branch_secretary", "east", 201), ("office", "area_cadre", "v_east", 201), ("office", "department", "town", 201),
    ("office", "organization_office", "town", 403), ("office", "organization_office", "v_east", 403),
    ("office", "township_committee", "town", 403), ("office", "administrator", "town", 403),
    ("office", "area_cadre", "county", 403), ("office", "department", "county", 403), ("office", "area_cadre", "outside", 403),
    ("office", "branch_secretary", "branch_outside", 403), ("office", "branch_secretary", "v_east", 422),
    ("office", "area_cadre", "east", 422), ("office", "department", "nowhere", 422), ("admin", "organization_office", "east", 422),
    ("s_east", "branch_secretary", "east", 403), ("s_east", "area_cadre", "v_east", 403), ("cadre", "area_cadre", "v_east", 403),
    ("committee", "department", "town", 403), ("m1", "department", "town", 403), ("department", "department", "town", 403),
]  # fmt: skip


class TestGrants:
    @pytest.fixture(autouse=True)
    async def _outside(self, db: Any) -> None:
        """Another township of another county, with a branch."""
        await database.execute(
            """INSERT INTO region (id, level, code, name, path, predecessors, valid_from)
               VALUES ($1, 'township', '999903101000', '外镇', ARRAY[$1::uuid], '{}', '2026-01-01')""",
            of("region", "outside"),
        )
        await database.execute(
            """INSERT INTO branch (id, region_id, kind, name, path, valid_from)
               VALUES ($1, $2, 'branch', '外支部', ARRAY[$1::uuid], '2026-01-01')""",
            of("branch", "branch_outside"), of("region", "outside"),
        )  # fmt: skip

    @staticmethod
    def place(name: str) -> str:
        return str(of("branch" if name in ("east", "west", "town_branch", "branch_outside") else "region", name))

    @pytest.mark.parametrize(("granter", "role", "place", "status"), GRANTS)
    async def test_who_grants_what_where(
        self, client: httpx.AsyncClient, granter: str, role: str, place: str, status: int
    ) -> None:
        before = await snapshot()
        answer = await self.grant(client, granter, "m4" if granter == "m1" else "m1", role, place)
        assert answer.status_code == status, answer.text
        if status == 201:
            row = await database.fetch_row(
                "SELECT role, coalesce(region_id, branch_id) AS place, granted_by FROM role_grant WHERE id = $1",
                UUID(answer.json()["id"]),
            )
            assert row is not None
            assert [str(value) for value in row.values()] == [role, self.place(place), str(of("account", granter))]
        else:
            assert await snapshot() == before

    async def grant(
        self, client: httpx.AsyncClient, granter: str, account: str, role: str, place: str, **change: Any
    ) -> httpx.Response:
        body = {"role": role, "place": self.place(place), "from": TODAY.isoformat()} | change
        return await self.post(client, granter, account, body)

    @staticmethod
    async def post(client: httpx.AsyncClient, granter: str, account: str, body: dict[str, Any]) -> httpx.Response:
        return await client.post(f"/accounts/{of('account', account)}/roles", json=body, headers=headers(granter))

    async def test_nobody_grants_to_themselves(self, client: httpx.AsyncClient) -> None:
        for name, role, place in (("office", "department", "town"), ("admin", "organization_office", "town")):
            answer = await self.grant(client, name, name, role, place)
            assert (answer.status_code, answer.json()["code"]) == (403, "accounts.grant_refused")

    async def test_an_account_that_does_not_exist_or_serves_elsewhere(self, client: httpx.AsyncClient) -> None:
        unknown = await self.grant(client, "office", "no-such", "department", "town")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "accounts.not_found")
        await database.execute(
            "UPDATE membership SET branch_id = $2 WHERE person_id = $1",
            of("person", "m1"),
            of("branch", "branch_outside"),
        )
        elsewhere = await self.grant(client, "office", "m1", "department", "town")
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "accounts.not_found")

    async def test_a_granted_role_works_at_once_and_only_on_its_days(self, client: httpx.AsyncClient) -> None:
        assert (
            await client.get("/coverage?period=2026-11&area=999902101200", headers=headers("m1"))
        ).status_code == 403
        tomorrow = (TODAY + timedelta(days=1)).isoformat()
        later = await self.grant(client, "office", "m1", "branch_secretary", "east", **{"from": tomorrow})
        assert later.status_code == 201
        assert (
            await client.get("/coverage?period=2026-11&area=999902101200", headers=headers("m1"))
        ).status_code == 403
        now = await self.grant(client, "office", "m1", "branch_secretary", "east", to=tomorrow)
        assert (now.json()["from"], now.json()["to"]) == (TODAY.isoformat(), tomorrow)
        assert (
            await client.get("/coverage?period=2026-11&area=999902101200", headers=headers("m1"))
        ).status_code == 200

    @pytest.mark.parametrize(
        "change", [{"role": "member"}, {"role": "god"}, {"place": "x"}, {"to": "2026-13-01"}, {"from": None}]
    )
    async def test_wrong_input(self, client: httpx.AsyncClient, change: dict[str, Any]) -> None:
        body = {"role": "department", "place": self.place("town"), "from": TODAY.isoformat()} | change
        answer = await self.post(client, "office", "m1", body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, list(change))

    async def test_an_end_before_the_beginning_grants_nothing(self, client: httpx.AsyncClient) -> None:
        before = await snapshot()
        yesterday = (TODAY - timedelta(days=1)).isoformat()
        answer = await self.grant(client, "office", "m1", "department", "town", to=yesterday)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["to"])
        assert await snapshot() == before
