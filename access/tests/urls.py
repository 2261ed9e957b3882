"""A small site for the tests: one view for each way in which a request ends, beside the real addresses."""

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import key_of
from access.errors import ApiError, ErrorSerializer
from access.permissions import MayChange
from access.tests.lost_database import use_lost_database
from actionlog_site.urls import handler400 as handler400
from actionlog_site.urls import handler403 as handler403
from actionlog_site.urls import handler404 as handler404
from actionlog_site.urls import handler500 as handler500
from actionlog_site.urls import urlpatterns as site_urlpatterns


def fail(how: str) -> None:
    match how:
        case "lost":
            use_lost_database()
        case "out-of-range":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 99999999999::int")
        case "read-only":
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL transaction_read_only = on")
                cursor.execute("DELETE FROM access_api_keys")
        case "denied":
            raise PermissionDenied
        case "suspicious":
            raise SuspiciousOperation
        case "bug":
            raise RuntimeError("a secret of ours")
        case "api-error":
            raise ApiError(409, "Known otherwise.", field="status", path="action_attempts[1].status")
        case "invalid":
            raise DjangoValidationError({"window": ["Not a duration."]})
        case "throttled":
            raise exceptions.Throttled(wait=2.5)


class Echo(APIView):
    """Who asks, as the view sees it."""

    @extend_schema(responses={200: serializers.DictField(), 403: ErrorSerializer})
    def get(self, request: Request) -> Response:
        key = key_of(request)
        return Response({"key": key.name if key else None, "user": str(request.user)})


class Changing(APIView):
    """Forgets to say who may change."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response({})

    @extend_schema(exclude=True)
    def post(self, request: Request) -> Response:
        return Response({})


class MayOperate(MayChange):
    permission = "access.change_apikey"
    scope = "operate"


class Operating(Changing):
    """Says that operators change it."""

    permission_classes = [MayOperate]


class StepSerializer(serializers.Serializer[Any]):
    sequence = serializers.IntegerField()


class RecordSerializer(serializers.Serializer[Any]):
    started_at = serializers.DateTimeField()
    logs = StepSerializer(many=True)
    weights = serializers.ListField(child=serializers.FloatField(), default=list)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        raise serializers.ValidationError("Nothing here is ever valid.")


class Validating(APIView):
    permission_classes = []
    authentication_classes = []

    @extend_schema(exclude=True)
    def post(self, request: Request) -> Response:
        RecordSerializer(data=request.data).is_valid(raise_exception=True)
        return Response({})


class Failing(APIView):
    permission_classes = []

    @extend_schema(exclude=True)
    def get(self, request: Request, how: str) -> Response:
        fail(how)
        return Response({})


def failing_page(request: HttpRequest, how: str) -> HttpResponse:
    fail(how)
    return HttpResponse("page")


urlpatterns = [
    path("api/echo/", Echo.as_view()),
    path("api/operating/", Operating.as_view()),
    path("api/changing/", Changing.as_view()),
    path("api/validating/", Validating.as_view()),
    path("api/failing/<str:how>/", Failing.as_view()),
    path("api/plain/<str:how>/", failing_page),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    re_path("^api/any/(?P<how>.*)$", failing_page),
    path("failing/<str:how>/", failing_page),
    *site_urlpatterns,
]
