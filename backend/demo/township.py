"""The whole township as plain facts: pure, from a fixed seed and one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Self

from backend.demo.accounts import Accounts, make_accounts
from backend.demo.duty import Duty
from backend.demo.feedback import Feedback, make_feedback
from backend.demo.households import Household, make_households
from backend.demo.links import Link, make_links
from backend.demo.musts import MustVisit, make_must_visits
from backend.demo.people import People, make_people
from backend.demo.places import Places, make_places
from backend.demo.seed import months_before
from backend.demo.visits import Visiting, make_zeal
from backend.demo.words import Phones

#: What changes, changes within a year. Visits reach no further back than five: the branches began in the year before.
MONTHS, MOST_MONTHS = 12, 60
#: Visits of a season before the first month that is shown: without them nobody could have been due in it in earnest.
SEASON_BEFORE = 3
#: About so many visits and attempts a township makes in a month.
VISITS_A_MONTH = 8_700


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is of visits: how many whole months before that of `until`, and how often somebody goes.

    `part` of a township has fewer villages, for tests that need no more.
    """

    months: int = MONTHS + SEASON_BEFORE
    density: float = 1.0
    part: float = 1.0

    @classmethod
    def of(cls, visits: int, townships: int) -> Self:
        """About so many visits in all: as far back as needed; where five years do not suffice, more often."""
        months = ceil(visits / (VISITS_A_MONTH * townships))
        return cls(min(months, MOST_MONTHS), max(1.0, months / MOST_MONTHS))


A_YEAR = Extent()


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
    must_visits: list[MustVisit]
    feedback: list[Feedback]
    #: Invented anew whenever they are gone through, because there can be millions.
    visits: Visiting

    @property
    def about_visits(self) -> int:
        """About how many visits there are, without inventing them."""
        return round(VISITS_A_MONTH * self.places.part * self.visits.density * (self.until - self.start).days / 30.4)


def make_township(until: date, number: int = 0, extent: Extent = A_YEAR) -> Township:
    """Invent a township of the county, the first unless told."""
    year_ago = months_before(until, MONTHS).replace(day=1)
    start = months_before(until, extent.months).replace(day=1)
    phones = Phones(number)
    places = make_places(until, number, extent.part)
    households = make_households(places, until, year_ago, phones)
    people = make_people(places, households, until, phones)
    links = make_links(places, households, people, until)
    accounts = make_accounts(places, people, links, until)
    duty, zeal = Duty(links, people), make_zeal(places)
    must_visits = make_must_visits(places, households, duty, accounts, zeal, start, until)
    visits = Visiting(places, households, duty, accounts, zeal, must_visits, start, until, extent.density)
    feedback = make_feedback(places, accounts, until)
    return Township(until, start, places, households, people, links, accounts, must_visits, feedback, visits)
