"""Metrics and statistics over HTTP. What they answer is defined in analytics.figures."""

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import queries
from analytics.api.parameters import ActionStatisticsParameters, MetricsParameters
from analytics.figures import ActionStatistics, Metrics
from analytics.models import ResolutionMetric
from attempts.api.reading import ReadView


class MetricsView(ReadView):
    queryset = ResolutionMetric.objects.all()
    query_parameters: ClassVar = {"retrieve": MetricsParameters.names()}

    @extend_schema(operation_id="metrics_read", parameters=[MetricsParameters], responses=Metrics)
    def retrieve(self, request: Request) -> Response:
        """Counts, success rate and durations of a window, overall and by action type, and what is in progress now."""
        parameters = MetricsParameters.of(request)
        return Response(queries.metrics(parameters.window_told(), parameters.dimensions()))


class ActionStatisticsView(ReadView):
    queryset = ResolutionMetric.objects.all()
    query_parameters: ClassVar = {"retrieve": ActionStatisticsParameters.names()}

    @extend_schema(
        operation_id="action_statistics_read", parameters=[ActionStatisticsParameters], responses=ActionStatistics
    )
    def retrieve(self, request: Request) -> Response:
        """Counts, success rate and durations of the last days, overall, by action type and by day of a time zone."""
        parameters = ActionStatisticsParameters.of(request)
        told = parameters.validated_data
        return Response(
            queries.action_statistics(
                days_back=told["days_back"],
                zone=told["timezone"],
                now=timezone.now(),
                dimensions=parameters.dimensions(),
            )
        )
