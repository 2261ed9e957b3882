"""manage.py prune_feed: removes what the live feed no longer needs. The web processes do it hourly by themselves."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from resolutions.feed.entries import KEPT, prune


class Command(BaseCommand):
    help = "Remove old entries of the live feed. Followers whose cursor is older start afresh."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, default=KEPT.days, help="keep this many days (default: %(default)s)")

    def handle(self, *args: Any, days: float, **options: Any) -> None:
        removed = prune(older_than=timedelta(days=days))
        self.stdout.write(f"Removed {removed} entries of the live feed.")
