"""The part of the statistics page that tells how many attempts run at once, and how long they wait to start."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from access.pages import PageRequest, page
from analytics.charts.capacity import concurrency_chart, waiting_chart
from analytics.charts.over_time import times_of
from analytics.from_record.capacity import capacity_statistics
from analytics.pages.selection import Selection
from analytics.windows import series_of


@page
def capacity(request: PageRequest) -> HttpResponse:
    selection = Selection(request.GET)
    length = selection.choose_bucket()
    found = capacity_statistics(
        series_of(selection.window, selection.zone, length), selection.dimensions().told(), now=timezone.now()
    )
    times = times_of(found.buckets, found.timezone, found.bucket)
    context = {
        "statistics": found,
        "charts": [concurrency_chart(times, found.buckets, length), waiting_chart(times, found.buckets, length)],
    }
    return render(request, "analytics/statistics/_capacity.html", context)
