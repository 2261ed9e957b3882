"""Merge and split move whole fingerprints with all that is counted of them, and lose nothing."""

import uuid
from datetime import UTC, datetime, timedelta
from threading import Event
from uuid import UUID

import pytest

from access.errors import ApiError
from analytics.models import FailureFingerprint, FailurePattern, FailurePatternKey, PatternChange
from analytics.patterns import deciding, merging
from analytics.patterns.reading import history_of
from analytics.tests.recording import START, differences, failed, record_rows
from analytics.tests.test_rebuild_beside_recorders import beside

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def seen(*messages: str, incident: str = "A", **facts: object) -> UUID:
    """Record these failures; the pattern of the first."""
    record_rows([failed(message, incident_id=incident, **facts) for message in messages])
    return pattern_of(messages[0])


def pattern_of(message: str) -> UUID:
    return FailureFingerprint.objects.get(fingerprint=print_of(message)).pattern_id


def print_of(message: str) -> UUID:
    fingerprint = failed(message).fingerprint
    assert fingerprint is not None
    return fingerprint


def totals(pattern_id: UUID) -> tuple[int, int]:
    pattern = FailurePattern.objects.get(pk=pattern_id)
    return pattern.occurrences, pattern.incidents


def merge(target: UUID, *others: UUID, note: str = "") -> bool:
    return merging.merge(target_id=target, others=others, actor="olga", note=note)


def split(pattern_id: UUID, *messages: str) -> merging.Split:
    return merging.split(pattern_id=pattern_id, fingerprints=[print_of(each) for each in messages], actor="olga")


def test_merged_patterns_are_counted_as_one_and_equal_a_recount() -> None:
    full, empty = seen("disk full", "disk full"), seen("disk empty", incident="B")
    record_rows([failed("disk empty", incident_id="A", started_at=START + HOUR)])
    assert merge(full, empty, note="one disk")
    # Incident A, which both had, is one incident.
    assert totals(full) == (4, 2)
    assert totals(empty) == (0, 0)
    gone = FailurePattern.objects.get(pk=empty)
    assert gone.merged_into_id == full
    assert differences() == []


def test_what_fails_later_follows_whether_its_fingerprint_is_known_or_not() -> None:
    full = seen("disk full")
    empty = seen("disk empty after 5 s")
    merge(full, empty)
    record_rows([failed("disk empty after 5 s"), failed("disk empty after 10.0.0.1")])
    assert totals(full) == (4, 2)
    assert pattern_of("disk empty after 10.0.0.1") == full
    assert differences() == []


def test_both_histories_tell_of_it_and_that_of_the_target_holds_the_others() -> None:
    full, empty = seen("disk full"), seen("disk empty")
    deciding.acknowledge(pattern_id=empty, actor="ines")
    merge(full, empty, note="one disk")
    history = history_of(FailurePattern.objects.get(pk=full))
    assert {(one.pattern_id, one.change, one.other_pattern, one.changed_by) for one in history} == {
        (empty, "acknowledged", None, "ines"),
        (empty, "merged_into", full, "olga"),
        (full, "merged", empty, "olga"),
    }
    assert [one.fingerprints for one in history if one.change != "acknowledged"] == [1, 1]


def test_a_merge_again_changes_nothing() -> None:
    full, empty = seen("disk full"), seen("disk empty")
    assert merge(full, empty, empty)
    assert not merge(full, empty)
    assert PatternChange.objects.count() == 2


def test_what_was_merged_leads_to_the_last_target() -> None:
    one, two, three = seen("disk full"), seen("disk empty"), seen("disk lost")
    merge(two, one)
    merge(three, two)
    assert set(FailurePattern.objects.exclude(pk=three).values_list("merged_into", flat=True)) == {three}
    assert totals(three) == (3, 1)
    assert differences() == []


def test_the_target_keeps_its_state_unless_it_was_fixed_and_is_seen_since() -> None:
    full, empty, lost = seen("disk full"), seen("disk empty"), seen("disk lost")
    deciding.fix(pattern_id=full, actor="olga")
    merge(full, empty)
    assert FailurePattern.objects.get(pk=full).state == "fixed"
    record_rows([failed("disk lost", started_at=datetime.now(UTC) + timedelta(seconds=1))])
    merge(full, lost)
    assert FailurePattern.objects.get(pk=full).state == "regressed"
    assert PatternChange.objects.filter(pattern=full, change="regressed", changed_by="actionlog").exists()


def test_what_cannot_be_merged_is_refused_and_nothing_moves() -> None:
    full, empty, lost = seen("disk full"), seen("disk empty"), seen("disk lost")
    unknown = uuid.uuid4()
    merge(full, empty)
    for target, others, status, told in (
        (unknown, [full], 404, "no failure pattern"),
        (empty, [lost], 409, f"merged into {full}"),
        (lost, [empty], 409, f"merged into {full}"),
        (lost, [full, lost], 400, "into itself"),
        (lost, [full, unknown], 400, f"no failure pattern {unknown}"),
    ):
        with pytest.raises(ApiError, match=told) as refused:
            merge(target, *others)
        assert refused.value.status == status
        if status == 400:
            assert (refused.value.field, refused.value.path) == ("patterns", "patterns[1]")
    assert totals(full) == (2, 1)
    assert totals(lost) == (1, 1)


FORMS = ("no answer from 10.0.0.1 in time", "no answer from 12 14 in time", "no answer from 7 in time")


def test_a_split_founds_a_pattern_in_the_same_state_and_equals_a_recount() -> None:
    pattern = seen(*FORMS)
    record_rows([failed(FORMS[0], incident_id="B")])
    deciding.fix(pattern_id=pattern, actor="ines")
    made = split(pattern, FORMS[0])
    assert made.is_new
    assert (totals(pattern), totals(made.pattern_id)) == ((2, 1), (2, 2))
    new = FailurePattern.objects.get(pk=made.pattern_id)
    assert (new.state, new.fixed_at) == ("fixed", FailurePattern.objects.get(pk=pattern).fixed_at)
    assert new.template == "no answer from <address> in time"
    assert differences() == []
    changes = PatternChange.objects.filter(change__startswith="split").values_list("pattern", "change", "other_pattern")
    assert set(changes) == {(pattern, "split", made.pattern_id), (made.pattern_id, "split_from", pattern)}


def test_after_a_split_known_fingerprints_follow_and_unseen_ones_stay_with_the_key() -> None:
    pattern = seen(*FORMS)
    made = split(pattern, FORMS[0])
    record_rows([failed(FORMS[0]), failed("no answer from /var/run in time")])
    assert totals(made.pattern_id) == (2, 2)
    assert pattern_of("no answer from /var/run in time") == pattern
    assert differences() == []


def test_a_key_all_of_whose_fingerprints_go_goes_with_them() -> None:
    full, empty = seen("disk full"), seen("disk empty after 5 s")
    merge(full, empty)
    made = split(full, "disk empty after 5 s")
    record_rows([failed("disk empty after 10.0.0.1")])
    assert pattern_of("disk empty after 10.0.0.1") == made.pattern_id
    assert FailurePatternKey.objects.filter(pattern=made.pattern_id).count() == 1
    assert FailurePattern.objects.get(pk=made.pattern_id).template.startswith("disk empty")
    assert differences() == []


def test_a_split_undoes_a_merge() -> None:
    full, empty = seen("disk full", "disk full"), seen("disk empty")
    merge(full, empty)
    made = split(full, "disk empty")
    assert (totals(full), totals(made.pattern_id)) == ((2, 1), (1, 1))
    assert FailurePattern.objects.get(pk=full).template == "disk full"


def test_the_same_split_again_finds_the_pattern_that_it_made() -> None:
    pattern = seen(*FORMS)
    first = split(pattern, FORMS[0], FORMS[1])
    assert split(pattern, FORMS[1], FORMS[0]) == (first.pattern_id, False)
    assert FailurePattern.objects.count() == 2


def test_what_cannot_be_split_is_refused_with_why() -> None:
    single = seen("disk full", "disk full")
    with pytest.raises(ApiError, match="cannot be split: it has one fingerprint") as refused:
        split(single, "disk full")
    assert refused.value.status == 409
    pattern = seen(*FORMS)
    with pytest.raises(ApiError, match="all of its fingerprints") as refused:
        split(pattern, *FORMS)
    assert refused.value.status == 409
    for messages in ([FORMS[0], "disk full"], [FORMS[0], "never seen"]):
        with pytest.raises(ApiError, match="is not of this pattern") as refused:
            split(pattern, *messages)
        assert (refused.value.status, refused.value.path) == (400, "fingerprints[1]")
    with pytest.raises(ApiError, match="at least one"):
        split(pattern)
    with pytest.raises(ApiError) as refused:
        split(uuid.uuid4(), FORMS[0])
    assert refused.value.status == 404
    assert FailurePattern.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_beside_recorders_merges_and_splits_lose_nothing_and_stop_nobody() -> None:
    """Recorders meet known and unseen fingerprints of the patterns that are merged and split meanwhile."""
    stop = Event()
    recorded: list[int] = []

    def recorder(name: str) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            messages = [*FORMS, "disk full", f"no answer from /{name}/{'a' * (number % 50 + 1)}/b in time"]
            record_rows([failed(message, incident_id=f"{name}-{number % 7}") for message in messages])
            recorded.append(len(messages))

    pattern, full = seen(*FORMS), seen("disk full")
    with beside(lambda: recorder("a"), lambda: recorder("b")):
        try:
            rounds = 0
            while rounds < 12 or len(recorded) < 30:
                rounds += 1
                merge(pattern, full)
                full = split(pattern, "disk full").pattern_id
                other = split(pattern, FORMS[0]).pattern_id
                merge(pattern, other)
        finally:
            stop.set()
    assert sum(FailurePattern.objects.values_list("occurrences", flat=True)) == sum(recorded) + 4
    assert totals(full)[0] == len(recorded) + 1
    assert differences() == []
