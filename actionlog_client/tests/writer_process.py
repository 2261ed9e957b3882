"""An engine reduced to its journal: appends until it is killed, and says after each append which number it got.

    python -m actionlog_client.tests.writer_process JOURNAL_DIR THREADS [fork]

With fork the appends go on in threads while the main thread forks children that write journals of their own.
"""

import os
import sys
import threading
from pathlib import Path

from actionlog_client.journal.entries import Journal, Weight
from actionlog_client.tests.journals import append, directory


def work(journal: Journal, until: int) -> None:
    """Tells "journal id, number" for each append, in one write each, so that the parent sees whole lines."""
    for sequence in range(until):
        number = append(journal, Weight.STEP, sequence=sequence, details="x" * (sequence * 37 % 5000))
        os.write(1, b"%b %d\n" % (journal.journal_id.hex.encode(), number))


def main(path: str, threads: str, *how: str) -> None:
    journals = directory(Path(path), 1 << 30)
    journal = journals.begin()
    workers = [threading.Thread(target=work, args=(journal, 10**9), daemon=True) for _ in range(int(threads))]
    for worker in workers:
        worker.start()
    children = 0
    while how == ("fork",) and children < 10:
        child = os.fork()
        if child == 0:
            journals.leave_to_parent()
            work(journals.begin(), 50)
            os._exit(0)
        os.waitpid(child, 0)
        children += 1
    if how == ("fork",):
        os.write(1, b"forked\n")
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
