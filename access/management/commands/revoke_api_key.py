"""Revokes an API key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from access.keys import revoke_key
from access.models import ApiKey


class Command(BaseCommand):
    help = "Revoke the one active API key with this prefix or name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="PREFIX_OR_NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        told = options["key"]
        found = list(ApiKey.objects.filter(Q(prefix=told) | Q(name=told), revoked_at=None))
        if not found:
            raise CommandError(f"No active API key has the prefix or name {told!r}.")
        if len(found) > 1:
            raise CommandError(f"Several have it; name one by its prefix: {', '.join(key.prefix for key in found)}.")
        revoke_key(key=found[0])
        self.stderr.write(f"Revoked the API key {found[0]}.")
