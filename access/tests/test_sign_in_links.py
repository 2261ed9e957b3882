"""Links that sign a user in once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test import Client

from access.models import SignInLink
from access.sign_in_links import issue_sign_in_link, use_sign_in_link

pytestmark = [pytest.mark.django_db, pytest.mark.urls("access.tests.urls")]


@pytest.fixture(autouse=True)
def landing(settings: Any) -> None:
    settings.LOGIN_REDIRECT_URL = "/landing/"


def token_of(link: str) -> str:
    return link.removeprefix("/sign-in/link/").removesuffix("/")


def signed_in_as(client: Client) -> str:
    return get_user(client).get_username()


def age(by: timedelta) -> None:
    SignInLink.objects.update(created_at=F("created_at") - by, expires_at=F("expires_at") - by)


def test_a_link_signs_in(client: Client, operator: User) -> None:
    answer = client.post(issue_sign_in_link(operator))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/landing/")
    assert signed_in_as(client) == "operator"


def test_looking_at_a_link_does_not_use_it_up(client: Client, operator: User) -> None:
    link = issue_sign_in_link(operator)
    for _ in range(3):
        page = client.get(link)
        assert "<button" in page.content.decode()
        assert "no-store" in page.headers["Cache-Control"]
        assert signed_in_as(client) == ""
    assert client.head(link).status_code == 200
    client.post(link)
    assert signed_in_as(client) == "operator"


def test_a_used_link_is_refused(client: Client, operator: User) -> None:
    link = issue_sign_in_link(operator)
    client.post(link)
    other = Client()
    answer = other.post(link)
    assert answer.status_code == 410
    assert "used before" in answer.content.decode()
    assert signed_in_as(other) == ""


def test_an_expired_link_is_refused(client: Client, operator: User) -> None:
    link = issue_sign_in_link(operator)
    age(timedelta(minutes=14, seconds=50))
    in_time = issue_sign_in_link(operator)
    age(timedelta(seconds=15))
    assert client.post(link).status_code == 410
    assert signed_in_as(client) == ""
    assert client.post(in_time).status_code == 302


def test_an_unknown_link_is_refused(client: Client, operator: User) -> None:
    issue_sign_in_link(operator)
    assert client.post("/sign-in/link/unknown/").status_code == 410


def test_a_link_of_an_inactive_user_is_refused(client: Client, operator: User) -> None:
    link = issue_sign_in_link(operator)
    User.objects.update(is_active=False)
    assert client.post(link).status_code == 410
    assert signed_in_as(client) == ""


def test_the_button_needs_its_csrf_token(operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    link = issue_sign_in_link(operator)
    assert client.post(link).status_code == 403
    client.get(link)
    assert client.post(link, {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}).status_code == 302


def test_the_token_is_stored_nowhere(operator: User) -> None:
    link = issue_sign_in_link(operator)
    assert token_of(link) not in str(list(SignInLink.objects.values()))


def test_old_links_are_cleared_away(operator: User) -> None:
    issue_sign_in_link(operator)
    age(timedelta(days=2))
    issue_sign_in_link(operator)
    assert SignInLink.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_signs_in(operator: User) -> None:
    token = token_of(issue_sign_in_link(operator))

    def use(_: int) -> User | None:
        try:
            return use_sign_in_link(token)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        users = list(pool.map(use, range(8)))
    assert [user for user in users if user is not None] == [operator]


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("access_sign_in_links_digest_form", lambda link: {"digest": "the-token"}),
        ("access_sign_in_links_expires_later", lambda link: {"expires_at": link.created_at}),
    ],
)
def test_the_database_refuses(operator: User, constraint: str, change: Callable[[SignInLink], dict[str, Any]]) -> None:
    issue_sign_in_link(operator)
    link = SignInLink.objects.get()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        SignInLink.objects.filter(pk=link.pk).update(**change(link))
