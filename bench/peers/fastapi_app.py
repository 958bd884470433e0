"""FastAPI, pydantic 2 and the asynchronous ORM of SQLAlchemy over asyncpg.

Companions and entering for another member are checked in shape and then refused: nothing measures them.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    DateTime,
    ForeignKey,
    LargeBinary,
    Text,
    Uuid,
    and_,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from backend.rules import visits as rules
from backend.settings import CHINA
from bench.peers import common

engine = create_async_engine(
    common.settings.database_url.replace("postgresql:", "postgresql+asyncpg:", 1),
    pool_size=common.POOL_SIZE,
    max_overflow=0,
)
Db = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map = {
        UUID: Uuid,
        bytes: LargeBinary,
        str: Text,
        datetime: DateTime(timezone=True),
        date: Date,
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid),
    }


class Dated:
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class SignIn(Base):
    __tablename__ = "session"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Account(Base):
    __tablename__ = "account"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID | None]
    disabled_at: Mapped[datetime | None]
    grants: Mapped[list[RoleGrant]] = relationship()


class RoleGrant(Dated, Base):
    __tablename__ = "role_grant"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    role: Mapped[str]
    region_id: Mapped[UUID | None]
    branch_id: Mapped[UUID | None]


class Membership(Dated, Base):
    __tablename__ = "membership"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    branch_id: Mapped[UUID]


class Household(Base):
    __tablename__ = "household"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    opened_on: Mapped[date]


class Assignment(Dated, Base):
    __tablename__ = "assignment"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"))
    person_id: Mapped[UUID]


class Region(Base):
    __tablename__ = "region"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str | None]
    level: Mapped[str]
    name: Mapped[str]
    path: Mapped[list[UUID]]


class Visit(Base):
    __tablename__ = "visit"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"))
    visitor_id: Mapped[UUID]
    entered_by: Mapped[UUID]
    occurred_on: Mapped[date]
    noted_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    mode: Mapped[str]
    outcome: Mapped[str]
    topics: Mapped[list[str]]
    companion_ids: Mapped[list[UUID]]
    note_sealed: Mapped[bytes | None]
    note_index: Mapped[bytes | None]
    backfill_reason: Mapped[str | None]
    needs_follow_up: Mapped[bool]
    body_mac: Mapped[bytes]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]


class AuditEntry(Base):
    __tablename__ = "audit_entry"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    account_id: Mapped[UUID | None]
    action: Mapped[str]
    subject_id: Mapped[UUID | None]
    changed: Mapped[list[str]]
    request_id: Mapped[str | None]


def _unique(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("repeated")
    return values


Mode = StrEnum("Mode", {code: code for code in rules.MODES})
Outcome = StrEnum("Outcome", {code: code for code in rules.OUTCOMES})
Topic = StrEnum("Topic", {code: code for code in rules.TOPICS})
Reason = StrEnum("Reason", {code: code for code in rules.BACKFILL_REASONS})
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Topics = Annotated[list[Topic], Field(max_length=12), AfterValidator(_unique)]
Companions = Annotated[list[UUID], Field(max_length=10), AfterValidator(_unique)]


class VisitIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    client_id: UUID
    household_id: UUID
    occurred_on: date
    noted_at: AwareDatetime
    mode: Mode
    outcome: Outcome
    topics: Topics = []
    note: Note | None = None
    companion_ids: Companions = []
    on_behalf_of: UUID | None = None
    backfill_reason: Reason | None = None
    needs_follow_up: bool = Field(default=False, strict=True)

    @field_validator("companion_ids", "on_behalf_of")
    @classmethod
    def not_compared(cls, value: Any) -> Any:
        if value:
            raise ValueError("not part of the comparison")
        return value


class VisitOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    client_id: UUID
    household_id: UUID
    visitor_id: UUID
    entered_by: UUID
    occurred_on: date
    noted_at: datetime
    recorded_at: datetime
    mode: str
    outcome: str
    topics: list[str]
    companion_ids: list[UUID]
    note: str | None
    backfill_reason: str | None
    needs_follow_up: bool
    late: bool
    state: Literal["recorded", "voided"]
    void_reason: str | None


class Figure(BaseModel):
    value: float | None
    numerator: int
    denominator: int
    pending: int
    note: str | None


class Counts(BaseModel):
    due: int
    party: int
    not_yet: int


class Sums(BaseModel):
    metrics: dict[str, Figure]
    households: Counts


class Row(Sums):
    area: UUID
    code: str
    name: str


class AreaOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    code: str
    name: str
    level: str


class CoverageOut(BaseModel):
    area: AreaOut
    period: str
    on: date
    as_of: datetime
    total: Sums
    rows: list[Row]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


async def open_session() -> AsyncIterator[AsyncSession]:
    async with Db() as session:
        yield session


Session = Annotated[AsyncSession, Depends(open_session)]


def in_force(table: type[Dated], day: date) -> Any:
    return and_(table.valid_from <= day, or_(table.valid_to.is_(None), table.valid_to > day))


async def signed_in(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)], db: Session
) -> tuple[Account, Membership | None]:
    """The account of the token with its roles, and where the person is in service today."""
    today = common.today()
    found = await db.execute(
        select(Account, Membership)
        .join(SignIn, SignIn.account_id == Account.id)
        .outerjoin(Membership, and_(Membership.person_id == Account.person_id, in_force(Membership, today)))
        .options(selectinload(Account.grants.and_(in_force(RoleGrant, today))))
        .where(
            SignIn.token_hash == hashlib.sha256(credentials.credentials.encode()).digest(),
            SignIn.revoked_at.is_(None),
            SignIn.expires_at > func.now(),
            Account.disabled_at.is_(None),
        )
    )
    row = found.first()
    if row is None:
        raise HTTPException(401)
    return row[0], row[1]


Viewer = Annotated[tuple[Account, Membership | None], Depends(signed_in)]


@app.post("/api/v1/visits", status_code=201, response_model=VisitOut)
async def record_visit(body: VisitIn, viewer: Viewer, db: Session, response: Response) -> dict[str, Any]:
    account, membership = viewer
    if membership is None:
        raise HTTPException(403)
    values = body.model_dump()
    fault = common.date_fault(values)
    if fault:
        raise HTTPException(422, fault)
    mac = common.body_mac(values)
    known = await db.get(Visit, body.client_id)
    if known is not None:
        return again(known, account, mac, response)
    linked = await db.scalar(
        select(Household.id)
        .join(Assignment, Assignment.household_id == Household.id)
        .where(
            Household.id == body.household_id,
            Household.opened_on <= body.occurred_on,
            Assignment.person_id == account.person_id,
            in_force(Assignment, body.occurred_on),
        )
        .limit(1)
    )
    if linked is None:
        raise HTTPException(404)
    sealed, index = common.seal_note(body.note, body.client_id)
    visit = Visit(
        id=body.client_id,
        visitor_id=account.person_id,
        entered_by=account.id,
        note_sealed=sealed,
        note_index=index,
        body_mac=mac,
        **body.model_dump(exclude={"client_id", "note", "on_behalf_of"}),
    )
    db.add(visit)
    entry = AuditEntry(
        account_id=account.id, action="visit.record", subject_id=visit.id, changed=[], request_id=uuid4().hex
    )
    db.add(entry)
    try:
        await db.commit()
    except IntegrityError:  # another request wrote this id meanwhile
        await db.rollback()
        known = await db.get(Visit, body.client_id)
        if known is None:
            raise
        return again(known, account, mac, response)
    return shown(visit, body.note)


def again(visit: Visit, account: Account, mac: bytes, response: Response) -> dict[str, Any]:
    """The answer for a visit that is there already."""
    if visit.entered_by != account.id or visit.body_mac != mac:
        raise HTTPException(409)
    response.status_code = 200
    return shown(visit, common.note_of(visit))


def shown(visit: Visit, note: str | None) -> dict[str, Any]:
    values = {name: getattr(visit, name, None) for name in VisitOut.model_fields}
    return values | {
        "client_id": visit.id,
        "noted_at": visit.noted_at.astimezone(CHINA),
        "recorded_at": visit.recorded_at.astimezone(CHINA),
        "note": note,
        "late": rules.is_late(visit.occurred_on, visit.recorded_at),
        "state": "voided" if visit.voided_at else "recorded",
    }


@app.get("/api/v1/coverage", response_model=CoverageOut)
async def read_coverage(
    area: str, period: str, viewer: Viewer, db: Session, level: Literal["village"] = "village", on: date | None = None
) -> dict[str, Any]:
    account, _ = viewer
    region = await db.scalar(select(Region).where(Region.code == area))
    places = {grant.region_id for grant in account.grants if grant.role in common.READERS}
    if region is None or places.isdisjoint(region.path):
        raise HTTPException(404)
    month = common.stock_day(period, on)
    if month is None:
        raise HTTPException(422)
    found = await db.execute(text(common.COVERAGE), {"area": region.id, "period": month[0], "day": month[1]})
    total, rows = common.figures_of(found.mappings().all())
    return {
        "area": region, "period": period, "on": month[1], "as_of": datetime.now(CHINA), "total": total, "rows": rows,
    }  # fmt: skip
