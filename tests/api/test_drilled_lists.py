"""Gaps, what is overdue, one household explained, and revisions: exact lists, and numbers that can be redone by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from backend.services.coverage.answers import ReadyAnswers
from backend.settings import CHINA
from models import database
from models.coverage import overdue
from tests.api.drills import EAST, FACTS, TOWN, WEST, ask, listed, pages, township
from tests.api.probes import undone
from tests.models.facts import november
from tests.world import NOW, OPENED, TODAY, World

NOVEMBER = {"period": "2026-11"}


@pytest.fixture(autouse=True)
def _nothing_kept_ready(app: Any) -> None:
    """Answers of other tests, whose facts are rolled back, are gone."""
    app.ctx.ready = ReadyAnswers()


class TestGaps:
    async def test_who_has_nobody_since_when_and_why(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute(
            "UPDATE assignment SET valid_to = '2026-11-11', end_reason = 'member_exempt' WHERE id = $1",
            world.link("m1", "h1"),
        )
        await database.execute("UPDATE membership SET valid_to = '2026-11-06' WHERE person_id = $1", world.people["m2"])
        answer = (await ask(client, "gaps", area=EAST)).json()
        assert (answer["on"], answer["count"], answer["next"]) == (TODAY.isoformat(), 3, None)
        assert [(r["code"], r["gap_days"], r["since"], r["reason"], r["words"]) for r in answer["items"]] == [
            ("h1", 5, "2026-11-11", "member_exempt", "党员免联"),
            ("h3", 10, "2026-11-06", "member_out_of_service", "联系党员已不在岗"),
            ("h4", 319, "2026-01-01", "never_linked", "从未结对"),
        ]
        assert answer["items"][0]["head_name"] == "赵***"
        before = (await ask(client, "gaps", area=EAST, on="2026-11-10")).json()
        assert [row["code"] for row in before["items"]] == ["h3", "h4"]
        booked = (await ask(client, "gaps", area=WEST, on="2026-12-31")).json()
        assert [(row["code"], row["gap_days"]) for row in booked["items"]] == [("h9", 365)]

    async def test_they_are_the_difference_of_the_stock_on_every_page(self, client: httpx.AsyncClient) -> None:
        await township(202611)
        answers = await pages(client, "gaps", area=TOWN, limit=7)
        items = [row for page in answers for row in page["items"]]
        query = NOVEMBER | {"metric": "assignment_coverage", "state": "difference"}
        behind = await listed(client, "households", area=TOWN, limit=200, **query)
        assert [row["id"] for row in items] == [row["id"] for row in behind]
        assert {page["count"] for page in answers} == {len(items)} and len(items) > 10

    async def test_of_a_branch_on_a_day(self, client: httpx.AsyncClient, world: World) -> None:
        east, west = (str(world.branches[name]) for name in ("east", "west"))
        assert [row["code"] for row in await listed(client, "gaps", "s_east", branch=east)] == ["h4"]
        await database.execute(
            "UPDATE responsibility SET valid_to = '2026-11-10' WHERE region_id = $1 AND kind = 'branch_micro_grid'",
            world.regions["e1"],
        )
        await FACTS.responsibility(world.regions["e1"], world.branches["west"], november(10))
        assert await listed(client, "gaps", branch=east) == []
        assert [row["code"] for row in await listed(client, "gaps", branch=west)] == ["h4", "h9"]
        assert [row["code"] for row in await listed(client, "gaps", branch=east, on="2026-11-09")] == ["h4"]


async def owed(today: date) -> dict[UUID, tuple[str, date]]:
    """What `due_of` says of all households that are overdue for a regular contact."""
    rows = await database.fetch(
        """SELECT d.* FROM due_of((SELECT array_agg(id) FROM household), $1::date) d
           JOIN residence r ON r.household_id = d.household_id AND r.during @> $1 AND r.status <> 'nominal' WHERE d.due_on < $1""",
        today,
    )
    return {row["household_id"]: (row["kind"], row["due_on"]) for row in rows}


async def found(today: date) -> dict[UUID, tuple[str, date]]:
    grids = [row["id"] for row in await database.fetch("SELECT id FROM region WHERE level = 'micro_grid'")]
    return {row["household_id"]: (row["kind"], row["due_on"]) for row in await overdue.overdue(grids, None, today)}


class TestOverdue:
    async def test_it_is_what_each_household_owes(self, client: httpx.AsyncClient, world: World) -> None:
        """The quick way of a whole township against the way of one household, over every reading of the rules: on days
        before and after the due dates, while marks wait and when they are folded."""
        await FACTS.tier(world.households["h9"], date(2026, 3, 1))  # key, and met by telephone only
        await FACTS.visit(world.people["m3"], world.households["h9"], november(2), "remote")
        await township(202608, 202609, 202610, 202611, 202612)
        await database.execute("DELETE FROM must_visit")
        sizes, kinds = [], set()
        for n in (-8, -6, -4, -2, -0.5, 0, 2, 4, 6, 8, 10, 14):
            day = TODAY + timedelta(days=int(15 * n))
            async with undone():
                await database.execute("UPDATE visit SET voided_at = now() WHERE occurred_on > $1", day)
                for statement in (
                    "SELECT 1",
                    "SELECT coverage_fold(100000)",
                    "UPDATE visit SET voided_at = now() WHERE id::text < '6'",
                ):
                    await database.execute(statement)
                    truth = await owed(day)
                    assert await found(day) == truth, (day, statement)
                    sizes.append(len(truth))
                    kinds |= {kind for kind, _ in truth.values()}
        assert len(set(sizes)) > 8 and kinds == {"ordinary", "key", "away"}

    async def test_each_is_listed_with_what_is_due_for_longest(self, client: httpx.AsyncClient, world: World) -> None:
        h, m1 = world.households, world.people["m1"]
        for household in ("h1", "h2", "h3", "h7", "h8", "h9", "h4"):
            await FACTS.visit(m1, h[household], november(1))
        await database.execute("UPDATE visit SET voided_at = now() WHERE household_id = $1", h["h4"])
        await FACTS.visit(m1, h["h4"], date(2026, 8, 1))  # due on 30 October: 16 days ago
        await FACTS.must_visit(h["h1"], november(9), november(12))  # 3 days ago
        await FACTS.must_visit(h["h2"], november(9), november(12))
        await FACTS.visit(m1, h["h2"], november(14))  # too late for the figure, and yet somebody came
        await FACTS.must_visit(h["h3"], november(9), november(12))
        await FACTS.visit(m1, h["h3"], november(10), outcome="declined")
        await FACTS.must_visit(h["h7"], november(13), november(15))  # today is not over
        await FACTS.must_visit(h["h4"], november(9), november(12), "hardship")
        withdrawn = await FACTS.must_visit(h["h8"], november(9), november(12))
        await database.execute("UPDATE must_visit SET withdrawn_at = now() WHERE id = $1", withdrawn)
        answer = (await ask(client, "overdue", area=TOWN)).json()
        assert [(r["code"], r["kind"], r["due_on"], r["days_overdue"]) for r in answer["items"]] == [
            ("h1", "illness", "2026-11-12", 3), ("h4", "ordinary", "2026-10-30", 16), ("h6", "away", "2026-06-30", 138),
        ]  # fmt: skip
        assert [row["words"] for row in answer["items"]] == ["生病住院", "普通户定期联系", "外出户定期联系"]
        assert (answer["count"], answer["bands"]) == (
            3,
            [
                {"from": 1, "to": 7, "count": 1}, {"from": 8, "to": 30, "count": 1}, {"from": 31, "to": 90, "count": 0},
                {"from": 91, "to": None, "count": 1},
            ],
        )  # fmt: skip
        for over, codes in ((0, ["h1", "h4", "h6"]), (3, ["h4", "h6"]), (15, ["h4", "h6"]), (16, ["h6"]), (138, [])):
            page = (await ask(client, "overdue", area=TOWN, over=over)).json()
            assert ([row["code"] for row in page["items"]], page["count"]) == (codes, 3)
        assert [row["code"] for row in await listed(client, "overdue", area=TOWN, limit=1)] == ["h1", "h4", "h6"]
        assert [row["code"] for row in await listed(client, "overdue", area=WEST)] == []
        assert len(await listed(client, "overdue", "s_east", branch=str(world.branches["east"]))) == 3

    async def test_a_visit_takes_a_household_off_at_once_and_its_void_puts_it_back(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        before = await listed(client, "overdue", area=EAST)
        assert [row["code"] for row in before] == ["h1", "h2", "h3", "h4", "h6"]
        visit = await FACTS.visit(world.people["m1"], world.households["h1"], TODAY)
        for statement in ("SELECT 1", "SELECT coverage_fold(1000)"):
            await database.execute(statement)
            assert [row["code"] for row in await listed(client, "overdue", area=EAST)] == ["h2", "h3", "h4", "h6"]
        await database.execute("UPDATE visit SET voided_at = now() WHERE id = $1", visit)
        assert await listed(client, "overdue", area=EAST) == before


def spans(answer: dict[str, Any]) -> dict[str, list[tuple[str, str, int]]]:
    by_kind: dict[str, list[tuple[str, str, int]]] = {}
    for row in answer["days"]:
        by_kind.setdefault(row["what"], []).append((row["from"], row["to"], row["days"]))
    return by_kind


class TestExplained:
    async def test_all_that_the_figures_follow_from(self, client: httpx.AsyncClient, world: World) -> None:
        h1, m1, m2, m3 = world.households["h1"], *(world.people[name] for name in ("m1", "m2", "m3"))
        await database.execute(
            "UPDATE assignment SET valid_to = '2026-11-11', end_reason = 'other' WHERE id = $1", world.link("m1", "h1")
        )
        await FACTS.link(m2, h1, november(16))
        await FACTS.tier(h1, november(20))
        await FACTS.home(m3, h1, november(24))
        for day, who, outcome in (
            (2, m1, "met"),
            (5, m1, "not_home"),
            (14, m1, "met"),
            (25, m3, "met"),
            (26, m2, "met"),
        ):
            await FACTS.visit(who, h1, november(day), outcome=outcome)
        await FACTS.visit(world.people["cadre"], h1, november(7), "remote")
        await database.execute("UPDATE visit SET voided_at = now() WHERE occurred_on = '2026-11-02'")
        await FACTS.must_visit(h1, november(24), november(27))
        answer = (await ask(client, f"households/{h1}", "s_east", **NOVEMBER)).json()
        assert answer["household"]["head_name"] == "赵***"
        assert answer["period"] == {"name": "2026-11", "from": "2026-11-01", "to": "2026-12-01", "days": 30}
        # m3 is linked to others, and so the household is no longer in the set from the 24th on.
        assert spans(answer) == {
            "resident": [("2026-11-01", "2026-12-01", 30)],
            "party": [("2026-11-24", "2026-12-01", 7)],
            "key": [("2026-11-20", "2026-12-01", 11)],
            "linked": [("2026-11-01", "2026-11-11", 10), ("2026-11-16", "2026-12-01", 15)],
            "exposed": [("2026-11-01", "2026-11-24", 23)],
            "covered": [("2026-11-01", "2026-11-11", 10), ("2026-11-16", "2026-11-24", 8)],
            "gap": [("2026-11-11", "2026-11-16", 5)],
        }
        assert [(v["occurred_on"][-2:], v["mode"], v["outcome"], v["counts"], v["visitor"]) for v in answer["visits"]] == [
            ("02", "in_person", "met", "voided", "own"), ("05", "in_person", "not_home", "attempt", "own"),
            ("07", "remote", "met", "counted", "staff"), ("14", "in_person", "met", "counted", "substitute"),
            ("25", "in_person", "met", "own_home", "staff"), ("26", "in_person", "met", "counted", "own"),
        ]  # fmt: skip
        (row,) = answer["rows"]
        assert (row["period"], row["frozen"], row["micro_grid"]["name"], row["branch"]) == (
            "2026-11",
            None,
            "东一",
            "east 支部",
        )
        columns = row["columns"]
        assert (columns["exposed"], columns["covered"]) == (23, 18)
        assert (columns["contacted"], columns["visited"], columns["key"], columns["must_met"]) == (1, 1, 1, 1)
        (must_visit,) = answer["must_visits"]
        assert (must_visit["state"], must_visit["met_on"], must_visit["words"]) == ("met", "2026-11-26", "生病住院")

    async def test_what_was_due_is_there_with_why_it_counts_or_not(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        h2, m1, m2 = world.households["h2"], world.people["m1"], world.people["m2"]
        await FACTS.visit(m1, h2, date(2026, 8, 4))  # due on 2 November
        await FACTS.visit(m1, h2, date(2026, 10, 28), outcome="declined")
        await FACTS.visit(m1, h2, date(2026, 10, 30), "remote")
        answer = (await ask(client, f"households/{h2}", **NOVEMBER)).json()
        told = [(o["since"], o["due_on"], o["met_on"], o["cancelled"], o["words"]) for o in answer["obligations"]]
        assert told == [
            (
                "2026-08-05",
                "2026-11-02",
                "2026-10-30",
                None,
                "按期（普通户定期联系，2026年11月2日到期，2026年10月30日联系上）",
            )
        ]
        assert [(v["occurred_on"], v["in_period"]) for v in answer["visits"]] == [
            ("2026-08-04", False),
            ("2026-10-28", False),
            ("2026-10-30", False),
        ]
        await database.execute("UPDATE visit SET voided_at = now() WHERE mode = 'remote'")
        (one,) = (await ask(client, f"households/{h2}", **NOVEMBER)).json()["obligations"]
        assert (one["cancelled"], one["words"]) == ("declined", "冷静期内到期，不计")
        await database.execute("UPDATE assignment SET valid_to = '2026-11-01' WHERE id = $1", world.link("m1", "h2"))
        await FACTS.link(m2, h2, november(1))
        told = (await ask(client, f"households/{h2}", **NOVEMBER)).json()["obligations"]
        assert ("primary", "换了主联，重新计算") in [(o["cancelled"], o["words"]) for o in told]

    @pytest.mark.parametrize(
        ("contact", "due_on", "words"),
        [
            (9, "2026-11-08", "还在期限内（普通户定期联系，2026年11月8日已到期，最晚2026年11月15日联系仍算按期）"),
            (8, "2026-11-07", "未联系（普通户定期联系，2026年11月7日到期）"),
        ],
    )
    async def test_what_nothing_has_met_may_still_be_met_for_seven_days(
        self, client: httpx.AsyncClient, world: World, contact: int, due_on: str, words: str
    ) -> None:
        """Today is 15 November."""
        h2 = world.households["h2"]
        await FACTS.visit(world.people["m1"], h2, date(2026, 8, contact + 1))
        (one,) = (await ask(client, f"households/{h2}", **NOVEMBER)).json()["obligations"]
        assert (one["due_on"], one["words"]) == (due_on, words)
        assert (one["anchor_on"], one["origin"]) == (
            f"2026-08-{contact + 1:02}",
            f"2026年8月{contact + 1}日联系过，每 90 天联系一次",
        )

    async def test_a_quarter_has_its_own_row_and_those_of_its_months_and_a_frozen_one_stays(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        await township()
        await database.fetch_value("SELECT coverage_freeze(202610, 'contact', 2)")
        await FACTS.visit(world.people["m1"], world.households["h1"], date(2026, 10, 9))
        answer = (await ask(client, f"households/{world.households['h1']}", period="2026Q4")).json()
        rows = {(row["period"], row["frozen"]): row["columns"] for row in answer["rows"]}
        assert set(rows) == {
            ("2026Q4", None),
            ("2026-10", None),
            ("2026-11", None),
            ("2026-12", None),
            ("2026-10", "contact"),
        }
        assert (rows["2026Q4", None]["contacted"], rows["2026-10", None]["contacted"]) == (1, 1)
        assert rows["2026-10", "contact"]["contacted"] == 0
        assert "key" not in rows["2026Q4", None] and "on_time" not in rows["2026-10", "contact"]

    async def test_one_that_was_merged_names_who_answers_for_it(self, client: httpx.AsyncClient, world: World) -> None:
        h1, h2 = world.households["h1"], world.households["h2"]
        await FACTS.visit(world.people["m1"], h1, november(3))
        await FACTS.merged(h1, h2, november(10))
        await database.execute("UPDATE household SET closed_on = '2026-11-10' WHERE id = $1", h1)
        gone = (await ask(client, f"households/{h1}", **NOVEMBER)).json()
        assert (gone["answered_by"], gone["rows"], gone["days"], gone["obligations"]) == (str(h2), [], [], [])
        stays = (await ask(client, f"households/{h2}", **NOVEMBER)).json()
        assert (stays["answers_for"], stays["rows"][0]["columns"]["contacted"]) == ([str(h1)], 1)
        assert [visit["counts"] for visit in stays["visits"]] == ["counted"]


async def frozen_since(moment: str, *parts: tuple[int, str]) -> None:
    """Freeze parts as if that had been done at a moment; what the test does next lies after it."""
    await database.execute("ALTER TABLE frozen_part DISABLE TRIGGER frozen_stays")
    for number, part in parts:
        assert await database.fetch_value("SELECT coverage_freeze($1, $2, 2)", number, part)
        await database.execute(
            f"UPDATE frozen_part SET frozen_at = '{moment}' WHERE period_id = $1 AND part = $2", number, part
        )


OCTOBER = {"period": "2026-10"}


class TestRevisions:
    async def test_who_differs_in_what_and_what_did_it(self, client: httpx.AsyncClient, world: World) -> None:
        await frozen_since("2026-11-08 02:00+08", (202610, "stock"), (202610, "contact"))
        await FACTS.visit(
            world.people["m1"], world.households["h3"], date(2026, 10, 30)
        )  # no audit row: before our time
        body = {
            "household_id": str(world.households["h1"]), "occurred_on": "2026-10-20", "noted_at": NOW.isoformat(),
            "mode": "remote", "outcome": "met", "topics": [], "backfill_reason": "paper_record",
        }  # fmt: skip
        late = body | {"occurred_on": "2026-11-12", "backfill_reason": None}
        for one in ({"client_id": str(uuid4()), **one} for one in (body, late)):
            made = await client.post("/visits", json=one, headers=world.headers("m1"))
            assert made.status_code == 201, made.text
        end = {"on": "2026-10-11", "reason": "other"}
        ended = await client.post(
            f"/assignments/{world.link('m1', 'h2')}/end", json=end, headers=world.headers("s_east")
        )
        assert ended.status_code == 200, ended.text
        # After the period: h1 differs, and yet this did not do it.
        await client.post(
            f"/assignments/{world.link('m2', 'h1')}/end",
            json=end | {"on": TODAY.isoformat()},
            headers=world.headers("s_east"),
        )
        answer = (await ask(client, "revisions", area=TOWN, **OCTOBER)).json()
        assert [part["part"] for part in answer["parts"]] == ["contact", "stock"]
        items = {row["code"]: row for row in answer["items"]}
        assert list(items) == ["h1", "h2", "h3"]
        differs = {
            code: {one["metric"]: (one["before"], one["now"]) for one in row["differs"]} for code, row in items.items()
        }
        assert set(differs["h1"]) == {"contact_coverage"} and set(differs["h3"]) == {
            "contact_coverage",
            "visit_coverage",
        }
        before, now = differs["h1"]["contact_coverage"]
        assert ((before["numerator"], before["denominator"]), (now["numerator"], now["denominator"])) == (
            (0, 1),
            (1, 1),
        )
        assert set(differs["h2"]) == {"assignment_days", "assignment_coverage"}
        before, now = differs["h2"]["assignment_days"]
        assert ((before["numerator"], before["denominator"]), (now["numerator"], now["denominator"])) == (
            (31, 31),
            (10, 31),
        )
        (change,) = items["h1"]["changes"]
        assert (change["action"], change["day"], change["by"]) == (
            "visit.record",
            "2026-10-20",
            {"role": "member", "name": "陈***"},
        )
        (change,) = items["h2"]["changes"]
        assert (change["action"], change["day"]) == ("assignment.end", "2026-10-11")
        assert change["by"] == {"role": "branch_secretary", "name": "沈***"}
        assert items["h3"]["changes"] == []

    async def test_the_differences_add_up_to_those_of_the_figures(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        await township()
        parts = [(202610, "stock"), (202610, "contact"), (202610, "on_time")]
        await frozen_since("2026-11-10 00:00+08", *parts)
        for change in (
            "UPDATE visit SET voided_at = now() WHERE id::text < '8'",
            "UPDATE assignment SET valid_to = greatest(valid_from, least(valid_to, '2026-10-12')) WHERE id::text < '6'",
            "UPDATE residence SET valid_to = greatest(valid_from, least(valid_to, '2026-10-08')) WHERE id::text < '4'",
        ):
            await database.execute(change)
        for place in ({"area": TOWN}, {"area": EAST}, {"branch": str(world.branches["west"])}):
            query = {"level": "branch"} | OCTOBER | place
            shown = (await client.get("/coverage", params=query, headers=world.headers("office"))).json()["total"][
                "metrics"
            ]
            moved: dict[str, list[int]] = {metric: [0, 0] for metric in shown}
            for row in await listed(client, "revisions", limit=13, **OCTOBER, **place):
                assert row["differs"]
                for one in row["differs"]:
                    for n, side in enumerate(("numerator", "denominator")):
                        moved[one["metric"]][n] += one["now"][side] - one["before"][side]
            assert any(sum(map(abs, change)) for change in moved.values()) or place != {"area": TOWN}
            for metric, figure in shown.items():
                now = figure["revised"] or figure
                assert moved[metric] == [now[side] - figure[side] for side in ("numerator", "denominator")], (
                    metric,
                    place,
                )

    async def test_before_anything_is_frozen_there_is_nothing_to_compare(self, client: httpx.AsyncClient) -> None:
        answer = (await ask(client, "revisions", area=TOWN, **OCTOBER)).json()
        assert (answer["parts"], answer["items"], answer["next"]) == ([], [], None)

    async def test_a_moment_is_told_with_its_zone(self, client: httpx.AsyncClient) -> None:
        await frozen_since("2026-11-08 02:00+08", (202610, "contact"))
        answer = (await ask(client, "revisions", area=TOWN, **OCTOBER)).json()
        assert answer["parts"][0]["frozen_at"] == "2026-11-08T02:00:00+08:00"
        assert NOW.tzinfo is CHINA and OPENED < TODAY


@pytest.mark.parametrize("path", ["gaps", "overdue"])
async def test_a_place_without_households_is_empty_and_not_an_error(client: httpx.AsyncClient, path: str) -> None:
    grid = await FACTS.micro_grid("g_west", "west")
    answer = (await ask(client, path, area=str(grid))).json()
    assert (answer["count"], answer["items"], answer["next"]) == (0, [], None)
