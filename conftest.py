"""What every test of the suite has. What the tests of one package share is in that package's own conftest.py."""

from collections.abc import Iterator

import pytest
from django.test import override_settings


@pytest.fixture(scope="session", autouse=True)
def fast_passwords() -> Iterator[None]:
    """Hashing a password well takes a quarter of a second, and the tests make hundreds. Real processes hash well."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield
