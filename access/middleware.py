"""Refuses addresses that no text column can be compared with, before any view reads them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from access.error_pages import answer
from access.errors import ApiError

NOT_TEXT: Final = "is not valid UTF-8, or holds a NUL. Percent-encode the UTF-8 bytes of the text."


@sync_and_async_middleware
def well_formed_address(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """Answers 400 to a path or query string with a NUL or with bytes that are not UTF-8.

    Django would replace such bytes with U+FFFD, and so look for something that was not asked for; PostgreSQL raises on
    a NUL, which would be a 500.
    """
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponse:
            return _refusal(request) or await get_response(request)

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponse:
        return _refusal(request) or get_response(request)

    return synchronous


def _refusal(request: HttpRequest) -> HttpResponse | None:
    if not _is_text(request.META.get("QUERY_STRING", "")):
        return answer(request, ApiError(400, f"The query string {NOT_TEXT}"))
    if not _is_text(_quoted_path(request)):
        return answer(request, ApiError(400, f"The path {NOT_TEXT}"))
    return None


def _quoted_path(request: HttpRequest) -> str | bytes:
    """The path as it was sent, where the server tells it: in the decoded one the bad bytes are already replaced."""
    raw: bytes | None = getattr(request, "scope", {}).get("raw_path")
    return raw or request.path_info.replace("%", "%25")


def _is_text(quoted: str | bytes) -> bool:
    data = unquote_to_bytes(quoted)
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data
