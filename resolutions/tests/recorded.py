"""Records whole documents for tests the way the write door does: decoded, redacted, merged, rolled up, in the feed."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from resolutions.decoding import decode_ingest
from resolutions.ingest import ingest

Json = dict[str, Any]


def attempt(**facts: Any) -> Json:
    """A document of an action attempt, with what every one needs."""
    needed = {"action_id": "a-1", "action_type": "restart_service", "incident_id": "INC-1"}
    return needed | {"attempt_id": str(uuid.uuid4())} | facts


def resolution(**facts: Any) -> Json:
    """A document of a resolution attempt, with what every one needs."""
    return {"incident_id": "INC-1", "resolution_id": str(uuid.uuid4())} | facts


def record(action_attempts: Sequence[Json] = (), resolution_attempts: Sequence[Json] = ()) -> int:
    """Record these documents and return the cursor. Each must be taken."""
    body = {"resolution_attempts": list(resolution_attempts), "action_attempts": list(action_attempts)}
    submissions = decode_ingest(json.dumps(body).encode(), None)
    cursor = ingest(submissions)
    assert [told.error for told in submissions if told.error] == []
    return cursor


def refuse(document: Json) -> None:
    """Send a document that is not taken."""
    submissions = decode_ingest(json.dumps({"action_attempts": [document]}).encode(), None)
    ingest(submissions)
    assert submissions[0].error is not None
