"""The page that says whether a stated confidence means anything. Its figures: those of /api/statistics/confidence/."""

from typing import Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from access.pages import PageRequest, page
from analytics.charts.reliability import reliability_chart
from analytics.from_record.confidence import EngineConfidence, confidence_statistics
from analytics.pages.selection import Selection

SUBJECTS: Final = (("resolution", "sessions"), ("attempt", "attempts"))


@page
def confidence_page(request: PageRequest) -> HttpResponse:
    selection = Selection(request.GET)
    subject = selection.choose("subject", "Of", SUBJECTS)
    selection.choose_environment()
    found = confidence_statistics(
        "resolution" if subject == "resolution" else "attempt", selection.window, selection.dimensions().told()
    )
    engines = [(figures, _address(selection, subject, figures)) for figures in found.by_engine]
    context = {
        "selection": selection,
        "what": dict(SUBJECTS)[subject],
        "statistics": found,
        "sides": [
            ("claimed", "As the engines told", found.claimed),
            ("verified", "As verdicts say", found.verified),
        ],
        "engines": engines,
        "chart": reliability_chart(found.claimed, found.verified),
    }
    return render(request, "analytics/statistics/confidence.html", context)


def _address(selection: Selection, subject: str, figures: EngineConfidence) -> str:
    """This page, narrowed to one version of one engine."""
    told = selection.asked(subject=subject, engine=figures.engine or "", engine_version=figures.engine_version or "")
    return f"{reverse('confidence-page')}?{urlencode(told)}"
