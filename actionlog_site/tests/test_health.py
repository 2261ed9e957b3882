"""/healthz and /readyz, to anyone."""

import copy

import pytest
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import Client

from actionlog_site import health


def test_healthz_asks_nothing_of_the_database() -> None:
    # Without the django_db mark, any query would fail this test.
    response = Client().get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.mark.django_db
def test_readyz_is_ready_with_a_migrated_database() -> None:
    response = Client().get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready"}


@pytest.mark.django_db
def test_readyz_is_not_ready_before_every_migration_is_applied() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'attempts'")
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "migrate" in response.json()["error"]["message"]


@pytest.mark.django_db
def test_readyz_is_not_ready_when_the_database_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = copy.deepcopy(connection.settings_dict)
    settings.update(HOST="127.0.0.1", PORT="1")
    settings["OPTIONS"]["pool"] = False
    monkeypatch.setattr(health, "connection", DatabaseWrapper(settings, "lost"))
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "The database cannot be reached."


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_only_reading_is_answered(address: str) -> None:
    assert Client().post(address).status_code == 405
