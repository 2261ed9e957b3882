"""Which resolution attempts were reopened, and by what: as a rule, and as it is kept on record."""

import random
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolutions.abandonment import mark_abandoned
from resolutions.decoding import decode_completion
from resolutions.ingest import ingest, ingest_json
from resolutions.models import FeedEntry, ResolutionAttempt
from resolutions.reopening import Reopening, reopenings
from resolutions.rows import ResolutionRow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def row(number: int, start: float, end: float | None = None, status: str | None = "resolved") -> ResolutionRow:
    return ResolutionRow(
        resolution_id=uuid.UUID(int=number),
        incident_id="INC-1",
        started_at=at(start),
        completed_at=None if end is None else at(end),
        status=status,  # type: ignore[arg-type]
        received_at=NOON,
    )


def reopened(*rows: ResolutionRow, within: timedelta = DAY) -> dict[int, int]:
    """{number: number of what reopened it}"""
    return {id.int: found.by.int for id, found in reopenings(rows, within=within).items()}


def test_what_begins_within_a_day_after_the_end_reopens_it() -> None:
    assert reopened(row(1, 0, 1), row(2, 4)) == {1: 2}
    assert reopenings([row(1, 0, 1), row(2, 4)], within=DAY) == {uuid.UUID(int=1): Reopening(uuid.UUID(int=2), at(4))}
    assert reopened(row(1, 0, 1), row(2, 25)) == {1: 2}
    assert reopened(row(1, 0, 1), row(2, 25.001)) == {}
    assert reopened(row(1, 0, 1), row(2, 4), within=timedelta(hours=2)) == {}


@pytest.mark.parametrize("status", ["failed", "escalated", "in_progress", None])
def test_only_what_had_resolved_it_is_reopened(status: str | None) -> None:
    assert reopened(row(1, 0, 1, status), row(2, 4)) == {}


@pytest.mark.parametrize("status", ["failed", "escalated", "in_progress", None, "resolved"])
def test_whatever_becomes_of_it_a_new_attempt_reopens(status: str | None) -> None:
    assert reopened(row(1, 0, 1), row(2, 4, 5, status)) == {1: 2}


def test_what_began_before_the_end_does_not_reopen() -> None:
    assert reopened(row(1, 0, 3), row(2, 2, 4)) == {}
    assert reopened(row(1, 0, 3), row(2, 3, 4)) == {1: 2}


def test_the_latest_that_had_ended_is_reopened_and_by_the_first_that_came_after_it() -> None:
    assert reopened(row(1, 0, 1), row(2, 2, 3), row(3, 4)) == {1: 2, 2: 3}
    assert reopened(row(1, 0, 2), row(2, 0.5, 1), row(3, 4, None, None), row(4, 5)) == {1: 3}
    assert reopened(row(1, 0, 1), row(2, 0, 6), row(3, 4, 5), row(4, 7)) == {1: 3, 2: 4}


def test_of_two_without_length_at_one_moment_one_is_reopened() -> None:
    assert reopened(row(1, 0, 0), row(2, 0, 0)) == {1: 2}


def test_an_attempt_whose_times_contradict_each_other_does_not_reopen_itself() -> None:
    assert reopened(row(1, 5, 1)) == {}
    assert reopened(row(1, 5, 1), row(2, 6)) == {1: 2}


def by_the_book(rows: list[ResolutionRow], within: timedelta) -> dict[uuid.UUID, Reopening]:
    """The rule as it is worded, pair by pair."""
    found: dict[uuid.UUID, Reopening] = {}
    order = sorted(rows, key=lambda row: (row.effective_started_at, row.resolution_id))
    for place, new in enumerate(order):
        start = new.effective_started_at
        ended = [
            (old.ended_at, old.resolution_id)
            for old in order[:place]
            if old.status == "resolved" and old.ended_at is not None and old.ended_at <= start
        ]
        if ended:
            end, last = max(ended)
            if start - end <= within and last not in found:
                found[last] = Reopening(new.resolution_id, start)
    return found


sessions = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.none() | st.integers(-5, 40),
        st.sampled_from([None, "in_progress", "resolved", "resolved", "resolved", "failed", "escalated"]),
    ),
    max_size=9,
)


@given(sessions, st.randoms(use_true_random=False))
def test_it_is_the_rule_as_worded_in_any_order(told: list[Any], chance: random.Random) -> None:
    rows = [
        row(number, start, None if length is None else start + length, status)
        for number, (start, length, status) in enumerate(told)
    ]
    right = by_the_book(rows, DAY)
    chance.shuffle(rows)
    assert reopenings(rows, within=DAY) == right


def document(number: int, start: float, end: float | None = None, status: str | None = "resolved") -> dict[str, Any]:
    told: dict[str, Any] = {
        "resolution_id": str(uuid.UUID(int=number)),
        "incident_id": "INC-1",
        "started_at": at(start).isoformat(),
    }
    if end is not None:
        told["completed_at"] = at(end).isoformat()
    return told | ({"status": status} if status else {})


def send(*documents: dict[str, Any], now: datetime | None = None) -> dict[str, Any]:
    answer = ingest_json({"resolution_attempts": list(documents)}, now=now)
    assert {result["outcome"] for result in answer["results"]} <= {"created", "updated", "unchanged"}
    return answer


def stored() -> dict[int, tuple[int, datetime]]:
    rows = ResolutionAttempt.objects.values_list("resolution_id", "reopened_by", "reopened_at")
    return {id.int: (by.int, when) for id, by, when in rows if by and when}


@pytest.mark.django_db
def test_a_late_document_reopens_takes_back_and_hands_on() -> None:
    send(document(1, 0, 1))
    send(document(4, 10, 11))
    assert stored() == {1: (4, at(10))}
    send(document(2, 4, status=None))  # came before, told after
    assert stored() == {1: (2, at(4))}
    send(document(2, 4, 5))
    assert stored() == {1: (2, at(4)), 2: (4, at(10))}
    send(document(3, 0.5, 3))  # now that one was the latest to end
    assert stored() == {2: (4, at(10)), 3: (2, at(4))}


@pytest.mark.django_db
def test_a_completion_that_names_no_incident_reopens_as_well() -> None:
    send(document(2, 4, status=None))
    send(document(1, 0, status=None))
    assert stored() == {}
    body = b'{"status": "resolved", "completed_at": "%s"}' % at(1).isoformat().encode()
    ingest([decode_completion("resolution_attempt", uuid.UUID(int=1), body, None)])
    assert stored() == {1: (2, at(4))}


@pytest.mark.django_db
def test_followers_of_the_feed_are_told_of_what_was_reopened_and_nothing_else_of_it_changes() -> None:
    send(document(1, 0, 1), now=at(1))
    first = ResolutionAttempt.objects.filter(pk=uuid.UUID(int=1)).values()
    before: dict[str, Any] = dict(first.get())
    answer = send(document(2, 4), now=at(4))
    entry = FeedEntry.objects.get(revision=answer["cursor"])
    assert entry.resolution_ids == [uuid.UUID(int=1), uuid.UUID(int=2)]
    after: dict[str, Any] = dict(first.all().get())
    assert {name for name, value in after.items() if before[name] != value} == {"reopened_by", "reopened_at"}


@pytest.mark.django_db
def test_other_incidents_are_not_concerned_and_what_changes_nothing_reads_nothing() -> None:
    send(document(1, 0, 1))
    send({**document(2, 4), "incident_id": "INC-2"})
    assert stored() == {}
    send({**document(1, 0, 1), "title": "a title"})
    assert stored() == {}


@pytest.mark.django_db
def test_how_soon_is_a_setting(settings: Any) -> None:
    settings.REOPEN_WITHIN = timedelta(hours=2)
    send(document(1, 0, 1), document(2, 3.5))
    assert stored() == {}
    send(document(3, 3, status=None))
    assert stored() == {1: (3, at(3))}


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sessions, st.randoms(use_true_random=False))
def test_any_order_and_split_of_the_documents_ends_in_the_same_record(told: list[Any], chance: random.Random) -> None:
    ResolutionAttempt.objects.all().delete()
    rows, parts = [], []
    for number, (start, length, status) in enumerate(told):
        end = None if length is None else start + length
        rows.append(row(number, start, end, status))
        whole = document(number, start, end, status)
        begun = {name: whole[name] for name in ("resolution_id", "incident_id")}
        parts += [whole] if chance.random() < 0.5 else [{**begun, "started_at": whole["started_at"]}, whole, begun]
    # Of parts of one session a start that comes last would be judged by its time of receipt until then; the end is one.
    chance.shuffle(parts)
    while parts:
        size = chance.randint(1, 4)
        send(*parts[:size], now=NOON)
        parts = parts[size:]
    right = by_the_book(rows, site.REOPEN_WITHIN)
    assert stored() == {id.int: (found.by.int, found.at) for id, found in right.items()}


@pytest.mark.django_db
def test_going_silent_changes_no_reopening() -> None:
    send(document(1, 0, 1), document(2, 4, status=None), now=NOON)
    mark_abandoned(silent_for=timedelta(minutes=1), now=NOON + timedelta(hours=1))
    assert ResolutionAttempt.objects.get(pk=uuid.UUID(int=2)).abandoned_at is not None
    assert stored() == {1: (2, at(4))}


@pytest.mark.django_db(transaction=True)
def test_many_recorders_of_one_incident_at_once_end_in_the_same_record() -> None:
    """Each on a connection of its own, committing for real: they meet in the same incident, in batches of any order."""
    chance = random.Random(7)
    rows = [row(number, start := chance.uniform(0, 100), start + chance.uniform(0, 10)) for number in range(40)]
    parts: list[dict[str, Any]] = []
    for each in rows:
        whole = document(each.resolution_id.int, 0) | {
            "started_at": each.started_at.isoformat(),  # type: ignore[union-attr]
            "completed_at": each.completed_at.isoformat(),  # type: ignore[union-attr]
        }
        parts += [{name: whole[name] for name in ("resolution_id", "incident_id", "started_at")}, whole]
    faults: list[BaseException] = []

    def recorder(seed: int) -> None:
        try:
            mine = list(parts)
            random.Random(seed).shuffle(mine)
            for start in range(0, len(mine), 5):
                send(*mine[start : start + 5])
        except BaseException as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=recorder, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    right = by_the_book(rows, site.REOPEN_WITHIN)
    assert len(right) > 10
    assert stored() == {id.int: (found.by.int, found.at) for id, found in right.items()}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("patient_recordings")
def test_of_two_that_tell_of_one_incident_at_once_the_second_sees_what_the_first_recorded() -> None:
    send(document(1, 0, 1))
    seen: list[dict[int, Any]] = []

    def second() -> None:
        try:
            send(document(3, 8))
            seen.append(stored())
        finally:
            connections.close_all()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        send(document(2, 4, 5))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join()
    assert seen == [{1: (2, at(4)), 2: (3, at(8))}]
