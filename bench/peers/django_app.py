"""Django and Django REST framework in one file, psycopg 3 with its pool, served by gunicorn with threads.

Companions and entering for another member are checked in shape and then refused: nothing measures them.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import django
from django.conf import settings

from backend.rules import visits as rules
from backend.settings import CHINA
from bench.peers import common

_url = urlsplit(common.settings.database_url)
settings.configure(
    DEBUG=False,
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    TIME_ZONE="Asia/Shanghai",
    INSTALLED_APPS=["django.contrib.postgres", "rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _url.path[1:],
            "USER": _url.username,
            "HOST": parse_qs(_url.query).get("host", [_url.hostname])[0],
            "PORT": parse_qs(_url.query).get("port", [_url.port or 5432])[0],
            "OPTIONS": {"pool": {"min_size": common.POOL_SIZE, "max_size": common.POOL_SIZE}},
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.contrib.postgres.fields import ArrayField  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import IntegrityError, connection, models, transaction  # noqa: E402
from django.db.models import Q  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework import exceptions, serializers  # noqa: E402
from rest_framework.authentication import BaseAuthentication, get_authorization_header  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Table(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4)

    class Meta:
        abstract = True
        app_label = "bench"
        managed = False


class Dated(Table):
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta(Table.Meta):
        abstract = True


class Account(Table):
    person_id = models.UUIDField(null=True)
    disabled_at = models.DateTimeField(null=True)
    is_authenticated = True

    class Meta(Table.Meta):
        db_table = "account"


class SignIn(Table):
    token_hash = models.BinaryField()
    account = models.ForeignKey(Account, models.PROTECT)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta(Table.Meta):
        db_table = "session"


class RoleGrant(Dated):
    account = models.ForeignKey(Account, models.PROTECT, related_name="grants")
    role = models.TextField()
    region_id = models.UUIDField(null=True)
    branch_id = models.UUIDField(null=True)

    class Meta(Table.Meta):
        db_table = "role_grant"


class Membership(Dated):
    person_id = models.UUIDField()
    branch_id = models.UUIDField()

    class Meta(Table.Meta):
        db_table = "membership"


class Household(Table):
    opened_on = models.DateField()

    class Meta(Table.Meta):
        db_table = "household"


class Assignment(Dated):
    household = models.ForeignKey(Household, models.PROTECT)
    person_id = models.UUIDField()

    class Meta(Table.Meta):
        db_table = "assignment"


class Region(Table):
    code = models.TextField(null=True)
    level = models.TextField()
    name = models.TextField()
    path = ArrayField(models.UUIDField())

    class Meta(Table.Meta):
        db_table = "region"


class Visit(Table):
    household_id = models.UUIDField()
    visitor_id = models.UUIDField()
    entered_by = models.UUIDField()
    occurred_on = models.DateField()
    noted_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    mode = models.TextField()
    outcome = models.TextField()
    topics = ArrayField(models.TextField())
    companion_ids = ArrayField(models.UUIDField())
    note_sealed = models.BinaryField(null=True)
    note_index = models.BinaryField(null=True)
    backfill_reason = models.TextField(null=True)
    needs_follow_up = models.BooleanField()
    body_mac = models.BinaryField()
    voided_at = models.DateTimeField(null=True)
    void_reason = models.TextField(null=True)

    class Meta(Table.Meta):
        db_table = "visit"

    @property
    def client_id(self) -> Any:
        return self.id

    @property
    def note(self) -> str | None:
        return common.note_of(self)

    @property
    def late(self) -> bool:
        return rules.is_late(self.occurred_on, self.recorded_at)

    @property
    def state(self) -> str:
        return "voided" if self.voided_at else "recorded"


class AuditEntry(models.Model):
    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    account_id = models.UUIDField(null=True)
    action = models.TextField()
    subject_id = models.UUIDField(null=True)
    changed = ArrayField(models.TextField(), default=list)
    request_id = models.TextField(null=True)

    class Meta(Table.Meta):
        db_table = "audit_entry"


def in_force(day: date) -> Q:
    return Q(valid_from__lte=day) & (Q(valid_to__isnull=True) | Q(valid_to__gt=day))


class TokenAuthentication(BaseAuthentication):
    """The account of the bearer token."""

    def authenticate(self, request: Request) -> tuple[Account, SignIn]:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme != "Bearer":
            raise exceptions.NotAuthenticated
        try:
            session = SignIn.objects.select_related("account").get(
                token_hash=hashlib.sha256(token.encode()).digest(),
                revoked_at__isnull=True,
                expires_at__gt=timezone.now(),
                account__disabled_at__isnull=True,
            )
        except SignIn.DoesNotExist:
            raise exceptions.AuthenticationFailed from None
        return session.account, session

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class KeyTaken(exceptions.APIException):
    status_code = 409


class VisitIn(serializers.Serializer):
    client_id = serializers.UUIDField()
    household_id = serializers.UUIDField()
    occurred_on = serializers.DateField()
    noted_at = serializers.DateTimeField()
    mode = serializers.ChoiceField(list(rules.MODES))
    outcome = serializers.ChoiceField(list(rules.OUTCOMES))
    topics = serializers.ListField(child=serializers.ChoiceField(list(rules.TOPICS)), max_length=12, default=list)
    note = serializers.CharField(max_length=200, allow_null=True, default=None)
    companion_ids = serializers.ListField(child=serializers.UUIDField(), max_length=0, default=list)
    on_behalf_of = serializers.UUIDField(allow_null=True, default=None)
    backfill_reason = serializers.ChoiceField(list(rules.BACKFILL_REASONS), allow_null=True, default=None)
    needs_follow_up = serializers.BooleanField(default=False)

    def validate_topics(self, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise serializers.ValidationError("repeated")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if set(self.initial_data) - set(self.fields) or attrs["on_behalf_of"]:
            raise serializers.ValidationError("unknown, or not part of the comparison")
        fault = common.date_fault(attrs)
        if fault:
            raise serializers.ValidationError(fault)
        return attrs


class VisitOut(serializers.ModelSerializer):
    client_id = serializers.UUIDField()
    note = serializers.CharField(allow_null=True)
    late = serializers.BooleanField()
    state = serializers.CharField()

    class Meta:
        model = Visit
        fields = [
            "id", "client_id", "household_id", "visitor_id", "entered_by", "occurred_on", "noted_at", "recorded_at",
            "mode", "outcome", "topics", "companion_ids", "note", "backfill_reason", "needs_follow_up", "late", "state",
            "void_reason",
        ]  # fmt: skip


class SignedIn(APIView):
    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]


class VisitView(SignedIn):
    def post(self, request: Request) -> Response:
        account: Account = request.user
        if not Membership.objects.filter(in_force(common.today()), person_id=account.person_id).exists():
            raise exceptions.PermissionDenied
        serializer = VisitIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        body = dict(serializer.validated_data)
        mac = common.body_mac(body)
        visit_id, note, _ = body.pop("client_id"), body.pop("note"), body.pop("on_behalf_of")
        sealed, index = common.seal_note(note, visit_id)
        values = body | {
            "visitor_id": account.person_id, "entered_by": account.id, "note_sealed": sealed, "note_index": index,
            "body_mac": mac,
        }  # fmt: skip
        known = Visit.objects.filter(id=visit_id).first()
        if known is not None:
            return again(known, account, mac)
        linked = Assignment.objects.filter(
            in_force(body["occurred_on"]),
            household_id=body["household_id"],
            person_id=account.person_id,
            household__opened_on__lte=body["occurred_on"],
        )
        if not linked.exists():
            raise exceptions.NotFound
        try:
            with transaction.atomic():
                visit = Visit.objects.create(id=visit_id, **values)
                AuditEntry.objects.create(
                    account_id=account.id, action="visit.record", subject_id=visit_id, request_id=uuid4().hex
                )
        except IntegrityError:  # another request wrote this id meanwhile
            known = Visit.objects.filter(id=visit_id).first()
            if known is None:
                raise
            return again(known, account, mac)
        return Response(VisitOut(visit).data, status=201)


def again(visit: Visit, account: Account, mac: bytes) -> Response:
    """The answer for a visit that is there already."""
    if visit.entered_by != account.id or bytes(visit.body_mac) != mac:
        raise KeyTaken
    return Response(VisitOut(visit).data)


class FigureOut(serializers.Serializer):
    value = serializers.FloatField(allow_null=True)
    numerator = serializers.IntegerField()
    denominator = serializers.IntegerField()
    pending = serializers.IntegerField()
    note = serializers.CharField(allow_null=True)


class CountsOut(serializers.Serializer):
    due = serializers.IntegerField()
    party = serializers.IntegerField()
    not_yet = serializers.IntegerField()


class SumsOut(serializers.Serializer):
    metrics = serializers.DictField(child=FigureOut())
    households = CountsOut()


class RowOut(SumsOut):
    area = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()


class AreaOut(serializers.ModelSerializer):
    class Meta:
        model = Region
        fields = ["id", "code", "name", "level"]


class CoverageOut(serializers.Serializer):
    area = AreaOut()
    period = serializers.CharField()
    on = serializers.DateField()
    as_of = serializers.DateTimeField()
    total = SumsOut()
    rows = RowOut(many=True)


class CoverageIn(serializers.Serializer):
    area = serializers.CharField(max_length=36)
    period = serializers.CharField(max_length=7)
    level = serializers.ChoiceField(["village"], default="village")
    on = serializers.DateField(allow_null=True, default=None)


class CoverageView(SignedIn):
    def get(self, request: Request) -> Response:
        query = CoverageIn(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        region = Region.objects.filter(code=asked["area"]).first()
        held = request.user.grants.filter(in_force(common.today()), role__in=common.READERS)
        places = set(held.values_list("region_id", flat=True))
        if region is None or places.isdisjoint(region.path):
            raise exceptions.NotFound
        month = common.stock_day(asked["period"], asked["on"])
        if month is None:
            raise serializers.ValidationError({"period": "not a month"})
        with connection.cursor() as cursor:
            cursor.execute(COVERAGE, {"area": region.id, "period": month[0], "day": month[1]})
            names = [column.name for column in cursor.description]
            found = [dict(zip(names, row, strict=True)) for row in cursor]
        total, rows = common.figures_of(found)
        answer = {
            "area": region, "period": asked["period"], "on": month[1], "as_of": datetime.now(CHINA), "total": total,
            "rows": rows,
        }  # fmt: skip
        return Response(CoverageOut(answer).data)


COVERAGE = common.COVERAGE
for _name in ("area", "period", "day"):
    COVERAGE = COVERAGE.replace(f":{_name}", f"%({_name})s")
urlpatterns = [path("api/v1/visits", VisitView.as_view()), path("api/v1/coverage", CoverageView.as_view())]
application = get_wsgi_application()
