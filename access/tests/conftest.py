"""What the tests of access share: users, keys, and a client that sees answers instead of exceptions."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.keys import create_key

PASSWORD = "correct horse battery"


@pytest.fixture
def client() -> Client:
    """Answers as a browser would see them: an exception is its 500, not an exception."""
    return Client(raise_request_exception=False)


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_user("operator", password=PASSWORD)


@pytest.fixture
def bearer(db: None) -> Callable[..., dict[str, str]]:
    """Makes a key with the scopes given, and returns the header that shows it."""

    def make(*scopes: str, engine: str | None = None) -> dict[str, str]:
        _, token = create_key(name="test", scopes=scopes, engine=engine)
        return {"Authorization": f"Bearer {token}"}

    return make
