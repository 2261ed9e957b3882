"""Who is asking: an API key in the Authorization header, or the session of a signed-in user.

What he may then do is in permissions.py.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from access.errors import CHALLENGE, unauthorized
from access.keys import Key
from access.queries import find_key

HOW: Final = "Send it as: Authorization: Bearer KEY."
# Longer than any key; what is longer is not worth hashing.
TOKEN_LIMIT: Final = 200


class KeyUser(AnonymousUser):
    """Stands where Django REST framework expects a user, for a request made with an API key.

    Has no row and no rights, and is_authenticated is False: only a check that knows keys lets one in.
    """

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key
        self.username = key.name  # type: ignore[assignment]  # the stubs say: always empty

    def __str__(self) -> str:
        return f"API key {self.key.name}"


class BearerAuthentication(BaseAuthentication):
    """Sets request.auth to the access.keys.Key of the request, and request.user to a KeyUser."""

    def authenticate(self, request: Request) -> tuple[KeyUser, Key] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        key = active_key(_token_of(header))
        return KeyUser(key), key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def key_from_headers(headers: Iterable[tuple[bytes, bytes]]) -> Key | None:
    """The active key that a request's ASGI headers show; None when they show no credentials at all.

    Asks the database, so call it from a thread. Raises ApiError 401 for a malformed header and for a key that is
    unknown or revoked.
    """
    token = credentials_from_headers(headers)
    return None if token is None else active_key(token)


def credentials_from_headers(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The bearer token in a request's ASGI headers, unchecked; None when there is no Authorization header.

    Raises ApiError 401 for another scheme, an empty or malformed token, and two such headers.
    """
    told = [value for name, value in headers if name.lower() == b"authorization"]
    if len(told) > 1:
        raise unauthorized(f"There is more than one Authorization header. Send one API key. {HOW}")
    return _token_of(told[0].decode("latin-1")) if told else None


def active_key(token: str) -> Key:
    """The active key that this text is. Raises ApiError 401 when there is none, unknown and revoked alike."""
    key = find_key(token)
    if key is None:
        raise unauthorized("This API key is unknown or revoked. Ask an operator for a new one.")
    return key


def key_of(request: Any) -> Key | None:
    """The key that a Django REST framework request was made with; None when a signed-in user made it."""
    return request.auth if isinstance(request.auth, Key) else None


def _token_of(header: str) -> str:
    scheme, _, token = header.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer":
        raise unauthorized(f"The Authorization header does not hold an API key. {HOW}")
    # RFC 6750 allows few characters more than a key has; anything outside ASCII's graphic ones is a paste gone wrong.
    if not token or len(token) > TOKEN_LIMIT or not all("!" <= character <= "~" for character in token):
        raise unauthorized(f"The Authorization header holds no well-formed API key. {HOW}")
    return token
