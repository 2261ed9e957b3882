"""The periods that are summed up and the groupings kept of each. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from analytics.buckets import bucket_of, bucket_start

SUBJECTS: Final = ("attempt", "resolution", "incident")
DIMENSIONS: Final = ("action_type", "incident_type", "engine", "engine_version", "environment")

# How many buckets each period holds, the shorter first. Both begin with the hours and days of UTC.
HOUR: Final = "hour"
DAY: Final = "day"
GRAINS: Final = {HOUR: 4, DAY: 96}

# By which dimensions each grouping tells its counts apart, the smallest grouping first. Each is there with environments
# too, to which anything can be narrowed; the last answers what no other can.
GROUPINGS: Final[dict[str, tuple[str, ...]]] = {
    "total": (),
    "environment": ("environment",),
    "action_type": ("action_type",),
    "incident_type": ("incident_type",),
    "engine": ("engine", "engine_version"),
    "environment+action_type": ("environment", "action_type"),
    "environment+incident_type": ("environment", "incident_type"),
    "environment+engine": ("environment", "engine", "engine_version"),
    "action_type+incident_type": ("action_type", "incident_type"),
    "environment+action_type+incident_type": ("environment", "action_type", "incident_type"),
    "everything": DIMENSIONS,
}
EVERYTHING: Final = "everything"


def grouping_with(dimensions: Iterable[str]) -> str:
    """The smallest grouping that tells all of these dimensions apart."""
    wanted = set(dimensions)
    return next(name for name, told_apart in GROUPINGS.items() if wanted.issubset(told_apart))


def buckets_in(grain: str, period: int) -> tuple[int, int]:
    """The first bucket of a period, and the first after it."""
    size = GRAINS[grain]
    return period * size, (period + 1) * size


def period_start(grain: str, period: int) -> datetime:
    return bucket_start(period * GRAINS[grain])


def period_of(grain: str, start: datetime) -> int:
    return bucket_of(start) // GRAINS[grain]
