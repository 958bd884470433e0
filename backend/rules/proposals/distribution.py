"""The cheapest way to share out households among people whose further links cost more and more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

#: The cost of what must not be; above every sum of others.
NEVER = 10**9
#: Nothing to pass on; a chain that costs less than nothing so far does not bring this below what must not be.
NOTHING = 2 * NEVER


class Distribution:
    """Households of a few classes, all alike within a class, and the people who take them.

    One household after the other takes the cheapest chain there is: somebody with room takes it, or somebody takes it
    and passes one of theirs on to the next, and so on. A chain that is the cheapest keeps the whole the cheapest
    (successive shortest paths), and a household that finds none would find none in any other arrangement of those
    before it: so as many are filled as can be, and the first are never the ones left out.
    """

    def __init__(self, costs: Sequence[Sequence[int]], slots: Sequence[Sequence[int]]) -> None:
        """`costs[c][p]`: class c with person p. `slots[p][n]`: the n-th household that p takes on, rising with n."""
        people = range(len(slots))
        self._costs, self._slots = costs, slots
        self.taken = [[0] * len(slots) for _ in costs]
        self.loads = [0 for _ in people]
        #: What it costs that the first passes a household on to the second, and a household of which class it is.
        self._passing = [[NOTHING] * len(slots) for _ in people]
        self._passed = [[-1] * len(slots) for _ in people]

    def add(self, kind: int) -> bool:
        """Find somebody for one more household of a class; False when nobody can."""
        reach, before = self._reach(kind)
        best, last = NEVER, -1
        for person, cost in enumerate(reach):
            slots, load = self._slots[person], self.loads[person]
            if cost < NEVER and load < len(slots) and cost + slots[load] < best:
                best, last = cost + slots[load], person
        if last < 0:
            return False
        self.loads[last] += 1
        while (giver := before[last]) >= 0:
            passed = self._passed[giver][last]
            self._give(passed, last)
            self._drop(passed, giver)
            last = giver
        self._give(kind, last)
        return True

    def move(self, kind: int, giver: int, taker: int) -> None:
        """One household of a class goes from one person to another."""
        self._give(kind, taker)
        self._drop(kind, giver)
        self.loads[taker] += 1
        self.loads[giver] -= 1

    def _reach(self, kind: int) -> tuple[list[int], list[int]]:
        """The cheapest chain that ends with each person, without their slot: its cost, and the person before."""
        reach = list(self._costs[kind])
        before = [-1] * len(reach)
        waiting = deque(sorted((one for one, cost in enumerate(reach) if cost < NEVER), key=reach.__getitem__))
        queued = [cost < NEVER for cost in reach]
        while waiting:
            giver = waiting.popleft()
            queued[giver] = False
            if not self.loads[giver]:
                continue
            so_far = reach[giver]
            for taker, cost in enumerate(self._passing[giver]):
                if so_far + cost < reach[taker]:
                    reach[taker], before[taker] = so_far + cost, giver
                    if not queued[taker]:
                        queued[taker] = True
                        waiting.append(taker)
        return reach, before

    def _give(self, kind: int, person: int) -> None:
        self.taken[kind][person] += 1
        if self.taken[kind][person] == 1:
            self._learn(kind, person)

    def _drop(self, kind: int, person: int) -> None:
        """Passing on may cost more from now on when this was the last of its class."""
        self.taken[kind][person] -= 1
        if not self.taken[kind][person]:
            self._passing[person] = [NOTHING] * len(self._slots)
            for other, row in enumerate(self.taken):
                if row[person]:
                    self._learn(other, person)

    def _learn(self, kind: int, person: int) -> None:
        passing, passed, costs = self._passing[person], self._passed[person], self._costs[kind]
        own = costs[person]
        for taker, cost in enumerate(costs):
            if taker != person and cost < NEVER and cost - own < passing[taker]:
                passing[taker], passed[taker] = cost - own, kind
