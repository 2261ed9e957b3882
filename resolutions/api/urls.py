"""The addresses at which resolution attempts and incidents are read, below /api/."""

from django.urls import register_converter

from attempts.api.addresses import with_or_without_slash
from resolutions.api.live_feed import LiveFeedView
from resolutions.api.views import IncidentView, RecentView, ResolutionViewSet

RESERVED = ("recent", "metrics", "live-feed")


class IncidentId:
    """Any text but the reserved words, slashes and line breaks included."""

    regex = rf"(?!(?:{'|'.join(RESERVED)})/?\Z)[\s\S]+?"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(IncidentId, "incident_id")

urlpatterns = [
    *with_or_without_slash("resolution-attempts", ResolutionViewSet.as_view({"get": "list"}), "resolution-attempts"),
    *with_or_without_slash(
        "resolution-attempts/<any_uuid:resolution_id>",
        ResolutionViewSet.as_view({"get": "retrieve"}),
        "resolution-attempt",
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
