"""The page of one type of action: its rates over time, what its parameters do, its steps, its attempts.

What has to be read from the record takes longer than the rest, and is fetched by the page as parts of its own.
"""

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render

from access.pages import PageRequest, page
from analytics.charts.over_time import durations_over_time, rates_over_time, throughput_over_time, times_of
from analytics.from_record.durations import duration_statistics
from analytics.from_record.parameters import ParameterStatistics, parameter_statistics
from analytics.from_record.steps import step_statistics
from analytics.pages.selection import Selection
from analytics.parameters.effectiveness import Effectiveness, ValueFigures
from analytics.statistics import statistics
from analytics.windows import series_of

ATTEMPTS_SHOWN: Final = 15
VALUES_SHOWN: Final = 60
PAIRS_SHOWN: Final = 30


@page
def action_type_page(request: PageRequest) -> HttpResponse:
    selection = Selection(request.GET)
    action_type = selection.text("action_type")
    if not action_type:
        return redirect("statistics-page")
    length = selection.choose_bucket()
    selection.choose_environment()
    selection.choose_zone()
    found = statistics(series_of(selection.window, selection.zone, length), dimensions=selection.dimensions())
    times = times_of(found.buckets, found.timezone, found.bucket)
    claimed = [bucket.claimed for bucket in found.buckets]
    verified = [bucket.verified for bucket in found.buckets]
    by_status = [bucket.by_status for bucket in found.buckets]
    durations = [bucket.durations for bucket in found.buckets]
    context = {
        "selection": selection,
        "action_type": action_type,
        "subject": "attempt",
        "what": "Attempts",
        "rate_word": "Success rate",
        "statistics": found,
        "charts": [
            rates_over_time(times, claimed, verified, length=length, word="Success rate"),
            throughput_over_time(times, by_status, length=length, what="Attempts"),
            durations_over_time(times, durations, length=length),
        ]
        if found.total.total
        else [],
        "asked": urlencode(selection.asked(action_type=action_type, incident_type=selection.text("incident_type"))),
    }
    return render(request, "analytics/statistics/action_type.html", context)


@page
def action_type_parameters(request: PageRequest) -> HttpResponse:
    """The part that tells which parameters go with success."""
    selection, action_type, narrower = _of_one_type(request)
    found = parameter_statistics(action_type, selection.window, narrower)
    context = {"selection": selection, "statistics": found, "sides": _sides(found)}
    return render(request, "analytics/statistics/_parameters.html", context)


@page
def action_type_steps(request: PageRequest) -> HttpResponse:
    """The part that tells which step is the bottleneck."""
    selection, action_type, narrower = _of_one_type(request)
    context = {"selection": selection, "statistics": step_statistics(action_type, selection.window, narrower)}
    return render(request, "analytics/statistics/_steps.html", context)


@page
def action_type_attempts(request: PageRequest) -> HttpResponse:
    """The part that lists the slowest attempts and the latest."""
    selection, action_type, narrower = _of_one_type(request)
    told = {**narrower, "action_type": action_type}
    found = duration_statistics(selection.window, told, limit=ATTEMPTS_SHOWN)
    slowest = "Slowest attempts" if found.slowest_exact else "Slow attempts (others may have taken as long)"
    context = {"lists": [(slowest, found.slowest), ("Latest attempts", found.recent)]}
    return render(request, "analytics/statistics/_attempts.html", context)


def _of_one_type(request: PageRequest) -> tuple[Selection, str, dict[str, str]]:
    """What is asked for: the type of action, and what narrows its attempts beside it."""
    selection = Selection(request.GET)
    narrower = selection.dimensions()._replace(action_type=None).told()
    return selection, selection.text("action_type"), narrower


def _sides(found: ParameterStatistics) -> list[dict[str, Any]]:
    """As claimed, and as verified where enough has a verdict to say anything."""
    sides = [_side("claimed", "As the engines told", found.claimed, found.claimed_pairs)]
    if found.verified.values:
        sides.append(_side("verified", "As verdicts say", found.verified, found.verified_pairs))
    return sides


def _side(name: str, title: str, effectiveness: Effectiveness, pairs: int) -> dict[str, Any]:
    values = sorted(effectiveness.values, key=_what_matters_first)
    told = [pair for pair in effectiveness.pairs if pair.difference in ("higher", "lower")]
    return {
        "name": name,
        "title": title,
        "observed": effectiveness.observed,
        "values": values[:VALUES_SHOWN],
        "more_values": len(values[VALUES_SHOWN:]),
        "found": sum(value.difference in ("higher", "lower") for value in values),
        "pairs": told[:PAIRS_SHOWN],
        "more_pairs": len(told[PAIRS_SHOWN:]),
        "pairs_by_chance": pairs - len(told),
        "left_out": effectiveness.left_out,
        "tests": effectiveness.tests,
    }


def _what_matters_first(value: ValueFigures) -> tuple[bool, str]:
    """Parameters stay together; those with a difference that chance would not make come first."""
    return value.difference not in ("higher", "lower"), value.level.parameter
