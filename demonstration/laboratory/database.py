"""A database that runs out of connections: its own, with a role that may have so many at a time. Recording is not
harmed, since its connections are another role's.

Both are made when the laboratory begins and dropped when it ends, and marked by a comment as made here. What a killed
demonstration left is recognised by the mark, and by nobody holding the lock in it any more.
"""

import contextlib
import secrets
import time
from collections.abc import Iterable
from typing import Any, Final, LiteralString

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from actionlog_site.embedded_postgres import DEMONSTRATION_ROLE

NAME: Final = DEMONSTRATION_ROLE
"""Of the role, which the embedded server lets in by this name, and of the database."""
MARK: Final = "Made by the Actionlog demonstration, and removed by it."
LOCK: Final = 7_236_981
CONNECTION_LIMIT: Final = 6
HIGHEST_LIMIT: Final = 12
CONNECT_SECONDS: Final = 2
FREE_SECONDS: Final = 1.0
# The role and its mark come at once: a role without it is none of ours.
ROLE: Final[tuple[LiteralString, ...]] = (
    "CREATE ROLE {name} LOGIN PASSWORD {password} CONNECTION LIMIT {limit}",
    "COMMENT ON ROLE {name} IS {mark}",
    # Without it only a superuser could end the role's connections.
    "GRANT {name} TO CURRENT_USER",
)
DATABASE: Final[tuple[LiteralString, ...]] = (
    "CREATE DATABASE {name}",
    "COMMENT ON DATABASE {name} IS {mark}",
    "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {name} TO {name}",
)

Connection = psycopg.Connection[tuple[Any, ...]]


class LeftOut(Exception):
    """The database cannot be had here; the message says why."""


class LimitedDatabase:
    """url is that of a role that may make roles and databases; it need not be a superuser."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._admin: Connection | None = None
        self.conninfo = ""
        """How the limited role connects."""

    def create(self) -> None:
        """Raises LeftOut when the server does not allow it, or another demonstration has it."""
        try:
            with psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_SECONDS) as site:
                self._drop_left_behind(site)
                password = secrets.token_urlsafe(24)
                with site.transaction():
                    _execute(site, ROLE, password)
                _execute(site, DATABASE, password)
            self._hold()
            self.conninfo = make_conninfo(
                self._url, user=NAME, password=password, dbname=NAME, connect_timeout=CONNECT_SECONDS
            )
            self.probe()
        except (errors.DuplicateObject, errors.DuplicateDatabase, errors.UniqueViolation) as error:
            raise LeftOut("another demonstration begins on the same server") from error
        except errors.InsufficientPrivilege as error:
            self.drop()
            raise LeftOut(f"the database user may not make roles and databases ({_line(error)})") from error
        except psycopg.Error as error:
            self.drop()
            raise LeftOut(_line(error)) from error

    def drop(self) -> None:
        """Removes what was made. The connections to it end."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_SECONDS) as site,
        ):
            _drop(site)

    def probe(self) -> None:
        """Connects as the limited role and asks something. Raises psycopg.OperationalError when that fails."""
        with psycopg.connect(self.conninfo, autocommit=True, application_name="actionlog-demo-probe") as connection:
            connection.execute("SELECT 1")

    def wait_until_free(self) -> None:
        """Until there is room for a connection, but a second at most: a server process ends a little after its
        client has closed the connection."""
        deadline = time.monotonic() + FREE_SECONDS
        while time.monotonic() < deadline:
            try:
                self.probe()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                break

    def connections(self) -> dict[str, int]:
        """How many the role has, by state: active, idle, "idle in transaction"."""
        rows = self._ask(
            "SELECT state, count(*) FROM pg_stat_activity"
            " WHERE usename = %s AND application_name <> 'actionlog-demo-probe' GROUP BY 1 ORDER BY 1",
            NAME,
        )
        return {str(state): count for state, count in rows}

    def terminate_leaked(self) -> int:
        """Ends the connections that were left in the midst of a transaction; how many they were."""
        rows = self._ask(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
            " WHERE usename = %s AND state = 'idle in transaction'",
            NAME,
        )
        return len(rows)

    def terminate_all(self) -> None:
        """Ends every connection of the role, and returns when they are gone."""
        self._ask("SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename = %s", NAME)

    def limit(self) -> int:
        return int(self._ask("SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", NAME)[0][0])

    def set_limit(self, limit: int) -> None:
        """Raises ValueError above HIGHEST_LIMIT."""
        if limit > HIGHEST_LIMIT:
            raise ValueError(f"The role may have at most {HIGHEST_LIMIT} connections, not {limit}.")
        self._connected().execute(
            sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(sql.Identifier(NAME), sql.Literal(limit))
        )

    def _drop_left_behind(self, site: Connection) -> None:
        """Removes what a killed demonstration left. Raises LeftOut when it is not ours, or one in use."""
        marks = site.execute(
            "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %(name)s"
            " UNION ALL SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %(name)s",
            {"name": NAME},
        ).fetchall()
        if not marks:
            return
        if (MARK,) not in marks or any(mark not in (None, MARK) for (mark,) in marks):
            raise LeftOut(f"a role or database {NAME} is there that the demonstration did not make")
        try:
            with psycopg.connect(self._url, dbname=NAME, autocommit=True, connect_timeout=CONNECT_SECONDS) as inside:
                if not _take_lock(inside):
                    raise LeftOut("another demonstration uses the same server")
        except psycopg.OperationalError:  # killed before it made the database
            pass
        _drop(site)

    def _hold(self) -> None:
        self._admin = psycopg.connect(self._url, dbname=NAME, autocommit=True, connect_timeout=CONNECT_SECONDS)
        _take_lock(self._admin)

    def _connected(self) -> Connection:
        """The administrator's connection; a new one when the server was started anew meanwhile."""
        if self._admin is None or self._admin.closed:
            self._hold()
        assert self._admin is not None
        return self._admin

    def _ask(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._connected().execute(query, values).fetchall()
        except psycopg.OperationalError:
            return self._connected().execute(query, values).fetchall()


def _execute(site: Connection, statements: Iterable[LiteralString], password: str) -> None:
    for statement in statements:
        site.execute(
            sql.SQL(statement).format(
                name=sql.Identifier(NAME),
                password=sql.Literal(password),
                limit=sql.Literal(CONNECTION_LIMIT),
                mark=sql.Literal(MARK),
            )
        )


def _take_lock(connection: Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
    return row == (True,)


def _drop(site: Connection) -> None:
    name = sql.Identifier(NAME)
    site.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
    site.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))


def _line(error: psycopg.Error) -> str:
    """The last line of what the server said: the ones before tell of the other addresses that were tried."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
