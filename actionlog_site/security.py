"""The Content-Security-Policy of every page. The other security headers are Django's own, set in settings.py."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

HEADER: Final = "Content-Security-Policy"
POLICY: Final = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        # Plotly and htmx put style elements and attributes into the page.
        "style-src 'self' 'unsafe-inline'",
        # Not every browser counts the live feed's WebSocket as 'self'.
        "connect-src 'self' ws: wss:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
    ]
)
# The API documentation starts Swagger UI from a script inside the page.
POLICY_BY_VIEW_NAME: Final = {"api-docs": POLICY + "; script-src 'self' 'unsafe-inline'"}


@sync_and_async_middleware
def content_security_policy(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """Adds the policy to every answer that does not bring its own."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponse:
            return _with_policy(request, await get_response(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponse:
        return _with_policy(request, get_response(request))

    return synchronous


def _with_policy(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    view_name = request.resolver_match.view_name if request.resolver_match else ""
    response.headers.setdefault(HEADER, POLICY_BY_VIEW_NAME.get(view_name, POLICY))
    return response
