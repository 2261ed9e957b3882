"""What is to be done again and again: by `manage.py upkeep`, and each minute beside the web server that serve starts.

Nothing waits for it, and the record and every figure are right without it: answers only become slower, silent engines
stay "in progress", and old entries of the feed take room.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Final, NamedTuple

from django.db import connection
from django.utils import timezone

from analytics.summaries.sealing import seal
from attempts.locks import UPKEEP
from attempts.storage import execute
from resolutions.abandonment import SILENT_FOR, mark_abandoned
from resolutions.feed.entries import KEPT, prune

EVERY_SECONDS: Final = 60.0
# Each round looks at what ended lately; every so many, at all there is, for what was recorded late.
ROUNDS_TO_A_FULL_ONE: Final = 30
LATELY: Final = timedelta(days=2)
# Beside a web server, requests come first: between two periods the round rests.
REST_SECONDS: Final = 0.05
STOP_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


class Round(NamedTuple):
    """What one round did: periods summed up, attempts and resolution attempts marked, feed entries removed."""

    sealed: int
    attempts: int
    resolutions: int
    pruned: int


def keep_up(*, since: timedelta | None = None, stopped: Callable[[], object] = lambda: False) -> Round | None:
    """One round of all upkeep. since: look no further back for what is to be summed up; None: everywhere.

    stopped() is asked after each period that was summed up, and may rest first. Returns None when another process is at
    it. Raises what the database raises.
    """
    with closing(connection):
        if execute("SELECT pg_try_advisory_lock(%s)", [UPKEEP]).fetchone() != (True,):
            return None
        try:
            now = timezone.now()
            attempts, resolutions = mark_abandoned(silent_for=SILENT_FOR, now=now)
            pruned = prune(older_than=KEPT)
            sealed = seal(since=None if since is None else now - since, stopped=stopped)
            return Round(sealed, attempts, resolutions, pruned)
        finally:
            execute("SELECT pg_advisory_unlock(%s)", [UPKEEP])


@contextmanager
def upkeep_beside(
    work: Callable[[int, threading.Event], object] | None = None, *, every_seconds: float = EVERY_SECONDS
) -> Iterator[threading.Thread]:
    """Upkeep in a thread of its own, a round each minute, the first after a minute, until left.

    work is given the number of the round, and what is set when it is to end. What fails is logged, and tried again in
    the next round.
    """
    stop = threading.Event()

    def run() -> None:
        number = 0
        while not stop.wait(every_seconds):
            try:
                (work or _round)(number, stop)
            except Exception:
                logger.warning("upkeep failed, and is tried again in %g s", every_seconds, exc_info=True)
            number += 1

    thread = threading.Thread(target=run, name="upkeep", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(STOP_SECONDS)


def _round(number: int, stop: threading.Event) -> None:
    # The first round may have months to sum up; the database is stopped soon after the server.
    keep_up(since=LATELY if number % ROUNDS_TO_A_FULL_ONE else None, stopped=lambda: stop.wait(REST_SECONDS))
