"""What the page of all failure patterns shows: those of a state, how many there are of each, and how often of late."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet

from analytics.models import FailurePattern
from analytics.patterns.details import PatternDetail, PatternSummary
from analytics.patterns.queries import ORDER_COLUMNS, living_patterns, owns, position_of, summaries
from attempts.keyset import Position, Rank, RowCompare

PATTERNS_A_PAGE: Final = 50
TREND_DAYS: Final = 30
MOST_TO_MERGE: Final = 100
STATES: Final = {
    "open": Q(state__in=["new", "regressed"]),
    "acknowledged": Q(state="acknowledged"),
    "fixed": Q(state="fixed"),
    "ignored": Q(state="ignored"),
    "all": Q(),
}
_TRENDS: Final = """
    SELECT prints.pattern_id, width_bucket(counts.bucket_start, %s::timestamptz[]) - 1, sum(counts.occurrences)::bigint
    FROM failure_fingerprints AS prints JOIN failure_counts AS counts USING (fingerprint)
    WHERE prints.pattern_id = ANY(%s) AND counts.bucket_start >= %s AND counts.bucket_start < %s
    GROUP BY 1, 2
"""


class Selection(NamedTuple):
    """Which patterns, in which order: a minus and one of ORDER_COLUMNS. The empty text narrows nothing."""

    state: str
    order: str
    search: str
    action_type: str


class Row(NamedTuple):
    """A pattern, and how many of its failures started on each of the last TREND_DAYS times 24 hours."""

    pattern: PatternSummary
    trend: list[int]


class Overview(NamedTuple):
    """A page of patterns. states is how many of the selection there are in each; next is where the next page begins."""

    rows: list[Row]
    states: dict[str, int]
    next: str | None


def overview(selection: Selection, *, after: str | None, now: datetime) -> Overview:
    """The page that begins after this position. Five queries. Raises ValueError for a position that is none."""
    column = ORDER_COLUMNS[selection.order.removeprefix("-")]
    selected = living_patterns()
    if selection.search:
        selected = selected.filter(template__icontains=selection.search)
    if selection.action_type:
        selected = selected.filter(owns(action_type=selection.action_type))
    shown = selected.filter(STATES[selection.state]).order_by(f"-{column}", "-pattern_id")
    if after is not None:
        position = (Rank if column == "occurrences" else Position).parse(after)
        shown = shown.filter(RowCompare([column, "pattern_id"], "<", position.values()))
    rows = list(shown[: PATTERNS_A_PAGE + 1])
    last = rows[PATTERNS_A_PAGE - 1] if len(rows) > PATTERNS_A_PAGE else None
    rows = rows[:PATTERNS_A_PAGE]
    trends = _trends([row.pattern_id for row in rows], now)
    return Overview(
        rows=[Row(told, trends.get(told.pattern_id, [0] * TREND_DAYS)) for told in summaries(rows)],
        states=_states(selected),
        next=position_of(last, column).text() if last is not None else None,
    )


def patterns_to_merge(pattern: PatternDetail) -> list[FailurePattern]:
    """The patterns that may be the same: those of the same action types first, then the most frequent ones."""
    others = living_patterns().exclude(pattern_id=pattern.pattern_id)
    akin = others.annotate(is_akin=owns(action_type__in=pattern.action_types))
    return list(akin.order_by("-is_akin", "-occurrences", "pattern_id")[:MOST_TO_MERGE])


def _states(selected: "QuerySet[FailurePattern]") -> dict[str, int]:
    counts = selected.aggregate(**{name: Count("pattern_id", filter=state) for name, state in STATES.items() if state})
    return {**counts, "all": sum(counts.values())}


def _trends(ids: list[UUID], now: datetime) -> dict[UUID, list[int]]:
    day = timedelta(days=1)
    starts = [now - (TREND_DAYS - number) * day for number in range(TREND_DAYS)]
    found: dict[UUID, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_TRENDS, [starts, ids, starts[0], now])
        for pattern_id, place, occurrences in cursor.fetchall():
            found.setdefault(pattern_id, [0] * TREND_DAYS)[place] = occurrences
    return found
