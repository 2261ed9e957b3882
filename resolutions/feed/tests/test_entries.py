"""The feed's log: the order of revisions is the order of commits, and pruning never loses a follower."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from io import StringIO
from random import random
from time import sleep

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from resolutions.feed.entries import CHANNEL, IDS_PER_ENTRY, append_entry, head, prune
from resolutions.models import FeedEntry


def append(attempts: int = 1, resolutions: int = 0, *, age: timedelta = timedelta(0)) -> int:
    with transaction.atomic():
        return append_entry(
            attempt_ids=[uuid.uuid4() for _ in range(attempts)],
            resolution_ids=[uuid.uuid4() for _ in range(resolutions)],
            now=datetime.now(UTC) - age,
        )


def plain_connection() -> "psycopg.Connection[tuple[object, ...]]":
    """A connection of its own, outside Django."""
    told = connection.settings_dict
    return psycopg.connect(
        dbname=told["NAME"],
        user=told["USER"] or None,
        password=told["PASSWORD"] or None,
        host=told["HOST"] or None,
        port=told["PORT"] or None,
        autocommit=True,
    )


@pytest.mark.django_db(transaction=True)
def test_an_entry_names_the_changed_rows_and_is_the_new_head() -> None:
    attempts, resolutions = [uuid.uuid4(), uuid.uuid4()], [uuid.uuid4()]
    with transaction.atomic():
        revision = append_entry(attempt_ids=attempts, resolution_ids=resolutions, now=datetime.now(UTC))
    entry = FeedEntry.objects.get(revision=revision)
    assert (entry.attempt_ids, entry.resolution_ids) == (attempts, resolutions)
    assert head() == revision


@pytest.mark.django_db(transaction=True)
def test_the_head_of_an_empty_feed_is_0() -> None:
    assert head() == 0


@pytest.mark.django_db(transaction=True)
def test_nothing_changed_writes_no_entry_and_tells_the_head() -> None:
    revision = append()
    assert append(0, 0) == revision
    assert FeedEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_large_transaction_makes_several_bounded_entries() -> None:
    attempts = [uuid.uuid4() for _ in range(2 * IDS_PER_ENTRY + 3)]
    resolutions = [uuid.uuid4() for _ in range(IDS_PER_ENTRY + 1)]
    with transaction.atomic():
        revision = append_entry(attempt_ids=attempts, resolution_ids=resolutions, now=datetime.now(UTC))
    entries = list(FeedEntry.objects.order_by("revision"))
    assert [len(entry.attempt_ids) for entry in entries] == [IDS_PER_ENTRY, IDS_PER_ENTRY, 3]
    assert [len(entry.resolution_ids) for entry in entries] == [IDS_PER_ENTRY, 1, 0]
    assert [one for entry in entries for one in entry.attempt_ids] == attempts
    assert [one for entry in entries for one in entry.resolution_ids] == resolutions
    assert entries[-1].revision == revision == head()


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionManagementError):
        append_entry(attempt_ids=[uuid.uuid4()], resolution_ids=[], now=datetime.now(UTC))


@pytest.mark.django_db(transaction=True)
def test_a_commit_notifies_once_with_its_revision() -> None:
    with plain_connection() as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        revision = append(2 * IDS_PER_ENTRY)
        told = [notice.payload for notice in listener.notifies(timeout=60, stop_after=1)]
        told += [notice.payload for notice in listener.notifies(timeout=0.1)]
    assert told == [str(revision)]


@pytest.mark.django_db(transaction=True)
def test_the_revision_is_drawn_only_once_the_lock_is_held() -> None:
    """While one entry is uncommitted, a second recorder waits before it draws a number from the sequence."""
    drawn = "SELECT last_value FROM feed_revision_seq"
    started = threading.Event()
    revisions: list[int] = []

    def second() -> None:
        try:
            started.set()
            revisions.append(append())
        finally:
            connection.close()

    waiting = threading.Thread(target=second)
    with plain_connection() as observer:
        with transaction.atomic():
            first = append_entry(attempt_ids=[uuid.uuid4()], resolution_ids=[], now=datetime.now(UTC))
            waiting.start()
            started.wait()
            # The server is shared with other runs of these tests, each with a database of its own.
            blocked = (
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            while observer.execute(blocked).fetchone() != (1,):
                sleep(0.01)
            assert observer.execute(drawn).fetchone() == (first,)
        waiting.join()
    assert revisions == [first + 1]


@pytest.mark.django_db(transaction=True)
def test_the_order_of_revisions_is_the_order_of_commits() -> None:
    """A reader that always reads above its cursor sees every revision, though recorders overlap at random."""
    recorders, each = 8, 40
    done = threading.Event()
    seen: list[int] = []

    def record() -> None:
        try:
            for _ in range(each):
                with transaction.atomic():
                    append_entry(attempt_ids=[uuid.uuid4()], resolution_ids=[], now=datetime.now(UTC))
                    sleep(random() / 500)
        finally:
            connection.close()

    def read() -> None:
        with plain_connection() as reader:
            last = False
            while not last:
                last = done.is_set()
                found = reader.execute("SELECT revision FROM feed WHERE revision > %s", [max(seen, default=0)])
                seen.extend(sorted(int(str(revision)) for (revision,) in found))

    reader = threading.Thread(target=read)
    reader.start()
    threads = [threading.Thread(target=record) for _ in range(recorders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reader.join()
    assert seen == list(FeedEntry.objects.order_by("revision").values_list("revision", flat=True))
    assert len(seen) == recorders * each


def entries() -> list[tuple[int, int]]:
    """(revision, number of ids) of each entry."""
    return [(entry.revision, len(entry.attempt_ids)) for entry in FeedEntry.objects.order_by("revision")]


@pytest.mark.django_db(transaction=True)
def test_pruning_removes_what_is_old_and_leaves_a_mark() -> None:
    _, last_old = append(age=timedelta(days=9)), append(age=timedelta(days=8))
    young = append(age=timedelta(days=6))
    assert prune() == 2
    assert entries() == [(last_old, 0), (young, 1)]
    assert prune() == 0
    assert entries() == [(last_old, 0), (young, 1)]


@pytest.mark.django_db(transaction=True)
def test_pruning_again_moves_the_mark() -> None:
    revisions = [append(age=timedelta(days=days)) for days in (9, 8, 7, 6)]
    assert prune(older_than=timedelta(days=8.5)) == 1
    assert prune(older_than=timedelta(days=6.5)) == 2
    assert entries() == [(revisions[2], 0), (revisions[3], 1)]


@pytest.mark.django_db(transaction=True)
def test_pruning_keeps_the_head_however_old() -> None:
    append(age=timedelta(days=9))
    newest = append(age=timedelta(days=8))
    assert prune() == 1
    assert head() == newest
    assert entries()[-1] == (newest, 1)


@pytest.mark.django_db(transaction=True)
def test_pruning_leaves_no_gap_when_a_clock_was_slow() -> None:
    old = append(age=timedelta(days=8))
    kept = [append(), append(age=timedelta(days=8)), append()]
    assert prune() == 1
    assert entries() == [(old, 0), *((revision, 1) for revision in kept)]


@pytest.mark.django_db(transaction=True)
def test_several_may_prune_at_once() -> None:
    revisions = [append(age=timedelta(days=8)) for _ in range(50)] + [append()]
    removed: list[int] = []

    def prune_in_thread() -> None:
        try:
            removed.append(prune())
        finally:
            connection.close()

    threads = [threading.Thread(target=prune_in_thread) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(removed) == 4
    assert entries() == [(revisions[-2], 0), (revisions[-1], 1)]


@pytest.mark.django_db(transaction=True)
def test_the_command_prunes() -> None:
    append(age=timedelta(days=3))
    append()
    out = StringIO()
    call_command("prune_feed", "--days", "2", stdout=out)
    assert out.getvalue() == "Removed 1 entries of the live feed.\n"
