"""The dashboard. It parses, reads, and renders; its live feed is a fragment of resolutions."""

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from access.pages import PageRequest, page
from analytics.overview import environments, running_attempts
from analytics.queries import Dimensions, metrics
from analytics.windows import window_named
from attempts.records import MAX_TEXT
from resolutions.newest import newest_changes

WINDOWS: Final = ("1h", "24h", "7d", "30d")
DEFAULT_WINDOW: Final = "24h"
# Action types in the table before the rest is folded away.
TYPES_SHOWN: Final = 15


@page
def dashboard(request: PageRequest) -> HttpResponse:
    """The page as a whole."""
    context = _figures(request)
    context["windows"] = WINDOWS
    context["environments"] = environments(since=window_named(WINDOWS[-1], now=timezone.now()).start)
    context["newest"] = newest_changes(environment=context["environment"])
    return render(request, "analytics/dashboard.html", context)


@page
def figures(request: PageRequest) -> HttpResponse:
    """The part of it that is fetched again and again."""
    return render(request, "analytics/_figures.html", _figures(request))


def _figures(request: PageRequest) -> dict[str, Any]:
    window = request.GET.get("window", "")
    if window not in WINDOWS:
        window = DEFAULT_WINDOW
    environment = request.GET.get("environment", "")[:MAX_TEXT] or None
    found = metrics(window_named(window, now=timezone.now()), Dimensions(environment=environment))
    return {
        "window": window,
        "environment": environment,
        "selection": urlencode({"window": window} | ({"environment": environment} if environment else {})),
        "metrics": found,
        "running": running_attempts(environment=environment),
        "types": found.by_action_type[:TYPES_SHOWN],
        "more_types": found.by_action_type[TYPES_SHOWN:],
    }
