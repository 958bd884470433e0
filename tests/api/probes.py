"""How to call every endpoint, aimed at the objects of one of the two branches, and who has a right to them.

The table is what the tests of scope, of personal data, of the audit and of the contract walk over; an endpoint that is
not in it fails `test_scope.py`, by name.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
from sanic import Sanic

from backend.crypto import token_hash
from backend.http.endpoint import Spec
from models import database
from tests.world import HOUSEHOLDS, LINKS, NOW, OPENED, PEOPLE, TODAY, World, of, phone_of, token_of

#: Everybody who may knock: each role, a WeChat user who is bound to nobody, and nobody at all.
VIEWERS = (
    "m1", "m3", "m4", "s_east", "s_west", "cadre", "office", "committee", "department", "admin", "stranger", "nobody",
)  # fmt: skip
ALL = frozenset(VIEWERS)
BOUND = ALL - {"stranger", "nobody"}
NOTE = "记号便条"
SAID = "记号意见"
FEEDBACK = of("feedback", "town")
INVITE_CODE = "7KQM-3F9T-XW2P"


@dataclass(frozen=True)
class Side:
    """The objects of one branch that another branch has no business with."""

    name: str
    households: tuple[str, ...]
    people: tuple[str, ...]
    member: str
    other: str
    secretary: str
    household: str
    gap: str
    village: str
    micro_grid: str

    def household_id(self, name: str | None = None) -> str:
        return str(of("household", name or self.household))

    @property
    def visit(self) -> UUID:
        return of("visit", self.name)

    @property
    def must_visit(self) -> UUID:
        return of("must_visit", self.name)

    @property
    def proposal(self) -> UUID:
        return of("proposal", self.name)

    @property
    def branch(self) -> str:
        return str(of("branch", self.name))

    def ids(self) -> set[str]:
        """All that names these objects: ids, heads, addresses, telephone numbers, the note of their visit."""
        words = {str(of("household", name)) for name in self.households} | {str(self.visit), NOTE + self.name}
        words |= {str(self.must_visit), str(self.proposal)}
        words |= {str(of(kind, self.name)) for kind in ("file", "import", "waiting")}
        words |= {str(of("person", name)) for name in self.people} | {PEOPLE[name][2] for name in self.people}
        words |= {HOUSEHOLDS[name][1] for name in self.households} | {phone_of(name) for name in self.households}
        words |= {f"标记地址{name}号" for name in self.households}
        return words | {str(World.link(one, household)) for one, household, _ in LINKS if household in self.households}


# h6 is no secret between the branches (it lies in one and is linked to the other), and so neither is m3, its primary.
EAST = Side(
    "east", ("h1", "h2", "h3", "h4", "h5"), ("m1", "m2", "s_east"), "m1", "m2", "s_east", "h1", "h4", "v_east", "e1"
)
WEST = Side("west", ("h7", "h8", "h9"), ("m4", "s_west"), "m3", "m4", "s_west", "h7", "h9", "v_west", "w1")
SIDES = (EAST, WEST)


@dataclass(frozen=True)
class Probe:
    """One request, who may reach what it is aimed at, and what their answer holds that nobody else's does."""

    method: str
    path: str
    may: frozenset[str]
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    shows: str = ""
    #: An answer of 200 that holds nothing of the other branch is a refusal, too: lists, and each item of a batch.
    is_list: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path} {dict(self.query) or ''}"


def who(side: Side, *roles: str) -> frozenset[str]:
    """Names of viewers: `member` and `secretary` are those of the side; the rest by name, `cadre` only in the east."""
    here = {"member": side.member, "other": side.other, "secretary": side.secretary}
    names = {here.get(role, role) for role in roles}
    return frozenset(names - ({"cadre"} if side is WEST else set()))


def a_visit(side: Side, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(uuid4()), "household_id": side.household_id(), "occurred_on": TODAY.isoformat(),
        "noted_at": NOW.isoformat(), "mode": "in_person", "outcome": "met", "topics": ["care"], "note": NOTE + side.name,
    } | changes  # fmt: skip


def a_must_visit(side: Side, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(uuid4()), "household_id": side.household_id(), "kind": "hardship", "since": TODAY.isoformat(),
    } | changes  # fmt: skip


def a_feedback(**changes: Any) -> dict[str, Any]:
    return {"client_id": str(uuid4()), "kind": "suggestion", "text": SAID, "contact": f"{SAID}电话"} | changes


def cursor(*parts: object) -> str:
    """A cursor as somebody else's list would have given it."""
    return base64.urlsafe_b64encode(orjson.dumps([str(part) for part in parts])).decode().rstrip("=")


def _households(side: Side) -> list[Probe]:
    may = who(side, "member", "secretary", "cadre", "office")
    shows = side.household_id()
    village = str(of("region", side.village))
    before = cursor(side.household[0], UUID(int=0))
    lists = [
        Probe("GET", "/households", may, query=query, shows=shows, is_list=True)
        for query in (
            {},
            {"region": village},
            {"person": str(of("person", side.member))},
            {"cursor": before},
            {"limit": "200"},
        )
    ]
    gap = Probe(
        "GET",
        "/households",
        may - {side.member},
        query={"gap": "true"},
        shows=side.household_id(side.gap),
        is_list=True,
    )
    return [*lists, gap]


def _visits(side: Side) -> list[Probe]:
    may = who(side, "member", "secretary", "cadre")
    after = cursor(TODAY + timedelta(days=1), UUID(int=0))
    queries: list[dict[str, str]] = [
        {}, {"household_id": side.household_id()}, {"visitor": str(of("person", side.member))}, {"cursor": after},
        {"from": TODAY.isoformat(), "to": TODAY.isoformat()},
    ]  # fmt: skip
    return [Probe("GET", "/visits", may, query=query, shows=NOTE + side.name, is_list=True) for query in queries]


def _record(side: Side) -> list[Probe]:
    member, other = str(of("person", side.member)), str(of("person", side.other))
    own = who(side, "member", "secretary", "cadre")
    return [
        Probe("POST", "/visits", own, a_visit(side), shows=NOTE + side.name),
        Probe("POST", "/visits", who(side, "member", "secretary"), a_visit(side, on_behalf_of=member)),
        Probe("POST", "/visits", who(side, "member", "secretary"), a_visit(side, companion_ids=[other])),
    ]


def _batch(side: Side) -> list[Probe]:
    own = who(side, "member", "secretary", "cadre")
    batch = {"visits": [a_visit(side), a_visit(side, companion_ids=[str(of("person", side.other))])]}
    return [Probe("POST", "/visits/batch", own, batch, shows='"visit":{', is_list=True)]


def _must_visits(side: Side) -> list[Probe]:
    may = who(side, "member", "secretary", "cadre", "office")
    codes = {"v_east": "999902101200", "v_west": "999902101201"}
    queries: list[dict[str, str]] = [
        {}, {"household_id": side.household_id()}, {"area": codes[side.village]},
        {"area": str(of("region", "town"))}, {"cursor": cursor(TODAY, UUID(int=0))},
    ]  # fmt: skip
    return [  # the visit of `furnish` has met it, so that it is not among the open ones
        Probe("GET", "/must-visits", may, query=query | {"state": "all"}, shows=str(side.must_visit), is_list=True)
        for query in queries
    ]


def _coverage(side: Side) -> list[Probe]:
    may, month = who(side, "secretary", "cadre", "office", "committee"), {"period": "2026-11"}
    places = [str(of("region", side.village)), {"v_east": "999902101200", "v_west": "999902101201"}[side.village]]
    village = [
        Probe("GET", "/coverage", may, query=month | {"area": area, "level": "micro_grid"}, shows=str(of("region", side.micro_grid)))
        for area in places
    ]  # fmt: skip
    branch = Probe("GET", "/coverage", may, query=month | {"branch": side.branch, "level": "branch"}, shows=side.branch)
    return [*village, branch]


def _drilling(path: str, shows: str | None, **query: str) -> Callable[[Side], list[Probe]]:
    """A list behind figures: of the village, of the branch, and of the other pages; the committee says for what it looks."""

    def probes(side: Side) -> list[Probe]:
        place = {"area": str(of("region", side.village))}, {"branch": side.branch}
        more = query | ({"cursor": cursor("h0", UUID(int=0), *(["0", "0"] if path == "households" else []))})
        found = side.household_id(getattr(side, shows)) if shows else '"items":'
        return [
            Probe("GET", f"/coverage/{path}", who(side, "secretary", "cadre", "office"), query=asked | one, shows=found)
            for one in place
            for asked in (query, more)
        ] + [
            Probe("GET", f"/coverage/{path}", who(side, "secretary", "cadre", "office", "committee"),
                  query=query | place[0] | {"purpose": "close_gaps"}, shows=found),
        ]  # fmt: skip

    return probes


def _explained(side: Side) -> list[Probe]:
    staff, path = ("secretary", "cadre", "office"), f"/coverage/households/{side.household_id()}"
    return [
        Probe("GET", path, who(side, *staff), query={"period": "2026-11"}, shows=side.household_id()),
        Probe("GET", path, who(side, *staff, "committee"), query={"period": "2026-11", "purpose": "check_figure"}, shows=side.household_id()),
    ]  # fmt: skip


def _figures(side: Side, path: str, shows: str, **query: str) -> list[Probe]:
    """Figures of the side's village, and of its branch."""
    may = who(side, "secretary", "cadre", "office", "committee")
    places = ({"area": str(of("region", side.village))}, {"branch": side.branch})
    return [Probe("GET", path, may, query=query | place, shows=shows) for place in places]


def _changes(side: Side, path: str, body: Mapping[str, Any], *more: str) -> list[Probe]:
    """A change of a household, by whoever runs the place it lies in."""
    target = f"/households/{side.household_id()}{path}"
    return [Probe("POST", target, who(side, "secretary", *more), body, shows=side.household_id())]


def _service(side: Side, what: str, body: Mapping[str, Any], person: str | None = None) -> list[Probe]:
    """Something that happens in the service of one of the side's people."""
    target = of("person", person or side.member)
    return [Probe("POST", f"/people/{target}/{what}", who(side, "secretary", "office"), body, shows=str(target))]


def exempt_of(side: Side) -> str:
    """Who of the side is exempt (`furnish`)."""
    return side.secretary


def _regions(side: Side) -> list[Probe]:
    may = who(side, "member", "secretary", "office", "committee", "department", "admin") | {"cadre"}
    may |= {"m4"} if side is WEST else set()
    grid = str(of("region", f"g_{side.name}"))
    return [
        Probe("GET", "/regions", may, query={"parent": grid}, shows=str(of("region", side.micro_grid)), is_list=True)
    ]


def _own(method: str, path: str, may: frozenset[str] = ALL, **more: Any) -> Callable[[Side], list[Probe]]:
    """An endpoint that takes no id of an object: it can only speak of the caller."""
    return lambda side: [Probe(method, path, may, **more)]


def _me(side: Side) -> list[Probe]:
    return [Probe("GET", "/me", who(side, "member", "secretary", "other") & ALL, shows=side.branch, is_list=True)]


PROBES: Mapping[str, Callable[[Side], list[Probe]]] = {
    "accounts.sign_in_with_wechat": lambda _: [
        # A new openid each time: the platform lets one of them sign in a hundred times a minute.
        Probe("POST", "/auth/wechat", ALL, {"code": f"standin:somebody-else-{uuid4().hex}"})
    ],
    "accounts.bind": _own("POST", "/auth/wechat/bind", frozenset({"stranger"}), body={"invite_code": INVITE_CODE}),
    "accounts.sign_in_with_password": _own(
        "POST", "/auth/password", frozenset(), body={"account": "office", "password": "wrong", "totp": "000000"}
    ),
    "accounts.sign_out": _own("DELETE", "/auth/session", ALL - {"nobody"}),
    "accounts.me": _me,
    "accounts.invite": lambda side: [
        Probe("POST", f"/people/{of('person', side.member)}/invitations", who(side, "secretary", "office"), shows="code")
    ],
    "accounts.grant_role": lambda side: [
        Probe(
            "POST", f"/accounts/{of('account', side.member)}/roles", who(side, "office"),
            {"role": "branch_secretary", "place": side.branch, "from": TODAY.isoformat()}, shows=side.branch,
        )
    ],
    "assignments.create_assignment": lambda side: [
        Probe(
            "POST", "/assignments", who(side, "secretary", "office"),
            {
                "client_id": str(uuid4()), "household_id": side.household_id(side.gap),
                "person_id": str(of("person", side.other)), "from": TODAY.isoformat(),
            },
            shows=side.household_id(side.gap),
        )
    ],
    "assignments.end_assignment": lambda side: [
        Probe(
            "POST", f"/assignments/{World.link(side.member, side.household)}/end", who(side, "secretary", "office"),
            {"on": TODAY.isoformat(), "reason": "other"}, shows=side.household_id(),
        )
    ],
    "assignments.publish": lambda side: [
        Probe(
            "POST", "/assignments/publish", who(side, "secretary", "office"),
            {"region_id": str(of("region", side.village)), "on": TODAY.isoformat()}, shows='"count"',
        )
    ],
    "assignments.confirm": lambda side: [
        Probe(
            "POST", "/assignments/confirm", who(side, "secretary", "office"),
            {"branch_id": side.branch, "on": TODAY.isoformat()}, shows='"count"',
        )
    ],
    "audit.list_audit": lambda side: [
        Probe(
            "GET", "/audit", who(side, "secretary", "office"), query={"household_id": side.household_id()}, shows='"items"'
        )
    ],
    "figures.read_coverage": _coverage,
    "definitions.list_definitions": _own("GET", "/coverage/definitions", BOUND),
    "members.read_members": lambda side: _figures(side, "/coverage/members", level="branch", shows=side.branch),
    "series.compare": lambda side: _figures(
        side, "/coverage/comparison", period="2026-11", **{"with": "2026-10"}, level="micro_grid",
        shows=str(of("region", side.micro_grid)),
    ),
    "series.read_series": lambda side: _figures(
        side, "/coverage/series", metric="contact_coverage", level="micro_grid", shows=str(of("region", side.micro_grid))
    ),
    "drilling.list_households": _drilling(
        "households", "household", period="2026-11", metric="contact_coverage", state="denominator"
    ),
    "drilling.explain_household": _explained,
    "drilling.list_gaps": _drilling("gaps", "gap"),
    "drilling.list_overdue": _drilling("overdue", "gap"),
    "drilling.list_revisions": _drilling("revisions", None, period="2026-10"),
    # What an export holds is read by the worker, in the scope of whoever asked (tests/api/test_runs.py).
    "exports.ask": lambda _: [
        Probe(
            "POST", "/exports", frozenset({"s_east", "s_west", "cadre", "office"}),
            {"client_id": str(uuid4()), "list": "households", "query": {}}, shows='"waiting"',
        )
    ],
    # Feedback is nobody's household: it belongs to the township, whichever side somebody is on.
    "feedback.send_feedback": lambda _: [Probe("POST", "/feedback", ALL, a_feedback(), shows='"received"')],
    "feedback.read_feedback": _own("GET", f"/feedback/{FEEDBACK}", shows=str(FEEDBACK)),
    "feedback.list_feedback": lambda side: [
        Probe("GET", "/feedback", who(side, "office", "committee"), query=query, shows=str(FEEDBACK), is_list=True)
        for query in ({}, {"state": "received"}, {"cursor": cursor(10**9)})
    ],
    "feedback.answer_feedback": lambda side: [
        Probe("POST", f"/feedback/{FEEDBACK}/answer", who(side, "office", "committee"), {"text": SAID}, shows=str(FEEDBACK))
    ],
    "files.send_file": lambda _: [
        Probe(
            "POST", "/files", frozenset({"s_east", "s_west", "office"}), {"any": "bytes"},
            query={"client_id": str(uuid4())}, headers={"X-File-Name": "x.csv"}, shows='"byte_count"',
        )
    ],
    "households.list_households": _households,
    "households.search_households": lambda side: [
        Probe(
            "POST", "/households/search", who(side, "member", "secretary", "cadre", "office"), {"search": "标记"} | more,
            shows=side.household_id(), is_list=True,
        )
        for more in ({}, {"region": str(of("region", side.village))})
    ],
    "households.get_household": lambda side: [
        Probe(
            "GET", f"/households/{side.household_id()}", who(side, "member", "secretary", "cadre", "office"),
            shows=side.household_id(),
        )
    ],
    "households.create_household": lambda side: [
        Probe(
            "POST", "/households", who(side, "secretary", "office"),
            {
                "client_id": str(uuid4()), "micro_grid_id": str(of("region", side.micro_grid)), "group_name": "二组",
                "head_name": "新标记户", "phone": "13977770000", "address": "标记地址新号", "opened_on": TODAY.isoformat(),
            },
            shows=str(of("region", side.micro_grid)),
        ),
        # The id of a household that is there already, sent as one's own new one.
        Probe(
            "POST", "/households", who(side, "secretary", "office"),
            {
                "client_id": side.household_id(), "micro_grid_id": str(of("region", "e1")), "group_name": "一组",
                "code": side.household, "head_name": HOUSEHOLDS[side.household][1], "phone": phone_of(side.household),
                "address": f"标记地址{side.household}号", "opened_on": OPENED.isoformat(),
            },
            shows=side.household_id(),
        ),
    ],
    "households.edit_household": lambda side: [
        Probe(
            "PATCH", f"/households/{side.household_id()}", who(side, "secretary", "office"),
            {"phone": "13977770001", "head_name": "改标记名"}, headers={"If-Match": '"1"'}, shows=side.household_id(),
        )
    ],
    "households.change_residence": lambda side: _changes(
        side, "/residence", {"status": "away", "from": TODAY.isoformat()}, "office"
    ),
    "households.change_tier": lambda side: _changes(side, "/tier", {"tier": "key", "from": TODAY.isoformat()}, "office"),
    "households.reveal": lambda side: [
        Probe(
            "POST", f"/households/{side.household_id()}/reveal", who(side, "member", "secretary"),
            {"fields": ["head_name", "phone", "address"], "purpose": "visit"}, shows=phone_of(side.household),
        )
    ],
    "imports.template": _own(
        "GET", "/imports/template", frozenset({"s_east", "s_west", "office"}), query={"kind": "people"}, is_list=True
    ),
    "imports.ask": lambda side: [
        Probe(
            "POST", "/imports", who(side, "secretary"),
            {"client_id": str(uuid4()), "kind": "people", "file_id": str(of("file", side.name)), "mode": "check"},
            shows=str(of("file", side.name)),
        )
    ],
    "imports.list_faults": lambda side: [
        Probe("GET", f"/imports/{of('import', side.name)}", who(side, "secretary"), shows=str(of("import", side.name)))
    ],
    "meta.about": _own("GET", "/about"),
    "meta.codes": _own("GET", "/codes"),
    "obligations.raise_must_visit": lambda side: [
        Probe(
            "POST", "/must-visits", who(side, "member", "secretary", "cadre", "office"), a_must_visit(side),
            shows=side.household_id(),
        )
    ],
    "obligations.withdraw_must_visit": lambda side: [
        Probe(
            "POST", f"/must-visits/{side.must_visit}/withdraw", who(side, "member", "secretary", "cadre", "office"),
            {"reason": "mistake"}, shows=str(side.must_visit),
        )
    ],
    "obligations.list_must_visits": _must_visits,
    "messages.list_messages": _own("GET", "/messages", BOUND, shows='"items"'),
    "papers.ask": lambda side: [
        Probe(
            "POST", "/papers", who(side, "secretary", "office"),
            {
                "client_id": str(uuid4()), "paper": "cards", "region_id": str(of("region", side.village)),
                "phone": "02012345678",
            },
            shows='"waiting"',
        )
    ],
    "proposals.make": lambda side: [
        Probe(
            "POST", "/assignments/proposals", who(side, "secretary", "office"),
            {"client_id": str(uuid4()), "place": place, "from": TODAY.isoformat()}, shows=place,
        )
        for place in (side.branch, str(of("region", side.village)))
    ],
    "proposals.list_proposals": lambda side: [
        Probe(
            "GET", "/assignments/proposals", who(side, "secretary"), query=query, shows=str(side.proposal), is_list=True
        )
        for query in ({}, {"cursor": cursor("2100-01-01T00:00:00+00:00", UUID(int=0))})
    ],
    "proposals.get_proposal": lambda side: [
        Probe("GET", f"/assignments/proposals/{side.proposal}", who(side, "secretary"), shows=str(side.proposal))
    ],
    "proposals.list_items": lambda side: [
        Probe(
            "GET", f"/assignments/proposals/{side.proposal}/items", who(side, "secretary"), query=query,
            shows=side.household_id(side.gap),
        )
        for query in ({}, {"cursor": cursor("", UUID(int=0))})
    ],
    "proposals.edit_item": lambda side: [
        Probe(
            "POST", f"/assignments/proposals/{side.proposal}/items/{side.household_id(side.gap)}", who(side, "secretary"),
            {"person_id": str(of("person", side.other))}, shows=str(of("person", side.other)),
        )
    ],
    "proposals.apply": lambda side: [
        Probe(
            "POST", f"/assignments/proposals/{side.proposal}/apply", who(side, "secretary"),
            headers={"If-Match": '"1"'}, shows=str(side.proposal),
        )
    ],
    "people.list_people": lambda side: [
        Probe("GET", "/people", who(side, "secretary", "office"), query=query, shows=str(of("person", side.other)), is_list=True)
        for query in ({}, {"branch": side.branch}, {"cursor": cursor(UUID(int=0))})
    ],
    "people.search_people": lambda side: [
        Probe(
            "POST", "/people/search", who(side, "secretary", "office"), {"search": "人名"} | more,
            shows=str(of("person", side.other)), is_list=True,
        )
        for more in ({}, {"branch": side.branch})
    ],
    "people.get_person": lambda side: [
        Probe("GET", f"/people/{of('person', side.other)}", who(side, "secretary", "office"), shows=str(of("person", side.other)))
    ],
    "people.create_person": lambda side: [
        Probe(
            "POST", "/people", who(side, "secretary", "office"),
            {
                "client_id": str(uuid4()), "branch_id": side.branch, "name": "新人名", "phone": "13977770009",
                "kind": "full", "from": TODAY.isoformat(),
            },
            shows=side.branch,
        ),
    ],
    "people.edit_person": lambda side: [
        Probe(
            "PATCH", f"/people/{of('person', side.other)}", who(side, "secretary", "office"),
            {"name": "改人名", "phone": "13977770008"}, headers={"If-Match": '"1"'}, shows=str(of("person", side.other)),
        )
    ],
    "people.exempt": lambda side: _service(side, "exemptions", {"reason": "age", "from": TODAY.isoformat()}),
    "people.end_exemption": lambda side: _service(side, "return", {"on": TODAY.isoformat()}, exempt_of(side)),
    "people.transfer": lambda side: _service(
        side, "transfer", {"branch_id": side.branch, "kind": "cadre", "on": TODAY.isoformat()}
    ),
    "people.leave": lambda side: _service(side, "leave", {"reason": "died", "on": TODAY.isoformat()}),
    "regions.get_region": lambda side: [
        Probe("GET", f"/regions/{of('region', side.micro_grid)}", _regions(side)[0].may, shows=side.branch)
    ],
    "regions.list_regions": _regions,
    "regions.list_branches": lambda side: [
        Probe(
            "GET", "/branches",
            who(side, "member", "secretary", "cadre", "office", "committee", "admin") | ({"m4"} if side is WEST else set()),
            query=query, shows=side.branch, is_list=True,
        )
        for query in ({}, {"cursor": cursor(UUID(int=0))})
    ],
    "regions.list_rules": _own(
        "GET", "/rules", ALL - {"stranger", "nobody"}, query={"area": "999902101000"}, shows="interval_ordinary"
    ),
    "regions.set_rule": _own(
        "POST", "/rules", frozenset({"office"}), shows="load_hard_max",
        body={"region_id": str(of("region", "town")), "name": "load_hard_max", "number": 25, "from": "2099-01-01"},
    ),
    "runs.list_runs": lambda side: [
        Probe("GET", "/runs", who(side, "secretary"), query=query, shows=str(of("import", side.name)), is_list=True)
        for query in ({}, {"cursor": cursor("2100-01-01T00:00:00+00:00", UUID(int=0))}, {"work": "import"})
    ],
    "runs.get_run": lambda side: [
        Probe("GET", f"/runs/{of('import', side.name)}", who(side, "secretary"), shows=str(of("import", side.name)))
    ],
    "runs.stop": lambda side: [
        Probe("POST", f"/runs/{of('waiting', side.name)}/stop", who(side, "secretary"), shows='"stopped"')
    ],
    "runs.download": lambda side: [
        Probe("GET", f"/runs/{of('import', side.name)}/file", who(side, "secretary"), shows="PK")
    ],
    "sync.synchronise": lambda side: [
        Probe("GET", "/sync", who(side, "member"), query=query, shows=side.household_id(), is_list=True)
        for query in ({}, {"limit": "500"}, {"cursor": cursor(UUID(int=0))})
    ],
    "visits.record_visit": _record,
    "visits.record_visits": _batch,
    "visits.void_visit": lambda side: [
        Probe(
            "POST", f"/visits/{side.visit}/void", who(side, "member", "secretary", "cadre"), {"reason": "duplicate"},
            shows=NOTE + side.name,
        )
    ],
    "visits.list_visits": _visits,
}  # fmt: skip


def operations(app: Sanic[Any, Any]) -> Iterator[tuple[str, str, str, Spec]]:
    """(operation, method, path, spec) of every endpoint that the application serves."""
    for route in app.router.routes:
        spec: Spec | None = getattr(route.handler, "spec", None)
        if spec is not None:
            name = f"{spec.handler.__module__.rsplit('.', 1)[-1]}.{spec.handler.__name__}"
            for method in sorted(set(route.methods) - {"OPTIONS", "HEAD"}):
                yield name, method, "/" + str(route.path), spec


def headers(viewer: str) -> dict[str, str]:
    """The session of a viewer; none for nobody."""
    return {} if viewer == "nobody" else {"Authorization": f"Bearer {token_of(viewer)}"}


async def call(client: httpx.AsyncClient, probe: Probe, viewer: str, **more: str) -> httpx.Response:
    """Send a probe as a viewer."""
    return await client.request(
        probe.method, probe.path, json=probe.body, params=dict(probe.query), headers=headers(viewer) | dict(probe.headers) | more
    )  # fmt: skip


async def furnish(client: httpx.AsyncClient) -> None:
    """What the probes aim at beyond the world: a visit and a must-visit of each side, feedback, an invitation, and a second
    session to end."""
    for side in SIDES:
        visit = a_visit(side, client_id=str(side.visit), note=NOTE + side.name)
        answer = await client.post("/visits", json=visit, headers=headers(side.member))
        assert answer.status_code == 201, answer.text
        must_visit = a_must_visit(side, client_id=str(side.must_visit), kind="illness")
        answer = await client.post("/must-visits", json=must_visit, headers=headers(side.member))
        assert answer.status_code == 201, answer.text
        exempt = {"reason": "other", "from": TODAY.isoformat()}
        path = f"/people/{of('person', exempt_of(side))}/exemptions"
        answer = await client.post(path, json=exempt, headers=headers("office"))
        assert answer.status_code == 200, answer.text
        await long_work(client, side, TODAY.isoformat(), database.execute)
    answer = await client.post("/feedback", json=a_feedback(client_id=str(FEEDBACK)))
    assert answer.status_code == 201, answer.text
    await invite(of("person", "m4"), INVITE_CODE)


async def long_work(client: httpx.AsyncClient, side: Side, day: str, execute: Callable[..., Awaitable[Any]]) -> None:
    """What a secretary has sent in and had done: a file, an import with its report, a run that waits, a proposal.

    The report is the file itself: what an import finds is no subject here, and doing one would start a process each time.
    """
    as_whom, found, file_id = headers(side.secretary), of("import", side.name), of("file", side.name)
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/imports", {"client_id": str(found), "kind": "people", "file_id": str(file_id), "mode": "check"}),
        ("/exports", {"client_id": str(of("waiting", side.name)), "list": "households", "query": {}}),
        ("/assignments/proposals", {"client_id": str(side.proposal), "place": side.branch, "from": day}),
    ]
    answer = await client.post(
        "/files", params={"client_id": str(file_id)}, content=b"PK", headers=as_whom | {"X-File-Name": "x.csv"}
    )
    assert answer.status_code == 201, answer.text
    for path, body in bodies:
        answer = await client.post(path, json=body, headers=as_whom)
        assert answer.status_code == 201, answer.text
    await execute("UPDATE run SET state = 'done', finished_at = now(), result_id = file_id WHERE id = $1", found)


async def invite(person_id: UUID, code: str) -> None:
    """An invitation that is in force by the clock of the database."""
    await database.execute(
        "INSERT INTO invitation (id, person_id, code_hash, expires_at) VALUES ($1, $2, $3, now() + interval '7 days')",
        uuid4(), person_id, token_hash(code.replace("-", "")),
    )  # fmt: skip


class _Undo(Exception):
    pass


@contextlib.asynccontextmanager
async def undone() -> AsyncIterator[None]:
    """Whatever the block writes is taken back at its end."""
    with contextlib.suppress(_Undo):
        async with database.transaction():
            yield
            raise _Undo


_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"


async def snapshot() -> dict[str, str]:
    """Number and hash of the rows of every table."""
    tables = [row["relname"] for row in await database.fetch(_TABLES)]
    assert len(tables) > 15
    return {row["name"]: row["state"] for row in await database.fetch(" UNION ALL ".join(map(state_of, tables)))}


def state_of(table: str) -> str:
    """SQL for the number and the hash of a table's rows."""
    return f"""SELECT '{table}' AS name, count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') AS state
               FROM "{table}" t"""
