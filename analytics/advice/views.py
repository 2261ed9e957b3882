"""Advice as a part of other pages: what worked for one type of incident. It parses, reads, and renders."""

from typing import Final

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from access.pages import PageRequest, page
from analytics.advice.queries import Case, advice_on
from analytics.windows import window_named
from attempts.records import MAX_TEXT

DAYS: Final = 90
# Actions in the table before the rest is folded away.
ACTIONS_SHOWN: Final = 8


@page
def what_worked(request: PageRequest) -> HttpResponse:
    """What worked for incidents of ?incident_type=, in every environment; the page of an incident loads it."""
    incident_type = request.GET.get("incident_type", "")
    if not 0 < len(incident_type) <= MAX_TEXT:
        raise BadRequest("incident_type is the type of an incident.")
    advice = advice_on(Case(incident_type=incident_type), window_named(f"{DAYS}d", now=timezone.now()))
    context = {
        "advice": advice,
        "days": DAYS,
        "actions": advice.actions[:ACTIONS_SHOWN],
        "more_actions": advice.actions[ACTIONS_SHOWN:],
    }
    return render(request, "analytics/_what_worked.html", context)
