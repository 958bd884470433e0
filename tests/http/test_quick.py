"""The quick way through a schema equals marshmallow's: the same values, or the very same words.

`FUZZ_SEED` chooses other odd inputs; a failing run names the input.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from marshmallow import ValidationError

import handlers.coverage.figures
import handlers.coverage.series
from backend.http.endpoint import Answer, Spec
from backend.http.quick import quick_dump, quick_load, to_json
from backend.services.coverage.answers import ReadyAnswers
from backend.settings import CHINA
from schemas.accounts import BindIn, GrantIn, PasswordIn, WechatIn
from schemas.assignments import AssignmentEndIn, AssignmentIn, ConfirmIn, PublishIn
from schemas.exports import ExportIn
from schemas.feedback import AnswerIn, FeedbackIn
from schemas.fields import Wire, fields, path_messages
from schemas.households import HouseholdIn, HouseholdPatch, HouseholdsSearchIn, ResidenceIn, RevealIn, TierIn
from schemas.imports import ImportIn
from schemas.obligations import MustVisitIn, WithdrawIn
from schemas.papers import PaperIn
from schemas.people import ExemptionIn, LeaveIn, PeopleSearchIn, PersonIn, PersonPatch, ReturnIn, TransferIn
from schemas.proposals import ItemIn, ProposalIn
from schemas.regions import RuleIn
from schemas.visits import BatchIn, VisitIn, VoidIn
from tests.api.probes import PROBES, SIDES, VIEWERS, call, furnish, operations, undone

SEED = int(os.environ.get("FUZZ_SEED", "7"))
ID, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
DAY = "2026-11-08"
#: A right body of each schema that is ever loaded from a body.
GOOD: dict[type[Wire], dict[str, Any]] = {
    VisitIn: {
        "client_id": ID, "household_id": OTHER, "occurred_on": DAY, "noted_at": "2026-11-08T09:30:00+08:00",
        "mode": "in_person", "outcome": "met", "topics": ["care", "policy"], "note": "院里路灯坏了", "companion_ids": [OTHER],
        "on_behalf_of": ID, "backfill_reason": "busy", "needs_follow_up": True,
    },
    VoidIn: {"reason": "other"},
    BatchIn: {"visits": []},
    WechatIn: {"code": "standin:x"},
    BindIn: {"invite_code": "7KQM-3F9T-XW2P"},
    PasswordIn: {"account": "office", "password": "a", "totp": "123456"},
    GrantIn: {"role": "area_cadre", "place": ID, "from": DAY, "to": "2027-01-01"},
    AssignmentIn: {
        "client_id": ID, "household_id": OTHER, "person_id": ID, "role": "backup", "source": "appointed", "from": DAY,
        "replace_planned": False,
    },
    PublishIn: {"region_id": ID, "on": DAY},
    ConfirmIn: {"branch_id": ID, "on": DAY},
    PersonIn: {
        "client_id": ID, "name": "王五", "phone": "13900000000", "branch_id": OTHER, "kind": "full", "abilities": ["care"],
        "from": DAY,
    },
    PersonPatch: {"name": "王五", "phone": None, "abilities": ["care"]},
    ExemptionIn: {"reason": "other", "from": DAY, "to": "2027-01-01", "keeps_links": True},
    ReturnIn: {"on": DAY},
    TransferIn: {"branch_id": ID, "kind": "full", "on": DAY},
    LeaveIn: {"reason": "other", "on": DAY},
    PeopleSearchIn: {"search": "王", "branch": ID, "limit": 20},
    HouseholdsSearchIn: {"search": "wx", "region": ID, "limit": 20},
    ImportIn: {"client_id": ID, "kind": "people", "file_id": OTHER, "mode": "check"},
    ExportIn: {"client_id": ID, "list": "people", "query": {"branch": ID}},
    PaperIn: {
        "client_id": ID, "paper": "cards", "region_id": OTHER, "phone": "13900000000", "place": "村委会", "first_on": DAY,
    },
    ProposalIn: {"client_id": ID, "place": OTHER, "from": DAY, "redo": True},
    ItemIn: {"person_id": ID},
    AssignmentEndIn: {"on": DAY, "reason": "other"},
    HouseholdIn: {
        "client_id": ID, "micro_grid_id": OTHER, "code": "h1", "group_name": "一组", "head_name": "王五", "phone": "13900000000",
        "address": "村口", "opened_on": DAY, "residence": "away",
    },
    HouseholdPatch: {"group_name": "一组", "head_name": "王五", "phone": None, "address": "村口"},
    ResidenceIn: {"status": "resident", "micro_grid_id": ID, "from": DAY, "replace_planned": True},
    TierIn: {"tier": "key", "reason": "health", "from": DAY, "to": "2027-01-01", "replace_planned": False},
    RevealIn: {"fields": ["phone", "address"], "purpose": "visit"},
    MustVisitIn: {"client_id": ID, "household_id": OTHER, "kind": "illness", "since": DAY},
    WithdrawIn: {"reason": "mistake"},
    FeedbackIn: {"client_id": ID, "kind": "fault", "text": "打不开", "contact": "13900001111", "signed": True},
    AnswerIn: {"text": "已经改好"},
    RuleIn: {"region_id": ID, "name": "interval_key", "number": 21, "from": DAY, "replace_planned": True},
}  # fmt: skip
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 1.0, 1.5, float("inf"), 10**30, "", " ", "  x  ", "x" * 201, "长" * 200, "长" * 201, "\x00", "a\x00b",
    "\ud800", "a\tb", "a\nb", "a\rb", "\u200b", "　全角　", "😀" * 200, [], {}, [[]], [None], [1], ["care"], ["care", "care"], ["care", "nope"],
    ["care"] * 13, [ID], [ID, ID], [ID, OTHER], [ID.upper()], [[ID]], [{}], {"a": 1}, ("care",), {"care"}, b"x",
    ID, ID.upper(), ID[:-1], ID + " ", "{" + ID + "}", "urn:uuid:" + ID, ID.replace("-", ""), "0000000０-0000-4000-8000-000000000001",
    UUID(ID), ID + "\n", "in_person", "IN_PERSON", "met", "other", "resident", "key", "phone", "true", "false", "yes", "null", "12", "1e3",
    DAY, "2026-11-8", "2026-02-30", "2026-11-08 ", "20261108", "2026-W45-7", "1899-12-31", "2201-01-01", "0000-00-00", "２026-11-08",
    "2026-11-08\n", "2026-11-08T00:00:00", "2026-11-08T09:30:00Z", "2026-11-08T09:30:00z", "2026-11-08 09:30:00+08:00",
    "2026-11-08T09:30:00,5+08:00", "2026-11-08T09:30:00.123456789+08:00", "2026-11-08T09:30:00.5+08:00", "2026-11-08T09:30+08:00",
    "2026-11-08T24:00:00+08:00", "2026-11-08T09:30:60+08:00", "2026-11-08T09:30:00-00:00", "2026-11-08T09:30:00+08:00:30",
    "2026-11-08T09:30:00+99:99", "2026-11-08T09:30:00+23:59", "2026-11-08T09:30:0９+08:00", "1900-01-01T00:00:00+08:00",
    "2200-12-31T23:59:59-23:59", 1730000000, datetime(2026, 11, 8, tzinfo=UTC),
]  # fmt: skip


def outcome(load: Callable[[Any], Any], body: Any) -> str:
    """What a loader makes of a body, in a form that tells 1 from True and one order of fields from another."""
    try:
        loaded = load(body)
    except ValidationError as invalid:
        return f"invalid {invalid.messages!r}"
    except Exception as error:
        return f"error {type(error).__name__}"
    return "loaded " + repr(sorted(loaded.items(), key=lambda item: item[0]) if isinstance(loaded, dict) else loaded)


def bodies(schema: type[Wire], number: int) -> Iterator[Any]:
    good, chance = GOOD[schema], random.Random(f"{SEED}:{schema.__name__}")
    yield from (
        None,
        [],
        "x",
        5,
        True,
        [good],
        {},
        good,
        {**good, "extra": 1},
        {1: 2},
        {None: 1},
        {**good, "_schema": 1},
    )
    for _ in range(number):
        body = dict(good)
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            name = chance.choice([*good, "extra"] if chance.random() < 0.1 else [*good])
            if chance.random() < 0.15:
                body.pop(name, None)
            else:
                body[name] = chance.choice(ODD)
        yield body


@pytest.mark.parametrize("schema", GOOD, ids=lambda schema: schema.__name__)
def test_quick_load_equals_load(schema: type[Wire], monkeypatch: pytest.MonkeyPatch) -> None:
    one = schema()
    for name, field in one.load_fields.items():
        if field.load_default is uuid4:  # a new id each time: both ways must take it from here
            monkeypatch.setattr(field, "load_default", lambda: UUID(ID))
            assert name == "client_id"
    quick, tried, right = quick_load(one), 0, 0
    for body in bodies(schema, 20_000 if schema is VisitIn else 3_000):
        slow_way, quick_way = outcome(one.load, body), outcome(quick, body)
        assert slow_way == quick_way, body
        tried, right = tried + 1, right + slow_way.startswith("loaded")
    assert 0.02 * tried < right < 0.98 * tried, "the inputs are all wrong, or all right: they try one half alone"


@pytest.mark.parametrize("schema", GOOD, ids=lambda schema: schema.__name__)
def test_every_refusal_is_a_sentence_in_chinese(schema: type[Wire]) -> None:
    for body in bodies(schema, 500):
        try:
            schema().load(body)
        except ValidationError as invalid:
            sentences = [sentence for found in path_messages(invalid.messages).values() for sentence in found]
            assert sentences and all(re.search("[一-鿿]", sentence) for sentence in sentences), (body, sentences)


def test_a_batch_is_read_loosely() -> None:
    """Nothing in the list, not even null, may refuse its neighbours; and what is no list is said in words."""
    sent: list[Any] = [GOOD[VisitIn], None, 7, [], "x", {}]
    assert BatchIn().load({"visits": sent}) == {"visits": sent}
    wrongs: list[dict[str, Any]] = [{"visits": "x"}, {"visits": None}, {}, {"visits": {}}]
    for wrong in wrongs:
        with pytest.raises(ValidationError) as refused:
            BatchIn().load(wrong)
        assert re.search("[一-鿿]", str(refused.value.messages))


def test_every_body_of_the_api_is_tried(app: Any) -> None:
    assert {type(spec.body) for *_, spec in operations(app) if spec.body is not None} == set(GOOD)


def test_the_common_visit_does_take_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else both ways are equal because they are one."""
    one = VisitIn()
    quick = quick_load(one)
    monkeypatch.setattr(type(one), "load", lambda *_, **__: pytest.fail("marshmallow was asked"))
    assert quick(GOOD[VisitIn])["client_id"] == UUID(ID)
    assert quick(
        {
            name: GOOD[VisitIn][name]
            for name in ("client_id", "household_id", "occurred_on", "noted_at", "mode", "outcome")
        }
    )


def test_defaults_are_made_anew_for_each_body() -> None:
    short = {name: value for name, value in GOOD[VisitIn].items() if name not in ("topics", "companion_ids")}
    quick = quick_load(VisitIn())
    first = quick(short)
    first["topics"].append("spoilt")
    assert quick(short)["topics"] == []


def test_no_schema_checks_more_than_its_fields(app: Any) -> None:
    """The quick way goes through the fields; a hook of a schema would be left out silently."""
    for *_, spec in operations(app):
        for schema in (spec.body, spec.answer):
            assert schema is None or not any(schema._hooks.values()), type(schema)


def test_a_schema_with_a_field_that_is_never_sure_is_marshmallows() -> None:
    one = BatchIn()
    assert quick_load(one).__func__ is Wire.load  # type: ignore[attr-defined]


KEPT_AS_BYTES = {
    "figures.read_coverage": (handlers.coverage.figures, "_dump"),
    "series.read_series": (handlers.coverage.series, "_dump_series"),
    "series.compare": (handlers.coverage.series, "_dump_comparison"),
}


@pytest.mark.parametrize("operation", PROBES)
async def test_quick_dump_equals_dump(
    client: httpx.AsyncClient, app: Any, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the real answers of every endpoint, to everybody who gets one."""
    await furnish(client)
    (spec,) = [spec for name, _, _, spec in operations(app) if name == operation]
    if spec.answer is None:
        pytest.skip("no content")
    given: list[Any] = []
    if operation in KEPT_AS_BYTES:  # its service keeps bytes; the figures are what they are made from
        module, name = KEPT_AS_BYTES[operation]
        dump = getattr(module, name)

        def keep(figures: dict[str, Any]) -> Any:
            given.append(figures)
            return dump(figures)

        monkeypatch.setattr(module, name, keep)
        monkeypatch.setattr(app.ctx, "ready", ReadyAnswers())
    answered = 0
    for viewer in VIEWERS:
        for side in SIDES:
            for probe in PROBES[operation](side):
                async with undone(), _watched(spec, given):
                    answer = await call(client, probe, viewer)
                if answer.status_code < 300 and given:
                    answered += 1
                    data = given[-1]
                    assert orjson.loads(answer.content) == orjson.loads(orjson.dumps(spec.answer.dump(data)))
                    assert orjson.loads(to_json(quick_dump(spec.answer)(data))) == orjson.loads(answer.content)
                given.clear()
    assert answered > 0 or operation == "accounts.sign_in_with_password"


class _watched:  # noqa: N801
    """Keep what the handler of a spec gives back."""

    def __init__(self, spec: Spec, given: list[Any]) -> None:
        self.spec, self.given, self.handler = spec, given, spec.handler

    async def __aenter__(self) -> None:
        async def watch(*arguments: Any, **named: Any) -> Any:
            result = await self.handler(*arguments, **named)
            data = result.data if isinstance(result, Answer) else result
            if isinstance(data, dict):
                self.given.append(data)
            return result

        object.__setattr__(self.spec, "handler", watch)

    async def __aexit__(self, *_: object) -> None:
        object.__setattr__(self.spec, "handler", self.handler)


def test_quick_dump_lets_nothing_else_out_and_misses_nothing() -> None:
    from schemas.households import HouseholdOut

    row = dict.fromkeys(HouseholdOut().dump_fields, None)
    dumped = quick_dump(HouseholdOut())(row | {"head_sealed": b"x", "phone_sealed": b"x"})
    assert set(dumped) == set(HouseholdOut().dump_fields)
    with pytest.raises(KeyError):
        quick_dump(HouseholdOut())({name: None for name in row if name != "version"})


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 8, 9, 30, tzinfo=CHINA), datetime(2026, 11, 8, 9, 30, 0, 5, tzinfo=CHINA),
        datetime(2026, 11, 8, 1, 30, tzinfo=UTC), datetime(1900, 1, 1, tzinfo=UTC), datetime(1985, 7, 1, 3, 4, 5, tzinfo=CHINA),
        datetime(2026, 11, 8, tzinfo=CHINA) - timedelta(days=20_000),
    ],
    ids=str,
)  # fmt: skip
def test_instants_are_written_alike(moment: datetime) -> None:
    class Row(Wire):
        at = fields.AwareDateTime(required=True)
        on = fields.Date(required=True)

    row = {"at": moment, "on": moment.date()}
    written = orjson.loads(to_json(quick_dump(Row())(row)))
    assert written == orjson.loads(orjson.dumps(Row().dump(row)))
    assert datetime.fromisoformat(written["at"]) == moment
