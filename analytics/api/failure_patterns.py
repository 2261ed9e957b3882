"""Failure patterns over HTTP: a filtered list by pages, one in full, and what operators do to them."""

from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from access.authentication import key_of
from access.errors import ApiError, ErrorSerializer
from access.permissions import MayChange
from analytics.api.filters import PatternFilters
from analytics.api.parameters import SeriesParameters
from analytics.api.pattern_documents import DecisionDocument, MergeDocument, SplitDocument, decode
from analytics.models import FailurePattern
from analytics.patterns import deciding, merging
from analytics.patterns.details import PatternDetail, PatternSummary
from analytics.patterns.queries import ORDER_COLUMNS, living_patterns, position_of, summaries
from analytics.patterns.reading import pattern_detail
from attempts.api.pagination import PAGE_PARAMETERS, Page, after_position, page_of, page_parameters, page_request
from attempts.api.reading import ReadView

# The orders of the list, and the column of each. The first is the default.
ORDERINGS: Final = {f"{sign}{name}": column for name, column in ORDER_COLUMNS.items() for sign in ("-", "")}
BY_NUMBER: Final = ("-occurrences", "occurrences")

REFUSALS: Final = {
    403: OpenApiResponse(ErrorSerializer, description="The API key lacks the scope operate, the user the permission."),
    409: OpenApiResponse(ErrorSerializer, description="The pattern was merged into another, or cannot be parted so."),
    413: OpenApiResponse(ErrorSerializer, description="The request is larger than this server takes."),
}
_OTHER: Final = "0190d3a5-9c00-7d33-8e2f-1a2b3c4d5e6f"


class MayDecide(MayChange):
    permission = "analytics.change_failurepattern"
    scope = "operate"


class PatternPage(Page[PatternSummary]):
    """A page of failure patterns."""


class PatternDecided(Struct, kw_only=True):
    """What became of a decision: unchanged, where it was decided before. pattern_id is the pattern that it made, or
    the one that was decided on."""

    outcome: Literal["changed", "created", "unchanged"]
    pattern_id: UUID
    pattern: PatternSummary


class PatternParameters(SeriesParameters):
    """What of its history is told of one pattern."""

    default_window = "30d"


class PatternViewSet(ReadView):
    queryset = living_patterns()
    permission_classes = [MayDecide]
    filterset_class = PatternFilters
    query_parameters: ClassVar = {
        "list": (*PAGE_PARAMETERS, "ordering"),
        "retrieve": PatternParameters.names(),
    }
    list_name = "failure-patterns"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything looks for a form in it, which would use it up.
        _ = request._request.body
        super().initial(request, *args, **kwargs)

    @extend_schema(operation_id="failure_patterns_list", parameters=page_parameters(*ORDERINGS), responses=PatternPage)
    def list(self, request: Request) -> Response:
        """Failure patterns, the last seen first; without those that were merged into others.

        A pattern that is seen while the list is read moves to its front, and is then not on a later page.
        """
        page = page_request(request, list_name=self.list_name, orderings=tuple(ORDERINGS), by_number=BY_NUMBER)
        column = ORDERINGS[page.ordering]
        rows = after_position(self.filter_queryset(self.get_queryset()), page, time=column, id_name="pattern_id")
        found = [*rows]
        told = [(position_of(row, column), told) for row, told in zip(found, summaries(found), strict=True)]
        return Response(page_of(told, request=request, page=page, list_name=self.list_name))

    @extend_schema(operation_id="failure_patterns_read", parameters=[PatternParameters], responses=PatternDetail)
    def retrieve(self, request: Request, pattern_id: UUID) -> Response:
        """One failure pattern in full. Of one that was merged into another: where it went, and its history."""
        found = pattern_detail(pattern_id, PatternParameters.of(request).series())
        if found is None:
            raise ApiError(404, f"There is no failure pattern {pattern_id}.")
        return Response(found)

    @extend_schema(
        operation_id="failure_patterns_acknowledge",
        request=DecisionDocument,
        responses={200: PatternDecided, **REFUSALS},
        examples=[OpenApiExample("known", value={"note": "INC-2041 is about it."}, request_only=True)],
    )
    def acknowledge(self, request: Request, pattern_id: UUID) -> Response:
        """Somebody knows of it."""
        return self._decide(request, pattern_id, deciding.acknowledge)

    @extend_schema(
        operation_id="failure_patterns_fix",
        request=DecisionDocument,
        responses={200: PatternDecided, **REFUSALS},
        examples=[OpenApiExample("fixed", value={"note": "The pool is larger since 1.4.2."}, request_only=True)],
    )
    def fix(self, request: Request, pattern_id: UUID) -> Response:
        """It is fixed as of now. A failure that starts later makes it regressed."""
        return self._decide(request, pattern_id, deciding.fix)

    @extend_schema(
        operation_id="failure_patterns_ignore",
        request=DecisionDocument,
        responses={200: PatternDecided, **REFUSALS},
        examples=[OpenApiExample("ignored", value={"note": "A test engine."}, request_only=True)],
    )
    def ignore(self, request: Request, pattern_id: UUID) -> Response:
        """It is of no interest, and stays so however often it is seen."""
        return self._decide(request, pattern_id, deciding.ignore)

    @extend_schema(
        operation_id="failure_patterns_reopen",
        request=DecisionDocument,
        responses={200: PatternDecided, **REFUSALS},
        examples=[OpenApiExample("reopened", value={"note": "Ignored by mistake."}, request_only=True)],
    )
    def reopen(self, request: Request, pattern_id: UUID) -> Response:
        """It is new again: nothing is decided of it."""
        return self._decide(request, pattern_id, deciding.reopen)

    @extend_schema(
        operation_id="failure_patterns_merge",
        request=MergeDocument,
        responses={200: PatternDecided, **REFUSALS},
        examples=[OpenApiExample("merged", value={"patterns": [_OTHER], "note": "The same."}, request_only=True)],
    )
    def merge(self, request: Request, pattern_id: UUID) -> Response:
        """Make other patterns part of this one: their fingerprints, counts and history are its own from now on."""
        document = decode(request._request.body, MergeDocument)
        changed = merging.merge(
            target_id=pattern_id, others=document.patterns, actor=actor_of(request), note=document.note
        )
        return _decided("changed" if changed else "unchanged", pattern_id)

    @extend_schema(
        operation_id="failure_patterns_split",
        request=SplitDocument,
        responses={200: PatternDecided, 201: PatternDecided, **REFUSALS},
        examples=[OpenApiExample("parted", value={"fingerprints": [_OTHER]}, request_only=True)],
    )
    def split(self, request: Request, pattern_id: UUID) -> Response:
        """Make some fingerprints of this pattern a pattern of their own, in the same state.

        409 where there is nothing to part: a pattern that has one fingerprint, or all of its fingerprints.
        """
        document = decode(request._request.body, SplitDocument)
        made = merging.split(
            pattern_id=pattern_id, fingerprints=document.fingerprints, actor=actor_of(request), note=document.note
        )
        return _decided("created" if made.is_new else "unchanged", made.pattern_id)

    def _decide(self, request: Request, pattern_id: UUID, verb: Callable[..., bool]) -> Response:
        document = decode(request._request.body, DecisionDocument)
        changed = verb(pattern_id=pattern_id, actor=actor_of(request), note=document.note)
        return _decided("changed" if changed else "unchanged", pattern_id)


def actor_of(request: Request) -> str:
    """Who decides, by name: names stay when users and keys go."""
    key = key_of(request)
    return f"API key {key.name}" if key is not None else request.user.get_username()


def _decided(outcome: Literal["changed", "created", "unchanged"], pattern_id: UUID) -> Response:
    (summary,) = summaries(FailurePattern.objects.filter(pattern_id=pattern_id))
    decided = PatternDecided(outcome=outcome, pattern_id=pattern_id, pattern=summary)
    return Response(decided, status=201 if outcome == "created" else 200)
