"""manage.py rebuild_metrics: recounts what is derived from the record.

The work is in resolutions.recount (verdicts and reopenings), analytics.rebuild and analytics.patterns.totals.
"""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime

from analytics.buckets import bucket_start
from analytics.patterns.totals import recount_totals
from analytics.rebuild import Difference, recount
from analytics.rollups import Counts
from analytics.summaries.checking import check_summaries
from attempts.validation import EARLIEST, LATEST
from resolutions.recount import recount as recount_columns

MAX_SHOWN = 50


def moment(text: str) -> datetime:
    """An RFC 3339 time with its offset, in the years that records may be of."""
    try:
        parsed = parse_datetime(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} is not a time with its offset, such as 2025-03-01T00:00:00Z")
    if not EARLIEST <= parsed <= LATEST:
        raise ArgumentTypeError(f"{text!r} is outside the years 1970 to 2200, which all records lie in")
    return parsed


class Command(BaseCommand):
    help = "Recount metrics and failure patterns from the recorded attempts, and repair those that differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="change nothing; exit with 1 when anything differs or is to be recounted",
        )
        parser.add_argument("--from", dest="start", type=moment, metavar="T", help="from this time on (RFC 3339)")
        parser.add_argument("--to", dest="end", type=moment, metavar="T", help="up to this time (RFC 3339)")

    def handle(self, *, check: bool, start: datetime | None, end: datetime | None, **options: Any) -> None:
        if start is not None and end is not None and start >= end:
            raise CommandError("--from must be earlier than --to: nothing lies between them.")
        rows = buckets = due = 0
        self._different = 0
        # First, since the rollups count what is in these columns.
        self._show(str(difference) for difference in recount_columns(repair=not check, start=start, end=end))
        for hours, part in enumerate(recount(repair=not check, start=start, end=end), 1):
            rows += part.rows
            buckets += part.buckets
            due += part.recounts_due
            self._show(described(difference) for difference in part.differences)
            self._show(str(difference) for difference in part.failures)
            self._progress(f"{hours} hours recounted, at {part.start:%Y-%m-%d %H:%M}, {self._different} rows differ")
        totals = recount_totals(repair=not check)
        self._show(totals.differences)
        for day in check_summaries(repair=not check, start=start, end=end):
            self._show(f"{name}: is not what its metrics add up to" for name in day.wrong)
        self._clear_progress()
        if self._different > MAX_SHOWN:
            self.stdout.write(f"... and {self._different - MAX_SHOWN} more")
        to_recount = f"{due} buckets and {totals.due} fingerprints"
        if not self._different and not due and not totals.due:
            self.stdout.write(
                f"exact: {rows} rows of {buckets} buckets agree; failure patterns that agree: {totals.patterns}"
            )
        elif check:
            self.stdout.write(
                f"not exact: {self._different} rows differ, {to_recount} were to be recounted;"
                " run rebuild_metrics without --check to repair them"
            )
            raise SystemExit(1)
        else:
            self.stdout.write(
                f"repaired: {self._different} rows, {to_recount} off the recount list;"
                f" {rows} rows now agree; failure patterns that agree: {totals.patterns}"
            )

    def _show(self, differences: Iterable[str]) -> None:
        for difference in differences:
            self._different += 1
            if self._different <= MAX_SHOWN:
                self._clear_progress()
                self.stdout.write(difference)

    def _progress(self, text: str) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r\x1b[K{text}", ending="")
            self.stderr.flush()

    def _clear_progress(self) -> None:
        if self.stderr.isatty():
            self.stderr.write("\r\x1b[K", ending="")


def described(difference: Difference) -> str:
    """One line: bucket, dimensions, what is stored and what was counted."""
    key = difference.key
    dimensions = " ".join(f"{name}={value!r}" for name, value in key._asdict().items() if name != "bucket" and value)
    return (
        f"{bucket_start(key.bucket):%Y-%m-%dT%H:%M:%SZ} {dimensions}:"
        f" stored {counts_text(difference.stored)}, counted {counts_text(difference.counted)}"
    )


def counts_text(counts: Counts) -> str:
    """The status counts by name, and how many durations in how many bins."""
    statuses = [f"{slot} {count}" for slot, count in counts.items() if isinstance(slot, str)]
    bins = {slot: count for slot, count in counts.items() if isinstance(slot, int)}
    if bins:
        statuses.append(f"durations {dict(sorted(bins.items()))}")
    return ", ".join(statuses) or "nothing"
