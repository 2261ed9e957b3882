"""Metrics and statistics over HTTP. What they answer is defined in analytics.figures."""

import msgspec
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics import queries
from analytics.api.parameters import MetricsParameters, StatisticsParameters


class MetricsView(APIView):
    @extend_schema(operation_id="metrics", parameters=[MetricsParameters])
    def get(self, request: Request) -> Response:
        """Counts, success rate and durations of a window, overall and by action type. Without a window: 24h."""
        parameters = MetricsParameters(data=request.query_params)
        parameters.is_valid(raise_exception=True)
        window = parameters.validated_data["window"]
        return Response(msgspec.to_builtins(queries.metrics(window, parameters.dimensions())))


class ActionStatisticsView(APIView):
    @extend_schema(operation_id="action_statistics", parameters=[StatisticsParameters])
    def get(self, request: Request) -> Response:
        """Counts, success rate and durations of the last days, by action type and by day."""
        parameters = StatisticsParameters(data=request.query_params)
        parameters.is_valid(raise_exception=True)
        told = parameters.validated_data
        return Response(
            msgspec.to_builtins(
                queries.action_statistics(
                    days_back=told["days_back"],
                    zone=told["timezone"],
                    now=timezone.now(),
                    dimensions=parameters.dimensions(),
                )
            )
        )
