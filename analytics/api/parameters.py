"""The query parameters of metrics and statistics. A text parameter that is empty narrows nothing."""

from typing import Any, Self
from zoneinfo import ZoneInfo

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from analytics.queries import Dimensions
from analytics.windows import MAX_DAYS, Window, window_named, zone_named
from attempts.records import MAX_TEXT


class DimensionText(serializers.CharField):
    """One dimension of the rollups. What was never told counts as the empty text, which cannot be asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(
            required=False,
            allow_blank=True,
            trim_whitespace=False,
            max_length=MAX_TEXT,
            help_text=f"Only {what}; empty for all.",
        )


class FigureParameters(serializers.Serializer[Any]):
    """What all figures can be narrowed to."""

    environment = DimensionText("this environment")
    incident_type = DimensionText("this type of incident")
    engine = DimensionText("this engine")
    engine_version = DimensionText("this version of the engine")
    action_type = DimensionText("this type of action (resolution attempts have none, and are not narrowed by it)")

    @classmethod
    def of(cls, request: Request) -> Self:
        """The parameters of a request. Raises ValidationError, which names those that are not understood."""
        parameters = cls(data=request.query_params)
        parameters.is_valid(raise_exception=True)
        return parameters

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(cls().fields)

    def dimensions(self) -> Dimensions:
        told = {name: self.validated_data.get(name) or None for name in Dimensions._fields}
        return Dimensions(**told)


class MetricsParameters(FigureParameters):
    window = serializers.CharField(
        default="24h",
        help_text="How far back: minutes, hours or days, such as 90m, 24h or 30d. Widened to whole 15-minute buckets.",
    )

    def validate_window(self, name: str) -> Window:
        try:
            return window_named(name, now=timezone.now())
        except ValueError as fault:
            raise serializers.ValidationError(str(fault)) from None


class ActionStatisticsParameters(FigureParameters):
    days_back = serializers.IntegerField(
        default=7, min_value=1, max_value=MAX_DAYS, help_text="How many times 24 hours to go back."
    )
    timezone = serializers.CharField(
        default="UTC", help_text="IANA name of the time zone whose days are counted in by_day, such as Asia/Kolkata."
    )

    def validate_timezone(self, name: str) -> ZoneInfo:
        try:
            return zone_named(name)
        except ValueError as fault:
            raise serializers.ValidationError(str(fault)) from None
