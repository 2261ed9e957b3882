import json
import uuid
from datetime import UTC, datetime, timedelta
from html import escape

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from attempts.models import ActionAttempt
from attempts.shown import PAGE_LIMIT
from resolutions.tests.recorded import attempt, record, resolution

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def page_of(client: Client, attempt_id: object, **headers: str) -> str:
    answer = client.get(f"/attempts/{attempt_id}/", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_attempt_page_asks_for_a_sign_in(client: Client) -> None:
    address = f"/attempts/{uuid.uuid4()}/"
    answer = client.get(address)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={address}")


def test_an_unknown_attempt_is_not_found(admin_client: Client) -> None:
    assert admin_client.get(f"/attempts/{uuid.uuid4()}/").status_code == 404


def test_everything_told_of_an_attempt_is_on_its_page(admin_client: Client) -> None:
    told = attempt(
        action_id="pool-restart-7",
        action_type="restart_connection_pool",
        target="payments-db",
        environment="production",
        engine="remedy",
        engine_version="2.3.1",
        trace_id="trace-99",
        approved_by="ada",
        reason="It worked before.",
        parameters={"pool": "main", "force": True},
        confidence=0.82,
        expected_seconds=8,
        status="failed",
        started_at=START.isoformat(),
        completed_at=(START + timedelta(seconds=3.5)).isoformat(),
        error_type="timeout",
        error_message="no answer\nwithin 3 s",
        error_details={"exit_code": 124},
        result={"partial": "half"},
        extra={"ticket": "T-1"},
        logs=[
            {"sequence": 0, "step": "drain", "status": "completed", "timestamp": START.isoformat()},
            {"sequence": 1, "step": "stop", "details": "killed"},
        ],
    )
    record([told])
    page = page_of(admin_client, told["attempt_id"])
    for text in [
        "restart_connection_pool",
        "pool-restart-7",
        told["attempt_id"],
        "payments-db",
        "production",
        "remedy",
        "2.3.1",
        "trace-99",
        "ada",
        "It worked before.",
        "pool",
        "main",
        "force",
        "true",
        "0.82",
        "8.0 s",
        "failed",
        "2026-03-01 12:00:00 UTC",
        'datetime="2026-03-01T12:00:03.500000Z"',
        "3.5 s",
        "timeout",
        "no answer\nwithin 3 s",
        "exit_code",
        "124",
        "partial",
        "half",
        "ticket",
        "T-1",
        "killed",
        "/incidents/INC-1/",
        f"/api/action-attempts/{told['attempt_id']}",
    ]:
        assert text in page, text
    assert page.index("drain") < page.index("stop")


def test_retries_and_what_they_retry_link_to_each_other(admin_client: Client) -> None:
    first = attempt(status="failed")
    second = attempt(retry_of=first["attempt_id"])
    record([first, second])
    assert f'href="/attempts/{second["attempt_id"]}/"' in page_of(admin_client, first["attempt_id"])
    assert f'href="/attempts/{first["attempt_id"]}/"' in page_of(admin_client, second["attempt_id"])


def test_nothing_that_an_engine_tells_becomes_markup(admin_client: Client) -> None:
    told = attempt(
        **dict.fromkeys(
            ("action_id", "action_type", "incident_id", "incident_type", "environment", "target", "engine"), SCRIPT
        ),
        **dict.fromkeys(("engine_version", "trace_id", "approved_by", "reason", "error_message", "error_type"), SCRIPT),
        parameters={SCRIPT: SCRIPT},
        result=[SCRIPT],
        error_details=SCRIPT,
        extra={SCRIPT: {SCRIPT: SCRIPT}},
        status="failed",
        logs=[{"sequence": 0, "step": SCRIPT, "status": SCRIPT, "details": {SCRIPT: SCRIPT}}],
    )
    record([told])
    page = page_of(admin_client, told["attempt_id"])
    assert SCRIPT not in page
    assert page.count(escape(SCRIPT)) > 15


def test_a_huge_result_is_cut_on_the_page_and_whole_behind_a_link(admin_client: Client) -> None:
    told = attempt(result="x" * (PAGE_LIMIT + 50_000))
    record([told])
    page = page_of(admin_client, told["attempt_id"])
    assert len(page) < PAGE_LIMIT + 20_000
    assert "150,000 characters" in page
    whole = admin_client.get(f"/api/action-attempts/{told['attempt_id']}/")
    assert json.loads(whole.content)["result"] == told["result"]


def test_only_an_open_attempt_is_refreshed_and_by_the_same_template(admin_client: Client) -> None:
    running, done = attempt(status="in_progress"), attempt(status="success")
    record([running, done])
    page = page_of(admin_client, running["attempt_id"])
    fragment = page_of(admin_client, running["attempt_id"], **{"HX-Request": "true"})
    assert "every 5s" in page
    assert "every 5s" not in page_of(admin_client, done["attempt_id"])
    assert fragment.lstrip().startswith('<article id="attempt"')
    assert fragment.strip() in page


def test_an_attempt_that_went_silent_is_shown_as_lost_contact(admin_client: Client) -> None:
    told = attempt(status="in_progress")
    record([told])
    ActionAttempt.objects.update(abandoned_at=START)
    assert "lost contact" in page_of(admin_client, told["attempt_id"])


def test_the_resolution_is_loaded_by_its_address(admin_client: Client) -> None:
    session = resolution(title="Pool exhausted", status="in_progress")
    told = attempt(resolution_id=session["resolution_id"])
    record([told], [session])
    address = f"/resolutions/{session['resolution_id']}/line/"
    assert f'hx-get="{address}"' in page_of(admin_client, told["attempt_id"])
    assert "Pool exhausted" in admin_client.get(address).content.decode()


def test_an_attempt_page_takes_as_many_queries_with_many_steps_and_retries(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    plain = attempt()
    record([plain])
    full = attempt(logs=[{"sequence": number, "step": "s"} for number in range(50)])
    record([full, *(attempt(retry_of=full["attempt_id"]) for _ in range(20))])
    # Session, user; attempt, steps, retries.
    for told in (plain, full):
        with django_assert_num_queries(5):
            page_of(admin_client, told["attempt_id"])
