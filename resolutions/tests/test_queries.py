"""Sessions: every attempt is in exactly one, whether its resolution attempt was told or not."""

import random
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection

from attempts.keyset import Position
from attempts.models import ActionAttempt
from attempts.tests.stored import NOON, store_attempt, store_attempts, store_steps
from resolutions.models import ResolutionAttempt
from resolutions.queries import (
    STATUS_CONDITIONS,
    incident_detail,
    read_resolutions,
    recent_sessions,
    resolution_detail,
    resolution_details,
)
from resolutions.tests.stored import store_resolution

pytestmark = pytest.mark.django_db

Asserts = Callable[[int], Any]
HOUR = timedelta(hours=1)


def recent(**options: Any) -> list[Any]:
    arguments = {
        "resolutions": ResolutionAttempt.objects.all(),
        "attempts": ActionAttempt.objects.all(),
        "limit": 100,
        **options,
    }
    return [session for _, session in recent_sessions(**arguments)]


def test_what_was_not_told_has_the_defaults_of_reading() -> None:
    resolution_id = store_resolution(started_at=None).pk
    answer = msgspec.json.decode(msgspec.json.encode(resolution_detail(resolution_id)))
    assert answer["resolution_id"] == str(resolution_id)
    assert answer["status"] == "in_progress"
    assert answer["recommended_actions"] == []
    assert answer["summary"] == {}
    assert answer["extra"] is None
    assert answer["implicit"] is False
    assert answer["effective_started_at"] == "2026-03-01T12:00:01Z"
    assert answer["action_attempts"] == []
    assert "versions" not in answer


def test_a_resolution_comes_with_its_attempts_and_their_steps_in_time_order() -> None:
    resolution_id = store_resolution().pk
    late, early, _ = store_attempts(
        {"resolution_id": resolution_id, "started_at": NOON + HOUR},
        {"resolution_id": resolution_id, "started_at": NOON},
        {"resolution_id": uuid.uuid4()},
    )
    store_steps(early.pk, "a", "b")
    detail = resolution_detail(resolution_id)
    assert detail is not None
    assert isinstance(detail.action_attempts, list)
    assert [attempt.attempt_id for attempt in detail.action_attempts] == [early.pk, late.pk]
    assert [len(attempt.logs or []) for attempt in detail.action_attempts] == [2, 0]


def test_unknown_ids_are_none_or_left_out() -> None:
    assert resolution_detail(uuid.uuid4()) is None
    assert resolution_details([uuid.uuid4()]) == []
    assert incident_detail("unheard of") is None


def test_an_incident_is_its_sessions_in_time_order_with_every_attempt_once() -> None:
    second = store_resolution(started_at=NOON + 2 * HOUR).pk
    first = store_resolution(started_at=NOON + HOUR).pk
    elsewhere = store_resolution(incident_id="INC-2", started_at=NOON + 3 * HOUR).pk
    attempts = store_attempts(
        {"action_type": "loose", "started_at": NOON + 4 * HOUR},
        {"action_type": "first", "resolution_id": first},
        {"action_type": "second", "resolution_id": second},
        {"action_type": "parent not told", "resolution_id": uuid.uuid4(), "started_at": NOON + 5 * HOUR},
        {"action_type": "of a session on another incident", "resolution_id": elsewhere},
        {"action_type": "of another incident in our session", "resolution_id": first, "incident_id": "INC-3"},
        {"action_type": "not ours", "incident_id": "INC-2"},
    )
    for attempt in attempts:
        store_steps(attempt.pk, attempt.action_type)
    incident = incident_detail("INC-1")
    assert incident is not None
    told = [
        (session.resolution_id, sorted(attempt.action_type for attempt in session.action_attempts or []))
        for session in incident.resolution_attempts
    ]
    assert told == [
        (first, ["first", "of another incident in our session"]),
        (second, ["second"]),
        (elsewhere, ["of a session on another incident"]),
        (None, ["loose", "parent not told"]),
    ]
    steps = [
        (attempt.action_type, [bytes(step.details) for step in attempt.logs or []])
        for session in incident.resolution_attempts
        for attempt in session.action_attempts or []
    ]
    assert all(details == [f'"{action_type}"'.encode()] for action_type, details in steps)


def test_an_implicit_session_tells_what_its_attempts_have_in_common() -> None:
    store_attempts(
        {"engine": "e1", "environment": "prod", "started_at": NOON + HOUR},
        {"engine": "e1", "environment": "staging", "started_at": NOON},
        {"incident_type": "db", "started_at": NOON + 2 * HOUR},
    )
    (session,) = recent()
    assert session.implicit is True
    assert session.resolution_id is None
    assert session.status is None
    assert (session.engine, session.environment, session.incident_type) == ("e1", None, "db")
    assert session.effective_started_at == NOON


def test_recent_has_both_kinds_of_sessions_newest_first() -> None:
    told = store_resolution(started_at=NOON + HOUR).pk
    store_attempts(
        {"resolution_id": told, "started_at": NOON + 9 * HOUR},
        {"incident_id": "loose", "started_at": NOON + 2 * HOUR},
        {"incident_id": "loose", "started_at": NOON + 7 * HOUR},
        {"incident_id": "older", "started_at": NOON},
    )
    assert [session.incident_id for session in recent()] == ["loose", "INC-1", "older"]
    counts = [len(session.action_attempts) for session in recent(with_attempts=True)]
    assert counts == [2, 1, 1]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_recent_are_the_whole_list_also_with_ties(limit: int) -> None:
    chosen = random.Random(limit)
    told = [store_resolution(incident_id=f"R{n}", started_at=NOON + HOUR * chosen.randrange(5)).pk for n in range(12)]
    store_attempts(
        *[
            {
                "incident_id": f"A{chosen.randrange(8)}",
                "started_at": NOON + HOUR * chosen.randrange(5),
                "resolution_id": chosen.choice([None, None, chosen.choice(told), uuid.uuid4()]),
            }
            for _ in range(40)
        ]
    )
    expected = [(s.resolution_id, s.incident_id) for s in recent(limit=1000)]
    found: list[Any] = []
    before: Position | None = None
    while page := recent_sessions(
        resolutions=ResolutionAttempt.objects.all(), attempts=ActionAttempt.objects.all(), before=before, limit=limit
    ):
        found += [(session.resolution_id, session.incident_id) for _, session in page]
        before = page[-1][0]
    assert found == expected
    assert len(set(expected)) == len(expected)


def test_every_attempt_is_in_exactly_one_recent_session() -> None:
    told = [store_resolution(incident_id=f"I{n}").pk for n in range(3)]
    chosen = random.Random(7)
    stored = store_attempts(
        *[
            {"incident_id": f"I{chosen.randrange(5)}", "resolution_id": chosen.choice([None, uuid.uuid4(), *told])}
            for _ in range(50)
        ]
    )
    shown = [attempt.attempt_id for session in recent(with_attempts=True) for attempt in session.action_attempts]
    assert sorted(shown) == sorted(attempt.pk for attempt in stored)


@pytest.mark.parametrize("size", [1, 20])
def test_the_number_of_queries_does_not_grow_with_the_rows(size: int, django_assert_max_num_queries: Asserts) -> None:
    for n in range(size):
        resolution_id = store_resolution(incident_id="INC-1").pk
        for attempt in store_attempts({"resolution_id": resolution_id}, {}, {"incident_id": f"loose {n}"}):
            store_steps(attempt.pk, 1)
    with django_assert_max_num_queries(6):
        assert len(recent(with_attempts=True)) == 2 * size + 1
    with django_assert_max_num_queries(4):
        recent()
    with django_assert_max_num_queries(7):
        assert incident_detail("INC-1") is not None
    ids = list(ResolutionAttempt.objects.values_list("pk", flat=True))
    with django_assert_max_num_queries(3):
        assert len(resolution_details(ids, with_attempts=True, with_steps=True)) == size
    with django_assert_max_num_queries(1):
        resolution_details(ids)


def test_every_resolution_has_exactly_one_of_the_statuses_asked_for() -> None:
    for status in (None, "in_progress", "resolved", "failed", "escalated"):
        for abandoned_at in (None, NOON):
            store_resolution(status=status, abandoned_at=abandoned_at)
    found = {
        name: [
            (detail.status, detail.is_abandoned)
            for detail in read_resolutions(ResolutionAttempt.objects.filter(condition))
        ]
        for name, condition in STATUS_CONDITIONS.items()
    }
    assert sum(len(rows) for rows in found.values()) == 10
    assert found["abandoned"] == [("in_progress", True)] * 2
    assert found["in_progress"] == [("in_progress", False)] * 2


def test_a_page_of_recent_does_not_read_the_attempts_older_than_it() -> None:
    """Where engines open resolution attempts, looking for attempts without one must not go through all of history."""
    for n in range(60):
        resolution_id = store_resolution(incident_id=f"I{n}", started_at=NOON + n * HOUR).pk
        store_attempts(*[{"resolution_id": resolution_id, "started_at": NOON + n * HOUR} for _ in range(200)])
    store_attempt(incident_id="ancient", started_at=NOON - 1000 * HOUR)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE action_attempts, resolution_attempts")
        before = rows_read(cursor)
        assert len(recent(limit=5)) == 5
        # 1,000 of the 12,000 belong to the sessions on the page.
        assert rows_read(cursor) - before < 2000


def rows_read(cursor: Any) -> int:
    """Rows of attempts that this transaction's queries fetched so far, by sequential and index scans."""
    cursor.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'action_attempts'"
    )
    return int(cursor.fetchone()[0])
