"""Links between people and households: one by one, many at once, and what follows from people's lives."""

from backend.services.assignments.many import confirm, link_many, publish
from backend.services.assignments.settling import settle_links, tell_links_ended
from backend.services.assignments.single import create_assignment, end_assignment

__all__ = [
    "confirm", "create_assignment", "end_assignment", "link_many", "publish", "settle_links", "tell_links_ended",
]  # fmt: skip
