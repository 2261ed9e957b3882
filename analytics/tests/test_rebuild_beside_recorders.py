"""The recount while recorders write: each on a connection of its own, committing for real."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread
from time import monotonic
from uuid import UUID

import pytest
from django.db import connection, transaction

from analytics.models import MetricRecount
from analytics.queries import is_exact, metrics
from analytics.rebuild import HourRecounted, recount
from analytics.tests.recording import START, attempt, ended, record_rows, told_more
from analytics.windows import Window
from attempts.models import ActionAttempt
from attempts.rows import AttemptRow

pytestmark = pytest.mark.django_db(transaction=True)

WINDOW = Window("test", START, START.replace(hour=23))


@contextmanager
def beside(*works: Callable[[], None]) -> Iterator[None]:
    """Run each in a thread; what one of them raises is raised at the end."""
    faults: list[Exception] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as fault:
            faults.append(fault)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]


def recorder(name: str, stop: Event, acknowledged: list[UUID]) -> Callable[[], None]:
    """Starts attempts, a few a transaction, and completes them in a later one, until told to stop."""

    def work() -> None:
        running: list[AttemptRow] = []
        while not stop.is_set():
            completed = [told_more(row, status="success", execution_time_seconds=2.0) for row in running]
            started = sorted((attempt(engine=name) for _ in range(5)), key=lambda row: row.attempt_id)
            record_rows([*completed, *started], [*running, *([None] * len(started))])
            acknowledged.extend(row.attempt_id for row in started)
            running = started

    return work


def while_they_write(rounds: int, acknowledged: list[UUID]) -> Iterator[int]:
    """So many rounds at least, and as many as it takes until the recorders have written a good deal beside them."""
    deadline = monotonic() + 60
    for number in count():
        if number >= rounds and len(acknowledged) >= 50:
            return
        assert monotonic() < deadline, "the recorders do not come to write"
        yield number


def test_a_check_is_clean_while_recorders_write() -> None:
    stop = Event()
    acknowledged: list[UUID] = []
    with beside(*(recorder(name, stop, acknowledged) for name in ("a", "a"))):
        try:
            for _ in while_they_write(15, acknowledged):
                for part in recount(repair=False):
                    assert (part.differences, part.recounts_due) == ([], 0)
        finally:
            stop.set()


def test_a_repair_while_recorders_write_loses_nothing() -> None:
    stop = Event()
    acknowledged: list[UUID] = []
    with beside(*(recorder(name, stop, acknowledged) for name in ("a", "b"))):
        try:
            for _ in while_they_write(10, acknowledged):
                with connection.cursor() as cursor:
                    cursor.execute("TRUNCATE resolution_metrics")
                for _ in recount(repair=True):
                    pass
        finally:
            stop.set()
    assert sorted(acknowledged) == sorted(ActionAttempt.objects.values_list("attempt_id", flat=True))
    for _ in recount(repair=True):
        pass
    assert [part.differences for part in recount(repair=False)] == [[]]
    assert metrics(WINDOW).attempts.total == len(acknowledged)
    assert is_exact(WINDOW)


def test_a_repair_waits_for_what_is_being_recorded_and_a_check_does_not() -> None:
    record_rows([ended()])
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE resolution_metrics")
    checked: list[HourRecounted] = []
    checker = Thread(target=recount_apart, args=(checked,), kwargs={"repair": False})
    repairer = Thread(target=recount_apart, args=([],), kwargs={"repair": True})
    with transaction.atomic():
        record_rows([ended()])
        checker.start()
        checker.join()
        repairer.start()
        repairer.join(0.5)
        assert repairer.is_alive()
    repairer.join()
    assert [(part.rows, len(part.differences)) for part in checked] == [(1, 1)]
    assert [part.differences for part in recount(repair=False)] == [[]]
    assert metrics(WINDOW).attempts.by_status.success == 2


def recount_apart(found: list[HourRecounted], *, repair: bool) -> None:
    try:
        found.extend(recount(repair=repair))
    finally:
        connection.close()


def test_two_recorders_of_the_same_rollups_in_another_order_both_succeed() -> None:
    def writer(names: str) -> Callable[[], None]:
        def work() -> None:
            for _ in range(30):
                record_rows(sorted((ended(engine=name) for name in names), key=lambda row: row.attempt_id))

        return work

    with beside(writer("abcdef"), writer("fedcba")):
        pass
    assert metrics(WINDOW).attempts.by_status.success == 360
    assert not MetricRecount.objects.exists()


def test_a_receiver_that_fails_costs_exactness_until_the_repair_and_never_the_record() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE resolution_metrics RENAME COLUMN success TO succeeded")
        try:
            record_rows([ended()])
        finally:
            cursor.execute("ALTER TABLE resolution_metrics RENAME COLUMN succeeded TO success")
    figures = metrics(WINDOW)
    assert ActionAttempt.objects.count() == 1
    assert (figures.attempts.total, figures.exact) == (0, False)
    record_rows([ended(3)])
    assert metrics(WINDOW).exact is False
    for _ in recount(repair=True):
        pass
    figures = metrics(WINDOW)
    assert (figures.attempts.total, figures.exact) == (2, True)
