"""From counts to figures: the one way in which rates and durations are made of what rollups count. Pure."""

from typing import Any, TypedDict

from analytics.figures import AttemptCounts, Durations, Rate, rate_of
from analytics.histogram import percentiles, value_of
from analytics.rollups import ATTEMPT_COUNTS, MICROSECONDS, STATUS_COUNTS, VERDICT_COUNTS, Counts

# The outcome that counts as a success of each subject, against failed.
SUCCESS = {"attempt": "success", "resolution": "resolved"}


class Rates(TypedDict):
    claimed: Rate
    verified: Rate
    unverified: int


def all_of(counts: Counts) -> int:
    """How many rows of the record these are; each has one status."""
    return sum(counts.get(name, 0) for name in STATUS_COUNTS)


def claimed_of(counts: Counts, subject: str) -> Rate:
    """success / (success + failed), or resolved / (resolved + failed): what the engines said."""
    succeeded = counts.get(SUCCESS[subject], 0)
    return rate_of(succeeded, succeeded + counts.get("failed", 0))


def verified_of(counts: Counts) -> Rate:
    """worked / (worked + no_effect + made_worse + reopened): what turned out, of those of which it is known."""
    return rate_of(counts.get("worked", 0), sum(counts.get(name, 0) for name in VERDICT_COUNTS))


def rates_of(counts: Counts, subject: str) -> Rates:
    """Both rates, and how many have no verdict that knows."""
    verified = verified_of(counts)
    return Rates(claimed=claimed_of(counts, subject), verified=verified, unverified=all_of(counts) - verified.n)


def rated(counts: Counts, subject: str) -> dict[str, Any]:
    """The rates as metrics and action statistics tell them: the claimed one by its first names too."""
    rates = rates_of(counts, subject)
    return {"success_rate": rates["claimed"].rate, "n": rates["claimed"].n, **rates}


def durations_of(counts: Counts) -> Durations:
    """The durations in seconds: percentiles and slowest from the histogram, the mean from the sum."""
    bins = {slot: count for slot, count in counts.items() if count and isinstance(slot, int)}
    n = sum(bins.values())
    p50, p95, p99 = percentiles(bins, (0.50, 0.95, 0.99))
    return Durations(
        p50=p50,
        p95=p95,
        p99=p99,
        mean=counts.get(MICROSECONDS, 0) / 1e6 / n if n else None,
        slowest=value_of(max(bins)) if n else None,
        n=n,
    )


def attempt_counts_of(counts: Counts) -> AttemptCounts:
    return AttemptCounts(**{name: counts.get(name, 0) for name in ATTEMPT_COUNTS})
