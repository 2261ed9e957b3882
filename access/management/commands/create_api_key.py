"""Makes an API key and prints it, once."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.keys import SCOPES, create_key


class Command(BaseCommand):
    help = "Make an API key. Its text, which is shown only now, is all that goes to standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the key is for")
        parser.add_argument(
            "--scope", action="append", choices=SCOPES, required=True, dest="scopes", help="what it may do; repeatable"
        )
        parser.add_argument("--engine", help="let the key write only the records of this engine")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key, token = create_key(name=options["name"], scopes=options["scopes"], engine=options["engine"])
        except ValidationError as fault:
            raise CommandError("; ".join(fault.messages)) from fault
        self.stderr.write(f"Made the API key {key}, scopes {', '.join(key.scopes)}. Keep it: it is not shown again.")
        self.stdout.write(token)
