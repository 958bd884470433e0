"""GET /metrics: who may read it, and that every gauge says what the database says."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.settings import AppEnv, Settings, SettingsError
from handlers import metrics
from models import database
from models.coverage import keeping
from tests.models.facts import Facts
from tests.world import NOW, of, settings_for

TOKEN = "a-token-that-nobody-guesses"
ADDRESS = "http://test/metrics"


async def gauges(client: httpx.AsyncClient) -> dict[str, float]:
    answer = await client.get(ADDRESS)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    assert [sample.labels for sample in samples if sample.labels] == []  # nobody and no place is told apart
    return {sample.name: sample.value for sample in samples}


class TestGauges:
    async def test_marks_that_wait_and_the_age_of_the_oldest(self, client: httpx.AsyncClient) -> None:
        found = await gauges(client)
        assert (found["lianhu_coverage_marks_waiting"], found["lianhu_coverage_oldest_mark_seconds"]) == (0, 0)
        facts = Facts(database)
        await facts.visit(of("person", "m1"), of("household", "h1"), NOW.date())
        await database.execute("UPDATE coverage_dirty SET marked_at = now() - interval '90 seconds'")
        await facts.visit(of("person", "m1"), of("household", "h2"), NOW.date())
        found = await gauges(client)
        assert (found["lianhu_coverage_marks_waiting"], found["lianhu_coverage_oldest_mark_seconds"]) == (2, 90)
        await keeping.fold(10)
        assert (await gauges(client))["lianhu_coverage_marks_waiting"] == 0

    async def test_the_last_check_and_nothing_before_the_first(self, client: httpx.AsyncClient) -> None:
        assert [name for name in await gauges(client) if "check" in name] == []
        await database.execute("UPDATE coverage_state SET checked_at = now() - interval '26 hours', differences = 3")
        found = await gauges(client)
        assert found["lianhu_coverage_check_differences"] == 3
        assert found["lianhu_coverage_check_age_seconds"] == 26 * 3600

    async def test_the_audit_without_a_seal_and_periods_to_count_anew(self, client: httpx.AsyncClient) -> None:
        before = await gauges(client)
        await database.execute(
            "INSERT INTO audit_entry (action, changed, at) VALUES ('visit.record', '{}', now() - interval '400 seconds')"
        )
        await database.execute("UPDATE period SET definition_version = 1 WHERE id = 202610")
        found = await gauges(client)
        assert found["lianhu_audit_unsealed"] == before["lianhu_audit_unsealed"] + 1
        assert found["lianhu_audit_oldest_unsealed_seconds"] == 400
        assert found["lianhu_coverage_stale_periods"] == before["lianhu_coverage_stale_periods"] + 1

    async def test_the_process_is_measured_too(self, client: httpx.AsyncClient) -> None:
        assert (await gauges(client))["process_resident_memory_bytes"] > 1e6

    async def test_nothing_of_a_person_or_place(self, client: httpx.AsyncClient) -> None:
        text = (await client.get(ADDRESS)).text
        assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|[一-鿿]|\d{11}", re.sub(r" [\d.e+]+$", "", text, flags=re.M)) is None


class TestWhoMay:
    @pytest.fixture
    def settings(self, app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        def change(**values: object) -> None:
            monkeypatch.setattr(app.ctx, "settings", dataclasses.replace(app.ctx.settings, **values))

        return change

    @pytest.mark.parametrize("env", [AppEnv.PRODUCTION, AppEnv.DEVELOPMENT])
    @pytest.mark.parametrize(
        ("header", "status"),
        [
            (None, 404), ("", 404), (TOKEN, 404), (f"Bearer {TOKEN}", 200), (f"Bearer {TOKEN}x", 404), ("Bearer ", 404),
            (f"bearer {TOKEN[:-1]}", 404), (f"Basic {TOKEN}", 404), ("Bearer é", 404),
        ],
    )  # fmt: skip
    async def test_with_a_token_only_who_shows_it(
        self, client: httpx.AsyncClient, settings: Any, env: AppEnv, header: str | None, status: int
    ) -> None:
        settings(env=env, metrics_token=TOKEN)
        answer = await client.get(ADDRESS, headers=[] if header is None else [(b"Authorization", header.encode())])
        assert answer.status_code == status
        if status == 404:
            assert answer.json()["code"] == "request.not_found"  # as if it were not there

    async def test_without_a_token_production_is_closed(self, client: httpx.AsyncClient, settings: Any) -> None:
        settings(env=AppEnv.PRODUCTION, metrics_token="")
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}):
            assert (await client.get(ADDRESS, headers=headers)).status_code == 404

    def test_bytes_that_are_no_text_are_no_token(self) -> None:
        """As a real connection hands them on; comparing them must not fail."""
        settings = settings_for("postgresql://x", METRICS_TOKEN=TOKEN)
        app = SimpleNamespace(ctx=SimpleNamespace(settings=settings))
        request: Any = SimpleNamespace(
            app=app, headers={"authorization": b"Bearer \xff".decode(errors="surrogateescape")}
        )
        assert metrics._may(request) is False

    def test_a_token_is_long_enough_and_not_shown(self) -> None:
        assert TOKEN not in repr(settings_for("postgresql://x", METRICS_TOKEN=TOKEN))
        for short in ("short", "with a space in the middle of it", "x" * 30 + "é"):
            with pytest.raises(SettingsError, match="METRICS_TOKEN"):
                settings_for("postgresql://x", METRICS_TOKEN=short)


async def test_while_the_database_is_away_it_says_so(
    client: httpx.AsyncClient, db: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(catalogue: int) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(keeping, "gauges", away)
    assert (await client.get(ADDRESS)).status_code == 503
