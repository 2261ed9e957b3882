"""Several queries that see one state of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_snapshot() -> Iterator[None]:
    """A read-only transaction whose queries all see what was committed when the first of them began.

    A recording transaction is seen whole or not at all: its rows, its rollups, and a bucket it noted for a recount.
    Within a transaction that is open already, nothing is added to what that one sees.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                # PostgreSQL takes a histogram for a thousand rows, and would compile each query for that.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL jit = off")
        yield
