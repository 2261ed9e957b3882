"""The page of engine instances. It parses, reads, and renders."""

from typing import Final

from django.http import Http404, HttpResponse
from django.shortcuts import render

from access.pages import PageRequest, page
from attempts.keyset import Position
from engines.queries import completeness, newest_heard

INSTANCES_A_PAGE: Final = 100


@page
def engines_page(request: PageRequest) -> HttpResponse:
    """Every engine instance, the last heard first. htmx gets the part that changes."""
    before = _position(request.GET["before"]) if "before" in request.GET else None
    found = newest_heard(before=before, limit=INSTANCES_A_PAGE + 1)
    shown = found[:INSTANCES_A_PAGE]
    last = shown[-1] if len(found) > INSTANCES_A_PAGE else None
    context = {
        "instances": shown,
        "total": completeness(),
        "before": before.text() if before else None,
        "older": Position(last.last_heard_at, last.journal_id).text() if last else None,
    }
    template = "engines/_engines.html" if request.htmx else "engines/engines.html"
    return render(request, template, context)


def _position(text: str) -> Position:
    """Where the page before this one ended. Raises Http404 when it is none of ours."""
    try:
        return Position.parse(text)
    except ValueError as error:
        raise Http404("There is no such page of engines.") from error
