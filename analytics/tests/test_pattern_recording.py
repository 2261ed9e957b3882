"""Failures find their pattern and are counted while they are recorded, whatever happens to them afterwards."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.models import (
    FailureCount,
    FailureFingerprint,
    FailureIncident,
    FailurePattern,
    FailurePatternKey,
    MetricRecount,
    PatternChange,
)
from analytics.patterns import queries
from analytics.patterns.recording import deltas_of, failure_of
from analytics.tests.recording import START, an_id, attempt, differences, ended, failed, record_rows, told_more
from attempts.models import ActionAttempt
from attempts.rows import AttemptChange, AttemptRow

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
REFUSED = "connect to 10.0.0.{} refused after {} s"


def the_pattern() -> FailurePattern:
    return FailurePattern.objects.get()


def test_two_failures_with_other_details_are_one_pattern() -> None:
    record_rows([failed(REFUSED.format(1, 20), incident_id="A"), failed(REFUSED.format(2, 3), incident_id="B")])
    record_rows([failed(REFUSED.format(77, 4), incident_id="A", started_at=START + HOUR)])
    pattern = the_pattern()
    assert (pattern.occurrences, pattern.incidents) == (3, 2)
    assert (pattern.first_seen, pattern.last_seen) == (START, START + HOUR)
    assert (pattern.state, pattern.action_type) == ("new", "restart_pool")
    counts = FailureCount.objects.order_by("bucket_start").values_list("bucket_start", "occurrences")
    assert list(counts) == [(START, 2), (START + HOUR, 1)]
    assert differences() == []


def test_other_words_another_action_or_no_message_are_other_patterns() -> None:
    record_rows(
        [failed("disk full"), failed("disk empty"), failed("disk full", action_type="other"), failed(), failed("")]
    )
    templates = FailurePattern.objects.order_by("template", "action_type").values_list("template", "occurrences")
    assert list(templates) == [("", 2), ("disk empty", 1), ("disk full", 1), ("disk full", 1)]


def test_a_pattern_is_widened_by_what_joins_it() -> None:
    record_rows([failed("no answer from 10.0.0.1 in time")])
    first = the_pattern()
    assert first.template == "no answer from <address> in time"
    record_rows([failed("no answer from 12 14 in time"), failed("no answer from 7 in time")])
    widened = the_pattern()
    assert widened.pattern_id == first.pattern_id
    assert widened.template == "no answer from <value> in time"
    assert FailureFingerprint.objects.count() == 3
    assert differences() == []


def test_two_new_failures_of_one_batch_are_one_pattern() -> None:
    record_rows([failed(f"lock held by {holder} since 3 s") for holder in ("0x7f6612ab90", "10.1.1.1", "44")])
    assert the_pattern().occurrences == 3
    assert FailurePatternKey.objects.count() == 1


def test_only_failures_are_counted() -> None:
    record_rows([ended(), attempt(), attempt(status="skipped", error_message="no")])
    assert not FailurePattern.objects.exists()


def test_a_failure_told_again_is_not_counted_again() -> None:
    first = failed("no")
    record_rows([first])
    record_rows([told_more(first, reason="because")], [first])
    assert the_pattern().occurrences == 1
    assert deltas_of([AttemptChange(first, told_more(first, reason="because"), [])]) == ({}, {}, {})


def test_a_message_told_later_moves_the_failure_to_its_pattern() -> None:
    silent = failed(incident_id="A")
    other = failed(incident_id="A", started_at=START + HOUR)
    record_rows([silent, other])
    told = told_more(silent, error_message="disk full")
    record_rows([told], [silent])
    assert [
        (each.template, each.occurrences, each.incidents, each.first_seen)
        for each in FailurePattern.objects.order_by("template")
    ] == [("", 1, 1, START + HOUR), ("disk full", 1, 1, START)]
    assert differences() == []


def test_a_pattern_that_lost_its_last_failure_stays_and_counts_nothing() -> None:
    silent = failed()
    record_rows([silent])
    record_rows([told_more(silent, error_message="disk full")], [silent])
    lost = FailurePattern.objects.get(template="")
    assert (lost.occurrences, lost.incidents, lost.first_seen, lost.last_seen) == (0, 0, None, None)
    assert FailureCount.objects.count() == FailureIncident.objects.count() == 1
    assert differences() == []


def test_a_start_told_later_moves_the_failure_in_time() -> None:
    received = failed("no", started_at=None, completed_at=START + 2 * HOUR)
    record_rows([received, failed("no", started_at=START + HOUR)])
    record_rows([told_more(received, started_at=START - HOUR)], [received])
    pattern = the_pattern()
    assert (pattern.first_seen, pattern.last_seen) == (START - HOUR, START + HOUR)
    assert set(FailureCount.objects.values_list("bucket_start", flat=True)) == {START - HOUR, START + HOUR}
    assert differences() == []


def fix(pattern: FailurePattern, **facts: Any) -> None:
    FailurePattern.objects.filter(pk=pattern.pk).update(**{"state": "fixed", "fixed_at": START, **facts})


def test_a_failure_that_starts_after_the_fix_makes_the_pattern_regressed() -> None:
    record_rows([failed("no", started_at=START - HOUR)])
    fix(the_pattern())
    record_rows([failed("no", started_at=START - HOUR), failed("no", started_at=START)])
    assert the_pattern().state == "fixed"
    record_rows([failed("no", started_at=START - HOUR), failed("no", started_at=START + timedelta(microseconds=1))])
    pattern = the_pattern()
    assert (pattern.state, pattern.state_changed_by, pattern.fixed_at) == ("regressed", "actionlog", START)
    change = PatternChange.objects.get()
    assert (change.change, change.from_state, change.to_state) == ("regressed", "fixed", "regressed")
    assert (change.changed_by, change.changed_at) == ("actionlog", pattern.state_changed_at)
    record_rows([failed("no", started_at=START + HOUR)])
    assert PatternChange.objects.count() == 1


@pytest.mark.parametrize("state", ["ignored", "acknowledged", "new"])
def test_other_states_stay_whatever_is_seen(state: str) -> None:
    record_rows([failed("no")])
    fix(the_pattern(), state=state)
    record_rows([failed("no", started_at=START + HOUR)])
    assert the_pattern().state == state
    assert not PatternChange.objects.exists()


def test_what_is_unseen_joins_the_pattern_that_owns_its_words_now() -> None:
    """As after a merge: the key and its fingerprint belong to a pattern of other words."""
    record_rows([failed("disk full"), failed("no answer from 10.0.0.1 in time")])
    target = FailurePattern.objects.get(template="disk full")
    FailurePatternKey.objects.update(pattern=target)
    FailureFingerprint.objects.update(pattern=target)
    record_rows([failed("no answer from 7 in time"), failed("no answer from 10.0.0.1 in time")])
    assert set(FailureFingerprint.objects.values_list("pattern", flat=True)) == {target.pk}
    target.refresh_from_db()
    assert target.template == "disk full"
    assert (target.occurrences, target.incidents) == (3, 1)


HARD_MESSAGES = {
    "nothing": None,
    "empty": "",
    "blank": " \n\t\r\n ",
    "control characters": "\x01\x02\x1b[31m\x7f",
    "a replaced NUL": "a\ufffdb",
    "a line": "x" * 3000,
    "a megabyte": "0123456789 line of output\n" * 40_000 + "Error: disk sda1 is full",
    "a megabyte in one line": "word " * 200_000,
    "a traceback": 'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError: bad port 80\n',
    "Chinese": "连接 10.0.0.1 超时 5 秒",
    "Arabic": "فشل الاتصال بالخادم 10.0.0.1",
    "emoji and combining": "💥 e\u0301chec \u202edrawkcab",
    "quotes and percent": "%s 'it' \"is\" \\ {} %(x)s $$",
    "json": '{"error": {"message": "no \\u0000 room", "code": 7}}',
    "only values": "10.0.0.1:80 0xdeadbeef 77",
}


@pytest.mark.parametrize("message", HARD_MESSAGES.values(), ids=HARD_MESSAGES.keys())
def test_any_failure_has_a_pattern(message: str | None) -> None:
    row = failed(message, action_type="", error_type="a\tb")
    record_rows([row])
    pattern = queries.pattern_of_attempt(row.attempt_id)
    assert pattern is not None
    assert pattern.occurrences == 1
    assert differences() == []


def test_the_pattern_of_an_attempt_that_has_none_is_none() -> None:
    row = ended()
    record_rows([row])
    assert queries.pattern_of_attempt(row.attempt_id) is None
    assert queries.pattern_of_attempt(an_id(7)) is None


def test_patterns_are_found_by_id() -> None:
    record_rows([failed("a"), failed("b")])
    ids = set(FailurePattern.objects.values_list("pk", flat=True))
    assert set(queries.patterns_by_id([*ids, an_id(3)])) == ids


@pytest.fixture
def _patterns_broken() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE failure_counts RENAME COLUMN occurrences TO occurred")
        yield
        cursor.execute("ALTER TABLE failure_counts RENAME COLUMN occurred TO occurrences")


@pytest.mark.usefixtures("_patterns_broken")
def test_when_the_patterns_fail_the_record_and_the_rollups_stand_and_a_recount_is_due() -> None:
    record_rows([failed("no"), ended(started_at=START + 5 * HOUR)])
    assert ActionAttempt.objects.count() == 2
    assert MetricRecount.objects.get().bucket_start == START
    assert not queries.is_exact()
    assert not FailurePattern.objects.exists()


def test_a_change_that_contradicts_what_was_missed_puts_its_buckets_on_the_list() -> None:
    silent = failed()
    record_rows([silent])
    FailureCount.objects.all().delete()
    record_rows([told_more(silent, error_message="disk full")], [silent])
    assert ActionAttempt.objects.get().error_message == "disk full"
    assert MetricRecount.objects.get().bucket_start == START


late_facts = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["failed", "failed", "failed", "success", None]),
        "error_message": st.sampled_from([None, "no", "disk full", "port 80 closed", "port x=1 closed"]),
        "error_type": st.sampled_from([None, "timeout"]),
        "action_type": st.sampled_from(["a", "b"]),
        "started_at": st.none() | st.integers(-40, 40).map(lambda minutes: START + timedelta(minutes=minutes)),
        "completed_at": st.none() | st.integers(-40, 40).map(lambda minutes: START + timedelta(minutes=minutes)),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.integers(0, 5), late_facts, min_size=1), min_size=1, max_size=8))
def test_what_is_counted_equals_a_recount_after_any_sequence_of_changes(
    batches: list[dict[int, dict[str, Any]]],
) -> None:
    known: dict[int, AttemptRow] = {}
    with transaction.atomic():
        for batch in batches:
            before = [known.get(number) for number in batch]
            for number, facts in batch.items():
                row = known.get(number)
                if row is None:
                    row = attempt(attempt_id=an_id(number), started_at=None, incident_id=f"INC-{number % 2}")
                known[number] = told_more(row, **facts)
            record_rows([known[number] for number in batch], before)
        assert differences() == []
        assert not MetricRecount.objects.exists()
        by_fingerprint: Counter[UUID] = Counter(
            failure.fingerprint for row in known.values() if (failure := failure_of(row)) is not None
        )
        kept = FailureFingerprint.objects.filter(occurrences__gt=0).values_list("fingerprint", "occurrences")
        assert dict(kept) == by_fingerprint
        transaction.set_rollback(True)
