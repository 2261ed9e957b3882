"""A database that cannot be reached, for real: nothing listens on its port."""

import copy
from collections.abc import Callable

from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.http import HttpRequest, HttpResponse

NOTHING_LISTENS_HERE = "1"


def use_lost_database() -> None:
    """Raises what Django raises when its connection pool can reach no server."""
    settings = copy.deepcopy(connection.settings_dict)
    settings.update(HOST="127.0.0.1", PORT=NOTHING_LISTENS_HERE)
    settings["OPTIONS"]["pool"] = {"min_size": 0, "max_size": 1, "timeout": 0.2}
    lost = DatabaseWrapper(settings, "lost")
    try:
        lost.cursor()
    finally:
        lost.close_pool()


def losing_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Needs the database after the view, as the session does."""

    def middleware(request: HttpRequest) -> HttpResponse:
        get_response(request)
        use_lost_database()
        raise AssertionError("the lost database was found")

    return middleware
