"""What changed above a cursor. Used by the hub and by REST alike; the log's writer is entries.py."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
# A frame full of large rows ends before its 500th row; what was read beyond its end was read in vain.
ROWS_PER_QUERY: Final = 100
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

    At most about limit rows and MAX_BYTES: what one entry names (200 rows) is never parted. The rows are read after the
    log, and so are never in an older state than the cursor tells. One query for the log, then two for each 100 rows.
    """
    log = _log_above(cursor if 0 <= cursor <= MAX_CURSOR else MAX_CURSOR)
    if not log.floor <= cursor <= log.head:
        return Reset(log.head)
    attempts, resolutions = _Rows(feed_attempts), _Rows(feed_resolutions)
    reached, size = log.head if not log.entries else cursor, 0
    for part in _parts(_bounded(log.entries, limit)):
        attempts.read(id for entry in part for id in entry.attempt_ids)
        resolutions.read(id for entry in part for id in entry.resolution_ids)
        for entry in part:
            size += attempts.size_of_new(entry.attempt_ids) + resolutions.size_of_new(entry.resolution_ids)
            if size > MAX_BYTES and reached > cursor:
                break
            attempts.take(entry.attempt_ids)
            resolutions.take(entry.resolution_ids)
            reached = entry.revision
        if size > MAX_BYTES:
            break
    return Frame(
        after=cursor, cursor=reached, head=log.head, attempts=attempts.taken(), resolutions=resolutions.taken()
    )


def parse_cursor(text: str) -> int:
    """The cursor that a client wrote, or -1, which is answered with a reset, when it is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else -1


class _Entry(NamedTuple):
    revision: int
    attempt_ids: list[UUID]
    resolution_ids: list[UUID]


class _Log(NamedTuple):
    floor: int
    head: int
    entries: list[_Entry]


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
    return _Log(floor, head, [_Entry(*row[3:]) for row in rows if row[3] is not None])


def _bounded(entries: list[_Entry], limit: int) -> list[_Entry]:
    """The first entries that name no more than limit rows, and at least one."""
    rows: set[tuple[str, UUID]] = set()
    for count, entry in enumerate(entries):
        rows.update(("attempt", id) for id in entry.attempt_ids)
        rows.update(("resolution", id) for id in entry.resolution_ids)
        if count and len(rows) > limit:
            return entries[:count]
    return entries


def _parts(entries: list[_Entry]) -> Iterator[list[_Entry]]:
    """The entries in parts of about ROWS_PER_QUERY ids."""
    part: list[_Entry] = []
    ids = 0
    for entry in entries:
        part.append(entry)
        ids += len(entry.attempt_ids) + len(entry.resolution_ids)
        if ids >= ROWS_PER_QUERY:
            yield part
            part, ids = [], 0
    if part:
        yield part


class _Rows:
    """The rows of one table on their way into a frame: read once each, taken in the order of their last change."""

    def __init__(self, details: Callable[[Iterable[UUID]], Mapping[UUID, FeedAttempt | FeedResolution]]) -> None:
        self._details = details
        self._asked: set[UUID] = set()
        self._known: dict[UUID, Change] = {}
        self._taken: dict[UUID, Change] = {}

    def read(self, ids: Iterable[UUID]) -> None:
        new = set(ids) - self._asked
        self._asked |= new
        self._known.update((id, _change(detail)) for id, detail in self._details(new).items())

    def size_of_new(self, ids: list[UUID]) -> int:
        """Bytes that taking these rows would add."""
        new = (self._known[id] for id in ids if id in self._known and id not in self._taken)
        return sum(len(bytes(change.document)) for change in new)

    def take(self, ids: list[UUID]) -> None:
        """A row that is gone by now is passed over."""
        for id in ids:
            if id in self._known:
                self._taken.pop(id, None)
                self._taken[id] = self._known[id]

    def taken(self) -> list[Change]:
        return list(self._taken.values())


def _change(detail: FeedAttempt | FeedResolution) -> Change:
    facets = {name: getattr(detail, name, None) for name in FACETS}
    # As in the lists of the API: what the engine left behind is not in progress.
    if detail.is_abandoned:
        facets["status"] = "abandoned"
    return Change(document=Raw(msgspec.json.encode(detail)), facets=facets)
