"""What a live feed starts with: the newest changes, and the rows of some by their ids. Following it is in feed/."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db import connection
from msgspec import Struct

from resolutions.feed.details import FeedAttempt, FeedResolution, feed_attempts, feed_resolutions
from resolutions.feed.entries import head

SHOWN: Final = 40
# Entries looked at, at most: a bound on the work when one row changed often, or when most are of other environments.
LOOKED_AT: Final = 200


class Change(Struct, frozen=True):
    """The present state of what changed: one of the two."""

    attempt: FeedAttempt | None = None
    resolution: FeedResolution | None = None


class NewestChanges(Struct, frozen=True):
    """The newest changes, newest first, and the cursor from which to follow on: nothing after it is missing."""

    cursor: int
    changes: list[Change]


def newest_changes(*, environment: str | None = None, limit: int = SHOWN) -> NewestChanges:
    """What changed last, each row once. Four queries at most."""
    # Read before the rows, so that a change in between is seen twice, never not at all.
    cursor = head()
    with connection.cursor() as database:
        database.execute(
            """
            WITH recent AS (
                SELECT revision, attempt_ids, resolution_ids FROM feed ORDER BY revision DESC LIMIT %(looked_at)s
            ), named AS (
                SELECT id AS attempt_id, NULL::uuid AS resolution_id, max(revision) AS newest
                FROM recent, unnest(attempt_ids) AS id GROUP BY id
                UNION ALL
                SELECT NULL, id, max(revision) FROM recent, unnest(resolution_ids) AS id GROUP BY id
            )
            SELECT named.attempt_id, named.resolution_id
            FROM named
            LEFT JOIN action_attempts AS attempt ON attempt.attempt_id = named.attempt_id
            LEFT JOIN resolution_attempts AS resolution ON resolution.resolution_id = named.resolution_id
            WHERE %(environment)s::text IS NULL
               OR coalesce(attempt.environment, resolution.environment) = %(environment)s
            ORDER BY newest DESC, coalesce(attempt.effective_started_at, resolution.effective_started_at) DESC
            LIMIT %(limit)s
            """,
            {"environment": environment, "limit": limit, "looked_at": LOOKED_AT},
        )
        ids = [attempt_id or resolution_id for attempt_id, resolution_id in database.fetchall()]
    return NewestChanges(cursor=cursor, changes=changes_of(ids))


def changes_of(ids: Sequence[UUID]) -> list[Change]:
    """The present state of what these ids name, in their order; what does not exist is left out. Two queries at most.

    Attempts and resolution attempts may be mixed: their ids are made to be unique.
    """
    found = {id: Change(resolution=resolution) for id, resolution in feed_resolutions(ids).items()}
    found |= {id: Change(attempt=attempt) for id, attempt in feed_attempts(ids).items()}
    return [found[id] for id in ids if id in found]
