"""The admin's window on attempts, steps and refusals: what an investigator sees, and how much a page may cost.

That nobody changes anything is tested for all tables at once in actionlog_site.tests.test_admin."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from attempts.models import ActionAttempt
from attempts.read_only_admin import MAX_BRIEF, MAX_COUNTED, MAX_SHOWN, BoundedPaginator
from attempts.tests.admin_pages import found, page_of
from attempts.tests.factories import make_attempt, make_refusal, make_step

pytestmark = pytest.mark.django_db

ATTEMPTS = "admin:attempts_actionattempt_changelist"
STEPS = "admin:attempts_actionlogentry_changelist"
REFUSALS = "admin:attempts_refusal_changelist"


def test_an_attempt_page_shows_its_facts_and_its_steps_in_order(admin_client: Client) -> None:
    attempt = make_attempt(
        status="failed", error_type="timeout", error_message="no answer", parameters={"pool": {"size": 5}}
    )
    make_step(attempt, sequence=1, step="second step", details={"rows": 2})
    make_step(attempt, sequence=0, step="first step", details="plain text")
    page = page_of(admin_client, "attempts_actionattempt", attempt.attempt_id)
    for shown in ("no answer", "timeout", "&quot;size&quot;: 5", "plain text", "&quot;rows&quot;: 2"):
        assert shown in page
    assert page.index("first step") < page.index("second step")
    assert reverse("admin:attempts_actionlogentry_change", args=[quote(f"{attempt.attempt_id}:0")]) in page


def test_an_attempt_links_to_its_resolution_its_incident_and_what_it_retries(admin_client: Client) -> None:
    first = make_attempt()
    resolution_id = uuid.uuid4()
    again = make_attempt(resolution_id=resolution_id, retry_of=first.attempt_id, incident_id="db/7 & more")
    page = page_of(admin_client, "attempts_actionattempt", again.attempt_id)
    assert reverse("admin:resolutions_resolutionattempt_change", args=[resolution_id]) in page
    assert reverse("admin:attempts_actionattempt_change", args=[first.attempt_id]) in page
    assert f"{reverse(ATTEMPTS)}?incident_id=db%2F7+%26+more" in page
    assert found(admin_client, ATTEMPTS, incident_id="db/7 & more") == [again.pk]


def test_a_resolution_that_was_not_told_yet_is_said_to_be_missing(admin_client: Client) -> None:
    response = admin_client.get(reverse("admin:resolutions_resolutionattempt_change", args=[uuid.uuid4()]), follow=True)
    assert "exist. Perhaps it was deleted?" in response.content.decode()


@pytest.mark.parametrize("status", [None, "pending", "in_progress"])
def test_an_open_attempt_that_went_silent_is_shown_as_lost_contact(admin_client: Client, status: str | None) -> None:
    silent = make_attempt(status=status, abandoned_at=datetime.now(UTC))
    running = make_attempt(status=status)
    make_attempt(status="success")
    assert admin_client.get(reverse(ATTEMPTS)).content.decode().count(">lost contact</td>") == 1
    assert found(admin_client, ATTEMPTS, outcome="abandoned") == [silent.pk]
    assert found(admin_client, ATTEMPTS, outcome=status or "in_progress") == [running.pk]


def test_recorded_text_is_escaped_everywhere(admin_client: Client) -> None:
    evil = "<script>alert(1)</script>"
    attempt = make_attempt(
        action_id=evil,
        action_type=evil,
        incident_id=evil,
        reason=evil,
        error_message=evil,
        error_type=evil,
        parameters={evil: evil},
        result=[evil],
        extra={evil: 1},
        status="failed",
    )
    make_step(attempt, step=evil, status=evil, details={evil: evil})
    refusal = make_refusal(message=evil, document=evil, document_id=evil, path=evil)
    pages = [admin_client.get(reverse(page)).content.decode() for page in (ATTEMPTS, STEPS, REFUSALS)]
    pages.append(page_of(admin_client, "attempts_actionattempt", attempt.pk))
    pages.append(page_of(admin_client, "attempts_actionlogentry", f"{attempt.pk}:0"))
    pages.append(page_of(admin_client, "attempts_refusal", refusal.pk))
    for page in pages:
        assert evil not in page
        assert "&lt;script&gt;" in page


def test_numbers_are_shown_with_every_digit(admin_client: Client) -> None:
    attempt = make_attempt()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE action_attempts SET result = '{\"n\": 0.12345678901234567890123}' WHERE attempt_id = %s",
            [attempt.pk],
        )
    assert "0.12345678901234567890123" in page_of(admin_client, "attempts_actionattempt", attempt.pk)


def test_megabyte_values_stay_out_of_lists_and_are_cut_on_pages(admin_client: Client) -> None:
    big = "x" * 2_000_000
    attempt = make_attempt(status="failed", error_message=big, reason=big, result={"output": big})
    make_step(attempt, step=big, details=big)
    for page in (ATTEMPTS, STEPS):
        response = admin_client.get(reverse(page))
        assert len(response.content) < 100_000
        assert "x" * MAX_BRIEF in response.content.decode()
    page = page_of(admin_client, "attempts_actionattempt", attempt.pk)
    assert len(page) < 4 * MAX_SHOWN
    assert "The first 100,000 of 2,000,000 characters." in page
    assert "The first 2,000 of 2,000,000 characters." in page  # the step's
    assert "The first 100,000 of 2,000,002 characters." in page_of(
        admin_client, "attempts_actionlogentry", f"{attempt.pk}:0"
    )


def test_a_list_reads_no_large_column(admin_client: Client) -> None:
    make_attempt(result={"a": 1})
    with CaptureQueriesContext(
        connection,
    ) as queries:
        admin_client.get(reverse(ATTEMPTS))
    listing = [query["sql"] for query in queries if 'FROM "action_attempts" ORDER BY' in query["sql"]]
    assert listing
    for column in ("parameters", "result", "error_details", "extra", "reason"):
        assert f'"action_attempts"."{column}"' not in listing[0]


def test_an_attempt_with_thousands_of_steps_shows_the_first_and_links_to_the_list(admin_client: Client) -> None:
    attempt = make_attempt()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO action_logs (attempt_id, sequence, step) SELECT %s, n, 'step-' || n || '.' "
            "FROM generate_series(0, 2999) AS n",
            [attempt.pk],
        )
    page = page_of(admin_client, "attempts_actionattempt", attempt.pk)
    assert "step-199." in page
    assert "step-200." not in page
    assert f"{reverse(STEPS)}?attempt_id={attempt.pk}" in page
    response = admin_client.get(reverse(STEPS), {"attempt_id": str(attempt.pk)})
    assert response.context["cl"].result_count == 3000
    assert [row.sequence for row in response.context["cl"].result_list][:3] == [0, 1, 2]


def test_search_finds_by_attempt_resolution_incident_action_and_text(admin_client: Client) -> None:
    make_attempt(incident_id="other")
    attempt = make_attempt(
        action_id="act-9",
        incident_id="INC 77/β",
        resolution_id=uuid.uuid4(),
        status="failed",
        error_message="disk full on /var",
    )
    for term in (attempt.attempt_id, f" {str(attempt.attempt_id).upper()} ", attempt.resolution_id):
        assert found(admin_client, ATTEMPTS, q=term) == [attempt.pk]
    for term in ("INC 77/β", "act-9", "DISK full"):
        assert found(admin_client, ATTEMPTS, q=term) == [attempt.pk]
    assert found(admin_client, ATTEMPTS, q="100%") == []
    assert found(admin_client, ATTEMPTS, q=uuid.uuid4()) == []


def test_steps_are_searched_by_attempt_and_text(admin_client: Client) -> None:
    attempt = make_attempt()
    make_step(attempt, step="drain connections")
    make_step(make_attempt(), step="something else")
    key = f"{attempt.pk}:0"
    assert found(admin_client, STEPS, q=attempt.pk) == [key]
    assert found(admin_client, STEPS, q="DRAIN") == [key]


@pytest.mark.parametrize(
    "step_id", ["nonsense", "nonsense:1", f"{uuid.UUID(int=1)}:x", f"{uuid.UUID(int=1)}:99999999999"]
)
def test_an_id_that_is_no_step_is_said_to_be_missing(admin_client: Client, step_id: str) -> None:
    response = admin_client.get(reverse("admin:attempts_actionlogentry_change", args=[step_id]), follow=True)
    assert "exist. Perhaps it was deleted?" in response.content.decode()


def test_refusals_are_listed_and_link_to_the_row_they_were_meant_for(admin_client: Client) -> None:
    attempt = make_attempt()
    refusal = make_refusal(document_id=str(attempt.pk), document='{"target": "db-2"', code="invalid_json")
    assert found(admin_client, REFUSALS, q="invalid_json") == [refusal.pk]
    page = page_of(admin_client, "attempts_refusal", refusal.pk)
    assert reverse("admin:attempts_actionattempt_change", args=[attempt.pk]) in page
    assert "{&quot;target&quot;: &quot;db-2&quot;" in page


def test_an_attempt_page_does_not_ask_more_for_more_steps(admin_client: Client) -> None:
    attempt = make_attempt()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page_of(admin_client, "attempts_actionattempt", attempt.pk)
        return len(captured)

    make_step(attempt)
    queries()
    few = queries()
    for _ in range(30):
        make_step(attempt)
    assert queries() == few


def test_the_newest_attempt_stands_first(admin_client: Client) -> None:
    now = datetime.now(UTC)
    old = make_attempt(started_at=now - timedelta(days=2))
    new = make_attempt(started_at=now)
    assert found(admin_client, ATTEMPTS) == [new.pk, old.pk]


def test_a_list_counts_no_further_than_its_bound() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO action_attempts (attempt_id, action_id, action_type, incident_id, received_at, last_heard_at) "
            "SELECT gen_random_uuid(), n::text, 'restart', 'INC', now(), now() FROM generate_series(1, 10050) AS n"
        )
    assert BoundedPaginator(ActionAttempt.objects.order_by("attempt_id"), 50).count == MAX_COUNTED
    assert BoundedPaginator(ActionAttempt.objects.filter(action_id="7").order_by("attempt_id"), 50).count == 1
