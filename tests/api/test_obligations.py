"""Must-visits: who may ask for one, what becomes of it, who may take it back, and what coming home calls for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from backend import problems
from backend.rules.texts import written
from backend.services import obligations as services
from backend.settings import CHINA
from backend.worker import schedule
from handlers import obligations
from models import database
from tests.api.counting import statements
from tests.api.probes import snapshot
from tests.api.problems import refused, without_a_test
from tests.api.test_households import audited, close, count, on
from tests.conftest import Running
from tests.models.facts import Facts
from tests.world import OPENED, TODAY, World, of

FACTS = Facts(database)


def a_need(world: World, household: str = "h1", **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(uuid4()), "household_id": str(world.households[household]), "kind": "illness", "since": on(-1),
    } | changes  # fmt: skip


async def ask(
    client: httpx.AsyncClient, world: World, by: str, household: str = "h1", **changes: Any
) -> httpx.Response:
    return await client.post("/must-visits", json=a_need(world, household, **changes), headers=world.headers(by))


async def withdraw(
    client: httpx.AsyncClient, world: World, by: str, which: UUID | str, reason: str = "mistake"
) -> httpx.Response:
    return await client.post(f"/must-visits/{which}/withdraw", json={"reason": reason}, headers=world.headers(by))


async def listed(client: httpx.AsyncClient, world: World, by: str, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/must-visits", params=query, headers=world.headers(by))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


class TestRaise:
    @pytest.mark.parametrize(
        ("by", "household", "source"),
        [
            ("m1", "h1", "member"), ("m2", "h1", "member"), ("m3", "h6", "member"), ("s_east", "h4", "staff"),
            ("cadre", "h1", "staff"), ("office", "h9", "staff"),
        ],
    )  # fmt: skip
    async def test_by_who_is_linked_or_answers_for_the_place(
        self, client: httpx.AsyncClient, world: World, by: str, household: str, source: str
    ) -> None:
        body = a_need(world, household)
        answer = await client.post("/must-visits", json=body, headers=world.headers(by))
        assert answer.status_code == 201
        assert answer.json() == {
            "id": body["client_id"], "client_id": body["client_id"], "household_id": body["household_id"],
            "kind": "illness", "since": on(-1), "due_on": on(2), "source": source, "state": "open", "met_on": None,
        }  # fmt: skip
        assert await audited() == ["must_visit.raise", world.accounts[by], ["illness"], None]

    async def test_it_is_in_the_history_of_the_household(self, client: httpx.AsyncClient, world: World) -> None:
        made = (await ask(client, world, "m1")).json()["id"]
        await withdraw(client, world, "m1", made, "household_wish")
        query = {"household_id": str(world.households["h1"])}
        rows = (await client.get("/audit", params=query, headers=world.headers("s_east"))).json()["items"]
        assert [(row["action"], row["subject_id"], row["reason"]) for row in rows] == [
            ("must_visit.withdraw", made, "household_wish"), ("must_visit.raise", made, None),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("kind", "days"), [("illness", 3), ("funeral", 3), ("disaster", 1), ("hardship", 3), ("help_request", 3)]
    )
    async def test_the_deadline_is_that_of_the_kind(
        self, client: httpx.AsyncClient, world: World, kind: str, days: int
    ) -> None:
        assert (await ask(client, world, "m1", kind=kind, since=on(0))).json()["due_on"] == on(days)

    async def test_the_deadline_follows_the_rule_of_the_township_on_that_day_and_stays(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        elsewhere = await FACTS.insert(
            "region", level="township", name="外镇", path=[uuid4()], predecessors=[], valid_from=OPENED
        )
        await FACTS.rule("must_illness", 9, OPENED, None, elsewhere)
        assert (await ask(client, world, "m1", "h2", since=on(-5))).json()["due_on"] == on(-2)
        await FACTS.rule("must_illness", 7, TODAY - timedelta(days=4), TODAY, world.regions["town"])
        await FACTS.rule("must_illness", 5, TODAY, None, world.regions["town"])
        for since, due in ((-5, -2), (-4, 3), (-1, 6), (0, 5)):
            await database.execute("DELETE FROM must_visit WHERE household_id = $1", world.households["h1"])
            assert (await ask(client, world, "m1", since=on(since))).json()["due_on"] == on(due)
        assert [row["due_on"] for row in await listed(client, world, "m1", state="all")] == [on(-2), on(5)]

    async def test_sent_again(self, client: httpx.AsyncClient, world: World) -> None:
        """Also after the link ended and long after the days in which it could be new: what was accepted stays accepted."""
        body = a_need(world)
        first = await client.post("/must-visits", json=body, headers=world.headers("m1"))
        await database.execute("UPDATE assignment SET valid_to = $2 WHERE id = $1", world.link("m1", "h1"), TODAY)
        await database.execute("UPDATE must_visit SET since = since - 90")
        before = await snapshot()
        again = await client.post("/must-visits", json=body | {"since": on(-91)}, headers=world.headers("m1"))
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json() | {"since": on(-91)}
        assert await snapshot() == before

    @refused(problems.ClientIdReused, obligations.raise_must_visit)
    @pytest.mark.parametrize(
        ("by", "other"),
        [("m1", {"kind": "funeral"}), ("m1", {"since": on(0)}), ("m1", {"household_id": str(of("household", "h2"))}),
         ("m2", {}), ("s_east", {"kind": "funeral"})],
        ids=str,
    )  # fmt: skip
    async def test_an_id_used_for_something_else(
        self, client: httpx.AsyncClient, world: World, by: str, other: dict[str, str]
    ) -> httpx.Response:
        body = a_need(world)
        await client.post("/must-visits", json=body, headers=world.headers("m1"))
        before = await snapshot()
        answer = await client.post("/must-visits", json=body | other, headers=world.headers(by))
        assert await snapshot() == before
        return answer

    @refused(problems.MustVisitOpen, obligations.raise_must_visit)
    @pytest.mark.parametrize("since", [-3, -1, 0])
    async def test_one_of_a_kind_at_a_time(self, client: httpx.AsyncClient, world: World, since: int) -> httpx.Response:
        """It is named, so that whoever asks sees that the visit is on its way; another kind is another need."""
        await ask(client, world, "m1")
        assert (await ask(client, world, "s_east", kind="hardship")).status_code == 201
        assert (await ask(client, world, "s_east", "h2")).status_code == 201
        answer = await ask(client, world, "s_east", since=on(since))
        assert [
            word
            for word in ("生病住院", written(TODAY - timedelta(days=1)), written(TODAY + timedelta(days=2)))
            if word not in answer.json()["detail"]
        ] == []
        return answer

    async def test_another_one_after_the_first_is_met_or_withdrawn(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        first = (await ask(client, world, "m1")).json()["id"]
        await FACTS.visit(world.people["m1"], world.households["h1"], TODAY)
        second = await ask(client, world, "m1", since=on(0))
        assert second.status_code == 201 and second.json()["state"] == "met"
        third = await ask(client, world, "m1", "h2")
        await withdraw(client, world, "m1", third.json()["id"])
        assert (await ask(client, world, "m1", "h2")).status_code == 201
        assert first != second.json()["id"]

    @refused(problems.MustVisitDayUnfit, obligations.raise_must_visit)
    @pytest.mark.parametrize("since", [1, -31])
    async def test_days_that_do_not_hold(self, client: httpx.AsyncClient, world: World, since: int) -> httpx.Response:
        assert (await ask(client, world, "m1", since=on(-30))).status_code == 201
        answer = await ask(client, world, "m1", "h2", since=on(since))
        assert list(answer.json()["errors"]) == ["since"]
        return answer

    @refused(problems.BeforeOpening, obligations.raise_must_visit)
    async def test_before_the_household_was_opened(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await database.execute("UPDATE household SET opened_on = $2 WHERE id = $1", world.households["h1"], TODAY)
        return await ask(client, world, "m1")

    @refused(problems.HouseholdClosed, obligations.raise_must_visit)
    async def test_after_the_household_closed(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        await close(world, "h1", TODAY - timedelta(days=1))
        assert (await ask(client, world, "s_east", since=on(-2))).status_code == 201
        return await ask(client, world, "s_east", kind="funeral")

    @refused(problems.HouseholdNotFound, obligations.raise_must_visit)
    @pytest.mark.parametrize(
        ("by", "household"),
        [
            ("m1", "h3"),
            ("m1", "h4"),
            ("m1", "h7"),
            ("m4", "h9"),
            ("s_east", "h7"),
            ("s_west", "h1"),
            ("cadre", "h7"),
            ("m1", "none"),
        ],
    )
    async def test_a_household_of_others(
        self, client: httpx.AsyncClient, world: World, by: str, household: str
    ) -> httpx.Response:
        """Also with the id of one that is there: neither answer tells a stranger that it exists."""
        world.households["none"] = uuid4()
        theirs = a_need(world, "h2" if household == "h7" else "h7")
        await client.post("/must-visits", json=theirs, headers=world.headers("m1" if household == "h7" else "m3"))
        before = await snapshot()
        for more in ({"client_id": theirs["client_id"]} if by not in ("m1", "m3") else {}, {"since": on(5)}):
            assert (await ask(client, world, by, household, **more)).status_code == 404
        assert await snapshot() == before
        return await ask(client, world, by, household)

    @refused(problems.HouseholdReadOnly, obligations.raise_must_visit)
    async def test_a_household_only_linked_across_the_branches(
        self, client: httpx.AsyncClient, world: World
    ) -> httpx.Response:
        return await ask(client, world, "s_west", "h6")

    async def test_a_link_that_ended_today_gives_no_say(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute("UPDATE assignment SET valid_to = $2 WHERE id = $1", world.link("m1", "h1"), TODAY)
        assert (await ask(client, world, "m1")).status_code == 404

    @pytest.mark.parametrize("by", ["committee", "department", "admin"])
    async def test_roles_without_households(self, client: httpx.AsyncClient, world: World, by: str) -> None:
        before = await snapshot()
        assert (await ask(client, world, by)).status_code == 403
        assert (await client.get("/must-visits", headers=world.headers(by))).status_code == 403
        assert await snapshot() == before

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"kind": "return"}, "kind"), ({"kind": "mood"}, "kind"), ({"kind": None}, "kind"), ({"since": "soon"}, "since"),
            ({"household_id": "h1"}, "household_id"), ({"note": "信"}, "note"), ({"due_on": on(9)}, "due_on"),
            ({"source": "event"}, "source"), ({"client_id": 7}, "client_id"),
        ],
        ids=str,
    )  # fmt: skip
    async def test_wrong_body(
        self, client: httpx.AsyncClient, world: World, change: dict[str, Any], field: str
    ) -> None:
        """Nobody raises a return, sets a deadline, or writes a text."""
        answer = await ask(client, world, "m1", **change)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
        assert await count("must_visit") == 0


Visits = list[tuple[int, str, str]]
MET, NOT_HOME, NO, CALL = ("in_person", "met"), ("in_person", "not_home"), ("in_person", "declined"), ("remote", "met")


class TestState:
    """A must-visit since three days ago; visits are (day from today, mode, outcome)."""

    @pytest.mark.parametrize(
        ("household", "due", "visits", "state", "met"),
        [
            pytest.param("h2", 0, [], "open", None, id="nobody came, the deadline is today"),
            pytest.param("h2", -1, [], "missed", None, id="nobody came, the deadline was yesterday"),
            pytest.param("h2", 0, [(-3, *MET), (-1, *MET)], "met", -3, id="on the first day, and the first one counts"),
            pytest.param("h2", -1, [(-1, *MET)], "met", -1, id="on the last day"),
            pytest.param("h2", 0, [(-4, *MET)], "open", None, id="before the need"),
            pytest.param("h2", -2, [(-1, *MET)], "missed", None, id="too late"),
            pytest.param("h2", 0, [(-1, *CALL)], "open", None, id="by telephone at home"),
            pytest.param("h2", 0, [(-1, "gathering", "met")], "open", None, id="at a gathering"),
            pytest.param("h2", 0, [(-1, *NOT_HOME)], "open", None, id="an attempt"),
            pytest.param("h2", 0, [(-2, *NOT_HOME), (-1, *NOT_HOME), (-1, *CALL)], "met", -1, id="a call after two attempts"),
            pytest.param("h2", 0, [(-2, *NOT_HOME), (-1, *NOT_HOME), (-2, *CALL)], "open", None, id="a call between them"),
            pytest.param("h2", 0, [(-1, *NOT_HOME), (-1, *NOT_HOME), (-1, *CALL)], "open", None, id="both on one day"),
            pytest.param("h2", 0, [(-31, *NOT_HOME), (-1, *NOT_HOME), (-1, *CALL)], "met", -1, id="thirty days apart"),
            pytest.param("h2", 0, [(-32, *NOT_HOME), (-1, *NOT_HOME), (-1, *CALL)], "open", None, id="longer apart"),
            pytest.param("h6", 0, [(-1, *CALL)], "met", -1, id="by telephone when away"),
            pytest.param("h6", -1, [(0, *CALL)], "missed", None, id="too late by telephone"),
            pytest.param("h2", 0, [(-1, *NO)], "declined", None, id="declined at the door"),
            pytest.param("h2", -1, [(-1, "remote", "declined")], "declined", None, id="declined by telephone, over"),
            pytest.param("h2", 0, [(-2, *NO), (-1, *MET)], "met", -1, id="declined, then glad of it"),
            pytest.param("h2", 0, [(-4, *NO)], "open", None, id="declined before the need"),
            pytest.param("h2", -1, [(0, *NO)], "missed", None, id="declined after the deadline"),
        ],
    )  # fmt: skip
    async def test_what_has_become_of_it(
        self,
        client: httpx.AsyncClient,
        world: World,
        household: str,
        due: int,
        visits: Visits,
        state: str,
        met: int | None,
    ) -> None:
        await FACTS.must_visit(
            world.households[household], TODAY - timedelta(days=3), TODAY + timedelta(days=due), "hardship"
        )
        for day, mode, outcome in visits:
            await FACTS.visit(
                world.people["m4"], world.households[household], TODAY + timedelta(days=day), mode, outcome
            )
        (row,) = await listed(client, world, "office", state="all")
        assert (row["state"], row["met_on"]) == (state, None if met is None else on(met))
        assert (await listed(client, world, "office") == []) is (state != "open")

    @pytest.mark.parametrize(
        ("visits", "owed"),
        [
            ((), ["missed"]), (((-3, "in_person", "met"),), []), (((0, "in_person", "met"),), []),
            (((0, "remote", "met"),), ["missed"]), (((0, "in_person", "declined"),), []), (((-9, "in_person", "met"),), ["missed"]),
        ],
    )  # fmt: skip
    async def test_a_missed_one_is_owed_until_somebody_comes(
        self, client: httpx.AsyncClient, world: World, visits: Visits, owed: list[str]
    ) -> None:
        await FACTS.must_visit(world.households["h2"], TODAY - timedelta(days=4), TODAY - timedelta(days=1))
        for day, mode, outcome in visits:
            await FACTS.visit(world.people["m4"], world.households["h2"], TODAY + timedelta(days=day), mode, outcome)
        assert [row["state"] for row in await listed(client, world, "s_east", state="owed")] == owed
        assert await listed(client, world, "s_east") == []

    async def test_what_is_owed_is_open_too_not_withdrawn_and_met_by_a_visit_to_the_successor(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        for day in (TODAY, TODAY - timedelta(days=5)):
            await FACTS.must_visit(world.households["h2"], day, day + timedelta(days=1))
        assert [row["state"] for row in await listed(client, world, "s_east", state="owed")] == ["missed", "open"]
        await database.execute("UPDATE must_visit SET withdrawn_at = now() WHERE since = $1", TODAY)
        assert [row["state"] for row in await listed(client, world, "s_east", state="owed")] == ["missed"]
        await FACTS.merged(world.households["h2"], world.households["h3"], TODAY)
        await FACTS.visit(world.people["m4"], world.households["h3"], TODAY)
        assert await listed(client, world, "s_east", state="owed") == []

    async def test_a_voided_visit_meets_nothing(self, client: httpx.AsyncClient, world: World) -> None:
        await FACTS.must_visit(world.households["h2"], TODAY, TODAY)
        visit = await FACTS.visit(world.people["m4"], world.households["h2"], TODAY)
        assert await listed(client, world, "m1") == []
        await database.execute("UPDATE visit SET voided_at = now() WHERE id = $1", visit)
        assert [row["state"] for row in await listed(client, world, "m1")] == ["open"]

    @pytest.mark.parametrize(("companion", "state"), [(None, "open"), ("m2", "met")])
    async def test_nobody_visits_their_own_home(
        self, client: httpx.AsyncClient, world: World, companion: str | None, state: str
    ) -> None:
        """m1 lives in h5; with somebody else there, it is a visit."""
        await FACTS.must_visit(world.households["h5"], TODAY, TODAY)
        with_them = [world.people[companion]] if companion else []
        await FACTS.visit(world.people["m1"], world.households["h5"], TODAY, "in_person", "met", *with_them)
        assert [row["state"] for row in await listed(client, world, "s_east", state="all")] == [state]

    @pytest.mark.parametrize(
        ("merged_on", "visited", "state"),
        [
            (TODAY - timedelta(days=1), "h3", "met"), (TODAY - timedelta(days=1), "h2", "met"),
            (date(2026, 11, 30), "h3", "met"), (date(2026, 12, 1), "h3", "open"), (date(2026, 12, 1), "h2", "met"),
        ],
    )  # fmt: skip
    async def test_a_merged_household(
        self, client: httpx.AsyncClient, world: World, merged_on: date, visited: str, state: str
    ) -> None:
        """h2 is merged into h3: in the month of the merger a visit to either is a visit to both; earlier months stay."""
        await FACTS.merged(world.households["h2"], world.households["h3"], merged_on)
        await FACTS.must_visit(world.households["h2"], TODAY, TODAY)
        await FACTS.visit(world.people["m4"], world.households[visited], TODAY)
        assert [row["state"] for row in await listed(client, world, "s_east", state="all")] == [state]

    async def test_an_annulled_merger_never_was(self, client: httpx.AsyncClient, world: World) -> None:
        merger = await FACTS.merged(world.households["h2"], world.households["h3"], TODAY)
        await database.execute("UPDATE succession SET annulled_at = now() WHERE id = $1", merger)
        await FACTS.must_visit(world.households["h2"], TODAY, TODAY)
        await FACTS.visit(world.people["m4"], world.households["h3"], TODAY)
        assert [row["state"] for row in await listed(client, world, "s_east")] == ["open"]


class TestWithdraw:
    @pytest.mark.parametrize("by", ["m1", "m2", "s_east", "cadre", "office"])
    async def test_by_who_raised_it_is_linked_or_answers_for_the_place(
        self, client: httpx.AsyncClient, world: World, by: str
    ) -> None:
        made = (await ask(client, world, "s_east")).json()
        answer = await withdraw(client, world, by, made["id"], "duplicate")
        assert (answer.status_code, answer.json()) == (200, made | {"state": "withdrawn"})
        assert await audited() == ["must_visit.withdraw", world.accounts[by], [], "duplicate"]
        row = await database.fetch_row("SELECT withdrawn_by, withdraw_reason FROM must_visit")
        assert row is not None and tuple(row.values()) == (world.accounts[by], "duplicate")
        assert await listed(client, world, "m1") == []

    async def test_again(self, client: httpx.AsyncClient, world: World) -> None:
        made = (await ask(client, world, "m1")).json()["id"]
        first = await withdraw(client, world, "m1", made)
        before = await snapshot()
        again = await withdraw(client, world, "s_east", made, "other")
        assert (again.status_code, again.json(), await snapshot()) == (200, first.json(), before)

    async def test_who_raised_it_may_also_when_no_longer_linked(self, client: httpx.AsyncClient, world: World) -> None:
        made = (await ask(client, world, "m1")).json()["id"]
        await database.execute("UPDATE assignment SET valid_to = $2 WHERE id = $1", world.link("m1", "h1"), TODAY)
        assert await listed(client, world, "m1", state="all") == []
        assert (await withdraw(client, world, "m1", made)).status_code == 200

    @refused(problems.MustVisitNotFound, obligations.withdraw_must_visit)
    @pytest.mark.parametrize(
        ("by", "household"), [("m1", "h3"), ("m3", "h1"), ("s_west", "h1"), ("cadre", "h7"), ("m1", "")]
    )
    async def test_of_others(self, client: httpx.AsyncClient, world: World, by: str, household: str) -> httpx.Response:
        made = (await ask(client, world, "office", household)).json()["id"] if household else uuid4()
        before = await snapshot()
        answer = await withdraw(client, world, by, made)
        assert await snapshot() == before
        return answer

    @refused(problems.HouseholdReadOnly, obligations.withdraw_must_visit)
    async def test_only_linked_across_the_branches(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await withdraw(client, world, "s_west", (await ask(client, world, "m3", "h6")).json()["id"])

    @refused(problems.MustVisitOver, obligations.withdraw_must_visit)
    async def test_missed_ones_stay_in_the_figures_but_for_staff(
        self, client: httpx.AsyncClient, world: World
    ) -> httpx.Response:
        """Or a member could make every missed one disappear from the rate."""
        made = (await ask(client, world, "m1", since=on(-9))).json()
        assert made["state"] == "missed"
        refusal = await withdraw(client, world, "m1", made["id"])
        assert (await withdraw(client, world, "s_east", made["id"])).json()["state"] == "withdrawn"
        return refusal

    async def test_wrong_reason(self, client: httpx.AsyncClient, world: World) -> None:
        made = (await ask(client, world, "m1")).json()["id"]
        for body in ({}, {"reason": "tired"}, {"reason": "other", "note": "信"}):
            answer = await client.post(f"/must-visits/{made}/withdraw", json=body, headers=world.headers("m1"))
            assert answer.status_code == 422
        assert (await withdraw(client, world, "committee", made)).status_code == 403


class TestList:
    SEEN = {
        "m1": "h1 h2", "m2": "h1 h3", "m3": "h6 h7 h8", "m4": "", "s_east": "h1 h2 h3 h4 h5 h6", "s_west": "h6 h7 h8 h9",
        "cadre": "h1 h2 h3 h4 h5 h6", "office": "h1 h2 h3 h4 h5 h6 h7 h8 h9",
    }  # fmt: skip

    @staticmethod
    async def furnish(world: World) -> dict[str, str]:
        """One for each household, the later ones due earlier; id -> household."""
        return {
            str(await FACTS.must_visit(world.households[name], TODAY, TODAY + timedelta(days=9 - number))): name
            for number, name in enumerate(sorted(world.households))
        }

    @pytest.mark.parametrize("by", SEEN)
    async def test_each_sees_those_of_their_households_in_order_of_deadline(
        self, client: httpx.AsyncClient, world: World, by: str
    ) -> None:
        names = await self.furnish(world)
        shown = [names[row["id"]] for row in await listed(client, world, by)]
        assert shown == list(reversed(self.SEEN[by].split()))

    async def test_page_by_page(self, client: httpx.AsyncClient, world: World) -> None:
        """Several on one day, none skipped and none twice; open ones and all."""
        names = await self.furnish(world)
        await database.execute("UPDATE must_visit SET due_on = $1 WHERE due_on > $1", TODAY + timedelta(days=4))
        await FACTS.visit(world.people["m4"], world.households["h5"], TODAY)
        for state, expected in (("open", set(names.values()) - {"h5"}), ("all", set(names.values()))):
            seen: list[dict[str, Any]] = []
            cursor: str | None = ""
            while cursor is not None:
                query = {"limit": "2", "state": state} | ({"cursor": cursor} if cursor else {})
                page = (await client.get("/must-visits", params=query, headers=world.headers("office"))).json()
                seen += page["items"]
                cursor = page["next"]
            assert [names[row["id"]] for row in seen] == [names[row["id"]] for row in sorted(seen, key=_order)]
            assert len(seen) == len(expected) and {names[row["id"]] for row in seen} == expected

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"area": "999902101200"}, "h6 h5 h4 h3 h2 h1"), ({"area": str(of("region", "e2"))}, "h6"),
            ({"household_id": str(of("household", "h7"))}, "h7"), ({"area": "999902101200", "household_id": str(of("household", "h7"))}, ""),
        ],
        ids=str,
    )  # fmt: skip
    async def test_of_an_area_or_a_household(
        self, client: httpx.AsyncClient, world: World, query: dict[str, str], expected: str
    ) -> None:
        names = await self.furnish(world)
        assert [names[row["id"]] for row in await listed(client, world, "office", **query)] == expected.split()

    @refused(problems.RegionNotFound, obligations.list_must_visits)
    @pytest.mark.parametrize("area", ["999902101201", str(of("region", "w1")), str(of("region", "none")), "nowhere"])
    async def test_of_an_area_of_others(self, client: httpx.AsyncClient, world: World, area: str) -> httpx.Response:
        return await client.get("/must-visits", params={"area": area}, headers=world.headers("s_east"))

    async def test_as_many_statements_for_many_as_for_one(self, client: httpx.AsyncClient, world: World) -> None:
        await self.furnish(world)
        asked = []
        for limit in ("1", "200"):
            async with statements() as seen:
                await client.get("/must-visits", params={"limit": limit}, headers=world.headers("office"))
            asked.append(len(seen))
        assert asked[0] == asked[1] <= 3

    @pytest.mark.parametrize(
        "query", [{"state": "met"}, {"limit": "0"}, {"cursor": "x"}, {"household_id": "h1"}, {"sort": "kind"}], ids=str
    )
    async def test_wrong_query(self, client: httpx.AsyncClient, world: World, query: dict[str, str]) -> None:
        answer = await client.get("/must-visits", params=query, headers=world.headers("office"))
        assert (answer.status_code, list(answer.json()["errors"])) == (422, list(query))


def _order(row: dict[str, Any]) -> tuple[str, str]:
    return row["due_on"], row["id"]


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


Stays = list[tuple[int, int | None, str, str]]


class TestReturns:
    """h6 has been away in e2 since the beginning; it lives as (from, until, status, micro-grid) in days before today."""

    @staticmethod
    async def lives(world: World, away_until: int, stays: Stays) -> None:
        household = world.households["h6"]
        await database.execute("UPDATE residence SET valid_to = $2 WHERE household_id = $1", household, day(away_until))
        for start, end, status, grid in stays:
            until = None if end is None else day(end)
            await FACTS.residence(household, world.regions[grid], day(start), until, status)

    @pytest.mark.parametrize(
        ("away_until", "stays", "returned"),
        [
            pytest.param(15, [(15, None, "resident", "e2")], [15], id="fifteen days at home"),
            pytest.param(14, [(14, None, "resident", "e2")], [], id="fourteen"),
            pytest.param(60, [(60, None, "resident", "e2")], [60], id="sixty days ago"),
            pytest.param(61, [(61, None, "resident", "e2")], [], id="longer ago"),
            pytest.param(20, [(20, 12, "resident", "e2"), (12, None, "resident", "e1")], [20], id="moved meanwhile"),
            pytest.param(20, [(20, 5, "resident", "e2"), (5, None, "away", "e2")], [20], id="stayed for fifteen and left"),
            pytest.param(20, [(20, 6, "resident", "e2"), (6, None, "away", "e2")], [], id="left after fourteen"),
            pytest.param(30, [(30, 20, "resident", "e2"), (20, 19, "away", "e2"), (19, None, "resident", "e2")], [19], id="away for a day"),
            pytest.param(30, [(30, 20, "nominal", "e2"), (20, None, "resident", "e2")], [], id="not from being away"),
            pytest.param(30, [(20, None, "resident", "e2")], [], id="not known where it was between"),
            pytest.param(55, [(55, 40, "resident", "e2"), (40, 30, "away", "e2"), (30, None, "resident", "e2")], [55, 30], id="twice"),
            pytest.param(20, [(20, None, "away", "e1")], [], id="moved and still away"),
            pytest.param(20, [(20, 20, "resident", "e2"), (20, None, "away", "e2")], [], id="an empty row never was"),
        ],
    )  # fmt: skip
    async def test_who_came_home(
        self, client: httpx.AsyncClient, world: World, away_until: int, stays: Stays, returned: list[int]
    ) -> None:
        await self.lives(world, away_until, stays)
        audits = await count("audit_entry")
        assert await services.raise_returns(TODAY) == len(returned)
        rows = await listed(client, world, "m3", state="all")
        assert [(row["kind"], row["source"], row["since"], row["due_on"]) for row in rows] == [
            ("return", "event", on(-ago), on(30 - ago)) for ago in returned
        ]
        assert await count("audit_entry") - audits == bool(returned)
        assert not returned or await audited() == ["must_visit.raise", None, ["return"], "event"]

    async def test_running_it_again_or_for_days_gone_by_raises_nothing_twice(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        await self.lives(world, 20, [(20, None, "resident", "e2")])
        assert [await services.raise_returns(day(ago)) for ago in (6, 5, 5, 4, 0, 40)] == [0, 1, 0, 0, 0, 0]
        (row,) = await listed(client, world, "s_east", state="all")
        await withdraw(client, world, "s_east", row["id"])
        before = await snapshot()
        assert await services.raise_returns(TODAY) == 0  # what was taken back does not come again
        assert await snapshot() == before

    async def test_a_visit_since_the_return_has_met_it_already(self, client: httpx.AsyncClient, world: World) -> None:
        await self.lives(world, 20, [(20, None, "resident", "e2")])
        await FACTS.visit(world.people["m3"], world.households["h6"], day(18), "remote")
        await services.raise_returns(TODAY)
        assert [row["state"] for row in await listed(client, world, "m3")] == ["open"]
        await FACTS.visit(world.people["m3"], world.households["h6"], day(20))
        assert [(row["state"], row["met_on"]) for row in await listed(client, world, "m3", state="all")] == [
            ("met", on(-20))
        ]

    async def test_the_deadline_follows_the_rule_of_the_township(self, client: httpx.AsyncClient, world: World) -> None:
        await self.lives(world, 20, [(20, None, "resident", "e2")])
        await FACTS.rule("must_return", 40, OPENED, day(19), world.regions["town"])
        await FACTS.rule("must_return", 50, day(19), None, world.regions["town"])
        await services.raise_returns(TODAY)
        assert [row["due_on"] for row in await listed(client, world, "m3")] == [on(-20 + 15 + 40)]

    async def test_a_need_raised_by_a_person_does_not_stand_in_its_way(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        await self.lives(world, 20, [(20, None, "resident", "e2")])
        await ask(client, world, "m3", "h6", since=on(-20))
        assert await services.raise_returns(TODAY) == 1

    async def test_the_worker_does_it(
        self, client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[date] = []

        async def note(today: date) -> int:
            asked.append(today)
            return 0

        monkeypatch.setattr(services, "raise_returns", note)
        (periodic,) = [one for one in schedule.SCHEDULE if one.name == "raise returns"]
        await periodic.work()
        assert asked == [datetime.now(CHINA).date()] and periodic.every == timedelta(hours=1)


class TestAtOnce:
    async def test_many_at_once_raise_one(self, serve: Callable[..., Running], own_database: str, world: World) -> None:
        """Member and secretary hear of the same illness; and a phone sends the same thing several times."""
        running = serve(workers=2)
        today = datetime.now(CHINA).date().isoformat()
        async with httpx.AsyncClient(base_url=f"{running.url}/api/v1", timeout=20) as client:
            answers = await asyncio.gather(
                *(ask(client, world, ("m1", "m2", "s_east", "office")[n % 4], since=today) for n in range(8))
            )
            assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
            assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"obligations.open"}
            body = a_need(world, "h2", since=today)
            answers = await asyncio.gather(
                *(client.post("/must-visits", json=body, headers=world.headers("m1")) for _ in range(8))
            )
            assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 7}
            ends = await asyncio.gather(
                *(withdraw(client, world, "m1", body["client_id"], reason) for reason in ("mistake", "other") * 4)
            )
            assert {(answer.status_code, answer.json()["state"]) for answer in ends} == {(200, "withdrawn")}
            rows = (
                await client.get(
                    "/audit", params={"household_id": str(world.households["h2"])}, headers=world.headers("s_east")
                )
            ).json()
        assert [row["action"] for row in rows["items"]] == ["must_visit.withdraw", "must_visit.raise"]


def test_every_problem_has_a_test() -> None:
    assert without_a_test(obligations) == []
