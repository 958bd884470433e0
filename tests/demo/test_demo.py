"""The facts of the demo township: exact sizes, no contradiction, plausible work, exact figures."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests.demo.loaded import COUNTED_BESIDES, UNTIL, Demo

DATED = (
    "region", "branch", "responsibility", "membership", "exemption", "role_grant", "residence", "tier", "home",
    "assignment",
)  # fmt: skip


async def test_totals_are_exactly_as_sized(demo: Demo) -> None:
    on = "during @> '2026-11-15'::date"
    counts = {
        "villages": "SELECT count(*) FROM region WHERE level = 'village'",
        "grids": "SELECT count(*) FROM region WHERE level = 'grid'",
        "micro_grids": "SELECT count(*) FROM region WHERE level = 'micro_grid'",
        "households": "SELECT count(*) FROM household WHERE closed_on IS NULL",
        "branches": "SELECT count(*) FROM branch",
        "town_branches": "SELECT count(*) FROM branch b JOIN region r ON r.id = b.region_id WHERE r.level = 'township'",
        "members": f"SELECT count(*) FROM membership WHERE kind IN ('full', 'probationary') AND {on}",
        "probationary": f"SELECT count(*) FROM membership WHERE kind = 'probationary' AND {on}",
        "cadres": f"SELECT count(*) FROM membership WHERE kind = 'cadre' AND {on}",
        "areas": "SELECT count(DISTINCT person_id) FROM responsibility WHERE kind = 'cadre_area'",
        "party_households": f"SELECT count(DISTINCT household_id) FROM home WHERE {on}",
        "resident": f"SELECT count(*) FROM residence WHERE status = 'resident' AND {on}",
        "away": f"SELECT count(*) FROM residence WHERE status = 'away' AND {on}",
        "nominal": f"SELECT count(*) FROM residence WHERE status = 'nominal' AND {on}",
        "key": f"SELECT count(DISTINCT household_id) FROM tier WHERE {on}",
        "exempt": f"SELECT count(*) FROM exemption WHERE {on}",
        "tags": "SELECT count(*) FROM household_tag WHERE expires_on BETWEEN '2026-11-16' AND '2027-11-15'",
    }
    assert {name: await demo.value(sql) for name, sql in counts.items()} == {
        "villages": 61,
        "grids": 61,
        "micro_grids": 357,
        "households": 23_000,
        "branches": 118,
        "town_branches": 4,
        "members": 3_300,
        "probationary": 66,
        "cadres": 30,
        "areas": 30,
        "party_households": 2_760,
        "resident": 18_170,
        "away": 4_140,
        "nominal": 690,
        "key": 4_600,
        "exempt": 1_023,
        "tags": 805 + 138 + 1_380 + 1_610 + 575 + 920,
    }
    assert demo.summary.fresh


async def test_places_nest_and_each_micro_grid_has_one_branch(demo: Demo) -> None:
    rows = await demo.connection.fetch(
        "SELECT r.*, p.path AS above, p.code AS parent FROM region r LEFT JOIN region p ON p.id = r.parent_id"
    )
    lengths = {"county": 12, "township": 12, "village": 12, "grid": 14, "micro_grid": 17}
    for row in rows:
        assert row["path"] == [*(row["above"] or []), row["id"]]
        assert row["code"].startswith("999901")
        assert len(row["code"]) == lengths[row["level"]]
        assert row["level"] not in ("grid", "micro_grid") or row["code"].startswith(row["parent"])
    assert await demo.value(
        """SELECT bool_and(n = 1) FROM (SELECT count(p.id) AS n FROM region r LEFT JOIN responsibility p
           ON p.region_id = r.id AND p.kind = 'branch_micro_grid' WHERE r.level = 'micro_grid' GROUP BY r.id) x"""
    )
    sizes = await demo.connection.fetchrow(
        """SELECT min(n), sum(n) FROM (
             SELECT count(*) AS n FROM region WHERE level = 'micro_grid' GROUP BY path[3]) x"""
    )
    assert sizes[0] >= 2
    assert sizes[1] == 357


async def test_dated_rows_do_not_overlap_and_residence_has_no_hole(demo: Demo) -> None:
    alone = {
        "residence": "household_id",
        "home": "person_id",
        "membership": "person_id",
        "assignment": "household_id, CASE role WHEN 'primary' THEN '' ELSE id::text END",
    }
    for table, whose in alone.items():
        overlaps = await demo.value(
            f"""SELECT count(*) FROM (SELECT valid_from, lag(coalesce(valid_to, 'infinity')) OVER (
                  PARTITION BY {whose} ORDER BY valid_from, valid_to) AS before FROM {table} WHERE NOT isempty(during)) x
                WHERE before > valid_from"""
        )
        assert overlaps == 0, table
    assert await demo.value(
        """SELECT bool_and(days = datemultirange(daterange(h.opened_on, NULL))) FROM household h JOIN (
             SELECT household_id, range_agg(during) AS days FROM residence GROUP BY 1) r ON r.household_id = h.id"""
    )
    for table in DATED:
        assert await demo.value(f"SELECT count(*) FROM {table} WHERE valid_to > $1", UNTIL) == 0, table
        assert await demo.value(f"SELECT max(valid_from) < $1 FROM {table}", UNTIL), table
    assert await demo.value(
        """SELECT bool_and(before <= valid_from) FROM (
             SELECT valid_from, lag(valid_from) OVER (ORDER BY seq) AS before FROM assignment) x"""
    )


async def test_every_due_household_is_linked_or_an_honest_gap(demo: Demo) -> None:
    due, linked = await demo.connection.fetchrow(
        """SELECT sum(households)::int, sum(covered)::int FROM coverage_on($1,
             (SELECT array_agg(id) FROM region WHERE level = 'micro_grid'))""",
        UNTIL,
    )
    assert (
        await demo.value("SELECT count(*) FROM assignment WHERE role = 'primary' AND during @> $1::date", UNTIL)
        == linked
    )
    assert 0.02 <= (due - linked) / due <= 0.03
    worst = await demo.value(
        """SELECT sum(n) FROM (SELECT households - covered AS n FROM coverage_on($1, (SELECT array_agg(id) FROM region
             WHERE level = 'micro_grid')) ORDER BY 1 DESC LIMIT 10) x""",
        UNTIL,
    )
    assert worst > (due - linked) * 0.4  # clustered: ten of 357 micro-grids hold nearly half
    loads = await demo.connection.fetch(
        "SELECT count(*) AS n FROM assignment WHERE role = 'primary' AND during @> $1::date GROUP BY person_id", UNTIL
    )
    assert 2_240 <= len(loads) <= 2_260
    assert all(1 <= row["n"] <= 20 for row in loads)
    assert sum(5 <= row["n"] <= 15 for row in loads) > 0.98 * len(loads)


async def test_links_respect_homes_exemptions_and_service(demo: Demo) -> None:
    at_home = "FROM assignment a JOIN home o USING (household_id, person_id) WHERE o.during && a.during"
    assert await demo.value(f"SELECT count(*) {at_home}") == 0
    exempt = "FROM assignment a JOIN exemption e ON e.person_id = a.person_id AND e.during && a.during"
    assert await demo.value(f"SELECT count(*) {exempt}") == 0
    assert await demo.value(
        """SELECT bool_and(EXISTS (SELECT FROM membership m WHERE m.person_id = a.person_id AND m.during @> a.during))
           FROM assignment a"""
    )
    changed = await demo.value(
        "SELECT count(*) FROM assignment WHERE role = 'primary' AND valid_to >= $1::date - 365", UNTIL
    )
    assert 0.05 <= changed / 20_000 <= 0.07
    assert await demo.value("SELECT bool_and(num_nulls(valid_to, end_reason, ended_at) IN (0, 3)) FROM assignment")
    same_day = await demo.value(
        """SELECT count(*) FROM assignment a JOIN assignment b ON b.household_id = a.household_id
           AND b.valid_from = a.valid_to AND b.role = 'primary' AND b.person_id <> a.person_id WHERE a.role = 'primary'"""
    )
    assert same_day > 0.7 * changed


async def test_no_visit_outside_duty(demo: Demo) -> None:
    outside = await demo.value(
        """SELECT count(*) FROM visit v WHERE NOT EXISTS (
             SELECT FROM membership m WHERE m.person_id = v.visitor_id AND m.during @> v.occurred_on AND (
               EXISTS (SELECT FROM assignment a WHERE a.household_id = v.household_id AND a.person_id = v.visitor_id
                       AND a.during @> v.occurred_on)
               OR EXISTS (SELECT FROM residence r JOIN responsibility p ON p.region_id = r.micro_grid_id
                          WHERE p.kind = 'branch_micro_grid' AND p.branch_id = m.branch_id
                            AND r.household_id = v.household_id AND r.during @> v.occurred_on)))"""
    )
    assert outside == 0
    assert (
        await demo.value(
            """SELECT count(*) FROM visit v, unnest(v.visitor_id || v.companion_ids) who
           JOIN home o ON o.person_id = who WHERE o.household_id = v.household_id AND o.during @> v.occurred_on"""
        )
        == 0
    )
    # A companion is of the same branch (docs/rules.md V6), and whoever enters has an account.
    assert (
        await demo.value(
            """SELECT count(*) FROM visit v, unnest(companion_ids) who, membership m, membership n
           WHERE m.person_id = v.visitor_id AND n.person_id = who AND m.branch_id <> n.branch_id"""
        )
        == 0
    )
    assert (
        await demo.value("SELECT count(*) FROM visit v LEFT JOIN account a ON a.id = v.entered_by WHERE a.id IS NULL")
        == 0
    )


async def test_visits_keep_the_rules_of_dates(demo: Demo) -> None:
    wrong = await demo.value(
        """SELECT count(*) FROM visit v JOIN household h ON h.id = v.household_id, LATERAL (
             SELECT (noted_at AT TIME ZONE 'Asia/Shanghai')::date AS noted) x
           WHERE occurred_on < opened_on OR noted < occurred_on OR noted_at > v.recorded_at
              OR v.recorded_at >= $1::timestamp AT TIME ZONE 'Asia/Shanghai' OR voided_at < v.recorded_at
              OR (noted - occurred_on > 7 AND backfill_reason IS NULL)""",
        datetime(2026, 11, 15),
    )
    assert wrong == 0
    assert await demo.value("SELECT min(occurred_on) = '2025-08-01' AND max(occurred_on) = '2026-11-14' FROM visit")
    too_early = "SELECT count(*) FROM visit v JOIN account a ON a.id = v.entered_by WHERE v.noted_at < a.created_at"
    assert await demo.value(too_early) == 0


async def test_visits_look_like_a_year_of_work(demo: Demo) -> None:
    row = await demo.connection.fetchrow(
        """SELECT count(*) AS n, avg((outcome = 'not_home')::int) AS not_home, avg((outcome = 'declined')::int) AS declined,
             avg(needs_follow_up::int) AS follow_up, avg((note_sealed IS NOT NULL)::int) AS notes,
             avg(((recorded_at AT TIME ZONE 'Asia/Shanghai')::date > occurred_on)::int) AS late,
             avg((a.person_id IS DISTINCT FROM v.visitor_id)::int) AS proxy, count(voided_at) AS voided
           FROM visit v JOIN account a ON a.id = v.entered_by WHERE v.occurred_on >= '2025-11-01'"""
    )
    assert 105_000 <= row["n"] <= 115_000
    shares = {"not_home": 0.07, "declined": 0.006, "follow_up": 0.05, "notes": 0.05, "late": 0.12, "proxy": 0.15}
    for name, share in shares.items():
        assert float(row[name]) == pytest.approx(share, rel=0.25), name
    assert row["voided"] > 50
    busy = await demo.value(
        "SELECT avg((extract(day FROM occurred_on) BETWEEN 10 AND 12)::int) FROM visit WHERE date_trunc('month', occurred_on) = '2026-10-01'"
    )
    assert float(busy) == pytest.approx(0.25, abs=0.03)
    crowded = "SELECT max(n) FROM (SELECT count(*) AS n FROM visit WHERE mode = 'in_person' GROUP BY visitor_id, occurred_on) x"
    assert await demo.value(crowded) <= 12


async def test_visits_follow_the_seasons(demo: Demo) -> None:
    months = await demo.connection.fetch(
        """SELECT extract(month FROM occurred_on)::int AS month, count(*) AS n FROM visit
           WHERE occurred_on >= '2025-11-01' AND occurred_on < '2026-11-01' GROUP BY 1"""
    )
    average = sum(row["n"] for row in months) / 12
    done = {row["month"]: row["n"] / average for row in months}
    assert len(done) == 12
    assert min(done[1], done[2]) > 1.35
    assert max(done, key=lambda month: done[month]) in (1, 2)
    assert max(done[8], done[9], done[10]) < 0.85


async def test_those_away_come_home_at_the_spring_festival(demo: Demo) -> None:
    """17 February 2026: most are at home then, have left again by the end of March, and are met at the door."""
    shares = {
        day: await demo.value(
            """SELECT avg((EXISTS (SELECT FROM residence h WHERE h.household_id = r.household_id AND h.status = 'resident'
                 AND h.during @> $1::text::date))::int)::float
               FROM residence r WHERE r.status = 'away' AND r.during @> '2026-11-14'::date""",
            day,
        )
        for day in ("2026-01-15", "2026-02-17", "2026-03-25", "2026-06-05")
    }
    assert shares["2026-02-17"] == pytest.approx(0.6, abs=0.06)
    assert max(shares["2026-01-15"], shares["2026-03-25"]) < 0.08
    assert 0.05 < shares["2026-06-05"] < 0.16
    length = """SELECT avg(valid_to - valid_from)::float FROM residence
                WHERE status = 'resident' AND valid_from BETWEEN '2026-02-01' AND '2026-02-20' AND valid_to IS NOT NULL"""
    assert await demo.value(length) == pytest.approx(20, abs=2)
    at_the_door = """SELECT avg((v.mode = 'in_person')::int)::float FROM visit v JOIN residence r USING (household_id)
                     WHERE r.during @> v.occurred_on AND r.status = $1 AND v.contact"""
    assert await demo.value(at_the_door, "away") < 0.1 < 0.85 < await demo.value(at_the_door, "resident")


MET = """m.withdrawn_at IS NULL AND EXISTS (SELECT FROM visit v WHERE v.household_id = m.household_id AND v.contact
         AND v.mode = 'in_person' AND v.occurred_on BETWEEN m.since AND m.due_on)"""
DECLINED = """EXISTS (SELECT FROM visit v WHERE v.household_id = m.household_id AND v.outcome = 'declined'
              AND v.occurred_on BETWEEN m.since AND m.due_on)"""


async def test_must_visits_of_every_kind_are_mostly_met_in_time(demo: Demo) -> None:
    kinds = await demo.connection.fetch(
        f"""SELECT kind, count(*) AS n, avg(({MET})::int) FILTER (WHERE due_on < $1) AS met, min(due_on - since) AS least,
              max(due_on - since) AS most, array_agg(DISTINCT source) AS sources FROM must_visit m GROUP BY kind""",
        UNTIL,
    )
    days = {"illness": 3, "funeral": 3, "hardship": 3, "help_request": 3, "disaster": 1, "return": 30}
    assert {row["kind"]: row["least"] for row in kinds} == {row["kind"]: row["most"] for row in kinds} == days
    assert 9_000 <= sum(row["n"] for row in kinds) <= 11_000
    for row in kinds:
        assert row["n"] > 400, row["kind"]
        assert 0.85 < row["met"] < 0.97, row["kind"]
        assert row["sources"] == (["event"] if row["kind"] == "return" else ["member", "staff"])
    assert await demo.value("SELECT count(*) FROM must_visit WHERE withdrawn_at IS NOT NULL") > 50
    assert await demo.value(f"SELECT count(*) FROM must_visit m WHERE {DECLINED} AND NOT ({MET})") > 30
    assert await demo.value(f"SELECT count(*) FROM must_visit m WHERE due_on >= $1 AND NOT ({MET})", UNTIL) > 10


async def test_must_visits_are_of_the_past_and_of_households_that_are_asked_for(demo: Demo) -> None:
    wrong = await demo.value(
        """SELECT count(*) FROM must_visit m LEFT JOIN account a ON a.id = m.raised_by, LATERAL (
             SELECT (recorded_at AT TIME ZONE 'Asia/Shanghai')::date AS known) x
           WHERE known < since OR greatest(recorded_at, withdrawn_at) >= $1::timestamp AT TIME ZONE 'Asia/Shanghai'
              OR withdrawn_at < recorded_at OR num_nulls(withdrawn_at, withdrawn_by, withdraw_reason) NOT IN (0, 3)
              OR (raised_by IS NULL) <> (source = 'event') OR a.created_at > m.recorded_at
              OR NOT EXISTS (SELECT FROM residence r WHERE r.household_id = m.household_id AND r.status = 'resident'
                             AND r.during @> m.since)
              OR (source = 'member' AND NOT EXISTS (SELECT FROM assignment l WHERE l.household_id = m.household_id
                                                    AND l.person_id = a.person_id AND l.during @> m.since))""",
        datetime(2026, 11, 15),
    )
    assert wrong == 0
    returns = await demo.value(
        """SELECT count(*) FROM must_visit m WHERE kind = 'return' AND NOT EXISTS (
             SELECT FROM residence before JOIN residence home USING (household_id) WHERE household_id = m.household_id
             AND before.status = 'away' AND before.valid_to = m.since AND home.valid_from = m.since
             AND home.during @> m.since + 14)"""
    )
    assert returns == 0


async def test_thirteen_months_their_quarters_and_years_are_kept_and_nothing_waits(demo: Demo) -> None:
    """The load counts the last two months; the others say that they are not counted yet."""
    periods = {row["id"]: row["span"] for row in await demo.connection.fetch("SELECT id, span FROM period")}
    months = [*range(202511, 202513), *range(202601, 202612)]
    assert set(periods) == {*months, 20261, 20262, 20263, 20264, 2026}
    assert (periods[20262].lower, periods[20262].upper) == (date(2026, 4, 1), date(2026, 7, 1))
    assert (periods[2026].lower, periods[2026].upper) == (date(2026, 1, 1), date(2027, 1, 1))
    assert await demo.value("SELECT count(*) FROM coverage_dirty") == 0
    counted = await demo.value("SELECT array_agg(id ORDER BY id) FROM period WHERE definition_version > 0")
    assert counted == sorted([202610, 202611, *COUNTED_BESIDES])
    assert counted == await demo.value("SELECT array_agg(DISTINCT period_id) FROM coverage_sum WHERE households > 0")
    assert await demo.value("SELECT sum(party) > 1500 FROM coverage_sum WHERE period_id = 202611")


@pytest.mark.parametrize("period", [202602, 202611, 20263])
async def test_figures_are_exact(demo: Demo, period: int) -> None:
    assert await demo.connection.fetch("SELECT * FROM coverage_check($1) LIMIT 5", period) == []


async def test_coverage_is_plausible_and_differs_by_village(demo: Demo) -> None:
    rows = await demo.connection.fetch(
        """SELECT sum(households) AS due, sum(contacted) AS contacted, sum(resident) AS resident, sum(visited) AS visited
           FROM coverage_sum c JOIN region r ON r.id = c.micro_grid_id WHERE c.period_id = 20263 GROUP BY r.path[3]"""
    )
    assert 0.65 <= sum(row["contacted"] for row in rows) / sum(row["due"] for row in rows) <= 0.75
    assert 0.65 <= sum(row["visited"] for row in rows) / sum(row["resident"] for row in rows) <= 0.77
    by_village = sorted(row["contacted"] / row["due"] for row in rows)
    assert by_village[4] < 0.55
    assert by_village[-5] > 0.77
