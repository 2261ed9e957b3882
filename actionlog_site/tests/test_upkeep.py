"""Upkeep: what a round does, that one process does it, and that a failure harms nothing."""

import time
from datetime import timedelta
from io import StringIO
from threading import Event

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from actionlog_site.upkeep import keep_up, upkeep_beside
from analytics.models import MetricSummary
from analytics.tests.recording import ended, record_rows
from attempts.locks import UPKEEP
from attempts.models import ActionAttempt
from attempts.tests.factories import make_attempt

OLD = timedelta(days=3)


def upkeep() -> str:
    printed = StringIO()
    call_command("upkeep", stdout=printed)
    return printed.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_round_sums_up_and_marks_what_went_silent() -> None:
    now = timezone.now()
    record_rows([ended(started_at=now - OLD, completed_at=now - OLD + timedelta(seconds=3))])
    silent = make_attempt(status="in_progress", started_at=now - OLD, received_at=now - OLD, last_heard_at=now - OLD)
    printed = upkeep()
    assert "marked as abandoned: 1 action attempts, 0 resolution attempts" in printed
    assert "summed up: 2 hours and days" in printed
    assert ActionAttempt.objects.get(pk=silent.pk).abandoned_at is not None
    assert set(MetricSummary.objects.values_list("grain", flat=True)) == {"hour", "day"}
    assert upkeep().startswith("summed up: 0 hours and days; marked as abandoned: 0")


@pytest.mark.django_db(transaction=True)
def test_while_one_process_is_at_it_others_leave_it() -> None:
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [UPKEEP])
        assert keep_up() is None
        assert upkeep() == "Another process is at it.\n"
    assert keep_up() is not None


def test_a_round_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    done = Event()

    def work(number: int, stop: Event) -> None:
        if number == 0:
            raise ValueError("the first round fails")
        done.set()

    with upkeep_beside(work, every_seconds=0.01) as thread:
        assert done.wait(10)
    assert not thread.is_alive()
    assert "the first round fails" in caplog.text
    assert "tried again" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_thread_beside_the_server_sums_up() -> None:
    now = timezone.now()
    record_rows([ended(started_at=now - OLD, completed_at=now - OLD + timedelta(seconds=3))])
    rounds = Event()
    seen = []

    def work(number: int, stop: Event) -> None:
        seen.append(keep_up())
        if number:
            rounds.set()

    with upkeep_beside(work, every_seconds=0.01):
        assert rounds.wait(20)
    assert [done.sealed for done in seen[:2] if done] == [2, 0]


@pytest.mark.django_db(transaction=True)
def test_a_long_round_ends_when_the_server_does(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    for days in range(1, 4):
        start = now - days * OLD
        record_rows([ended(started_at=start, completed_at=start + timedelta(seconds=3))])
    monkeypatch.setattr("actionlog_site.upkeep.REST_SECONDS", 60.0)
    with upkeep_beside(every_seconds=0.01) as thread:
        deadline = time.monotonic() + 20
        while not MetricSummary.objects.exists():
            assert time.monotonic() < deadline, "nothing was summed up"
            time.sleep(0.01)
    assert not thread.is_alive()
    assert MetricSummary.objects.values("grain", "period_start").distinct().count() == 1
