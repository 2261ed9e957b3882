"""The one transaction in which documents become the record: rows, signals, feed entry, commit.

One global order of locks: incidents, resolutions, attempts, steps, refusals, journals, then what the receivers of the
signals lock, then the feed.
Decoding is in decoding.py; the queue in front of this, in the door.
"""

import logging
import random
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from typing import Any, Final, cast

from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.utils import timezone
from msgspec.json import encode as encode_json

from attempts.locks import RECORDING
from attempts.recording import AttemptSubmission, record_attempts
from attempts.refusals import keep_refusals
from attempts.rows import AttemptChange
from attempts.signals import (
    LOCK_TIMEOUT_STATE,
    RETRIED_STATES,
    attempts_recorded,
    connection_is_lost,
    derived,
    sqlstate,
    trusting_receivers,
)
from attempts.storage import drained, execute, pipelined
from attempts.submissions import Submission
from engines.recording import note_journals
from resolutions.decoding import decode_ingest
from resolutions.feed.entries import FeedAnswer, revision_of, send_entry
from resolutions.recording import ResolutionSubmission, record_resolutions
from resolutions.rows import IncidentChange, ResolutionChange
from resolutions.signals import incidents_recorded, resolutions_recorded

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

    A report of a journal among them is noted with the numbers of the documents that were sent with it.

    Documents of one record are merged in the order given. A group that fails on its data is halved, each half in its
    own transaction, until the bad document stands alone and is rejected. Raises django.db.Error when the database
    cannot do its part (lost, out of space, a lock not to be had): nothing of the last transaction is stored then, and
    all may be sent again.
    """
    # Within somebody else's transaction a failure is undone by a savepoint, which a broken pipeline would not hear.
    careful, tries = connection.in_atomic_block, 0
    while True:
        progress = _Progress()
        try:
            return _record(submissions, now or timezone.now(), progress, careful=careful)
        except Exception as error:
            if connection_is_lost():
                raise
            if _may_succeed_again(error):
                tries += 1
                if tries == TRIES:
                    raise
                time.sleep(random.uniform(0, 0.01 * tries))  # noqa: S311  # not to meet again at once
            elif progress.is_published and not careful:
                # Somebody's statement failed, perhaps a receiver's, which may not cost the record: find out whose.
                careful = True
            elif isinstance(error, DatabaseError) and not isinstance(error, DataError | IntegrityError):
                raise
            else:
                # Bad data, or a fault of ours: whoever sent something else must not pay for it.
                return _halve(submissions, error, now)


class _Progress:
    """How far a transaction came: whether its receivers had their turn."""

    is_published = False


def _record(submissions: Sequence[Submission[Any]], now: datetime, progress: _Progress, *, careful: bool) -> int:
    """One transaction. The fast way waits for PostgreSQL twice: once for what is stored already, once for the commit.

    The careful way waits for each statement and gives each receiver a savepoint, so that each error is met where it
    belongs.
    """
    with ExitStack() as stack:
        pipeline = None if careful else stack.enter_context(pipelined())
        if not careful:
            stack.enter_context(trusting_receivers())
        stack.enter_context(transaction.atomic())
        if pipeline is not None:
            stack.enter_context(drained(pipeline))
        admission = Admission(submission.key.id for submission in submissions if submission.key is not None)
        resolutions = record_resolutions(
            [cast(ResolutionSubmission, each) for each in submissions if each.kind == "resolution_attempt"],
            now=now,
            admit=admission.admits,
        )
        attempts = record_attempts(
            [cast(AttemptSubmission, each) for each in submissions if each.kind == "action_attempt"],
            now=now,
            admit=admission.admits,
        )
        # What a revoked key sends is not even kept among the refused.
        admitted = [submission for submission in submissions if admission.admits(submission)]
        keep_refusals(admitted, now=now)
        journals = note_journals(admitted, now=now)
        progress.is_published = True
        entry = publish(resolutions.changes, attempts, now=now, incidents=resolutions.incidents)
    if journals is not None:
        journals.tell()
    return revision_of(entry)


class Admission:
    """The first statement of a recording transaction: a recount waits for it, and it finds which keys are active.

    The keys are looked at in the transaction itself, so that one that was revoked writes nothing. Their answer is
    awaited only when it is first asked for, after the rows were asked for as well.
    """

    def __init__(self, key_ids: Iterable[int] = ()) -> None:
        self._begun = execute(_BEGIN, [sorted(set(key_ids))])

    @cached_property
    def _active_keys(self) -> frozenset[int]:
        row = self._begun.fetchone()
        return frozenset(row[2] if row else ())

    def is_active(self, key_id: int) -> bool:
        """Whether a key that was named is active still."""
        return key_id in self._active_keys

    def admits(self, submission: Submission[Any]) -> bool:
        """Whether a document may be recorded; it is told when not."""
        if submission.key is None or self.is_active(submission.key.id):
            return True
        submission.refuse("unauthorized", "unauthorized", "This API key was revoked. Ask for a new one.")
        return False


def publish(
    resolutions: Sequence[ResolutionChange],
    attempts: Sequence[AttemptChange],
    *,
    now: datetime,
    incidents: Sequence[IncidentChange] = (),
) -> FeedAnswer | None:
    """Tell the receivers and the feed what this transaction changed. The last thing before its commit.

    Returns the feed's answer, which tells the revision; None when the feed failed.
    """
    if resolutions:
        resolutions_recorded.send(sender=None, changes=resolutions)
    if incidents:
        incidents_recorded.send(sender=None, changes=incidents)
    if attempts:
        attempts_recorded.send(sender=None, changes=attempts)
    answers: list[FeedAnswer] = []
    _append_to_feed(None, answers=answers, resolutions=resolutions, attempts=attempts, now=now)
    return answers[0] if answers else None


# A lock that is not to be had in time is no failure of the feed: were it left out, no follower would learn of this.
@derived(fatal=RETRIED_STATES | {LOCK_TIMEOUT_STATE})
def _append_to_feed(
    *,
    answers: list[FeedAnswer],
    resolutions: Sequence[ResolutionChange],
    attempts: Sequence[AttemptChange],
    now: datetime,
) -> None:
    """A feed that fails costs the feed its entry, never the record: @derived, like any receiver."""
    answers.append(
        send_entry(
            attempt_ids=[change.after.attempt_id for change in attempts],
            resolution_ids=[change.after.resolution_id for change in resolutions],
            now=now,
        )
    )


def _may_succeed_again(error: BaseException) -> bool:
    """Whether PostgreSQL asks for the transaction to be tried again, or another recorder was first with a new id."""
    violated = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    return sqlstate(error) in RETRIED_STATES or (sqlstate(error) == UNIQUE_VIOLATION and violated in IDENTITIES)


def _halve(submissions: Sequence[Submission[Any]], error: Exception, now: datetime | None) -> int:
    if len(submissions) > 1:
        middle = len(submissions) // 2
        first = ingest(submissions[:middle], now=now)
        return max(first, ingest(submissions[middle:], now=now))
    (submission,) = submissions
    logger.error("a document that passed validation cannot be recorded", exc_info=error)
    if isinstance(error, DatabaseError):
        submission.discard("PostgreSQL cannot store this document: " + str(error).splitlines()[0])
    else:
        submission.discard("This document meets a fault of ours. It is kept among the refused ones.", code="internal")
    return ingest(submissions, now=now)


def ingest_json(request: bytes | dict[str, Any], *, now: datetime | None = None) -> dict[str, Any]:
    """Record a whole ingest request in this process, as commands do: the answer that the write door would give.

    Raises access.errors.ApiError for a request that is no ingest request.
    """
    body = request if isinstance(request, bytes) else encode_json(request)
    submissions = decode_ingest(body, None)
    return answer_of(submissions, ingest(submissions, now=now))


def answer_of(submissions: Sequence[Submission[Any]], cursor: int) -> dict[str, Any]:
    """The answer to an ingest request: what became of each document, and of the journal's report if there was one."""
    answer: dict[str, Any] = {
        "results": [submission.result() for submission in submissions if submission.kind != "journal"],
        "cursor": cursor,
    }
    for report in submissions:
        if report.kind == "journal":
            answer["journal"] = {"journal_id": report.id(), "outcome": report.outcome, "error": report.error}
    return answer
