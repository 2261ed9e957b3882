"""The pages of failure patterns: the list, one pattern with what operators do to it, and the part of an attempt's page.

They parse, read or call one verb, and render.
"""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from access.errors import ApiError
from access.pages import PageRequest, form_page, page
from analytics.patterns import deciding, merging
from analytics.patterns.overview import Selection, overview, patterns_to_merge
from analytics.patterns.queries import pattern_of_attempt
from analytics.patterns.reading import pattern_detail
from analytics.windows import series_of, window_named
from attempts.records import MAX_TEXT

PERMISSION: Final = "analytics.change_failurepattern"
MAX_NOTE: Final = 2000
WINDOWS: Final = ("24h", "7d", "30d", "90d")
DEFAULT_WINDOW: Final = "30d"
STATES: Final = ("open", "acknowledged", "fixed", "ignored", "all")
ORDERS: Final = {"-last_seen": "last seen", "-occurrences": "most frequent", "-first_seen": "newest"}
DECISIONS: Final = {
    "acknowledge": deciding.acknowledge,
    "fix": deciding.fix,
    "ignore": deciding.ignore,
    "reopen": deciding.reopen,
}
_UTC: Final = ZoneInfo("UTC")


@page
def patterns_page(request: PageRequest) -> HttpResponse:
    """The patterns of a state, the last seen first. htmx gets the part that changes."""
    told = request.GET
    state, order = told.get("state", ""), told.get("order", "")
    selection = Selection(
        state=state if state in STATES else STATES[0],
        order=order if order in ORDERS else next(iter(ORDERS)),
        search=_text(told.get("search", "")),
        action_type=_text(told.get("action_type", "")),
    )
    try:
        found = overview(selection, after=told.get("after") or None, now=timezone.now())
    except ValueError as error:
        raise Http404("There is no such page of failure patterns.") from error
    chosen = {name: value for name, value in selection._asdict().items() if value}
    context = {
        "found": found,
        "selection": selection,
        "states": [(name, found.states[name]) for name in STATES],
        "orders": ORDERS.items(),
        "query": urlencode(chosen),
        "here": urlencode(chosen | ({"after": told["after"]} if told.get("after") else {})),
        "after": told.get("after"),
        "older": urlencode(chosen | {"after": found.next}) if found.next else None,
    }
    return render(request, "analytics/_patterns.html" if request.htmx else "analytics/patterns.html", context)


@form_page
def pattern_page(request: PageRequest, pattern_id: UUID) -> HttpResponse:
    """One pattern. POST does what a button says, and leads back to the page."""
    fault: ApiError | None = None
    if request.method == "POST":
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied("Deciding on failure patterns takes the permission that the group operators has.")
        try:
            return redirect("failure-pattern", _do(request, pattern_id))
        except ApiError as refusal:
            if refusal.status == 404:
                raise Http404(refusal.message) from refusal
            fault = refusal
    name = request.GET.get("window", "")
    window = window_named(name if name in WINDOWS else DEFAULT_WINDOW, now=timezone.now())
    detail = pattern_detail(pattern_id, series_of(window, _UTC))
    if detail is None:
        raise Http404("There is no such failure pattern.")
    may = request.user.has_perm(PERMISSION) and detail.merged_into is None
    context: dict[str, Any] = {
        "pattern": detail,
        "windows": WINDOWS,
        "window": window.name,
        "most": max((bucket.occurrences for bucket in detail.over_time.buckets), default=0),
        "traits": {
            difference: [one for one in detail.concentration.traits if one.difference == difference]
            for difference in ("more", "less", "chance")
        },
        "may_decide": may,
        "others": patterns_to_merge(detail) if may else [],
        "fault": fault,
        "note": request.POST.get("note", ""),
        "max_note": MAX_NOTE,
    }
    return render(request, "analytics/pattern.html", context, status=fault.status if fault else 200)


@page
def pattern_of_attempt_part(request: PageRequest, attempt_id: UUID) -> HttpResponse:
    """The pattern of a failed attempt, for its page, which does not know of patterns."""
    return render(request, "analytics/_pattern_of_attempt.html", {"pattern": pattern_of_attempt(attempt_id)})


def _do(request: PageRequest, pattern_id: UUID) -> UUID:
    """What the button says; the id of the pattern to be shown. Raises ApiError."""
    verb = request.POST.get("verb", "")
    actor = request.user.get_username()
    note = request.POST.get("note", "").replace("\r\n", "\n").strip()
    if len(note) > MAX_NOTE:
        raise ApiError(400, f"A note has at most {MAX_NOTE} characters.", field="note", path="note")
    if verb in DECISIONS:
        DECISIONS[verb](pattern_id=pattern_id, actor=actor, note=note)
    elif verb == "merge":
        others = _ids(request, "patterns", "Choose a pattern to merge into this one.")
        merging.merge(target_id=pattern_id, others=others, actor=actor, note=note)
    elif verb == "split":
        fingerprints = _ids(request, "fingerprints", "Tick the messages that are to be a pattern of their own.")
        return merging.split(pattern_id=pattern_id, fingerprints=fingerprints, actor=actor, note=note).pattern_id
    else:
        raise ApiError(400, "There is no such button.", field="verb", path="verb")
    return pattern_id


def _ids(request: PageRequest, name: str, hint: str) -> list[UUID]:
    told = [text for text in request.POST.getlist(name) if text]
    try:
        ids = [UUID(text) for text in told]
    except ValueError:
        raise ApiError(400, "This is no id of ours.", field=name, path=name) from None
    if not ids:
        raise ApiError(400, hint, field=name, path=name)
    return ids


def _text(text: str) -> str:
    return text.replace("\0", "")[:MAX_TEXT]
