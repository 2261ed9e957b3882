"""The admin's window on rollups, recounts and failure patterns."""

import html
import re
import uuid
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import FailurePattern
from analytics.tests.factories import make_change, make_metric, make_pattern, make_recount
from analytics.tests.recording import failed, record_rows
from attempts.tests.admin_pages import found, page_of
from attempts.tests.factories import make_attempt

pytestmark = pytest.mark.django_db

METRICS = "admin:analytics_resolutionmetric_changelist"
RECOUNTS = "admin:analytics_metricrecount_changelist"
PATTERNS = "admin:analytics_failurepattern_changelist"


def test_rollups_are_found_by_dimension_and_subject(admin_client: Client) -> None:
    attempts = make_metric(action_type="rollback", engine="e1", durations=[3, 0, 1])
    sessions = make_metric(subject="resolution", action_type="", resolved=4)
    assert found(admin_client, METRICS, q="ROLLback e1") == [attempts.pk]
    assert found(admin_client, METRICS, subject__exact="resolution") == [sessions.pk]
    assert "{3,0,1}" in page_of(admin_client, "analytics_resolutionmetric", attempts.pk)


def test_a_pattern_is_found_by_id_fingerprint_and_template_and_leads_to_its_failures(admin_client: Client) -> None:
    fingerprint = uuid.uuid4()
    failed = make_attempt(status="failed", fingerprint=fingerprint, fingerprint_version=1)
    make_attempt(status="failed")
    make_pattern(template="another")
    pattern = make_pattern(fingerprint, uuid.uuid4(), template="host <ip> unreachable")
    for term in (pattern.pk, fingerprint, "UNREACHABLE"):
        assert found(admin_client, PATTERNS, q=term) == [pattern.pk]
    page = page_of(admin_client, "analytics_failurepattern", pattern.pk)
    assert "host &lt;ip&gt; unreachable" in page
    assert f"{reverse('admin:attempts_actionattempt_changelist')}?fingerprint={fingerprint}" in page
    assert found(admin_client, "admin:attempts_actionattempt_changelist", fingerprint=fingerprint) == [failed.pk]


def test_a_recount_has_a_page_under_its_time(admin_client: Client) -> None:
    recount = make_recount(bucket_start=datetime(2026, 3, 1, 10, 15, tzinfo=UTC), reason="receiver <failed>")
    listing = admin_client.get(reverse(RECOUNTS)).content.decode()
    [address] = re.findall(r'href="(/admin/analytics/metricrecount/[^"]+/change/)', listing)
    page = admin_client.get(html.unescape(address)).content.decode()
    assert "receiver &lt;failed&gt;" in page
    assert "receiver &lt;failed&gt;" in page_of(admin_client, "analytics_metricrecount", recount.pk)


def test_a_fingerprint_shows_what_is_counted_of_it_and_is_found_by_its_pattern(admin_client: Client) -> None:
    row = failed("disk full", incident_id="INC <7>")
    record_rows([row])
    pattern = FailurePattern.objects.get()
    make_pattern(uuid.uuid4())
    for term in (pattern.pk, row.fingerprint):
        assert found(admin_client, "admin:analytics_failurefingerprint_changelist", q=term) == [row.fingerprint]
    page = page_of(admin_client, "analytics_failurefingerprint", row.fingerprint)
    assert "INC &lt;7&gt;: 1" in page
    assert "2025-06-15 10:00:00.000Z: 1" in page


def test_what_was_done_to_a_pattern_is_found_by_its_id(admin_client: Client) -> None:
    change = make_change(note="on <it>")
    make_change()
    changes = "admin:analytics_patternchange_changelist"
    assert found(admin_client, changes, q=change.pattern_id) == [change.pk]
    assert found(admin_client, changes, pattern=change.pattern_id) == [change.pk]
    assert "on &lt;it&gt;" in page_of(admin_client, "analytics_patternchange", change.pk)
    assert f"pattern={change.pattern_id}" in page_of(admin_client, "analytics_failurepattern", change.pattern_id)
