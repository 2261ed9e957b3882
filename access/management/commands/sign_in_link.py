"""Prints a link that signs a user in once."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.sign_in_links import LIFETIME, issue_sign_in_link


class Command(BaseCommand):
    help = "Print the path of a link that signs this user in once, without a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"No active user is called {options['username']!r}.")
        minutes = int(LIFETIME.total_seconds() // 60)
        self.stderr.write(f"Signs {user.username} in once, within {minutes} minutes:")
        self.stdout.write(issue_sign_in_link(user))
