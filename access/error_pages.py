"""Django's error handlers (handler400 to handler500 in actionlog_site/urls.py): JSON under /api/, a page elsewhere.

They answer what no API view saw: unknown addresses, requests that Django refuses, and crashes. The pages touch neither
the database nor the session, because they are also shown when the database is lost.
"""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from access.errors import ApiError, as_api_error

TITLES = {
    400: "The request cannot be understood",
    403: "You may not do this",
    404: "There is nothing here",
    413: "The request is too large",
    500: "Something went wrong here",
    503: "The database cannot be reached",
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    return answer(request, as_api_error(exception) or ApiError(400, "The request cannot be understood."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    return answer(request, as_api_error(exception) or ApiError(403, "You may not do this."))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404. Does not repeat what the resolver says: that is a list of every address we have."""
    return answer(request, ApiError(404, "There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: 503 when the database is lost, 400 when it refused a value, and 500 for the rest.

    Django calls this while it handles the exception, wherever that was raised: a view, the rendering of its template,
    or a middleware such as the one that saves the session. A middleware of ours would see only the first of these.
    """
    error = as_api_error(sys.exception())
    return answer(request, error or ApiError(500, "Something went wrong here. It has been logged."))


def answer(request: HttpRequest, error: ApiError) -> HttpResponse:
    """The error as JSON under /api/, as a page elsewhere."""
    if request.path_info.startswith("/api/"):
        return JsonResponse(error.body(), status=error.status, headers=error.headers)
    title = TITLES.get(error.status, "Error")
    page = render_to_string("access/error.html", {"title": title, "message": error.message, "status": error.status})
    return HttpResponse(page, status=error.status, headers=error.headers)
