"""manage.py regroup_failures: history under changed masking rules, interrupted or not, beside recorders."""

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction

from analytics.models import (
    FailureFingerprint,
    FailurePattern,
    FailurePatternKey,
    MetricRecount,
    PatternChange,
    Regrouping,
)
from analytics.patterns import deciding, merging, regrouping
from analytics.tests.other_rules import MODULES, NEXT_VERSION, other_mask
from analytics.tests.recording import START, an_id, differences, failed, record_rows
from analytics.tests.test_rebuild_beside_recorders import beside
from attempts.models import ActionAttempt
from attempts.rows import AttemptRow
from resolutions.feed.tests.recording import conninfo

pytestmark = pytest.mark.django_db

PATIENCE_SECONDS = 60


def use_other_rules(patched: pytest.MonkeyPatch) -> None:
    for name in (*MODULES, "analytics.tests.recording"):
        patched.setattr(importlib.import_module(name), "VERSION", NEXT_VERSION)
    patched.setattr("attempts.fingerprint.mask", other_mask)


@pytest.fixture
def other_rules() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patched:
        yield patched


def rows_of(*messages: str, first_id: int = 1) -> list[AttemptRow]:
    return [
        failed(message, attempt_id=an_id(first_id + place), incident_id=f"INC-{place % 5}")
        for place, message in enumerate(messages)
    ]


# Under the rules of today three patterns: each role is a word, the exit code is not.
ROLES = ["no answer from the primary"] * 5 + ["no answer from the replica"] * 3
CODES = ["stopped with code 3 at once"] * 4 + ["stopped with code 7 at once"] * 2
OTHERS = [f"disk full on /data/{number}" for number in range(4)]


def pattern_of(template: str) -> FailurePattern:
    return FailurePattern.objects.get(merged_into=None, template__startswith=template)


def command(*arguments: str) -> str:
    printed = StringIO()
    call_command("regroup_failures", *arguments, stdout=printed, stderr=StringIO())
    return printed.getvalue()


def contents(known: set[UUID]) -> list[Any]:
    """All that is kept of patterns; those that were there before by id, the others by template."""

    def name(pattern: FailurePattern | None) -> Any:
        return None if pattern is None else pattern.pattern_id if pattern.pattern_id in known else pattern.template

    patterns = FailurePattern.objects.select_related("merged_into")
    told = [
        (
            str(name(each)),
            each.template,
            each.state,
            each.occurrences,
            each.incidents,
            str(name(each.merged_into)),
            sorted(each.fingerprints.values_list("fingerprint", "version", "occurrences", "key_id")),
            sorted(each.keys.values_list("pattern_key", "version")),
            sorted(each.changes.values_list("change", "from_state", "to_state", "changed_by", "fingerprints")),
        )
        for each in patterns
    ]
    carried = ActionAttempt.objects.order_by("pk").values_list("pk", "fingerprint", "fingerprint_version")
    return [sorted(told), list(carried)]


def test_patterns_that_become_alike_become_the_larger_one_which_keeps_its_state_and_history(
    other_rules: pytest.MonkeyPatch,
) -> None:
    record_rows(rows_of(*ROLES, *OTHERS))
    primary, replica, disk = pattern_of("no answer from the p"), pattern_of("no answer from the r"), pattern_of("disk")
    deciding.acknowledge(pattern_id=primary.pk, actor="olga")
    deciding.ignore(pattern_id=replica.pk, actor="ines")
    deciding.ignore(pattern_id=disk.pk, actor="ines")
    use_other_rules(other_rules)
    command()
    assert differences() == []
    one = pattern_of("no answer")
    assert (one.pk, one.state, one.occurrences, one.incidents) == (primary.pk, "acknowledged", 8, 5)
    assert one.template == "no answer from the <value>"
    replica.refresh_from_db()
    assert (replica.merged_into_id, replica.occurrences) == (primary.pk, 0)
    disk.refresh_from_db()
    assert (disk.state, disk.occurrences, disk.merged_into_id) == ("ignored", 4, None)
    merged = PatternChange.objects.get(pattern=replica, change="merged_into")
    assert (merged.changed_by, merged.note) == ("actionlog", f"regrouped by masking rules {NEXT_VERSION}")


def test_what_the_new_rules_tell_apart_becomes_two_and_the_larger_part_keeps_the_id(
    other_rules: pytest.MonkeyPatch,
) -> None:
    record_rows(rows_of(*CODES))
    stopped = pattern_of("stopped")
    deciding.acknowledge(pattern_id=stopped.pk, actor="olga")
    use_other_rules(other_rules)
    command()
    assert differences() == []
    stopped.refresh_from_db()
    assert (stopped.template, stopped.occurrences) == ("stopped with code dd at once", 4)
    new = pattern_of("stopped with code hh")
    assert (new.occurrences, new.state, new.state_changed_by) == (2, "acknowledged", "olga")
    assert PatternChange.objects.filter(pattern=new, change="regrouped", other_pattern=stopped).exists()
    # What fails from now on finds them.
    record_rows(rows_of("stopped with code 7 at once", "stopped with code 3 at once", first_id=900))
    assert sorted(FailurePattern.objects.values_list("occurrences", flat=True)) == [3, 5]


def test_what_operators_merged_and_parted_stays_so(other_rules: pytest.MonkeyPatch) -> None:
    record_rows(rows_of(*OTHERS, "disk lost", "lease held by 10.0.0.1 still", "lease held by /run/x still"))
    disk, lost, lease = pattern_of("disk full"), pattern_of("disk lost"), pattern_of("lease")
    merging.merge(target_id=disk.pk, others=[lost.pk], actor="olga")
    path = FailureFingerprint.objects.get(masked__startswith="lease held by <path>").fingerprint
    parted = merging.split(pattern_id=lease.pk, fingerprints=[path], actor="olga").pattern_id
    before = {(row.pk, row.occurrences) for row in FailurePattern.objects.all()}
    use_other_rules(other_rules)
    command()
    assert {(row.pk, row.occurrences) for row in FailurePattern.objects.all()} == before
    assert FailureFingerprint.objects.get(fingerprint=path).pattern_id == parted
    assert differences() == []
    record_rows(rows_of("lease held by 77 still", "lease held by /run/y still", first_id=900))
    owners = {row.pk: row.occurrences for row in FailurePattern.objects.all()}
    assert (owners[lease.pk], owners[parted]) == (2, 2)


def test_what_nothing_carries_any_more_is_forgotten(other_rules: pytest.MonkeyPatch) -> None:
    record_rows(rows_of(*ROLES, *CODES, *OTHERS))
    use_other_rules(other_rules)
    command()
    assert set(FailureFingerprint.objects.values_list("version", flat=True)) == {NEXT_VERSION}
    assert set(FailurePatternKey.objects.values_list("version", flat=True)) == {NEXT_VERSION}
    assert set(ActionAttempt.objects.values_list("fingerprint_version", flat=True)) == {NEXT_VERSION}
    regrouped = Regrouping.objects.get()
    assert regrouped.finished_at is not None


def test_a_dry_run_shows_what_would_change_and_changes_nothing(other_rules: pytest.MonkeyPatch) -> None:
    record_rows(rows_of(*ROLES, *CODES, *OTHERS))
    known = set(FailurePattern.objects.values_list("pk", flat=True))
    before = contents(known)
    primary, replica = pattern_of("no answer from the p"), pattern_of("no answer from the r")
    use_other_rules(other_rules)
    shown = command("--dry-run")
    assert "18 failures get 4 fingerprints; 3 patterns stay, 1 become part of another, 1 are new" in shown
    assert f"{replica.pk} becomes part of {primary.pk}: 'no answer from the replica'" in shown
    assert f"a new pattern takes 2 failures, most of them from {pattern_of('stopped').pk}" in shown
    assert "nothing was changed" in shown
    assert contents(known) == before
    assert not Regrouping.objects.exists()


def test_nothing_old_is_nothing_to_do() -> None:
    record_rows(rows_of(*OTHERS))
    assert "nothing to regroup" in command()
    assert not Regrouping.objects.exists()


def test_without_one_that_was_begun_nothing_is_resumed(other_rules: pytest.MonkeyPatch) -> None:
    record_rows(rows_of(*OTHERS))
    use_other_rules(other_rules)
    with pytest.raises(CommandError, match="no regrouping to resume"):
        command("--resume")


def test_what_is_not_exact_is_to_be_repaired_first(other_rules: pytest.MonkeyPatch) -> None:
    record_rows(rows_of(*OTHERS))
    MetricRecount.objects.create(bucket_start=START, reason="x", noted_at=START)
    use_other_rules(other_rules)
    with pytest.raises(CommandError, match="Run rebuild_metrics first"):
        command()
    assert "4 failures get" in command("--dry-run")


def test_patterns_founded_by_the_new_rules_before_the_regrouping_become_part_of_the_old(
    other_rules: pytest.MonkeyPatch,
) -> None:
    record_rows(rows_of(*ROLES))
    primary = pattern_of("no answer from the p")
    deciding.fix(pattern_id=primary.pk, actor="olga")
    use_other_rules(other_rules)
    later = datetime.now(UTC) + timedelta(minutes=1)
    record_rows([failed("no answer from the standby", started_at=later) for _ in range(20)])
    assert FailurePattern.objects.count() == 3
    command()
    (one,) = FailurePattern.objects.filter(merged_into=None)
    # It was fixed, and was seen again since.
    assert (one.pk, one.state, one.occurrences) == (primary.pk, "regressed", 28)
    assert differences() == []


def test_run_again_it_takes_what_a_recorder_with_the_old_rules_wrote_meanwhile(
    other_rules: pytest.MonkeyPatch,
) -> None:
    late = rows_of("no answer from the primary", first_id=500)
    record_rows(rows_of(*ROLES))
    use_other_rules(other_rules)
    command()
    with pytest.MonkeyPatch.context() as old:
        for name in (*MODULES, "analytics.tests.recording"):
            old.setattr(importlib.import_module(name), "VERSION", late[0].fingerprint_version)
        old.setattr("attempts.fingerprint.mask", importlib.import_module("attempts.masking").mask)
        record_rows(late)
    assert FailurePattern.objects.filter(merged_into=None).count() == 2
    assert "1 failures moved" in command()
    assert pattern_of("no answer from the <value>").occurrences == 9
    assert differences() == []


def program(*arguments: str) -> "subprocess.Popen[str]":
    """manage.py regroup_failures on the test database, under the other rules."""
    return subprocess.Popen(  # noqa: S603  # all of it is written here
        [sys.executable, "-m", "analytics.tests.other_rules", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {
            "DATABASE_URL": conninfo(),
            "SECRET_KEY": settings.SECRET_KEY,
            "DJANGO_SETTINGS_MODULE": "actionlog_site.settings",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def moved() -> int:
    return ActionAttempt.objects.filter(fingerprint_version=NEXT_VERSION).count()


def kill_once_moved(at_least: int) -> None:
    process = program("--batch", "2")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while moved() < at_least and process.poll() is None:
        assert time.monotonic() < deadline, "it moves nothing"
        time.sleep(0.003)
    process.kill()
    process.communicate()


@pytest.mark.django_db(transaction=True)
def test_killed_amid_it_ends_as_one_that_was_never_interrupted(other_rules: pytest.MonkeyPatch) -> None:
    messages = [*ROLES, *CODES, *OTHERS] * 16

    def history() -> set[UUID]:
        deciding.acknowledge(pattern_id=pattern_of("no answer from the r").pk, actor="olga")
        deciding.ignore(pattern_id=pattern_of("stopped").pk, actor="ines")
        return set(FailurePattern.objects.values_list("pk", flat=True))

    record_rows(rows_of(*messages))
    known = history()
    with transaction.atomic(), pytest.MonkeyPatch.context() as patched:
        use_other_rules(patched)
        command()
        expected = contents(known)
        transaction.set_rollback(True)
    kill_once_moved(40)
    first = moved()
    assert 40 <= first < len(messages)
    kill_once_moved(first + 40)
    second = moved()
    assert first < second < len(messages)
    use_other_rules(other_rules)
    assert differences() == []
    last = program("--resume")
    told, _ = last.communicate(timeout=PATIENCE_SECONDS)
    assert last.returncode == 0
    assert f"{len(messages) - second} failures moved" in told
    assert contents(known) == expected
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_recorders_and_operators_go_on_meanwhile(other_rules: pytest.MonkeyPatch) -> None:
    messages = [*ROLES, *CODES, *OTHERS] * 8
    record_rows(rows_of(*messages))
    use_other_rules(other_rules)
    stop = Event()
    recorded: list[int] = []

    def recorder(name: str) -> None:
        while not stop.is_set():
            record_rows([failed(message, incident_id=name) for message in (*ROLES[4:6], *CODES[3:5], OTHERS[0])])
            recorded.append(5)

    def operator() -> None:
        while not stop.is_set():
            pattern = pattern_of("disk full")
            deciding.acknowledge(pattern_id=pattern.pk, actor="olga")
            deciding.reopen(pattern_id=pattern.pk, actor="olga")

    with beside(lambda: recorder("a"), lambda: recorder("b"), operator):
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while len(recorded) < 5:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert regrouping.regroup(batch=10) == len(messages)
        finally:
            stop.set()
    living = FailurePattern.objects.filter(merged_into=None)
    assert sum(living.values_list("occurrences", flat=True)) == len(messages) + sum(recorded)
    assert sorted(living.values_list("template", flat=True)) == [
        "disk full on <path>",
        "no answer from the <value>",
        "stopped with code dd at once",
        "stopped with code hh at once",
    ]
    assert differences() == []
