"""Failure patterns with several recorders: processes, connections, kills, repairs beside them. All commit for real."""

import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from analytics.models import FailureFingerprint, FailurePattern, MetricRecount
from analytics.patterns import recording
from analytics.patterns.totals import recount_totals
from analytics.rebuild import recount
from analytics.tests.recording import differences, failed, record_rows
from attempts.models import ActionAttempt
from attempts.rows import AttemptRow
from attempts.storage import execute
from resolutions.feed.tests.recording import conninfo
from resolutions.tests.recorded import attempt, record

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 60
GATE = 0x6761746500

WORDS = ("red", "green", "blue", "black", "white", "grey")
# Records failures of 36 kinds, in an order of its own, a few a transaction; with "on" it never comes to an end.
RECORDER = f"""
import random, sys, uuid, django
django.setup()
from django.db import connection
from resolutions.ingest import ingest_json
chance = random.Random(int(sys.argv[1]))
kinds = [(one, other) for one in {WORDS} for other in {WORDS}]
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_advisory_lock_shared({GATE}), pg_advisory_unlock_shared({GATE})")
print("through", flush=True)
while True:
    chance.shuffle(kinds)
    for first in range(0, len(kinds), 6):
        answer = ingest_json({{"action_attempts": [
            {{"attempt_id": str(uuid.uuid4()), "action_id": "a", "action_type": "paint", "status": "failed",
              "incident_id": f"INC-{{chance.randrange(5)}}", "started_at": "2026-01-15T10:30:00Z",
              "error_message": f"the {{one}} door {{chance.randrange(9)}} of {{chance.choice(['10.0.0.1', '7'])}}"
                               f" hit the {{other}} wall"}}
            for one, other in kinds[first : first + 6]]}})
        assert [result["outcome"] for result in answer["results"]] == ["created"] * 6, answer
    if sys.argv[2] != "on":
        break
"""


@contextmanager
def recorders(*arguments: tuple[int, str]) -> Iterator[list["subprocess.Popen[str]"]]:
    """Processes that record on the test database, and begin at the same moment. Killed at the end."""
    environment = os.environ | {
        "DATABASE_URL": conninfo(),
        "SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "actionlog_site.settings",
    }
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({GATE})")
        processes = [
            subprocess.Popen(  # noqa: S603  # all of it is written here
                [sys.executable, "-c", RECORDER, str(seed), how],
                cwd=settings.BASE_DIR,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for seed, how in arguments
        ]
        try:
            wait_until(lambda: waiting(cursor) == len(processes) or any(each.poll() is not None for each in processes))
            cursor.execute(f"SELECT pg_advisory_unlock({GATE})")
            yield processes
        finally:
            cursor.execute("SELECT pg_advisory_unlock_all()")
            for process in processes:
                process.kill()
                process.communicate()


def waiting(cursor: Any) -> int:
    cursor.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return int(cursor.fetchone()[0])


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def patterns() -> dict[str, Any]:
    """{template: id}; that two patterns had one template would be seen by their number."""
    found = list(FailurePattern.objects.values_list("template", "pattern_id"))
    assert len(dict(found)) == len(found)
    return dict(found)


def test_processes_that_meet_the_same_new_failures_make_one_pattern_of_each_and_a_kill_halves_none() -> None:
    with recorders((1, "on"), (2, "on")) as processes:
        wait_until(lambda: ActionAttempt.objects.count() > 50)
        chance = random.Random(3)
        for process in processes:
            time.sleep(chance.uniform(0, 0.1))
            process.kill()
            process.wait()
    assert differences() == []
    first = patterns()
    with recorders((3, "once"), (4, "once")) as processes:
        assert [process.wait(PATIENCE_SECONDS) for process in processes] == [0, 0]
    assert differences() == []
    assert not MetricRecount.objects.exists()
    known = patterns()
    assert len(known) == len(WORDS) ** 2
    assert set(first.values()) <= set(known.values())
    assert sum(FailurePattern.objects.values_list("occurrences", flat=True)) == ActionAttempt.objects.count()


def run_beside(work: Callable[[], None]) -> tuple[Thread, list[BaseException]]:
    faults: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as fault:
            faults.append(fault)
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread, faults


@pytest.mark.parametrize("commits", [True, False])
def test_who_is_second_joins_the_pattern_of_the_first_or_founds_it_himself(commits: bool) -> None:
    with transaction.atomic():
        record_rows([failed("port 1 closed")])
        (first,) = patterns().values()
        thread, faults = run_beside(lambda: record_rows([failed("port 10.0.0.1 closed")]))
        thread.join(0.3)
        assert thread.is_alive()
        transaction.set_rollback(not commits)
    thread.join()
    assert faults == []
    pattern = FailurePattern.objects.get()
    assert (pattern.pattern_id == first) is commits
    assert pattern.occurrences == (2 if commits else 1)
    assert differences() == []


def test_recorders_of_the_same_failures_in_another_order_do_not_cost_each_other_anything() -> None:
    kinds = [f"the {one} door hit the {other} wall" for one, other in itertools.product(WORDS, WORDS)]

    def writer(messages: Sequence[str]) -> Callable[[], None]:
        def work() -> None:
            for start in range(0, len(messages), 9):
                rows = [failed(message, incident_id=f"INC-{number % 3}") for number, message in enumerate(messages)]
                record_rows(rows[start:] + rows[:start])

        return work

    running = [run_beside(writer(kinds)), run_beside(writer(kinds[::-1]))]
    for thread, faults in running:
        thread.join()
        assert faults == []
    assert not MetricRecount.objects.exists()
    assert differences() == []
    assert set(FailurePattern.objects.values_list("occurrences", "incidents")) == {(8, 1), (8, 2)}


def test_repairs_while_recorders_write_lose_nothing() -> None:
    stop = Event()
    written: list[AttemptRow] = []

    def write() -> None:
        while not stop.is_set():
            rows = [failed(f"the {word} door is shut", incident_id=f"INC-{len(written) % 7}") for word in WORDS]
            record_rows(rows)
            written.extend(rows)

    running = [run_beside(write), run_beside(write)]
    try:
        # One row at a time: a statement that takes several, in its own order, could deadlock with the recorders.
        for damage in itertools.cycle(
            (
                "UPDATE failure_patterns SET occurrences = occurrences + 1 WHERE pattern_id ="
                " (SELECT pattern_id FROM failure_patterns ORDER BY random() LIMIT 1)",
                "UPDATE failure_fingerprints SET occurrences = occurrences + 1 WHERE fingerprint ="
                " (SELECT fingerprint FROM failure_fingerprints ORDER BY random() LIMIT 1)",
                "DELETE FROM failure_incidents WHERE incident_id = 'INC-2' AND fingerprint ="
                " (SELECT fingerprint FROM failure_incidents WHERE incident_id = 'INC-2' ORDER BY random() LIMIT 1)",
                "UPDATE failure_counts SET occurrences = occurrences + 1 WHERE fingerprint ="
                " (SELECT fingerprint FROM failure_counts ORDER BY random() LIMIT 1)",
            )
        ):
            with connection.cursor() as cursor:
                cursor.execute(damage)
            for _ in recount(repair=True):
                pass
            recount_totals(repair=True)
            if len(written) > 200:
                break
    finally:
        stop.set()
        for thread, _ in running:
            thread.join()
    assert [faults for _, faults in running] == [[], []]
    for _ in recount(repair=True):  # a recorder may have met damage, and noted that
        pass
    recount_totals(repair=True)
    assert differences() == []
    assert sum(FailurePattern.objects.values_list("occurrences", flat=True)) == len(written)


def fails(message: str) -> dict[str, Any]:
    return attempt(status="failed", error_message=message)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that recording of failures executes."""
    statements: list[str] = []

    def told(statement: str, *arguments: Any) -> Any:
        statements.append(statement)
        return execute(statement, *arguments)

    monkeypatch.setattr(recording, "_known", recording._KnownFingerprints())
    monkeypatch.setattr(recording, "execute", told)
    return statements


def test_a_fingerprint_that_was_found_once_is_not_looked_for_again(asked: list[str]) -> None:
    record([fails("port 1 closed")])
    record([fails("port 2 closed"), fails("port 3 closed")])
    assert asked == [recording._KNOWN, recording._ADD] * 2
    asked.clear()
    record([fails("port 4 closed")])
    assert asked == [recording._ADD]
    assert FailurePattern.objects.get().occurrences == 4
    assert differences() == []


def test_a_fingerprint_that_is_gone_although_this_process_knew_it_costs_a_second_try(asked: list[str]) -> None:
    for number in range(3):
        record([fails(f"port {number} closed")])
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE failure_fingerprints, failure_counts, failure_incidents")
        cursor.execute("UPDATE failure_patterns SET occurrences=0, incidents=0, first_seen=NULL, last_seen=NULL")
    asked.clear()
    record([fails("port 7 closed"), fails("another")])
    assert asked == [recording._KNOWN, recording._ADD, recording._KNOWN, recording._ADD]
    assert not MetricRecount.objects.exists()
    assert FailureFingerprint.objects.get(masked="port <number> closed").occurrences == 1
