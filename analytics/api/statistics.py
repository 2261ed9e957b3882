"""GET /api/statistics/ and /api/statistics/incidents/: parameters and views. The figures: analytics.statistics."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.parameters import DimensionText, FigureParameters, SeriesParameters
from analytics.figures import IncidentStatistics, Statistics
from analytics.models import ResolutionMetric
from analytics.statistics import (
    DEFAULT_LIMIT,
    GROUP_BY,
    INCIDENT_GROUP_BY,
    MAX_LIMIT,
    incident_statistics,
    statistics,
)
from attempts.api.reading import ReadView


class GroupedParameters(FigureParameters, SeriesParameters):
    """Figures by group and over time."""

    limit = serializers.IntegerField(
        default=DEFAULT_LIMIT,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text="How many groups are listed, the most frequent first. groups_left_out tells of the others.",
    )


class StatisticsParameters(GroupedParameters):
    subject = serializers.ChoiceField(
        choices=["attempt", "resolution"],
        default="attempt",
        help_text="What is counted: action or resolution attempts.",
    )
    group_by = serializers.ChoiceField(
        choices=list(GROUP_BY), default="none", help_text="Which figures are told apart in groups."
    )
    action_type = DimensionText("this type of action (resolution attempts have none)")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["subject"] == "resolution":
            none = "Resolution attempts have no action type."
            if attrs.get("action_type"):
                raise serializers.ValidationError({"action_type": none})
            if "action_type" in GROUP_BY[attrs["group_by"]]:
                raise serializers.ValidationError({"group_by": none})
        return super().validate(attrs)


class IncidentStatisticsParameters(GroupedParameters):
    group_by = serializers.ChoiceField(
        choices=INCIDENT_GROUP_BY, default="none", help_text="Which figures are told apart in groups."
    )
    action_type = None  # type: ignore[assignment]  # takes the field away


class StatisticsView(ReadView):
    queryset = ResolutionMetric.objects.all()
    query_parameters: ClassVar = {"retrieve": StatisticsParameters.names()}

    @extend_schema(operation_id="statistics_read", parameters=[StatisticsParameters], responses=Statistics)
    def retrieve(self, request: Request) -> Response:
        """How often attempts succeed, as claimed and as verified, and how long they take: by group and over time."""
        parameters = StatisticsParameters.of(request)
        told = parameters.validated_data
        return Response(
            statistics(
                parameters.series(),
                subject=told["subject"],
                group_by=told["group_by"],
                dimensions=parameters.dimensions(),
                limit=told["limit"],
            )
        )


class IncidentStatisticsView(ReadView):
    queryset = ResolutionMetric.objects.all()
    query_parameters: ClassVar = {"retrieve": IncidentStatisticsParameters.names()}

    @extend_schema(
        operation_id="incident_statistics_read", parameters=[IncidentStatisticsParameters], responses=IncidentStatistics
    )
    def retrieve(self, request: Request) -> Response:
        """Mean time to resolution and automation rate of the incidents that closed: by group and over time."""
        parameters = IncidentStatisticsParameters.of(request)
        told = parameters.validated_data
        return Response(
            incident_statistics(
                parameters.series(),
                group_by=told["group_by"],
                dimensions=parameters.dimensions(),
                limit=told["limit"],
            )
        )
