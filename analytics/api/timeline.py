"""GET /api/resolution-monitor/{incident_id}/timeline: the account of one incident."""

from typing import Any, ClassVar, Final

import msgspec
from django.core import signing
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from access.errors import ApiError
from analytics.api.whole_numbers import whole_number
from analytics.timeline.entries import IncidentTimeline, Place
from analytics.timeline.queries import parse_place, timeline
from attempts.api.reading import ReadView
from resolutions.models import ResolutionAttempt

DEFAULT_LIMIT: Final = 500
MAX_LIMIT: Final = 2_000
PAGE: Final = [
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        description="How many entries at most.",
    ),
    OpenApiParameter("cursor", str, description="next_cursor of the page before."),
]
INCIDENT_ID: Final = OpenApiParameter("incident_id", str, description="The incident's id.", required=True)

_signer = signing.Signer(salt="analytics.api.timeline")


class TimelineView(ReadView):
    queryset = ResolutionAttempt.objects.all()
    query_parameters: ClassVar = {
        "retrieve": ("limit", "cursor"),
        "retrieve_by_parameter": ("incident_id", "limit", "cursor"),
    }
    may_be_missing = True

    @extend_schema(operation_id="incident_timeline", parameters=PAGE, responses=IncidentTimeline)
    def retrieve(self, request: Request, incident_id: str, **_: Any) -> Response:
        """What happened on one incident, in order of time, and what went in circles."""
        limit = whole_number(request, "limit", default=DEFAULT_LIMIT, most=MAX_LIMIT)
        after = _place(request.query_params.get("cursor"), incident_id)
        found = timeline(incident_id, after=after, limit=limit, now=timezone.now())
        if found is None:
            raise ApiError(404, "Nothing is known of this incident.", field="incident_id")
        if found.next_cursor is not None:
            found.next_cursor = _signer.sign_object([incident_id, found.next_cursor])
            query = request.query_params.copy()
            query["cursor"] = found.next_cursor
            found.next = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
        return Response(found)

    @extend_schema(
        operation_id="incident_timeline_by_parameter", parameters=[INCIDENT_ID, *PAGE], responses=IncidentTimeline
    )
    def retrieve_by_parameter(self, request: Request) -> Response:
        """The same for an incident id that does not fit into an address; see GET /api/resolution-monitor/."""
        incident_id = request.query_params.get("incident_id")
        if not incident_id:
            raise ApiError(400, "Send the incident's id: ?incident_id=ID.", field="incident_id")
        return self.retrieve(request, incident_id)


def _place(cursor: str | None, incident_id: str) -> Place | None:
    if cursor is None:
        return None
    try:
        of, text = _signer.unsign_object(cursor)
        if of == incident_id:
            return parse_place(text)
    except (signing.BadSignature, ValueError, msgspec.MsgspecError):
        pass
    raise ApiError(400, "This cursor is not of this timeline. Send next_cursor of a page as it was.", field="cursor")
