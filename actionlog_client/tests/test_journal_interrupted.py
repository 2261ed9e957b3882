"""Logging from within a signal handler or a destructor, in the midst of an append of the same thread."""

import gc
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import Weight
from actionlog_client.journal.file import FileJournal
from actionlog_client.journal.room import UNLIMITED
from actionlog_client.tests.journals import append, directory, entries_in

# How often a call is to be met in its midst, and for how many entries at most that is tried: how often a timer meets
# one depends on the machine, and an entry is written to the disk.
INTERRUPTIONS = 300
MOST_ENTRIES = 200_000


@pytest.fixture
def timer() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def told_ids(journal: FileJournal) -> dict[int, str]:
    entries = entries_in(journal.folder)
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    return {entry.number: entry.id for entry in entries}


@pytest.mark.usefixtures("timer")
def test_a_signal_handler_may_log_at_any_moment(tmp_path: Path) -> None:
    # Small segments, so that the change to the next one is interrupted too.
    journal = JournalDirectory(tmp_path, 64 * 1024 * 64).begin()
    returned: dict[int, str] = {}
    handled = 0
    is_over = False

    def handler(_signal: int, _frame: FrameType | None) -> None:
        nonlocal handled
        handled += 1
        for _ in range(2):
            returned[append(journal, Weight.OUTCOME, f"signal-{handled}")] = f"signal-{handled}"
        if not is_over:
            signal.setitimer(signal.ITIMER_REAL, 0.00003)

    append(journal, Weight.START, "first")
    journal.allow(UNLIMITED)
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.00003)
    count = 0
    while handled < INTERRUPTIONS or journal.written < 8000:
        count += 1
        number = append(journal, Weight.OUTCOME, f"plain-{count}")
        assert number not in returned
        returned[number] = f"plain-{count}"
        assert count < MOST_ENTRIES, "the timer hardly ever comes"
    is_over = True
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert journal.obstacle is None
    assert not journal.waiting
    assert told_ids(journal) == {1: "first", **returned}


class Interruption(Exception):
    """What a signal handler raises, as KeyboardInterrupt is."""


@pytest.mark.usefixtures("timer")
def test_an_exception_out_of_a_signal_handler_loses_nothing_that_returned(tmp_path: Path) -> None:
    journal = directory(tmp_path).begin()
    returned: dict[int, str] = {}

    def handler(_signal: int, _frame: FrameType | None) -> None:
        raise Interruption

    append(journal, Weight.START, "first")
    journal.allow(UNLIMITED)
    began = time.perf_counter()
    for count in range(200):
        returned[append(journal, Weight.STEP, f"timed-{count}")] = f"timed-{count}"
    takes = (time.perf_counter() - began) / 200
    signal.signal(signal.SIGALRM, handler)
    interrupted = count = 0
    while interrupted < INTERRUPTIONS or count < 4000:
        count += 1
        assert count < MOST_ENTRIES, "the timer hardly ever comes in time"
        try:
            # At each moment of a call, however long one takes here, and just after it.
            signal.setitimer(signal.ITIMER_REAL, 1e-6 + takes * (count % 40) / 30)
            returned[append(journal, Weight.STEP, f"plain-{count}")] = f"plain-{count}"
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Interruption:
            interrupted += 1
    journal.close()
    found = told_ids(journal)
    assert returned.items() <= found.items()


def test_a_destructor_may_log_at_any_moment(tmp_path: Path) -> None:
    journal = directory(tmp_path).begin()
    returned: dict[int, str] = {}

    class Lost:
        def __init__(self, name: str) -> None:
            self.name = name
            self.itself = self  # only the garbage collector can end it

        def __del__(self) -> None:
            returned[append(journal, Weight.OUTCOME, self.name)] = self.name

    threshold = gc.get_threshold()
    gc.set_threshold(3)
    try:
        for count in range(1000):
            Lost(f"lost-{count}")
            returned[append(journal, Weight.OUTCOME, f"plain-{count}")] = f"plain-{count}"
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert len(returned) == 2000
    assert told_ids(journal) == returned
