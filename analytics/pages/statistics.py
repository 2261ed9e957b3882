"""The page of rates, durations and throughput over time and by group. Its figures are those of /api/statistics/."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from msgspec import Struct

from access.pages import PageRequest, page
from analytics.charts.chart import Chart
from analytics.charts.over_time import (
    durations_over_time,
    rates_over_time,
    throughput_over_time,
    times_of,
)
from analytics.figures import GroupFigures, IncidentStatistics, Statistics
from analytics.pages.selection import Selection
from analytics.statistics import incident_statistics, statistics
from analytics.windows import series_of

SUBJECTS: Final = (("attempt", "attempts"), ("resolution", "sessions"))
GROUPINGS: Final = {
    "attempt": (
        ("action_type", "action type"),
        ("incident_type", "incident type"),
        ("action_and_incident_type", "action + incident type"),
        ("engine", "engine"),
        ("engine_version", "engine version"),
        ("environment", "environment"),
    ),
    "resolution": (
        ("incident_type", "incident type"),
        ("engine", "engine"),
        ("engine_version", "engine version"),
        ("environment", "environment"),
    ),
}
# What each is called in titles, and the rate of each.
WHAT: Final = {"attempt": "Attempts", "resolution": "Sessions"}
RATE: Final = {"attempt": "Success rate", "resolution": "Rate of resolved"}
GROUPS_SHOWN: Final = 20
GROUPS_READ: Final = 100


class Group(Struct):
    """A row of the table: its name in parts, where its parts lead, and its figures."""

    parts: Sequence[tuple[str, str, str]]
    figures: GroupFigures


@page
def statistics_page(request: PageRequest) -> HttpResponse:
    selection = Selection(request.GET)
    subject = selection.choose("subject", "Of", SUBJECTS)
    group_by = selection.choose("group_by", "Group by", GROUPINGS[subject])
    length = selection.choose_bucket()
    selection.choose_environment()
    selection.choose_zone()
    series = series_of(selection.window, selection.zone, length)
    dimensions = selection.dimensions()
    found = statistics(series, subject=subject, group_by=group_by, dimensions=dimensions, limit=GROUPS_READ)
    incidents = incident_statistics(series, dimensions=dimensions)
    groups = [_group(selection, subject, figures) for figures in found.groups]
    context = {
        "selection": selection,
        "subject": subject,
        "what": WHAT[subject],
        "grouping": dict(GROUPINGS[subject])[group_by],
        "rate_word": RATE[subject],
        "statistics": found,
        "incidents": incidents,
        "groups": groups[:GROUPS_SHOWN],
        "more_groups": groups[GROUPS_SHOWN:],
        "charts": [*_charts(found), _resolution_times(incidents)] if found.total.total else [],
        "asked": selection.everything,
    }
    return render(request, "analytics/statistics/statistics.html", context)


def _charts(found: Statistics) -> list[Chart]:
    times = times_of(found.buckets, found.timezone, found.bucket)
    return [
        rates_over_time(
            times,
            [bucket.claimed for bucket in found.buckets],
            [bucket.verified for bucket in found.buckets],
            length=found.bucket,
            word=RATE[found.subject],
        ),
        throughput_over_time(
            times, [bucket.by_status for bucket in found.buckets], length=found.bucket, what=WHAT[found.subject]
        ),
        durations_over_time(times, [bucket.durations for bucket in found.buckets], length=found.bucket),
    ]


def _resolution_times(incidents: IncidentStatistics) -> Chart:
    return durations_over_time(
        times_of(incidents.buckets, incidents.timezone, incidents.bucket),
        [bucket.time_to_resolution for bucket in incidents.buckets],
        length=incidents.bucket,
        name="resolution-times",
        title="Time to resolution",
        about="Of incidents closed then: from the first start to the last end as resolved.",
        empty="No incident of this selection was resolved and closed in this window.",
    )


def _group(selection: Selection, subject: str, figures: GroupFigures) -> Group:
    parts = []
    for name, value in figures.group.items():
        # A version is one of its engine.
        narrowed = {name: value} if name != "engine_version" else figures.group
        parts.append((name, value, _address(selection, subject, name, narrowed) if value else ""))
    return Group(parts, figures)


def _address(selection: Selection, subject: str, name: str, narrowed: Mapping[str, str]) -> str:
    """Where a value leads: a type of action to its page, others to this page narrowed to them."""
    if name == "action_type":
        return f"{reverse('action-type-page')}?{urlencode(selection.asked(**narrowed))}"
    told = selection.asked(subject=subject, **narrowed)
    return f"{reverse('statistics-page')}?{urlencode(told)}"
