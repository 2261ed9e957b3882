"""manage.py regroup_failures: failures of earlier masking rules under the present ones.

The work is in analytics.patterns.regrouping.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from analytics.patterns.queries import is_exact
from analytics.patterns.regrouping import Plan, is_decided, old_are_left, plan, regroup
from attempts import fingerprint as rules

MAX_SHOWN = 50
REPAIR_FIRST = "What is kept of failures is not exact. Run rebuild_metrics first, which repairs it."


class Command(BaseCommand):
    help = (
        "Regroup the failures that carry fingerprints of earlier masking rules. Shows first what would change."
        " Recording goes on meanwhile; interrupted, the next run goes on where this one was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
        parser.add_argument(
            "--resume",
            action="store_true",
            help="only go on with a regrouping that was interrupted; without it, one is begun where there is none",
        )

    def handle(self, *, dry_run: bool, resume: bool, **options: Any) -> None:
        if not old_are_left() and not is_decided():
            self.stdout.write(f"nothing to regroup: all failures are grouped by masking rules {rules.VERSION}")
            return
        if is_decided():
            self.stdout.write("an earlier run has decided which pattern owns what; failures that are left go on moving")
        elif resume:
            raise CommandError("There is no regrouping to resume. Begin one without --resume.")
        else:
            self._show(plan())
        if dry_run:
            self.stdout.write("nothing was changed")
            return
        if not is_exact():
            raise CommandError(REPAIR_FIRST)
        try:
            moved = regroup(on_moved=self._progress)
        except DatabaseError as error:
            raise CommandError(f"{REPAIR_FIRST} Then run this again; it goes on. ({error})") from error
        self._clear_progress()
        self.stdout.write(f"regrouped: {moved} failures moved to masking rules {rules.VERSION}")

    def _show(self, found: Plan) -> None:
        decided = found.assignment
        self.stdout.write(
            f"masking rules {rules.VERSION}: {found.outlook.failures} failures get"
            f" {len(found.outlook.samples)} fingerprints; {len(decided.kept)} patterns stay,"
            f" {len(decided.absorbed)} become part of another, {len(decided.founded)} are new"
        )
        lines = [
            f"  {source} becomes part of {target}: {found.templates[source]!r} in {found.templates[target]!r}"
            for source, target in sorted(decided.absorbed.items())
        ]
        lines += [
            f"  a new pattern takes {each.failures} failures, most of them from {each.origin}:"
            f" {found.templates.get(each.origin, '')!r}"
            for each in decided.founded
        ]
        for line in lines[:MAX_SHOWN]:
            self.stdout.write(line)
        if len(lines) > MAX_SHOWN:
            self.stdout.write(f"  ... and {len(lines) - MAX_SHOWN} more")

    def _progress(self, moved: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r\x1b[K{moved} failures moved", ending="")
            self.stderr.flush()

    def _clear_progress(self) -> None:
        if self.stderr.isatty():
            self.stderr.write("\r\x1b[K", ending="")
