"""What stated confidences were worth, counted in the database: five sums for each bin are all that leaves it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from django.db import connection
from msgspec import Struct

from analytics.calibration import BINS, UNIT, Calibration, ConfidenceCounts, calibration_of
from analytics.figures import WindowShown, shown
from analytics.from_record.bounds import Covered, selection, since_when
from analytics.snapshot import one_snapshot
from analytics.windows import Window

MOST_ROWS: Final = 500_000
MOST_ENGINES: Final = 100

Subject = Literal["attempt", "resolution"]

# By subject: its table, what counts as success and as failure, as claimed and as verified (the twin of `verified` of
# AttemptRow and ResolutionRow). NULL is neither: what was skipped, cancelled or escalated says nothing of a confidence.
_READ_FROM: Final[dict[str, tuple[str, str, str]]] = {
    "attempt": (
        "action_attempts",
        "CASE status WHEN 'success' THEN true WHEN 'failed' THEN false END",
        "CASE verdict WHEN 'worked' THEN true WHEN 'no_effect' THEN false WHEN 'made_worse' THEN false END",
    ),
    "resolution": (
        "resolution_attempts",
        "CASE status WHEN 'resolved' THEN true WHEN 'failed' THEN false END",
        "CASE WHEN reopened_at IS NOT NULL AND (verdict_at IS NULL OR verdict_at <= reopened_at) THEN false"
        " WHEN verdict = 'worked' THEN true WHEN verdict IN ('no_effect', 'made_worse') THEN false END",
    ),
}


class EngineConfidence(Struct, kw_only=True):
    """The confidences of one version of one engine; null is what was not told."""

    engine: str | None
    engine_version: str | None
    claimed: Calibration
    verified: Calibration


class ConfidenceStatistics(Struct, kw_only=True):
    """What stated confidences were worth: by what engines claim, and by what verdicts say. See Calibration.

    Of attempts, success counts as success and failed as failure; of resolution attempts, resolved and failed. Verified:
    worked against no_effect and made_worse, and a resolution attempt whose incident was reopened with no verdict since
    counts as a failure. All else is not counted. covered.rows are those that carry a confidence.

    by_engine holds the 100 versions of engines with the most of them; engines is how many there are.
    """

    window: WindowShown
    covered: Covered
    subject: Subject
    claimed: Calibration
    verified: Calibration
    engines: int
    by_engine: list[EngineConfidence]


# The five sums of ConfidenceCounts, once of what was claimed, once of what was verified.
_SUMS: Final = ", ".join(
    f"{sum_} AS {success}_{name}"
    for success in ("claimed", "verified")
    for name, sum_ in zip(
        ConfidenceCounts._fields,
        (
            f"count({success})",
            f"count(*) FILTER (WHERE {success})",
            f"coalesce(sum(c) FILTER (WHERE {success} IS NOT NULL), 0)",
            f"coalesce(sum(c * c) FILTER (WHERE {success} IS NOT NULL), 0)",
            f"coalesce(sum(c) FILTER (WHERE {success}), 0)",
        ),
        strict=True,
    )
)
_NAMES: Final = [f"{success}_{name}" for success in ("claimed", "verified") for name in ConfidenceCounts._fields]
# round() of a double is to the even neighbour, as Python's is, so that the bins are those of analytics.calibration.
# Place 0 is all engines together.
_QUERY: Final = f"""
    WITH told AS (
        SELECT coalesce(engine, '') AS engine, coalesce(engine_version, '') AS engine_version,
            round(confidence * {UNIT})::bigint AS c,
            {{claimed}} AS claimed, {{verified}} AS verified
        FROM {{table}} WHERE {{where}} AND confidence IS NOT NULL
    ), bins AS MATERIALIZED (
        SELECT engine, engine_version, greatest(0, (c - 1) * {BINS} / {UNIT}) AS bin, count(*) AS n, {_SUMS}
        FROM told GROUP BY 1, 2, 3
    ), engines AS (
        SELECT engine, engine_version, count(*) OVER () AS known,
            row_number() OVER (ORDER BY sum(n) DESC, engine, engine_version) AS place
        FROM bins GROUP BY 1, 2 ORDER BY place LIMIT {MOST_ENGINES}
    )
    SELECT 0, NULL, NULL, (SELECT coalesce(max(known), 0) FROM engines), bin, sum(n)::bigint,
        {", ".join(f"sum({name})::bigint" for name in _NAMES)}
    FROM bins GROUP BY bin
    UNION ALL
    SELECT place, engine, engine_version, known, bin, n, {", ".join(f"{name}::bigint" for name in _NAMES)}
    FROM engines JOIN bins USING (engine, engine_version)
    ORDER BY 1
"""  # noqa: S608  # our own names


def confidence_statistics(subject: Subject, window: Window, told: Mapping[str, str]) -> ConfidenceStatistics:
    """The figures of what started in a window. told: dimensions by name of a column. Two queries."""
    table, claimed, verified = _READ_FROM[subject]
    with one_snapshot():
        since = since_when(table, window, told, most=MOST_ROWS)
        where, parameters = selection(window, told, since=since)
        with connection.cursor() as cursor:
            cursor.execute(_QUERY.format(table=table, claimed=claimed, verified=verified, where=where), parameters)
            found = cursor.fetchall()
    bins: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for place, *row in found:
        bins[place].append(tuple(row))
    everything = bins.pop(0, [])
    return ConfidenceStatistics(
        window=shown(window),
        covered=Covered(since=since, rows=sum(row[4] for row in everything), complete=since == window.start),
        subject=subject,
        claimed=_calibration(everything, 0),
        verified=_calibration(everything, 1),
        engines=everything[0][2] if everything else 0,
        by_engine=[
            EngineConfidence(
                engine=rows[0][0] or None,
                engine_version=rows[0][1] or None,
                claimed=_calibration(rows, 0),
                verified=_calibration(rows, 1),
            )
            for rows in bins.values()
        ],
    )


def _calibration(rows: Iterable[tuple[Any, ...]], which: int) -> Calibration:
    """Of rows of (engine, engine_version, engines, bin, n, sums claimed, sums verified)."""
    width = len(ConfidenceCounts._fields)
    first = 5 + which * width
    return calibration_of({row[3]: ConfidenceCounts(*row[first : first + width]) for row in rows})
