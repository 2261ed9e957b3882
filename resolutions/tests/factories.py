"""Rows of this app's tables for tests, written straight into the tables. See attempts.tests.factories."""

import uuid
from typing import Any

from django.utils import timezone

from resolutions.models import FeedEntry, ImportedFile, ResolutionAttempt, Verdict


def make_resolution(**facts: Any) -> ResolutionAttempt:
    """One stored resolution attempt; facts are its columns."""
    received_at = facts.pop("received_at", None) or timezone.now()
    return ResolutionAttempt.objects.create(
        **{
            "resolution_id": uuid.uuid4(),
            "incident_id": "INC-1",
            "received_at": received_at,
            "last_heard_at": received_at,
            **facts,
        }
    )


def make_feed_entry(**facts: Any) -> FeedEntry:
    """The next revision of the feed; names no rows unless told."""
    return FeedEntry.objects.create(
        **{"attempt_ids": [], "resolution_ids": [], "created_at": timezone.now(), **facts},
    )


def make_imported_file(**facts: Any) -> ImportedFile:
    """A file that was imported; another one each time unless told."""
    digest = uuid.uuid4()
    known = {"size": 2, "mtime_ns": 1, "ctime_ns": 1, "outcome": "imported", "imported_at": timezone.now()}
    return ImportedFile.objects.create(**{"digest": digest, "path": f"/logs/{digest}.json", **known, **facts})


def make_verdict(**facts: Any) -> Verdict:
    """A verdict, on a resolution attempt of its own unless told; the verdict column of that one does not follow."""
    now = timezone.now()
    if not {"attempt", "attempt_id", "resolution", "resolution_id"} & facts.keys():
        facts["resolution"] = make_resolution()
    known = {"verdict": "worked", "source": "check", "given_at": now, "received_at": now, "given_by": "a check"}
    return Verdict.objects.create(**{**known, **facts})
