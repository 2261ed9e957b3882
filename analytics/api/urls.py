"""The addresses of metrics and statistics, below /api/."""

from analytics.api.advice import AdviceView
from analytics.api.comparison import ComparisonView
from analytics.api.failure_patterns import PatternViewSet
from analytics.api.record_statistics import (
    CapacityView,
    ConfidenceView,
    DurationsView,
    ParametersView,
    StepsView,
)
from analytics.api.statistics import IncidentStatisticsView, StatisticsView
from analytics.api.timeline import TimelineView
from analytics.api.views import ActionStatisticsView, MetricsView
from attempts.api.addresses import with_or_without_slash

_PATTERN = "failure-patterns/<any_uuid:pattern_id>"
_VERBS = ("acknowledge", "fix", "ignore", "reopen", "merge", "split")

urlpatterns = [
    *with_or_without_slash("advice", AdviceView.as_view({"get": "retrieve"}), "advice"),
    *with_or_without_slash("resolution-monitor/metrics", MetricsView.as_view({"get": "retrieve"}), "metrics"),
    *with_or_without_slash(
        "resolution-monitor/timeline",
        TimelineView.as_view({"get": "retrieve_by_parameter"}),
        "incident-timeline-by-parameter",
    ),
    *with_or_without_slash(
        "resolution-monitor/<any_incident_id:incident_id>/timeline",
        TimelineView.as_view({"get": "retrieve"}),
        "incident-timeline",
    ),
    *with_or_without_slash(
        "action-attempts/<any_uuid:attempt_id>/comparison",
        ComparisonView.as_view({"get": "retrieve"}),
        "attempt-comparison-api",
    ),
    *with_or_without_slash("statistics/durations", DurationsView.as_view({"get": "retrieve"}), "durations"),
    *with_or_without_slash("statistics/steps", StepsView.as_view({"get": "retrieve"}), "steps"),
    *with_or_without_slash("statistics/capacity", CapacityView.as_view({"get": "retrieve"}), "capacity"),
    *with_or_without_slash("statistics/parameters", ParametersView.as_view({"get": "retrieve"}), "parameters"),
    *with_or_without_slash("statistics/confidence", ConfidenceView.as_view({"get": "retrieve"}), "confidence"),
    *with_or_without_slash(
        "action-attempts/statistics", ActionStatisticsView.as_view({"get": "retrieve"}), "action-statistics"
    ),
    *with_or_without_slash("statistics", StatisticsView.as_view({"get": "retrieve"}), "statistics"),
    *with_or_without_slash(
        "statistics/incidents", IncidentStatisticsView.as_view({"get": "retrieve"}), "incident-statistics"
    ),
    *with_or_without_slash("failure-patterns", PatternViewSet.as_view({"get": "list"}), "failure-patterns-list"),
    *with_or_without_slash(_PATTERN, PatternViewSet.as_view({"get": "retrieve"}), "failure-pattern-json"),
    *(
        address
        for verb in _VERBS
        for address in with_or_without_slash(
            f"{_PATTERN}/{verb}", PatternViewSet.as_view({"post": verb}), f"failure-pattern-{verb}"
        )
    ),
]
