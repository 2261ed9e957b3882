"""Verdicts on the pages of attempts and incidents: shown beside what was claimed, given by a form."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from access.groups import OPERATORS
from attempts.models import ActionAttempt
from resolutions.models import Verdict
from resolutions.tests.factories import make_verdict
from resolutions.tests.recorded import attempt, record, resolution
from resolutions.verdicts.documents import MAX_NOTE

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
SCRIPT = "<script>alert(1)</script>"
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def operator() -> Client:
    user = User.objects.create_user("ada")
    user.groups.add(Group.objects.get(name=OPERATORS))
    client = Client()
    client.force_login(user)
    return client


def recorded(**facts: Any) -> str:
    told = attempt(status="success", **facts)
    record([told])
    return str(told["attempt_id"])


def text(answer: Any) -> str:
    assert answer.status_code == 200
    page: str = answer.content.decode()
    return page


def form(page: str) -> dict[str, str]:
    found = re.search(r'name="verdict_id" value="([0-9a-f-]+)"', page)
    assert found is not None
    return {"verdict_id": found[1]}


def test_the_page_of_an_attempt_loads_its_verdicts_and_they_are_kept_while_it_is_refreshed(operator: Client) -> None:
    attempt_id = recorded()
    page = text(operator.get(f"/attempts/{attempt_id}/"))
    assert 'id="did-it-work" hx-preserve="true"' in page
    assert f'hx-get="/attempts/{attempt_id}/verdicts/" hx-trigger="load"' in page
    assert "No verdict yet" in text(operator.get(f"/attempts/{attempt_id}/verdicts/", headers=HTMX))


def test_a_nul_in_a_note_is_replaced_as_it_is_by_the_api(operator: Client) -> None:
    address = f"/attempts/{recorded()}/verdicts/"
    sent = form(text(operator.get(address))) | {"verdict": "worked", "note": "a\0b"}
    text(operator.post(address, sent, headers=HTMX))
    assert Verdict.objects.get().note == "a\ufffdb"


def test_a_verdict_given_on_the_page_stands_beside_what_was_claimed(operator: Client) -> None:
    attempt_id = recorded()
    address = f"/attempts/{attempt_id}/verdicts/"
    sent = form(text(operator.get(address))) | {"verdict": "no_effect", "note": "still slow\r\nas before"}
    answer = text(operator.post(address, sent, headers=HTMX))
    assert "still slow<br>as before" in answer
    assert f'<span id="verified-{attempt_id}" hx-swap-oob="true">' in answer
    assert 'title="claimed success, verified no effect"' in answer
    verdict = Verdict.objects.get()
    assert (verdict.given_by, verdict.source, verdict.note) == ("ada", "human", "still slow\nas before")
    for page in (f"/attempts/{attempt_id}/", "/incidents/INC-1/", f"/live-feed/rows/?id={attempt_id}"):
        assert "verified no effect" in text(operator.get(page)), page
    text(operator.post(address, sent, headers=HTMX))  # a second press of the button
    assert Verdict.objects.count() == 1


def test_without_htmx_the_form_leads_back_to_the_page(operator: Client) -> None:
    session = resolution(incident_id="a b", status="resolved")
    told = attempt(status="success")
    record([told], [session])
    for address, page in [
        (f"/attempts/{told['attempt_id']}/verdicts/", f"/attempts/{told['attempt_id']}/"),
        (
            f"/resolutions/{session['resolution_id']}/verdicts/",
            f"/incidents/?incident_id=a+b#session-{session['resolution_id']}",
        ),
    ]:
        answer = operator.post(address, form(text(operator.get(address))) | {"verdict": "worked"})
        assert (answer.status_code, answer.headers["Location"]) == (302, page)
    assert Verdict.objects.count() == 2


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"verdict": "fine"},
        {"verdict": "worked", "verdict_id": "x"},
        {"verdict": "worked", "note": "n" * (MAX_NOTE + 1)},
    ],
)
def test_what_is_refused_says_why_and_keeps_what_was_typed(operator: Client, sent: dict[str, str]) -> None:
    address = f"/attempts/{recorded()}/verdicts/"
    answer = text(operator.post(address, {"note": "typed", **form(text(operator.get(address))), **sent}, headers=HTMX))
    assert 'role="alert"' in answer
    assert sent.get("note", "typed") in answer
    assert "hx-swap-oob" not in answer
    assert not Verdict.objects.exists()


def test_who_may_look_but_not_judge_sees_no_form_and_is_refused() -> None:
    address = f"/attempts/{recorded()}/verdicts/"
    assert Client().get(address).status_code == 302
    client = Client()
    client.force_login(User.objects.create_user("guest"))
    assert "<form" not in text(client.get(address))
    assert client.post(address, {"verdict": "worked", "verdict_id": str(uuid.uuid4())}).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_superuser("root"))
    assert strict.post(address, {"verdict": "worked", "verdict_id": str(uuid.uuid4())}).status_code == 403
    assert not Verdict.objects.exists()


def test_of_an_unknown_record_there_is_no_page(operator: Client) -> None:
    for kind in ("attempts", "resolutions"):
        address = f"/{kind}/{uuid.uuid4()}/verdicts/"
        assert operator.get(address).status_code == 404
        assert operator.post(address, {"verdict": "worked", "verdict_id": str(uuid.uuid4())}).status_code == 404
        assert operator.put(address).status_code == 405


def test_nothing_in_a_verdict_becomes_markup(operator: Client) -> None:
    attempt_id = recorded()
    make_verdict(attempt=ActionAttempt.objects.get(), note=SCRIPT, given_by=SCRIPT)
    page = text(operator.get(f"/attempts/{attempt_id}/verdicts/"))
    assert SCRIPT not in page
    assert page.count(escape(SCRIPT)) == 2


def test_an_incident_page_says_what_was_reopened_when_and_by_what(operator: Client) -> None:
    first = resolution(
        status="resolved", started_at=START.isoformat(), completed_at=(START + timedelta(hours=1)).isoformat()
    )
    second = resolution(started_at=(START + timedelta(hours=4)).isoformat())
    record([], [first, second])
    page = text(operator.get("/incidents/INC-1/"))
    assert "reopened 3 h 00 min later" in page
    assert f'reopened by <a class="id" href="#session-{second["resolution_id"]}">' in page
    assert "reopened 3 h 00 min later" in text(operator.get("/incidents/"))
    assert "reopened 3 h" in text(operator.get(f"/live-feed/rows/?id={first['resolution_id']}"))
    assert f'hx-get="/resolutions/{first["resolution_id"]}/verdicts/" hx-trigger="toggle once"' in page


def test_many_verdicts_take_as_many_queries_as_few(
    operator: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    attempt_id = recorded()
    row = ActionAttempt.objects.get()
    for _ in range(3):
        for _ in range(20):
            make_verdict(attempt=row)
        # Session, user, two of its permissions; attempt, steps, verdicts.
        with django_assert_num_queries(7):
            page = text(operator.get(f"/attempts/{attempt_id}/verdicts/"))
    assert "The latest 50" in page
