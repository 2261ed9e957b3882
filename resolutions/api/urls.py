"""The addresses at which resolution attempts and incidents are read, below /api/."""

from django.urls import register_converter

from attempts.api.addresses import with_or_without_slash
from resolutions.api.live_feed import LiveFeedView
from resolutions.api.verdicts import AttemptVerdictsView, ResolutionVerdictsView, VerdictsView
from resolutions.api.views import IncidentView, RecentView, ResolutionViewSet

RESERVED = ("recent", "metrics", "live-feed", "timeline")
# What comes after an incident's id in the address of something of it. Whose these are, and those of RESERVED, is not
# known here.
RESERVED_ENDS = ("timeline",)


class AnyIncidentId:
    """Any text, slashes and line breaks included: in an address that goes on after it."""

    regex = r"[\s\S]+?"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class IncidentId(AnyIncidentId):
    """Any text but the reserved words, and but what ends with a slash and a reserved end."""

    regex = rf"(?!(?:{'|'.join(RESERVED)})/?\Z)(?![\s\S]+/(?:{'|'.join(RESERVED_ENDS)})/?\Z){AnyIncidentId.regex}"


register_converter(AnyIncidentId, "any_incident_id")
register_converter(IncidentId, "incident_id")

urlpatterns = [
    *with_or_without_slash("resolution-attempts", ResolutionViewSet.as_view({"get": "list"}), "resolution-attempts"),
    *with_or_without_slash(
        "resolution-attempts/<any_uuid:resolution_id>",
        ResolutionViewSet.as_view({"get": "retrieve"}),
        "resolution-attempt",
    ),
    *with_or_without_slash("verdicts", VerdictsView.as_view({"get": "list"}), "verdicts"),
    *with_or_without_slash(
        "action-attempts/<any_uuid:attempt_id>/verdicts",
        AttemptVerdictsView.as_view({"get": "list", "post": "create"}),
        "action-attempt-verdicts",
    ),
    *with_or_without_slash(
        "resolution-attempts/<any_uuid:resolution_id>/verdicts",
        ResolutionVerdictsView.as_view({"get": "list", "post": "create"}),
        "resolution-attempt-verdicts",
    ),
    *with_or_without_slash("resolution-monitor/recent", RecentView.as_view({"get": "list"}), "recent"),
    *with_or_without_slash("resolution-monitor/live-feed", LiveFeedView.as_view({"get": "retrieve"}), "live-feed"),
    *with_or_without_slash(
        "resolution-monitor", IncidentView.as_view({"get": "retrieve_by_parameter"}), "incident-by-parameter"
    ),
    *with_or_without_slash(
        "resolution-monitor/<incident_id:incident_id>", IncidentView.as_view({"get": "retrieve"}), "incident-detail"
    ),
]
