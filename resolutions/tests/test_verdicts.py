"""Giving verdicts: which one counts, what follows from it, and that what was claimed stays."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.errors import ApiError
from access.keys import Key, create_key, revoke_key
from analytics.models import ResolutionMetric
from analytics.tests.recording import differences
from attempts.models import ActionAttempt
from resolutions.feed.details import feed_attempts
from resolutions.models import FeedEntry, ResolutionAttempt, Verdict
from resolutions.tests.recorded import attempt, record, resolution
from resolutions.verdicts.details import Subject
from resolutions.verdicts.documents import VerdictDocument
from resolutions.verdicts.giving import Given, give_verdict

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def recorded(**facts: Any) -> uuid.UUID:
    told = attempt(**{"status": "success", "started_at": NOW.isoformat()} | facts)
    record([told])
    return uuid.UUID(told["attempt_id"])


def give(
    record_id: uuid.UUID, verdict: Any = "worked", subject: Subject = "attempt", key: Key | None = None, **facts: Any
) -> Given:
    document = VerdictDocument(verdict=verdict, **facts)
    given_by = "ada" if key is None else key.name
    return give_verdict(subject=subject, record_id=record_id, document=document, given_by=given_by, now=NOW, key=key)


def columns(attempt_id: uuid.UUID) -> tuple[Any, ...]:
    return ActionAttempt.objects.values_list("status", "verdict", "verdict_at").get(pk=attempt_id)


def counts() -> dict[str, int]:
    names = ("success", "resolved", "worked", "no_effect", "made_worse", "reopened")
    totals = dict.fromkeys(names, 0)
    for row in ResolutionMetric.objects.filter(subject__in=["attempt", "resolution"]).values(*names):
        for name, count in row.items():
            totals[name] += count
    return {name: count for name, count in totals.items() if count}


def test_a_verdict_stands_beside_what_was_claimed_and_figures_and_feed_follow() -> None:
    attempt_id = recorded()
    given = give(attempt_id, "no_effect", note="still slow")
    assert columns(attempt_id) == ("success", "no_effect", NOW)
    assert counts() == {"success": 1, "no_effect": 1}
    assert differences() == []
    assert FeedEntry.objects.get(revision=given.cursor).attempt_ids == [attempt_id]
    assert feed_attempts([attempt_id])[attempt_id].verdict == "no_effect"
    verdict = Verdict.objects.get()
    assert (verdict.source, verdict.given_by, verdict.given_at, verdict.note) == ("human", "ada", NOW, "still slow")
    assert given.verdict.verdict_id == verdict.pk


def test_the_latest_counts_whenever_it_arrives_and_unknown_takes_the_knowledge_away() -> None:
    attempt_id = recorded()
    give(attempt_id, "no_effect", given_at=NOW - timedelta(hours=1))
    give(attempt_id, "made_worse", given_at=NOW - timedelta(hours=2))
    assert columns(attempt_id)[1] == "no_effect"
    give(attempt_id, "worked")
    assert counts() == {"success": 1, "worked": 1}
    give(attempt_id, "unknown", given_at=NOW + timedelta(seconds=1))
    assert columns(attempt_id)[1:] == ("unknown", NOW + timedelta(seconds=1))
    assert counts() == {"success": 1}
    assert Verdict.objects.count() == 4
    assert differences() == []


def test_of_two_at_one_moment_the_larger_id_counts_in_either_order() -> None:
    for order in ([1, 2], [2, 1]):
        attempt_id = recorded()
        for number in order:
            said = "worked" if number == 2 else "no_effect"
            give(attempt_id, said, verdict_id=uuid.UUID(int=number), given_at=NOW)
        assert columns(attempt_id)[1] == "worked"
        Verdict.objects.all().delete()


def test_sent_again_it_changes_nothing_and_says_so() -> None:
    attempt_id, verdict_id = recorded(), uuid.uuid4()
    first = give(attempt_id, "worked", verdict_id=verdict_id, note="n")
    again = give_verdict(
        subject="attempt",
        record_id=attempt_id,
        document=VerdictDocument(verdict="worked", verdict_id=verdict_id, note="n"),
        given_by="ada",
        now=NOW + timedelta(hours=1),
    )
    assert (again.outcome, again.verdict, again.cursor) == ("unchanged", first.verdict, first.cursor)
    assert Verdict.objects.count() == 1


@pytest.mark.parametrize(
    "other", [{"verdict": "no_effect"}, {"note": "m"}, {"source": "alert"}, {"given_at": NOW - timedelta(1)}]
)
def test_another_content_under_a_known_id_is_a_conflict(other: dict[str, Any]) -> None:
    attempt_id, verdict_id = recorded(), uuid.uuid4()
    told: dict[str, Any] = {"verdict": "worked", "verdict_id": verdict_id, "note": "n", "given_at": NOW}
    give(attempt_id, **told)
    with pytest.raises(ApiError) as refused:
        give(attempt_id, **{**told, **other})
    assert (refused.value.status, refused.value.field) == (409, next(iter(other)))
    assert columns(attempt_id)[1] == "worked"


def test_an_id_that_is_known_of_another_record_is_a_conflict() -> None:
    verdict_id = uuid.uuid4()
    give(recorded(), verdict_id=verdict_id)
    with pytest.raises(ApiError) as refused:
        give(recorded(), verdict_id=verdict_id)
    assert (refused.value.status, refused.value.field) == (409, "verdict_id")


def test_later_documents_of_the_engine_leave_the_verdict_and_the_engine_cannot_tell_one() -> None:
    told = attempt(status="in_progress")
    record([told])
    attempt_id = uuid.UUID(told["attempt_id"])
    give(attempt_id, "no_effect")
    record([{**told, "status": "success", "verdict": "worked"}])
    assert columns(attempt_id)[:2] == ("success", "no_effect")
    assert ActionAttempt.objects.get().extra == {"verdict": "worked"}


def test_a_verdict_after_a_reopening_outweighs_it_and_one_before_does_not() -> None:
    first = resolution(status="resolved", started_at="2026-03-01T08:00:00Z", completed_at="2026-03-01T09:00:00Z")
    second = resolution(started_at="2026-03-01T10:00:00Z")
    record([], [first, second])
    resolution_id = uuid.UUID(first["resolution_id"])
    assert counts() == {"resolved": 1, "reopened": 1}
    give(resolution_id, "worked", "resolution", given_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    assert counts() == {"resolved": 1, "reopened": 1}
    give(resolution_id, "worked", "resolution")
    assert counts() == {"resolved": 1, "worked": 1}
    assert ResolutionAttempt.objects.get(pk=resolution_id).reopened_by == uuid.UUID(second["resolution_id"])
    assert differences() == []


def key(**facts: Any) -> Key:
    stored, _ = create_key(**{"name": "checker", "scopes": ["ingest"], **facts})
    return Key(stored.pk, stored.name, frozenset(stored.scopes), stored.engine)


def test_a_key_gives_verdicts_of_checks_and_alerts_and_never_of_humans() -> None:
    attempt_id = recorded()
    assert give(attempt_id, key=key()).verdict.source == "check"
    assert give(attempt_id, key=key(), source="alert").verdict.given_by == "checker"
    with pytest.raises(ApiError) as refused:
        give(attempt_id, key=key(), source="human")
    assert (refused.value.status, refused.value.field) == (403, "source")


def test_a_key_bound_to_an_engine_judges_only_its_records() -> None:
    bound = key(engine="alpha")
    give(recorded(engine="alpha"), key=bound)
    for stranger in (recorded(engine="beta"), recorded()):
        with pytest.raises(ApiError) as refused:
            give(stranger, key=bound)
        assert refused.value.status == 403
    assert Verdict.objects.count() == 1


def test_a_key_that_was_revoked_meanwhile_gives_none() -> None:
    stored, _ = create_key(name="short-lived", scopes=["ingest"])
    revoke_key(key=stored)
    with pytest.raises(ApiError) as refused:
        give(recorded(), key=Key(stored.pk, stored.name, frozenset(["ingest"]), None))
    assert refused.value.status == 401
    assert not Verdict.objects.exists()


@pytest.mark.parametrize("subject", ["attempt", "resolution"])
def test_nothing_can_be_said_of_what_is_not_known(subject: Subject) -> None:
    with pytest.raises(ApiError) as refused:
        give(uuid.uuid4(), subject=subject)
    assert refused.value.status == 404


verdicts = st.lists(
    st.tuples(
        st.integers(1, 10**6), st.sampled_from(["worked", "no_effect", "made_worse", "unknown"]), st.integers(0, 4)
    ),
    unique_by=lambda told: told[0],
    min_size=1,
    max_size=8,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verdicts, st.randoms(use_true_random=False))
def test_any_order_of_verdicts_ends_in_the_same_record(told: list[tuple[int, str, int]], chance: Any) -> None:
    Verdict.objects.all().delete()
    attempt_id = recorded()
    _, said, when = max(told, key=lambda each: (each[2], each[0]))
    chance.shuffle(told)
    for each in told:
        give(attempt_id, each[1], verdict_id=uuid.UUID(int=each[0]), given_at=NOW + timedelta(minutes=each[2]))
    assert columns(attempt_id)[1:] == (said, NOW + timedelta(minutes=when))
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_verdicts_of_many_at_once_while_the_engine_goes_on_recording() -> None:
    told = attempt(status="in_progress", started_at=NOW.isoformat())
    record([told])
    attempt_id, shared = uuid.UUID(told["attempt_id"]), uuid.uuid4()
    faults: list[BaseException] = []

    def judge(minutes: range) -> None:
        try:
            give(attempt_id, "worked", verdict_id=shared, given_at=NOW)
            for minute in minutes:
                give(attempt_id, "no_effect", given_at=NOW - timedelta(minutes=minute))
        except BaseException as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    def engine() -> None:
        try:
            for number in range(20):
                record([{**told, "logs": [{"sequence": number, "step": "s"}]}])
        except BaseException as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    works = [threading.Thread(target=judge, args=(range(1 + part, 20, 3),)) for part in range(3)]
    works.append(threading.Thread(target=engine))
    for work in works:
        work.start()
    for work in works:
        work.join()
    assert faults == []
    assert Verdict.objects.count() == 20
    assert columns(attempt_id) == ("in_progress", "worked", NOW)
    assert ActionAttempt.objects.get().logs.count() == 20
    assert differences() == []
