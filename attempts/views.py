"""The page of one attempt."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render

from access.pages import PageRequest, page
from access.queries import key_name
from attempts.queries import attempt_detail, retries_of
from attempts.records import OPEN_STATUSES


@page
def attempt_page(request: PageRequest, attempt_id: UUID) -> HttpResponse:
    """Everything of one attempt. htmx gets the part that changes while it runs."""
    attempt = attempt_detail(attempt_id)
    if attempt is None:
        raise Http404(f"No attempt {attempt_id} is recorded.")
    context = {
        "attempt": attempt,
        "is_open": attempt.status in OPEN_STATUSES,
        "retries": retries_of(attempt),
        "recorded_by": key_name(attempt.recorded_by) if attempt.recorded_by is not None else None,
    }
    return render(request, "attempts/_attempt.html" if request.htmx else "attempts/attempt.html", context)
