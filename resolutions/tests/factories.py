"""Resolution attempts and feed entries for tests, written straight into the tables. See attempts.tests.factories."""

import uuid
from typing import Any

from django.utils import timezone

from resolutions.models import FeedEntry, ResolutionAttempt


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
