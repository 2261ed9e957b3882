"""Turns a libpq connection string into Django's DATABASES entry. Starts nothing."""

from typing import Any

from psycopg.conninfo import conninfo_to_dict

POOL_SIZE = 10
CONNECT_TIMEOUT_SECONDS = 5


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
            # Django's cursors never prepare; those of attempts.storage do, unless this is None, Django's default.
            "prepare_threshold": 5,
            **told,
            # A request gets its connection from here; timeout is how long a read waits before it answers 503.
            "pool": {"min_size": 1, "max_size": POOL_SIZE, "timeout": CONNECT_TIMEOUT_SECONDS},
        },
    }
