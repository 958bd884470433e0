"""GET /coverage/households: the households behind a figure add up to it, and each says why it is in or out."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from backend.rules.definitions import in_force
from backend.services.coverage.answers import ReadyAnswers
from handlers.coverage import drilling
from models import database
from tests.api.drills import EAST, FACTS, TOWN, added, figures, listed, pages, township
from tests.models.facts import november
from tests.world import World

STATES = ("numerator", "denominator", "difference", "pending")
NOVEMBER = {"period": "2026-11"}
#: One row is one obligation, of which a household may have several.
OBLIGATIONS = ("on_time_contact", "must_visit_coverage")


@pytest.fixture(autouse=True)
def _nothing_kept_ready(app: Any) -> None:
    """Answers of other tests, whose facts are rolled back, are gone."""
    app.ctx.ready = ReadyAnswers()


async def agrees(client: httpx.AsyncClient, by: str = "office", limit: int = 50, **query: Any) -> int:
    """Assert that all lists behind all figures of a place add up to them; returns how many rows there were."""
    shown, number = await figures(client, by, **query), 0
    for metric, figure in shown.items():
        for state in STATES:
            rows = await listed(client, "households", by, metric=metric, state=state, limit=limit, **query)
            number += len(rows)
            got, about = added(rows), (metric, state, query)
            keys = [(row["id"], row["period"]) for row in rows if row["id"] and metric not in OBLIGATIONS]
            assert len(keys) == len(set(keys)), about
            if state == "numerator":
                assert got[0] == figure["numerator"], about
                assert all(row["in_numerator"] for row in rows), about
            elif state == "denominator":
                assert got == (figure["numerator"], figure["denominator"]), about
            elif state == "difference":
                assert got[1] - got[0] == figure["denominator"] - figure["numerator"], about
                assert all(row["numerator"] < row["denominator"] for row in rows), about
            else:
                assert (len(rows), got) == (figure["pending"], (0, 0)), about
    return number


class TestAddsUp:
    """The township worked out by hand: every reading of the rules is a household in it."""

    async def test_the_rows_of_every_list_add_up_to_its_figure(self, client: httpx.AsyncClient, world: World) -> None:
        h, m1 = world.households, world.people["m1"]
        await FACTS.visit(
            m1, h["h1"], date(2026, 9, 9)
        )  # 60 days here: due on 8 November, today is the last day in time
        await FACTS.visit(m1, h["h2"], date(2026, 9, 8))
        await FACTS.must_visit(h["h7"], november(12), november(15))
        await FACTS.must_visit(h["h8"], november(11), november(14))
        await township()
        for period in ("2026-10", "2026-11", "2026-12", "2026Q4"):
            assert await agrees(client, period=period, area=TOWN) > 300, "hardly anything was compared"
        assert await agrees(client, period="2026-11", area=EAST, limit=9) > 100
        assert await agrees(client, period="2026Q4", branch=str(world.branches["west"]), limit=9) > 10

    async def test_so_they_do_while_marks_wait(self, client: httpx.AsyncClient, world: World) -> None:
        await township(202611)
        await database.execute("UPDATE visit SET voided_at = now() WHERE id::text < '2'")
        await database.execute(
            "UPDATE assignment SET valid_to = greatest(valid_from, least(valid_to, '2026-11-12')) WHERE id::text < '2'"
        )
        await FACTS.must_visit(world.households["h2"], november(12), november(18))
        assert await database.fetch_value("SELECT count(*) FROM coverage_dirty") > 10
        before = await database.fetch_value("SELECT sum(contacted) FROM household_period WHERE period_id = 202611")
        assert (await figures(client, area=TOWN, **NOVEMBER))["contact_coverage"]["numerator"] < before
        await agrees(client, area=TOWN, period="2026-11")

    async def test_the_stock_is_of_the_day_that_is_asked_for(self, client: httpx.AsyncClient) -> None:
        await township(202611)
        for on in ("2026-11-05", "2026-11-30", "2026-10-15"):
            figure = (await figures(client, area=TOWN, on=on, **NOVEMBER))["assignment_coverage"]
            query: dict[str, Any] = {"area": TOWN, "on": on, "metric": "assignment_coverage"} | NOVEMBER
            rows = await listed(client, "households", limit=200, state="denominator", **query)
            assert added(rows) == (figure["numerator"], figure["denominator"])
            assert {row["period"] for row in rows} == {on[:7]}

    async def test_rows_of_a_quarter_name_their_month_and_stand_in_order_of_code_once(
        self, client: httpx.AsyncClient
    ) -> None:
        await township()
        quarter = {"area": TOWN, "state": "denominator", "period": "2026Q4"}
        for metric, months in (("key_visit_coverage", 3), ("on_time_contact", 3), ("contact_coverage", 1)):
            at_once = await listed(client, "households", limit=200, metric=metric, **quarter)
            assert len({row["period"] for row in at_once}) == months, metric
            codes = [row["code"] or "" for row in at_once if row["id"]]
            assert codes == sorted(codes) and len(set(codes)) > 2
            assert await listed(client, "households", limit=11, metric=metric, **quarter) == at_once


async def reason(client: httpx.AsyncClient, metric: str, household: str, **query: Any) -> tuple[str, str]:
    """The reason of a household of the small world behind a figure of November."""
    for state in ("denominator", "pending"):
        rows = await listed(client, "households", area=TOWN, metric=metric, state=state, **(NOVEMBER | query))
        for row in rows:
            if row["code"] == household:
                return row["reason"], row["words"]
    raise AssertionError(f"{household} is not behind {metric}")


class TestReasons:
    async def test_contacts(self, client: httpx.AsyncClient, world: World) -> None:
        h, m1, m3 = world.households, world.people["m1"], world.people["m3"]
        for day, mode in ((2, "in_person"), (5, "remote"), (5, "gathering")):
            await FACTS.visit(m1, h["h1"], november(day), mode)
        await FACTS.visit(m1, h["h2"], november(3), "remote")
        await FACTS.visit(m1, h["h3"], november(3), outcome="declined")
        await FACTS.visit(m1, h["h4"], november(3), outcome="not_home")
        await FACTS.visit(m3, h["h6"], november(9), "remote")
        for metric, household, expected in (
            ("contact_coverage", "h1", ("contacted", "有有效联系（联系 3 次，最近2026年11月5日）")),
            ("contact_coverage", "h2", ("contacted", "有有效联系（联系 1 次，最近2026年11月3日）")),
            ("contact_coverage", "h3", ("declined", "婉拒")),
            ("contact_coverage", "h4", ("unreached", "未遇")),
            (
                "contact_coverage",
                "h6",
                ("contacted", "外出，计入联系到户率；有有效联系（联系 1 次，最近2026年11月9日）"),
            ),
            ("contact_coverage", "h7", ("none", "本期没有见到的登记")),
            ("visit_coverage", "h1", ("visited", "入户见到（联系 3 次，最近2026年11月5日）")),
            ("visit_coverage", "h2", ("not_in_person", "有联系，但没有入户见到（联系 1 次，最近2026年11月3日）")),
        ):
            assert await reason(client, metric, household) == expected, (metric, household)

    async def test_days_and_gaps(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute(
            "UPDATE assignment SET valid_to = '2026-11-11', end_reason = 'member_left' WHERE id = $1",
            world.link("m1", "h1"),
        )
        assert await reason(client, "assignment_days", "h1") == (
            "covered_partly",
            "本期有些天没有主联（在册 30 天，有主联 10 天）",
        )
        assert await reason(client, "assignment_days", "h2") == (
            "covered",
            "本期一直有主联（在册 30 天，有主联 30 天）",
        )
        assert (await reason(client, "assignment_days", "h4"))[0] == "uncovered"
        assert await reason(client, "assignment_coverage", "h1") == (
            "gap",
            "空白点：党员调离，从2026年11月11日起，应联无主联 5 天",
        )
        assert await reason(client, "assignment_coverage", "h4") == (
            "gap",
            "空白点：从未结对，从2026年1月1日起，应联无主联 319 天",
        )
        assert await reason(client, "assignment_coverage", "h2") == ("linked", "有主联")

    async def test_obligations(self, client: httpx.AsyncClient, world: World) -> None:
        h, m1 = world.households, world.people["m1"]
        await FACTS.visit(m1, h["h1"], date(2026, 8, 4))  # due on 2 November
        await FACTS.visit(m1, h["h1"], november(14))
        await FACTS.visit(m1, h["h2"], date(2026, 8, 4))
        await FACTS.visit(m1, h["h2"], november(9))
        await FACTS.visit(m1, h["h3"], date(2026, 8, 4))
        await FACTS.visit(m1, h["h4"], date(2026, 8, 20))  # due on 18 November
        assert await reason(client, "on_time_contact", "h1") == (
            "late",
            "逾期后联系（普通户定期联系，2026年11月2日到期，2026年11月14日联系上）",
        )
        assert await reason(client, "on_time_contact", "h2") == (
            "on_time",
            "按期（普通户定期联系，2026年11月2日到期，2026年11月9日联系上）",
        )
        assert await reason(client, "on_time_contact", "h3") == ("unmet", "未联系（普通户定期联系，2026年11月2日到期）")
        assert await reason(client, "on_time_contact", "h4") == (
            "in_time",
            "还在期限内（普通户定期联系，2026年11月18日到期）",
        )
        await FACTS.must_visit(h["h2"], november(8), november(11))
        await FACTS.must_visit(h["h7"], november(8), november(11), "funeral")
        await FACTS.must_visit(h["h8"], november(14), november(17), "hardship")
        assert await reason(client, "must_visit_coverage", "h2") == (
            "on_time",
            "按期（生病住院，2026年11月11日到期，2026年11月9日联系上）",
        )
        assert await reason(client, "must_visit_coverage", "h7") == (
            "unfulfilled",
            "未落实（红白大事，2026年11月11日到期）",
        )
        assert (await reason(client, "must_visit_coverage", "h8"))[0] == "in_time"

    async def test_not_yet_due(self, client: httpx.AsyncClient, world: World) -> None:
        household = await FACTS.household(november(20))
        await database.execute("UPDATE household SET code = 'new' WHERE id = $1", household)
        await FACTS.residence(household, world.regions["e1"], november(20))
        for metric in ("assignment_days", "contact_coverage", "visit_coverage"):
            assert await reason(client, metric, "new") == ("not_yet", "本期在册不足一半，未到期")


async def freeze(number: int, *parts: str) -> None:
    for part in parts:
        assert await database.fetch_value("SELECT coverage_freeze($1, $2, 2)", number, part)


class TestFrozen:
    async def test_a_frozen_figure_lists_the_frozen_households(self, client: httpx.AsyncClient, world: World) -> None:
        await township(202610)
        await freeze(202610, "stock", "contact", "on_time")
        for change in (
            "UPDATE visit SET voided_at = now() WHERE id::text < '8'",
            "UPDATE assignment SET valid_to = greatest(valid_from, least(valid_to, '2026-10-12')) WHERE id::text < '8'",
            "UPDATE residence SET valid_to = greatest(valid_from, least(valid_to, '2026-10-08')) WHERE id::text < '4'",
        ):
            await database.execute(change)
        await database.execute("SELECT coverage_fold(100000)")
        shown = await figures(client, area=TOWN, period="2026-10")
        assert {figure["frozen"] for figure in shown.values()} == {True}
        assert shown["contact_coverage"]["revised"] and shown["assignment_coverage"]["revised"]
        await agrees(client, area=TOWN, period="2026-10")
        for metric, figure in shown.items():
            query: dict[str, Any] = {
                "area": TOWN,
                "period": "2026-10",
                "metric": metric,
                "state": "denominator",
                "limit": 200,
            }
            assert {page["frozen"] for page in await pages(client, "households", **query)} == {True}
            revised = await pages(client, "households", revised="true", **query)
            assert {page["frozen"] for page in revised} == {False}
            now = figure["revised"] or figure
            assert added([row for page in revised for row in page["items"]]) == (
                now["numerator"],
                now["denominator"],
            ), metric

    async def test_a_frozen_row_says_what_was_frozen_and_no_fact_of_later(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        h = world.households
        await FACTS.visit(world.people["m1"], h["h1"], date(2026, 10, 5))
        await FACTS.must_visit(h["h7"], date(2026, 10, 3), date(2026, 10, 9))
        await FACTS.visit(world.people["m3"], h["h7"], date(2026, 10, 12))
        await township(202610)
        asked: dict[str, Any] = {"area": TOWN, "period": "2026-10", "limit": 200}
        for part, metrics in (
            ("stock", ("assignment_coverage",)),
            ("contact", ("contact_coverage", "visit_coverage", "assignment_days", "must_visit_coverage")),
            ("on_time", ("on_time_contact",)),
        ):
            before = {
                metric: await listed(client, "households", metric=metric, state="denominator", **asked)
                for metric in metrics
            }
            await freeze(202610, part)
            for metric, rows in before.items():
                assert rows and await listed(client, "households", metric=metric, state="denominator", **asked) == rows
        await database.execute("UPDATE visit SET voided_at = now()")
        link = world.link("m1", "h1")
        await database.execute("UPDATE assignment SET valid_to = '2026-10-12' WHERE id = $1", link)
        await FACTS.visit(world.people["m1"], h["h2"], date(2026, 10, 6))
        october = {"period": "2026-10"}
        words = "有有效联系（联系 1 次，最近2026年10月5日）"
        assert await reason(client, "contact_coverage", "h1", **october) == ("contacted", words)
        assert await reason(client, "contact_coverage", "h2", **october) == ("none", "本期没有见到的登记")
        assert (await reason(client, "contact_coverage", "h2", revised="true", **october))[0] == "contacted"
        late = "逾期后联系（生病住院，2026年10月9日到期，2026年10月12日联系上）"
        assert await reason(client, "must_visit_coverage", "h7", **october) == ("late", late)
        unfulfilled = "未落实（生病住院，2026年10月9日到期）"
        assert (await reason(client, "must_visit_coverage", "h7", revised="true", **october))[1] == unfulfilled
        for on in ("2026-10-31", "2026-10-30"):
            told = await reason(client, "assignment_coverage", "h4", on=on, **october)
            assert told[0] == "gap" and told[1].startswith("空白点：从未结对，从")
        assert (await reason(client, "assignment_coverage", "h1", on="2026-10-31", **october))[0] == "linked"

    async def test_a_frozen_quarter(self, client: httpx.AsyncClient) -> None:
        await township(202607, 202608, 202609, 20263)
        for month in (202607, 202608, 202609):
            await freeze(month, "stock", "contact", "on_time")
        await freeze(20263, "contact")
        await database.execute("UPDATE visit SET voided_at = now() WHERE id::text < '8'")
        assert {figure["frozen"] for figure in (await figures(client, area=TOWN, period="2026Q3")).values()} == {True}
        await agrees(client, area=TOWN, period="2026Q3")


def test_every_figure_can_be_asked_for() -> None:
    metric = drilling.list_households.spec.query.fields["metric"]  # type: ignore[attr-defined]
    assert set(in_force()) <= set(metric.choices)
