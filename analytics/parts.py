"""Parts of the pages of lower apps that show what is derived: each is loaded by its URL's name. They parse, read, and
render."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from access.pages import PageRequest, page
from analytics.from_record.comparison import NoneSuccessful, NotFailed, comparison_of
from analytics.timeline.queries import incident_thrash
from attempts.records import MAX_TEXT


@page
def attempt_comparison(request: PageRequest, attempt_id: UUID) -> HttpResponse:
    """What of a failed attempt differs from the nearest successful one; empty for one that did not fail."""
    try:
        found = comparison_of(attempt_id)
    except NotFailed:
        return HttpResponse()
    except NoneSuccessful as refusal:
        return render(request, "analytics/_comparison.html", {"refusal": str(refusal)})
    if found is None:
        raise Http404(f"No attempt {attempt_id} is recorded.")
    steps = [step for step in found.comparison.steps if step.change != "same"]
    return render(request, "analytics/_comparison.html", {"found": found, "steps": steps})


@page
def incident_thrash_part(request: PageRequest) -> HttpResponse:
    """Whether the work on ?incident_id= goes in circles; empty if it does not."""
    found = incident_thrash(request.GET.get("incident_id", "")[:MAX_TEXT], now=timezone.now())
    return render(request, "analytics/_thrash.html", {"thrash": found})
