"""manage.py upkeep: one round of what is to be done again and again. `make run` does it each minute by itself."""

from typing import Any

from django.core.management.base import BaseCommand

from actionlog_site.upkeep import keep_up


class Command(BaseCommand):
    help = (
        "Sum up the hours and days that have ended, mark what went silent as abandoned, remove old entries of the live "
        "feed. `make run` does this each minute; where the server is started otherwise, run it from cron."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = keep_up()
        if done is None:
            self.stdout.write("Another process is at it.")
            return
        self.stdout.write(
            f"summed up: {done.sealed} hours and days; marked as abandoned: {done.attempts} action attempts, "
            f"{done.resolutions} resolution attempts; removed: {done.pruned} entries of the live feed"
        )
