"""manage.py serve: migrations, first user and key, web server."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from access.sign_in_links import issue_sign_in_link
from actionlog_site.first_run import prepare
from actionlog_site.serve import PortTakenError, greeting, run, take_port
from actionlog_site.upkeep import upkeep_beside


class Command(BaseCommand):
    help = "Brings the database up to date, makes the first user and API key, and serves until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1", help="default: HOST or 127.0.0.1")
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or 8000, help="default: PORT or 8000; 0 takes a free one"
        )
        parser.add_argument(
            "--end-with-parent", action="store_true", help="end when the process that started this one is gone"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        host: str = options["host"]
        try:
            listener = take_port(host, options["port"])
        except PortTakenError as error:
            raise CommandError(str(error)) from error
        with listener:
            first = prepare(settings.ACTIONLOG_HOME)
            text = greeting(
                host=host,
                port=listener.getsockname()[1],
                sign_in_path=issue_sign_in_link(first.operator),
                first=first,
            )
            connections.close_all()  # the web server makes its own, in its own threads
            with upkeep_beside():
                served = run(
                    listener, on_ready=lambda: print(text, flush=True), end_with_parent=options["end_with_parent"]
                )
        if not served:
            raise CommandError("The web server did not start; the reason is above.")
