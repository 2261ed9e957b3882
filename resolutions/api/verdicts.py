"""Giving verdicts and reading them."""

from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from access.authentication import key_of
from access.errors import ErrorSerializer
from access.permissions import MayChange
from attempts.api.pagination import PAGE_PARAMETERS, Page, after_position, page_of, page_parameters, page_request
from attempts.api.reading import ReadView
from attempts.keyset import Position
from resolutions.api.filters import VerdictFilters
from resolutions.models import Verdict
from resolutions.verdicts.details import Subject, VerdictDetail, exists, read_verdicts, verdicts_on
from resolutions.verdicts.documents import VerdictDocument, decode_verdict
from resolutions.verdicts.giving import give_verdict, no_such

EXAMPLE: Final = OpenApiExample(
    "a check found out",
    value={
        "verdict": "no_effect",
        "verdict_id": "0190d3a5-7b00-7c22-9d1e-0f1a2b3c4d5e",
        "source": "check",
        "given_at": "2026-01-31T12:10:00Z",
        "note": "Orders still time out.",
    },
    request_only=True,
)
REFUSALS: Final = {
    409: OpenApiResponse(ErrorSerializer, description="Another verdict is known under this id."),
    413: OpenApiResponse(ErrorSerializer, description="The request is larger than this server takes."),
}


class VerdictPage(Page[VerdictDetail]):
    """A page of verdicts."""


class VerdictGiven(Struct):
    """A verdict as it is stored; unchanged, where it was known already. cursor: of the live feed."""

    outcome: Literal["created", "unchanged"]
    verdict: VerdictDetail
    cursor: int


class MayGiveVerdicts(MayChange):
    permission = "resolutions.add_verdict"
    scope = "ingest"


class VerdictsView(ReadView):
    """All verdicts, the last received first."""

    queryset = Verdict.objects.all()
    filterset_class = VerdictFilters
    query_parameters: ClassVar = {"list": PAGE_PARAMETERS}
    list_name = "verdicts"

    @extend_schema(operation_id="verdicts_list", parameters=page_parameters(), responses=VerdictPage)
    def list(self, request: Request) -> Response:
        """Verdicts on action attempts and resolution attempts, the last received first."""
        page = page_request(request, list_name=self.list_name, orderings=("-received_at",))
        rows = after_position(self.filter_queryset(self.get_queryset()), page, time="received_at", id_name="verdict_id")
        found = [(Position(one.received_at, one.verdict_id), one) for one in read_verdicts(rows)]
        return Response(page_of(found, request=request, page=page, list_name=self.list_name))


class _VerdictsOnOne(ReadView):
    """The verdicts on one record, and giving it one more."""

    queryset = Verdict.objects.all()
    permission_classes = [MayGiveVerdicts]
    query_parameters: ClassVar = {"list": PAGE_PARAMETERS}
    subject: ClassVar[Subject]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything looks for a form in it, which would use it up.
        _ = request._request.body
        super().initial(request, *args, **kwargs)

    def _page(self, request: Request, record_id: UUID) -> Response:
        list_name = f"verdicts on {self.subject} {record_id}"
        page = page_request(request, list_name=list_name, orderings=("-given_at",))
        rows = after_position(self._verdicts(record_id), page, time="given_at", id_name="verdict_id")
        found = [(Position(one.given_at, one.verdict_id), one) for one in read_verdicts(rows)]
        if not found and not exists(self.subject, record_id):
            raise no_such(self.subject, record_id)
        return Response(page_of(found, request=request, page=page, list_name=list_name))

    def _verdicts(self, record_id: UUID) -> "QuerySet[Verdict]":
        return verdicts_on(self.subject, record_id)

    def _give(self, request: Request, record_id: UUID) -> Response:
        key, now = key_of(request), timezone.now()
        given = give_verdict(
            subject=self.subject,
            record_id=record_id,
            document=decode_verdict(request._request.body, now=now),
            given_by=request.user.get_username() if key is None else key.name,
            now=now,
            key=key,
        )
        return Response(VerdictGiven(*given), status=201 if given.outcome == "created" else 200)


class AttemptVerdictsView(_VerdictsOnOne):
    subject = "attempt"

    @extend_schema(operation_id="action_attempts_verdicts_list", parameters=page_parameters(), responses=VerdictPage)
    def list(self, request: Request, attempt_id: UUID) -> Response:
        """The verdicts on one action attempt, the one that counts first."""
        return self._page(request, attempt_id)

    @extend_schema(
        operation_id="action_attempts_verdicts_give",
        request=VerdictDocument,
        responses={200: VerdictGiven, 201: VerdictGiven, **REFUSALS},
        examples=[EXAMPLE],
    )
    def create(self, request: Request, attempt_id: UUID) -> Response:
        """Did it really work? Never changes what the engine claimed; the latest verdict counts.

        A key with the scope ingest gives the verdicts of checks and alerts, one that is bound to an engine on the
        records of that engine; a signed-in user with the permission to add verdicts gives those of humans.
        """
        return self._give(request, attempt_id)


class ResolutionVerdictsView(_VerdictsOnOne):
    subject = "resolution"

    @extend_schema(
        operation_id="resolution_attempts_verdicts_list", parameters=page_parameters(), responses=VerdictPage
    )
    def list(self, request: Request, resolution_id: UUID) -> Response:
        """The verdicts on one resolution attempt, the one that counts first."""
        return self._page(request, resolution_id)

    @extend_schema(
        operation_id="resolution_attempts_verdicts_give",
        request=VerdictDocument,
        responses={200: VerdictGiven, 201: VerdictGiven, **REFUSALS},
        examples=[EXAMPLE],
    )
    def create(self, request: Request, resolution_id: UUID) -> Response:
        """Was the incident really resolved? As for action attempts."""
        return self._give(request, resolution_id)
