"""rebuild_metrics recounts the verdict and the reopening of each record, before the rollups that count them."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as site

from analytics.tests.rebuilding import rebuild_metrics
from analytics.tests.recording import differences
from attempts.models import ActionAttempt
from resolutions.models import ResolutionAttempt
from resolutions.tests.recorded import attempt, record, resolution
from resolutions.verdicts.documents import VerdictDocument
from resolutions.verdicts.giving import give_verdict

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def hour(number: float) -> str:
    return (NOON + timedelta(hours=number)).isoformat()


@pytest.fixture(autouse=True)
def _recorded() -> None:
    attempts = [attempt(status="success", started_at=hour(number)) for number in range(3)]
    sessions = [
        resolution(status="resolved", started_at=hour(number), completed_at=hour(number + 0.5)) for number in (0, 4, 90)
    ]
    record(attempts, sessions)
    for number, said in enumerate(("worked", "no_effect")):
        document = VerdictDocument(verdict=said, given_at=NOON)  # type: ignore[arg-type]
        subject_id = uuid.UUID(attempts[number]["attempt_id"])
        give_verdict(subject="attempt", record_id=subject_id, document=document, given_by="ada", now=NOON)
    document = VerdictDocument(verdict="made_worse", given_at=NOON + timedelta(hours=9))
    session_id = uuid.UUID(sessions[1]["resolution_id"])
    give_verdict(subject="resolution", record_id=session_id, document=document, given_by="ada", now=NOON)


def columns() -> list[tuple[object, ...]]:
    return [
        *ActionAttempt.objects.order_by("pk").values_list("pk", "verdict", "verdict_at"),
        *ResolutionAttempt.objects.order_by("pk").values_list(
            "pk", "verdict", "verdict_at", "reopened_by", "reopened_at"
        ),
    ]


def test_what_is_right_is_exact() -> None:
    assert rebuild_metrics("--check")[0] == 0


def test_damage_is_told_by_the_check_and_repaired_with_the_rollups() -> None:
    right = columns()
    assert len([row for row in right if row[1] is not None]) == 3
    ActionAttempt.objects.filter(verdict="worked").update(verdict="made_worse")
    ActionAttempt.objects.filter(verdict="no_effect").update(verdict=None, verdict_at=None)
    ActionAttempt.objects.filter(started_at=NOON + timedelta(hours=2)).update(verdict="worked", verdict_at=NOON)
    ResolutionAttempt.objects.filter(reopened_by__isnull=False).update(reopened_by=None, reopened_at=None)
    ResolutionAttempt.objects.filter(started_at=NOON + timedelta(hours=90)).update(
        reopened_by=uuid.uuid4(), reopened_at=NOON
    )
    damaged = columns()
    status, printed = rebuild_metrics("--check")
    assert status == 1
    assert len([line for line in printed.splitlines() if ", right " in line]) == 5
    assert "stored nothing, right no_effect of 2026-03-01T12:00:00Z" in printed
    assert columns() == damaged
    assert rebuild_metrics()[0] == 0
    assert columns() == right
    assert differences() == []
    assert rebuild_metrics("--check")[0] == 0


def test_columns_and_rollups_that_are_wrong_alike_are_repaired_alike() -> None:
    """As when the setting was changed, or in a database from before there were reopenings."""
    right = columns()
    ResolutionAttempt.objects.update(reopened_by=None, reopened_at=None)
    ActionAttempt.objects.update(verdict=None, verdict_at=None)
    command_of_rollups_alone()
    assert rebuild_metrics("--check")[0] == 1
    assert rebuild_metrics()[0] == 0
    assert columns() == right
    assert rebuild_metrics("--check")[0] == 0


def command_of_rollups_alone() -> None:
    from analytics.rebuild import recount

    for _ in recount(repair=True):
        pass


def test_another_span_for_reopenings_is_applied_to_what_is_on_record(settings: pytest.FixtureRequest) -> None:
    assert ResolutionAttempt.objects.filter(reopened_by__isnull=False).count() == 1
    settings.REOPEN_WITHIN = timedelta(hours=100)  # type: ignore[attr-defined]
    assert timedelta(hours=100) == site.REOPEN_WITHIN
    assert rebuild_metrics()[0] == 0
    assert ResolutionAttempt.objects.filter(reopened_by__isnull=False).count() == 2
    assert rebuild_metrics("--check")[0] == 0


def test_only_what_began_in_the_span_is_looked_at() -> None:
    ActionAttempt.objects.update(verdict="made_worse", verdict_at=NOON)
    rebuild_metrics("--from", hour(1), "--to", hour(2))
    assert [row[1] for row in sorted(columns()[:3], key=str)].count("made_worse") == 2
