"""Keeping periods, freezing them, and the nightly check: what the calendar brings, done once and in any order of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from backend.rules.definitions import CATALOGUE, Part
from backend.rules.periods import Kind, Period
from backend.services import audit
from backend.services.coverage import keeping
from backend.settings import CHINA
from models import checks, database
from models.coverage import keeping as rows
from tests.models.facts import Facts
from tests.worker.operating import count
from tests.world import NOW, of

TODAY = NOW.date()
OCTOBER, NOVEMBER, DECEMBER = (Period(date(2026, month, 1), Kind.MONTH) for month in (10, 11, 12))
LAST_QUARTER, YEAR = (Period.containing(TODAY, kind) for kind in (Kind.QUARTER, Kind.YEAR))
MONTH_PARTS = {(OCTOBER, part) for part in (Part.STOCK, Part.CONTACT)}


@pytest.fixture
async def kept(here: str) -> str:
    """All periods of the year so far, counted under the present definitions."""
    await keeping.keep_periods(TODAY)
    return here


class TestKeepPeriods:
    async def test_all_of_the_year_so_far_is_counted_once_the_latest_first(self, here: str) -> None:
        done = await keeping.keep_periods(date(2026, 11, 24))
        assert len(done) == 9 + 4 + 1  # October and November are those of the world
        assert [period.until for period in done] == sorted((period.until for period in done), reverse=True)
        assert await keeping.keep_periods(date(2026, 11, 24)) == []
        assert await keeping.check() == []
        assert await count("household_period", "period_id = 2026") == 9

    async def test_the_next_month_comes_on_the_25th(self, kept: str) -> None:
        assert await keeping.keep_periods(date(2026, 11, 24)) == []
        assert await keeping.keep_periods(date(2026, 11, 25)) == [DECEMBER]
        assert await count("household_period", "period_id = 202612") == 9

    async def test_asleep_over_new_year_nothing_is_left_out(self, kept: str) -> None:
        done = await keeping.keep_periods(date(2027, 5, 3))
        assert {str(period) for period in done} == {
            "2026-12", "2027-01", "2027-02", "2027-03", "2027-04", "2027-05", "2027Q1", "2027Q2", "2027",
        }  # fmt: skip

    async def test_what_follows_older_definitions_is_counted_anew_the_latest_first(self, kept: str) -> None:
        await database.execute("UPDATE period SET definition_version = 1 WHERE id IN (202610, 202602, 20264, 202611)")
        await database.execute("UPDATE household_period SET contacted = 1 WHERE period_id IN (202610, 202602)")
        assert [str(one) for one in await keeping.keep_periods(TODAY)] == ["2026Q4", "2026-11", "2026-10", "2026-02"]
        assert set((await rows.kept_periods()).values()) == {CATALOGUE}
        assert await keeping.check() == []

    async def test_several_workers_at_once_count_each_period_once(self, here: str) -> None:
        done = await asyncio.gather(*(keeping.keep_periods(date(2027, 1, 2)) for _ in range(3)))
        together = [period for periods in done for period in periods]
        assert len(together) == len(set(together)) == 2 + 1 + 1  # December, January, and the new year's
        assert await keeping.check() == []

    async def test_stopped_it_goes_on_with_the_rest(self, here: str) -> None:
        seen = list[str]()

        def stop_in_the_third(name: str, done: int, total: int) -> None:
            seen.append(name)
            if len(seen) == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await keeping.keep_periods(TODAY, stop_in_the_third)
        rest = await keeping.keep_periods(TODAY)
        assert not set(seen[:2]) & set(map(str, rest))
        assert len(rest) == 14 - 2

    async def test_facts_that_come_meanwhile_are_in_the_new_month(self, kept: str) -> None:
        """A fact that is not yet committed while the month is made arrives with its mark."""
        other = await asyncpg.connect(**database.credentials(kept))
        transaction = other.transaction()
        await transaction.start()
        await Facts(other).visit(of("person", "m1"), of("household", "h1"), date(2026, 12, 3))
        assert await keeping.keep_periods(date(2026, 11, 25)) == [DECEMBER]
        await transaction.commit()
        await other.close()
        assert await keeping.check([DECEMBER]) == []
        assert await count("household_period", "period_id = 202612 AND contacted = 1") == 1


async def frozen_rows() -> dict[str, list[Any]]:
    """All that is frozen, to the last column."""
    return {
        table: [tuple(row.values()) for row in await database.fetch(f"SELECT * FROM {table} t ORDER BY t::text")]
        for table in ("frozen_part", "household_frozen", "obligation_frozen", "coverage_frozen")
    }


class TestFreeze:
    @pytest.mark.parametrize(
        ("day", "frozen"),
        [
            (date(2026, 11, 7), set()),
            (date(2026, 11, 8), MONTH_PARTS),
            (date(2026, 11, 14), MONTH_PARTS),
            (date(2026, 11, 15), MONTH_PARTS | {(OCTOBER, Part.ON_TIME)}),
        ],
    )
    async def test_each_part_on_its_day(self, kept: str, day: date, frozen: set[tuple[Period, Part]]) -> None:
        done = set(await keeping.freeze_due(day))
        assert {one for one in done if one[0].start >= OCTOBER.start and one[0].kind is Kind.MONTH} == frozen
        assert (NOVEMBER, Part.STOCK) not in done
        assert {part for period, part in done if str(period) == "2026-09"} == set(Part)
        assert await count("audit_entry", "action = 'coverage.freeze'") == len(done)

    async def test_quarter_and_year_freeze_their_own_sets(self, kept: str) -> None:
        before = set(await keeping.freeze_due(date(2027, 1, 7)))
        assert not {period for period, _ in before} & {LAST_QUARTER, YEAR}
        assert {part for period, part in before if str(period) == "2026Q3"} == {Part.CONTACT}
        assert set(await keeping.freeze_due(date(2027, 1, 8))) == {(LAST_QUARTER, Part.CONTACT), (YEAR, Part.CONTACT)}
        year = await database.fetch_row(
            "SELECT sum(households) AS households, sum(stock) AS stock, sum(due) AS due FROM coverage_frozen WHERE period_id = 2026"
        )
        assert year is not None and tuple(year.values()) == (8, 0, 0)  # what months add up to is not frozen twice

    async def test_again_and_by_several_workers_nothing_is_frozen_twice(self, kept: str) -> None:
        done = await asyncio.gather(*(keeping.freeze_due(TODAY) for _ in range(4)))
        together = [one for some in done for one in some]
        assert len(together) == len(set(together)) == 10 * 3 + 3
        assert await keeping.freeze_due(TODAY) == []
        assert await count("audit_entry", "action = 'coverage.freeze'") == await count("frozen_part") == 33
        assert await checks.all_findings() == []

    async def test_the_copy_holds_households_and_their_sums(self, kept: str) -> None:
        """September: nobody came since January, so all but the household that is away were due on the 28th."""
        await keeping.freeze_due(TODAY)
        for table in ("household_frozen", "coverage_frozen"):
            found = await database.fetch(
                f"""SELECT part, sum(households)::int, sum(covered)::int, sum(stock)::int, sum(stock_covered)::int, sum(due)::int
                    FROM {table} WHERE period_id = 202609 GROUP BY part ORDER BY part"""
            )
            assert [tuple(row.values()) for row in found] == [
                ("contact", 8, 6 * 30, 0, 0, 0), ("on_time", 0, 0, 0, 0, 7), ("stock", 0, 0, 8, 6, 0),
            ]  # fmt: skip

    @pytest.mark.parametrize("table", ["frozen_part", "household_frozen", "obligation_frozen", "coverage_frozen"])
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE {table} SET period_id = 202609 WHERE period_id = 202610",
            "UPDATE {table} SET part = part",
            "DELETE FROM {table} WHERE period_id = 202610",
            "DELETE FROM {table}",
            "TRUNCATE {table} CASCADE",
        ],
    )
    async def test_the_database_refuses_to_change_it(self, kept: str, table: str, statement: str) -> None:
        await keeping.freeze_due(TODAY)
        before = await frozen_rows()
        with pytest.raises(asyncpg.RestrictViolationError, match="never change"):
            await database.execute(statement.format(table=table))
        assert await frozen_rows() == before

    async def test_late_facts_change_the_open_rows_alone(self, kept: str) -> None:
        await keeping.freeze_due(TODAY)
        before = await frozen_rows()
        facts = Facts(database)
        await facts.visit(of("person", "m1"), of("household", "h2"), date(2026, 10, 20))
        await database.execute(
            "UPDATE assignment SET valid_to = '2026-10-11' WHERE household_id = $1 AND role = 'primary'",
            of("household", "h3"),
        )
        await facts.tier(of("household", "h1"), date(2026, 9, 1))
        await keeping.fold_all()
        assert await keeping.keep_periods(date(2026, 12, 20)) != []
        assert await keeping.recount(None) != []
        assert await frozen_rows() == before
        october = "period_id = 202610 AND household_id = $1 AND "
        assert await count("household_period", october + "visited = 1", of("household", "h2")) == 1
        assert await count("household_frozen", october + "visited = 1", of("household", "h2")) == 0
        assert await count("household_period", october + "covered = 10", of("household", "h3")) == 1
        assert await count("household_frozen", october + "covered = 31", of("household", "h3")) == 1
        assert await keeping.check() == []

    async def test_a_mark_that_waits_is_inside_the_copy(self, kept: str) -> None:
        """Also one whose folding would be the work of another worker at this very moment."""
        await Facts(database).visit(of("person", "m1"), of("household", "h2"), date(2026, 10, 20))
        await database.execute("SELECT coverage_freeze(202610, 'contact', $1)", CATALOGUE)
        frozen = "period_id = 202610 AND part = 'contact' AND visited = 1"
        assert await count("household_frozen", frozen) == await count("coverage_frozen", frozen) == 1
        assert await count("coverage_dirty") == 0

    async def test_a_freezing_that_fails_leaves_nothing(self, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async def fail(*_: object) -> None:
            raise OSError("gone")

        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(OSError, match="gone"):
            await keeping.freeze_due(TODAY)
        assert {table: len(rows) for table, rows in (await frozen_rows()).items()} == dict.fromkeys(
            await frozen_rows(), 0
        )

    async def test_what_differs_from_the_facts_is_not_frozen(self, kept: str) -> None:
        await database.execute(
            "UPDATE household_period SET contacted = 1 WHERE period_id = 202610 AND household_id = $1",
            of("household", "h1"),
        )
        with capture_logs() as logs:
            done = await keeping.freeze_due(TODAY)
        assert OCTOBER not in {period for period, _ in done}
        assert [(one["event"], one["log_level"], one["period"]) for one in logs] == [
            ("figures_differ", "error", "2026-10")
        ]
        await keeping.repair()
        assert {part for period, part in await keeping.freeze_due(TODAY) if period == OCTOBER} == set(Part)

    async def test_what_is_not_counted_under_the_present_definitions_is_not_frozen(self, kept: str) -> None:
        await database.execute("UPDATE period SET definition_version = 1 WHERE id = 202610")
        assert OCTOBER not in {period for period, _ in await keeping.freeze_due(TODAY)}


class TestCatchUp:
    async def test_it_does_all_that_the_day_brings_and_says_so_once(self, here: str) -> None:
        await database.execute(
            "UPDATE residence SET valid_to = '2026-10-20' WHERE household_id = $1", of("household", "h6")
        )
        await Facts(database).residence(of("household", "h6"), of("region", "e2"), date(2026, 10, 20))
        said = await keeping.catch_up(date(2026, 11, 8))
        assert said[0] == "1 must-visits raised for returns"
        assert "2026Q4 counted" in said and "2026-10 stock frozen" in said and "2026-10 on_time frozen" not in said
        assert await keeping.catch_up(date(2026, 11, 8)) == []
        assert await count("must_visit") == 1


AT = datetime(2026, 11, 16, 3, 5, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        pytest.param(None, AT, True, id="never"),
        pytest.param(datetime(2026, 11, 15, 3, 5, tzinfo=CHINA), AT, True, id="yesterday night"),
        pytest.param(datetime(2026, 11, 16, 2, 59, tzinfo=CHINA), AT, True, id="just before three"),
        pytest.param(datetime(2026, 11, 16, 3, 0, tzinfo=CHINA), AT, False, id="done tonight"),
        pytest.param(datetime(2026, 11, 15, 3, 5, tzinfo=CHINA), AT.replace(hour=2), False, id="not yet three"),
        pytest.param(datetime(2026, 11, 15, 2, 0, tzinfo=CHINA), AT.replace(hour=2), True, id="older than a day"),
        pytest.param(
            datetime(2026, 11, 16, 3, 0, tzinfo=CHINA), AT.replace(hour=23), False, id="at the end of the day"
        ),
        pytest.param(AT - timedelta(days=9), AT.replace(hour=14), True, id="the worker had been away"),
    ],
)
def test_the_check_is_due_once_a_day_at_three(last: datetime | None, now: datetime, due: bool) -> None:
    assert keeping.check_is_due(last, now) is due


async def spoil(period: int, household: str) -> None:
    await database.execute(
        "UPDATE household_period SET unreached = 1 WHERE period_id = $1 AND household_id = $2",
        period,
        of("household", household),
    )


class TestNightlyCheck:
    async def test_it_writes_down_what_it_found_and_raises_an_alarm(self, kept: str) -> None:
        with capture_logs() as logs:
            assert await keeping.check_nightly(AT) == []
        assert logs == []
        assert await count("coverage_state", "checked_at = $1 AND differences = 0", AT) == 1
        await spoil(202611, "h1")
        assert await keeping.check_nightly(AT + timedelta(hours=2)) is None
        with capture_logs() as logs:
            found = await keeping.check_nightly(AT + timedelta(days=1))
        assert found is not None and [one.what for one in found] == ["household", "sum"]
        assert logs == [{"event": "figures_differ", "log_level": "error", "period": "2026-11", "differences": 2}]
        assert await count("coverage_state", "checked_at > $1 AND differences = 2", AT) == 1

    async def test_it_looks_at_what_is_open_and_by_turns_at_what_is_frozen(
        self, kept: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await keeping.freeze_due(TODAY)
        looked = list[str]()

        async def compare(period: Period, progress: object = None) -> list[keeping.Difference]:
            looked.append(str(period))
            return []

        monkeypatch.setattr(keeping, "compare", compare)
        nights = []
        for night in range(13):
            looked.clear()
            await keeping.check_nightly(AT + timedelta(days=night))
            nights.append(set(looked))
        assert all(night >= {"2026-11", "2026Q4", "2026"} and len(night) == 4 for night in nights)
        assert len(set.union(*nights)) == 16

    async def test_what_is_still_to_be_counted_is_no_difference(self, kept: str) -> None:
        await spoil(202611, "h1")
        await database.execute("UPDATE period SET definition_version = 1 WHERE id = 202611")
        assert await keeping.check_nightly(AT) == []

    async def test_it_holds_nobody_up_and_what_is_written_meanwhile_is_no_difference(
        self, kept: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeping, "CHUNK", 2)
        asked, other = rows.differing_households, await asyncpg.connect(**database.credentials(kept))
        facts, free = Facts(other), list[bool]()

        async def with_a_writer(period: int, households: Sequence[UUID]) -> Any:
            free.append(await other.fetchval("SELECT pg_try_advisory_lock(7207)"))  # what a folder has to have
            await other.execute("SELECT pg_advisory_unlock(7207)")
            await facts.visit(of("person", "m4"), households[0], date(2026, 11, 3))
            return await asked(period, households)

        monkeypatch.setattr(rows, "differing_households", with_a_writer)
        await spoil(202611, "h1")
        found = await keeping.check([NOVEMBER])
        waiting = {row["household_id"] for row in await database.fetch("SELECT household_id FROM coverage_dirty")}
        await other.close()
        assert free == [True] * 5
        households = {one.of for one in found if one.what == "household"}
        assert households == {of("household", "h1")} - waiting
        await keeping.fold_all()
        monkeypatch.undo()
        assert {one.of for one in await keeping.check([NOVEMBER])} <= {of("household", "h1"), of("branch", "east")}
