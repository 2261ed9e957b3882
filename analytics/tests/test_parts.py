"""Parts of the pages of attempts and incidents that show what is derived."""

from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from attempts.tests.stored import NOON, store_attempt, store_attempts

pytestmark = pytest.mark.django_db

FAILED = {"status": "failed", "target": "db-1", "completed_at": NOON + timedelta(minutes=1)}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    return client


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_a_failed_attempt_shows_what_differed_when_it_worked(client: Client) -> None:
    failed = store_attempt(**FAILED, parameters={"size": 5, "<b>": "x\x1b[31m"})
    store_attempt(status="success", parameters={"size": 9}, started_at=NOON - timedelta(hours=2))
    assert f'hx-get="/attempts/{failed.pk}/comparison/"' in page(client, f"/attempts/{failed.pk}/")
    raw = client.get(f"/attempts/{failed.pk}/comparison/").content.decode()
    assert "<b></th>" not in raw
    assert "\x1b" not in raw
    for text in ("2 h 00 min earlier", ">size</th>", "<code>5</code>", "<code>9</code>", "2 other parameters"):
        assert text in raw


def test_without_a_success_it_says_so_and_without_a_failure_it_is_empty(client: Client) -> None:
    failed, running = store_attempts(FAILED, {})
    assert "No successful attempt of restart is known." in page(client, f"/attempts/{failed.pk}/comparison/")
    assert page(client, f"/attempts/{running.pk}/comparison/") == ""
    assert "comparison" not in page(client, f"/attempts/{running.pk}/")
    assert client.get(f"/attempts/{uuid4()}/comparison/").status_code == 404


@pytest.mark.parametrize("incident_id", ["INC-1", "a/b ü&x=1", "timeline"])
def test_an_incident_page_flags_thrash(client: Client, incident_id: str) -> None:
    store_attempts(*[FAILED | {"incident_id": incident_id} for _ in range(3)])
    shown = page(client, "/incidents/?incident_id=" + incident_id.replace("&", "%26"))
    address = shown.partition('hx-get="/thrash/')[2].partition('"')[0]
    found = page(client, f"/thrash/{address}")
    assert "Thrashing" in found
    assert "restart on db-1 failed 3 times" in found


def test_an_incident_that_goes_well_has_no_flag(client: Client) -> None:
    store_attempts({"status": "success"}, FAILED)
    assert page(client, "/thrash/?incident_id=INC-1").strip() == ""
    assert page(client, "/thrash/").strip() == ""


def test_parts_are_for_those_who_are_signed_in() -> None:
    for address in ("/thrash/?incident_id=INC-1", f"/attempts/{uuid4()}/comparison/"):
        assert Client().get(address).status_code == 302
