"""The whole township as plain facts: pure, from a fixed seed and one day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from backend.demo.accounts import Accounts, make_accounts
from backend.demo.households import Household, make_households
from backend.demo.links import Link, make_links
from backend.demo.people import People, make_people
from backend.demo.places import Places, make_places
from backend.demo.seed import months_before
from backend.demo.visits import Calendar, Visit, make_visits
from backend.demo.words import Phones
from backend.rules.coverage import month_id, month_span

MONTHS = 3


@dataclass(slots=True)
class Township:
    """All facts. `start` is the first day with visits; everything is known before `until` begins."""

    until: date
    start: date
    places: Places
    households: list[Household]
    people: People
    links: list[Link]
    accounts: Accounts
    visits: list[Visit]

    def months(self) -> list[int]:
        """The natural months (202611) that have visits, and the month of `until`."""
        found = [month_id(self.start)]
        while found[-1] < month_id(self.until):
            found.append(month_id(month_span(found[-1])[1]))
        return found


def make_township(until: date, step: Callable[[str], None] = lambda _: None) -> Township:
    """Invent the township; `step` is told what comes next, for a progress bar."""
    start = months_before(until, MONTHS)
    phones = Phones()
    step("places")
    places = make_places(until)
    step("households")
    households = make_households(places, until, start, phones)
    step("people")
    people = make_people(places, households, until, phones)
    step("links")
    links = make_links(places, households, people, until, start)
    step("accounts")
    accounts = make_accounts(places, people, links, until)
    step("visits")
    visits = make_visits(places, households, people, links, accounts, Calendar(start, until))
    return Township(until, start, places, households, people, links, accounts, visits)
