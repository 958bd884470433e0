"""GET /coverage/series, /comparison, /definitions: the figures of GET /coverage over time, and never a zero for want of data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from backend.rules.coverage import LEVELS, NOTES, State
from backend.rules.definitions import CATALOGUE, DEFINITIONS, Part, described, in_force
from backend.rules.periods import Period
from backend.services.coverage import keeping
from backend.services.coverage.answers import ReadyAnswers
from models import database
from models.coverage import keeping as rows
from tests.models.facts import Facts, november
from tests.world import World, of

EAST, WEST, TOWN = "999902101200", "999902101201", "999902101000"
METRICS = tuple(in_force())
Get = Callable[..., Awaitable[Any]]


@pytest.fixture
def ask(app: Any, client: httpx.AsyncClient, world: World) -> Get:
    """Ask as somebody; the answers kept ready by other tests, whose facts are rolled back, are gone."""
    app.ctx.ready = ReadyAnswers()

    async def ask(path: str, name: str = "committee", **query: Any) -> httpx.Response:
        sent = {key.rstrip("_"): str(value) for key, value in query.items()}
        return await client.get(path, params=sent, headers=world.headers(name))

    return ask


@pytest.fixture
async def crowd(client: httpx.AsyncClient) -> list[UUID]:
    """Twelve households in e1, linked to m2."""
    facts, made = Facts(database), list[UUID]()
    for _ in range(12):
        made.append(await facts.household())
        await facts.residence(made[-1], of("region", "e1"))
        await facts.link(of("person", "m2"), made[-1])
    return made


async def keep(*numbers: int, catalogue: int = CATALOGUE) -> None:
    """Keep and count these periods in the test's transaction."""
    await Facts(database).keep(*numbers)
    await keeping.recount([Period.of_id(number) for number in numbers])
    await database.execute("UPDATE period SET definition_version = $2 WHERE id = ANY ($1)", list(numbers), catalogue)


async def history(world: World) -> None:
    """Visits, refusals, key days, obligations and must-visits in October and November."""
    facts = Facts(database)
    m1, m3 = world.people["m1"], world.people["m3"]
    await facts.tier(world.households["h1"], date(2026, 10, 3))
    await facts.visit(m1, world.households["h1"], date(2026, 10, 8))
    await facts.visit(m1, world.households["h1"], november(3))
    await facts.visit(m1, world.households["h2"], november(4), "remote")
    await facts.visit(m1, world.households["h3"], november(4), "in_person", "declined")
    await facts.visit(m3, world.households["h7"], date(2026, 8, 20))
    await facts.visit(m3, world.households["h8"], date(2026, 7, 20))
    await facts.must_visit(world.households["h2"], november(1), november(4))
    await facts.must_visit(world.households["h1"], november(2), november(5))
    await database.execute("UPDATE assignment SET valid_to = '2026-10-20' WHERE id = $1", world.link("m3", "h7"))


class TestSeries:
    async def test_thirteen_months_to_today_and_what_is_not_kept_is_unknown(self, ask: Get) -> None:
        answer = (await ask("/coverage/series", area=TOWN, metric="contact_coverage")).json()
        assert [one["period"] for one in answer["periods"]] == [
            "2025-11", "2025-12", *(f"2026-{month:02}" for month in range(1, 12)),
        ]  # fmt: skip
        for one in answer["periods"][:-2]:
            figure = one["figure"]
            assert (figure["state"], figure["note"]) == (State.UNKNOWN, NOTES[State.UNKNOWN])
            assert [figure[name] for name in ("value", "numerator", "denominator", "pending")] == [None] * 4
            assert set(figure["beside"].values()) == {None}
        assert [one["figure"]["denominator"] for one in answer["periods"][-2:]] == [8, 8]
        assert (answer["rows"], answer["level"], answer["area"]["name"]) == ([], None, "测试镇")

    @pytest.mark.parametrize("metric", METRICS)
    @pytest.mark.parametrize("state", ["marks waiting", "folded", "frozen"])
    async def test_every_cell_is_what_the_period_itself_shows(
        self, ask: Get, world: World, metric: str, state: str
    ) -> None:
        """Total and rows, by all levels; frozen figures with what the facts say now beside them."""
        await history(world)
        if state != "marks waiting":
            await keeping.fold_all()
        if state == "frozen":
            for part in Part:
                await rows.freeze(202610, part, CATALOGUE)
            await Facts(database).visit(world.people["m1"], world.households["h2"], date(2026, 10, 9))
        for level in LEVELS:
            months = [
                (await ask("/coverage", area=TOWN, period=one, level=level)).json() for one in ("2026-10", "2026-11")
            ]
            series = (await ask("/coverage/series", area=TOWN, metric=metric, count=2, level=level)).json()
            assert [one["figure"] for one in series["periods"]] == [one["total"]["metrics"][metric] for one in months]
            assert [one["frozen"] for one in series["periods"]] == [state == "frozen", False]
            assert [(row["area"], row["code"], row["name"], row["figures"]) for row in series["rows"]] == [
                (one["area"], one["code"], one["name"], [one["metrics"][metric], two["metrics"][metric]])
                for one, two in zip(months[0]["rows"], months[1]["rows"], strict=True)
            ]

    async def test_the_stock_of_a_frozen_period_is_the_frozen_one(self, ask: Get, world: World) -> None:
        await rows.freeze(202610, Part.STOCK, CATALOGUE)
        await database.execute("UPDATE assignment SET valid_to = '2026-10-20' WHERE id = $1", world.link("m3", "h7"))
        answer = (await ask("/coverage/series", area=WEST, metric="assignment_coverage", count=2)).json()
        assert [(one["frozen"], one["figure"]["numerator"]) for one in answer["periods"]] == [(True, 2), (False, 1)]

    async def test_rows_add_up_also_where_no_branch_answers(self, ask: Get, world: World) -> None:
        await database.execute(
            "UPDATE responsibility SET valid_to = valid_from WHERE region_id = $1 AND kind = 'branch_micro_grid'",
            world.regions["e2"],
        )
        answer = (await ask("/coverage/series", area=TOWN, metric="contact_coverage", count=1, level="branch")).json()
        assert [(row["area"] is None, row["figures"][0]["denominator"]) for row in answer["rows"]] == [
            (False, 4), (False, 3), (True, 1),
        ]  # fmt: skip

    async def test_a_place_without_households_is_a_row(self, ask: Get) -> None:
        await Facts(database).micro_grid("g_west", "west")
        answer = (await ask("/coverage/series", area=WEST, metric="visit_coverage", count=1, level="micro_grid")).json()
        assert [(row["name"], row["figures"][0]["state"]) for row in answer["rows"]] == [
            ("西一", State.FEW), ("新地", State.NONE),
        ]  # fmt: skip

    async def test_a_branch_has_in_each_period_what_it_answered_for(self, ask: Get, world: World) -> None:
        await database.execute(
            "UPDATE responsibility SET valid_to = '2026-11-01' WHERE region_id = $1 AND kind = 'branch_micro_grid'",
            world.regions["e2"],
        )
        await Facts(database).responsibility(world.regions["e2"], world.branches["west"], november(1))
        for branch, due in (("east", [5, 4]), ("west", [3, 4])):
            answer = await ask("/coverage/series", branch=world.branches[branch], metric="contact_coverage", count=2)
            assert [one["figure"]["denominator"] for one in answer.json()["periods"]] == due

    async def test_quarters_and_years(self, ask: Get, world: World) -> None:
        await history(world)
        await keep(20264, 2026)
        for query, names in (
            ({"until": "2026Q4", "count": 2}, ["2026Q3", "2026Q4"]),
            ({"kind": "quarter", "count": 1}, ["2026Q4"]),
            ({"kind": "year", "count": 2}, ["2025", "2026"]),
            ({"until": "2026", "kind": "year", "count": 1}, ["2026"]),
        ):
            for metric in ("contact_coverage", "key_visit_coverage"):
                series = (await ask("/coverage/series", area=TOWN, metric=metric, **query)).json()
                assert [one["period"] for one in series["periods"]] == names
                shown = (await ask("/coverage", area=TOWN, period=names[-1])).json()["total"]["metrics"][metric]
                assert series["periods"][-1]["figure"] == shown

    async def test_what_has_not_begun_is_not_started_kept_or_not(self, ask: Get) -> None:
        await keep(202612)
        answer = (await ask("/coverage/series", area=TOWN, metric="contact_coverage", until="2027-01", count=2)).json()
        figures = [one["figure"] for one in answer["periods"]]
        assert [figure["state"] for figure in figures] == [State.NOT_STARTED] * 2
        assert [figure["denominator"] for figure in figures] == [8, None]

    async def test_a_period_that_is_being_counted_is_unknown(self, ask: Get) -> None:
        await keep(202610, catalogue=0)
        answer = (await ask("/coverage/series", area=TOWN, metric="contact_coverage", count=2)).json()
        assert [one["figure"]["state"] for one in answer["periods"]] == [State.UNKNOWN, State.FEW]

    async def test_a_visit_moves_the_series_at_once(self, ask: Get, world: World) -> None:
        query = {"area": TOWN, "metric": "contact_coverage", "count": 1, "level": "village"}
        before = (await ask("/coverage/series", **query)).json()
        await Facts(database).visit(world.people["m1"], world.households["h1"], november(3))
        after = (await ask("/coverage/series", **query)).json()
        for answer, contacted in ((before, [0, 0]), (after, [1, 0])):
            assert [row["figures"][0]["numerator"] for row in answer["rows"]] == contacted

    @pytest.mark.parametrize(
        ("query", "status", "field"),
        [
            ({}, 422, "metric"),
            ({"metric": "score"}, 422, "metric"),
            ({"metric": "load"}, 422, "metric"),
            ({"metric": "contact_coverage", "count": 26}, 422, "count"),
            ({"metric": "contact_coverage", "count": 0}, 422, "count"),
            ({"metric": "contact_coverage", "until": "2026-13"}, 422, "until"),
            ({"metric": "contact_coverage", "until": "2026-11", "kind": "year"}, 422, "until"),
            ({"metric": "contact_coverage", "level": "county"}, 422, "level"),
            ({"metric": "contact_coverage", "sort": "value"}, 422, "sort"),
            ({"metric": "contact_coverage", "until": "2000-01", "count": 25}, 200, None),
            ({"metric": "contact_coverage", "until": "2999", "count": 25}, 200, None),
        ],
        ids=str,
    )
    async def test_a_wrong_question_is_a_problem(
        self, ask: Get, query: dict[str, Any], status: int, field: str | None
    ) -> None:
        answer = await ask("/coverage/series", area=TOWN, **query)
        assert answer.status_code == status, answer.text
        assert field is None or list(answer.json()["errors"]) == [field]

    @pytest.mark.parametrize(("name", "status"), [("committee", 200), ("s_east", 404), ("cadre", 404), ("m1", 403)])
    async def test_an_answer_kept_for_one_is_not_given_to_another(self, ask: Get, name: str, status: int) -> None:
        for path, query in (
            ("/coverage/series", {"metric": "contact_coverage"}),
            ("/coverage/comparison", {"period": "2026-11"}),
        ):
            assert (await ask(path, area=TOWN, **query)).status_code == 200
            assert (await ask(path, name, area=TOWN, **query)).status_code == status


def compared(answer: httpx.Response, metric: str) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["total"]["metrics"][metric]
    return found


@pytest.fixture
async def visited(world: World, crowd: list[UUID]) -> list[UUID]:
    """Two households of the crowd met in October, five in November."""
    facts = Facts(database)
    for household in crowd[:2]:
        await facts.visit(world.people["m2"], household, date(2026, 10, 10))
    for household in crowd[:5]:
        await facts.visit(world.people["m2"], household, november(5))
    return crowd


@pytest.fixture
def second_version(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the newest catalogue had changed `contact_coverage`: it counts visits in person now."""
    second = replace(
        in_force()["contact_coverage"],
        version=2,
        catalogue=CATALOGUE,
        effective_from=date(2026, 11, 1),
        numerator="visited",
    )
    monkeypatch.setattr("backend.rules.definitions.DEFINITIONS", (*DEFINITIONS, second))
    in_force.cache_clear()
    yield
    monkeypatch.undo()
    in_force.cache_clear()


OCTOBER = {"area": TOWN, "period": "2026-11", "with_": "2026-10"}


class TestComparison:
    async def test_two_months_and_the_points_between_them(self, ask: Get, visited: list[UUID]) -> None:
        found = compared(await ask("/coverage/comparison", **OCTOBER), "contact_coverage")
        assert (found["figure"]["value"], found["other"]["value"], found["difference"]) == (0.25, 0.1, 15.0)
        assert (found["source"], found["same_version"], found["version"]) == ("open", True, 1)
        assert "现在的数据" in found["words"]

    async def test_last_year_is_the_default_and_what_is_not_kept_has_no_difference(
        self, ask: Get, visited: list[UUID]
    ) -> None:
        answer = await ask("/coverage/comparison", area=TOWN, period="2026-11")
        assert answer.json()["with"] == "2025-11"
        for metric in METRICS:
            found = compared(answer, metric)
            assert (found["other"]["state"], found["difference"], found["source"]) == (State.UNKNOWN, None, "missing")
            assert "没有数据" in found["words"]
        assert compared(answer, "contact_coverage")["figure"]["value"] == 0.25

    async def test_few_households_have_counts_and_no_difference(self, ask: Get) -> None:
        found = compared(await ask("/coverage/comparison", **OCTOBER), "contact_coverage")
        assert (found["figure"]["denominator"], found["other"]["denominator"], found["difference"]) == (8, 8, None)

    @pytest.mark.parametrize("level", LEVELS)
    async def test_rows_are_those_of_the_two_periods(self, ask: Get, world: World, level: str) -> None:
        await history(world)
        answer = (await ask("/coverage/comparison", **OCTOBER, level=level)).json()
        for side, period in (("figure", "2026-11"), ("other", "2026-10")):
            shown = (await ask("/coverage", area=TOWN, period=period, level=level)).json()
            assert [(row["area"], row["name"]) for row in answer["rows"]] == [
                (row["area"], row["name"]) for row in shown["rows"]
            ]
            for row, expected in zip([answer["total"], *answer["rows"]], [shown["total"], *shown["rows"]], strict=True):
                for id_, figure in expected["metrics"].items():
                    assert row["metrics"][id_][side] == {name: figure[name] for name in row["metrics"][id_][side]}

    async def test_frozen_figures_are_compared_when_both_are_frozen(
        self, ask: Get, world: World, visited: list[UUID]
    ) -> None:
        for period in (202610, 202611):
            await rows.freeze(period, Part.CONTACT, CATALOGUE)
        await Facts(database).visit(world.people["m2"], visited[6], november(6))
        answer = await ask("/coverage/comparison", **OCTOBER)
        found = compared(answer, "contact_coverage")
        assert (found["figure"]["numerator"], found["difference"], found["source"]) == (5, 15.0, "frozen")
        assert "定稿数据" in found["words"]
        assert compared(answer, "assignment_coverage")["source"] == "open"

    async def test_with_one_frozen_both_are_as_the_facts_are(self, ask: Get, world: World, visited: list[UUID]) -> None:
        await rows.freeze(202610, Part.CONTACT, CATALOGUE)
        await Facts(database).visit(world.people["m2"], visited[6], date(2026, 10, 11))
        found = compared(await ask("/coverage/comparison", **OCTOBER), "contact_coverage")
        assert (found["other"]["numerator"], found["difference"], found["source"]) == (3, 10.0, "open")

    async def test_an_older_catalogue_with_the_same_version_compares_and_without_the_figure_does_not(
        self, ask: Get, world: World, visited: list[UUID]
    ) -> None:
        await rows.freeze(202610, Part.CONTACT, 1)
        await rows.freeze(202611, Part.CONTACT, CATALOGUE)
        answer = await ask("/coverage/comparison", **OCTOBER)
        sources = {metric: compared(answer, metric)["source"] for metric in METRICS}
        assert {metric for metric, source in sources.items() if source == "frozen"} == {
            "assignment_days", "contact_coverage", "visit_coverage",
        }  # fmt: skip

    @pytest.mark.usefixtures("second_version")
    async def test_two_versions_are_never_compared(self, ask: Get, world: World, visited: list[UUID]) -> None:
        """One met by telephone alone in each month: the second version does not count it."""
        facts = Facts(database)
        for day in (date(2026, 10, 12), november(7)):
            await facts.visit(world.people["m2"], visited[8], day, "remote")
        await rows.freeze(202610, Part.CONTACT, 1)
        await rows.freeze(202611, Part.CONTACT, CATALOGUE)
        found = compared(await ask("/coverage/comparison", **OCTOBER), "contact_coverage")
        assert (found["figure"]["numerator"], found["other"]["numerator"], found["source"]) == (5, 2, "open")
        assert (found["version"], found["other_version"], found["same_version"]) == (2, 2, True)
        shown = (await ask("/coverage", area=TOWN, period="2026-10")).json()["total"]["metrics"]["contact_coverage"]
        assert (shown["numerator"], shown["frozen"], shown["revised"]["numerator"]) == (3, True, 2)

    @pytest.mark.usefixtures("second_version")
    async def test_both_frozen_under_the_older_version_compare_under_it(
        self, ask: Get, world: World, visited: list[UUID]
    ) -> None:
        await Facts(database).visit(world.people["m2"], visited[8], november(7), "remote")
        for period in (202610, 202611):
            await rows.freeze(period, Part.CONTACT, 1)
        found = compared(await ask("/coverage/comparison", **OCTOBER), "contact_coverage")
        assert (found["figure"]["numerator"], found["source"], found["version"]) == (6, "frozen", 1)
        assert found["same_version"]

    @pytest.mark.usefixtures("second_version")
    async def test_while_one_is_still_counted_the_old_way_nothing_is_compared(
        self, ask: Get, visited: list[UUID]
    ) -> None:
        await keep(202610, catalogue=1)
        found = compared(await ask("/coverage/comparison", **OCTOBER), "contact_coverage")
        assert (found["difference"], found["source"], found["same_version"]) == (None, "missing", False)
        assert (found["version"], found["other_version"]) == (2, 1)

    @pytest.mark.parametrize(
        ("query", "status", "code", "field"),
        [
            ({"period": "2026-09"}, 404, "coverage.period_not_kept", None),
            ({"period": "2026-11", "with": "2026Q3"}, 422, "coverage.periods_unlike", "with"),
            ({"period": "2026-11", "with": "2026-1"}, 422, "coverage.period", "with"),
            ({"period": "x"}, 422, "coverage.period", "period"),
            ({"period": "2026-11", "with": "2026-08"}, 200, None, None),
        ],
        ids=str,
    )
    async def test_a_wrong_question_is_a_problem(
        self, ask: Get, query: dict[str, str], status: int, code: str | None, field: str | None
    ) -> None:
        answer = await ask("/coverage/comparison", area=TOWN, **query)
        assert (answer.status_code, answer.json().get("code")) == (status, code)
        assert field is None or list(answer.json()["errors"]) == [field]

    async def test_places_without_a_common_period_are_all_there(self, ask: Get, world: World) -> None:
        """A branch that answers for a place from November on has figures in November alone."""
        await database.execute(
            "UPDATE responsibility SET valid_to = '2026-11-01' WHERE region_id = $1 AND kind = 'branch_micro_grid'",
            world.regions["w1"],
        )
        await Facts(database).responsibility(world.regions["w1"], world.branches["town"], november(1))
        answer = (await ask("/coverage/comparison", **OCTOBER, level="branch")).json()
        assert {
            row["name"]: tuple(row["metrics"]["contact_coverage"][side]["denominator"] for side in ("figure", "other"))
            for row in answer["rows"]
        } == {"east 支部": (5, 5), "west 支部": (0, 3), "town 支部": (3, 0)}


class TestDefinitions:
    @pytest.mark.parametrize("name", ["m1", "s_east", "committee", "department", "admin"])
    async def test_everybody_who_is_signed_in_may_read_how_figures_are_counted(self, ask: Get, name: str) -> None:
        answer = (await ask("/coverage/definitions", name)).json()
        assert [one["id"] for one in answer["definitions"]] == [*METRICS, "member_participation", "load"]
        assert (answer["catalogue"], answer["newest"]) == (CATALOGUE, CATALOGUE)
        assert answer["states"] == {str(state): words for state, words in NOTES.items()}

    async def test_each_shows_what_the_code_says(self, ask: Get) -> None:
        answer = (await ask("/coverage/definitions")).json()
        for shown, (one, _) in zip(answer["definitions"], described(), strict=True):
            assert shown["words"] == one.words and shown["formula"] == one.formula and shown["name"] == one.name
            assert (shown["version"], shown["effective_from"]) == (one.version, one.effective_from.isoformat())
            assert (shown["source"], shown["settles_days"]) == (f"docs/rules.md {one.rule}", one.settles_days)
            assert shown["older"] == []
        beside = {one["id"]: {two["id"]: two["words"] for two in one["beside"]} for one in answer["definitions"]}
        assert beside["contact_coverage"] == {"declined": "婉拒户", "unreached": "未遇户"}
        frozen = {one["id"]: one["frozen_after_days"] for one in answer["definitions"]}
        assert (frozen["contact_coverage"], frozen["on_time_contact"], frozen["load"]) == (7, 14, None)

    async def test_an_older_catalogue(self, ask: Get) -> None:
        answer = (await ask("/coverage/definitions", catalogue=1)).json()
        assert [one["id"] for one in answer["definitions"]] == list(METRICS[:4])
        for wrong in (0, CATALOGUE + 1):
            assert (await ask("/coverage/definitions", catalogue=wrong)).status_code == 422

    @pytest.mark.usefixtures("second_version")
    async def test_older_versions_stand_behind_the_newest(self, ask: Get) -> None:
        answer = (await ask("/coverage/definitions")).json()
        (shown,) = [one for one in answer["definitions"] if one["id"] == "contact_coverage"]
        assert (shown["version"], [one["version"] for one in shown["older"]]) == (2, [1])

    async def test_nobody_without_a_session(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/coverage/definitions")).status_code == 401
