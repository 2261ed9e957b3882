"""The query parameters of metrics and statistics. A text parameter that is empty narrows nothing."""

from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

import msgspec
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from analytics.queries import Dimensions
from analytics.windows import (
    BUCKET_LENGTHS,
    MAX_DAYS,
    Series,
    Window,
    series_of,
    window_between,
    window_named,
    zone_named,
)
from attempts.api.filters import TIME_HINT
from attempts.records import MAX_TEXT, Time
from attempts.validation import EARLIEST, LATEST


class Parameters(serializers.Serializer[Any]):
    """Query parameters. Those of several subclasses can be taken together."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """The parameters of a request. Raises ValidationError, which names those that are not understood."""
        parameters = cls(data=request.query_params)
        parameters.is_valid(raise_exception=True)
        return parameters

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(cls().fields)


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


class FigureParameters(Parameters):
    """What all figures can be narrowed to."""

    environment = DimensionText("this environment")
    incident_type = DimensionText("this type of incident")
    engine = DimensionText("this engine")
    engine_version = DimensionText("this version of the engine")
    action_type = DimensionText("this type of action (resolution attempts have none, and are not narrowed by it)")

    def dimensions(self) -> Dimensions:
        told = {name: self.validated_data.get(name) or None for name in Dimensions._fields}
        return Dimensions(**told)


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


class ZoneName(serializers.CharField):
    """A time zone by its name; UTC when it is not told."""

    def __init__(self, what: str) -> None:
        super().__init__(default="UTC", help_text=f"IANA name of the time zone whose {what}, such as Asia/Kolkata.")

    def to_internal_value(self, data: Any) -> Any:
        return _zone(super().to_internal_value(data))

    def get_default(self) -> Any:
        return _zone(str(super().get_default()))


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_named(name)
    except ValueError as fault:
        raise serializers.ValidationError(str(fault)) from None


class WindowParameters(Parameters):
    """A window, told by its length or by its ends."""

    default_window: ClassVar[str] = "7d"

    window = serializers.CharField(
        required=False,
        help_text="How far back: minutes, hours or days, such as 90m, 24h or 30d. Widened to whole 15-minute buckets.",
    )
    start = Moment(required=False, help_text="From this time on, instead of window. Widened to a 15-minute boundary.")
    end = Moment(required=False, help_text="Up to this time; now when only start is told.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        window = fields["window"]
        window.help_text = f"{window.help_text} {self.default_window} when neither it nor start is told."
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        attrs["window_told"] = self._window(attrs)
        return attrs

    def window_told(self) -> Window:
        window: Window = self.validated_data["window_told"]
        return window

    def _window(self, attrs: dict[str, Any]) -> Window:
        now = timezone.now()
        if "start" not in attrs:
            if "end" in attrs:
                raise serializers.ValidationError({"end": "Send start too, or window alone."})
            try:
                return window_named(attrs.get("window", self.default_window), now=now)
            except ValueError as fault:
                raise serializers.ValidationError({"window": str(fault)}) from None
        if "window" in attrs:
            raise serializers.ValidationError({"window": "Send either window or start and end."})
        try:
            return window_between(attrs["start"], attrs.get("end", now))
        except ValueError as fault:
            raise serializers.ValidationError({"start": str(fault)}) from None


class SeriesParameters(WindowParameters):
    """A window, and the buckets of time that it is shown in."""

    bucket = serializers.ChoiceField(
        choices=["auto", *BUCKET_LENGTHS],
        default="auto",
        help_text="The buckets of time; weeks begin on Monday. auto: by the length of the window.",
    )
    timezone = ZoneName("hours, days and weeks are meant")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        length = attrs["bucket"]
        try:
            attrs["series"] = series_of(attrs["window_told"], attrs["timezone"], None if length == "auto" else length)
        except ValueError as fault:
            raise serializers.ValidationError({"bucket": str(fault)}) from None
        return attrs

    def series(self) -> Series:
        found: Series = self.validated_data["series"]
        return found


class MetricsParameters(FigureParameters, WindowParameters):
    default_window = "24h"


class ActionStatisticsParameters(FigureParameters):
    days_back = serializers.IntegerField(
        default=7, min_value=1, max_value=MAX_DAYS, help_text="How many times 24 hours to go back."
    )
    timezone = ZoneName("days are counted in by_day")
