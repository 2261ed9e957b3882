"""Marks what went silent as abandoned. The verb itself is resolutions.abandonment.mark_abandoned."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from resolutions.abandonment import SILENT_FOR, mark_abandoned


class Command(BaseCommand):
    help = "Mark attempts and resolution attempts that are not final and went silent as abandoned (lost contact)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--silent-for",
            type=float,
            default=SILENT_FOR.total_seconds() / 60,
            metavar="MINUTES",
            help="how long nothing was heard (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        silent_for = timedelta(minutes=options["silent_for"])
        attempts, resolutions = mark_abandoned(silent_for=silent_for, now=timezone.now())
        self.stdout.write(f"marked as abandoned: {attempts} action attempts, {resolutions} resolution attempts")
