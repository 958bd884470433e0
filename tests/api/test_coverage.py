"""GET /coverage: who sees which figures, by which places, and that an answer is right the moment a fact has changed.

In November 2026 the small township has eight due households: e1 holds h1 to h4 (h4 a gap) and the party household h5,
e2 the away h6, w1 holds h7 to h9 (h9 a gap). `crowd` adds twelve in e1, so that there are rates to show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend.rules.coverage import LEVELS, NOTES, State
from backend.rules.definitions import CATALOGUE, Part
from backend.rules.periods import Period
from backend.services.coverage import keeping
from backend.services.coverage.answers import ReadyAnswers
from models import database
from models.coverage import keeping as rows
from tests.models.facts import Facts, november
from tests.world import NOW, TODAY, World, of

EAST, WEST, TOWN = "999902101200", "999902101201", "999902101000"
Get = Callable[..., Awaitable[Any]]


@pytest.fixture
def ask(app: Any, client: httpx.AsyncClient, world: World) -> Get:
    """Ask for November as somebody; the answers kept ready by other tests, whose facts are rolled back, are gone."""
    app.ctx.ready = ReadyAnswers()

    async def ask(name: str = "committee", *, fresh: bool = False, **query: str) -> httpx.Response:
        if fresh:
            app.ctx.ready = ReadyAnswers()
        return await client.get("/coverage", params={"period": "2026-11"} | query, headers=world.headers(name))

    return ask


@pytest.fixture
async def crowd(client: httpx.AsyncClient) -> list[Any]:
    """Twelve households in e1, linked to m2."""
    facts, made = Facts(database), []
    for _ in range(12):
        made.append(await facts.household())
        await facts.residence(made[-1], of("region", "e1"))
        await facts.link(of("person", "m2"), made[-1])
    return made


def counts(part: dict[str, Any]) -> tuple[int, ...]:
    """(due, party, not yet, covered days, exposed days, contacted, visited, resident, linked on the day, in the set)."""
    households, metrics = part["households"], part["metrics"]
    days, contact = metrics["assignment_days"], metrics["contact_coverage"]
    visit, stock = metrics["visit_coverage"], metrics["assignment_coverage"]
    assert contact["denominator"] == households["due"]
    return (
        households["due"], households["party"], households["not_yet"], days["numerator"], days["denominator"],
        contact["numerator"], visit["numerator"], visit["denominator"], stock["numerator"], stock["denominator"],
    )  # fmt: skip


E1 = (4, 1, 0, 90, 120, 0, 0, 4, 3, 4)
E2 = (1, 0, 0, 30, 30, 0, 0, 0, 1, 1)
W1 = (3, 0, 0, 60, 90, 0, 0, 3, 2, 3)
V_EAST = tuple(a + b for a, b in zip(E1, E2, strict=True))
ALL = tuple(a + b for a, b in zip(V_EAST, W1, strict=True))


class TestLevels:
    @pytest.mark.parametrize(
        ("level", "rows"),
        [
            ("township", [("测试镇", ALL)]),
            ("village", [("东村", V_EAST), ("西村", W1)]),
            ("grid", [("东村网格", V_EAST), ("西村网格", W1)]),
            ("micro_grid", [("东一", E1), ("东二", E2), ("西一", W1)]),
            ("branch", [("east 支部", V_EAST), ("west 支部", W1)]),
        ],
    )
    async def test_rows_of_a_township_add_up(
        self, ask: Get, level: str, rows: list[tuple[str, tuple[int, ...]]]
    ) -> None:
        answer = (await ask(area=TOWN, level=level)).json()
        assert [(row["name"], counts(row)) for row in answer["rows"]] == rows
        assert counts(answer["total"]) == ALL
        assert (answer["period"], answer["on"], answer["frozen"]) == ("2026-11", TODAY.isoformat(), False)
        assert answer["as_of"] == NOW.isoformat()

    async def test_villages_are_the_default_and_ids_do_as_well_as_codes(self, ask: Get, world: World) -> None:
        by_code = await ask(area=TOWN)
        by_id = await ask(area=str(world.regions["town"]), level="village")
        assert by_code.json() == by_id.json()
        assert [row["code"] for row in by_code.json()["rows"]] == [EAST, WEST]

    @pytest.mark.parametrize("level", LEVELS)
    async def test_a_branch_by_every_level_is_its_own_households(self, ask: Get, world: World, level: str) -> None:
        answer = (await ask(branch=str(world.branches["east"]), level=level)).json()
        assert counts(answer["total"]) == V_EAST
        assert answer["area"]["name"] == "east 支部"

    async def test_a_place_without_households_is_a_row_of_zeros(self, ask: Get) -> None:
        await Facts(database).micro_grid("g_west", "west")
        answer = (await ask(area=WEST, level="micro_grid")).json()
        assert [(row["name"], counts(row)[0]) for row in answer["rows"]] == [("西一", 3), ("新地", 0)]
        assert {figure["note"] for figure in answer["rows"][1]["metrics"].values()} == {NOTES[State.NONE]}

    async def test_a_place_that_no_branch_answers_for_is_a_row_so_that_rows_add_up(
        self, ask: Get, world: World
    ) -> None:
        await database.execute(
            "UPDATE responsibility SET valid_to = valid_from WHERE region_id = $1 AND kind = 'branch_micro_grid'",
            world.regions["e2"],
        )
        answer = (await ask(area=TOWN, level="branch")).json()
        assert {row["area"]: counts(row) for row in answer["rows"]} == {
            None: E2, str(world.branches["east"]): E1, str(world.branches["west"]): W1,
        }  # fmt: skip
        assert counts(answer["total"]) == ALL

    async def test_the_stock_is_of_the_day_that_is_asked_for(self, ask: Get, world: World) -> None:
        await database.execute("UPDATE assignment SET valid_to = '2026-11-10' WHERE id = $1", world.link("m1", "h1"))
        for on, linked in (("2026-11-09", 3), ("2026-11-10", 2), ("2026-11-30", 2)):
            answer = (await ask(area=EAST, level="micro_grid", on=on)).json()
            stock = answer["rows"][0]["metrics"]["assignment_coverage"]
            assert (answer["on"], stock["numerator"], stock["denominator"]) == (on, linked, 4)
        assert (await ask(area=EAST, period="2026-10")).json()["on"] == "2026-10-31"


class TestSmallCells:
    async def test_below_ten_households_there_are_counts_and_a_note(self, ask: Get) -> None:
        for part in ((answer := (await ask(area=TOWN)).json())["total"], *answer["rows"]):
            assert all(f["value"] is None and f["state"] in (State.FEW, State.NONE) for f in part["metrics"].values())

    async def test_from_ten_on_there_is_a_rate_of_sums(self, ask: Get, crowd: list[Any]) -> None:
        answer = (await ask(area=TOWN)).json()
        total, east, west = answer["total"]["metrics"], *(row["metrics"] for row in answer["rows"])
        assert counts(answer["total"])[:5] == (20, 1, 0, 180 + 360, 240 + 360)
        assert total["assignment_days"]["value"] == round(540 / 600, 4)
        assert east["assignment_days"]["value"] == round(480 / 510, 4)
        assert west["assignment_days"]["value"] is None
        assert (east["contact_coverage"]["value"], east["contact_coverage"]["note"]) == (0.0, None)


class TestScope:
    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("committee", 200),
            ("office", 200),
            ("s_east", 404),
            ("cadre", 404),
            ("m1", 403),
            ("department", 403),
            ("admin", 403),
        ],
    )
    async def test_who_sees_the_township(self, ask: Get, name: str, status: int) -> None:
        assert (await ask(name, area=TOWN)).status_code == status

    @pytest.mark.parametrize(("name", "own"), [("s_east", EAST), ("s_west", WEST), ("cadre", EAST)])
    async def test_own_village_and_no_other(self, ask: Get, name: str, own: str) -> None:
        other = WEST if own == EAST else EAST
        assert counts((await ask(name, area=own)).json()["total"]) == (V_EAST if own == EAST else W1)
        missing = await ask(name, area=other)
        assert (missing.status_code, missing.json()["code"]) == (
            404,
            (await ask(name, area="999902101999")).json()["code"],
        )

    @pytest.mark.parametrize(
        ("name", "branch", "status"),
        [
            ("s_east", "east", 200), ("s_east", "west", 404), ("s_west", "east", 404), ("cadre", "east", 200),
            ("cadre", "west", 404), ("committee", "east", 200), ("committee", "west", 200), ("m1", "east", 403),
        ],
    )  # fmt: skip
    async def test_own_branch_and_no_other(self, ask: Get, world: World, name: str, branch: str, status: int) -> None:
        assert (await ask(name, branch=str(world.branches[branch]))).status_code == status

    async def test_a_village_answered_for_in_part_is_not_the_secretarys(self, ask: Get, world: World) -> None:
        await database.execute(
            "UPDATE responsibility SET branch_id = $1 WHERE region_id = $2", world.branches["west"], world.regions["e2"]
        )
        assert (await ask("s_east", area=EAST)).status_code == 404
        assert counts((await ask("s_east", branch=str(world.branches["east"]))).json()["total"]) == E1

    async def test_answers_kept_for_one_are_not_given_to_another(self, ask: Get) -> None:
        assert (await ask("committee", area=WEST)).status_code == 200
        for name, status in (("s_east", 404), ("cadre", 404), ("m1", 403), ("s_west", 200)):
            assert (await ask(name, area=WEST)).status_code == status

    async def test_no_session(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/coverage", params={"period": "2026-11", "area": TOWN})).status_code == 401


class TestQuestions:
    @pytest.mark.parametrize(
        ("query", "status", "field"),
        [
            ({"area": TOWN, "period": "2026-13"}, 422, "period"),
            ({"area": TOWN, "period": "202611"}, 422, "period"),
            ({"area": TOWN, "period": ""}, 422, "period"),
            ({"area": TOWN, "period": "2026-09"}, 404, None),
            ({"area": TOWN, "period": "2027-01"}, 404, None),
            ({"area": TOWN, "level": "town"}, 422, "level"),
            ({"area": EAST, "level": "township"}, 422, "level"),
            ({"area": "999902101200999"}, 404, None),
            ({"area": str(of("region", "none"))}, 404, None),
            ({"branch": str(of("branch", "none"))}, 404, None),
            ({"branch": "east"}, 422, "branch"),
            ({"area": TOWN, "branch": str(of("branch", "east"))}, 422, None),
            ({}, 422, None),
            ({"area": TOWN, "on": "2026-11-31"}, 422, "on"),
            ({"area": TOWN, "sort": "value"}, 422, "sort"),
        ],
        ids=str,
    )
    async def test_a_wrong_question_is_a_problem(
        self, ask: Get, query: dict[str, str], status: int, field: str | None
    ) -> None:
        answer = await ask(**query)
        problem = answer.json()
        assert answer.status_code == status, problem
        assert answer.headers["content-type"] == "application/problem+json"
        if field:
            assert list(problem["errors"]) == [field]

    async def test_a_month_that_is_not_kept_is_named_with_those_that_are(self, ask: Get) -> None:
        problem = (await ask(area=TOWN, period="2026-09")).text
        assert "2026-10" in problem and "2026-11" in problem


def a_visit(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(uuid4()), "household_id": str(world.households["h1"]), "occurred_on": TODAY.isoformat(),
        "noted_at": NOW.isoformat(), "mode": "in_person", "outcome": "met", "topics": [],
    } | changes  # fmt: skip


class TestMoving:
    async def test_a_visit_moves_the_figures_by_exactly_one_and_its_void_back(
        self, ask: Get, client: httpx.AsyncClient, world: World
    ) -> None:
        before = (await ask(area=TOWN, level="micro_grid")).json()
        body = a_visit(world)
        moved = []
        for _ in range(2):  # also when it is sent again
            await client.post("/visits", json=body, headers=world.headers("m1"))
            moved.append((await ask(area=TOWN, level="micro_grid")).json())
        one = (0, 0, 0, 0, 0, 1, 1, 0, 0, 0)
        for after in moved:
            assert [counts(row) for row in after["rows"]] == [
                tuple(a + b for a, b in zip(E1, one, strict=True)),
                E2,
                W1,
            ]
            assert counts(after["total"]) == tuple(a + b for a, b in zip(ALL, one, strict=True))
        await client.post("/visits", json=a_visit(world), headers=world.headers("m1"))  # the same household again
        assert (await ask(area=TOWN, level="micro_grid")).json() == moved[1]
        for visit in await database.fetch("SELECT id FROM visit"):
            await client.post(f"/visits/{visit['id']}/void", json={"reason": "duplicate"}, headers=world.headers("m1"))
        assert (await ask(area=TOWN, level="micro_grid")).json() == before

    @pytest.mark.parametrize(
        ("change", "contacted", "visited"),
        [
            ({"mode": "remote"}, 1, 0),
            ({"mode": "gathering"}, 1, 0),
            ({"outcome": "declined"}, 0, 0),
            ({"outcome": "not_home"}, 0, 0),
        ],
        ids=str,
    )
    async def test_what_is_no_contact_in_person(
        self, ask: Get, client: httpx.AsyncClient, world: World, change: dict[str, str], contacted: int, visited: int
    ) -> None:
        answer = await client.post("/visits", json=a_visit(world, **change), headers=world.headers("m1"))
        assert answer.status_code == 201
        assert counts((await ask(area=TOWN)).json()["total"])[5:7] == (contacted, visited)

    async def test_a_second_answer_is_the_first_byte_for_byte(self, ask: Get, world: World) -> None:
        first = await ask(area=TOWN)
        again = await ask(area=TOWN)
        made = await ask(area=TOWN, fresh=True)
        assert first.content == again.content == made.content


FACTS: dict[str, str] = {
    "link ended": f"UPDATE assignment SET valid_to = '2026-11-10', ended_at = now() WHERE id = '{World.link('m1', 'h1')}'",
    "link made": "INSERT INTO assignment (id, household_id, person_id, role, source, valid_from)"
    f" VALUES (gen_random_uuid(), '{of('household', 'h4')}', '{of('person', 'm2')}', 'primary', 'appointed', '2026-11-01')",
    "away": f"UPDATE residence SET status = 'away' WHERE household_id = '{of('household', 'h1')}'",
    "moved": f"UPDATE residence SET micro_grid_id = '{of('region', 'w1')}' WHERE household_id = '{of('household', 'h1')}'",
    "member left": f"UPDATE membership SET valid_to = '2026-11-10' WHERE person_id = '{of('person', 'm1')}'",
    "moved home": f"UPDATE home SET household_id = '{of('household', 'h1')}'",
    "another branch": f"UPDATE responsibility SET branch_id = '{of('branch', 'town')}' WHERE region_id = '{of('region', 'e1')}'",
    "village renamed": f"UPDATE region SET name = '新东村' WHERE id = '{of('region', 'v_east')}'",
    "branch renamed": f"UPDATE branch SET name = '先锋支部' WHERE id = '{of('branch', 'east')}'",
    "micro-grid closed": f"UPDATE region SET valid_to = '2026-11-12' WHERE id = '{of('region', 'e2')}'",
    "visit by hand": "INSERT INTO visit (id, household_id, visitor_id, entered_by, occurred_on, noted_at, mode, outcome, topics,"
    f" companion_ids, needs_follow_up, body_mac) VALUES (gen_random_uuid(), '{of('household', 'h2')}', '{of('person', 'm1')}',"
    " gen_random_uuid(), '2026-11-03', now(), 'in_person', 'met', '{}', '{}', false, '')",
}


class TestReadyAnswers:
    """Bytes kept in memory are given only as long as no fact has changed."""

    @pytest.mark.parametrize("change", FACTS)
    @pytest.mark.parametrize("folded", [False, True], ids=["marks waiting", "folded"])
    async def test_a_changed_fact_gives_another_answer_at_once(self, ask: Get, change: str, folded: bool) -> None:
        questions = [{"area": TOWN, "level": level} for level in ("village", "micro_grid", "branch")]
        before = [(await ask(**question)).json() for question in questions]
        await database.execute(FACTS[change])
        if folded:
            await keeping.fold_all()
        after = [(await ask(**question)).json() for question in questions]
        assert after != before
        assert after == [(await ask(**question, fresh=True)).json() for question in questions]

    async def test_a_role_that_is_taken_away_takes_the_answers_with_it(self, ask: Get, world: World) -> None:
        assert (await ask("committee", area=TOWN)).status_code == 200
        await database.execute(
            "UPDATE role_grant SET region_id = $2 WHERE account_id = $1",
            world.accounts["committee"],
            world.regions["v_west"],
        )
        assert (await ask("committee", area=TOWN)).status_code == 404
        assert (await ask("committee", area=WEST)).status_code == 200
        await database.execute(
            "UPDATE role_grant SET valid_to = valid_from WHERE account_id = $1", world.accounts["committee"]
        )
        assert (await ask("committee", area=WEST)).status_code == 403

    async def test_the_secretary_loses_a_village_with_the_responsibility(self, ask: Get, world: World) -> None:
        assert (await ask("s_east", area=EAST)).status_code == 200
        await database.execute(
            "UPDATE responsibility SET valid_to = $2 WHERE region_id = $1 AND kind = 'branch_micro_grid'",
            world.regions["e2"],
            TODAY,
        )
        assert (await ask("s_east", area=EAST)).status_code == 404

    async def test_folding_changes_no_answer(self, ask: Get, crowd: list[Any]) -> None:
        before = (await ask(area=TOWN, level="branch")).content
        assert await keeping.fold_all() > 0
        assert (await ask(area=TOWN, level="branch")).content == before

    async def test_a_recount_that_mends_a_figure_reaches_the_answer(self, ask: Get, world: World) -> None:
        """What was wrong in the kept rows must not live on in memory after `recount`."""
        await database.execute(
            "UPDATE household_period SET contacted = 1 WHERE household_id = $1", world.households["h1"]
        )
        await database.execute(
            "UPDATE coverage_sum SET contacted = contacted + 1 WHERE micro_grid_id = $1", world.regions["e1"]
        )
        wrong = (await ask(area=TOWN)).json()
        await keeping.recount(None)
        right = (await ask(area=TOWN)).json()
        assert (counts(wrong["total"])[5], counts(right["total"])[5]) == (1, 0)

    async def test_no_more_answers_are_kept_than_allowed_and_the_least_used_go(self) -> None:
        ready, made = ReadyAnswers(most=2), []

        async def ask_for(n: int, stamp: tuple[int, int, int] = (0, 0, 0)) -> None:
            async def make() -> bytes:
                made.append(n)
                return b""

            await ready.get(((), TODAY, (n,)), stamp, make)

        for n in (0, 1, 0, 2, 0, 1):  # 2 takes the place of 1, which was used longest ago
            await ask_for(n)
        assert made == [0, 1, 2, 1]
        await ask_for(1, (1, 0, 0))
        assert made == [0, 1, 2, 1, 1]

    async def test_who_asks_meanwhile_waits_and_a_failure_is_nobody_elses(self) -> None:
        """Sixteen screens must not make one answer sixteen times, and an error must not be kept or hang anybody."""
        ready, made = ReadyAnswers(), []
        key: Any = ((), TODAY, ("area",))

        async def make() -> bytes:
            made.append(1)
            await asyncio.sleep(0.01)
            if len(made) == 1:
                raise RuntimeError("the first one fails")
            return b"fine"

        first = await asyncio.gather(*(ready.get(key, (0, 0, 0), make) for _ in range(3)), return_exceptions=True)
        assert isinstance(first[0], RuntimeError)
        assert first[1:] == [b"fine", b"fine"]
        before = len(made)
        assert await asyncio.gather(*(ready.get(key, (1, 0, 0), make) for _ in range(16))) == [b"fine"] * 16
        assert len(made) == before + 1


async def test_not_yet_due_and_party_households_are_lines_of_their_own(ask: Get) -> None:
    facts = Facts(database)
    household = await facts.household(november(20))
    await facts.residence(household, of("region", "e2"), november(20))
    answer = (await ask(area=EAST, level="micro_grid")).json()
    assert [row["households"] for row in answer["rows"]] == [
        {"due": 4, "party": 1, "not_yet": 0}, {"due": 1, "party": 0, "not_yet": 1},
    ]  # fmt: skip
    pending = {name: figure["pending"] for name, figure in answer["rows"][1]["metrics"].items()}
    assert pending == {
        "assignment_coverage": 0, "assignment_days": 1, "contact_coverage": 1, "visit_coverage": 1, "key_visit_coverage": 0,
        "on_time_contact": 0, "must_visit_coverage": 0,
    }  # fmt: skip


MONTHLY = ("key_visit_coverage", "on_time_contact", "must_visit_coverage")


def total(answer: httpx.Response, metric: str) -> dict[str, Any]:
    figure: dict[str, Any] = answer.json()["total"]["metrics"][metric]
    return figure


async def keep(*numbers: int, catalogue: int = CATALOGUE) -> None:
    """Keep and count these periods in the test's transaction."""
    await Facts(database).keep(*numbers)
    await keeping.recount([Period.of_id(number) for number in numbers])
    await database.execute("UPDATE period SET definition_version = $2 WHERE id = ANY ($1)", list(numbers), catalogue)


class TestQuartersAndYears:
    async def test_a_quarter_has_a_set_of_its_own_and_adds_up_what_is_monthly(self, ask: Get, world: World) -> None:
        """h1 is key all the time and met in both months: one household of the quarter, two household-months."""
        facts, h1 = Facts(database), world.households["h1"]
        await facts.tier(h1)
        for day in (date(2026, 10, 20), date(2026, 11, 5), date(2026, 11, 6)):
            await facts.visit(world.people["m1"], h1, day)
        await keep(20264)
        answers = {period: await ask(area=TOWN, period=period) for period in ("2026-10", "2026-11", "2026Q4")}
        seen = {
            metric: [(total(one, metric)["numerator"], total(one, metric)["denominator"]) for one in answers.values()]
            for metric in ("contact_coverage", "key_visit_coverage")
        }
        assert seen == {"contact_coverage": [(1, 8), (1, 8), (1, 8)], "key_visit_coverage": [(1, 1), (1, 1), (2, 2)]}
        assert answers["2026Q4"].json()["period"] == "2026Q4"

    async def test_months_that_are_not_kept_are_unknown_and_not_zero(self, ask: Get) -> None:
        await keep(2026)
        answer = await ask(area=TOWN, period="2026")
        for metric in MONTHLY:
            figure = total(answer, metric)
            assert (figure["state"], figure["note"]) == (State.UNKNOWN, "没有数据")
            assert [figure[name] for name in ("value", "numerator", "denominator", "pending")] == [None] * 4
        assert total(answer, "contact_coverage")["denominator"] == 8

    async def test_what_older_definitions_did_not_count_is_unknown(self, ask: Get) -> None:
        await keep(202610, catalogue=1)
        answer = await ask(area=TOWN, period="2026-10")
        assert {metric: total(answer, metric)["state"] for metric in MONTHLY} == dict.fromkeys(MONTHLY, State.UNKNOWN)
        assert total(answer, "visit_coverage")["denominator"] == 7

    async def test_a_period_that_is_being_counted_is_asked_for_later(self, ask: Get) -> None:
        await keep(202610, catalogue=0)
        answer = await ask(area=TOWN, period="2026-10")
        assert (answer.status_code, answer.json()["code"]) == (503, "coverage.period_not_counted")
        assert answer.headers["Retry-After"] == "30"

    async def test_a_period_that_has_not_begun_says_so(self, ask: Get) -> None:
        await keep(202612)
        figures = (await ask(area=TOWN, period="2026-12")).json()["total"]["metrics"].values()
        assert {(figure["value"], figure["state"]) for figure in figures} == {(None, State.NOT_STARTED)}


class TestObligations:
    async def test_what_may_still_be_met_is_pending_and_what_is_over_counts(self, ask: Get, world: World) -> None:
        """Met on 3 August: due on 1 November, over since the 8th. Met on 20 August: due on 18 November."""
        facts = Facts(database)
        await facts.visit(world.people["m3"], world.households["h7"], date(2026, 8, 20))
        figure = total(await ask(area=WEST), "on_time_contact")
        assert (figure["denominator"], figure["pending"], figure["state"]) == (0, 1, State.PENDING)
        await facts.visit(world.people["m3"], world.households["h8"], date(2026, 8, 3))
        figure = total(await ask(area=WEST), "on_time_contact")
        assert (figure["numerator"], figure["denominator"], figure["pending"], figure["state"]) == (0, 1, 1, State.FEW)
        await facts.visit(world.people["m3"], world.households["h7"], november(14))
        figure = total(await ask(area=WEST), "on_time_contact")
        assert (figure["numerator"], figure["denominator"], figure["pending"]) == (1, 2, 0)

    async def test_refusals_and_those_not_met_stand_beside_the_rate(self, ask: Get, world: World) -> None:
        facts = Facts(database)
        await facts.visit(world.people["m1"], world.households["h1"], november(3), "in_person", "declined")
        await facts.visit(world.people["m1"], world.households["h2"], november(3), "in_person", "not_home")
        await facts.must_visit(world.households["h1"], november(2), november(5))
        answer = await ask(area=TOWN)
        assert total(answer, "contact_coverage")["beside"] == {"declined": 1, "unreached": 1}
        must = total(answer, "must_visit_coverage")
        assert (must["denominator"], must["beside"]) == (0, {"must_declined": 1, "median_days": None})

    @pytest.mark.parametrize("folded", [False, True], ids=["marks waiting", "folded"])
    async def test_the_median_days_of_must_visits(self, ask: Get, world: World, crowd: list[Any], folded: bool) -> None:
        """Twelve met after 1 to 12 days; below ten there is none, and other branches have their own."""
        facts, median = Facts(database), []
        for days, household in enumerate(crowd, 1):
            await facts.must_visit(household, november(2), november(14))
            if days in (10, 11):
                median.append(total(await ask(area=TOWN), "must_visit_coverage")["beside"]["median_days"])
            await facts.visit(world.people["m2"], household, november(2 + days))
        if folded:
            await keeping.fold_all()
        answer = await ask(area=TOWN)
        figure = total(answer, "must_visit_coverage")
        assert median == [None, 5.5]
        assert (figure["numerator"], figure["denominator"], figure["value"]) == (12, 12, 1.0)
        assert figure["beside"] == {"must_declined": 0, "median_days": 6.5}
        for query, days_of in (({"area": EAST}, 6.5), ({"area": WEST}, None)):
            assert total(await ask(**query), "must_visit_coverage")["beside"]["median_days"] == days_of
        own = await ask(branch=str(world.branches["east"]), level="branch")
        assert total(own, "must_visit_coverage")["beside"]["median_days"] == 6.5

    async def test_the_median_follows_a_household_that_moves_at_once(
        self, ask: Get, world: World, crowd: list[Any]
    ) -> None:
        facts = Facts(database)
        for household in crowd:
            await facts.must_visit(household, november(2), november(14))
            await facts.visit(world.people["m2"], household, november(4))
        await keeping.fold_all()
        await database.execute(
            "UPDATE residence SET micro_grid_id = $1 WHERE household_id = ANY ($2)", world.regions["w1"], crowd[:11]
        )
        medians = {
            village: total(await ask(area=village), "must_visit_coverage")["beside"]["median_days"]
            for village in (EAST, WEST)
        }
        assert medians == {EAST: None, WEST: 2.0}


class TestFrozen:
    async def test_frozen_figures_stay_and_what_the_facts_say_now_stands_beside(self, ask: Get, world: World) -> None:
        facts, october = Facts(database), {"area": TOWN, "period": "2026-10", "level": "micro_grid"}
        await facts.visit(world.people["m1"], world.households["h1"], date(2026, 10, 8))
        before = (await ask(**october)).json()
        assert not before["frozen"]
        for part in Part:
            assert await rows.freeze(202610, part, CATALOGUE)
        frozen = (await ask(**october)).json()
        assert (frozen["frozen"], frozen["definition_version"]) == (True, CATALOGUE)
        for one, other in zip([before["total"], *before["rows"]], [frozen["total"], *frozen["rows"]], strict=True):
            assert {id_: figure | {"frozen": True} for id_, figure in one["metrics"].items()} == other["metrics"]
        await facts.visit(world.people["m1"], world.households["h2"], date(2026, 10, 9))
        await database.execute("UPDATE assignment SET valid_to = '2026-10-31' WHERE id = $1", world.link("m1", "h1"))
        late = (await ask(**october)).json()
        changed = {
            id_: (figure["numerator"], figure["revised"] and figure["revised"]["numerator"])
            for id_, figure in late["total"]["metrics"].items()
        }
        assert changed == {
            "assignment_coverage": (6, 5), "assignment_days": (31 * 6, 31 * 6 - 1), "contact_coverage": (1, 2),
            "visit_coverage": (1, 2), "key_visit_coverage": (0, None), "on_time_contact": (0, None),
            "must_visit_coverage": (0, None),
        }  # fmt: skip
        assert [row["metrics"]["contact_coverage"]["revised"] is not None for row in late["rows"]] == [
            True,
            False,
            False,
        ]

    async def test_the_stock_is_frozen_for_the_last_day_alone(self, ask: Get) -> None:
        await rows.freeze(202610, Part.STOCK, CATALOGUE)
        for on, frozen in (("2026-10-31", True), ("2026-10-30", False)):
            figures = (await ask(area=TOWN, period="2026-10", on=on)).json()["total"]["metrics"]
            assert figures["assignment_coverage"]["frozen"] == frozen
            assert not figures["contact_coverage"]["frozen"]

    async def test_what_was_frozen_before_a_figure_was_defined_is_open(self, ask: Get, world: World) -> None:
        for part in Part:
            await rows.freeze(202610, part, 1)
        answer = (await ask(area=TOWN, period="2026-10")).json()
        assert (answer["frozen"], answer["definition_version"]) == (True, 1)
        assert {id_ for id_, figure in answer["total"]["metrics"].items() if not figure["frozen"]} == set(MONTHLY)

    async def test_a_quarter_is_frozen_when_all_its_months_are(self, ask: Get) -> None:
        """Of the last quarter, November is not frozen yet, so neither is what adds it up."""
        await keep(20264)
        await rows.freeze(202610, Part.CONTACT, CATALOGUE)
        await rows.freeze(20264, Part.CONTACT, CATALOGUE)
        assert not total(await ask(area=TOWN, period="2026Q4"), "contact_coverage")["frozen"]
        await rows.freeze(202611, Part.CONTACT, CATALOGUE)
        frozen = (await ask(area=TOWN, period="2026Q4")).json()["total"]["metrics"]
        assert {id_ for id_, figure in frozen.items() if figure["frozen"]} == {
            "assignment_days", "contact_coverage", "visit_coverage", "key_visit_coverage", "must_visit_coverage",
        }  # fmt: skip
