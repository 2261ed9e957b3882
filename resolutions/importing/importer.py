"""Imports a folder, once or for as long as it is told to: scan, leave out what is known, read, record, note."""

import itertools
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from resolutions.importing.ahead import ahead
from resolutions.importing.documents import Import, open_import
from resolutions.importing.folder import scan
from resolutions.importing.ledger import leave_out_known, note, outcome_of
from resolutions.ingest import ingest

logger = logging.getLogger(__name__)

# A transaction has this many files at most, and no further one once it has so many bytes.
BATCH_FILES: Final = 1000
BATCH_BYTES: Final = 4 * 1024 * 1024
BATCHES_AHEAD: Final = 2
# How many batches are recorded at once, each by a connection of its own.
RECORDERS: Final = 2
# How many files are looked up in the ledger at once.
LOOKED_UP: Final = 5000
# How long a watched folder is left alone between two looks. A look costs some 20 microseconds a file that is known, so
# that it takes about a third of one core, however large the folder is.
PAUSE_SECONDS: Final = 1.0
PAUSE_SECONDS_PER_KNOWN_FILE: Final = 40e-6
# A database that is away, full or busy is asked again after these pauses; a watch goes on asking after the longest.
RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class Imported:
    """What became of some files: how many of each outcome, known for those that were not read, and the bad ones."""

    counts: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[str, str]] = field(default_factory=list)


def import_folder(
    folder: str, *, zone: ZoneInfo | None = None, again: bool = False, watch: bool = False, stop: threading.Event
) -> Iterator[Imported]:
    """Import what is in the folder (absolute) and yield what became of each batch once it is recorded.

    zone: that of times without an offset, which are refused when it is None. again: files that are known are read
    again. watch: goes on with files that appear or change, until stop is set. Files that were bad before are tried
    again once, and then when they change. Killed at any moment and called again, it goes on where it was.
    Raises django.db.Error when the database cannot do its part, one that is away after several tries; for that a
    watch tries until it is back.
    """
    database = _Patience(stop, for_ever=watch)
    first = True
    while True:
        known = 0
        batches = _batches(folder, zone, database, ledger=not (again and first), bad_too=not first)
        with closing(ahead(batches, depth=BATCHES_AHEAD)) as read_ahead:
            for imported in _record_all(read_ahead, database, stop):
                known += imported.counts["known"]
                if not first:
                    del imported.counts["known"]
                yield imported
        first = False
        if not watch or stop.wait(PAUSE_SECONDS + known * PAUSE_SECONDS_PER_KNOWN_FILE):
            return


def _record_all(
    batches: Iterable[tuple[int, list[Import]]], database: "_Patience", stop: threading.Event
) -> Iterator[Imported]:
    """What became of each batch, in their order. While PostgreSQL works for one, Python works for another.

    Two that tell of one attempt meet in the database, as two web processes do.
    """
    with ThreadPoolExecutor(RECORDERS, thread_name_prefix="recorder") as recorders:
        begun: deque[Future[Imported]] = deque()
        for known, batch in batches:
            if stop.is_set():
                break
            begun.append(recorders.submit(_record, known, batch, database))
            if len(begun) == RECORDERS:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


class _Patience:
    """Does again, after a while, what failed because the database is away, full or busy."""

    def __init__(self, stop: threading.Event, *, for_ever: bool) -> None:
        self._stop = stop
        self._for_ever = for_ever

    def __call__(self, work: Callable[[], Result]) -> Result:
        """What the work returns. Raises django.db.Error when it fails too often, or when there is no time to wait."""
        pauses = iter(RETRY_SECONDS)
        while True:
            try:
                return work()
            except (OperationalError, InterfaceError) as error:
                connections.close_all()
                pause = next(pauses, RETRY_SECONDS[-1] if self._for_ever else None)
                if pause is None:
                    raise
                logger.warning("importing waits for the database: %s", error)
                if self._stop.wait(pause):
                    raise


def _batches(
    folder: str, zone: ZoneInfo | None, database: _Patience, *, ledger: bool, bad_too: bool
) -> Generator[tuple[int, list[Import]], None, None]:
    """How many files are known, and what the others hold, as much of it as makes a transaction."""
    for found in _chunks(scan(folder), LOOKED_UP):
        files = database(partial(leave_out_known, found, bad_too=bad_too)) if ledger else found
        known = len(found) - len(files)
        batch: list[Import] = []
        size = 0
        for file in files:
            each = open_import(file, zone)
            if each is None:
                continue
            batch.append(each)
            size += file.size
            if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
                yield known, batch
                known, batch, size = 0, [], 0
        if batch or known:
            yield known, batch


def _record(known: int, batch: list[Import], database: _Patience) -> Imported:
    try:
        submissions = [each.submission for each in batch if each.submission is not None]
        if submissions:
            database(partial(ingest, submissions))
        # Only now: killed in between, the files are read again, and change nothing.
        database(partial(note, batch, now=timezone.now()))
    finally:
        connections.close_all()  # back into the pool: this thread may have no further batch
    imported = Imported(Counter(outcome_of(each).value for each in batch))
    imported.counts["known"] = known
    imported.bad = [(each.file.path, each.reason) for each in batch if each.reason is not None]
    return imported


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk
