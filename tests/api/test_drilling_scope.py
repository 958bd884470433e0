"""Who may look at the households behind figures, for what the township committee does so, and wrong questions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from backend import problems
from backend.rules.reasons import PURPOSES
from backend.services.coverage.answers import ReadyAnswers
from handlers.coverage import drilling
from models import database
from tests.api.drills import EAST, FACTS, TOWN, WEST, added, ask, figures, listed
from tests.api.probes import snapshot
from tests.api.problems import refused, without_a_test
from tests.api.test_households import audited
from tests.models.facts import november
from tests.world import TODAY, World

NOVEMBER = {"period": "2026-11"}


@pytest.fixture(autouse=True)
def _nothing_kept_ready(app: Any) -> None:
    """Answers of other tests, whose facts are rolled back, are gone."""
    app.ctx.ready = ReadyAnswers()


class TestScope:
    @pytest.mark.parametrize("path", ["households", "gaps", "overdue", "revisions"])
    @pytest.mark.parametrize(
        ("by", "east", "west", "town"),
        [
            ("s_east", 200, 404, 404), ("s_west", 404, 200, 404), ("cadre", 200, 404, 404), ("office", 200, 200, 200),
            ("m1", 403, 403, 403), ("department", 403, 403, 403), ("admin", 403, 403, 403), ("committee", 422, 422, 422),
        ],
    )  # fmt: skip
    async def test_who_sees_the_households_of_which_place(
        self, client: httpx.AsyncClient, path: str, by: str, east: int, west: int, town: int
    ) -> None:
        query = {"households": NOVEMBER | {"metric": "contact_coverage", "state": "denominator"}, "revisions": NOVEMBER}
        for area, status in ((EAST, east), (WEST, west), (TOWN, town)):
            answer = await ask(client, path, by, area=area, **query.get(path, {}))
            assert answer.status_code == status, (area, answer.text)

    async def test_a_household_that_left_the_branch_counts_there_without_being_named(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """h2 moved to the west in November: October's figure of the east still has it, and its secretary sees no more of it."""
        await database.execute(
            "UPDATE assignment SET valid_to = $1 WHERE household_id = $2", TODAY, world.households["h2"]
        )
        await database.execute(
            "UPDATE residence SET valid_to = '2026-11-05' WHERE household_id = $1", world.households["h2"]
        )
        await FACTS.residence(world.households["h2"], world.regions["w1"], november(5))
        query = {
            "period": "2026-10",
            "metric": "contact_coverage",
            "state": "denominator",
            "branch": str(world.branches["east"]),
        }
        answer = await ask(client, "households", "s_east", **query)
        figure = (await figures(client, "s_east", period="2026-10", branch=query["branch"]))["contact_coverage"]
        rows = answer.json()["items"]
        assert added(rows) == (figure["numerator"], figure["denominator"]) == (0, 5)
        assert [row["code"] for row in rows] == ["h1", None, "h3", "h4", "h6"]
        assert str(world.households["h2"]) not in answer.text and "钱" not in answer.text
        assert rows[1]["micro_grid"]["name"] == "东一"
        seen = await listed(client, "households", "office", **query)
        assert [row["code"] for row in seen] == ["h1", "h2", "h3", "h4", "h6"]
        path = f"households/{world.households['h2']}"
        assert (await ask(client, path, "s_east", period="2026-10")).status_code == 404
        assert (await ask(client, path, "s_west", period="2026-10")).status_code == 200

    async def test_no_list_shows_a_plain_name_a_telephone_number_or_an_address(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """Not even to who is linked to the household: lists behind figures are for staff (docs/rules.md S3, S8)."""
        for path, query in (
            ("households", NOVEMBER | {"metric": "contact_coverage", "state": "denominator"}), ("gaps", {}), ("overdue", {}),
            ("revisions", NOVEMBER), (f"households/{world.households['h1']}", NOVEMBER),
        ):  # fmt: skip
            place = {} if "/" in path else {"area": EAST}
            text = (await ask(client, path, "s_east", **place, **query)).text
            assert "标记" not in text and "13977" not in text and "人名" not in text, path
            assert "person" not in text, path


class TestCommittee:
    QUERY = NOVEMBER | {"metric": "contact_coverage", "state": "difference", "area": EAST}

    @pytest.mark.parametrize("purpose", PURPOSES)
    async def test_each_look_for_a_purpose_is_written_down(
        self, client: httpx.AsyncClient, world: World, purpose: str
    ) -> None:
        answer = await ask(client, "households", "committee", purpose=purpose, **self.QUERY)
        assert [row["code"] for row in answer.json()["items"]] == ["h1", "h2", "h3", "h4", "h6"]
        assert await audited() == [
            "coverage.drill",
            world.accounts["committee"],
            ["contact_coverage", "2026-11", "difference"],
            purpose,
        ]
        number = "SELECT count(*) FROM audit_entry WHERE action = 'coverage.drill'"
        before = await database.fetch_value(number)
        for path, query in (("gaps", {}), ("overdue", {}), ("revisions", NOVEMBER)):
            assert (await ask(client, path, "committee", purpose=purpose, area=TOWN, **query)).status_code == 200
        explained = await ask(client, f"households/{world.households['h7']}", "committee", purpose=purpose, **NOVEMBER)
        assert explained.status_code == 200
        assert await database.fetch_value(number) == before + 4
        row = await database.fetch_row("SELECT subject_id FROM audit_entry ORDER BY id DESC LIMIT 1")
        assert row and row["subject_id"] == world.households["h7"]

    async def test_a_look_that_fails_is_not_written_down_and_staff_leaves_no_row(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        before = await snapshot()
        for by, more in (
            ("office", {}), ("s_east", {"purpose": "close_gaps"}), ("committee", {}), ("committee", {"purpose": "curiosity"}),
            ("committee", {"purpose": "close_gaps", "cursor": "x"}), ("committee", {"purpose": "close_gaps", "period": "2020-01"}),
        ):  # fmt: skip
            await ask(client, "households", by, **(self.QUERY | more))
        assert await snapshot() == before

    async def test_an_office_elsewhere_does_not_free_of_the_purpose(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        """Who is secretary in the east and on the committee says for what they look at the west."""
        await database.execute(
            """INSERT INTO role_grant (id, account_id, role, region_id, valid_from)
               VALUES (gen_random_uuid(), $1, 'township_committee', $2, '2026-01-01')""",
            world.accounts["s_east"], world.regions["town"],
        )  # fmt: skip
        assert (await ask(client, "households", "s_east", **self.QUERY)).status_code == 200
        assert (await ask(client, "households", "s_east", **(self.QUERY | {"area": WEST}))).status_code == 422
        h7 = f"households/{world.households['h7']}"
        assert (await ask(client, h7, "s_east", **NOVEMBER)).status_code == 422
        assert (await ask(client, h7, "s_east", purpose="inspection", **NOVEMBER)).status_code == 200

    @refused(
        problems.PurposeMissing, drilling.list_households, drilling.list_gaps, drilling.list_overdue, drilling.list_revisions,
        drilling.explain_household,
    )  # fmt: skip
    @pytest.mark.parametrize("path", ["households", "gaps", "overdue", "revisions", "household"])
    async def test_without_a_purpose_the_way_out_is_named(
        self, client: httpx.AsyncClient, world: World, path: str
    ) -> httpx.Response:
        query: dict[str, Any] = {"area": TOWN} | (NOVEMBER if path == "revisions" else {})
        if path == "household":
            path, query = f"households/{world.households['h1']}", NOVEMBER
        answer = await ask(client, path, "committee", **(self.QUERY if path == "households" else query))
        assert list(answer.json()["errors"]) == ["purpose"] and "drill_purposes" in answer.json()["detail"]
        return answer


class TestQuestions:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"metric": "load"}, "metric"), ({"metric": "due; DROP TABLE visit"}, "metric"), ({"state": "all"}, "state"),
            ({"sort": "value"}, "sort"), ({"revised": "1"}, "revised"), ({"on": "2026-02-30"}, "on"), ({"limit": 201}, "limit"),
            ({"cursor": "x"}, "cursor"), ({"cursor": "WyJhIl0"}, "cursor"), ({"purpose": "just so"}, "purpose"),
        ],
        ids=str,
    )  # fmt: skip
    async def test_a_wrong_question_names_the_field(
        self, client: httpx.AsyncClient, change: dict[str, Any], field: str
    ) -> None:
        query = TestCommittee.QUERY | change
        answer = await ask(client, "households", **query)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])

    PATHS = ("households", "gaps", "overdue", "revisions")

    def query(self, path: str, **change: Any) -> dict[str, Any]:
        base = {"households": TestCommittee.QUERY, "revisions": {"area": EAST} | NOVEMBER}.get(path, {"area": EAST})
        return {name: value for name, value in (base | change).items() if value is not None}

    @refused(
        problems.AreaOrBranch,
        drilling.list_households,
        drilling.list_gaps,
        drilling.list_overdue,
        drilling.list_revisions,
    )
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("both", [False, True])
    async def test_an_area_or_a_branch(
        self, client: httpx.AsyncClient, world: World, path: str, both: bool
    ) -> httpx.Response:
        change = {"branch": str(world.branches["east"])} if both else {"area": None}
        return await ask(client, path, **self.query(path, **change))

    @refused(
        problems.AreaNotFound,
        drilling.list_households,
        drilling.list_gaps,
        drilling.list_overdue,
        drilling.list_revisions,
    )
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("area", [WEST, "999902101999"])
    async def test_a_place_elsewhere_is_as_if_it_did_not_exist(
        self, client: httpx.AsyncClient, path: str, area: str
    ) -> httpx.Response:
        return await ask(client, path, "s_east", **self.query(path, area=area, purpose="close_gaps"))

    @refused(problems.PeriodInvalid, drilling.list_households, drilling.list_revisions, drilling.explain_household)
    @pytest.mark.parametrize("path", ["households", "revisions", "household"])
    async def test_no_period(self, client: httpx.AsyncClient, world: World, path: str) -> httpx.Response:
        query = {"period": "2026-13"} if path == "household" else self.query(path, period="2026-13")
        return await ask(client, path if path != "household" else f"households/{world.households['h1']}", **query)

    @refused(problems.PeriodNotKept, drilling.list_households, drilling.list_revisions, drilling.explain_household)
    @pytest.mark.parametrize("path", ["households", "revisions", "household"])
    async def test_a_period_that_is_not_kept(
        self, client: httpx.AsyncClient, world: World, path: str
    ) -> httpx.Response:
        query = {"period": "2019-01"} if path == "household" else self.query(path, period="2019-01")
        return await ask(client, path if path != "household" else f"households/{world.households['h1']}", **query)

    @refused(problems.PeriodNotCounted, drilling.list_households, drilling.list_revisions, drilling.explain_household)
    @pytest.mark.parametrize("path", ["households", "revisions", "household"])
    async def test_a_period_that_is_being_counted(
        self, client: httpx.AsyncClient, world: World, path: str
    ) -> httpx.Response:
        await database.execute("UPDATE period SET definition_version = 0 WHERE id = 202611")
        query = NOVEMBER if path == "household" else self.query(path)
        answer = await ask(client, path if path != "household" else f"households/{world.households['h1']}", **query)
        assert answer.headers["retry-after"] == "30"
        return answer

    @refused(problems.HouseholdNotFound, drilling.explain_household)
    @pytest.mark.parametrize("household", ["h7", None])
    async def test_a_household_elsewhere_is_as_if_it_did_not_exist(
        self, client: httpx.AsyncClient, world: World, household: str | None
    ) -> httpx.Response:
        path = f"households/{world.households[household] if household else world.regions['w1']}"
        return await ask(client, path, "s_east", purpose="inspection", **NOVEMBER)


def test_every_problem_has_a_test() -> None:
    assert without_a_test(drilling) == []
