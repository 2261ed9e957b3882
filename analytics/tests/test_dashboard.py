import re
from datetime import UTC, datetime, timedelta
from html import escape, unescape

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from analytics.models import MetricRecount
from analytics.views import TYPES_SHOWN
from attempts.models import ActionAttempt
from resolutions.tests.recorded import attempt, record, refuse, resolution

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def get(client: Client, address: str = "/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def figure(page: str, title: str) -> str:
    """The text of one figure of the strip, without its markup and with single blanks."""
    part = page[page.index(f"<h2>{title}") :]
    part = part[: part.index("</div>\n    <div class=")] if "</div>\n    <div class=" in part else part[:2000]
    return re.sub(r"[ \n]+", " ", unescape(re.sub(r"<[^>]*>", " ", part)))


def test_the_success_rate_is_shown_with_what_it_was_counted_from(admin_client: Client) -> None:
    record([attempt(status=status) for status in ["success"] * 3 + ["failed", "skipped", "cancelled", "in_progress"]])
    rate = figure(get(admin_client), "Success rate, last 24h")
    assert "75.0\u202f%" in rate
    assert "3 of 4 that succeeded or failed" in rate


def test_without_a_finished_attempt_there_is_no_rate(admin_client: Client) -> None:
    record([attempt(status="in_progress"), attempt(status="skipped")])
    rate = figure(get(admin_client), "Success rate, last 24h")
    assert "No finished attempts yet n = 0" in rate
    assert "%" not in rate


def test_each_status_is_counted_apart(admin_client: Client) -> None:
    told = {"success": 6, "failed": 5, "skipped": 4, "cancelled": 3, "pending": 2, "in_progress": 1}
    record([attempt(status=status) for status, count in told.items() for _ in range(count)])
    counts = figure(get(admin_client), "Attempts, 21 started")
    for status, count in told.items():
        assert f"{status.replace('_', ' ')} {count} " in counts
    assert "lost contact 0" in counts


def test_sessions_are_counted_by_outcome(admin_client: Client) -> None:
    record([], [resolution(status=status) for status in ["resolved"] * 3 + ["failed", "escalated", "in_progress"]])
    sessions = figure(get(admin_client), "Sessions, 6 started")
    assert "75.0\u202f% of 4 resolved" in sessions
    for text in ("resolved 3", "failed 1", "escalated 1", "in progress 1"):
        assert text in sessions


def test_action_types_have_their_count_rate_and_median(admin_client: Client) -> None:
    record(
        [
            *(attempt(action_type="slow", status="success", execution_time_seconds=90) for _ in range(2)),
            attempt(action_type="slow", status="failed", execution_time_seconds=90),
            attempt(action_type="planned", status="pending"),
            attempt(action_type="", status="success"),
        ]
    )
    page = get(admin_client)
    rows = {
        cells[0]: cells[1:]
        for row in re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", page, re.DOTALL)
        if (cells := [unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in re.split("</t[dh]>", row)][:5])
    }
    assert rows["slow"][:3] == ["3", "66.7\u202f%", "3"]
    assert rows["slow"][3].startswith("1 min")
    assert rows["planned"] == ["1", "none finished", "0", "\N{EN DASH}"]
    assert rows["(no action type)"][:3] == ["1", "100\u202f%", "1"]


def test_more_action_types_than_fit_are_folded_not_dropped(admin_client: Client) -> None:
    record([attempt(action_type=f"type-{number}", status="success") for number in range(TYPES_SHOWN + 4)])
    page = get(admin_client)
    assert "4 more action types" in page
    assert all(f">type-{number}<" in page for number in range(TYPES_SHOWN + 4))


def test_windows_and_environments_narrow_the_figures(admin_client: Client) -> None:
    record(
        [
            attempt(status="success", environment="production", started_at=ago(minutes=1)),
            attempt(status="success", environment="staging", started_at=ago(minutes=1)),
            attempt(status="success", environment="staging", started_at=ago(days=3)),
        ]
    )
    assert "Attempts, 2 started" in get(admin_client)
    assert "Attempts, 3 started" in get(admin_client, "/?window=7d")
    assert "Attempts, 1 started" in get(admin_client, "/?environment=staging")
    page = get(admin_client, "/?window=7d&environment=staging")
    assert "Attempts, 2 started" in page
    assert 'hx-get="/dashboard/figures/?window=7d&amp;environment=staging"' in page
    assert 'data-environment="staging"' in page
    assert '<option value="production">' in page


@pytest.mark.parametrize("query", ["window=2h", "window=", "environment=unknown", "environment=" + "x" * 999])
def test_a_choice_that_is_not_offered_still_shows_a_page(admin_client: Client, query: str) -> None:
    get(admin_client, f"/?{query}")


def test_what_is_in_progress_is_listed_the_longest_running_first(admin_client: Client) -> None:
    young = attempt(status="in_progress", started_at=ago(minutes=1))
    old = attempt(started_at=ago(hours=9))
    silent = attempt(status="in_progress")
    record([young, old, silent, attempt(status="success"), attempt(status="pending")])
    ActionAttempt.objects.filter(pk=silent["attempt_id"]).update(abandoned_at=datetime.now(UTC))
    page = get(admin_client)
    assert re.findall(r'id="running-([0-9a-f-]+)"', page) == [old["attempt_id"], young["attempt_id"]]


def test_refused_documents_are_counted(admin_client: Client) -> None:
    told = attempt(status="success")
    record([told])
    refuse(told | {"status": "failed"})
    assert "Refused documents 1 not applied" in figure(get(admin_client), "Refused documents")


def test_figures_that_are_not_exact_say_so_and_what_to_do(admin_client: Client) -> None:
    record([attempt(status="success")])
    assert "rebuild_metrics" not in get(admin_client)
    now = datetime.now(UTC)
    MetricRecount.objects.create(
        bucket_start=now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0), reason="test", noted_at=now
    )
    assert "rebuild_metrics" in get(admin_client)


def test_the_fragment_is_the_very_part_of_the_page(admin_client: Client) -> None:
    record([attempt(status="success"), attempt(status="failed", error_message="no")], [resolution()])
    assert get(admin_client, "/dashboard/figures/?window=24h").strip() in get(admin_client)


def test_an_empty_dashboard_tells_how_to_send_the_first_record(admin_client: Client) -> None:
    page = get(admin_client)
    assert "curl -X POST http://testserver/api/action-attempts/" in page
    record([attempt()])
    assert "curl" not in get(admin_client)


def test_nothing_that_an_engine_tells_becomes_markup(admin_client: Client) -> None:
    names = ("action_type", "action_id", "incident_id", "environment", "target", "engine", "error_type")
    record(
        [
            attempt(**dict.fromkeys(names, SCRIPT), status="failed", error_message=SCRIPT),
            attempt(**dict.fromkeys(names, SCRIPT), status="in_progress"),
        ],
        [resolution(incident_id=SCRIPT, title=SCRIPT, service=SCRIPT, environment=SCRIPT)],
    )
    page = get(admin_client) + get(admin_client, f"/?environment={SCRIPT}")
    assert SCRIPT not in page
    assert page.count(escape(SCRIPT)) > 20


def test_the_dashboard_takes_as_many_queries_with_many_records_as_with_few(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        record([attempt(status="in_progress", action_type=f"t{number}", environment=f"e{number}")], [resolution()])
    # Session, user; the snapshot and five of the metrics, in a savepoint here; running 2; environments; changes 4.
    with django_assert_max_num_queries(20):
        get(admin_client)
