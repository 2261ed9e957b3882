"""manage.py import_action_logs: takes a folder of JSON logs into the record. The work is in resolutions.importing."""

import os
import signal
import sys
import threading
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from tqdm import tqdm

from resolutions.importing.folder import printable, scan
from resolutions.importing.importer import Imported, import_folder
from resolutions.importing.ledger import bad_files

BAD_FOLDER: Final = 2
INTERRUPTED: Final = 130


def time_zone(name: str) -> ZoneInfo:
    """A zone by its IANA name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ArgumentTypeError(f"{name!r} is no known time zone; name one such as UTC or Europe/Berlin") from None


class Command(BaseCommand):
    help = (
        "Import a folder of JSON logs, one file an action attempt. Files (*.json, in sub-folders too; hidden ones and "
        "symbolic links are passed over) are never changed. One that is no valid log is listed and left alone. What "
        "was imported before is not read again unless it has changed, so that an import that was interrupted goes on "
        "where it was. Exit status: 0, 1 when files are bad, 2 when DIR is no folder that can be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR")
        parser.add_argument("--watch", action="store_true", help="go on with files as they appear, until Ctrl-C")
        parser.add_argument(
            "--assume-timezone",
            type=time_zone,
            metavar="ZONE",
            help="the zone of times that lack their offset from UTC (UTC, Europe/Berlin); of an hour that happens "
            "twice when clocks are put back, the first is meant. Without this, files with such times are bad.",
        )
        parser.add_argument("--again", action="store_true", help="read files again that were imported before")

    def handle(
        self,
        *args: Any,
        folder: str,
        watch: bool,
        assume_timezone: ZoneInfo | None,
        again: bool,
        **options: Any,
    ) -> None:
        path = readable_folder(folder)
        began = timezone.now()
        totals: Counter[str] = Counter()
        with stopped_by_signals() as stop, self._progress(path) as bar:
            try:
                for imported in import_folder(path, zone=assume_timezone, again=again, watch=watch, stop=stop):
                    totals += imported.counts
                    self._tell(imported, bar, watch=watch)
            except (DatabaseError, InterfaceError) as error:
                raise CommandError(
                    f"The database cannot go on: {error}\nWhat was imported is kept ({told(totals)}). "
                    "Run the same command again to go on from there."
                ) from error
        bad = 0
        for bad, (name, reason) in enumerate(bad_files(path, since=began), 1):
            if bad == 1:
                self.stdout.write("Bad files, left as they are:")
            self.stdout.write(f"  {name}: {reason}")
        self.stdout.write(f"{told(totals)}, {bad} bad")
        if stop.is_set() and not watch:
            self.stderr.write("Interrupted. Run the same command again to go on from here.")
            raise SystemExit(INTERRUPTED)
        if bad:
            raise SystemExit(1)

    def _progress(self, folder: str) -> "tqdm[Any]":
        """A bar on a terminal, nothing elsewhere."""
        on_terminal = self.stderr.isatty()
        total = sum(1 for _ in scan(folder)) if on_terminal else None
        return tqdm(total=total, unit=" files", disable=not on_terminal, file=sys.stderr, dynamic_ncols=True)

    def _tell(self, imported: Imported, bar: "tqdm[Any]", *, watch: bool) -> None:
        for name, reason in imported.bad:
            line = f"bad: {printable(name)}: {printable(reason)}"
            if bar.disable:
                self.stderr.write(line)
            else:
                bar.write(line, file=sys.stderr)
        bar.update(imported.counts.total())
        if watch and bar.disable and (new := imported.counts - Counter(known=imported.counts["known"])):
            self.stdout.write(", ".join(f"{count} {outcome}" for outcome, count in new.items()))
            self.stdout.flush()


def readable_folder(name: str) -> str:
    """The absolute path, links resolved. Raises CommandError when this is no folder whose files can be listed."""
    path = os.path.realpath(name)
    try:
        with os.scandir(path):
            return path
    except OSError as error:
        raise CommandError(
            f"{name!r} is not a folder that can be read: {error.strerror}. Name the folder with the JSON files.",
            returncode=BAD_FOLDER,
        ) from error


def told(totals: Counter[str]) -> str:
    """What was done, in words."""
    done = ", ".join(f"{totals[outcome]} {outcome}" for outcome in ("imported", "updated", "unchanged"))
    return f"{done}, {totals['known']} imported before"


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that the batch in hand is finished. A second one interrupts at once."""
    stop = threading.Event()

    def set_stop(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    # Elsewhere than in the main thread signals cannot be had, and are not sent.
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    previous = {number: signal.signal(number, set_stop) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
