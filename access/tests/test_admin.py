"""API keys in the admin: shown once, revoked, never changed or deleted."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from access.keys import create_key
from access.models import ApiKey
from access.queries import find_key

pytestmark = [pytest.mark.django_db, pytest.mark.urls("access.tests.urls")]

KEYS = "/admin/access/apikey/"


@pytest.fixture
def admin(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("chief"))
    return client


def make(admin: Client, **told: Any) -> Any:
    return admin.post(f"{KEYS}add/", {"name": "from the admin", "scopes": ["read"], "engine": "", **told})


def test_a_new_key_is_shown_once_and_works(admin: Client) -> None:
    assert admin.get(f"{KEYS}add/").status_code == 200
    answer = make(admin, scopes=["ingest", "read"], engine="healer")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    shown = re.search(r"alk_[\w-]{40,}", answer.content.decode())
    assert shown is not None
    token = shown[0]
    key = find_key(token)
    assert key is not None
    assert (key.name, key.scopes, key.engine) == ("from the admin", frozenset({"ingest", "read"}), "healer")
    assert ApiKey.objects.get().created_by == User.objects.get()
    for address in (KEYS, f"{KEYS}{key.id}/change/", f"{KEYS}{key.id}/history/", "/admin/"):
        page = admin.get(address)
        assert page.status_code == 200
        assert token not in page.content.decode()
    assert token not in str(admin.cookies)
    assert token not in str(dict(admin.session))
    assert token not in str(list(LogEntry.objects.values()))


@pytest.mark.parametrize("told", [{"name": ""}, {"scopes": []}, {"scopes": ["everything"]}, {"name": "a\0b"}])
def test_an_unacceptable_key_is_not_made(admin: Client, told: dict[str, Any]) -> None:
    answer = make(admin, **told)
    assert "errorlist" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_key_made_without_an_engine_is_unbound(admin: Client) -> None:
    make(admin)
    assert ApiKey.objects.get().engine is None


def test_a_key_is_looked_at_and_not_changed(admin: Client) -> None:
    row, _ = create_key(name="engine", scopes=["read"])
    page = admin.get(f"{KEYS}{row.pk}/change/").content.decode()
    assert row.prefix in page
    assert row.digest not in page
    assert 'name="name"' not in page
    assert admin.post(f"{KEYS}{row.pk}/change/", {"name": "other"}).status_code == 403
    row.refresh_from_db()
    assert row.name == "engine"


def test_a_key_is_not_deleted(admin: Client) -> None:
    row, _ = create_key(name="engine", scopes=["read"])
    assert admin.post(f"{KEYS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    admin.post(KEYS, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert ApiKey.objects.filter(pk=row.pk).exists()


def test_selected_keys_are_revoked_and_the_admin_remembers_by_whom(admin: Client) -> None:
    row, token = create_key(name="engine", scopes=["read"])
    _, other_token = create_key(name="other", scopes=["read"])
    admin.post(KEYS, {"action": "revoke", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert find_key(token) is None
    assert find_key(other_token) is not None
    assert row.revoked_by == User.objects.get()
    assert LogEntry.objects.get().object_id == str(row.pk)


def test_who_may_only_view_keys_neither_makes_nor_revokes_them(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(viewer)
    row, token = create_key(name="engine", scopes=["read"])
    assert client.get(KEYS).status_code == 200
    assert make(client).status_code == 403
    client.post(KEYS, {"action": "revoke", "_selected_action": [row.pk]})
    assert find_key(token) is not None
