"""The view failures_with_pattern, held against a join made in Python."""

import uuid
from itertools import product

import pytest

from analytics.models import FailureFingerprint
from analytics.tests.factories import make_pattern
from attempts.models import ActionAttempt
from attempts.queries import read_attempts
from attempts.tests.factories import make_attempt
from attempts.tests.views import rows_of

pytestmark = pytest.mark.django_db


def test_every_failed_attempt_stands_once_with_the_pattern_that_owns_its_fingerprint() -> None:
    owned, grouped, loose = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    make_pattern(owned, grouped, uuid.uuid4(), template="no answer from <host>", state="acknowledged")
    make_pattern(template="owns nothing")
    for fingerprint, _ in product((owned, grouped, loose, None), range(2)):
        make_attempt(status="failed", fingerprint=fingerprint, fingerprint_version=None if fingerprint is None else 1)
    for status in (None, "success", "cancelled", "skipped"):
        make_attempt(status=status)
    patterns = {link.fingerprint: link.pattern for link in FailureFingerprint.objects.select_related("pattern")}
    expected = {}
    for attempt in ActionAttempt.objects.filter(status="failed"):
        pattern = patterns.get(attempt.fingerprint) if attempt.fingerprint else None
        expected[attempt.attempt_id] = (
            attempt.fingerprint,
            pattern and pattern.pattern_id,
            pattern and pattern.template,
            pattern and pattern.state,
        )
    found = rows_of("failures_with_pattern")
    assert len(found) == len(expected) == 8
    assert {
        row["attempt_id"]: (row["fingerprint"], row["pattern_id"], row["pattern_template"], row["pattern_state"])
        for row in found
    } == expected


def test_a_failure_has_the_values_that_the_api_shows() -> None:
    make_attempt(
        status="failed",
        error_type="timeout",
        error_message="no answer",
        fingerprint=uuid.uuid4(),
        fingerprint_version=1,
        execution_time_seconds=1.5,
        confidence=0.25,
        environment="prod",
    )
    [row] = rows_of("failures_with_pattern")
    [detail] = read_attempts(ActionAttempt.objects.all())
    theirs = ("fingerprint_version", "pattern_id", "pattern_template", "pattern_state")
    assert {name: value for name, value in row.items() if name not in theirs} == {
        name: getattr(detail, name) for name in row if name not in theirs
    }
