"""The one transaction: outcomes, refusals, keys, halving, retries, and what a failing receiver may not cost."""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from access.keys import Key, create_key, revoke_key
from attempts.models import ActionAttempt, ActionLog, Refusal
from attempts.recording import AttemptSubmission, record_attempts
from attempts.signals import attempts_recorded, derived
from attempts.storage import ATTEMPTS, Table
from resolutions.decoding import decode_ingest
from resolutions.feed.tests.recording import conninfo
from resolutions.ingest import ingest, ingest_json
from resolutions.models import FeedEntry, ResolutionAttempt

pytestmark = pytest.mark.django_db

Json = dict[str, Any]


def attempt(**facts: Any) -> Json:
    return {"attempt_id": str(uuid.uuid4()), "action_id": "a", "action_type": "restart", "incident_id": "inc", **facts}


def send(*documents: Json) -> Json:
    return ingest_json({"action_attempts": list(documents)})


def outcomes(answer: Json) -> list[str]:
    return [result["outcome"] for result in answer["results"]]


def test_resolution_attempts_are_answered_first_then_action_attempts_each_in_order() -> None:
    one, two = attempt(), attempt()
    resolution = {"resolution_id": str(uuid.uuid4()), "incident_id": "inc"}
    answer = ingest_json({"action_attempts": [two, one], "resolution_attempts": [resolution]})
    assert [result["id"] for result in answer["results"]] == [
        resolution["resolution_id"],
        two["attempt_id"],
        one["attempt_id"],
    ]
    assert outcomes(answer) == ["created"] * 3


def test_an_attempt_may_be_told_before_its_resolution() -> None:
    resolution_id = str(uuid.uuid4())
    assert outcomes(send(attempt(resolution_id=resolution_id))) == ["created"]
    late = {"resolution_id": resolution_id, "incident_id": "inc"}
    assert outcomes(ingest_json({"resolution_attempts": [late]})) == ["created"]


def test_one_feed_entry_names_what_a_transaction_changed() -> None:
    document = attempt()
    answer = send(document)
    assert FeedEntry.objects.get(revision=answer["cursor"]).attempt_ids == [uuid.UUID(document["attempt_id"])]
    assert send(document)["cursor"] == answer["cursor"]
    assert FeedEntry.objects.count() == 1


def test_a_bad_document_never_costs_the_others_theirs() -> None:
    good, bad = attempt(), attempt(confidence=7)
    answer = send(bad, good, "nonsense", attempt(started_at="2026-01-01T00:00:00"))  # type: ignore[arg-type]
    assert outcomes(answer) == ["rejected", "created", "rejected", "rejected"]
    assert answer["results"][0]["error"] == {
        "code": "invalid",
        "message": "Expected `float` <= 1.0.",
        "field": "confidence",
        "path": "action_attempts[0].confidence",
    }
    assert str(ActionAttempt.objects.get().attempt_id) == good["attempt_id"]


def test_what_is_refused_is_kept_redacted_and_counted() -> None:
    document = attempt(status="failed", parameters={"password": "hunter2"})
    send(document)
    conflicting = {**document, "status": "success"}
    send(conflicting)
    send(conflicting)
    refusal = Refusal.objects.get()
    assert (refusal.outcome, refusal.field, refusal.times) == ("conflict", "status", 2)
    assert refusal.document_id == document["attempt_id"]
    assert "hunter2" not in refusal.document
    assert "[redacted:" in refusal.document


def test_a_rejected_document_keeps_no_secret_either() -> None:
    send(attempt(confidence=9, parameters={"api_key": "s3cr3t", "url": "redis://:hunter2@cache/0"}))
    document = Refusal.objects.get().document
    assert "s3cr3t" not in document
    assert "hunter2" not in document


def test_unknown_fields_are_kept_in_extra_with_a_warning() -> None:
    answer = send(attempt(colour="blue", logs=[{"sequence": 0, "step": "x", "shape": [1]}]))
    (result,) = answer["results"]
    assert [warning["path"] for warning in result["warnings"]] == [
        "action_attempts[0].colour",
        "action_attempts[0].logs[0].shape",
    ]
    assert ActionAttempt.objects.get().extra == {"colour": "blue", "logs[0].shape": [1]}


@pytest.mark.django_db(transaction=True)
def test_what_postgresql_refuses_is_found_by_halving_on_the_fast_way_too() -> None:
    try:
        test_what_postgresql_refuses_is_found_by_halving_and_rejected_alone()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE action_attempts DROP CONSTRAINT no_badger")


def test_what_postgresql_refuses_is_found_by_halving_and_rejected_alone() -> None:
    # A constraint that validation does not know of stands for whatever the database may refuse.
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE action_attempts ADD CONSTRAINT no_badger CHECK (target IS DISTINCT FROM 'badger')")
    documents = [attempt(target=f"t{number}") for number in range(7)]
    documents[4]["target"] = "badger"
    answer = send(*documents)
    assert outcomes(answer) == ["created"] * 4 + ["rejected"] + ["created"] * 2
    assert "no_badger" in answer["results"][4]["error"]["message"]
    assert ActionAttempt.objects.count() == 6
    assert Refusal.objects.get().document_id == documents[4]["attempt_id"]


def with_key(key: Key, *documents: Json) -> list[str | None]:
    import msgspec

    submissions = decode_ingest(msgspec.json.encode({"action_attempts": list(documents)}), key)
    ingest(submissions)
    return [submission.outcome for submission in submissions]


def test_a_fault_of_ours_is_told_apart_from_a_fault_of_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sent it may send it again once we are repaired."""

    def faulty(submissions: Sequence[AttemptSubmission], **facts: Any) -> Any:
        if any(each.document is not None and each.document.action_id == "meets it" for each in submissions):
            raise TypeError("a fault of ours")
        return record_attempts(submissions, **facts)

    monkeypatch.setattr("resolutions.ingest.record_attempts", faulty)
    answer = send(attempt(), attempt(action_id="meets it"), attempt())
    assert outcomes(answer) == ["created", "rejected", "created"]
    assert answer["results"][1]["error"]["code"] == "internal"
    assert Refusal.objects.get().code == "internal"


def test_a_bound_key_writes_only_its_own_engines_records() -> None:
    stored, _ = create_key(name="bound", scopes=["ingest"], engine="alpha")
    key = Key(id=stored.pk, name="bound", scopes=frozenset(["ingest"]), engine="alpha")
    own, untold, others, nobodys = attempt(engine="alpha"), attempt(), attempt(engine="beta"), attempt()
    assert with_key(key, own, untold, others) == ["created", "created", "forbidden"]
    assert ActionAttempt.objects.get(attempt_id=untold["attempt_id"]).engine == "alpha"
    assert set(ActionAttempt.objects.values_list("recorded_by", flat=True)) == {stored.pk}

    send(others, nobodys)
    assert with_key(key, {**others, "engine": None, "status": "failed"}, {**nobodys, "target": "x"}) == [
        "forbidden",
        "forbidden",
    ]
    assert with_key(key, {**own, "status": "success"}) == ["updated"]


def test_a_revoked_key_writes_nothing_however_lately_it_was_looked_up() -> None:
    stored, _ = create_key(name="short-lived", scopes=["ingest"])
    key = Key(id=stored.pk, name="short-lived", scopes=frozenset(["ingest"]), engine=None)
    assert with_key(key, attempt()) == ["created"]
    revoke_key(key=stored)
    assert with_key(key, attempt()) == ["unauthorized"]
    assert ActionAttempt.objects.count() == 1


@contextmanager
def receiving(receiver: Any) -> Iterator[None]:
    attempts_recorded.connect(receiver, weak=False)
    try:
        yield
    finally:
        attempts_recorded.disconnect(receiver)


def test_a_receiver_that_raises_costs_its_own_work_and_not_the_record(caplog: pytest.LogCaptureFixture) -> None:
    noted: list[int] = []

    def note(*, changes: list[Any]) -> None:
        noted.append(len(changes))

    @derived(on_failure=note)
    def fail(*, changes: list[Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM action_attempts")
            cursor.execute("SELECT 1/0")

    with receiving(fail):
        assert outcomes(send(attempt(logs=[{"sequence": 0}]), attempt())) == ["created", "created"]
    assert noted == [2]
    assert ActionAttempt.objects.count() == 2
    assert ActionLog.objects.count() == 1
    assert "the record stands" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_raises_costs_its_own_work_on_the_fast_way_too(caplog: pytest.LogCaptureFixture) -> None:
    """Outside any other transaction statements are pipelined, and receivers trusted until one fails."""
    test_a_receiver_that_raises_costs_its_own_work_and_not_the_record(caplog)
    assert FeedEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_raises_in_python_alone_costs_no_record() -> None:
    @derived()
    def fail(*, changes: list[Any]) -> None:
        raise ZeroDivisionError

    with receiving(fail):
        assert outcomes(send(attempt())) == ["created"]
    assert ActionAttempt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_who_is_second_with_a_new_id_goes_on_with_the_same_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal of its insert arrives while it sends later statements. What these answer is taken in before the
    rollback, which would fail on it: then the connection would have to be replaced."""
    document = attempt(logs=[{"sequence": 0, "step": "s"}])
    insert = Table.insert
    met: list[str] = []

    def insert_second(table: Table[Any], rows: Sequence[Any]) -> None:
        if table is not ATTEMPTS or met:
            insert(table, rows)
            return
        met.append("the other one")
        with psycopg.connect(conninfo()) as first:
            first.execute(
                "INSERT INTO action_attempts"
                " (attempt_id, action_id, action_type, incident_id, received_at, last_heard_at)"
                " VALUES (%s, 'a', 'restart', 'inc', now(), now())",
                [document["attempt_id"]],
            )
        insert(table, rows)
        time.sleep(0.3)  # for the refusal to arrive

    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    monkeypatch.setattr(Table, "insert", insert_second)
    assert outcomes(send(document)) == ["updated"]
    assert met
    assert connection.connection.info.backend_pid == pid
    assert connection.connection.pgconn.pipeline_status == psycopg.pq.PipelineStatus.OFF
    assert ActionLog.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_recorders_with_the_same_new_ids_in_opposite_order_both_succeed() -> None:
    documents = [attempt(logs=[{"sequence": 0, "step": "s"}]) for _ in range(40)]
    resolutions = [{"resolution_id": str(uuid.uuid4()), "incident_id": "inc"} for _ in range(10)]
    barrier = threading.Barrier(2)
    answers: list[Json] = []

    def work(engine_status: str, backwards: bool) -> None:
        step = -1 if backwards else 1
        try:
            barrier.wait()
            for start in range(0, 40, 10):
                part = documents[::step][start : start + 10]
                told = [{**document, "status": engine_status} for document in part]
                answers.append(ingest_json({"resolution_attempts": resolutions[::step], "action_attempts": told}))
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=work, args=("in_progress", False)),
        threading.Thread(target=work, args=("success", True)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 8
    told = [outcome for answer in answers for outcome in outcomes(answer)]
    assert set(told) <= {"created", "updated", "unchanged"}
    assert told.count("created") == 50
    assert ActionAttempt.objects.filter(status="success").count() == 40
    assert ActionLog.objects.count() == 40
    assert ResolutionAttempt.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_that_surfaces_in_a_receiver_is_tried_again() -> None:
    """Two transactions lock two rows of another table in opposite order, inside a receiver."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE rivalry (id int PRIMARY KEY, n int NOT NULL)")
        cursor.execute("INSERT INTO rivalry VALUES (1, 0), (2, 0)")
    both_hold_one = threading.Barrier(2)

    def rival(*, changes: list[Any]) -> None:
        first, second = (1, 2) if changes[0].after.target == "up" else (2, 1)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE rivalry SET n = n + 1 WHERE id = %s", [first])
            if not both_hold_one.broken:
                with suppress(threading.BrokenBarrierError):
                    both_hold_one.wait(timeout=5)
            both_hold_one.abort()  # the second time round nobody waits
            cursor.execute("UPDATE rivalry SET n = n + 1 WHERE id = %s", [second])

    answers: list[Json] = []

    def work(target: str) -> None:
        try:
            answers.append(send(attempt(target=target)))
        finally:
            connections.close_all()

    try:
        with receiving(derived()(rival)):
            threads = [threading.Thread(target=work, args=(target,)) for target in ("up", "down")]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        with connection.cursor() as cursor:
            cursor.execute("SELECT n FROM rivalry ORDER BY id")
            assert cursor.fetchall() == [(2,), (2,)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE rivalry")
    assert [outcomes(answer) for answer in answers] == [["created"], ["created"]]
    assert ActionAttempt.objects.count() == 2
