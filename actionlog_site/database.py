"""Turns a libpq connection string into Django's DATABASES entry. Starts nothing."""

from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict

from actionlog_site.patience import PatientConnection

CONNECT_TIMEOUT_SECONDS: Final = 3
# A request gets its connection from here.
POOL: Final[dict[str, Any]] = {
    "min_size": 1,
    "max_size": 10,
    "connection_class": PatientConnection,
    # How long a read waits for a connection before it is answered 503, and how many wait, each with its thread.
    "timeout": 3.0,
    "max_waiting": 100,
    # The pool tries again after ever longer pauses; giving up soon, it begins anew with the next request.
    "reconnect_timeout": 2.0,
}
# A server that vanished without a word (power, network) is noticed within this order of seconds, also while it is
# waited for. Ignored on a Unix socket, whose other end is this machine.
TCP: Final = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}


def database_settings(url: str) -> dict[str, Any]:
    """Django's settings for the database that a postgresql:// URL (or any libpq string) names.

    Raises psycopg.ProgrammingError when the string is not one.
    """
    told = dict(conninfo_to_dict(url))
    known = {key: told.pop(key, None) or "" for key in ("dbname", "user", "password", "host", "port")}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": known["dbname"],
        "USER": known["user"],
        "PASSWORD": known["password"],
        "HOST": known["host"],
        "PORT": known["port"],
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            **TCP,
            # Django's cursors never prepare; those of attempts.storage do, unless this is None, Django's default.
            "prepare_threshold": 5,
            **told,
            "pool": POOL.copy(),
        },
    }
