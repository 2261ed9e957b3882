"""The pages of incidents, and the rows of the live feed. They parse, read, and render."""

from typing import Final
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import render

from access.pages import PageRequest, page
from attempts.keyset import Position
from attempts.models import ActionAttempt
from resolutions.models import ResolutionAttempt
from resolutions.newest import SHOWN, changes_of, newest_changes
from resolutions.queries import incident_detail, recent_sessions, resolution_details
from resolutions.timeline import overview
from resolutions.totals import count_attempts

SESSIONS_A_PAGE: Final = 50


@page
def incidents_page(request: PageRequest) -> HttpResponse:
    """The newest sessions; with ?incident_id=, the page of that incident."""
    if "incident_id" in request.GET:
        return incident_page(request, request.GET["incident_id"])
    before = _position(request.GET["before"]) if "before" in request.GET else None
    found = recent_sessions(
        resolutions=ResolutionAttempt.objects.all(),
        attempts=ActionAttempt.objects.all(),
        before=before,
        limit=SESSIONS_A_PAGE + 1,
    )
    shown = found[:SESSIONS_A_PAGE]
    sessions = [session for _, session in shown]
    last = shown[-1][0] if len(found) > SESSIONS_A_PAGE else None
    context = {
        "sessions": list(zip(sessions, count_attempts(sessions), strict=True)),
        "before": before,
        "older": last.text() if last else None,
    }
    return render(request, "resolutions/incidents.html", context)


@page
def incident_page(request: PageRequest, incident_id: str) -> HttpResponse:
    """All that is known of one incident. htmx gets the part that changes while it is worked on."""
    incident = incident_detail(incident_id)
    if incident is None:
        return render(request, "resolutions/no_incident.html", {"incident_id": incident_id}, status=404)
    template = "resolutions/_incident.html" if request.htmx else "resolutions/incident.html"
    return render(request, template, {"incident": overview(incident)})


@page
def resolution_line(request: PageRequest, resolution_id: UUID) -> HttpResponse:
    """One resolution attempt in a line, for pages that may not know of resolutions."""
    found = resolution_details([resolution_id])
    context = {"resolution": found[0] if found else None, "resolution_id": resolution_id}
    return render(request, "resolutions/_line.html", context)


@page
def live_feed(request: PageRequest) -> HttpResponse:
    """The live feed as it starts: the newest changes of ?environment=, or of all."""
    newest = newest_changes(environment=request.GET.get("environment") or None)
    return render(request, "resolutions/_live_feed.html", {"newest": newest})


@page
def live_feed_rows(request: PageRequest) -> HttpResponse:
    """The present rows of ?id=, repeated: what live-feed.js puts on top. Ids that do not exist are left out."""
    try:
        ids = [UUID(text) for text in request.GET.getlist("id")[:SHOWN]]
    except ValueError as error:
        raise BadRequest("id is a UUID.") from error
    return render(request, "resolutions/_change_rows.html", {"changes": changes_of(ids)})


def _position(text: str) -> Position:
    """Where the page before this one ended. Raises Http404 when it is none of ours."""
    try:
        return Position.parse(text)
    except ValueError as error:
        raise Http404("There is no such page of incidents.") from error
