"""The households: who heads them, how they live here over time, which are key, and their sensitive tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from uuid import UUID

from backend.demo.places import HOUSEHOLDS, Places
from backend.demo.seed import day_between, new_id, stream
from backend.demo.words import TOWNSHIP, Phones, hamlet, numeral, person_name
from backend.rules.households import ResidenceStatus, TierReason

AWAY, NOMINAL, KEY = 4_140, 690, 4_600
HOUSEHOLDS_IN_A_GROUP = 45
OPENED_LATELY, NOMINAL_LATELY, KEY_LATELY, ONCE_KEY = 45, 40, 150, 180
#: Tag -> (share of all households, what it makes a key household for, purpose).
TAGS: dict[str, tuple[float, TierReason | None, str]] = {
    "subsistence": (0.035, TierReason.HARDSHIP, "低保政策落实与定期走访"),
    "extreme_poverty": (0.006, TierReason.HARDSHIP, "特困供养与日常照料"),
    "disability": (0.06, TierReason.HEALTH, "残疾人帮扶与走访"),
    "elder_alone": (0.07, TierReason.CARE, "独居老人关爱探访"),
    "left_behind_child": (0.025, TierReason.CARE, "留守儿童关爱"),
    "preferential_care": (0.04, None, "优抚对象走访慰问"),
}
#: Only where somebody lives at home.
AT_HOME = frozenset({"elder_alone", "left_behind_child"})
MONITORED = 28
#: Days after which those who work elsewhere leave again: New Year, 春节, 清明, 五一, 三夏, before school, 国庆.
AFTER_FESTIVALS = ((1, 4), (2, 24), (4, 6), (5, 6), (6, 18), (8, 25), (10, 8))


@dataclass(slots=True)
class Stay:
    id: UUID
    status: ResidenceStatus
    valid_from: date
    valid_to: date | None


@dataclass(slots=True)
class KeyTime:
    id: UUID
    reason: TierReason
    valid_from: date
    valid_to: date | None


@dataclass(slots=True)
class Tag:
    id: UUID
    kind: str
    purpose: str
    expires_on: date


@dataclass(slots=True)
class Household:
    """A household; `index` is its place in the walk through the township, micro-grid by micro-grid."""

    index: int
    id: UUID
    code: str
    group_name: str
    head: str
    phone: str | None
    address: str
    opened_on: date
    village: int
    cell: int
    micro_grid: UUID
    stays: list[Stay] = field(default_factory=list)
    key_times: list[KeyTime] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)

    @property
    def status(self) -> ResidenceStatus:
        """How it lives here now."""
        return self.stays[-1].status

    @property
    def is_key(self) -> bool:
        """Whether it is a key household now."""
        return any(time.valid_to is None for time in self.key_times)

    def status_on(self, day: date) -> ResidenceStatus | None:
        """How it lived here on a day; None before it was opened."""
        for stay in reversed(self.stays):
            if stay.valid_from <= day:
                return stay.status
        return None


def make_households(places: Places, until: date, start: date, phones: Phones) -> list[Household]:
    """All households as they are on `until`, with what changed between `start` and then."""
    rng = stream("households")
    households = _register(rng, places, until, phones)
    _residences(rng, households, places.since, until, start)
    _tags_and_tiers(stream("tiers"), households, until, start)
    return households


def _register(rng: Random, places: Places, until: date, phones: Phones) -> list[Household]:
    found: list[Household] = []
    for number, village in enumerate(places.villages):
        groups = max(4, round(village.households / HOUSEHOLDS_IN_A_GROUP))
        hamlets = [hamlet(rng) for _ in range(groups)]
        in_village = 0
        for micro in village.micro_grids:
            for n in range(micro.households):
                group = in_village * groups // village.households
                in_village += 1
                opened = places.since
                if rng.random() < 0.1:
                    opened = day_between(rng, places.since, until - timedelta(days=800))
                found.append(
                    Household(
                        index=len(found),
                        id=new_id(rng),
                        code=f"{micro.region.code}{n + 1:03}",
                        group_name=f"{numeral(group + 1)}组",
                        head=person_name(rng),
                        phone=phones.next() if rng.random() < 0.88 else None,
                        address=f"{TOWNSHIP}{village.region.name}{numeral(group + 1)}组{hamlets[group]}{in_village}号",
                        opened_on=opened,
                        village=number,
                        cell=micro.cell.index,
                        micro_grid=micro.region.id,
                    )
                )
    return found


def _residences(rng: Random, households: list[Household], since: date, until: date, start: date) -> None:
    """Resident 79 %, away 18 %, nominal 3 % on `until`; families come home for a festival, leave and return."""
    special = rng.sample(range(HOUSEHOLDS), AWAY + NOMINAL + OPENED_LATELY)
    away, nominal = set(special[:AWAY]), special[AWAY : AWAY + NOMINAL]
    lately_nominal, opened_lately = set(nominal[:NOMINAL_LATELY]), set(special[AWAY + NOMINAL :])
    long_nominal = set(nominal[NOMINAL_LATELY:])
    last = until - timedelta(days=1)
    festival = _last_festival(until)
    resident, gone, empty = ResidenceStatus.RESIDENT, ResidenceStatus.AWAY, ResidenceStatus.NOMINAL
    for one in households:
        if one.index in opened_lately:
            one.opened_on = day_between(rng, start, last)
        changes: list[tuple[date, ResidenceStatus]] = [(one.opened_on, resident)]
        if one.index in away:
            chance = rng.random()
            leaves = min(festival + timedelta(days=rng.randint(0, 6)), last)
            if chance < 0.25:  # came home for the festival
                back = festival - timedelta(days=rng.randint(7, 14))
                changes = [(one.opened_on, gone), (back, resident), (leaves, gone)]
            elif chance < 0.33:  # left for the first time
                changes.append((leaves, gone))
            else:
                changes = [(one.opened_on, gone)]
        elif one.index in long_nominal:
            changes = [(one.opened_on, empty)]
        elif one.index in lately_nominal:
            changes.append((day_between(rng, start, last), empty))
        elif one.index not in opened_lately and rng.random() < 0.02:  # returned for good
            changes = [(one.opened_on, gone), (day_between(rng, start, last), resident)]
        ends: list[date | None] = [day for day, _ in changes[1:]]
        one.stays = [
            Stay(new_id(rng), status, day, end) for (day, status), end in zip(changes, [*ends, None], strict=True)
        ]


def _last_festival(until: date) -> date:
    days = [date(year, *day) for year in (until.year - 1, until.year) for day in AFTER_FESTIVALS]
    return max(day for day in days if day < until - timedelta(days=7))


def _tags_and_tiers(rng: Random, households: list[Household], until: date, start: date) -> None:
    """Sensitive tags by their shares; with the monitored ones and a few others they make the key households."""
    here = [one for one in households if one.status is not ResidenceStatus.NOMINAL and one.opened_on < start]
    at_home = [one for one in here if one.status is ResidenceStatus.RESIDENT]
    reasons: dict[int, TierReason] = {}
    for kind, (share, reason, purpose) in TAGS.items():
        for one in rng.sample(at_home if kind in AT_HOME else here, round(share * HOUSEHOLDS)):
            expires = until + timedelta(days=rng.randint(30, 364))
            one.tags.append(Tag(new_id(rng), kind, purpose, expires))
            if reason is not None:
                reasons.setdefault(one.index, reason)
    others = [one.index for one in at_home if one.index not in reasons]
    extra = rng.sample(others, KEY - len(reasons) + ONCE_KEY)
    once, extra = extra[:ONCE_KEY], extra[ONCE_KEY:]
    for n, index in enumerate(extra):
        reasons[index] = TierReason.RELAPSE_RISK if n < MONITORED else TierReason.OTHER
    lately = set(rng.sample(sorted(reasons), KEY_LATELY))
    for index, reason in sorted(reasons.items()):
        one = households[index]
        earliest = max(one.opened_on, until - timedelta(days=1000))
        began = (
            day_between(rng, start, until - timedelta(days=1)) if index in lately else day_between(rng, earliest, start)
        )
        one.key_times.append(KeyTime(new_id(rng), reason, began, None))
    for index in once:
        ended = day_between(rng, start, until - timedelta(days=1))
        began = max(households[index].opened_on, ended - timedelta(days=rng.randint(200, 700)))
        households[index].key_times.append(KeyTime(new_id(rng), TierReason.OTHER, began, ended))
