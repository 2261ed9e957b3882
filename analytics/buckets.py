"""The 15-minute UTC buckets in which everything derived is counted. A bucket is named by its number since 1970.

Fifteen minutes, because every time zone of today is a multiple of that from UTC: local days are whole buckets.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

BUCKET: Final = timedelta(minutes=15)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def bucket_of(time: datetime) -> int:
    """The number of the bucket that a time (of any time zone) lies in. Exact to the microsecond."""
    return (time - EPOCH) // BUCKET


def bucket_start(bucket: int) -> datetime:
    """The first moment of a bucket; the bucket ends where the next one starts."""
    return EPOCH + bucket * BUCKET


def floor_to_bucket(time: datetime) -> datetime:
    """The start of the bucket that a time lies in."""
    return bucket_start(bucket_of(time))


def ceil_to_bucket(time: datetime) -> datetime:
    """The first bucket boundary at or after a time."""
    return bucket_start(-((EPOCH - time) // BUCKET))
