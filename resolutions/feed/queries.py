"""What changed above a cursor. Used by the hub and by REST alike; the log's writer is entries.py."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection
from msgspec import Raw, Struct

from resolutions.feed.details import FeedAttempt, FeedResolution, feed_attempts, feed_resolutions

MAX_ROWS: Final = 500
MAX_BYTES: Final = 1024 * 1024
# One row that changes a thousand times is one row of a frame, so more ids are looked at than rows are answered.
MAX_IDS: Final = 10 * MAX_ROWS
MAX_CURSOR: Final = 2**63 - 1

FACETS: Final = ("incident_id", "incident_type", "environment", "engine", "action_type", "status")


class Change(Struct, frozen=True):
    """The present state of one row as encoded JSON, and what filters look at: null for a facet it does not have."""

    document: Raw
    facets: dict[str, str | None]


class Frame(Struct, frozen=True):
    """What a reader of `after` needs to be at `cursor`. head is the newest revision at the time of reading.

    A row that changed several times is here once, with its present state, at the place of its last change.
    """

    after: int
    cursor: int
    head: int
    attempts: list[Change]
    resolutions: list[Change]

    @property
    def size(self) -> int:
        """Bytes of all documents."""
        return sum(len(bytes(change.document)) for change in (*self.attempts, *self.resolutions))


class Reset(Struct, frozen=True):
    """The changes above the cursor are not known (any more): start from a fresh page, then follow from here."""

    cursor: int


def changes_after(cursor: int, limit: int = MAX_ROWS) -> Frame | Reset:
    """The next changes above a cursor, oldest first, or Reset when it is older than the log or beyond its head.

    At most about limit rows and MAX_BYTES: what one entry names (200 rows) is never parted. Three queries: the entries,
    then the state of the attempts and of the resolutions, which is therefore never older than the cursor.
    """
    log = _log_above(cursor if 0 <= cursor <= MAX_CURSOR else MAX_CURSOR)
    if not log.floor <= cursor <= log.head:
        return Reset(log.head)
    head, taken = log.head, _bounded(log.entries, limit)
    attempts = _encoded(feed_attempts({id for _, ids, _ in taken for id in ids}))
    resolutions = _encoded(feed_resolutions({id for _, _, ids in taken for id in ids}))
    attempt_ids: dict[UUID, None] = {}
    resolution_ids: dict[UUID, None] = {}
    size, reached = 0, head
    for position, (revision, its_attempts, its_resolutions) in enumerate(taken):
        new = [attempts[id] for id in its_attempts if id in attempts and id not in attempt_ids]
        new += [resolutions[id] for id in its_resolutions if id in resolutions and id not in resolution_ids]
        size += sum(len(bytes(change.document)) for change in new)
        if position and size > MAX_BYTES:
            break
        _move_to_end(attempt_ids, its_attempts)
        _move_to_end(resolution_ids, its_resolutions)
        reached = revision
    return Frame(
        after=cursor,
        cursor=reached,
        head=head,
        attempts=[attempts[id] for id in attempt_ids if id in attempts],
        resolutions=[resolutions[id] for id in resolution_ids if id in resolutions],
    )


def parse_cursor(text: str) -> int:
    """The cursor that a client wrote, or -1, which is answered with a reset, when it is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else -1


Entry = tuple[int, list[UUID], list[UUID]]


class _Log(NamedTuple):
    floor: int
    head: int
    entries: list[Entry]


def _log_above(cursor: int) -> _Log:
    """The least cursor above which nothing was removed, the head, and the first entries above the cursor.

    One statement and so one snapshot, in which no pruning comes between them. The first entry is among them however
    large it is.
    """
    with connection.cursor() as execute:
        execute.execute(
            """
            WITH above AS (
                SELECT revision, attempt_ids, resolution_ids,
                       sum(cardinality(attempt_ids) + cardinality(resolution_ids)) OVER running AS ids,
                       row_number() OVER running AS place
                FROM (SELECT * FROM feed WHERE revision > %s ORDER BY revision LIMIT %s) AS next
                WINDOW running AS (ORDER BY revision)
            )
            SELECT oldest, was_cut, head, above.revision, attempt_ids, resolution_ids
            FROM (SELECT max(revision) AS head FROM feed) AS newest
            LEFT JOIN (
                SELECT revision AS oldest, cardinality(attempt_ids) + cardinality(resolution_ids) = 0 AS was_cut
                FROM feed ORDER BY revision LIMIT 1
            ) AS first ON true
            LEFT JOIN above ON ids <= %s OR place = 1
            ORDER BY above.revision
            """,
            [cursor, MAX_IDS, MAX_IDS],
        )
        rows = execute.fetchall()
    oldest, was_cut, head = rows[0][:3]
    if oldest is None:
        return _Log(0, 0, [])
    # 0 is the cursor of an empty log. The first revision need not be 1: a transaction that failed used its number up.
    floor = oldest if was_cut else 0 if cursor == 0 else oldest - 1
    return _Log(floor, head, [row[3:] for row in rows if row[3] is not None])


def _bounded(entries: list[Entry], limit: int) -> list[Entry]:
    """The first entries that name no more than limit rows, and at least one."""
    rows: set[tuple[str, UUID]] = set()
    for count, (_, attempt_ids, resolution_ids) in enumerate(entries):
        rows.update(("attempt", id) for id in attempt_ids)
        rows.update(("resolution", id) for id in resolution_ids)
        if count and len(rows) > limit:
            return entries[:count]
    return entries


def _encoded(details: Mapping[UUID, FeedAttempt | FeedResolution]) -> dict[UUID, Change]:
    return {
        id: Change(
            document=Raw(msgspec.json.encode(detail)),
            facets={name: getattr(detail, name, None) for name in FACETS}
            # As in the lists of the API: what the engine left behind is not in progress.
            | ({"status": "abandoned"} if detail.is_abandoned else {}),
        )
        for id, detail in details.items()
    }


def _move_to_end(ids: dict[UUID, None], changed: Iterable[UUID]) -> None:
    for id in changed:
        ids.pop(id, None)
        ids[id] = None
