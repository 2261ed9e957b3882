"""Signing in with a password, and out."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client

from access.models import SignInTry
from access.sign_in_tries import TRIES, begin_try
from access.tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.urls("access.tests.urls")]

RIGHT = {"username": "operator", "password": PASSWORD}
WRONG = {"username": "operator", "password": "wrong"}


@pytest.fixture(autouse=True)
def landing(settings: Any) -> None:
    settings.LOGIN_REDIRECT_URL = "/landing/"


def signed_in(client: Client) -> bool:
    return get_user(client).is_authenticated


def test_the_right_password_signs_in(client: Client, operator: User) -> None:
    answer = client.post("/sign-in/", RIGHT)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/landing/")
    assert signed_in(client)


def test_the_page_goes_on_to_where_the_user_was_going(client: Client, operator: User) -> None:
    page = client.get("/sign-in/?next=/api/docs/")
    assert 'name="next" value="/api/docs/"' in page.content.decode()
    assert client.post("/sign-in/", {**RIGHT, "next": "/api/docs/"}).headers["Location"] == "/api/docs/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_the_page_never_goes_on_to_another_site(client: Client, operator: User, target: str) -> None:
    assert client.post("/sign-in/", {**RIGHT, "next": target}).headers["Location"] == "/landing/"


def test_the_wrong_password_does_not_sign_in(client: Client, operator: User) -> None:
    answer = client.post("/sign-in/", WRONG)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert not signed_in(client)


def test_an_inactive_user_does_not_sign_in(client: Client, operator: User) -> None:
    User.objects.update(is_active=False)
    client.post("/sign-in/", RIGHT)
    assert not signed_in(client)


def test_the_form_needs_its_csrf_token(operator: User) -> None:
    assert Client(enforce_csrf_checks=True).post("/sign-in/", RIGHT).status_code == 403


def test_a_nul_in_the_form_is_an_error_in_the_form(client: Client, operator: User) -> None:
    assert client.post("/sign-in/", {"username": "a\0b", "password": "\0"}).status_code == 200


def test_after_too_many_tries_even_the_right_password_waits(client: Client, operator: User) -> None:
    for _ in range(TRIES):
        assert client.post("/sign-in/", WRONG).status_code == 200
    answer = client.post("/sign-in/", RIGHT)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "900")
    assert "Too many tries" in answer.content.decode()
    assert not signed_in(client)


def test_too_many_tries_lock_neither_other_users_nor_other_addresses(client: Client, operator: User) -> None:
    for _ in range(TRIES + 5):
        client.post("/sign-in/", WRONG)
    assert client.post("/sign-in/", {**WRONG, "username": "other"}).status_code == 200
    assert client.post("/sign-in/", RIGHT, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_the_lock_ends(client: Client, operator: User) -> None:
    for _ in range(TRIES + 5):
        client.post("/sign-in/", WRONG)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE access_sign_in_tries SET tried_at = tried_at - interval '16 minutes'")
    assert client.post("/sign-in/", RIGHT).status_code == 302


def test_signing_in_forgets_the_tries(client: Client, operator: User) -> None:
    for _ in range(TRIES - 1):
        client.post("/sign-in/", WRONG)
    client.post("/sign-in/", RIGHT)
    assert not SignInTry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_moment_are_all_counted() -> None:
    def guess(_: int) -> bool:
        try:
            return begin_try(username="operator", address="192.0.2.1")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(guess, range(40))) <= TRIES


def test_the_database_refuses_a_try_that_tells_who() -> None:
    with pytest.raises(IntegrityError, match="access_sign_in_tries_who_form"), transaction.atomic():
        SignInTry.objects.create(who="operator")


def test_neither_name_nor_address_of_a_try_is_stored(client: Client, operator: User) -> None:
    client.post("/sign-in/", WRONG, REMOTE_ADDR="192.0.2.1")
    stored = str(list(SignInTry.objects.values()))
    assert "operator" not in stored
    assert "192.0.2.1" not in stored


def test_the_admin_has_no_door_of_its_own(client: Client, operator: User) -> None:
    answer = client.post("/admin/login/?next=/admin/", RIGHT, follow=True)
    assert answer.redirect_chain[0][0] == "/sign-in/?next=/admin/"
    assert not signed_in(client)


def test_a_user_without_rights_in_the_admin_is_told_so(client: Client, operator: User) -> None:
    client.force_login(operator)
    answer = client.get("/admin/", follow=True)
    assert "signed in as operator" in answer.content.decode()


def test_signing_out_is_a_post(client: Client, operator: User) -> None:
    client.force_login(operator)
    assert client.get("/sign-out/").status_code == 405
    assert signed_in(client)
    assert client.post("/sign-out/").status_code == 302
    assert not signed_in(client)
