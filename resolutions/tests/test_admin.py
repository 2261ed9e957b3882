"""The admin's window on resolution attempts and the feed."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from attempts.tests.admin_pages import found, page_of
from attempts.tests.factories import make_attempt
from resolutions.tests.factories import make_feed_entry, make_resolution

pytestmark = pytest.mark.django_db

RESOLUTIONS = "admin:resolutions_resolutionattempt_changelist"
FEED = "admin:resolutions_feedentry_changelist"


def test_a_resolution_page_links_to_its_attempts_in_time_order(admin_client: Client) -> None:
    now = datetime.now(UTC)
    resolution = make_resolution(title="db down", summary={"cause": "<b>disk</b>"}, root_cause="full disk")
    late = make_attempt(resolution_id=resolution.pk, started_at=now, action_id="second")
    early = make_attempt(resolution_id=resolution.pk, started_at=now - timedelta(hours=1), action_id="first")
    stranger = make_attempt(action_id="stranger")
    page = page_of(admin_client, "resolutions_resolutionattempt", resolution.pk)
    positions = [page.index(reverse("admin:attempts_actionattempt_change", args=[row.pk])) for row in (early, late)]
    assert positions == sorted(positions)
    assert str(stranger.pk) not in page
    assert "full disk" in page
    assert "&lt;b&gt;disk&lt;/b&gt;" in page
    assert f"{reverse('admin:attempts_actionattempt_changelist')}?resolution_id={resolution.pk}" in page


def test_a_resolution_with_many_attempts_shows_the_first_in_a_fixed_number_of_queries(
    admin_client: Client, django_assert_max_num_queries: object
) -> None:
    resolution = make_resolution()
    for _ in range(201):
        make_attempt(resolution_id=resolution.pk)
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        page = page_of(admin_client, "resolutions_resolutionattempt", resolution.pk)
    assert page.count("<td>in progress</td>") == 200


def test_a_silent_session_is_shown_as_lost_contact(admin_client: Client) -> None:
    silent = make_resolution(abandoned_at=datetime.now(UTC))
    running = make_resolution(status="in_progress")
    make_resolution(status="resolved")
    assert admin_client.get(reverse(RESOLUTIONS)).content.decode().count(">lost contact</td>") == 1
    assert found(admin_client, RESOLUTIONS, outcome="abandoned") == [silent.pk]
    assert found(admin_client, RESOLUTIONS, outcome="in_progress") == [running.pk]


def test_resolutions_are_found_by_id_incident_severity_and_text(admin_client: Client) -> None:
    make_resolution(incident_id="other", title="nothing")
    wanted = make_resolution(incident_id="INC/9", title="Disk full", severity="high", service="db")
    for term in (wanted.pk, "INC/9", "disk FULL"):
        assert found(admin_client, RESOLUTIONS, q=term) == [wanted.pk]
    assert found(admin_client, RESOLUTIONS, severity="high") == [wanted.pk]
    assert found(admin_client, RESOLUTIONS, incident_id="INC/9") == [wanted.pk]


def test_a_megabyte_title_stays_out_of_the_list(admin_client: Client) -> None:
    resolution = make_resolution(title="x" * 2_000_000, root_cause="y" * 2_000_000)
    assert len(admin_client.get(reverse(RESOLUTIONS)).content) < 100_000
    page = page_of(admin_client, "resolutions_resolutionattempt", resolution.pk)
    assert "The first 100,000 of 2,000,000 characters." in page
    assert len(page) < 500_000


def test_a_feed_entry_is_found_by_revision_and_by_what_it_names(admin_client: Client) -> None:
    attempt_id, resolution_id = uuid.uuid4(), uuid.uuid4()
    make_feed_entry(attempt_ids=[uuid.uuid4()])
    entry = make_feed_entry(attempt_ids=[attempt_id, uuid.uuid4()], resolution_ids=[resolution_id])
    for term in (entry.pk, attempt_id, resolution_id):
        assert found(admin_client, FEED, q=term) == [entry.pk]
    page = page_of(admin_client, "resolutions_feedentry", entry.pk)
    assert reverse("admin:attempts_actionattempt_change", args=[attempt_id]) in page
    assert reverse("admin:resolutions_resolutionattempt_change", args=[resolution_id]) in page


def test_a_feed_entry_of_thousands_names_the_first_and_counts_the_rest(admin_client: Client) -> None:
    entry = make_feed_entry(attempt_ids=[uuid.uuid4() for _ in range(5000)])
    assert "5000" in admin_client.get(reverse(FEED)).content.decode()
    assert "and 4,900 more" in page_of(admin_client, "resolutions_feedentry", entry.pk)
