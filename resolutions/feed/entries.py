"""The feed's log: its only writer, its head, and its pruning. Reading what changed is in queries.py."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from django.db import connection
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from attempts.locks import FEED
from attempts.storage import execute, uuid_array

CHANNEL: Final = "actionlog_feed"
KEPT: Final = timedelta(days=7)
# An entry is never read in part, so a large transaction makes several: a reader's frame stays bounded.
IDS_PER_ENTRY: Final = 100

# The lock is taken in a materialized CTE, because nextval (the default of revision) is evaluated for the rows that
# come out of the join with it, so never before the lock is held. It is held until the commit is visible: revisions
# become visible in their order.
APPEND: Final = f"""
    WITH lock AS MATERIALIZED (
        SELECT pg_advisory_xact_lock({FEED})
    ), entry AS (
        INSERT INTO feed (attempt_ids, resolution_ids, created_at)
        SELECT (%(attempt_ids)s::uuid[])[part + 1 : part + {IDS_PER_ENTRY}],
               (%(resolution_ids)s::uuid[])[part + 1 : part + {IDS_PER_ENTRY}],
               %(now)s::timestamptz
        FROM lock, generate_series(0, %(last)s::int, {IDS_PER_ENTRY}) AS part
        RETURNING revision
    )
    SELECT revision, pg_notify('{CHANNEL}', revision::text) FROM (SELECT max(revision) AS revision FROM entry) AS newest
"""  # noqa: S608  # only constants are written into the text
HEAD: Final = "SELECT coalesce(max(revision), 0) FROM feed"

FeedAnswer = psycopg.Cursor[tuple[Any, ...]]


def append_entry(*, attempt_ids: Sequence[UUID], resolution_ids: Sequence[UUID], now: datetime) -> int:
    """send_entry, and its revision."""
    return revision_of(send_entry(attempt_ids=attempt_ids, resolution_ids=resolution_ids, now=now))


def revision_of(answer: FeedAnswer | None) -> int:
    """The revision that the feed's answer tells, awaited where it is not there yet; 0 without an answer."""
    row = answer.fetchone() if answer is not None else None
    return int(row[0]) if row is not None else 0


def send_entry(*, attempt_ids: Sequence[UUID], resolution_ids: Sequence[UUID], now: datetime) -> FeedAnswer:
    """Note that these rows changed and wake the followers. revision_of(answer) is the cursor of the change.

    Must be the last statement of the transaction that changes the rows: from here to its commit every other recorder
    waits. Given no ids it writes nothing, and the answer tells the head. Raises TransactionManagementError outside a
    transaction.
    """
    if not attempt_ids and not resolution_ids:
        return execute(HEAD)
    if not connection.in_atomic_block:
        raise TransactionManagementError("An entry belongs at the end of the transaction that changes the rows.")
    last = max(len(attempt_ids), len(resolution_ids)) - 1
    parameters = {
        "attempt_ids": uuid_array(attempt_ids),
        "resolution_ids": uuid_array(resolution_ids),
        "now": now,
        "last": last,
    }
    return execute(APPEND, parameters)


def head() -> int:
    """The newest revision, or 0 when nothing was ever recorded."""
    with connection.cursor() as cursor:
        cursor.execute(HEAD)
        return int(cursor.fetchone()[0])


def prune(*, older_than: timedelta = KEPT) -> int:
    """Remove the entries that are older, and return how many. Several processes may do so at once.

    The newest entry always stays, so that the head never goes back. Only the oldest end is cut: an entry with an odd
    clock stays until all before it may go, because a gap in the middle would be a change that readers silently miss.
    The last entry removed stays as an empty one, the mark by which a log that was cut is known from a young one.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH mark AS (
                SELECT max(revision) AS revision FROM feed WHERE revision < least(
                    (SELECT min(revision) FROM feed WHERE created_at >= %s),
                    (SELECT max(revision) FROM feed)
                )
            ), removed AS (
                DELETE FROM feed USING mark WHERE feed.revision < mark.revision
                RETURNING cardinality(attempt_ids) + cardinality(resolution_ids) AS ids
            ), emptied AS (
                UPDATE feed SET attempt_ids = '{}', resolution_ids = '{}' FROM mark
                WHERE feed.revision = mark.revision AND cardinality(attempt_ids) + cardinality(resolution_ids) > 0
                RETURNING 1
            )
            SELECT (SELECT count(*) FROM removed WHERE ids > 0) + (SELECT count(*) FROM emptied)
            """,
            [timezone.now() - older_than],
        )
        return int(cursor.fetchone()[0])
