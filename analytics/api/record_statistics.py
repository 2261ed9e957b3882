"""GET /api/statistics/durations|steps|capacity|parameters|confidence/: statistics that are read from the record.

What they answer, and within which bounds, is defined in analytics/from_record.
"""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.parameters import DimensionText, FigureParameters, SeriesParameters, WindowParameters
from analytics.from_record.capacity import CapacityStatistics, capacity_statistics
from analytics.from_record.confidence import ConfidenceStatistics, confidence_statistics
from analytics.from_record.durations import DurationStatistics, duration_statistics
from analytics.from_record.parameters import ParameterStatistics, parameter_statistics
from analytics.from_record.steps import StepStatistics, step_statistics
from attempts.api.reading import ReadView
from attempts.models import ActionAttempt
from attempts.records import MAX_TEXT


class RecordParameters(FigureParameters, WindowParameters):
    """A window, and what its attempts can be narrowed to."""

    action_type = DimensionText("this type of action")

    def told(self) -> dict[str, str]:
        """The dimensions that are told, by name of a column."""
        return self.dimensions().told()


class DurationParameters(RecordParameters):
    limit = serializers.IntegerField(
        default=20, min_value=1, max_value=100, help_text="How many attempts of either kind at most."
    )


class OfOneTypeParameters(RecordParameters):
    action_type = serializers.CharField(  # type: ignore[assignment]
        trim_whitespace=False, max_length=MAX_TEXT, help_text="Of this type of action."
    )

    def narrower(self) -> dict[str, str]:
        """What is told beside the action type."""
        return {name: value for name, value in self.told().items() if name != "action_type"}


class CapacityParameters(RecordParameters, SeriesParameters):
    pass


class ConfidenceParameters(RecordParameters):
    subject = serializers.ChoiceField(
        choices=["attempt", "resolution"], default="attempt", help_text="Whose confidences: of attempts or resolutions."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["subject"] == "resolution" and attrs.get("action_type"):
            raise serializers.ValidationError({"action_type": "Resolution attempts have no action type."})
        return super().validate(attrs)


class DurationsView(ReadView):
    queryset = ActionAttempt.objects.all()
    query_parameters: ClassVar = {"retrieve": DurationParameters.names()}

    @extend_schema(operation_id="statistics_durations", parameters=[DurationParameters], responses=DurationStatistics)
    def retrieve(self, request: Request) -> Response:
        """The slowest attempts of a window, and the latest. Percentiles of durations are at /api/statistics/."""
        parameters = DurationParameters.of(request)
        limit = parameters.validated_data["limit"]
        return Response(duration_statistics(parameters.window_told(), parameters.told(), limit=limit))


class StepsView(ReadView):
    queryset = ActionAttempt.objects.all()
    query_parameters: ClassVar = {"retrieve": OfOneTypeParameters.names()}

    @extend_schema(operation_id="statistics_steps", parameters=[OfOneTypeParameters], responses=StepStatistics)
    def retrieve(self, request: Request) -> Response:
        """How long the steps of one type of action last, and which of them is the bottleneck."""
        parameters = OfOneTypeParameters.of(request)
        action_type = parameters.validated_data["action_type"]
        return Response(step_statistics(action_type, parameters.window_told(), parameters.narrower()))


class ParametersView(ReadView):
    queryset = ActionAttempt.objects.all()
    query_parameters: ClassVar = {"retrieve": OfOneTypeParameters.names()}

    @extend_schema(
        operation_id="statistics_parameters", parameters=[OfOneTypeParameters], responses=ParameterStatistics
    )
    def retrieve(self, request: Request) -> Response:
        """Which parameters of one type of action go with success, and what of it chance would do as well."""
        parameters = OfOneTypeParameters.of(request)
        action_type = parameters.validated_data["action_type"]
        return Response(parameter_statistics(action_type, parameters.window_told(), parameters.narrower()))


class CapacityView(ReadView):
    queryset = ActionAttempt.objects.all()
    query_parameters: ClassVar = {"retrieve": CapacityParameters.names()}

    @extend_schema(operation_id="statistics_capacity", parameters=[CapacityParameters], responses=CapacityStatistics)
    def retrieve(self, request: Request) -> Response:
        """Throughput, concurrency and waiting time by buckets of time."""
        parameters = CapacityParameters.of(request)
        return Response(capacity_statistics(parameters.series(), parameters.told(), now=timezone.now()))


class ConfidenceView(ReadView):
    queryset = ActionAttempt.objects.all()
    query_parameters: ClassVar = {"retrieve": ConfidenceParameters.names()}

    @extend_schema(
        operation_id="statistics_confidence", parameters=[ConfidenceParameters], responses=ConfidenceStatistics
    )
    def retrieve(self, request: Request) -> Response:
        """What the confidences that engines state are worth: in words, and by how confident they were."""
        parameters = ConfidenceParameters.of(request)
        subject = parameters.validated_data["subject"]
        return Response(confidence_statistics(subject, parameters.window_told(), parameters.told()))
