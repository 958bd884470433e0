"""`python -m bench.proposals`: our proposals of links against greedy passes and a solver; prints figures and ratios.

The solver needs `pip install scipy==1.17.1`, which the program does not. All of them share the costs of
`backend/rules/proposals/costs.py`, so what differs is how well they add up, and how long it takes.
"""

from __future__ import annotations

import importlib.util
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

import click

from backend.rules.households import TierReason
from backend.rules.people import Ability, PersonKind
from backend.rules.proposals import Home, Household, Member, propose
from backend.rules.proposals.costs import cost_of, slots_of
from backend.rules.proposals.distribution import NEVER
from backend.rules.proposals.facts import ABLE, Near, is_able, nearness

VILLAGES, MICRO_GRIDS, HOUSEHOLDS, MEMBERS = 61, 357, 23_000, 2_250
SUB_BRANCHES = (3,) * 13 + (2,) * 27
SPECIAL, EXEMPT, ELSEWHERE, LINKED = 0.2, 0.31, 0.1, 0.75
NEEDS = [*TierReason]
KINDS = (
    [PersonKind.FULL] * 90
    + [PersonKind.PROBATIONARY] * 3
    + [PersonKind.GRID_WORKER] * 4
    + [PersonKind.VILLAGER_REP] * 3
)
Answer = dict[UUID, UUID]


class Case(NamedTuple):
    name: str
    households: list[Household]
    members: list[Member]
    redo: bool = False


def uid(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def shares(rng: Random, count: int, total: int, sigma: float, least: int) -> list[int]:
    """Uneven numbers that add up to a total, lognormal, none below the least."""
    weights = [rng.lognormvariate(0, sigma) for _ in range(count)]
    numbers = [least + int((total - least * count) * weight / sum(weights)) for weight in weights]
    for index in range(total - sum(numbers)):
        numbers[index % count] += 1
    return numbers


def township(seed: int, redo: bool = False, linked: float = 0.0) -> Case:
    """61 villages of about 150 to 1,060 households, and people whose homes are spread unevenly over the micro-grids."""
    rng = Random(seed)
    sizes = [min(size, 1060) for size in shares(rng, VILLAGES, HOUSEHOLDS, 0.55, 150)]
    while (missing := HOUSEHOLDS - sum(sizes)) > 0:
        sizes[sizes.index(min(sizes))] += min(missing, 50)
    grids = shares(rng, VILLAGES, MICRO_GRIDS, 0.3, 3)
    large = sorted(range(VILLAGES), key=lambda one: -sizes[one])
    branches = [1] * VILLAGES
    for village, count in zip(large, SUB_BRANCHES, strict=False):
        branches[village] = count
    people = shares(rng, VILLAGES, MEMBERS, 0.4, 8)
    # People follow the households, more or less.
    people = [round((count + MEMBERS * size / HOUSEHOLDS) / 2) for count, size in zip(people, sizes, strict=True)]
    households: list[Household] = []
    members: list[Member] = []
    villages = [uid(rng) for _ in range(VILLAGES)]
    for village in range(VILLAGES):
        mine = [uid(rng) for _ in range(grids[village])]
        answering = [uid(rng) for _ in range(branches[village])]
        homes: list[Home] = []
        here: list[Household] = []
        for index in range(sizes[village]):
            grid = index * grids[village] // sizes[village]
            # Groups and micro-grids were not cut by the same people: some groups lie in two micro-grids.
            home = Home(villages[village], f"{index * 11 // sizes[village] + 1}组", mine[grid])
            need = rng.choice(NEEDS) if rng.random() < SPECIAL else None
            branch = answering[grid * branches[village] // grids[village]]
            homes.append(home)
            here.append(Household(uid(rng), home, f"{village}村", branch, need))
        weights = [rng.expovariate(1) for _ in mine]
        for _ in range(people[village]):
            grid = rng.choices(range(len(mine)), weights)[0]
            lives = rng.choice([n for n, home in enumerate(homes) if home.micro_grid_id == mine[grid]])
            person = uid(rng)
            away = rng.random() < ELSEWHERE
            home = None if away else homes[lives]
            if not away:
                here[lives] = replace(here[lives], refused=here[lives].refused | {person})
            abilities = frozenset(one for one in Ability if rng.random() < 0.25)
            branch = answering[grid * branches[village] // grids[village]]
            exempt = rng.random() < EXEMPT
            members.append(Member(person, branch, rng.choice(KINDS), home, 0, 5, 15, 20, abilities, exempt))
        households += here
    case = Case("township", households, members)
    return link(case, rng, linked, redo) if linked else case


def link(case: Case, rng: Random, share: float, redo: bool) -> Case:
    """The same with links as they grew: near, but not planned, some with people who have become exempt since."""
    by_branch: dict[UUID, list[Member]] = defaultdict(list)
    for one in case.members:
        by_branch[one.branch_id].append(one)
    loads: dict[UUID, int] = defaultdict(int)
    households = []
    for one in case.households:
        choices = rng.sample(by_branch[one.branch_id], min(4, len(by_branch[one.branch_id]))) if one.branch_id else []
        choices = [
            m for m in choices if loads[m.id] < m.hard_max and m.id not in one.refused and (redo or not m.exempt)
        ]
        current = None
        if choices and rng.random() < share:
            current = min(choices, key=lambda m: ([*Near].index(nearness(one, m)), loads[m.id])).id
            loads[current] += 1
        households.append(replace(one, current=current))
    members = [replace(m, load=0 if redo else loads[m.id]) for m in case.members]
    return Case("redo" if redo else "gaps", households, members, redo)


def adversarial(rng: Random) -> Iterator[Case]:
    """Small places in which something is wrong."""
    village, branch = uid(rng), uid(rng)
    grids = [uid(rng) for _ in range(6)]

    def household(grid: int, group: str, refused: frozenset[UUID] = frozenset()) -> Household:
        need = rng.choice(NEEDS) if rng.random() < SPECIAL else None
        return Household(uid(rng), Home(village, group, grids[grid]), "村", branch, need, None, refused)

    def member(grid: int, group: str, hard_max: int = 20) -> Member:
        abilities = frozenset(one for one in Ability if rng.random() < 0.25)
        soft = min(15, hard_max)
        return Member(
            uid(rng), branch, "full", Home(village, group, grids[grid]), 0, min(5, soft), soft, hard_max, abilities
        )

    yield Case("no member in 5 of 6 grids", [household(n % 6, str(n % 6)) for n in range(360)],
               [member(0, "0") for _ in range(30)])  # fmt: skip
    family = [member(0, "1") for _ in range(12)]
    kin = frozenset(one.id for one in family)
    yield Case("one big family", [household(0, "1", kin) for _ in range(100)] + [household(1, "2") for _ in range(100)],
               family + [member(1, "2") for _ in range(6)])  # fmt: skip
    tight = [member(n % 6, str(n % 6)) for n in range(20)]
    yield Case("tight: households = places", [household(n % 6, str(n % 6)) for n in range(400)], tight)
    # Household n can only have the persons n and n + 1: full persons pass on along the whole row.
    row = [member(0, "1", hard_max=1) for _ in range(60)]
    every = frozenset(one.id for one in row)
    chain = [household(0, "1", every - {row[n].id, row[min(n + 1, 59)].id}) for n in range(59)]
    yield Case("chain of swaps", [*chain, household(0, "1", every - {row[0].id})], row)
    yield Case("scarce: 1.5 a person", [household(n % 6, str(n % 6)) for n in range(45)],
               [member(n % 6, str(n % 6)) for n in range(30)])  # fmt: skip


def by_branch(case: Case) -> Iterator[tuple[list[Household], list[Member]]]:
    people: dict[UUID, list[Member]] = defaultdict(list)
    for one in sorted(case.members, key=lambda m: m.id):
        if not one.exempt:
            people[one.branch_id].append(one)
    wanting: dict[UUID, list[Household]] = defaultdict(list)
    for household in sorted(case.households, key=lambda h: (h.need is None, h.id)):
        if household.branch_id and (case.redo or household.current is None):
            wanting[household.branch_id].append(household)
    return ((those, people[branch]) for branch, those in wanting.items())


def ours(case: Case) -> Answer:
    found = propose(case.households, case.members, case.redo)
    return {one.household_id: one.person_id for one in found if one.person_id}


def greedy(case: Case, rounds: int = 0) -> Answer:
    """Each household takes the cheapest person with room; `rounds` of moving one and of exchanging two improve it."""
    answer: Answer = {}
    for households, people in by_branch(case):
        costs = [[cost_of(one, person) for person in people] for one in households]
        slots = [slots_of(person) for person in people]
        loads = [0] * len(people)
        held = [-1] * len(households)
        for index, row in enumerate(costs):
            options = [
                (cost + slots[n][loads[n]], n)
                for n, cost in enumerate(row)
                if cost < NEVER and loads[n] < len(slots[n])
            ]
            if options:
                held[index] = min(options)[1]
                loads[held[index]] += 1
        for _ in range(rounds):
            if not (_moved(costs, slots, loads, held) | _exchanged(costs, held)):
                break
        answer.update({one.id: people[held[n]].id for n, one in enumerate(households) if held[n] >= 0})
    return answer


def _moved(costs: list[list[int]], slots: list[list[int]], loads: list[int], held: list[int]) -> bool:
    found = False
    for index, row in enumerate(costs):
        now = held[index]
        if now >= 0:
            free = row[now] + slots[now][loads[now] - 1]
            options = [
                (cost + slots[n][loads[n]], n) for n, cost in enumerate(row) if n != now and loads[n] < len(slots[n])
            ]
            if options and min(options)[0] < free:
                held[index] = min(options)[1]
                loads[now] -= 1
                loads[held[index]] += 1
                found = True
    return found


def _exchanged(costs: list[list[int]], held: list[int]) -> bool:
    found = False
    for one, row in enumerate(costs):
        for other in range(one + 1, len(costs)):
            a, b = held[one], held[other]
            if a >= 0 and b >= 0 and a != b and row[b] + costs[other][a] < row[a] + costs[other][b]:
                held[one], held[other] = b, a
                found = True
    return found


def solved(case: Case) -> Answer:
    """scipy: households against the places of people, each place with its cost; exact for a branch."""
    import numpy
    from scipy.optimize import linear_sum_assignment

    answer: Answer = {}
    for households, people in by_branch(case):
        places = [(n, cost) for n, person in enumerate(people) for cost in slots_of(person)]
        if not places:
            continue
        costs = numpy.array([[cost_of(one, person) for person in people] for one in households], dtype=float)
        owner = numpy.array([n for n, _ in places])
        matrix = costs[:, owner] + numpy.array([cost for _, cost in places])
        for row, column in zip(*linear_sum_assignment(matrix), strict=True):
            if costs[row, owner[column]] < NEVER:
                answer[households[row].id] = people[owner[column]].id
    return answer


def objective(case: Case, answer: Answer) -> int:
    total = 0
    for households, people in by_branch(case):
        known = {one.id: one for one in people}
        loads: dict[UUID, int] = defaultdict(int)
        for one in households:
            if one.id in answer:
                total += cost_of(one, known[answer[one.id]])
                loads[answer[one.id]] += 1
        total += sum(sum(slots_of(known[person])[:load]) for person, load in loads.items())
    return total


def figures(case: Case, answer: Answer) -> dict[str, float]:
    people = {one.id: one for one in case.members}
    wanting = [one for one in case.households if case.redo or one.current is None]
    near = [nearness(one, people[answer[one.id]]) for one in wanting if one.id in answer]
    needing = [one for one in wanting if one.id in answer and ABLE.get(one.need or "")]
    loads = {one.id: one.load for one in case.members if not one.exempt}
    for person in answer.values():
        loads[person] += 1
    spread = sorted(loads.values())
    count = max(len(near), 1)
    return {
        "filled": len(near) / len(wanting),
        "micro": near.count(Near.MICRO_GRID) / count,
        "group+": (near.count(Near.MICRO_GRID) + near.count(Near.GROUP)) / count,
        "able": sum(is_able(one.need, people[answer[one.id]]) for one in needing) / max(len(needing), 1),
        "special": sum(one.id in answer for one in wanting if one.need) / max(sum(one.need is not None for one in wanting), 1),
        "kept": sum(answer.get(one.id) == one.current for one in wanting if one.current) / max(sum(one.current is not None for one in wanting), 1),
        "P10": spread[len(spread) // 10],
        "P90": spread[len(spread) * 9 // 10],
        "above": sum(loads[key] > people[key].soft_max for key in loads) / len(loads),
        "1-4": sum(0 < load < 5 for load in spread) / len(spread),
        "1-2": sum(0 < load < 3 for load in spread) / len(spread),
    }  # fmt: skip


def measured(case: Case, way: Callable[[Case], Answer], rounds: int) -> tuple[dict[str, float], float, int]:
    seconds = []
    answer: Answer = {}
    for _ in range(rounds):
        started = time.perf_counter()
        answer = way(case)
        seconds.append(time.perf_counter() - started)
    return figures(case, answer), median(seconds), objective(case, answer)


@click.command()
@click.option("--seeds", default=3, show_default=True, help="So many townships.")
@click.option("--rounds", default=3, show_default=True, help="Each time is the median of so many.")
def main(seeds: int, rounds: int) -> None:
    """Compare the ways of sharing out households."""
    ways: dict[str, Callable[[Case], Answer]] = {
        "ours": ours,
        "greedy": greedy,
        "greedy, improved": lambda case: greedy(case, 20),
    }
    if importlib.util.find_spec("scipy"):
        ways["scipy"] = solved
    cases = [
        make
        for seed in range(seeds)
        for make in (township(seed), township(seed, False, LINKED), township(seed, True, LINKED))
    ]
    cases += adversarial(Random(1))
    found: dict[str, dict[str, list[tuple[dict[str, float], float, int]]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        for name, way in ways.items():
            found[case.name][name].append(measured(case, way, rounds))
        if "scipy" in ways:
            # The solver leaves special households out where that is cheaper; this tells our costs from its choice.
            same = ours(case)
            only = case._replace(households=[one for one in case.households if one.id in same])
            found[case.name]["scipy, same"].append(measured(only, solved, rounds))
    for case_name, by_way in found.items():
        print(f"\n{case_name} ({len(by_way['ours'])} made)")
        for name, runs in by_way.items():
            print(f"  {name:17}{line(runs, by_way['ours'])}")


def line(runs: list[tuple[dict[str, float], float, int]], against: list[tuple[dict[str, float], float, int]]) -> str:
    """The means of the figures; the time and the sum of the costs beside ours."""
    told = []
    for key in runs[0][0]:
        mean: Any = sum(run[0][key] for run in runs) / len(runs)
        told.append(f"{key} {mean:4.1f}" if key.startswith("P") else f"{key} {mean:6.1%}")
    seconds, base = sum(run[1] for run in runs), sum(run[1] for run in against)
    worse = sum(run[2] for run in runs) - sum(run[2] for run in against)
    filled = sum(run[0]["filled"] for run in runs)
    return (
        "  ".join(told)
        + f"  cost {worse / max(filled, 0.01):+9.0f}  {seconds / len(runs):6.2f} s  time × {seconds / base:.2f}"
    )


if __name__ == "__main__":
    main()
