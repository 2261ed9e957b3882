"""Resolution attempts as the tests of reading need them, put straight into the table."""

from datetime import timedelta
from typing import Any

from attempts.tests.stored import NOON
from resolutions.models import ResolutionAttempt


def store_resolution(**facts: Any) -> ResolutionAttempt:
    """One resolution attempt on INC-1, started at noon unless told otherwise."""
    common = {"incident_id": "INC-1", "started_at": NOON}
    receipt = {"received_at": NOON + timedelta(seconds=1), "last_heard_at": NOON + timedelta(seconds=2)}
    return ResolutionAttempt.objects.bulk_create([ResolutionAttempt(**{**common, **receipt, **facts})])[0]
