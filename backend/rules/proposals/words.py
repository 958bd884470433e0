"""The sentences of a proposal: only what is true of it, in words for the office that decides."""

from __future__ import annotations

from collections.abc import Sequence

from backend.rules.people import ABILITIES
from backend.rules.proposals.facts import ABLE, Household, Member, Near, Unfilled, is_able, nearness

NEAR: dict[str, str] = {
    Near.MICRO_GRID: "与本户住在同一微网格",
    Near.GROUP: "与本户住在同一村民小组",
    Near.VILLAGE: "与本户同在",
    Near.AREA: "住处不在本村或没有登记，所在支部负责本片",
}
UNFILLED: dict[str, str] = {
    Unfilled.NO_BRANCH: "本户所在的微网格还没有确定由哪个支部负责，请先确定。",
    Unfilled.NOBODY: "负责本片的支部没有可以联系农户的人，请增加人员或调整负责的支部。",
    Unfilled.ALL_EXEMPT: "负责本片的支部里，可以联系农户的人都已免联，请增加人员或调整负责的支部。",
    Unfilled.NOT_WANTED: "负责本片的支部里，没有免联的人都住在本户，或者本户不愿由其联系，请从别的支部安排。",
    Unfilled.ALL_FULL: "负责本片的支部里，可以联系本户的人都已联满，请增加人员或调整每人最多联户数。",
}


def of_filled(household: Household, member: Member, load: int, colleagues: Sequence[Member], moved: str) -> str:
    """Why this person: how near, what they can help with, how many they then have, and why the old one goes.

    `colleagues` are all whom the household could have, with this person among them.
    """
    near = nearness(household, member)
    parts = [NEAR[near] + (household.village_name if near is Near.VILLAGE else "")]
    if ABLE.get(household.need or ""):
        parts.append(_of_need(household, member, colleagues))
    parts.append(f"联系后共 {load} 户")
    if load > member.soft_max:
        parts.append(f"超过了 {member.soft_max} 户，因为可以联系本户的人都已不少于各自的上限")
    if moved:
        parts.append(moved)
    return "，".join(parts) + "。"


def _of_need(household: Household, member: Member, colleagues: Sequence[Member]) -> str:
    wanted = ABLE[household.need or ""]
    if is_able(household.need, member):
        return "、".join(ABILITIES[one] for one in sorted(wanted & member.abilities)) + "，合本户需要"
    if any(is_able(household.need, one) for one in colleagues):
        return "合本户需要的人住得更远，或者联户并不更少"
    return "支部里没有登记合本户需要的特长"


def of_moved(household: Household, taker: Member, giver: Member | None, colleagues: Sequence[Member]) -> str:
    """Why a household that had somebody gets somebody else."""
    if household.current in household.refused:
        return "原联系人住在本户或本户不愿由其联系"
    if giver is None:
        return "原联系人已不在名单里"
    if giver.exempt:
        return "原联系人已免联"
    if giver not in colleagues:
        return "原联系人不属于负责本片的支部"
    order = list(Near)
    if is_able(household.need, taker) and not is_able(household.need, giver):
        return "比原联系人更合本户需要"
    if order.index(nearness(household, taker)) < order.index(nearness(household, giver)):
        return "比原联系人住得近"
    return "换人是为了让各人的联户数更均匀，或让别的户也有人联系"
