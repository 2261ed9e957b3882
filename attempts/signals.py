"""The signals that the record sends, and the rule under which they are received.

attempts_recorded(changes: list[AttemptChange]) is sent once in a recording transaction, before it commits. A receiver
is wrapped in @derived: its failure costs its own work, never the record.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final

from django.db import connection, transaction
from django.dispatch import Signal

logger = logging.getLogger(__name__)

attempts_recorded = Signal()

# Serialisation failure and deadlock: PostgreSQL asks for the whole transaction to be tried again.
RETRIED_STATES: Final = frozenset({"40001", "40P01"})
LOCK_TIMEOUT_STATE: Final = "55P03"

_trusting: ContextVar[bool] = ContextVar("trusting", default=False)


@contextmanager
def trusting_receivers() -> Iterator[None]:
    """Run receivers without a savepoint each, which would be a third of a recording transaction's statements.

    For a caller that runs the whole transaction again, without this, when anything fails.
    """
    token = _trusting.set(True)
    try:
        yield
    finally:
        _trusting.reset(token)


def receivers_are_trusted() -> bool:
    """Whether this runs within trusting_receivers(): when anything fails, all of it is done again without."""
    return _trusting.get()


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-character code of a Django or psycopg exception, or None when it has none."""
    found: str | None = getattr(error.__cause__ or error, "sqlstate", None)
    return found


def derived(
    *, on_failure: Callable[..., None] | None = None, fatal: frozenset[str] = RETRIED_STATES
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a receiver whose failure never costs the record.

    When the receiver raises, its savepoint is rolled back, the error is logged, and on_failure (same arguments) notes
    what was missed, in a savepoint of its own. What makes the whole transaction impossible is raised on: a lost
    connection, and the SQLSTATEs in fatal, by default the deadlocks and serialisation failures after which all of it is
    tried again.
    """

    def decorate(receiver: Callable[..., None]) -> Callable[..., None]:
        @wraps(receiver)
        def receive(sender: object, **arguments: Any) -> None:
            arguments.pop("signal", None)
            if _trusting.get():
                receiver(**arguments)
            elif not _guarded(receiver, arguments, fatal) and on_failure is not None:
                _guarded(on_failure, arguments)

        receive.is_derived = True  # type: ignore[attr-defined]
        return receive

    return decorate


def _guarded(work: Callable[..., None], arguments: dict[str, Any], fatal: frozenset[str] = RETRIED_STATES) -> bool:
    """Whether the work was done. Undone whole when it raises."""
    try:
        with transaction.atomic():
            work(**arguments)
    except Exception as error:
        if connection.needs_rollback or connection_is_lost() or sqlstate(error) in fatal:
            raise
        logger.exception("%s.%s failed; the record stands", work.__module__, work.__qualname__)
        return False
    return True


def connection_is_lost() -> bool:
    """Whether the connection of the transaction is gone, and all that was not committed with it."""
    return connection.connection is None or bool(connection.connection.closed)
