"""What worked for one type of incident, as a part of the incident's page."""

import re
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from analytics.advice.views import ACTIONS_SHOWN
from resolutions.tests.recorded import attempt, record, resolution

pytestmark = pytest.mark.django_db

PART = "/advice/what-worked/"
SCRIPT = "<script>alert(1)</script>"


def text(client: Client, incident_type: str = "latency") -> str:
    """The part without its markup and with single blanks."""
    answer = client.get(PART, {"incident_type": incident_type})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert SCRIPT not in page
    return re.sub("[ \n]+", " ", unescape(re.sub(r"<[^>]*>", " ", page)))


def test_each_action_has_its_rate_with_interval_and_count_and_none_is_made_up(admin_client: Client) -> None:
    record([attempt(action_type="drain", incident_type="latency", status="success") for _ in range(9)])
    record([attempt(action_type="drain", incident_type="latency", status="failed")])
    record([attempt(action_type="scale", incident_type="errors", status="success")])
    shown = text(admin_client)
    assert "What worked for latency" in shown
    assert "drain 90.0\u202f% 60\u201398\u202f% 10 \u2013 0" in shown
    assert "scale" not in shown


def test_without_evidence_it_says_so(admin_client: Client) -> None:
    assert "No evidence: no attempt on such an incident ended" in text(admin_client, "unheard of")


def test_it_shows_how_it_failed_and_how_such_incidents_ended(admin_client: Client) -> None:
    record([attempt(incident_type="latency", status="failed", error_message="no answer")])
    record([], [resolution(incident_type="latency", incident_id=f"INC {n}", status=status)
                for n, status in enumerate(["resolved", "escalated", "resolved"])])  # fmt: skip
    shown = text(admin_client)
    assert "How it failed 100\u202f% restart_service: no answer of the latest 1 failure" in shown
    assert "resolved 2 escalated 1" in shown
    assert "INC 2" in shown


def test_many_actions_are_folded_away(admin_client: Client) -> None:
    record(
        [
            attempt(action_type=f"action-{n}", incident_type="latency", status="success")
            for n in range(ACTIONS_SHOWN + 3)
        ]
    )
    assert "3 more" in text(admin_client)


def test_nothing_that_an_engine_tells_becomes_markup(admin_client: Client) -> None:
    record(
        [attempt(action_type=SCRIPT, incident_type=SCRIPT, status="failed", error_message=SCRIPT)],
        [resolution(incident_type=SCRIPT, incident_id=SCRIPT, status="resolved")],
    )
    assert SCRIPT in text(admin_client, SCRIPT)


@pytest.mark.parametrize("query", ["", "?incident_type=", f"?incident_type={'x' * 256}"])
def test_a_type_must_be_told(admin_client: Client, query: str) -> None:
    assert admin_client.get(PART + query).status_code == 400


def test_it_is_for_those_who_are_signed_in() -> None:
    assert Client().get(PART, {"incident_type": "latency"}).status_code == 302


def test_the_page_of_an_incident_loads_it_by_its_type(admin_client: Client) -> None:
    kind = 'high "latency" & 100%/ü'
    record([attempt(incident_id="INC-1", incident_type=kind), attempt(incident_id="INC-2")])
    page = admin_client.get("/incidents/INC-1/").content.decode()
    assert f'hx-get="{PART}?incident_type={quote(kind, safe="")}"' in page
    assert PART not in admin_client.get("/incidents/INC-2/").content.decode()
    refreshed = admin_client.get("/incidents/INC-1/", headers={"HX-Request": "true"}).content.decode()
    assert PART not in refreshed  # it stays as it is while the rest is refreshed


def test_it_takes_as_many_queries_for_many_actions_as_for_few(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def kinds(first: int, count: int) -> None:
        numbers = range(first, first + count)
        told = {"incident_type": "latency", "status": "failed"}
        record(
            [attempt(**told, action_type=f"a{n}", error_message=f"e{chr(97 + n)}") for n in numbers],
            [resolution(incident_type="latency", status="resolved") for _ in numbers],
        )

    kinds(0, 2)
    with CaptureQueriesContext(connection) as few:
        text(admin_client)
    kinds(2, 9)
    with django_assert_num_queries(len(few)):
        text(admin_client)
