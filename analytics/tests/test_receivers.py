"""The receivers: which there are, and what happens when they fail."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from analytics import receivers
from analytics.models import MetricRecount
from analytics.tests.recording import START, attempt, ended, record_resolution, record_rows, resolution, stored_counts
from attempts.models import ActionAttempt
from attempts.signals import attempts_recorded
from resolutions.models import ResolutionAttempt
from resolutions.signals import incidents_recorded, resolutions_recorded


def connected(signal: Any) -> set[Any]:
    return {receiver for _, receiver, *_ in signal.receivers for receiver in [receiver()]}


def test_the_receivers_connected_are_those_that_apps_lists() -> None:
    ours = {function for name, function in vars(receivers).items() if name.startswith("count_")}
    listening = connected(attempts_recorded) | connected(resolutions_recorded) | connected(incidents_recorded)
    assert {function for function in listening if function.__module__ == receivers.__name__} == ours
    assert receivers.count_attempts in connected(attempts_recorded)
    assert receivers.count_resolutions in connected(resolutions_recorded)
    assert receivers.count_incidents in connected(incidents_recorded)


@pytest.fixture
def rollups_broken(db: None) -> Iterator[None]:
    """A column that the rollups need is missing, as after a migration gone wrong."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE resolution_metrics RENAME COLUMN success TO succeeded")
        yield
        cursor.execute("ALTER TABLE resolution_metrics RENAME COLUMN succeeded TO success")


@pytest.mark.usefixtures("rollups_broken")
def test_when_the_rollups_fail_the_record_stands_and_its_buckets_are_to_be_recounted() -> None:
    first = attempt(started_at=None, received_at=START + timedelta(hours=3))
    record_rows([first])
    record_rows([attempt(attempt_id=first.attempt_id, status="success"), ended()], [first, None])
    record_resolution(resolution(started_at=START + timedelta(days=1)))
    assert ActionAttempt.objects.count() == 2
    assert ResolutionAttempt.objects.count() == 1
    due = MetricRecount.objects.order_by("bucket_start").values_list("bucket_start", flat=True)
    assert list(due) == [START, START + timedelta(hours=3), START + timedelta(days=1)]


@pytest.mark.usefixtures("rollups_broken")
def test_when_not_even_the_note_can_be_written_the_record_stands() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE metric_recounts RENAME COLUMN reason TO cause")
        record_rows([ended()])
        cursor.execute("ALTER TABLE metric_recounts RENAME COLUMN cause TO reason")
    assert ActionAttempt.objects.count() == 1
    assert not MetricRecount.objects.exists()


@pytest.mark.django_db
def test_a_change_that_contradicts_what_was_missed_puts_its_bucket_on_the_list() -> None:
    missed = ended()
    record_rows([missed])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM resolution_metrics")
    record_rows([attempt(attempt_id=missed.attempt_id, status="failed")], [missed])
    assert stored_counts() == {}
    assert MetricRecount.objects.get().bucket_start == START
