"""The verdicts on one attempt or resolution attempt, and the form that gives one, as parts of the pages of both."""

from typing import Any, Final
from uuid import UUID

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from access.errors import ApiError
from access.pages import PageRequest, form_page
from attempts.addresses import incident_address
from attempts.queries import attempt_detail
from attempts.validation import Fault
from resolutions.queries import resolution_details
from resolutions.verdicts.details import SHOWN, Subject, latest_verdicts_on
from resolutions.verdicts.documents import VerdictDocument, checked
from resolutions.verdicts.giving import give_verdict

PERMISSION: Final = "resolutions.add_verdict"
CHOICES: Final = (
    ("worked", "Worked"),
    ("no_effect", "No effect"),
    ("made_worse", "Made worse"),
    ("unknown", "Not known"),
)


@form_page
def attempt_verdicts(request: PageRequest, attempt_id: UUID) -> HttpResponse:
    """The verdicts on an action attempt. POST gives one and answers with them, or with its page without htmx."""
    return _verdicts(request, "attempt", attempt_id)


@form_page
def resolution_verdicts(request: PageRequest, resolution_id: UUID) -> HttpResponse:
    """The verdicts on a resolution attempt."""
    return _verdicts(request, "resolution", resolution_id)


def _verdicts(request: PageRequest, subject: Subject, record_id: UUID) -> HttpResponse:
    fault = None
    if request.method == "POST":
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied("Giving verdicts takes the permission that the group operators has.")
        try:
            _give(request, subject, record_id)
        except (Fault, ApiError) as refusal:
            fault = refusal.message
    record = _record(subject, record_id)
    if request.method == "POST" and fault is None and not request.htmx:
        return redirect(_page_of(subject, record))
    context = {
        "subject": subject,
        "record_id": record_id,
        "record": record,
        "given": request.method == "POST" and fault is None,
        "fault": fault,
        # What was typed is not lost when it is refused.
        "note": request.POST.get("note", "") if fault is not None else "",
        "verdicts": latest_verdicts_on(subject, record_id),
        "most": SHOWN,
        "choices": CHOICES if request.user.has_perm(PERMISSION) else (),
    }
    return render(request, "resolutions/_verdicts.html", context)


def _give(request: PageRequest, subject: Subject, record_id: UUID) -> None:
    """Raises Fault and ApiError for what is refused."""
    now = timezone.now()
    note = request.POST.get("note", "").replace("\r\n", "\n").strip()
    told = {"verdict": request.POST.get("verdict"), "verdict_id": request.POST.get("verdict_id"), "note": note}
    try:
        document = msgspec.convert(told, VerdictDocument)
    except msgspec.ValidationError as error:
        raise Fault(f"This is no verdict: {error}.", path="verdict") from error
    document.source = "human"
    # As it would stand in JSON, where what is to be cleaned of it is looked for: NUL is escaped there.
    document = checked(document, msgspec.json.encode(note), now=now)
    give_verdict(subject=subject, record_id=record_id, document=document, given_by=request.user.get_username(), now=now)


def _record(subject: Subject, record_id: UUID) -> Any:
    """The detail of what the verdicts are on. Raises Http404."""
    found = attempt_detail(record_id) if subject == "attempt" else next(iter(resolution_details([record_id])), None)
    if found is None:
        raise Http404("There is no such record.")
    return found


def _page_of(subject: Subject, record: Any) -> str:
    if subject == "attempt":
        return f"/attempts/{record.attempt_id}/"
    return f"{incident_address(record.incident_id)}#session-{record.resolution_id}"
