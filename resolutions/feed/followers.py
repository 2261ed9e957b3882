"""Who may follow the live feed, told by the headers of the WebSocket's handshake. Rights as such are in access."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, Final, cast

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.module_loading import import_string

from access.authentication import key_from_headers
from access.errors import ApiError, unauthorized
from access.permissions import require_scope

Headers = Iterable[tuple[bytes, bytes]]

NO_CREDENTIALS: Final = "Sign in, or send an API key as: Authorization: Bearer KEY. A key in the address is not read."


def require_follower(headers: Headers) -> None:
    """Return for an active key with scope read, and for the session of a signed-in active user.

    Asked at the handshake and again while the feed is served, so it looks everything up anew. Asks the database: call
    it from a thread. Raises ApiError 401 or 403.
    """
    headers = list(headers)
    origin = _header(headers, b"origin")
    if origin is not None:
        _require_own_origin(origin, _header(headers, b"host"))
    key = key_from_headers(headers)
    if key is not None:
        require_scope(key, "read")
        return
    if not _has_signed_in_user(_header(headers, b"cookie")):
        raise unauthorized(NO_CREDENTIALS)
    if origin is None:
        # Browsers always tell it. It is all that keeps another site's page from using this one's session.
        raise ApiError(403, "A session needs an Origin header; outside a browser, use an API key.")


def _require_own_origin(origin: str, host: str | None) -> None:
    """As Django checks the origin of a POST: a page of the very host that is asked, or of a trusted origin."""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return
    scheme, _, asking = origin.lower().partition("://")
    domain, _ = split_domain_port(asking)
    own = scheme in ("http", "https") and asking == (host or "").lower()
    if not own or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise ApiError(403, "This page may not follow the feed: its origin is not one of ALLOWED_HOSTS.")


def _has_signed_in_user(cookies: str | None) -> bool:
    session_key = parse_cookie(cookies or "").get(settings.SESSION_COOKIE_NAME)
    if not session_key:
        return False
    session: SessionBase = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(session_key)
    # get_user asks nothing of a request but its session.
    user = get_user(cast(HttpRequest, SimpleNamespace(session=session)))
    return bool(user.is_authenticated and user.is_active)


def _header(headers: Headers, name: bytes) -> Any:
    return next((value.decode("latin-1") for told, value in headers if told.lower() == name), None)
