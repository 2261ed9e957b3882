"""The one transaction in which documents become the record: rows, signals, feed entry, commit.

One global order of locks: resolutions, attempts, steps, then what the receivers of the signals lock, then the feed.
Decoding is in decoding.py; the queue in front of this, in the door.
"""

import logging
import random
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Final, cast

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, transaction
from django.utils import timezone
from msgspec.json import encode as encode_json

from attempts.locks import RECORDING
from attempts.recording import AttemptSubmission, record_attempts
from attempts.refusals import keep_refusals
from attempts.rows import AttemptChange
from attempts.signals import (
    RETRIED_STATES,
    DerivedWorkFailed,
    attempts_recorded,
    derived,
    sqlstate,
    trusting_receivers,
)
from attempts.storage import execute
from attempts.submissions import Submission
from resolutions.decoding import decode_ingest
from resolutions.feed.entries import append_entry, head
from resolutions.recording import ResolutionSubmission, record_resolutions
from resolutions.rows import ResolutionChange
from resolutions.signals import resolutions_recorded

logger = logging.getLogger(__name__)

TRIES: Final = 5
UNIQUE_VIOLATION: Final = "23505"
# A unique violation of one of these is two recorders meeting in the same new id: the second merges into the first.
IDENTITIES: Final = frozenset({"action_attempts_pkey", "action_logs_pkey", "resolution_attempts_pkey"})
# How long a transaction waits for any one lock before its sender is told to send again.
LOCK_TIMEOUT: Final = "5s"

_BEGIN: Final = f"""
    SELECT set_config('lock_timeout', '{LOCK_TIMEOUT}', true), pg_advisory_xact_lock_shared({RECORDING}),
           ARRAY(SELECT id FROM access_api_keys WHERE id = ANY(%s) AND revoked_at IS NULL)
"""  # noqa: S608  # constants


def ingest(submissions: Sequence[Submission[Any]], *, now: datetime | None = None) -> int:
    """Record these documents in one transaction; each is told its outcome. Returns the cursor that covers them.

    Documents of one record are merged in the order given. A group that fails on its data is halved, each half in its
    own transaction, until the bad document stands alone and is rejected. Raises django.db.Error when the database
    cannot do its part (lost, out of space, a lock not to be had): nothing of the last transaction is stored then, and
    all may be sent again.
    """
    trust, tries = True, 0
    while True:
        try:
            return _record(submissions, now or timezone.now(), trust=trust)
        except DerivedWorkFailed:
            trust = False
        except (DataError, IntegrityError) as error:
            tries += 1
            if not _is_identity_met_twice(error) or tries == TRIES:
                return _halve(submissions, error, now)
        except InterfaceError:
            raise
        except DatabaseError as error:
            tries += 1
            if sqlstate(error) not in RETRIED_STATES or tries == TRIES:
                raise
            time.sleep(random.uniform(0, 0.01 * tries))  # noqa: S311  # not to meet again at once
        except Exception as error:  # a fault of ours: whoever sent something else must not pay for it
            return _halve(submissions, error, now)


def _record(submissions: Sequence[Submission[Any]], now: datetime, *, trust: bool) -> int:
    with transaction.atomic(), trusting_receivers() if trust else nullcontext():
        active = begin(sorted({submission.key.id for submission in submissions if submission.key is not None}))
        admitted = [submission for submission in submissions if _admit(submission, active)]
        resolutions = record_resolutions(
            [cast(ResolutionSubmission, each) for each in admitted if each.kind == "resolution_attempt"], now=now
        )
        attempts = record_attempts(
            [cast(AttemptSubmission, each) for each in admitted if each.kind == "action_attempt"], now=now
        )
        keep_refusals(submissions, now=now)
        return publish(resolutions, attempts, now=now)


def begin(key_ids: Sequence[int] = ()) -> set[int]:
    """The first statement of a recording transaction: a recount waits for it. Returns which keys are active."""
    row = execute(_BEGIN, [list(key_ids)]).fetchone()
    return set(row[2]) if row else set()


def publish(resolutions: Sequence[ResolutionChange], attempts: Sequence[AttemptChange], *, now: datetime) -> int:
    """Tell the receivers and the feed what this transaction changed. The last thing before its commit."""
    if resolutions:
        resolutions_recorded.send(sender=None, changes=resolutions)
    if attempts:
        attempts_recorded.send(sender=None, changes=attempts)
    cursors: list[int] = []
    _append_to_feed(None, cursors=cursors, resolutions=resolutions, attempts=attempts, now=now)
    return cursors[0] if cursors else 0


@derived()
def _append_to_feed(
    *,
    cursors: list[int],
    resolutions: Sequence[ResolutionChange],
    attempts: Sequence[AttemptChange],
    now: datetime,
) -> None:
    """A feed that fails costs the feed its entry, never the record: @derived, like any receiver."""
    if not resolutions and not attempts:
        cursors.append(head())
        return
    cursors.append(
        append_entry(
            attempt_ids=[change.after.attempt_id for change in attempts],
            resolution_ids=[change.after.resolution_id for change in resolutions],
            now=now,
        )
    )


def _admit(submission: Submission[Any], active_keys: set[int]) -> bool:
    """Whether a document may be recorded. The key is looked at in the transaction: a revoked one writes nothing."""
    if submission.document is None:
        return False
    if submission.key is not None and submission.key.id not in active_keys:
        submission.refuse("unauthorized", "unauthorized", "This API key was revoked. Ask for a new one.")
        return False
    return True


def _is_identity_met_twice(error: BaseException) -> bool:
    violated = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    return sqlstate(error) == UNIQUE_VIOLATION and violated in IDENTITIES


def _halve(submissions: Sequence[Submission[Any]], error: Exception, now: datetime | None) -> int:
    if len(submissions) > 1:
        middle = len(submissions) // 2
        first = ingest(submissions[:middle], now=now)
        return max(first, ingest(submissions[middle:], now=now))
    (submission,) = submissions
    logger.error("a document that passed validation cannot be recorded", exc_info=error)
    submission.discard(
        "PostgreSQL cannot store this document: " + str(error).splitlines()[0]
        if isinstance(error, DatabaseError)
        else "This document meets a fault of ours. It is kept among the refused ones."
    )
    return ingest(submissions, now=now)


def ingest_json(request: bytes | dict[str, Any], *, now: datetime | None = None) -> dict[str, Any]:
    """Record a whole ingest request in this process, as commands do: the answer that the write door would give.

    Raises access.errors.ApiError for a request that is no ingest request.
    """
    body = request if isinstance(request, bytes) else encode_json(request)
    submissions = decode_ingest(body, None)
    cursor = ingest(submissions, now=now)
    return {"results": [submission.result() for submission in submissions], "cursor": cursor}
