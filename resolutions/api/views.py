"""Reading resolution attempts, recent sessions and incidents. Metrics and the live feed have views of their own."""

from typing import Any, Final, cast
from uuid import UUID

import msgspec
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from access.errors import ApiError
from attempts.api import pagination
from attempts.api.filters import BOOLEAN_HINT
from attempts.api.pagination import (
    ORDERINGS,
    PAGE_PARAMETERS,
    Page,
    after_position,
    page_of,
    page_parameters,
    page_request,
)
from attempts.api.reading import ReadView
from attempts.keyset import Position
from attempts.models import ActionAttempt
from resolutions import queries
from resolutions.api.filters import RecentFilters, ResolutionFilters, SessionFilters
from resolutions.details import IncidentDetail, ResolutionDetail
from resolutions.models import ResolutionAttempt

INCLUDE_ACTION_DETAILS: Final = OpenApiParameter(
    "include_action_details", bool, description="Whether each session comes with its action attempts."
)
INCIDENT_ID: Final = OpenApiParameter("incident_id", str, description="The incident's id.", required=True)


class ResolutionPage(Page[ResolutionDetail]):
    """A page of resolution attempts, or of sessions."""


class ResolutionViewSet(ReadView):
    queryset = ResolutionAttempt.objects.all()
    filterset_class = ResolutionFilters
    query_parameters = {"list": (*PAGE_PARAMETERS, "ordering")}
    list_name = "resolution-attempts"

    @extend_schema(
        operation_id="resolution_attempts_list", parameters=page_parameters(*ORDERINGS), responses=ResolutionPage
    )
    def list(self, request: Request) -> Response:
        """Resolution attempts, newest start first, without their action attempts."""
        page = page_request(request, list_name=self.list_name, orderings=tuple(ORDERINGS))
        column = ORDERINGS[page.ordering]
        rows = after_position(self.filter_queryset(self.get_queryset()), page, time=column, id_name="resolution_id")
        details, complete = queries.read_resolutions_within(rows, max_bytes=pagination.MAX_BYTES)
        found = [
            (Position(getattr(detail, column), detail.resolution_id), detail)
            for detail in details
            if detail.resolution_id is not None
        ]
        return Response(page_of(found, request=request, page=page, list_name=self.list_name, complete=complete))

    @extend_schema(operation_id="resolution_attempts_read", responses=ResolutionDetail)
    def retrieve(self, request: Request, resolution_id: UUID, **_: Any) -> Response:
        """One resolution attempt with its action attempts and their steps."""
        detail = queries.resolution_detail(resolution_id)
        if detail is None:
            raise ApiError(404, f"There is no resolution attempt {resolution_id}.")
        return Response(detail)


class RecentView(ReadView):
    queryset = ResolutionAttempt.objects.all()
    filterset_class = RecentFilters
    query_parameters = {"list": (*PAGE_PARAMETERS, "include_action_details")}
    list_name = "recent"

    @extend_schema(
        operation_id="recent_sessions",
        parameters=[*page_parameters(), INCLUDE_ACTION_DETAILS],
        responses=ResolutionPage,
    )
    def list(self, request: Request) -> Response:
        """Recent sessions, newest start first: resolution attempts, and the implicit session of each incident.

        An implicit session is formed by the attempts of one incident that belong to no recorded resolution attempt
        and that the filters let through; it starts with the first of them.
        """
        page = page_request(request, list_name=self.list_name, orderings=("-started_at",))
        attempts = ActionAttempt.objects.all()
        if "status" in request.query_params:
            attempts = attempts.none()
        else:
            attempts = SessionFilters(request.query_params, attempts).qs
        found = queries.recent_sessions(
            resolutions=self.filter_queryset(self.get_queryset()),
            attempts=attempts,
            # Sessions are ordered by time alone.
            before=cast(Position | None, page.after),
            limit=page.limit + 1,
            with_attempts=_include_action_details(request),
        )
        return Response(page_of(found, request=request, page=page, list_name=self.list_name))


class IncidentView(ReadView):
    queryset = ResolutionAttempt.objects.all()
    query_parameters = {"retrieve_by_parameter": ("incident_id",)}
    may_be_missing = True

    @extend_schema(operation_id="incident_read", responses=IncidentDetail)
    def retrieve(self, request: Request, incident_id: str) -> Response:
        """All that is known of one incident in time order: its sessions, their attempts, their steps."""
        detail = queries.incident_detail(incident_id)
        if detail is None:
            raise ApiError(404, "Nothing is known of this incident.", field="incident_id")
        return Response(detail)

    @extend_schema(operation_id="incident_read_by_parameter", parameters=[INCIDENT_ID], responses=IncidentDetail)
    def retrieve_by_parameter(self, request: Request) -> Response:
        """The same for an incident id that does not fit into an address.

        Such are recent, metrics, live-feed and timeline, ids that begin with a slash or end with /timeline, and those
        that a client would shorten (. and ..). An id that ends with a slash needs a second one after it in an address.
        """
        incident_id = request.query_params.get("incident_id")
        if not incident_id:
            raise ApiError(400, "Send the incident's id: ?incident_id=ID.", field="incident_id")
        return self.retrieve(request, incident_id)


def _include_action_details(request: Request) -> bool:
    try:
        return msgspec.convert(request.query_params.get("include_action_details", "false"), bool, strict=False)
    except msgspec.ValidationError:
        raise ApiError(400, BOOLEAN_HINT, field="include_action_details") from None
