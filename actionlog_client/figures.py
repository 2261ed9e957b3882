"""The figures of attempts that are at hand as documents, in the names of the server's statistics. Pure functions.

Durations are sorted here, not put into bins: they are exact.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

STATUSES: Final = ("pending", "in_progress", "success", "failed", "skipped", "cancelled")


def statistics_of(attempts: Iterable[dict[str, Any]], days_back: int, *, now: datetime) -> dict[str, Any]:
    """The statistics of those attempts, documents in the server's names, that began in the last days_back * 24 hours.

    An attempt that tells no start is counted by its end; one that tells neither is counted. success_rate is success /
    (success + failed), None without any; n is that sum. Percentiles are in seconds.
    """
    start = now - timedelta(days=days_back)
    counted = [attempt for attempt in attempts if start <= _began_at(attempt, now) <= now]
    by_type: dict[str, list[dict[str, Any]]] = {}
    for attempt in counted:
        by_type.setdefault(attempt.get("action_type") or "", []).append(attempt)
    figures = _figures(counted)
    return {
        "days_back": days_back,
        "window": {"start": start.isoformat(), "end": now.isoformat()},
        "total_attempts": figures.pop("total"),
        "successful": figures["by_status"]["success"],
        "failed": figures["by_status"]["failed"],
        **figures,
        "by_action_type": [
            {"action_type": action_type, **_figures(theirs)}
            for action_type, theirs in sorted(by_type.items(), key=lambda item: (-len(item[1]), item[0]))
        ],
    }


def _figures(attempts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    by_status = dict.fromkeys(STATUSES, 0)
    for attempt in attempts:
        by_status[attempt.get("status") or "in_progress"] += 1
    n = by_status["success"] + by_status["failed"]
    return {
        "by_status": by_status,
        "total": len(attempts),
        "success_rate": by_status["success"] / n if n else None,
        "n": n,
        "durations": _durations(attempts),
    }


def _durations(attempts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    seconds = sorted(
        attempt["execution_time_seconds"]
        for attempt in attempts
        if isinstance(attempt.get("execution_time_seconds"), int | float)
    )
    fractions = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {name: _percentile(seconds, fraction) for name, fraction in fractions.items()} | {"n": len(seconds)}


def _percentile(ordered: Sequence[float], fraction: float) -> float | None:
    """Linear between two neighbours, as PostgreSQL's percentile_cont."""
    if not ordered:
        return None
    rank = fraction * (len(ordered) - 1)
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def _began_at(attempt: dict[str, Any], now: datetime) -> datetime:
    told = attempt.get("started_at") or attempt.get("completed_at")
    return datetime.fromisoformat(told) if isinstance(told, str) else now
