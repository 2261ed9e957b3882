import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from attempts.addresses import incident_address
from resolutions.tests.recorded import attempt, record, resolution
from resolutions.views import SESSIONS_A_PAGE

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def get(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_all_of_an_incident_is_on_its_page_in_time_order(admin_client: Client) -> None:
    session = resolution(
        title="Pool exhausted",
        severity="critical",
        service="payments",
        environment="production",
        incident_type="saturation",
        engine="remedy",
        status="resolved",
        root_cause="a leak",
        recommended_actions=["restart it"],
        started_at=at(0),
        completed_at=at(90),
        summary={"actions_attempted": 7},
    )
    first = attempt(
        action_type="first_action",
        resolution_id=session["resolution_id"],
        started_at=at(10),
        status="failed",
        error_type="timeout",
        error_message="no answer",
        parameters={"pool": "main"},
        logs=[{"sequence": n, "step": f"step-{n}", "timestamp": at(10 + n)} for n in range(3)],
    )
    retry = attempt(
        action_type="second_action",
        retry_of=first["attempt_id"],
        resolution_id=session["resolution_id"],
        started_at=at(20),
        status="success",
    )
    record([retry, first], [session])
    page = get(admin_client, "/incidents/INC-1/")
    for text in [
        "Pool exhausted",
        "critical",
        "payments",
        "production",
        "saturation",
        "remedy",
        "resolved",
        "a leak",
        "restart it",
        "<dt>actions attempted</dt><dd>7</dd>",
        "2 attempts",
        "1 succeeded",
        "1 failed",
        "no answer",
        "retry</a>",
        "3 steps",
    ]:
        assert text in page, text
    places = [page.index(text) for text in ("first_action", "step-0", "step-1", "step-2", "second_action")]
    assert places == sorted(places)
    assert "every 5s" not in page


def test_an_incident_in_progress_is_refreshed_by_the_same_template(admin_client: Client) -> None:
    record([attempt(status="in_progress", incident_id="a b/c")])
    address = incident_address("a b/c")
    page = get(admin_client, address)
    fragment = get(admin_client, address, **{"HX-Request": "true"})
    assert f'hx-get="{address}" hx-trigger="every 5s"' in page
    assert fragment.strip() in page


def test_nothing_that_an_engine_tells_becomes_markup(admin_client: Client) -> None:
    session = resolution(
        **dict.fromkeys(("incident_id", "incident_type", "environment", "service", "title", "engine"), SCRIPT),
        root_cause=SCRIPT,
        summary={SCRIPT: SCRIPT},
        recommended_actions=[SCRIPT],
        extra={SCRIPT: SCRIPT},
    )
    told = attempt(
        incident_id=SCRIPT,
        action_id=SCRIPT,
        action_type=SCRIPT,
        target=SCRIPT,
        resolution_id=session["resolution_id"],
        error_message=SCRIPT,
        error_type=SCRIPT,
        parameters={SCRIPT: SCRIPT},
        status="failed",
        logs=[{"sequence": 0, "step": SCRIPT, "status": SCRIPT, "details": SCRIPT}],
    )
    record([told], [session])
    for address in [
        incident_address(SCRIPT),
        "/incidents/",
        "/live-feed/",
        f"/live-feed/rows/?id={told['attempt_id']}",
        f"/resolutions/{session['resolution_id']}/line/",
        f"/incidents/?incident_id={quote('<script>alert(2)</script>')}",
    ]:
        page = admin_client.get(address).content.decode()
        assert "<script>alert" not in page, address
        assert escape(SCRIPT) in page or escape("<script>alert(2)</script>") in page, address


def test_an_incident_never_recorded_is_not_found_and_says_what_to_do(admin_client: Client) -> None:
    answer = admin_client.get("/incidents/?incident_id=unheard of")
    assert answer.status_code == 404
    assert "unheard of" in answer.content.decode()


def test_the_list_has_sessions_and_incidents_without_one(admin_client: Client) -> None:
    session = resolution(incident_id="told/1", title="Pool exhausted", status="resolved", started_at=at(0))
    record(
        [
            attempt(incident_id="told/1", resolution_id=session["resolution_id"], status="success"),
            attempt(incident_id="never told", status="failed"),
        ],
        [session],
    )
    page = get(admin_client, "/incidents/")
    assert 'href="/incidents/told/1/"' in page
    assert 'href="/incidents/?incident_id=never+told"' in page
    assert "Pool exhausted" in page
    assert page.count("1 attempt<") == 2


def test_older_sessions_are_one_link_away_and_none_is_shown_twice(admin_client: Client) -> None:
    told = [resolution(incident_id=f"INC-{n}", started_at=at(n)) for n in range(SESSIONS_A_PAGE + 5)]
    record([], told)
    newest = get(admin_client, "/incidents/")
    older = re.search(r'href="([^"]+)">Older</a>', newest)
    assert older is not None
    oldest = get(admin_client, unescape(older[1]))
    shown = [set(re.findall(r'id="session-([0-9a-f-]+)"', page)) for page in (newest, oldest)]
    assert [len(ids) for ids in shown] == [SESSIONS_A_PAGE, 5]
    assert shown[0] | shown[1] == {session["resolution_id"] for session in told}
    assert ">Older</a>" not in oldest


@pytest.mark.parametrize("before", ["", "x", "2026-03-01T12:00:00Z~x", "~", f"2026-03-01T12:00:00~{uuid.UUID(int=1)}"])
def test_a_made_up_page_of_the_list_is_not_found(admin_client: Client, before: str) -> None:
    assert admin_client.get("/incidents/", {"before": before}).status_code == 404


def test_an_empty_list_tells_how_to_send_the_first_record(admin_client: Client) -> None:
    page = unescape(get(admin_client, "/incidents/"))
    assert "curl -X POST http://testserver/api/action-attempts/" in page
    body = re.search(r"-d '(\{.*?\})'", page, re.DOTALL)
    assert body is not None
    record([json.loads(body[1])])
    assert "first-incident" in get(admin_client, "/incidents/")


def test_the_list_takes_as_many_queries_for_many_sessions_as_for_few(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        session = resolution(incident_id=f"INC-{number}")
        record([attempt(resolution_id=session["resolution_id"]), attempt(incident_id=f"lone-{number}")], [session])
    # Session, user; two lists of positions, resolutions, implicit sessions; totals.
    with django_assert_max_num_queries(7):
        get(admin_client, "/incidents/")


def test_an_incident_takes_as_many_queries_for_many_attempts_as_for_few(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        session = resolution()
        told = [attempt(resolution_id=session["resolution_id"], logs=[{"sequence": 0, "step": "s"}]) for _ in range(10)]
        record([*told, attempt()], [session])
    # Session, user; at most seven of the incident.
    with django_assert_max_num_queries(9):
        get(admin_client, "/incidents/INC-1/")


def test_the_feed_starts_with_the_newest_changes_and_their_cursor(admin_client: Client) -> None:
    told = attempt(status="success")
    cursor = record([told])
    page = get(admin_client, "/live-feed/")
    assert f'data-cursor="{cursor}"' in page
    assert f'id="feed-{told["attempt_id"]}"' in page


def test_rows_of_the_feed_are_those_asked_for(admin_client: Client) -> None:
    told, other, session = attempt(), attempt(), resolution()
    record([told, other], [session])
    page = get(
        admin_client, f"/live-feed/rows/?id={session['resolution_id']}&id={told['attempt_id']}&id={uuid.uuid4()}"
    )
    assert re.findall(r'id="feed-([0-9a-f-]+)"', page) == [session["resolution_id"], told["attempt_id"]]


def test_rows_of_what_is_no_id_are_a_bad_request(admin_client: Client) -> None:
    assert admin_client.get("/live-feed/rows/?id=1").status_code == 400


def test_a_resolution_of_which_nothing_came_is_said_so(admin_client: Client) -> None:
    assert "no document has come" in get(admin_client, f"/resolutions/{uuid.uuid4()}/line/")
