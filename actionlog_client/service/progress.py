"""How far a running action has come, as steps of its attempt: not more of them than a person can read."""

import math
import threading
import time
from typing import Any, Final
from weakref import WeakKeyDictionary

from actionlog_client.attempt import ActionAttempt, current_attempt

# Between two reports of one attempt. The first one and 1.0 are always told.
SECONDS_BETWEEN: Final = 0.5

_last: "WeakKeyDictionary[ActionAttempt, float]" = WeakKeyDictionary()
_lock: Final = threading.Lock()


def progress(fraction: float, message: Any = None, *, attempt: ActionAttempt | None = None) -> bool:
    """Tell that the current attempt, or another, has come so far: 0 to 1. Whether it was told, and not too soon.

    Never raises; without an attempt it does nothing.
    """
    attempt = attempt or current_attempt()
    if attempt is None or attempt.is_final:
        return False
    try:
        told = min(max(float(fraction), 0.0), 1.0)
    except (TypeError, ValueError, OverflowError):
        told = math.nan
    if math.isnan(told):
        return False
    now = time.monotonic()
    with _lock:
        last = _last.get(attempt)
        if last is not None and now - last < SECONDS_BETWEEN and told < 1:
            return False
        _last[attempt] = now
    attempt.log_step("progress", "in_progress", {"fraction": told, "message": message})
    return True
