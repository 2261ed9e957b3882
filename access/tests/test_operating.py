"""Who decides as an operator: keys with scope operate, users with the permission, nobody else."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.urls("access.tests.urls")]

Bearer = Callable[..., dict[str, str]]
DOOR = "/api/operating/"


@pytest.fixture
def permitted(operator: User) -> User:
    operator.user_permissions.add(Permission.objects.get(codename="change_apikey"))
    return operator


def test_a_key_with_scope_operate_decides_and_does_not_read_by_it(client: Client, bearer: Bearer) -> None:
    assert client.post(DOOR, headers=bearer("operate")).status_code == 200
    assert client.get(DOOR, headers=bearer("operate")).status_code == 403
    assert client.get("/api/echo/", headers=bearer("operate")).status_code == 403


@pytest.mark.parametrize("scopes", [["read"], ["ingest"], ["read", "ingest"]])
def test_a_key_without_it_is_refused_and_told_so(client: Client, bearer: Bearer, scopes: list[str]) -> None:
    answer = client.post(DOOR, headers=bearer(*scopes))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert '"operate"' in answer.json()["error"]["message"]


def test_readers_read_what_operators_change(client: Client, bearer: Bearer, operator: User) -> None:
    assert client.get(DOOR, headers=bearer("read")).status_code == 200
    client.force_login(operator)
    assert client.get(DOOR).status_code == 200
    assert client.options(DOOR).status_code == 200


def test_nobody_is_told_the_way_in(client: Client) -> None:
    answer = client.post(DOOR)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_user_needs_the_permission(client: Client, permitted: User) -> None:
    client.force_login(User.objects.create_user("olga"))
    refused = client.post(DOOR)
    assert refused.status_code == 403
    assert "operators" in refused.json()["error"]["message"]
    client.force_login(permitted)
    assert client.post(DOOR).status_code == 200
    User.objects.update(is_active=False)
    assert client.post(DOOR).status_code == 401


def test_a_session_needs_the_csrf_token(permitted: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(permitted)
    assert client.post(DOOR).status_code == 403
