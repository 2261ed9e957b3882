"""What operators decide of a failure pattern, and what is kept of it."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from access.errors import ApiError
from analytics.models import FailurePattern, PatternChange
from analytics.patterns import deciding
from analytics.tests.recording import failed, record_rows

pytestmark = pytest.mark.django_db

VERBS: dict[str, Callable[..., bool]] = {
    "acknowledged": deciding.acknowledge,
    "fixed": deciding.fix,
    "ignored": deciding.ignore,
}


def seen(**facts: object) -> FailurePattern:
    record_rows([failed("disk full", **facts)])
    return FailurePattern.objects.get()


@pytest.mark.parametrize("state", VERBS)
def test_a_decision_is_kept_with_who_when_and_why(state: str) -> None:
    pattern = seen()
    before = datetime.now(UTC)
    assert VERBS[state](pattern_id=pattern.pattern_id, actor="olga", note="on it")
    pattern.refresh_from_db()
    assert (pattern.state, pattern.state_changed_by) == (state, "olga")
    assert pattern.state_changed_at is not None
    assert before <= pattern.state_changed_at <= datetime.now(UTC)
    assert (pattern.fixed_at is not None) == (state == "fixed")
    change = PatternChange.objects.get()
    assert (change.change, change.from_state, change.to_state) == (state, "new", state)
    assert (change.changed_by, change.note, change.changed_at) == ("olga", "on it", pattern.state_changed_at)


@pytest.mark.parametrize("state", VERBS)
def test_the_same_decision_again_changes_nothing(state: str) -> None:
    pattern = seen()
    assert VERBS[state](pattern_id=pattern.pattern_id, actor="olga")
    first = FailurePattern.objects.values().get()
    assert not VERBS[state](pattern_id=pattern.pattern_id, actor="ines", note="me too")
    assert FailurePattern.objects.values().get() == first
    assert PatternChange.objects.count() == 1


def test_reopened_it_is_new_and_no_longer_fixed() -> None:
    pattern = seen()
    deciding.fix(pattern_id=pattern.pattern_id, actor="olga")
    assert deciding.reopen(pattern_id=pattern.pattern_id, actor="ines")
    pattern.refresh_from_db()
    assert (pattern.state, pattern.fixed_at) == ("new", None)
    assert not deciding.reopen(pattern_id=pattern.pattern_id, actor="ines")
    changes = PatternChange.objects.order_by("id").values_list("change", "from_state", "to_state", "changed_by")
    assert list(changes) == [("fixed", "new", "fixed", "olga"), ("reopened", "fixed", "new", "ines")]


def test_a_failure_after_the_fix_makes_it_regressed_and_it_can_be_fixed_again() -> None:
    pattern = seen()
    deciding.fix(pattern_id=pattern.pattern_id, actor="olga")
    record_rows([failed("disk full")])
    pattern.refresh_from_db()
    assert pattern.state == "fixed"
    record_rows([failed("disk full", started_at=datetime.now(UTC) + timedelta(seconds=1))])
    pattern.refresh_from_db()
    assert pattern.state == "regressed"
    assert deciding.fix(pattern_id=pattern.pattern_id, actor="olga")
    changes = PatternChange.objects.order_by("id").values_list("change", "changed_by")
    assert list(changes) == [("fixed", "olga"), ("regressed", "actionlog"), ("fixed", "olga")]


def test_what_is_ignored_stays_so() -> None:
    pattern = seen()
    deciding.ignore(pattern_id=pattern.pattern_id, actor="olga")
    record_rows([failed("disk full", started_at=datetime.now(UTC) + timedelta(seconds=1))])
    pattern.refresh_from_db()
    assert (pattern.state, pattern.occurrences) == ("ignored", 2)


def test_a_secret_in_a_note_does_not_reach_the_disk() -> None:
    pattern = seen()
    deciding.acknowledge(pattern_id=pattern.pattern_id, actor="olga", note="use Bearer abcdefghijklmnopqrstuvwxyz")
    assert "abcdefghij" not in PatternChange.objects.get().note


def test_nothing_is_decided_of_what_is_not_there_or_was_merged() -> None:
    with pytest.raises(ApiError, match="There is no failure pattern") as unknown:
        deciding.fix(pattern_id=uuid.uuid4(), actor="olga")
    assert unknown.value.status == 404
    target = seen()
    gone = FailurePattern.objects.create(created_at=datetime.now(UTC), merged_into=target)
    with pytest.raises(ApiError, match=f"merged into {target.pattern_id}") as merged:
        deciding.fix(pattern_id=gone.pattern_id, actor="olga")
    assert merged.value.status == 409
