"""Long work: exports hold what the screen shows, papers what they must, runs are one's own and never half done."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pypdf
import pytest
import python_calamine

from backend import problems
from backend.crypto import token_hash
from backend.services import files as stored
from backend.services import runs as running
from backend.worker.jobs import WORKS
from handlers import exports, files, imports, papers, runs
from models import database
from models import runs as rows
from tests.api.importing import bring_in, called, send, workbook
from tests.api.problems import refused, without_a_test
from tests.world import NOW, TODAY, World


async def done(client: httpx.AsyncClient, world: World, by: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """A run that the worker has done."""
    asked = {"client_id": str(uuid4())} | body
    answer = await client.post(path, json=asked, headers=world.headers(by))
    assert answer.status_code == 201, answer.text
    await running.perform(UUID(asked["client_id"]), WORKS, NOW)
    seen = await client.get(f"/runs/{asked['client_id']}", headers=world.headers(by))
    found: dict[str, Any] = seen.json()
    return found


async def fetched(client: httpx.AsyncClient, world: World, by: str, run: dict[str, Any]) -> bytes:
    assert run["state"] == "done", (run["problem"], run["sentence"])
    answer = await client.get(f"/runs/{run['id']}/file", headers=world.headers(by))
    assert answer.status_code == 200, answer.text
    return answer.content


def cells(content: bytes) -> list[list[Any]]:
    return python_calamine.load_workbook(io.BytesIO(content)).get_sheet_by_index(0).to_python()


class TestExports:
    async def exported(
        self, client: httpx.AsyncClient, world: World, by: str, name: str, **query: str
    ) -> list[list[Any]]:
        run = await done(client, world, by, "/exports", {"list": name, "query": query})
        table = cells(await fetched(client, world, by, run))
        assert run["counts"] == {"rows": len(table) - 1}
        return table

    @pytest.mark.parametrize("by", ["s_east", "cadre", "office"])
    async def test_households_are_those_of_the_screen_with_masked_heads(
        self, client: httpx.AsyncClient, world: World, by: str
    ) -> None:
        shown = await client.get("/households", params={"limit": "200"}, headers=world.headers(by))
        table = await self.exported(client, world, by, "households")
        assert [row[0] for row in table[1:]] == [row["code"] for row in shown.json()["items"]]
        assert [row[3] for row in table[1:]] == [row["head_name"] for row in shown.json()["items"]]

    async def test_filters_are_those_of_the_screen(self, client: httpx.AsyncClient, world: World) -> None:
        table = await self.exported(client, world, "office", "households", gap="true")
        assert [row[0] for row in table[1:]] == ["h4", "h9"]
        table = await self.exported(client, world, "office", "people", branch=str(world.branches["east"]))
        assert sorted(row[0] for row in table[1:]) == sorted(("陈人名一", "褚人名二", "沈人名五"))

    async def test_gaps_and_what_is_overdue(self, client: httpx.AsyncClient, world: World) -> None:
        table = await self.exported(client, world, "s_east", "gaps", area=str(world.regions["v_east"]))
        assert [row[0] for row in table[1:]] == ["h4"]
        seen = await client.get(
            "/coverage/overdue", params={"area": str(world.regions["v_east"])}, headers=world.headers("s_east")
        )
        table = await self.exported(client, world, "s_east", "overdue", area=str(world.regions["v_east"]))
        assert len(table) - 1 == seen.json()["count"]

    async def test_the_committee_says_why(self, client: httpx.AsyncClient, world: World) -> None:
        run = await done(
            client, world, "committee", "/exports", {"list": "gaps", "query": {"area": str(world.regions["v_east"])}}
        )
        assert (run["state"], run["problem"]) == ("failed", "coverage.purpose")
        asked = {"area": str(world.regions["v_east"]), "purpose": "close_gaps"}
        table = await self.exported(client, world, "committee", "gaps", **asked)
        assert len(table) == 2

    async def test_another_branchs_list_fails_as_on_the_screen(self, client: httpx.AsyncClient, world: World) -> None:
        run = await done(
            client, world, "s_east", "/exports", {"list": "people", "query": {"branch": str(world.branches["west"])}}
        )
        assert (run["state"], run["problem"], run["has_result"]) == ("failed", "branches.not_found", False)

    async def test_no_cell_is_a_formula(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute("UPDATE household SET group_name = '=1+1' WHERE id = $1", world.households["h1"])
        table = await self.exported(client, world, "s_east", "households")
        assert [row[2] for row in table[1:] if row[0] == "h1"] == ["'=1+1"]

    async def test_a_list_that_the_role_may_not_see(self, client: httpx.AsyncClient, world: World) -> None:
        body = {"client_id": str(uuid4()), "list": "people", "query": {}}
        answer = await client.post("/exports", json=body, headers=world.headers("cadre"))
        assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")

    async def test_a_filter_that_is_none(self, client: httpx.AsyncClient, world: World) -> None:
        body = {"client_id": str(uuid4()), "list": "people", "query": {"branch": "东", "search": "张"}}
        answer = await client.post("/exports", json=body, headers=world.headers("s_east"))
        assert (answer.status_code, set(answer.json()["errors"])) == (422, {"query.branch", "query.search"})

    @refused(problems.ClientIdReused, exports.ask)
    async def test_the_same_id_for_another_list(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        body = {"client_id": str(uuid4()), "list": "people", "query": {}}
        await client.post("/exports", json=body, headers=world.headers("s_east"))
        return await client.post("/exports", json=body | {"list": "households"}, headers=world.headers("s_east"))


class TestPapers:
    BODY = {"phone": "0999-1234567", "place": "东村村委会", "first_on": TODAY.isoformat()}

    async def printed(
        self, client: httpx.AsyncClient, world: World, paper: str, village: str = "v_east"
    ) -> tuple[dict[str, Any], str]:
        body = self.BODY | {"paper": paper, "region_id": str(world.regions[village])}
        run = await done(client, world, "s_east", "/papers", body)
        pdf = pypdf.PdfReader(io.BytesIO(await fetched(client, world, "s_east", run)))
        return run, "".join(page.extract_text() for page in pdf.pages).replace("\n", "")

    async def test_a_card_for_each_household_that_has_somebody(self, client: httpx.AsyncClient, world: World) -> None:
        run, text = await self.printed(client, world, "cards")
        assert run["counts"] == {"cards": 4, "without": 1}
        for word in ("赵标记一", "陈人名一", "褚人名二", "0999-1234567", "不记位置", "想换联系人"):
            assert word in text, word
        assert "郑标记七" not in text and "李标记四" not in text

    async def test_the_code_opens_the_households_page_until_it_is_printed_again(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        code = "A" * 26
        await database.execute(
            "INSERT INTO card (id, household_id, code_hash, printed_by) VALUES ($1, $2, $3, $4)",
            uuid4(), world.households["h1"], token_hash(code), world.accounts["s_east"],
        )  # fmt: skip
        host = "http://test/h/"
        page = await client.get(f"{host}{code.lower()}")
        assert (
            page.status_code == 200 and "陈人名一" in page.text and "赵标记一" not in page.text and "赵***" in page.text
        )
        assert "no-store" in page.headers["cache-control"] and "script" not in page.headers["content-security-policy"]
        assert (await client.get(f"{host}{code}", headers=world.headers("m3"))).status_code == 403
        assert (await client.get(f"{host}{'B' * 26}")).status_code == 404
        await self.printed(client, world, "cards")
        assert (await client.get(f"{host}{code}")).status_code == 404
        assert (
            await database.fetch_value(
                "SELECT count(*) FROM card WHERE household_id = $1 AND revoked_at IS NULL", world.households["h1"]
            )
            == 1
        )

    async def test_the_notice_names_no_head_in_full(self, client: httpx.AsyncClient, world: World) -> None:
        """h5, where m1 lives, needs nobody and is not on it."""
        run, text = await self.printed(client, world, "notice")
        assert run["counts"] == {"households": 5, "without": 1}
        assert "东村" in text and "赵***" in text and "陈人名一" in text and "待安排" in text
        assert "赵标记一" not in text and "公示" in text

    async def test_what_a_notice_needs(self, client: httpx.AsyncClient, world: World) -> None:
        body = {
            "client_id": str(uuid4()),
            "paper": "notice",
            "region_id": str(world.regions["v_east"]),
            "phone": "13900000000",
        }
        answer = await client.post("/papers", json=body, headers=world.headers("s_east"))
        assert (answer.status_code, set(answer.json()["errors"])) == (422, {"place", "first_on"})

    async def test_a_place_without_households(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute(
            "UPDATE residence SET valid_to = valid_from WHERE micro_grid_id = $1", world.regions["e2"]
        )
        body = self.BODY | {"paper": "cards", "region_id": str(world.regions["e2"])}
        run = await done(client, world, "s_east", "/papers", body)
        assert (run["state"], run["problem"]) == ("failed", "papers.nothing")

    async def test_a_character_that_no_font_has_is_named(self, client: httpx.AsyncClient, world: World) -> None:
        await database.execute(
            "UPDATE household SET group_name = $2 WHERE id = $1", world.households["h1"], "一\U000300ff组"
        )
        body = self.BODY | {"paper": "cards", "region_id": str(world.regions["v_east"])}
        run = await done(client, world, "s_east", "/papers", body)
        assert (run["state"], run["problem"]) == ("failed", "papers.character") and "\U000300ff" in run["sentence"]

    @refused(problems.RegionNotFound, papers.ask)
    async def test_another_branchs_village(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        body = self.BODY | {"client_id": str(uuid4()), "paper": "cards", "region_id": str(world.regions["v_west"])}
        return await client.post("/papers", json=body, headers=world.headers("s_east"))

    @refused(problems.ClientIdReused, papers.ask)
    async def test_the_same_id_for_another_paper(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        body = self.BODY | {"client_id": str(uuid4()), "paper": "cards", "region_id": str(world.regions["v_east"])}
        await client.post("/papers", json=body, headers=world.headers("s_east"))
        return await client.post("/papers", json=body | {"paper": "notice"}, headers=world.headers("s_east"))


class TestFiles:
    async def test_sent_again_it_is_the_same_and_lies_sealed(self, client: httpx.AsyncClient, world: World) -> None:
        file_id, content = str(uuid4()), b"marked content" * 50
        query = {"client_id": file_id}
        first, again = [
            await client.post("/files", params=query, content=content, headers=world.headers("s_east") | called())
            for _ in range(2)
        ]
        assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
        lying = await stored._store().get(UUID(file_id))
        assert lying is not None and b"marked content" not in lying
        assert await database.fetch_value("SELECT name_sealed FROM stored_file WHERE id = $1", UUID(file_id)) != b"\xe6"

    async def test_after_seven_days_it_is_gone(self, client: httpx.AsyncClient, world: World) -> None:
        file_id = await send(client, world, "s_east", b"gone")
        assert await stored.remove_expired(NOW + timedelta(days=6)) == 0
        assert await stored.remove_expired(NOW + timedelta(days=8)) == 1
        assert await stored._store().get(UUID(file_id)) is None
        await stored._store().put(UUID(file_id), b"of a transaction that was taken back")
        assert await stored.remove_expired(datetime.now(UTC) + timedelta(days=7)) == 0
        assert await stored._store().get(UUID(file_id)) is not None
        await stored.remove_expired(datetime.now(UTC) + timedelta(days=9))
        assert await stored._store().get(UUID(file_id)) is None
        body = {"client_id": str(uuid4()), "kind": "people", "file_id": file_id, "mode": "check"}
        answer = await client.post("/imports", json=body, headers=world.headers("s_east"))
        assert answer.json()["code"] == "files.not_found"

    @refused(problems.FileTooLarge, files.send_file)
    async def test_too_large(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        query = {"client_id": str(uuid4())}
        return await client.post(
            "/files", params=query, content=b"x" * 20_000_001, headers=world.headers("s_east") | called()
        )

    @refused(problems.FileEmpty, files.send_file)
    async def test_empty(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        query = {"client_id": str(uuid4())}
        return await client.post("/files", params=query, content=b"", headers=world.headers("s_east") | called())

    @refused(problems.ClientIdReused, files.send_file)
    async def test_the_same_id_for_another_file(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        query = {"client_id": await send(client, world, "s_east", b"one")}
        return await client.post("/files", params=query, content=b"another", headers=world.headers("s_east") | called())

    @pytest.fixture
    def storage_away(self, app: Any) -> Iterator[Callable[[], None]]:
        """Turn to a storage at which nobody answers; the real one is back afterwards."""
        nowhere = "s3://nowhere/x?endpoint=http://127.0.0.1:9&region=x&aws_access_key_id=x&aws_secret_access_key=x"
        yield lambda: stored.configure(f"{nowhere}&allow_http=true")
        stored.configure(app.ctx.settings.storage_url)

    @refused(problems.StorageAway, files.send_file)
    async def test_with_the_storage_away(
        self, client: httpx.AsyncClient, world: World, storage_away: Callable[[], None]
    ) -> httpx.Response:
        storage_away()
        query = {"client_id": str(uuid4())}
        return await client.post("/files", params=query, content=b"one", headers=world.headers("s_east") | called())

    @refused(problems.StorageAway, runs.download)
    async def test_fetching_with_the_storage_away(
        self, client: httpx.AsyncClient, world: World, storage_away: Callable[[], None]
    ) -> httpx.Response:
        run = await done(client, world, "s_east", "/exports", {"list": "households"})
        storage_away()
        return await client.get(f"/runs/{run['id']}/file", headers=world.headers("s_east"))


class TestRuns:
    async def waiting(self, client: httpx.AsyncClient, world: World, by: str = "s_east") -> str:
        body = {"client_id": str(uuid4()), "list": "households", "query": {}}
        assert (await client.post("/exports", json=body, headers=world.headers(by))).status_code == 201
        return str(body["client_id"])

    async def test_a_run_and_its_job_are_one(self, client: httpx.AsyncClient, world: World) -> None:
        run = await self.waiting(client, world)
        jobs = await database.fetch(
            "SELECT task_name, queue_name FROM jobs.procrastinate_jobs WHERE args ->> 'run_id' = $1", run
        )
        assert [tuple(job.values()) for job in jobs] == [("run", "runs")]

    async def test_stopped_before_it_began_it_never_begins(self, client: httpx.AsyncClient, world: World) -> None:
        run = await self.waiting(client, world)
        answer = await client.post(f"/runs/{run}/stop", headers=world.headers("s_east"))
        assert (answer.status_code, answer.json()["state"]) == (200, "stopped")
        await running.perform(UUID(run), WORKS, NOW)
        assert (await client.get(f"/runs/{run}", headers=world.headers("s_east"))).json()["state"] == "stopped"

    async def test_one_that_a_dead_worker_left_is_done_by_the_next(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        run = await self.waiting(client, world)
        await rows.start(UUID(run))  # and there the worker died
        await database.execute(
            "SET LOCAL search_path TO jobs, public; DELETE FROM procrastinate_jobs; SET LOCAL search_path TO DEFAULT"
        )
        assert await running.revive() == 1
        await running.perform(UUID(run), WORKS, NOW)
        assert (await client.get(f"/runs/{run}", headers=world.headers("s_east"))).json()["state"] == "done"

    async def test_past_its_deadline_it_says_so_itself(self, client: httpx.AsyncClient, world: World) -> None:
        run = await self.waiting(client, world)
        await database.execute("UPDATE run SET deadline_at = now() - interval '2 minutes' WHERE id = $1", UUID(run))
        assert await running.fail_overdue() == 1
        found = (await client.get(f"/runs/{run}", headers=world.headers("s_east"))).json()
        assert (found["state"], found["problem"]) == ("failed", "runs.late") and found["sentence"]

    async def test_whoever_lost_the_role_gets_nothing_more(self, client: httpx.AsyncClient, world: World) -> None:
        run = await self.waiting(client, world)
        await database.execute(
            "UPDATE role_grant SET valid_to = $2 WHERE account_id = $1", world.accounts["s_east"], TODAY
        )
        await running.perform(UUID(run), WORKS, NOW)
        found = await database.fetch_row("SELECT state, problem, counts FROM run WHERE id = $1", UUID(run))
        assert found is not None and (found["state"] == "failed" or found["counts"] == '{"rows": 0}')

    async def test_what_goes_wrong_inside_leaves_nothing_behind(self, client: httpx.AsyncClient, world: World) -> None:
        async def breaks(*_: Any) -> Any:
            await database.execute("UPDATE household SET group_name = 'half done'")
            raise RuntimeError

        run = await self.waiting(client, world)
        await running.perform(UUID(run), {"export": breaks}, NOW)
        found = (await client.get(f"/runs/{run}", headers=world.headers("s_east"))).json()
        assert (found["state"], found["problem"]) == ("failed", "server.error")
        assert await database.fetch_value("SELECT count(*) FROM household WHERE group_name = 'half done'") == 0

    async def test_a_list_of_ones_own_newest_first(self, client: httpx.AsyncClient, world: World) -> None:
        mine = [await self.waiting(client, world) for _ in range(2)]
        await self.waiting(client, world, "office")
        answer = await client.get("/runs", headers=world.headers("s_east"))
        assert {row["id"] for row in answer.json()["items"]} == set(mine)
        for work, found in (("export", 2), ("import", 0)):
            answer = await client.get("/runs", params={"work": work}, headers=world.headers("s_east"))
            assert len(answer.json()["items"]) == found

    async def test_a_run_names_its_file(self, client: httpx.AsyncClient, world: World) -> None:
        assert (await done(client, world, "s_east", "/exports", {"list": "people"}))[
            "file_name"
        ] == f"党员和网格员 {TODAY}.xlsx"

    @refused(problems.RunOver, runs.stop)
    async def test_stopping_one_that_is_over(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        run = await done(client, world, "s_east", "/exports", {"list": "households"})
        return await client.post(f"/runs/{run['id']}/stop", headers=world.headers("s_east"))

    @refused(problems.RunNotFound, runs.get_run)
    async def test_somebody_elses(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.get(f"/runs/{await self.waiting(client, world)}", headers=world.headers("s_west"))

    @refused(problems.RunNotFound, runs.stop)
    async def test_stopping_somebody_elses(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.post(f"/runs/{await self.waiting(client, world)}/stop", headers=world.headers("s_west"))

    @refused(problems.RunNotFound, runs.download)
    async def test_somebody_elses_file(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        run = await done(client, world, "s_east", "/exports", {"list": "households"})
        return await client.get(f"/runs/{run['id']}/file", headers=world.headers("s_west"))

    @refused(problems.ResultMissing, runs.download)
    async def test_before_there_is_one(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.get(f"/runs/{await self.waiting(client, world)}/file", headers=world.headers("s_east"))

    @refused(problems.RunNotFound, imports.list_faults)
    async def test_faults_of_an_export(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        return await client.get(f"/imports/{await self.waiting(client, world)}", headers=world.headers("s_east"))

    @refused(problems.FileNotFound, imports.ask)
    async def test_importing_somebody_elses_file(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        file_id = await send(client, world, "s_east", b"mine")
        body = {"client_id": str(uuid4()), "kind": "people", "file_id": file_id, "mode": "check"}
        return await client.post("/imports", json=body, headers=world.headers("s_west"))

    @refused(problems.ClientIdReused, imports.ask)
    async def test_the_same_id_for_another_import(self, client: httpx.AsyncClient, world: World) -> httpx.Response:
        found = await bring_in(
            client, world, "s_east", "people", workbook(("支部", "姓名"), ("east 支部", "陈人名一")), "check"
        )
        run = found["run"]
        body = {"client_id": run["id"], "kind": "households", "file_id": run["file_id"], "mode": "check"}
        return await client.post("/imports", json=body, headers=world.headers("s_east"))

    async def test_templates_are_read_back_as_they_are(self, client: httpx.AsyncClient, world: World) -> None:
        for kind in ("places", "people", "accounts", "households", "homes", "links", "residences", "tags"):
            answer = await client.get("/imports/template", params={"kind": kind}, headers=world.headers("office"))
            assert answer.status_code == 200 and answer.content[:2] == b"PK", kind

    async def test_kinds_that_a_role_may_not_bring_in(self, client: httpx.AsyncClient, world: World) -> None:
        file_id = await send(client, world, "s_east", b"mine")
        body = {"client_id": str(uuid4()), "kind": "places", "file_id": file_id, "mode": "check"}
        answer = await client.post("/imports", json=body, headers=world.headers("s_east"))
        assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")


@pytest.mark.parametrize("module", [exports, files, imports, papers, runs])
def test_every_problem_has_a_test(module: Any) -> None:
    assert without_a_test(module) == []
