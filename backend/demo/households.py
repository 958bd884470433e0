"""The households: who heads them, which are key, and their sensitive tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from uuid import UUID

from backend.demo.places import Places
from backend.demo.residences import Stay, make_stays
from backend.demo.seed import day_between, new_id
from backend.demo.words import Phones, hamlet, numeral, person_name
from backend.rules.households import ResidenceStatus, TierReason

KEY, HOUSEHOLDS_IN_A_GROUP = 4_600, 45
#: Within the year so many became key households, and so many others ceased to be.
KEY_LATELY, ONCE_KEY = 500, 550
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

    def is_key(self, day: date) -> bool:
        """Whether it is a key household on a day."""
        return any(one.valid_from <= day and (one.valid_to is None or day < one.valid_to) for one in self.key_times)

    def status_on(self, day: date) -> ResidenceStatus | None:
        """How it lived here on a day; None before it was opened."""
        for stay in reversed(self.stays):
            if stay.valid_from <= day:
                return stay.status
        return None


def make_households(places: Places, until: date, start: date, phones: Phones) -> list[Household]:
    """All households as they are on `until`, with what changed between `start` and then."""
    rng = places.stream("households")
    households = _register(rng, places, until, phones)
    for one, stays in zip(
        households, make_stays(rng, places, [one.opened_on for one in households], until, start), strict=True
    ):
        one.stays, one.opened_on = stays, stays[0].valid_from
    _tags_and_tiers(places, households, until, start)
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
                        address=f"{places.township.name}{village.region.name}{numeral(group + 1)}组{hamlets[group]}{in_village}号",
                        opened_on=opened,
                        village=number,
                        cell=micro.cell.index,
                        micro_grid=micro.region.id,
                    )
                )
    return found


def _tags_and_tiers(places: Places, households: list[Household], until: date, start: date) -> None:
    """Sensitive tags by their shares; with the monitored ones and a few others they make the key households."""
    rng = places.stream("tiers")
    here = [one for one in households if one.status is not ResidenceStatus.NOMINAL and one.opened_on < start]
    at_home = [one for one in here if one.status is ResidenceStatus.RESIDENT]
    reasons: dict[int, TierReason] = {}
    for kind, (share, reason, purpose) in TAGS.items():
        for one in rng.sample(at_home if kind in AT_HOME else here, round(share * len(households))):
            expires = until + timedelta(days=rng.randint(30, 364))
            one.tags.append(Tag(new_id(rng), kind, purpose, expires))
            if reason is not None:
                reasons.setdefault(one.index, reason)
    others = [one.index for one in at_home if one.index not in reasons]
    ceased = places.part_of(ONCE_KEY)
    extra = rng.sample(others, places.part_of(KEY) - len(reasons) + ceased)
    once, extra = extra[:ceased], extra[ceased:]
    for n, index in enumerate(extra):
        reasons[index] = TierReason.RELAPSE_RISK if n < places.part_of(MONITORED) else TierReason.OTHER
    lately = set(rng.sample(sorted(reasons), places.part_of(KEY_LATELY)))
    for index, reason in sorted(reasons.items()):
        one = households[index]
        if index in lately:
            began = day_between(rng, start, until - timedelta(days=1))
        else:
            began = max(one.opened_on, day_between(rng, *places.first_year))
        one.key_times.append(KeyTime(new_id(rng), reason, began, None))
    for index in once:
        # A household that ceased to be key had been one for a while.
        ended = day_between(rng, start, until - timedelta(days=1))
        began = max(households[index].opened_on, ended - timedelta(days=rng.randint(200, 700)))
        households[index].key_times.append(KeyTime(new_id(rng), TierReason.OTHER, began, ended))
