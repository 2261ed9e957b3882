"""What every test of the suite has. What the tests of one package share is in that package's own conftest.py."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import override_settings
from hypothesis import HealthCheck, settings

from actionlog_client.payload import foreign
from actionlog_site.patience import PatientConnection

# What a thread of a logger that was closed may still take for the request that is under way.
WAY_OUT_SECONDS = 10.0

# How long an example takes says something of the machine, not of what is tested. The examples are the same in each
# run, so that a run tells of the change under test; `--hypothesis-profile=search` looks for new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", settings.get_profile("search"), derandomize=True)
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def patience_with_foreign_code() -> Iterator[None]:
    """The code of an object that is logged may take its time where others take all of the machine's. What hangs has
    tests of its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(foreign, "PATIENCE", 60.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def patience_with_the_database() -> Iterator[None]:
    """A test may wait for a connection, and for an answer, for as long as a busy machine takes. The patience of web
    processes has tests of its own; here it is there because they import the site as it is served."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(connection.settings_dict["OPTIONS"]["pool"], "timeout", 60.0)
        patched.setattr(PatientConnection, "patience_seconds", None)
        yield


@pytest.fixture(scope="session", autouse=True)
def fast_passwords() -> Iterator[None]:
    """Hashing a password well takes a quarter of a second, and the tests make hundreds. Real processes hash well."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def closed_loggers() -> Iterator[None]:
    """A logger that a test leaves open goes on delivering, and warning, in whatever test this process runs next."""
    before = set(threading.enumerate())
    yield
    left = [
        thread
        for thread in set(threading.enumerate()) - before
        if thread.name in {"actionlog-courier", "actionlog-keeper"}
    ]
    for thread in left:
        thread.join(WAY_OUT_SECONDS)
    still = sorted(thread.name for thread in left if thread.is_alive())
    assert not still, f"This test left a logger open (threads {', '.join(still)}): close it, or use it in a with block."
