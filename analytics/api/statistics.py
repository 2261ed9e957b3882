"""GET /api/statistics/ and /api/statistics/incidents/: parameters and views. The figures: analytics.statistics."""

from typing import Any, ClassVar, Final

import msgspec
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.parameters import DimensionText, FigureParameters
from analytics.figures import IncidentStatistics, Statistics
from analytics.models import ResolutionMetric
from analytics.statistics import (
    DEFAULT_LIMIT,
    GROUP_BY,
    INCIDENT_GROUP_BY,
    MAX_LIMIT,
    Series,
    incident_statistics,
    series_of,
    statistics,
)
from analytics.windows import BUCKET_LENGTHS, Window, window_between, window_named, zone_named
from attempts.api.filters import TIME_HINT
from attempts.api.reading import ReadView
from attempts.records import Time
from attempts.validation import EARLIEST, LATEST

DEFAULT_WINDOW: Final = "7d"


class Moment(serializers.CharField):
    """A time with its offset."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        try:
            moment = msgspec.convert(text, Time)
        except msgspec.ValidationError:
            raise serializers.ValidationError(TIME_HINT) from None
        if not EARLIEST <= moment <= LATEST:
            raise serializers.ValidationError("Send a time of the years 1970 to 2200.")
        return moment


class SeriesParameters(FigureParameters):
    """A window, told by its length or its ends, and the buckets of time that it is shown in."""

    window = serializers.CharField(
        required=False,
        help_text="How far back: minutes, hours or days, such as 90m, 24h or 30d; 7d when neither it nor start is "
        "told. Widened to whole 15-minute buckets.",
    )
    start = Moment(required=False, help_text="From this time on, instead of window. Widened to a 15-minute boundary.")
    end = Moment(required=False, help_text="Up to this time; now when only start is told.")
    bucket = serializers.ChoiceField(
        choices=["auto", *BUCKET_LENGTHS],
        default="auto",
        help_text="The buckets of time; weeks begin on Monday. auto: by the length of the window.",
    )
    timezone = serializers.CharField(
        default="UTC",
        help_text="IANA name of the time zone whose hours, days and weeks are meant, such as Asia/Kolkata.",
    )
    limit = serializers.IntegerField(
        default=DEFAULT_LIMIT,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text="How many groups are listed, the most frequent first. groups_left_out tells of the others.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        window = self._window(attrs)
        length = attrs["bucket"]
        try:
            zone = zone_named(attrs["timezone"])
        except ValueError as fault:
            raise serializers.ValidationError({"timezone": str(fault)}) from None
        try:
            attrs["series"] = series_of(window, zone, None if length == "auto" else length)
        except ValueError as fault:
            raise serializers.ValidationError({"bucket": str(fault)}) from None
        return attrs

    def series(self) -> Series:
        found: Series = self.validated_data["series"]
        return found

    def _window(self, attrs: dict[str, Any]) -> Window:
        now = timezone.now()
        if "start" not in attrs:
            if "end" in attrs:
                raise serializers.ValidationError({"end": "Send start too, or window alone."})
            try:
                return window_named(attrs.get("window", DEFAULT_WINDOW), now=now)
            except ValueError as fault:
                raise serializers.ValidationError({"window": str(fault)}) from None
        if "window" in attrs:
            raise serializers.ValidationError({"window": "Send either window or start and end."})
        try:
            return window_between(attrs["start"], attrs.get("end", now))
        except ValueError as fault:
            raise serializers.ValidationError({"start": str(fault)}) from None


class StatisticsParameters(SeriesParameters):
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


class IncidentStatisticsParameters(SeriesParameters):
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
