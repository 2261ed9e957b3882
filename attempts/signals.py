"""The signals that the record sends, and the rule under which they are received.

attempts_recorded(changes: list[AttemptChange]) is sent once in a recording transaction, before it commits. A receiver
is wrapped in @derived: it works in a savepoint of its own, and when it raises, its work alone is undone.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.db import connection, transaction
from django.dispatch import Signal

logger = logging.getLogger(__name__)

attempts_recorded = Signal()

# Serialisation failure and deadlock: PostgreSQL asks for the whole transaction to be tried again.
RETRIED_STATES: Final = frozenset({"40001", "40P01"})


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-character code of a Django or psycopg exception, or None when it has none."""
    found: str | None = getattr(error.__cause__ or error, "sqlstate", None)
    return found


def derived(*, on_failure: Callable[..., None] | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a receiver whose failure never costs the record.

    When the receiver raises, its savepoint is rolled back, the error is logged, and on_failure (same arguments) notes
    what was missed, in a savepoint of its own. What makes the whole transaction impossible is raised on: a lost
    connection, and the deadlocks and serialisation failures after which all of it is tried again.
    """

    def decorate(receiver: Callable[..., None]) -> Callable[..., None]:
        @wraps(receiver)
        def receive(sender: object, **arguments: Any) -> None:
            if _guarded(receiver, arguments) or on_failure is None:
                return
            _guarded(on_failure, arguments)

        return receive

    return decorate


def _guarded(work: Callable[..., None], arguments: dict[str, Any]) -> bool:
    """Whether the work was done. Undone whole when it raises."""
    arguments.pop("signal", None)
    try:
        with transaction.atomic():
            work(**arguments)
    except Exception as error:
        if connection.needs_rollback or connection.connection is None or connection.connection.closed:
            raise
        if sqlstate(error) in RETRIED_STATES:
            raise
        logger.exception("%s.%s failed; the record stands", work.__module__, work.__qualname__)
        return False
    return True
