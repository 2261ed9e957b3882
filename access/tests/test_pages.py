import re
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from resolutions.tests.recorded import attempt, record

pytestmark = pytest.mark.django_db

PAGES = [
    "/",
    "/dashboard/figures/",
    "/incidents/",
    "/incidents/?incident_id=a%20b",
    "/incidents/INC-1/",
    "/attempts/0198c0de-0000-7000-8000-000000000000/",
    "/resolutions/0198c0de-0000-7000-8000-000000000000/line/",
    "/live-feed/",
    "/live-feed/rows/",
]


@pytest.mark.parametrize("address", PAGES)
def test_a_visitor_is_led_to_the_sign_in_and_back(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/sign-in/?next={quote(address)}"


@pytest.mark.parametrize("address", PAGES)
def test_a_fragment_after_the_session_ended_reloads_its_page(client: Client, address: str) -> None:
    answer = client.get(address, headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"
    assert answer.content == b""


@pytest.mark.parametrize("address", PAGES)
def test_pages_are_only_read_and_never_cached(admin_client: Client, address: str) -> None:
    record([attempt(attempt_id="0198c0de-0000-7000-8000-000000000000")])
    assert admin_client.post(address).status_code == 405
    assert "no-store" in admin_client.get(address).headers["Cache-Control"]


def test_a_deactivated_user_is_let_in_nowhere(client: Client, django_user_model: type[User]) -> None:
    user = django_user_model.objects.create_user("ada")
    client.force_login(user)
    user.is_active = False
    user.save()
    assert client.get("/").status_code == 302


def test_staff_find_the_admin_and_others_do_not(
    admin_client: Client, client: Client, django_user_model: type[User]
) -> None:
    client.force_login(django_user_model.objects.create_user("ada"))
    link = 'href="/admin/"'
    assert link in admin_client.get("/").content.decode()
    assert link not in client.get("/").content.decode()


def test_the_sign_out_button_signs_out(admin_client: Client) -> None:
    page = admin_client.get("/").content.decode()
    assert '<form method="post" action="/sign-out/">' in page
    admin_client.post("/sign-out/")
    assert admin_client.get("/").status_code == 302


@pytest.mark.parametrize("address", ["/", "/incidents/", "/sign-in/"])
def test_pages_have_no_inline_script_style_or_handler(admin_client: Client, address: str) -> None:
    page = admin_client.get(address).content.decode()
    assert "<script>" not in page
    assert "<style" not in page
    assert not re.search(r"\s(style|on[a-z]+)=", page)
