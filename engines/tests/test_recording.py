"""Journal numbers are noted with the record: by outcome, once, whichever way the transaction goes, or not at all."""

import random
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections

from access.errors import ApiError
from access.keys import Key, create_key, revoke_key
from attempts.models import ActionAttempt, Refusal
from attempts.signals import attempts_recorded
from engines.models import EngineJournal
from engines.tests.reports import JOURNAL_ID, attempt, noted, outcomes, request, send

pytestmark = pytest.mark.django_db


def test_numbers_are_stored_or_refused_by_what_became_of_their_document() -> None:
    known = attempt(status="failed")
    answer = send(
        request(
            [
                (known, [[1, 2], [4, 4]]),
                ({**known, "status": "success"}, [[5, 5]]),
                (attempt(confidence=7), [[6, 7]]),
                (attempt(), []),
            ]
        )
    )
    assert outcomes(answer) == ["created", "conflict", "rejected", "created"]
    assert answer["journal"] == {"journal_id": str(JOURNAL_ID), "outcome": "taken", "error": None}
    assert noted() == (9, [(1, 2), (4, 4)], [(5, 7)])


def test_a_request_without_a_journal_has_none_in_its_answer_and_leaves_no_trace() -> None:
    assert "journal" not in send({"action_attempts": [attempt()]})
    assert not EngineJournal.objects.exists()


def test_an_idle_engine_reports_that_it_is_there_and_then_that_it_closed() -> None:
    assert send(request([], written=0, host="ops-1", process_id=7)) == {
        "results": [],
        "cursor": 0,
        "journal": {"journal_id": str(JOURNAL_ID), "outcome": "taken", "error": None},
    }
    journal = EngineJournal.objects.get()
    assert (journal.host, journal.process_id, journal.closed_at) == ("ops-1", 7, None)
    EngineJournal.objects.update(first_heard_at=datetime(2026, 1, 1, tzinfo=UTC), last_heard_at="2026-01-01T00:00:00Z")
    send(request([], written=0, closed=True))
    send(request([], written=0))
    journal = EngineJournal.objects.get()
    assert journal.host == "ops-1"
    assert journal.closed_at is not None
    assert journal.last_heard_at - journal.first_heard_at > timedelta(days=1)


def test_sending_again_after_a_lost_answer_changes_nothing() -> None:
    body = request([(attempt(), [[1, 3]]), (attempt(confidence=7), [[4, 4]])], refused=[[6, 6]])
    send(body)
    before = noted()
    assert outcomes(send(body)) == ["unchanged", "rejected"]
    assert noted() == before == (9, [(1, 3)], [(4, 4), (6, 6)])


def test_the_parts_of_a_refused_document_are_stored_when_they_are_sent_one_by_one() -> None:
    document = attempt(confidence=7)
    send(request([(document, [[1, 5]])]))
    assert noted() == (9, [], [(1, 5)])
    send(request([({**document, "confidence": 0.7}, [[1, 2], [4, 5]])]))
    assert noted() == (9, [(1, 2), (4, 5)], [(3, 3)])


def test_what_is_stored_stays_stored_whatever_is_said_of_it_later() -> None:
    send(request([(attempt(), [[1, 5]])]))
    send(request([(attempt(confidence=7), [[2, 3]])], refused=[[4, 4], [9, 9]]))
    assert noted() == (9, [(1, 5)], [(9, 9)])


def test_a_late_report_does_not_shorten_the_journal() -> None:
    send(request([(attempt(), [[1, 5]])], written=5))
    send(request([(attempt(), [[1, 1]])], written=3))
    assert noted() == (5, [(1, 5)], [])


@pytest.mark.parametrize("bad_first", [True, False])
def test_the_way_that_takes_a_request_apart_carries_the_numbers_too(bad_first: bool) -> None:
    pairs: list[Any] = [("nonsense", [[1, 1]]), (attempt(), [[2, 2]]), (attempt(colour="blue"), [[3, 4]])]
    answer = send(request(pairs if bad_first else pairs[::-1]))
    assert sorted(outcomes(answer)) == ["created", "created", "rejected"]
    assert noted() == (9, [(2, 4)], [(1, 1)])


def key(engine: str | None = None) -> Key:
    stored, _ = create_key(name="test", scopes=["ingest"], engine=engine)
    return Key(id=stored.pk, name="test", scopes=frozenset(["ingest"]), engine=engine)


def test_a_bound_key_reports_for_its_own_engine_alone() -> None:
    bound = key("alpha")
    with pytest.raises(ApiError) as refused:
        send(request([(attempt(), [[1, 1]])], engine="beta"), bound)
    assert (refused.value.status, refused.value.path) == (403, "journal.engine")
    assert not ActionAttempt.objects.exists()
    send(request([(attempt(), [[1, 1]])], engine=None), bound)
    assert EngineJournal.objects.get().engine == "alpha"
    assert EngineJournal.objects.get().recorded_by_id == bound.id


def test_numbers_of_a_journal_of_another_engine_are_not_noted_and_the_documents_are_recorded() -> None:
    send(request([(attempt(), [[1, 1]])]))
    answer = send(request([(attempt(), [[2, 2]])], engine="another", written=99, closed=True))
    assert outcomes(answer) == ["created"]
    assert answer["journal"]["outcome"] == "forbidden"
    assert answer["journal"]["error"]["path"] == "journal.engine"
    assert noted() == (9, [(1, 1)], [])
    assert EngineJournal.objects.get().closed_at is None


def test_an_engine_that_is_not_told_may_add_to_what_is_known() -> None:
    send(request([(attempt(), [[1, 1]])]))
    assert send(request([(attempt(), [[2, 2]])], engine=None))["journal"]["outcome"] == "taken"
    assert noted() == (9, [(1, 2)], [])
    assert EngineJournal.objects.get().engine == "resolver"


def test_what_a_bound_key_may_not_write_is_refused_by_number() -> None:
    others = attempt(engine="beta")
    assert outcomes(send(request([(others, [[3, 3]])], engine="alpha"), key("alpha"))) == ["forbidden"]
    assert noted() == (9, [], [(3, 3)])


def test_a_revoked_key_notes_nothing() -> None:
    stored, _ = create_key(name="short-lived", scopes=["ingest"])
    revoked = Key(id=stored.pk, name="short-lived", scopes=frozenset(["ingest"]), engine=None)
    revoke_key(key=stored)
    assert send(request([(attempt(), [[1, 1]])]), revoked)["journal"]["outcome"] == "unauthorized"
    assert not EngineJournal.objects.exists()


def group(*bodies: Any) -> list[list[Any]]:
    """Several requests in one transaction, as the recorder takes them. Returns their submissions."""
    from msgspec.json import encode

    from resolutions.decoding import decode_ingest
    from resolutions.ingest import ingest

    requests = [decode_ingest(encode(body), None) for body in bodies]
    ingest([submission for submissions in requests for submission in submissions])
    return requests


def test_requests_of_one_journal_and_of_several_share_a_transaction() -> None:
    other = str(uuid.uuid4())
    requests = group(
        request([(attempt(), [[4, 5]])], written=5),
        request([(attempt(), [[1, 1]])], journal_id=other, engine="beta"),
        request([(attempt(), [[1, 2]])], written=4, refused=[[4, 4]], host="ops-2"),
        request([(attempt(), [[9, 9]])], engine="impostor"),
    )
    assert [submissions[-1].outcome for submissions in requests] == ["taken", "taken", "taken", "forbidden"]
    journal = EngineJournal.objects.get(journal_id=JOURNAL_ID)
    assert (journal.written, journal.stored, journal.refused) == (5, [(1, 2), (4, 5)], [])
    assert (journal.engine, journal.host) == ("resolver", "ops-2")
    assert EngineJournal.objects.get(journal_id=other).stored == [(1, 1)]


@pytest.fixture
def no_badger(transactional_db: None) -> Iterator[None]:
    """PostgreSQL refuses what passed validation: such a group is halved until the bad document stands alone."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE action_attempts ADD CONSTRAINT no_badger CHECK (target <> 'badger')")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE action_attempts DROP CONSTRAINT no_badger")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("bad", [0, 3, 6])
def test_a_group_that_is_halved_notes_every_number_once_and_by_its_outcome(no_badger: None, bad: int) -> None:
    documents = [attempt(target="badger" if position == bad else "x") for position in range(7)]
    answer = send(request([(document, [[n + 1, n + 1]]) for n, document in enumerate(documents)]))
    assert outcomes(answer) == ["rejected" if position == bad else "created" for position in range(7)]
    assert answer["journal"]["outcome"] == "taken"
    _, stored, refused = noted()
    assert refused == [(bad + 1, bad + 1)]
    assert sum(last - first + 1 for first, last in stored) == 6


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_fails_as_a_whole_notes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from resolutions import ingest as module

    def lost(*_: Any, **__: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    body = request([(attempt(), [[1, 1]])])
    with monkeypatch.context() as patched:
        patched.setattr(module, "publish", lost)
        with pytest.raises(OperationalError):
            send(body)
    assert not EngineJournal.objects.exists()
    assert not ActionAttempt.objects.exists()
    send(body)
    assert noted() == (9, [(1, 1)], [])


@pytest.mark.django_db(transaction=True)
def test_a_journal_that_cannot_be_noted_is_not_acknowledged_with_the_document() -> None:
    """No document is said to be recorded while its number is lost: both are refused, or both are there."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE engine_journals ADD CONSTRAINT no_seven CHECK (NOT stored @> 7::bigint)")
    try:
        answer = send(request([(attempt(), [[6, 6]]), (attempt(), [[7, 7]])]))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE engine_journals DROP CONSTRAINT no_seven")
    assert outcomes(answer) == ["created", "rejected"]
    assert noted() == (9, [(6, 6)], [(7, 7)])
    assert ActionAttempt.objects.count() == Refusal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_on_the_fast_way_a_failing_receiver_costs_no_number() -> None:
    def fail(*, changes: list[Any]) -> None:
        raise ZeroDivisionError

    from attempts.signals import derived

    receiver = derived()(fail)
    attempts_recorded.connect(receiver, weak=False)
    try:
        send(request([(attempt(), [[1, 3]])]))
    finally:
        attempts_recorded.disconnect(receiver)
    assert noted() == (9, [(1, 3)], [])


@pytest.mark.django_db(transaction=True)
def test_recorders_that_note_the_same_journals_at_once_lose_no_number() -> None:
    """Two threads, two journals, requests in any order, some twice: the union is what was sent."""
    ids = [str(uuid.uuid4()) for _ in range(2)]
    work = [(journal_id, number) for journal_id in ids for number in range(1, 31)] * 2
    random.shuffle(work)
    documents = {(journal_id, number): attempt() for journal_id, number in work}
    failures: list[BaseException] = []

    def run(part: list[tuple[str, int]]) -> None:
        try:
            for at in range(0, len(part), 5):
                group(
                    *(
                        request([(documents[journal_id, n], [[n, n]])], written=30, journal_id=journal_id)
                        for journal_id, n in part[at : at + 5]
                    )
                )
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work[half::2],)) for half in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [(journal.written, journal.stored) for journal in EngineJournal.objects.all()] == [(30, [(1, 30)])] * 2
