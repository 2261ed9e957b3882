"""Real processes: killed at any moment, sharing a folder, forking in the midst of appends."""

import contextlib
import os
import random
import select
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from actionlog_client.journal.entries import Weight
from actionlog_client.tests.journals import append, directory, entries_in, everything, numbers_in

Told = dict[str, list[int]]


@contextlib.contextmanager
def writer(path: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "actionlog_client.tests.writer_process", str(path), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def listen(process: subprocess.Popen[bytes], seconds: float, *, until: bytes | None = None) -> tuple[Told, bytes]:
    """What the writer says returned, for so long after its first word, and then until it is dead."""
    assert process.stdout is not None
    heard = b""
    ends: float | None = None
    while ends is None or time.monotonic() < ends:
        ready, _, _ = select.select([process.stdout], [], [], 0.001 if ends else 30)
        if ready:
            heard += os.read(process.stdout.fileno(), 1 << 20)
            ends = ends or time.monotonic() + seconds
        if until is not None and until in heard:
            break
    process.kill()
    heard += process.stdout.read()
    process.wait()
    told: Told = defaultdict(list)
    for line in heard.split(b"\n")[:-1]:
        if b" " in line:
            journal_id, number = line.split()
            told[journal_id.decode()].append(int(number))
    return told, heard


def test_what_returned_is_readable_after_a_kill_at_any_moment(tmp_path: Path) -> None:
    choice = random.Random(7)
    for round_number in range(12):
        home = tmp_path / str(round_number)
        with writer(home, "2") as process:
            told, _ = listen(process, choice.uniform(0, 0.05))
        ((journal_id, numbers),) = told.items()
        (adopted,) = directory(home).adopt()
        assert adopted.journal_id == UUID(journal_id)
        assert adopted.facts.process_id == process.pid
        found = [entry.number for entry in everything(adopted.reader("delivered"))]
        # Without a gap, and nothing that returned is missing; at most the call of each thread may not have returned.
        assert found == list(range(1, len(found) + 1))
        assert set(numbers) <= set(found)
        assert len(found) - len(numbers) <= 2
        assert adopted.written == len(found)
        assert adopted.is_closed
        adopted.release()


def test_a_journal_that_is_written_is_adopted_by_nobody(tmp_path: Path) -> None:
    with writer(tmp_path, "1") as process:
        assert process.stdout is not None
        process.stdout.read(1)
        journals = directory(tmp_path)
        (state,) = journals.journals()
        assert state.is_held
        assert journals.adopt() == []
        listen(process, 0)
        (state,) = journals.journals()
        assert not state.is_held
        assert len(journals.adopt()) == 1
        assert directory(tmp_path).adopt() == []


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    with writer(tmp_path, "1") as one, writer(tmp_path, "1") as other:
        told = {**listen(one, 0.2)[0], **listen(other, 0.2)[0]}
    assert len(told) == 2
    for journal_id, numbers in told.items():
        assert set(numbers) <= set(numbers_in(tmp_path / "journal" / journal_id))


def test_a_fork_in_the_midst_of_appends_harms_neither_side(tmp_path: Path) -> None:
    with writer(tmp_path, "3", "fork") as process:
        told, heard = listen(process, 60, until=b"forked\n")
    assert b"forked\n" in heard
    assert len(told) == 11
    for journal_id, numbers in told.items():
        found = numbers_in(tmp_path / "journal" / journal_id)
        assert found == list(range(1, len(found) + 1))
        assert set(numbers) <= set(found)
    assert len(directory(tmp_path).adopt()) == 11


def test_a_child_that_leaves_does_not_take_the_parents_lock(tmp_path: Path) -> None:
    journals = directory(tmp_path)
    journal = journals.begin()
    append(journal, Weight.START)
    child = os.fork()
    if child == 0:
        journals.leave_to_parent()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert directory(tmp_path).adopt() == []
    assert append(journal, Weight.OUTCOME) == 2
    assert len(entries_in(journal.folder)) == 2


def test_a_child_that_lives_on_does_not_keep_the_journal_of_a_parent_that_is_gone(tmp_path: Path) -> None:
    told, tell = os.pipe()
    parent = os.fork()
    if parent == 0:
        journals = directory(tmp_path)
        append(journals.begin(), Weight.START)
        if os.fork() == 0:
            journals.leave_to_parent()
            os.write(tell, b"%d" % os.getpid())
        time.sleep(120)
        os._exit(0)
    child = int(os.read(told, 20))
    try:
        assert directory(tmp_path).adopt() == []
        os.kill(parent, 9)
        os.waitpid(parent, 0)
        assert len(directory(tmp_path).adopt()) == 1
    finally:
        os.kill(child, 9)


@pytest.mark.parametrize("readers", [("delivered",), ("delivered", "stored")])
def test_a_restart_goes_on_where_each_reader_was(tmp_path: Path, readers: tuple[str, ...]) -> None:
    journals = directory(tmp_path, readers=readers)
    journal = journals.begin()
    for _ in range(10):
        append(journal, Weight.START)
    delivered = journal.reader("delivered")
    batch = delivered.read(4)
    assert batch is not None
    delivered.acknowledge(batch)
    delivered.read(3)
    journals.release(journal)
    (adopted,) = directory(tmp_path, readers=readers).adopt()
    assert [entry.number for entry in everything(adopted.reader("delivered"))] == [5, 6, 7, 8, 9, 10]
    if "stored" in readers:
        assert len(list(everything(adopted.reader("stored")))) == 10


def ship_and_remove(path: Path, tell: int) -> None:
    """Adopts until nothing is left, says each number it read, and removes what is done: its budget is tiny."""
    journals = directory(path, 1000)
    idle = 0
    while idle < 20:
        adopted = journals.adopt(2)
        idle = 0 if adopted else idle + 1
        for journal in adopted:
            reader = journal.reader("delivered")
            while (batch := reader.read(3)) is not None:
                for entry in batch.entries:
                    os.write(tell, b"%b %d\n" % (journal.journal_id.hex.encode(), entry.number))
                reader.acknowledge(batch)
            journals.release(journal)
        journals.tend()
        time.sleep(0.001)


def test_processes_that_adopt_and_remove_and_list_at_once_do_no_harm(tmp_path: Path) -> None:
    journals = directory(tmp_path)
    for _ in range(40):
        journal = journals.begin()
        for _ in range(8):
            append(journal, Weight.START)
        journals.release(journal)
    told, tell = os.pipe()
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                ship_and_remove(tmp_path, tell)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    for child in children:
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            assert all(state.written in (0, 8) for state in directory(tmp_path).journals())
        assert ended == (child, 0)
    # To look whether a journal is held is to lock it for a moment, so all of them may have passed one by.
    ship_and_remove(tmp_path, tell)
    os.close(tell)
    with open(told, "rb") as pipe:
        lines = pipe.read().split(b"\n")[:-1]
    # Each was read by one of them only, and by one of them surely.
    assert len(lines) == len(set(lines)) == 40 * 8
    # But for what tells that something was removed.
    assert {path.name for path in (tmp_path / "journal").iterdir()} <= {"removed", "removed-unstored"}
