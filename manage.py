#!/usr/bin/env python
"""Django's command line, on the embedded database unless DATABASE_URL names another."""

import os
import sys

from actionlog_site.embedded_postgres import EmbeddedPostgresError, ensure_database


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "actionlog_site.settings")
    try:
        with ensure_database():
            from django.core.management import execute_from_command_line

            execute_from_command_line(sys.argv)
    except EmbeddedPostgresError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell reports Ctrl-C, without a stack of calls that tells nothing


if __name__ == "__main__":
    main()
